//! A message as it crosses the wire: CRLF line ends, leading dots doubled, the lone dot at the end (RFC 5321, 4.5.2).
//!
//! In: the bytes of a message. Out: the bytes to write after 354. A bare CR or LF becomes CRLF, because relays differ
//! in what they take for a line end, and a "line" that only one of two relays sees could end the message early.

/// An encoded message, and the commands that follow it.
pub struct Body {
    pub bytes: Vec<u8>,
    /// Where the lone dot stands: up to here the relay cannot take the message for complete.
    pub dot_at: usize,
}

impl Body {
    /// Encodes `message`; whole stretches are copied, only line ends are looked at. `commands` follow its end.
    pub fn encode(message: &[u8], commands: &str) -> Body {
        let mut bytes = Vec::with_capacity(message.len() + message.len() / 32 + 16 + commands.len());
        encode_lines(message, &mut bytes);
        let dot_at = bytes.len();
        bytes.extend_from_slice(b".\r\n");
        bytes.extend_from_slice(commands.as_bytes());
        Body { bytes, dot_at }
    }
}

/// Appends the lines of `message` as they cross the wire.
fn encode_lines(message: &[u8], bytes: &mut Vec<u8>) {
    if stands_as_it_is(message) {
        bytes.extend_from_slice(message);
        return;
    }
    let mut copied = 0;
    if message.first() == Some(&b'.') {
        bytes.push(b'.');
    }
    for at in memchr::memchr2_iter(b'\r', b'\n', message) {
        let next = message.get(at + 1);
        if message[at] == b'\r' && next == Some(&b'\n') {
            continue; // looked at together with its line feed
        }
        let whole = message[at] == b'\n' && at > 0 && message[at - 1] == b'\r';
        if !whole {
            bytes.extend_from_slice(&message[copied..at]);
            bytes.extend_from_slice(b"\r\n");
            copied = at + 1;
        }
        if next == Some(&b'.') {
            bytes.extend_from_slice(&message[copied..=at]);
            bytes.push(b'.');
            copied = at + 1;
        }
    }
    bytes.extend_from_slice(&message[copied..]);
    if !bytes.is_empty() && !bytes.ends_with(b"\r\n") {
        bytes.extend_from_slice(b"\r\n");
    }
}

/// Whether every line ends with CRLF and none begins with a dot, as it is with our own mails. Every byte is looked at,
/// because the compiler then takes many at once.
fn stands_as_it_is(message: &[u8]) -> bool {
    let (Some(first), Some(b'\n')) = (message.first(), message.last()) else { return false };
    let pairs = message.iter().zip(&message[1..]);
    let inside = pairs.fold(true, |plain, (one, next)| {
        let is_whole = (*one == b'\r') == (*next == b'\n');
        let is_plain = !matches!((one, next), (b'\n', b'.'));
        plain & is_whole & is_plain
    });
    inside && !matches!(first, b'\n' | b'.')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The lines of a message, whatever ends them; written the slow and plain way.
    fn lines(message: &[u8]) -> Vec<Vec<u8>> {
        let mut lines = vec![Vec::new()];
        let mut bytes = message.iter().copied().peekable();
        while let Some(byte) = bytes.next() {
            match byte {
                b'\r' => {
                    bytes.next_if_eq(&b'\n');
                    lines.push(Vec::new());
                }
                b'\n' => lines.push(Vec::new()),
                _ => lines.last_mut().unwrap().push(byte),
            }
        }
        if lines.last().is_some_and(Vec::is_empty) {
            lines.pop();
        }
        lines
    }

    /// What a receiver makes of it: strict CRLF lines up to the lone dot, and nothing after it.
    fn received(body: &Body) -> Vec<Vec<u8>> {
        let mut lines = Vec::new();
        let mut rest = &body.bytes[..];
        loop {
            let end = rest.windows(2).position(|pair| pair == b"\r\n").expect("the end is marked");
            let (line, after) = (&rest[..end], &rest[end + 2..]);
            if line == b"." {
                assert!(after.is_empty(), "something follows the end of the message");
                assert_eq!(&body.bytes[body.dot_at..], b".\r\n");
                return lines;
            }
            assert!(!line.contains(&b'\r') && !line.contains(&b'\n'), "a bare CR or LF");
            lines.push(line.strip_prefix(b".").unwrap_or(line).to_vec());
            rest = after;
        }
    }

    #[test]
    fn dots_and_line_ends_are_written_as_the_rfc_wants_them() {
        let table: [(&str, &str); 9] = [
            ("", ".\r\n"),
            ("a", "a\r\n.\r\n"),
            ("a\r\n", "a\r\n.\r\n"),
            (".", "..\r\n.\r\n"),
            (".\r\n.\r\n", "..\r\n..\r\n.\r\n"),
            ("a\n.\nb", "a\r\n..\r\nb\r\n.\r\n"),
            ("a\r.\rb\r", "a\r\n..\r\nb\r\n.\r\n"),
            ("a\r\r\n.b\r\n", "a\r\n\r\n..b\r\n.\r\n"),
            ("\n\r", "\r\n\r\n.\r\n"),
        ];
        for (message, expected) in table {
            assert_eq!(String::from_utf8(Body::encode(message.as_bytes(), "").bytes).unwrap(), expected, "{message:?}");
        }
    }

    proptest! {
        #[test]
        fn a_receiver_gets_the_lines_that_were_sent(
            message in proptest::collection::vec(prop_oneof![Just(b'.'), Just(b'\r'), Just(b'\n'), any::<u8>()], 0..200)
        ) {
            prop_assert_eq!(received(&Body::encode(&message, "")), lines(&message));
        }

        #[test]
        fn a_well_formed_message_arrives_byte_for_byte(
            written in proptest::collection::vec("[.a-z ]{0,9}", 1..20)
        ) {
            let message = written.iter().map(|line| format!("{line}\r\n")).collect::<String>();
            let arrived: String = received(&Body::encode(message.as_bytes(), ""))
                .into_iter()
                .map(|line| String::from_utf8(line).unwrap() + "\r\n")
                .collect();
            prop_assert_eq!(arrived, message);
        }
    }
}
