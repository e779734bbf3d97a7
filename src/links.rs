//! The customer's links: tokens that nobody can guess, and the addresses that carry them.
//!
//! In: the text of `[web] secret_file` and the random id of an order's link. Out: the token, whose signature only the
//! secret can make, and back again the id of a token that was shown to us. Nothing that is stored holds a live token:
//! [`dummy`] stands in its place. What can go wrong: a secret file that is empty or holds a line that is too short.

pub mod dummy;

use std::fmt;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use uuid::Uuid;

use crate::choice::Choice;

/// The characters of a token: 33 bytes in base64url, so that no padding and no loose bits are left over.
pub const TOKEN_LENGTH: usize = 44;

const LINK_ID_BYTES: usize = 16;
/// 136 bits of the signature; together with the id 33 bytes.
const SIGNATURE_BYTES: usize = 17;
const SHORTEST_SECRET: usize = 32;

/// Why a secret file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LinkKeyError {
    #[error("the link secret file holds no secret; write one line of at least {SHORTEST_SECRET} random characters")]
    Empty,
    #[error(
        "line {line} of the link secret file has {found} characters; a secret needs at least {SHORTEST_SECRET} random ones"
    )]
    TooShort { line: usize, found: usize },
    #[error("the system gave no randomness for a new link secret: {0}")]
    NoRandomness(getrandom::Error),
}

/// The secrets that sign the links: the first signs, all verify.
#[derive(Clone)]
pub struct LinkKeys {
    secrets: Vec<String>,
}

/// Shows how many there are, and no secret.
impl fmt::Debug for LinkKeys {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "LinkKeys({} secrets)", self.secrets.len())
    }
}

impl LinkKeys {
    /// Reads a secret file: one secret a line, blank lines and spaces around a line do not count.
    pub fn parse(text: &str) -> Result<LinkKeys, LinkKeyError> {
        let mut secrets = Vec::new();
        for (index, line) in text.lines().enumerate() {
            let secret = line.trim();
            let found = secret.chars().count();
            if found == 0 {
                continue;
            }
            if found < SHORTEST_SECRET {
                return Err(LinkKeyError::TooShort { line: index + 1, found });
            }
            secrets.push(secret.to_owned());
        }
        if secrets.is_empty() {
            return Err(LinkKeyError::Empty);
        }
        Ok(LinkKeys { secrets })
    }

    /// A new secret file's one line: 256 random bits, with the line's end.
    #[expect(clippy::disallowed_methods, reason = "the one home of random secrets")]
    pub fn create() -> Result<String, LinkKeyError> {
        let mut random = [0; 32];
        getrandom::fill(&mut random).map_err(LinkKeyError::NoRandomness)?;
        Ok(URL_SAFE_NO_PAD.encode(random) + "\n")
    }

    /// What the state database may know of each secret, in the file's order: the secret cannot be had from it.
    ///
    /// A rotation puts a new line first and keeps the old one, so one of them is still the one that was stored.
    pub fn fingerprints(&self) -> Vec<String> {
        self.secrets.iter().map(|secret| fingerprint(secret)).collect()
    }

    /// The token of this link by the secret that signs today.
    pub fn sign(&self, link_id: Uuid) -> String {
        token_by(&self.secrets[0], link_id)
    }

    /// The token of this link by the secret at `key`, counted as in [`LinkKeys::fingerprints`]; `None`: there is no such secret.
    pub fn token(&self, link_id: Uuid, key: usize) -> Option<String> {
        self.secrets.get(key).map(|secret| token_by(secret, link_id))
    }

    /// The link that a token stands for and the secret that signed it; `None`: not our signature, or no token at all.
    ///
    /// Takes the same time whether or not, and by whichever secret, the token is right.
    pub fn verify(&self, token: &str) -> Option<(Uuid, usize)> {
        let (link_id, signature) = parts_of(token)?;
        let mut signer = None;
        for (key, secret) in self.secrets.iter().enumerate() {
            // Every secret is tried, the right one too, so that the time tells nothing.
            if signature_of(secret, link_id).verify_truncated_left(&signature).is_ok() && signer.is_none() {
                signer = Some((link_id, key));
            }
        }
        signer
    }
}

/// The link that a token names, whoever made it: no leave to act, only a place to send a fresh link from.
pub fn named_by(token: &str) -> Option<Uuid> {
    parts_of(token).map(|(link_id, _)| link_id)
}

/// The page where an order's waiting lines are answered. `public_url` has no slash at its end.
pub fn choice_page(public_url: &str, token: &str) -> String {
    format!("{public_url}/choice/{token}")
}

/// The page that asks to confirm one answer for one line.
pub fn choice(public_url: &str, token: &str, line_id: &str, want: Choice) -> String {
    format!("{}?line={}&want={}", choice_page(public_url, token), percent_encoded(line_id), want.word())
}

/// The same page after an answer, as seen from itself: it says what became of the answer to what she had seen.
pub fn answered(line_id: &str, want: Choice, seen: Option<&str>) -> String {
    let seen = seen.map(|seen| format!("&seen={}", percent_encoded(seen))).unwrap_or_default();
    format!("?line={}&want={}{seen}", percent_encoded(line_id), want.word())
}

/// RFC 3986: everything but unreserved characters as `%XX`.
fn percent_encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => encoded.push(char::from(byte)),
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

fn parts_of(token: &str) -> Option<(Uuid, Vec<u8>)> {
    let bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
    if bytes.len() != LINK_ID_BYTES + SIGNATURE_BYTES {
        return None;
    }
    let (id, signature) = bytes.split_at(LINK_ID_BYTES);
    Some((Uuid::from_slice(id).ok()?, signature.to_vec()))
}

fn token_by(secret: &str, link_id: Uuid) -> String {
    let signature = signature_of(secret, link_id).finalize().into_bytes();
    let mut bytes = link_id.as_bytes().to_vec();
    bytes.extend_from_slice(&signature[..SIGNATURE_BYTES]);
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The word before the id keeps this signature from ever serving another purpose of the same secret.
fn signature_of(secret: &str, link_id: Uuid) -> Hmac<Sha256> {
    keyed(secret).chain_update(b"choice").chain_update(link_id.as_bytes())
}

fn fingerprint(secret: &str) -> String {
    let digest = keyed(secret).chain_update(b"fingerprint").finalize().into_bytes();
    URL_SAFE_NO_PAD.encode(&digest[..16])
}

fn keyed(secret: &str) -> Hmac<Sha256> {
    Hmac::new_from_slice(secret.as_bytes()).expect("HMAC takes keys of every length")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const OLD: &str = "0123456789abcdef0123456789abcdef";
    const NEW: &str = "fedcba9876543210fedcba9876543210";

    #[test]
    fn the_first_secret_signs_and_all_verify() {
        let before = LinkKeys::parse(OLD).unwrap();
        let after = LinkKeys::parse(&format!("\n  {NEW}  \n\n{OLD}\n")).unwrap();
        let link_id = Uuid::from_u128(7);
        assert_eq!(after.verify(&before.sign(link_id)), Some((link_id, 1)));
        assert_eq!(after.verify(&after.sign(link_id)), Some((link_id, 0)));
        assert_eq!(before.verify(&after.sign(link_id)), None);
        assert_eq!(after.token(link_id, 1), Some(before.sign(link_id)));
        assert_eq!(after.token(link_id, 2), None);
    }

    #[test]
    fn a_rotation_keeps_the_fingerprint_of_the_old_secret() {
        let before = LinkKeys::parse(OLD).unwrap().fingerprints();
        let after = LinkKeys::parse(&format!("{NEW}\n{OLD}")).unwrap().fingerprints();
        assert_eq!(before[0], after[1]);
        assert_ne!(after[0], after[1]);
        assert!(!before[0].contains(&OLD[..8]));
    }

    #[test]
    fn a_short_secret_is_named_by_its_line() {
        let error = LinkKeys::parse(&format!("{OLD}\n\nshort\n")).unwrap_err().to_string();
        assert_eq!(error, "line 3 of the link secret file has 5 characters; a secret needs at least 32 random ones");
        assert!(matches!(LinkKeys::parse(" \n\n"), Err(LinkKeyError::Empty)));
    }

    #[test]
    fn a_new_secret_can_be_used_and_is_never_the_same() {
        let (one, other) = (LinkKeys::create().unwrap(), LinkKeys::create().unwrap());
        assert_ne!(one, other);
        assert_eq!(LinkKeys::parse(&one).unwrap().sign(Uuid::nil()).len(), TOKEN_LENGTH);
    }

    #[test]
    fn debug_output_shows_no_secret() {
        assert_eq!(format!("{:?}", LinkKeys::parse(OLD).unwrap()), "LinkKeys(1 secrets)");
    }

    #[test]
    fn line_ids_are_percent_encoded() {
        assert_eq!(
            choice("https://shop.example", "T", "a b/ü&=", Choice::Cancel),
            "https://shop.example/choice/T?line=a%20b%2F%C3%BC%26%3D&want=cancel"
        );
    }

    proptest! {
        #[test]
        fn a_token_with_any_other_character_is_not_ours(id: u128, place in 0..TOKEN_LENGTH, other in "[A-Za-z0-9_-]") {
            let keys = LinkKeys::parse(OLD).unwrap();
            let token = keys.sign(Uuid::from_u128(id));
            let mut forged = token.clone();
            forged.replace_range(place..=place, &other);
            prop_assert_eq!(keys.verify(&forged).is_some(), forged == token);
        }

        #[test]
        fn verifying_never_panics(text in ".{0,80}") {
            prop_assert_eq!(LinkKeys::parse(OLD).unwrap().verify(&text), None);
        }
    }
}
