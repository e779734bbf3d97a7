//! An operator's SQL taken apart, as far as we have to understand it: what is text, comment, word, or a single sign.
//!
//! In: SQL of one of the engines. Out: its pieces, which put together are the SQL again. Pure and total: what is never
//! closed goes on to the end, and the database says what is wrong with it.

use super::engine::Engine;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Blank,
    Comment,
    /// A text, or a name in quotes.
    Quoted,
    /// A name, a keyword, a number.
    Word,
    /// One sign, such as `;` or `:`.
    Sign,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Piece<'sql> {
    pub kind: Kind,
    pub text: &'sql str,
}

/// The pieces of `sql`, in order.
pub(super) fn pieces(engine: Engine, sql: &str) -> impl Iterator<Item = Piece<'_>> {
    let mut rest = sql;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let (kind, length) = first(engine, rest.as_bytes());
        let (text, after) = rest.split_at(length);
        rest = after;
        Some(Piece { kind, text })
    })
}

/// What `sql`, which is not empty, begins with, and how long that is. It ends beside a byte of ASCII or at the end.
fn first(engine: Engine, sql: &[u8]) -> (Kind, usize) {
    let up_to = |end: &[u8], from: usize| after(sql, end, from).unwrap_or(sql.len());
    let is_escaped = engine == Engine::MySql;
    match sql[0] {
        blank if blank.is_ascii_whitespace() => (Kind::Blank, while_(sql, |byte| byte.is_ascii_whitespace())),
        b'/' if sql.starts_with(b"/*") => (Kind::Comment, block_comment(engine, sql)),
        b'-' | b'#' if is_line_comment(engine, sql) => (Kind::Comment, up_to(b"\n", 1)),
        quote @ (b'\'' | b'"') if is_escaped => (Kind::Quoted, escaped(sql, quote, 1)),
        quote @ (b'\'' | b'"' | b'`') => (Kind::Quoted, up_to(&[quote], 1)),
        b'[' if engine == Engine::Sqlite => (Kind::Quoted, up_to(b"]", 1)),
        b'e' | b'E' if engine == Engine::Postgres && sql.get(1) == Some(&b'\'') => {
            (Kind::Quoted, escaped(sql, b'\'', 2))
        }
        b'$' if engine == Engine::Postgres => match dollar_tag(sql) {
            Some(tag) => (Kind::Quoted, up_to(&sql[..tag], tag)),
            None => (Kind::Word, while_(sql, is_of_a_word)),
        },
        letter if is_of_a_word(letter) => (Kind::Word, while_(sql, is_of_a_word)),
        _ => (Kind::Sign, 1),
    }
}

fn is_of_a_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'$' || !byte.is_ascii()
}

fn while_(sql: &[u8], goes_on: impl Fn(u8) -> bool) -> usize {
    sql.iter().position(|byte| !goes_on(*byte)).unwrap_or(sql.len())
}

/// Where `end`, looked for at `from` and behind it, is over.
fn after(sql: &[u8], end: &[u8], from: usize) -> Option<usize> {
    let found = sql.get(from..)?.windows(end.len()).position(|window| window == end)?;
    Some(from + found + end.len())
}

/// Two minuses of MySQL are a comment only where a blank follows; `5--1` is 6.
fn is_line_comment(engine: Engine, sql: &[u8]) -> bool {
    match engine {
        Engine::MySql if sql[0] == b'#' => true,
        Engine::MySql => sql.starts_with(b"--") && sql.get(2).is_none_or(u8::is_ascii_whitespace),
        Engine::Postgres | Engine::Sqlite => sql.starts_with(b"--"),
    }
}

/// In PostgreSQL a comment may hold comments.
fn block_comment(engine: Engine, sql: &[u8]) -> usize {
    let (mut at, mut depth) = (2, 1);
    while depth > 0 && at < sql.len() {
        if sql[at..].starts_with(b"*/") {
            (at, depth) = (at + 2, depth - 1);
        } else if engine == Engine::Postgres && sql[at..].starts_with(b"/*") {
            (at, depth) = (at + 2, depth + 1);
        } else {
            at += 1;
        }
    }
    at
}

/// The length of a quoted text that begins at `from`, in which a backslash takes the next byte's meaning away.
fn escaped(sql: &[u8], quote: u8, from: usize) -> usize {
    let mut at = from;
    while at < sql.len() && sql[at] != quote {
        at += if sql[at] == b'\\' { 2 } else { 1 };
    }
    (at + 1).min(sql.len())
}

/// The length of `$$` or `$name$`, if that is what `sql` begins with.
fn dollar_tag(sql: &[u8]) -> Option<usize> {
    let name = while_(&sql[1..], |byte| is_of_a_word(byte) && byte != b'$');
    let begins_well = name == 0 || !sql[1].is_ascii_digit();
    (begins_well && sql.get(1 + name) == Some(&b'$')).then_some(name + 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENGINES: [Engine; 3] = [Engine::Postgres, Engine::MySql, Engine::Sqlite];

    /// The pieces that are no blanks, each with the first letter of its kind.
    fn taken_apart(engine: Engine, sql: &str) -> Vec<String> {
        let all: Vec<Piece<'_>> = pieces(engine, sql).collect();
        let whole: String = all.iter().map(|piece| piece.text).collect();
        assert_eq!(whole, sql, "{engine}");
        let kept = all.into_iter().filter(|piece| piece.kind != Kind::Blank);
        kept.map(|piece| format!("{}{}", &format!("{:?}", piece.kind)[..1], piece.text)).collect()
    }

    #[test]
    fn words_texts_comments_and_signs_are_told_apart_in_every_engine() {
        for engine in ENGINES {
            let table: [(&str, &[&str]); 9] = [
                ("a=1;b", &["Wa", "S=", "W1", "S;", "Wb"]),
                ("'it''s;'", &["Q'it'", "Q's;'"]),
                ("\"a;b\" `c`", &["Q\"a;b\"", "Q`c`"]),
                ("-- a;\nb", &["C-- a;\n", "Wb"]),
                ("/* ; */ b /* open", &["C/* ; */", "Wb", "C/* open"]),
                ("größe::int", &["Wgröße", "S:", "S:", "Wint"]),
                ("a$1 'ä", &["Wa$1", "Q'ä"]),
                ("/", &["S/"]),
                ("", &[]),
            ];
            for (sql, expected) in table {
                assert_eq!(taken_apart(engine, sql), expected, "{engine}: {sql}");
            }
        }
    }

    #[test]
    fn each_engine_has_quotes_and_comments_of_its_own() {
        let table: [(Engine, &str, &[&str]); 14] = [
            (Engine::Postgres, "$$a;'$$;", &["Q$$a;'$$", "S;"]),
            (Engine::Postgres, "$x1$a $$ b$x1$ $1", &["Q$x1$a $$ b$x1$", "W$1"]),
            (Engine::Postgres, "$ü$;$ü$ $x$;", &["Q$ü$;$ü$", "Q$x$;"]),
            (Engine::Postgres, r"E'a\';' 'b\';", &[r"QE'a\';'", r"Q'b\'", "S;"]),
            (Engine::Postgres, "/* a /* b */ ; */;", &["C/* a /* b */ ; */", "S;"]),
            (Engine::Postgres, "[1]", &["S[", "W1", "S]"]),
            (Engine::Postgres, "a #> '{b}'", &["Wa", "S#", "S>", "Q'{b}'"]),
            (Engine::MySql, r"'it\'s;' ", &[r"Q'it\'s;'"]),
            (Engine::MySql, r#""a\";" # b;"#, &[r#"Q"a\";""#, "C# b;"]),
            (Engine::MySql, "5--1 -- ;", &["W5", "S-", "S-", "W1", "C-- ;"]),
            (Engine::MySql, "/* a /* b */ ;", &["C/* a /* b */", "S;"]),
            (Engine::Sqlite, "[a;b];", &["Q[a;b]", "S;"]),
            (Engine::Sqlite, r"'a\';", &[r"Q'a\'", "S;"]),
            (Engine::Sqlite, "$$ ;", &["W$$", "S;"]),
        ];
        for (engine, sql, expected) in table {
            assert_eq!(taken_apart(engine, sql), expected, "{engine}: {sql}");
        }
    }

    proptest::proptest! {
        #[test]
        fn whatever_is_taken_apart_is_the_same_put_together(sql in "[-a-zé'\"`$/*\\\\#;:\\[\\] \n1]{0,40}") {
            for engine in ENGINES {
                taken_apart(engine, &sql);
            }
        }
    }
}
