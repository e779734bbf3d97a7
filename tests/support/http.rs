//! A plain HTTP client: it sends what it is given, byte for byte, and follows nothing.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Where requests go.
#[derive(Clone, Copy, Debug)]
pub struct Http {
    pub address: SocketAddr,
}

/// What came back.
#[derive(Clone, Debug)]
pub struct Reply {
    pub status: u16,
    head: String,
    pub body: String,
}

impl Reply {
    /// The value of a header; empty: there is none.
    pub fn header(&self, name: &str) -> &str {
        let named = |line: &&str| line.split_once(':').is_some_and(|(of, _)| of.eq_ignore_ascii_case(name));
        self.head.lines().find(named).and_then(|line| line.split_once(':')).map_or("", |(_, value)| value.trim())
    }

    /// The text that a reader sees, entities and isolates resolved, every run of white space one space.
    pub fn words(&self) -> String {
        let mut words = String::new();
        let body = self.body.split_once("<body>").map_or(&*self.body, |(_, body)| body);
        for (place, part) in body.split('<').enumerate() {
            words.push_str(if place == 0 { part } else { part.split_once('>').map_or("", |(_, text)| text) });
            words.push(' ');
        }
        let entities = [
            ("&lt;", "<"),
            ("&gt;", ">"),
            ("&quot;", "\""),
            ("&#34;", "\""),
            ("&#39;", "'"),
            ("&#60;", "<"),
            ("&#62;", ">"),
            ("&#38;", "&"),
            ("&amp;", "&"),
        ];
        let words = entities.iter().fold(words, |words, (entity, text)| words.replace(entity, text));
        words.replace(['\u{2068}', '\u{2069}'], "").split_whitespace().collect::<Vec<_>>().join(" ")
    }
}

impl Http {
    pub async fn get(&self, path: &str) -> Reply {
        self.request("GET", path, "", "").await
    }

    pub async fn get_with(&self, path: &str, headers: &str) -> Reply {
        self.request("GET", path, headers, "").await
    }

    /// Posts a form's fields.
    pub async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Reply {
        self.post_with(path, "", fields).await
    }

    pub async fn post_with(&self, path: &str, headers: &str, fields: &[(&str, &str)]) -> Reply {
        let fields: Vec<String> = fields.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect();
        let form = format!("content-type: application/x-www-form-urlencoded\r\n{headers}");
        self.request("POST", path, &form, &fields.join("&")).await
    }

    /// `headers` end with a line break, if there are any.
    pub async fn request(&self, method: &str, path: &str, headers: &str, body: &str) -> Reply {
        let length = if body.is_empty() { String::new() } else { format!("content-length: {}\r\n", body.len()) };
        let head =
            format!("{method} {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n{length}{headers}\r\n", self.address);
        self.send(format!("{head}{body}").as_bytes()).await.expect("an answer")
    }

    /// `None`: the server hung up without a word.
    pub async fn send(&self, request: &[u8]) -> Option<Reply> {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        // It may answer and hang up before it has read everything.
        let _ = stream.write_all(request).await;
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        let answer = String::from_utf8_lossy(&answer);
        let (head, body) = answer.split_once("\r\n\r\n")?;
        Some(Reply { status: head.get(9..12)?.parse().ok()?, head: head.to_owned(), body: body.to_owned() })
    }
}

/// As a browser encodes a field of a form.
pub fn encoded(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    text.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}
