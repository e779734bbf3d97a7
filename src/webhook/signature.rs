//! Signatures as Standard Webhooks has them: HMAC-SHA256 over `id.timestamp.body`, symmetric keys only.
//!
//! In: the text of a secret, one key a line as `whsec_` and base64, and what is to be sent. Out: the value of the
//! `webhook-signature` header. While keys are rotated there are several lines: each one signs, and the receiver takes
//! the message if one signature is right.

use std::fmt;

use base64::{Engine, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use sha2::Sha256;

const PREFIX: &str = "whsec_";
/// The bytes of a key, as the specification has them.
const LENGTHS: std::ops::RangeInclusive<usize> = 24..=64;
const MEND: &str =
    "write whsec_ and 24 to 64 random bytes in base64, one secret a line: `echo whsec_$(openssl rand -base64 32)`";

/// Why a secret cannot be used. The secret itself is never repeated.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    #[error("this holds no webhook secret; {MEND}")]
    Empty,
    #[error("line {line} does not begin with whsec_; {MEND}")]
    Prefix { line: usize },
    #[error("what follows whsec_ in line {line} is no base64; {MEND}")]
    Encoding { line: usize },
    #[error("the secret in line {line} has {found} bytes; {MEND}")]
    Length { line: usize, found: usize },
}

/// The keys that sign, at least one.
#[derive(Clone, PartialEq, Eq)]
pub struct SigningKeys {
    keys: Vec<Vec<u8>>,
}

/// Shows how many there are, and no key.
impl fmt::Debug for SigningKeys {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "SigningKeys({})", self.keys.len())
    }
}

impl SigningKeys {
    /// Reads a secret: one key a line; blank lines and spaces around a line do not count.
    pub fn parse(text: &str) -> Result<SigningKeys, KeyError> {
        let lines = text.lines().map(str::trim).zip(1..).filter(|(line, _)| !line.is_empty());
        let keys: Vec<Vec<u8>> = lines.map(|(text, line)| key_of(text, line)).collect::<Result<_, KeyError>>()?;
        if keys.is_empty() { Err(KeyError::Empty) } else { Ok(SigningKeys { keys }) }
    }

    /// The signature of each key, the first one first, separated by spaces.
    pub fn sign(&self, id: &str, at: Timestamp, body: &[u8]) -> String {
        let head = format!("{id}.{}.", at.as_second());
        let signatures = self.keys.iter().map(|key| {
            let keyed: Hmac<Sha256> = Hmac::new_from_slice(key).expect("HMAC takes keys of every length");
            let signature = keyed.chain_update(&head).chain_update(body).finalize().into_bytes();
            format!("v1,{}", STANDARD.encode(signature))
        });
        signatures.collect::<Vec<_>>().join(" ")
    }

    /// How many keys sign.
    pub fn count(&self) -> usize {
        self.keys.len()
    }
}

fn key_of(text: &str, line: usize) -> Result<Vec<u8>, KeyError> {
    let encoded = text.strip_prefix(PREFIX).ok_or(KeyError::Prefix { line })?;
    let key = STANDARD.decode(encoded).map_err(|_| KeyError::Encoding { line })?;
    if LENGTHS.contains(&key.len()) { Ok(key) } else { Err(KeyError::Length { line, found: key.len() }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example that libraries of Standard Webhooks are tested with.
    const PUBLISHED: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const OTHER: &str = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

    fn signed_by(secret: &str) -> String {
        let at = Timestamp::from_second(1_614_265_330).unwrap();
        SigningKeys::parse(secret).unwrap().sign("msg_p5jXN8AQM9LWM0D4loKWxJek", at, br#"{"test": 2432232314}"#)
    }

    #[test]
    fn the_published_example_comes_out() {
        assert_eq!(signed_by(PUBLISHED), "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn each_line_signs_in_the_order_of_the_lines() {
        let both = signed_by(&format!("\n {PUBLISHED} \r\n\n{OTHER}\n"));
        assert_eq!(both, format!("{} {}", signed_by(PUBLISHED), signed_by(OTHER)));
    }

    #[test]
    fn a_secret_that_cannot_be_used_is_named_by_its_line_and_never_repeated() {
        let secret = |bytes: usize| format!("{PREFIX}{}", STANDARD.encode(vec![7; bytes]));
        let table = [
            (" \n".to_owned(), KeyError::Empty),
            ("hunter2".to_owned(), KeyError::Prefix { line: 1 }),
            (format!("{PUBLISHED}\n\nWHSEC_AAAA"), KeyError::Prefix { line: 3 }),
            (format!("{PUBLISHED}\nwhsec_hunter2!"), KeyError::Encoding { line: 2 }),
            ("whsec_".to_owned(), KeyError::Length { line: 1, found: 0 }),
            (secret(23), KeyError::Length { line: 1, found: 23 }),
            (secret(65), KeyError::Length { line: 1, found: 65 }),
        ];
        for (text, error) in table {
            assert_eq!(SigningKeys::parse(&text), Err(error.clone()));
            assert!(!error.to_string().contains("hunter2") && error.to_string().contains("openssl rand"), "{error}");
        }
        for bytes in [24, 64] {
            assert_eq!(SigningKeys::parse(&secret(bytes)).unwrap().count(), 1);
        }
    }

    #[test]
    fn debug_output_shows_no_key() {
        assert_eq!(format!("{:?}", SigningKeys::parse(PUBLISHED).unwrap()), "SigningKeys(1)");
    }
}
