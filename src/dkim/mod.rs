//! DKIM: a mail's signature, by which others see that the domain answers for it (RFC 6376, RFC 8463).
//!
//! ```text
//! PEM ─> key ─┐
//! mail ─> canonical form ─> DKIM-Signature
//! ```
//! In: a mail as it is sent, a key, and the time that the mail names. Out: a header to put before it, the same for the
//! same mail: both kinds of signature are determined by what they sign. What can go wrong: a key that cannot be used,
//! which is an error of the settings. Pure, and done in less than a millisecond.

mod canonical;
mod key;

use base64::{Engine, engine::general_purpose::STANDARD};
use jiff::Timestamp;
use sha2::{Digest, Sha256};

pub use key::{KeyError, SigningKey};

/// What is signed where a mail has it, in this order.
const SIGNED: [&str; 17] = [
    "From",
    "To",
    "Reply-To",
    "Subject",
    "Date",
    "Message-ID",
    "In-Reply-To",
    "References",
    "MIME-Version",
    "Content-Type",
    "Content-Transfer-Encoding",
    "Auto-Submitted",
    "X-Backorderd-Id",
    "X-Backorderd-Kind",
    "X-Backorderd-Order",
    "List-Unsubscribe",
    "List-Unsubscribe-Post",
];
/// Readers show one of several Froms, so it is signed that there is one.
const SIGNED_ONCE_MORE: &str = "From";
/// Lines of a header stay readable.
const LINE: usize = 72;

/// The header that signs `mail` for `domain`, with its CR LF.
pub fn header(mail: &[u8], domain: &str, selector: &str, key: &SigningKey, at: Timestamp) -> String {
    let (head, body) = canonical::halves(mail);
    let fields = canonical::fields(head);
    let signed: Vec<(&str, &str)> = SIGNED.iter().filter_map(|name| Some((*name, field(&fields, name)?))).collect();
    let names: Vec<&str> = signed.iter().map(|(name, _)| *name).chain([SIGNED_ONCE_MORE]).collect();
    let unsigned = format!(
        "DKIM-Signature: v=1; a={}; c=relaxed/relaxed; d={domain}; s={selector};\r\n t={}; h={};\r\n bh={};\r\n b=",
        key.algorithm(),
        at.as_second(),
        folded(&names, ":"),
        STANDARD.encode(Sha256::digest(canonical::body(body))),
    );
    let mut to_sign: String = signed.iter().map(|(_, field)| canonical::field(field) + "\r\n").collect();
    to_sign += &canonical::field(&unsigned);
    let signature = STANDARD.encode(key.sign(to_sign.as_bytes()));
    let lines: Vec<&str> = signature.as_bytes().chunks(LINE).filter_map(|line| str::from_utf8(line).ok()).collect();
    format!("{unsigned}{}\r\n", lines.join("\r\n "))
}

/// Where the key is published, and what is published there.
pub fn record(domain: &str, selector: &str, key: &SigningKey) -> String {
    let (kind, public) = key.public();
    format!("{selector}._domainkey.{domain} TXT \"v=DKIM1; k={kind}; p={}\"", STANDARD.encode(public))
}

/// The field of this name that a verifier takes first: the lowest.
fn field<'a>(fields: &[&'a str], name: &str) -> Option<&'a str> {
    let is_named = |field: &str| field.split(':').next().is_some_and(|found| found.trim().eq_ignore_ascii_case(name));
    fields.iter().copied().rfind(|field| is_named(field))
}

/// Names in lines of a bounded length.
fn folded(names: &[&str], separator: &str) -> String {
    let mut text = String::new();
    let mut length = 0;
    for (number, name) in names.iter().enumerate() {
        if number > 0 {
            text.push_str(separator);
        }
        if length + name.len() > LINE {
            text.push_str("\r\n ");
            length = 0;
        }
        text.push_str(name);
        length += name.len() + separator.len();
    }
    text
}
