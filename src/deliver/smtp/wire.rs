//! The wire to a relay: bytes out, replies in, plain or encrypted.
//!
//! Replies are bounded in lines and bytes, whatever the relay sends, and each has one deadline for the whole of it, so
//! that a relay cannot hold us by dripping. What can go wrong is a [`Fault`]; after one the wire is of no more use.

use std::fmt;
use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{ClientConfig, ProtocolVersion};

use crate::deliver::outcome::Reply;

/// RFC 5321 asks for 512 bytes; some relays write more.
const MAX_LINE: usize = 4 * 1024;
const MAX_LINES: usize = 200;
const READ_AT_ONCE: usize = 4 * 1024;

/// Why the dialogue cannot go on.
#[derive(Debug)]
pub enum Fault {
    /// The relay closed the connection, or it broke.
    Closed(io::Error),
    TimedOut(Duration),
    /// Something that is no reply.
    Garbled(&'static str),
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::Closed(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                formatter.write_str("the relay closed the connection")
            }
            Fault::Closed(error) => write!(formatter, "the connection broke: {error}"),
            Fault::TimedOut(after) => write!(formatter, "no answer within {after:?}"),
            Fault::Garbled(how) => write!(formatter, "the relay does not speak SMTP: {how}"),
        }
    }
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Fault {
        Fault::Closed(error)
    }
}

/// Waits for `step` no longer than `deadline`.
pub async fn within<T, E: Into<Fault>>(
    deadline: Duration,
    step: impl Future<Output = Result<T, E>>,
) -> Result<T, Fault> {
    match timeout(deadline, step).await {
        Ok(result) => result.map_err(Into::into),
        Err(_) => Err(Fault::TimedOut(deadline)),
    }
}

/// A reply with its lines as they came.
pub struct Lines {
    pub code: u16,
    /// Without code and line end.
    pub texts: Vec<String>,
}

impl Lines {
    pub fn reply(&self) -> Reply {
        Reply::new(self.code, &self.texts)
    }
}

enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

/// One connection's bytes.
pub struct Wire {
    stream: Stream,
    /// Read from the relay and not yet used.
    unread: Vec<u8>,
}

impl Wire {
    pub fn new(stream: TcpStream) -> Wire {
        Wire { stream: Stream::Plain(stream), unread: Vec::new() }
    }

    /// Encrypts the connection. What came before the handshake is not trusted after it: there must be none.
    pub async fn encrypt(self, config: Arc<ClientConfig>, name: ServerName<'static>) -> Result<Wire, Fault> {
        if !self.unread.is_empty() {
            return Err(Fault::Garbled("it sent more than the reply to STARTTLS before the handshake"));
        }
        match self.stream {
            Stream::Plain(stream) => {
                let stream = TlsConnector::from(config).connect(name, stream).await?;
                Ok(Wire { stream: Stream::Tls(Box::new(stream)), unread: Vec::new() })
            }
            Stream::Tls(_) => Ok(self),
        }
    }

    /// The version of TLS, if the connection is encrypted.
    pub fn encryption(&self) -> Option<&'static str> {
        match &self.stream {
            Stream::Plain(_) => None,
            Stream::Tls(stream) => Some(match stream.get_ref().1.protocol_version() {
                Some(ProtocolVersion::TLSv1_3) => "TLS 1.3",
                Some(ProtocolVersion::TLSv1_2) => "TLS 1.2",
                _ => "TLS",
            }),
        }
    }

    /// Whether the relay is this very machine.
    pub fn is_loopback(&self) -> bool {
        let stream = match &self.stream {
            Stream::Plain(stream) => stream,
            Stream::Tls(stream) => stream.get_ref().0,
        };
        stream.peer_addr().is_ok_and(|peer| peer.ip().to_canonical().is_loopback())
    }

    /// Whether a failed write may still have put bytes on the way, as TLS does with what it has taken.
    pub fn may_send_what_failed(&self) -> bool {
        matches!(self.stream, Stream::Tls(_))
    }

    /// Whether the relay has said something, or hung up, without being asked.
    pub fn something_waits(&mut self) -> bool {
        !self.unread.is_empty() || self.fill().now_or_never().is_some()
    }

    /// Writes all of `bytes` and sends them off.
    pub async fn write(&mut self, bytes: &[u8], deadline: Duration) -> Result<(), Fault> {
        within(deadline, async {
            match &mut self.stream {
                Stream::Plain(stream) => stream.write_all(bytes).await,
                Stream::Tls(stream) => {
                    stream.write_all(bytes).await?;
                    stream.flush().await
                }
            }
        })
        .await
    }

    /// Hands over a first part of `bytes`; says how long it was.
    pub async fn write_some(&mut self, bytes: &[u8], deadline: Duration) -> Result<usize, Fault> {
        let written = within(deadline, async {
            match &mut self.stream {
                Stream::Plain(stream) => stream.write(bytes).await,
                Stream::Tls(stream) => stream.write(bytes).await,
            }
        })
        .await?;
        if written == 0 { Err(io::Error::from(io::ErrorKind::WriteZero).into()) } else { Ok(written) }
    }

    /// Sends off what TLS still holds.
    pub async fn flush(&mut self, deadline: Duration) -> Result<(), Fault> {
        match &mut self.stream {
            Stream::Plain(_) => Ok(()),
            Stream::Tls(stream) => within(deadline, stream.flush()).await,
        }
    }

    /// The next reply, with all its lines.
    pub async fn read_lines(&mut self, deadline: Duration) -> Result<Lines, Fault> {
        within(deadline, async {
            let mut lines = Lines { code: 0, texts: Vec::new() };
            loop {
                let line = self.read_line().await?;
                let (code, more, text) = parse_line(&line)?;
                if !lines.texts.is_empty() && code != lines.code {
                    return Err(Fault::Garbled("the lines of one reply have different codes"));
                }
                lines.code = code;
                lines.texts.push(text);
                if !more {
                    return Ok(lines);
                }
                if lines.texts.len() >= MAX_LINES {
                    return Err(Fault::Garbled("a reply does not end"));
                }
            }
        })
        .await
    }

    /// The next reply in one line.
    pub async fn read_reply(&mut self, deadline: Duration) -> Result<Reply, Fault> {
        Ok(self.read_lines(deadline).await?.reply())
    }

    async fn read_line(&mut self) -> Result<Vec<u8>, Fault> {
        let mut searched = 0;
        loop {
            if let Some(found) = memchr::memchr(b'\n', &self.unread[searched..]) {
                return Ok(self.unread.drain(..=searched + found).collect());
            }
            searched = self.unread.len();
            if searched > MAX_LINE {
                return Err(Fault::Garbled("a line of a reply does not end"));
            }
            self.fill().await?;
        }
    }

    /// Reads what is there; an end of the stream is an error.
    async fn fill(&mut self) -> io::Result<()> {
        let mut space = [0; READ_AT_ONCE];
        let read = match &mut self.stream {
            Stream::Plain(stream) => stream.read(&mut space).await?,
            Stream::Tls(stream) => stream.read(&mut space).await?,
        };
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.unread.extend_from_slice(&space[..read]);
        Ok(())
    }
}

/// One line of a reply: its code, whether more lines follow, its text.
fn parse_line(line: &[u8]) -> Result<(u16, bool, String), Fault> {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let (code, rest) = line.split_at_checked(3).ok_or(Fault::Garbled("a line is too short for a reply"))?;
    let valid = matches!(code, [b'2'..=b'5', b'0'..=b'5', b'0'..=b'9']);
    let code = std::str::from_utf8(code).ok().filter(|_| valid).and_then(|code| code.parse().ok());
    let code = code.ok_or(Fault::Garbled("a line begins with no reply code"))?;
    let (more, text) = match rest {
        [] => (false, rest),
        [b' ', text @ ..] => (false, text),
        [b'-', text @ ..] => (true, text),
        _ => return Err(Fault::Garbled("a reply code is followed by neither space nor hyphen")),
    };
    Ok((code, more, String::from_utf8_lossy(text).into_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_a_reply_is_read_strictly() {
        type Parsed<'a> = Option<(u16, bool, &'a str)>;
        let table: [(&str, Parsed); 12] = [
            ("250 ok\r\n", Some((250, false, "ok"))),
            ("250-more\r\n", Some((250, true, "more"))),
            ("250 bare line feed\n", Some((250, false, "bare line feed"))),
            ("354\r\n", Some((354, false, ""))),
            ("250 \r\n", Some((250, false, ""))),
            ("25 no\r\n", None),
            ("2500 no\r\n", None),
            ("150 no\r\n", None),
            ("690 no\r\n", None),
            ("270 no\r\n", None),
            ("\r\n", None),
            ("HTTP/1.1 400 Bad Request\r\n", None),
        ];
        for (line, expected) in table {
            let expected = expected.map(|(code, more, text)| (code, more, text.to_owned()));
            assert_eq!(parse_line(line.as_bytes()).ok(), expected, "{line:?}");
        }
    }
}
