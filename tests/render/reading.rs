//! Reads a mail as a mail reader does: headers, parts, links, and the words that can be seen.

use std::collections::BTreeSet;

use base64::Engine;

/// A mail's headers, unfolded, and its two parts, decoded.
pub struct Read {
    pub headers: Vec<(String, String)>,
    pub text: String,
    pub html: String,
}

impl Read {
    pub fn of(bytes: &[u8]) -> Read {
        let mail = std::str::from_utf8(bytes).expect("a mail is ASCII");
        let (head, body) = mail.split_once("\r\n\r\n").expect("headers end");
        let headers = headers(head);
        let kind = value(&headers, "Content-Type").expect("there is a content type");
        let boundary = kind.split("boundary=\"").nth(1).and_then(|rest| rest.strip_suffix('"')).expect("a boundary");
        let delimiter = format!("--{boundary}");
        let mut parts = body.split(&delimiter).skip(1).map(part);
        let (text, html) = (parts.next().expect("text"), parts.next().expect("HTML"));
        assert_eq!(value(&text.0, "Content-Type"), Some("text/plain; charset=utf-8"));
        assert_eq!(value(&html.0, "Content-Type"), Some("text/html; charset=utf-8"));
        Read { headers, text: text.1, html: html.1 }
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        value(&self.headers, name)
    }

    pub fn names(&self) -> Vec<&str> {
        self.headers.iter().map(|(name, _)| name.as_str()).collect()
    }
}

fn value<'headers>(headers: &'headers [(String, String)], name: &str) -> Option<&'headers str> {
    headers.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
}

fn headers(head: &str) -> Vec<(String, String)> {
    head.replace("\r\n ", " ")
        .split("\r\n")
        .map(|line| {
            let (name, value) = line.split_once(": ").unwrap_or_else(|| panic!("no header: {line:?}"));
            (name.to_owned(), words(value))
        })
        .collect()
}

/// Decodes the encoded words of RFC 2047; white space between two of them does not count.
fn words(value: &str) -> String {
    let mut decoded: Vec<u8> = Vec::new();
    let mut rest = value;
    while let Some((before, after)) = rest.split_once("=?utf-8?b?") {
        let between_two = before.trim().is_empty() && rest.len() < value.len();
        decoded.extend(if between_two { "" } else { before }.bytes());
        let (word, next) = after.split_once("?=").expect("an encoded word ends");
        decoded.extend(base64::engine::general_purpose::STANDARD.decode(word).expect("base64"));
        rest = next;
    }
    decoded.extend(rest.bytes());
    String::from_utf8(decoded).expect("UTF-8")
}

fn part(part: &str) -> (Vec<(String, String)>, String) {
    let (head, body) = part.trim_start_matches("\r\n").split_once("\r\n\r\n").unwrap_or_default();
    let headers = headers(head);
    let text = match value(&headers, "Content-Transfer-Encoding") {
        Some("7bit") => body.replace("\r\n", "\n"),
        Some("quoted-printable") => unquoted(body),
        other => panic!("no encoding of ours: {other:?}"),
    };
    (headers, text)
}

/// Decodes quoted-printable.
pub fn unquoted(body: &str) -> String {
    let body = body.replace("=\r\n", "");
    let mut bytes = body.bytes();
    let mut decoded = Vec::new();
    while let Some(byte) = bytes.next() {
        if byte != b'=' {
            decoded.push(byte);
            continue;
        }
        let digits = [bytes.next(), bytes.next()].map(|digit| digit.expect("two digits"));
        decoded.push(u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).expect("hexadecimal"));
    }
    String::from_utf8(decoded).expect("UTF-8").replace("\r\n", "\n")
}

/// An HTML page cut into tags and what stands between them, entities decoded.
pub struct Page {
    pub tags: Vec<String>,
    pub texts: Vec<String>,
}

impl Page {
    pub fn of(html: &str) -> Page {
        let mut html = without(html, "<!--", "-->");
        for element in ["style", "title"] {
            html = without(&html, &format!("<{element}>"), &format!("</{element}>"));
        }
        let (mut tags, mut texts) = (Vec::new(), Vec::new());
        for piece in html.split('<').skip(1) {
            let (tag, text) = piece.split_once('>').unwrap_or_else(|| panic!("a tag does not end: {piece:?}"));
            tags.push(tag.to_owned());
            texts.push(entities(text));
        }
        Page { tags, texts }
    }

    /// The values of an attribute, with its tag's name.
    pub fn attributes(&self, tag: &str, attribute: &str) -> Vec<String> {
        let begins = format!(" {attribute}=\"");
        self.tags
            .iter()
            .filter(|text| text.split(' ').next() == Some(tag))
            .filter_map(|text| text.split(&begins).nth(1))
            .map(|rest| entities(rest.split('"').next().unwrap_or_default()))
            .collect()
    }

    pub fn words(&self) -> BTreeSet<String> {
        words_of(&self.texts.join(" "))
    }
}

/// The words of a text, without the punctuation at their ends.
pub fn words_of(text: &str) -> BTreeSet<String> {
    text.split_whitespace()
        .map(|word| word.trim_matches(|character: char| character.is_ascii_punctuation()).to_owned())
        .filter(|word| !word.is_empty())
        .collect()
}

fn without(html: &str, begins: &str, ends: &str) -> String {
    let mut kept = String::new();
    let mut rest = html;
    while let Some((before, after)) = rest.split_once(begins) {
        kept.push_str(before);
        rest = after.split_once(ends).map_or("", |(_, rest)| rest);
    }
    kept + rest
}

fn entities(text: &str) -> String {
    let mut text = text.replace("&nbsp;", " ").replace("&zwnj;", "");
    for (entity, character) in [("&#34;", "\""), ("&#39;", "'"), ("&#60;", "<"), ("&#62;", ">"), ("&#38;", "&")] {
        text = text.replace(entity, character);
    }
    text
}
