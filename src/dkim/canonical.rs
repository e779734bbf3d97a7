//! The form of a mail that is signed: what relays may change on the way does not count (RFC 6376, section 3.4, "relaxed").

/// The head of a mail, and its body behind the first empty line.
pub fn halves(mail: &[u8]) -> (&[u8], &[u8]) {
    let end = memchr::memmem::find(mail, b"\r\n\r\n");
    end.map_or((mail, &[][..]), |at| (&mail[..at + 2], &mail[at + 4..]))
}

/// The header fields, each with its folds and without its last CR LF. A head that is no text has none.
pub fn fields(head: &[u8]) -> Vec<&str> {
    let Ok(head) = str::from_utf8(head) else { return Vec::new() };
    let mut fields = Vec::new();
    let mut start = 0;
    for (at, _) in head.match_indices("\r\n") {
        if !head[at + 2..].starts_with([' ', '\t']) {
            fields.push(&head[start..at]);
            start = at + 2;
        }
    }
    fields
}

/// One field: its name in lower case, unfolded, each run of blanks one space.
pub fn field(field: &str) -> String {
    let (name, value) = field.split_once(':').unwrap_or((field, ""));
    let words: Vec<&str> = value.split([' ', '\t', '\r', '\n']).filter(|word| !word.is_empty()).collect();
    format!("{}:{}", name.trim().to_ascii_lowercase(), words.join(" "))
}

/// A body: each run of blanks one space, none at the end of a line, and no empty lines at the end.
pub fn body(body: &[u8]) -> Vec<u8> {
    let mut relaxed = Vec::with_capacity(body.len());
    let mut empty_lines = 0;
    let mut rest = body;
    while !rest.is_empty() {
        let end = memchr::memmem::find(rest, b"\r\n");
        let line = &rest[..end.unwrap_or(rest.len())];
        rest = end.map_or(&[][..], |at| &rest[at + 2..]);
        let start = relaxed.len();
        let mut blank = false;
        for byte in line {
            if matches!(byte, b' ' | b'\t') {
                blank = true;
                continue;
            }
            if relaxed.len() == start {
                relaxed.extend(std::iter::repeat_n(*b"\r\n", empty_lines).flatten());
                empty_lines = 0;
            }
            if std::mem::take(&mut blank) {
                relaxed.push(b' ');
            }
            relaxed.push(*byte);
        }
        if relaxed.len() == start {
            empty_lines += 1;
        } else {
            relaxed.extend_from_slice(b"\r\n");
        }
    }
    relaxed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_the_standard_comes_out() {
        // RFC 6376, section 3.4.5.
        let mail = b"A: X\r\nB : Y\t\r\n\tZ  \r\n\r\n C \r\nD \t E\r\n\r\n\r\n";
        let (head, rest) = halves(mail);
        assert_eq!(fields(head).into_iter().map(field).collect::<Vec<_>>(), ["a:X", "b:Y Z"]);
        assert_eq!(body(rest), b" C\r\nD E\r\n");
    }

    #[test]
    fn an_empty_body_is_nothing_and_a_last_line_gets_its_end() {
        let table: [(&[u8], &[u8]); 7] = [
            (b"", b""),
            (b"\r\n\r\n", b""),
            (b" \t\r\n", b""),
            (b"a", b"a\r\n"),
            (b"a\r\n\r\n \r\nb \r\n\r\n", b"a\r\n\r\n\r\nb\r\n"),
            (b"\r\n\r\na\r\n", b"\r\n\r\na\r\n"),
            (b"a\nb\r\n", b"a\nb\r\n"),
        ];
        for (written, relaxed) in table {
            assert_eq!(body(written), relaxed, "{:?}", String::from_utf8_lossy(written));
        }
        assert_eq!(halves(b"A: b\r\n"), (&b"A: b\r\n"[..], &b""[..]));
    }
}
