//! The stand-in for a token in everything that is stored: same length, same characters, no signature.
//!
//! In: the bytes of a mail, or any other text, and the live token. Out: the same bytes with the stand-in in its place,
//! and back again. Quoted-printable leaves the characters of a token as they are and breaks lines by length alone, so
//! the exchange keeps every break where it was, and what is sent is what was rendered, byte for byte.

use super::TOKEN_LENGTH;

/// The soft line break of quoted-printable (RFC 2045, section 6.7), which may fall anywhere inside a token.
const SOFT_BREAK: &[u8] = b"=\r\n";

/// The link id takes 16 bytes, that is 21 characters and a part of the next, which the signature shares.
const LINK_ID_CHARACTERS: usize = 21;

/// The stand-in for `token`: it keeps the link's id, which nobody can guess either, and blanks the signature.
pub fn dummy(token: &str) -> String {
    let id: String = token.chars().take(LINK_ID_CHARACTERS).collect();
    format!("{id:A<TOKEN_LENGTH$}")
}

/// `bytes` with the stand-in wherever `token` was, also where a soft line break splits it.
pub fn hide(bytes: &[u8], token: &str) -> Vec<u8> {
    exchange(bytes, token.as_bytes(), dummy(token).as_bytes())
}

/// `bytes` with `token` wherever its stand-in was: the exact inverse of [`hide`].
pub fn restore(bytes: &[u8], token: &str) -> Vec<u8> {
    exchange(bytes, dummy(token).as_bytes(), token.as_bytes())
}

/// Writes `new` over each `old`, character by character, so that soft breaks stay. Both have the same length.
fn exchange(bytes: &[u8], old: &[u8], new: &[u8]) -> Vec<u8> {
    let mut result = bytes.to_vec();
    let Some(first) = old.first() else { return result };
    let mut at = 0;
    while let Some(next) = memchr::memchr(*first, &bytes[at..]) {
        at += next;
        let places = places(&bytes[at..], old);
        for (place, character) in places.iter().flatten().zip(new) {
            result[at + place] = *character;
        }
        at += places.and_then(|places| places.last().copied()).unwrap_or_default() + 1;
    }
    result
}

/// Where each character of `wanted` stands if `bytes` begins with it, soft line breaks left out of account.
fn places(bytes: &[u8], wanted: &[u8]) -> Option<Vec<usize>> {
    let mut places = Vec::with_capacity(wanted.len());
    let mut at = 0;
    for character in wanted {
        while bytes[at..].starts_with(SOFT_BREAK) {
            at += SOFT_BREAK.len();
        }
        if bytes.get(at) != Some(character) {
            return None;
        }
        places.push(at);
        at += 1;
    }
    Some(places)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;
    use crate::links::LinkKeys;

    fn keys() -> LinkKeys {
        LinkKeys::parse("0123456789abcdef0123456789abcdef").unwrap()
    }

    /// Breaks a text into lines of the given lengths, over and over, as quoted-printable does.
    fn softly_broken(text: &str, lengths: &[usize]) -> Vec<u8> {
        let mut bytes = text.as_bytes();
        let mut broken = Vec::new();
        for length in lengths.iter().cycle() {
            if bytes.len() <= *length {
                break;
            }
            let (line, rest) = bytes.split_at(*length);
            broken.extend_from_slice(line);
            broken.extend_from_slice(SOFT_BREAK);
            bytes = rest;
        }
        broken.extend_from_slice(bytes);
        broken
    }

    fn unbroken(bytes: &[u8]) -> String {
        String::from_utf8(bytes.to_vec()).unwrap().replace("=\r\n", "")
    }

    #[test]
    fn the_stand_in_is_no_token() {
        let token = keys().sign(Uuid::from_u128(42));
        assert_eq!(dummy(&token).len(), token.len());
        assert_eq!(keys().verify(&dummy(&token)), None);
        assert_ne!(dummy(&token), dummy(&keys().sign(Uuid::from_u128(43 << 64))));
    }

    proptest! {
        #[test]
        fn hiding_and_restoring_gives_the_same_bytes_and_leaves_no_live_token(
            id: u128,
            texts in prop::collection::vec("[ -~]{0,60}", 1..5),
            lengths in prop::collection::vec(1..90usize, 1..6),
        ) {
            let token = keys().sign(Uuid::from_u128(id));
            let mail = softly_broken(&texts.join(&token), &lengths);
            let hidden = hide(&mail, &token);
            prop_assert_eq!(hidden.len(), mail.len());
            prop_assert!(!unbroken(&hidden).contains(&token));
            prop_assert_eq!(unbroken(&hidden), unbroken(&mail).replace(&token, &dummy(&token)));
            prop_assert_eq!(restore(&hidden, &token), mail);
        }

        #[test]
        fn arbitrary_bytes_survive(bytes in prop::collection::vec(any::<u8>(), 0..200), token in "[A-Za-z0-9_-]{44}") {
            prop_assert_eq!(restore(&hide(&bytes, &token), &token), bytes);
        }
    }
}
