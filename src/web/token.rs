//! Bearer tokens of the API: made, and known again by their fingerprints.
//!
//! In: a request's `Authorization`. Out: the token's entry. Providers that cannot set a bearer token send it as the
//! password of a login (RFC 7617), because they take nothing but an address: `https://any:TOKEN@host/...`. The
//! fingerprints are compared in constant time, each with each.

use axum::http::{HeaderMap, header};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

use crate::clock::Clock;
use crate::store::tokens::Token;

/// By this a token is known where it turns up.
const PREFIX: &str = "backorderd_";

/// A new token of 244 random bits.
pub fn create(clock: &Clock) -> String {
    format!("{PREFIX}{}{}", clock.random_id().simple(), clock.random_id().simple())
}

/// What is kept of a token: it is random, so that a fast hash is enough.
pub fn hash(token: &str) -> String {
    Sha256::digest(token.as_bytes()).iter().fold(String::new(), |digits, byte| digits + &format!("{byte:02x}"))
}

/// The token that a request shows.
pub fn shown(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, rest) = value.split_once(' ')?;
    if scheme.eq_ignore_ascii_case("bearer") {
        return Some(rest.trim().to_owned());
    }
    if scheme.eq_ignore_ascii_case("basic") {
        let login = String::from_utf8(STANDARD.decode(rest.trim()).ok()?).ok()?;
        return login.split_once(':').map(|(_, password)| password.to_owned());
    }
    None
}

/// The entry of `shown` among `tokens`.
pub fn known<'a>(shown: &str, tokens: &'a [Token]) -> Option<&'a Token> {
    let hash = hash(shown);
    // All are looked at, so that time tells nothing.
    tokens.iter().fold(None, |known, token| if same(&hash, &token.hash) { Some(token) } else { known })
}

fn same(one: &str, other: &str) -> bool {
    let differing = one.bytes().zip(other.bytes()).fold(0, |differing, (one, other)| differing | (one ^ other));
    one.len() == other.len() && std::hint::black_box(differing) == 0
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    fn headers(value: &str) -> HeaderMap {
        HeaderMap::from_iter([(header::AUTHORIZATION, value.parse().unwrap())])
    }

    #[test]
    fn a_token_is_shown_as_bearer_or_as_the_password_of_a_login() {
        assert_eq!(shown(&headers("Bearer abc")).as_deref(), Some("abc"));
        assert_eq!(shown(&headers("bearer  abc ")).as_deref(), Some("abc"));
        assert_eq!(shown(&headers(&format!("Basic {}", STANDARD.encode("ses:abc")))).as_deref(), Some("abc"));
        for none in ["", "Bearer", "Digest abc", "Basic !", "Basic YWJj"] {
            assert_eq!(shown(&headers(none)), None, "{none}");
        }
        assert_eq!(shown(&HeaderMap::new()), None);
    }

    #[test]
    fn a_token_is_known_by_its_fingerprint_and_no_two_are_alike() {
        let clock = Clock::at(Timestamp::UNIX_EPOCH);
        let secrets = [create(&clock), create(&clock)];
        assert_ne!(secrets[0], secrets[1]);
        let entry = |name: &str, secret: &str| Token {
            name: name.into(),
            hash: hash(secret),
            created_at: Timestamp::UNIX_EPOCH,
            created_by: String::new(),
            used_at: None,
        };
        let tokens = [entry("one", &secrets[0]), entry("two", &secrets[1])];
        assert_eq!(known(&secrets[0], &tokens).map(|token| &*token.name), Some("one"));
        assert_eq!(known(&secrets[1], &tokens).map(|token| &*token.name), Some("two"));
        assert_eq!(known(&hash(&secrets[0]), &tokens), None, "what is stored opens nothing");
        assert_eq!(known("", &tokens), None);
    }
}
