//! What a person would see of a mail: its subject, its text, its HTML.
//!
//! In: the bytes of a mail, from anyone. Out: [`Readable`]; what cannot be read is shown as it stands or left out, never
//! an error. Knows what our own mails use (multipart, quoted-printable, base64, encoded words) and no more.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};

/// Parts within parts, no deeper than this.
const MAX_DEPTH: usize = 8;

const LENIENT_BASE64: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// The first of each kind that a mail holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Readable {
    pub subject: String,
    pub text: Option<String>,
    pub html: Option<String>,
}

/// Takes a mail apart.
pub fn read(mail: &[u8]) -> Readable {
    let part = Part::split(mail);
    let mut readable =
        Readable { subject: decode_words(part.header("subject").unwrap_or_default()), ..Readable::default() };
    gather(&part, 0, &mut readable);
    readable
}

/// The first header of this name (lower case), unfolded; `None`: the mail has none.
pub fn header(mail: &[u8], name: &str) -> Option<String> {
    Part::split(mail).header(name).map(str::to_owned)
}

fn gather(part: &Part, depth: usize, into: &mut Readable) {
    let kind = part.header("content-type").unwrap_or("text/plain");
    let media = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match parameter(kind, "boundary") {
        Some(boundary) if media.starts_with("multipart/") && depth < MAX_DEPTH => {
            for inner in inner_parts(part.body, boundary) {
                gather(&Part::split(inner), depth + 1, into);
            }
        }
        _ if media == "text/plain" && into.text.is_none() => into.text = Some(part.decoded(kind)),
        _ if media == "text/html" && into.html.is_none() => into.html = Some(part.decoded(kind)),
        _ => {}
    }
}

/// A mail, or a part of one: headers and what follows the first empty line.
struct Part<'a> {
    /// Lower-case names, unfolded values.
    headers: Vec<(String, String)>,
    body: &'a [u8],
}

impl<'a> Part<'a> {
    fn split(bytes: &'a [u8]) -> Part<'a> {
        let mut headers: Vec<(String, String)> = Vec::new();
        let mut rest = bytes;
        while !rest.is_empty() {
            let end = memchr::memchr(b'\n', rest).map_or(rest.len(), |at| at + 1);
            let (line, after) = rest.split_at(end);
            rest = after;
            let line = String::from_utf8_lossy(line.trim_ascii_end());
            if line.is_empty() {
                break;
            }
            match (line.starts_with([' ', '\t']), headers.last_mut(), line.split_once(':')) {
                (true, Some((_, value)), _) => {
                    value.push(' ');
                    value.push_str(line.trim());
                }
                (false, _, Some((name, value))) => {
                    headers.push((name.trim().to_ascii_lowercase(), value.trim().to_owned()));
                }
                _ => {}
            }
        }
        Part { headers, body: rest }
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(header, _)| header == name).map(|(_, value)| value.as_str())
    }

    fn decoded(&self, kind: &str) -> String {
        let encoding = self.header("content-transfer-encoding").unwrap_or_default().to_ascii_lowercase();
        let bytes = match encoding.as_str() {
            "quoted-printable" => Cow::Owned(quoted_printable(self.body)),
            "base64" => {
                let digits: Vec<u8> = self.body.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect();
                LENIENT_BASE64.decode(digits).map_or(Cow::Borrowed(self.body), Cow::Owned)
            }
            _ => Cow::Borrowed(self.body),
        };
        in_charset(parameter(kind, "charset").unwrap_or("utf-8"), &bytes)
    }
}

/// A parameter of a header such as `text/plain; charset="utf-8"`.
fn parameter<'a>(header: &'a str, name: &str) -> Option<&'a str> {
    header.split(';').skip(1).find_map(|parameter| {
        let (key, value) = parameter.split_once('=')?;
        key.trim().eq_ignore_ascii_case(name).then(|| value.trim().trim_matches('"'))
    })
}

/// What stands between the lines `--boundary`; a missing last one is forgiven.
fn inner_parts<'a>(body: &'a [u8], boundary: &str) -> Vec<&'a [u8]> {
    let marker = format!("--{boundary}");
    let mut parts = Vec::new();
    let (mut start, mut at) = (None, 0);
    for line in body.split_inclusive(|byte| *byte == b'\n') {
        let trimmed = line.trim_ascii_end();
        if let Some(after) = trimmed.strip_prefix(marker.as_bytes())
            && matches!(after, b"" | b"--")
        {
            parts.extend(start.map(|start: usize| without_line_end(&body[start..at])));
            if after == b"--" {
                return parts;
            }
            start = Some(at + line.len());
        }
        at += line.len();
    }
    parts.extend(start.map(|start| &body[start..]));
    parts
}

/// The line end before a boundary belongs to the boundary.
fn without_line_end(part: &[u8]) -> &[u8] {
    let part = part.strip_suffix(b"\n").unwrap_or(part);
    part.strip_suffix(b"\r").unwrap_or(part)
}

/// RFC 2045, section 6.7; an `=` that introduces nothing stays as it is.
fn quoted_printable(encoded: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(encoded.len());
    let mut rest = encoded;
    while let Some(at) = memchr::memchr(b'=', rest) {
        decoded.extend_from_slice(&rest[..at]);
        rest = match &rest[at + 1..] {
            [b'\r', b'\n', after @ ..] | [b'\n', after @ ..] => after,
            [high, low, after @ ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                decoded.push(hexadecimal(*high) * 16 + hexadecimal(*low));
                after
            }
            after => {
                decoded.push(b'=');
                after
            }
        };
    }
    decoded.extend_from_slice(rest);
    decoded
}

fn hexadecimal(digit: u8) -> u8 {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok()).unwrap_or(0)
}

/// Undoes encoded words such as `=?utf-8?Q?Gr=C3=BC=C3=9Fe?=` (RFC 2047).
fn decode_words(text: &str) -> String {
    let mut decoded = String::new();
    let mut rest = text;
    let mut after_word = false;
    while let Some(start) = rest.find("=?") {
        let (plain, from) = rest.split_at(start);
        let Some((word, after)) = decode_word(from) else {
            decoded.push_str(plain);
            decoded.push_str("=?");
            rest = &from[2..];
            after_word = false;
            continue;
        };
        // The space between two encoded words is none.
        if !(after_word && plain.trim().is_empty()) {
            decoded.push_str(plain);
        }
        decoded.push_str(&word);
        rest = after;
        after_word = true;
    }
    decoded + rest
}

/// The encoded word that `text` begins with, decoded, and what follows it.
fn decode_word(text: &str) -> Option<(String, &str)> {
    let (charset, rest) = text.strip_prefix("=?")?.split_once('?')?;
    let (encoding, rest) = rest.split_once('?')?;
    let (encoded, after) = rest.split_once("?=")?;
    let bytes = match encoding {
        "Q" | "q" => quoted_printable(encoded.replace('_', " ").as_bytes()),
        "B" | "b" => LENIENT_BASE64.decode(encoded).ok()?,
        _ => return None,
    };
    Some((in_charset(charset, &bytes), after))
}

fn in_charset(charset: &str, bytes: &[u8]) -> String {
    match charset.to_ascii_lowercase().as_str() {
        "iso-8859-1" | "latin1" | "windows-1252" => bytes.iter().copied().map(char::from).collect(),
        _ => String::from_utf8_lossy(bytes).into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use lettre::message::{Message, MultiPart};
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_mail_as_our_renderer_builds_it_is_read_back() {
        let text = "Grüße, Ada.\r\nEine sehr lange Zeile: ".to_owned() + &"äöü = ".repeat(60) + "\r\n.\r\n-- \r\n";
        let html = "<p style=\"color: red\">Größe&nbsp;5 &euro;</p>\r\n".repeat(20);
        let mail = Message::builder()
            .from("Läden & Co <orders@shop.example>".parse().unwrap())
            .to("ada@example.com".parse().unwrap())
            .subject("Ihre Bestellung 4711: die Lampe „Größe“ kommt am 10. Februar 2027, später als gedacht")
            .multipart(MultiPart::alternative_plain_html(text.clone(), html.clone()))
            .unwrap();
        let readable = read(&mail.formatted());
        assert_eq!(
            readable.subject,
            "Ihre Bestellung 4711: die Lampe „Größe“ kommt am 10. Februar 2027, später als gedacht"
        );
        assert_eq!(readable.text.as_deref().map(str::trim_end), Some(text.trim_end()));
        assert_eq!(readable.html.as_deref().map(str::trim_end), Some(html.trim_end()));
    }

    #[test]
    fn mails_of_others_are_read_as_far_as_they_go() {
        let table: [(&str, &str, Option<&str>, Option<&str>); 7] = [
            ("Subject: Hi\r\n\r\nBody\r\n", "Hi", Some("Body\r\n"), None),
            ("subject:  folded\r\n  value\n\nBody", "folded value", Some("Body"), None),
            ("Content-Type: text/html\r\n\r\n<p>", "", None, Some("<p>")),
            ("Content-Transfer-Encoding: base64\r\n\r\nSGVs\r\nbG8\r\n", "", Some("Hello"), None),
            ("Content-Type: text/plain; charset=ISO-8859-1\r\n\r\n=FC", "", Some("=FC"), None),
            ("Subject: =?x?Q?\r\n\r\n", "=?x?Q?", Some(""), None),
            ("", "", Some(""), None),
        ];
        for (mail, subject, text, html) in table {
            let readable = read(mail.as_bytes());
            let found = (readable.subject.as_str(), readable.text.as_deref(), readable.html.as_deref());
            assert_eq!(found, (subject, text, html), "{mail:?}");
        }
    }

    #[test]
    fn parts_within_parts_are_found_and_a_missing_last_boundary_is_forgiven() {
        let mail = "Content-Type: multipart/mixed; boundary=outer\r\n\r\nbefore\r\n--outer\r\n\
            Content-Type: multipart/alternative; boundary=\"in ner\"\r\n\r\n--in ner\r\n\r\nplain\r\n--in ner\r\n\
            Content-Type: text/html\r\n\r\n<b>\r\n--in ner--\r\n--outer\r\nContent-Type: text/plain\r\n\r\nattached";
        let readable = read(mail.as_bytes());
        assert_eq!((readable.text.as_deref(), readable.html.as_deref()), (Some("plain"), Some("<b>")));
    }

    #[test]
    fn encoded_words_are_decoded_and_broken_ones_stay() {
        let table = [
            ("=?utf-8?B?R3LDvMOfZQ==?=", "Grüße"),
            ("=?UTF-8?q?a_=3D_b?= =?utf-8?Q?c?= d", "a = bc d"),
            ("plain =?utf-8?Q?x?=y", "plain xy"),
            ("=?iso-8859-1?Q?=FC?=", "ü"),
            ("=?utf-8?Z?x?= and =?utf-8?Q?x?=", "=?utf-8?Z?x?= and x"),
            ("=?utf-8?B?!!!?=", "=?utf-8?B?!!!?="),
            ("a =? b", "a =? b"),
        ];
        for (encoded, decoded) in table {
            assert_eq!(decode_words(encoded), decoded, "{encoded}");
        }
    }

    proptest! {
        #[test]
        fn nothing_that_arrives_is_an_error(mail in "(Subject|Content-Type|X)?:? ?(multipart/x; boundary=b|=\\?utf-8\\?[QB]\\?.{0,9}|.{0,9})\r\n(--b(--)?\r\n|\r\n|.{0,9}=?\r\n){0,9}") {
            read(mail.as_bytes());
        }
    }
}
