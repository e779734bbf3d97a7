//! A message becomes the bytes that a relay is given.
//!
//! In: a message and its draft. Out: a MIME mail, `multipart/alternative`, text then HTML, ASCII throughout, the same
//! bytes each time. What can go wrong: an address that cannot stand in a header. Whatever else stands in a header was
//! written by others too, and is brought to one line before it is encoded, so that no text can begin a header of its own.

use std::time::SystemTime;

use lettre::Address;
use lettre::address::Envelope;
use lettre::message::header::{ContentTransferEncoding, ContentType, HeaderName, HeaderValue};
use lettre::message::{Body, Mailbox, MultiPart, SinglePart};

use super::draft::Draft;
use super::foreign::{one_line, shortened};
use super::{Message, RenderError};

/// Without its CR LF.
const LONGEST_LINE: usize = 998;
const LONGEST_NAME: usize = 100;
/// A header line may have 998 characters (RFC 5322, section 2.1.1), and a single word cannot be folded.
const LONGEST_ORDER_NUMBER: usize = 120;
const LONGEST_REFERENCE: usize = 250;

/// One mail, ready to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mail {
    /// With its angle brackets.
    pub message_id: String,
    pub subject: String,
    pub bytes: Vec<u8>,
}

impl Message {
    /// The mail of this draft. Rendering it twice gives the same bytes.
    pub fn to_mail(&self, draft: &Draft) -> Result<Mail, RenderError> {
        let from = mailbox("From", &draft.shop.mail_from)?;
        let to = recipient(draft)?;
        let message_id = format!("<{}@{}>", draft.notification_id, from.email.domain());
        let order_number = shortened(&one_line(&draft.order_number), LONGEST_ORDER_NUMBER);
        let mut builder = lettre::Message::builder()
            // Named here, so that it is not read back from the headers.
            .envelope(Envelope::new(Some(from.email.clone()), vec![to.email.clone()])?)
            .message_id(Some(message_id.clone()))
            .date(SystemTime::from(draft.date))
            .from(from)
            .to(to)
            .subject(unencoded(&self.subject));
        if let Some(address) = &draft.shop.mail_reply_to {
            builder = builder.reply_to(mailbox("Reply-To", address)?);
        }
        let references: Vec<&str> = draft.references.iter().map(String::as_str).filter(is_message_id).collect();
        if let Some(newest) = references.last() {
            builder = builder.in_reply_to((*newest).to_owned()).references(references.join(" "));
        }
        let mail = builder
            .raw_header(header("Auto-Submitted", "auto-generated"))
            .raw_header(header("X-Backorderd-Id", &draft.notification_id.to_string()))
            .raw_header(header("X-Backorderd-Kind", draft.kind.word()))
            .raw_header(header("X-Backorderd-Order", &order_number))
            .multipart(self.body(draft))?;
        Ok(Mail { message_id, subject: self.subject.clone(), bytes: mail.formatted() })
    }

    fn body(&self, draft: &Draft) -> MultiPart {
        // Quoted-printable never writes "=_", so the boundary cannot occur in a part.
        let boundary = format!("=_{}", draft.notification_id.simple());
        let part = |content_type, text: &str| {
            let body = match as_it_stands(text, &boundary) {
                Some(lines) => Body::dangerous_pre_encoded(lines, ContentTransferEncoding::SevenBit),
                None => Body::new_with_encoding(text.to_owned(), ContentTransferEncoding::QuotedPrintable)
                    .unwrap_or_else(Body::new),
            };
            SinglePart::builder().header(content_type).body(body)
        };
        MultiPart::alternative()
            .boundary(&boundary)
            .singlepart(part(ContentType::TEXT_PLAIN, &self.text))
            .singlepart(part(ContentType::TEXT_HTML, &self.html))
    }
}

/// The lines of a part that needs no encoding, because it is ASCII in lines that every relay takes (RFC 5321, section
/// 4.5.3.1.6); `None`: it does.
fn as_it_stands(text: &str, boundary: &str) -> Option<Vec<u8>> {
    let text = text.as_bytes();
    // Every byte is looked at, because the compiler then takes many at once.
    let plain = text.iter().fold(true, |plain, byte| plain & matches!(byte, b'\t' | b'\n' | b' '..=b'~'));
    if !plain || memchr::memmem::find(text, boundary.as_bytes()).is_some() {
        return None;
    }
    let mut lines = Vec::with_capacity(text.len() + text.len() / 16);
    let mut start = 0;
    for end in memchr::memchr_iter(b'\n', text).chain([text.len()]) {
        let line = &text[start..end];
        if line.len() > LONGEST_LINE {
            return None;
        }
        lines.extend_from_slice(line);
        if end < text.len() {
            lines.extend_from_slice(b"\r\n");
        }
        start = end + 1;
    }
    Some(lines)
}

fn recipient(draft: &Draft) -> Result<Mailbox, RenderError> {
    let email = draft.recipient_email.trim().parse().map_err(|error| unusable("To", error))?;
    let name = draft.recipient_name.as_deref().map(|name| unencoded(&shortened(&one_line(name), LONGEST_NAME)));
    Ok(Mailbox::new(name.filter(|name| !name.is_empty()), ascii("To", email)?))
}

fn mailbox(header: &'static str, text: &str) -> Result<Mailbox, RenderError> {
    let mailbox: Mailbox = one_line(text).parse().map_err(|error| unusable(header, error))?;
    Ok(Mailbox::new(mailbox.name, ascii(header, mailbox.email)?))
}

/// Letters outside ASCII need a relay that speaks SMTPUTF8, which nobody can count on.
fn ascii(header: &'static str, address: Address) -> Result<Address, RenderError> {
    let text: &str = address.as_ref();
    if text.is_ascii() {
        return Ok(address);
    }
    let problem = "it has letters outside ASCII; write its domain in the form that begins with xn--".to_owned();
    Err(RenderError::Address { header, problem })
}

fn unusable(header: &'static str, error: lettre::address::AddressError) -> RenderError {
    RenderError::Address { header, problem: error.to_string() }
}

fn header(name: &'static str, value: &str) -> HeaderValue {
    HeaderValue::new(HeaderName::new_from_ascii_str(name), unencoded(value))
}

/// Keeps text from being taken for an encoded word (RFC 2047), which readers would decode.
fn unencoded(text: &str) -> String {
    text.replace("=?", "= ?")
}

fn is_message_id(text: &&str) -> bool {
    let inside = text.strip_prefix('<').and_then(|text| text.strip_suffix('>')).unwrap_or_default();
    let plain = inside.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'<' | b'>'));
    inside.contains('@') && plain && text.len() <= LONGEST_REFERENCE
}
