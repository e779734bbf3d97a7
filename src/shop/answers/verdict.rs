//! What an error of the shop's database says to an answer: the shop will not do it, or it could not be done now.
//!
//! In: the driver's error. Out: refused, for a constraint or a trigger; otherwise failed, to be tried again, with the
//! mend where it is known. Pure.

use sqlx::mysql::MySqlDatabaseError;

use crate::settings::duration::Span;
use crate::shop::error::one_line;

/// What is known about an error.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Code {
    Postgres(String),
    MySql {
        state: String,
        number: u16,
    },
    /// With the higher bytes.
    Sqlite(u32),
    /// No word of the database: the connection broke, or what was sent made no sense.
    Other,
}

/// Why an error came, as far as it matters here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cause {
    /// A constraint, or a trigger that speaks for the shop.
    Rule,
    /// A lock was not free in time.
    Locked,
    TooSlow,
    NotAllowed,
    /// Writing is not possible there, whoever logs in.
    ReadOnly,
    /// PostgreSQL cannot tell what type a parameter is to have.
    Untyped,
    /// The statement, or a value in its place, does not go with the tables.
    Unfit,
    Other,
}

/// What becomes of the answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Refused { reason: String },
    Failed { problem: String },
}

/// `limit` is what a statement may take.
pub(super) fn verdict(error: &sqlx::Error, limit: Span) -> Verdict {
    let cause = cause(&code(error));
    let said = one_line(error);
    match cause {
        Cause::Rule => Verdict::Refused { reason: said },
        _ => Verdict::Failed { problem: without_addresses(&said) + &mend(cause, limit) },
    }
}

/// Failures are logged, no log holds a mail address, and what a function of the shop's says may be one.
fn without_addresses(words: &str) -> String {
    let is_address = |word: &str| {
        let around = word.trim_matches(|letter: char| !letter.is_alphanumeric());
        around.split_once('@').is_some_and(|(name, domain)| !name.is_empty() && domain.contains('.'))
    };
    let words = words.split(' ').map(|word| if is_address(word) { "(a mail address)" } else { word });
    words.collect::<Vec<_>>().join(" ")
}

fn mend(cause: Cause, limit: Span) -> String {
    let limit = limit.as_secs();
    match cause {
        Cause::Locked => format!("; a lock was not free within [orders] statement_timeout ({limit} s)"),
        Cause::TooSlow => format!("; it took longer than [orders] statement_timeout ({limit} s) and was cut off"),
        Cause::NotAllowed => "; let the login do it, or name another in [choices] url".into(),
        Cause::ReadOnly => "; name a database and a login that may write in [choices] url".into(),
        Cause::Untyped => "; say the type, as in :choice::text".into(),
        Cause::Unfit => "; mend the statement".into(),
        Cause::Rule | Cause::Other => String::new(),
    }
}

fn code(error: &sqlx::Error) -> Code {
    let Some(error) = error.as_database_error() else { return Code::Other };
    let code = error.code().map(std::borrow::Cow::into_owned).unwrap_or_default();
    if let Some(error) = error.try_downcast_ref::<MySqlDatabaseError>() {
        Code::MySql { state: code, number: error.number() }
    } else if error.try_downcast_ref::<sqlx::postgres::PgDatabaseError>().is_some() {
        Code::Postgres(code)
    } else {
        code.parse().map_or(Code::Other, Code::Sqlite)
    }
}

fn cause(code: &Code) -> Cause {
    match code {
        Code::Postgres(state) => match &**state {
            // raise_exception, and what a function says by itself.
            "P0001" | "45000" => Cause::Rule,
            state if state.starts_with("23") => Cause::Rule,
            "55P03" => Cause::Locked,
            "57014" => Cause::TooSlow,
            "42501" => Cause::NotAllowed,
            "25006" => Cause::ReadOnly,
            "42P18" => Cause::Untyped,
            state if state.starts_with("42") || state.starts_with("22") => Cause::Unfit,
            _ => Cause::Other,
        },
        Code::MySql { state, number } => match (&**state, number) {
            // MySQL gives a broken CHECK no state of its own.
            ("23000" | "45000", _) | (_, 3819) => Cause::Rule,
            (_, 1205) => Cause::Locked,
            (_, 1969 | 3024) => Cause::TooSlow,
            (_, 1044 | 1142 | 1143 | 1227 | 1370) => Cause::NotAllowed,
            (_, 1290 | 1792 | 1836) => Cause::ReadOnly,
            (state, _) if state.starts_with("42") || state.starts_with("22") => Cause::Unfit,
            _ => Cause::Other,
        },
        Code::Sqlite(number) => match (number & 0xff, number) {
            // A text where a strict table takes none is no rule of the shop's.
            (_, 3091) => Cause::Unfit,
            (19, _) => Cause::Rule,
            (5 | 6, _) => Cause::Locked,
            (9, _) => Cause::TooSlow,
            (8, _) => Cause::ReadOnly,
            // What SQLite says of a statement that it does not understand.
            (1, _) => Cause::Unfit,
            _ => Cause::Other,
        },
        Code::Other => Cause::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constraints_and_triggers_are_the_shops_word_and_nothing_else_is() {
        let postgres = |state: &str| Code::Postgres(state.into());
        let mysql = |state: &str, number| Code::MySql { state: state.into(), number };
        let table = [
            (
                Cause::Rule,
                vec![postgres("23514"), postgres("23505"), postgres("23P01"), postgres("P0001"), postgres("45000")],
            ),
            (Cause::Rule, vec![mysql("23000", 4025), mysql("23000", 1062), mysql("45000", 1644), mysql("HY000", 3819)]),
            (Cause::Rule, vec![Code::Sqlite(275), Code::Sqlite(787), Code::Sqlite(1811), Code::Sqlite(19)]),
            (
                Cause::Locked,
                vec![postgres("55P03"), mysql("HY000", 1205), Code::Sqlite(5), Code::Sqlite(517), Code::Sqlite(6)],
            ),
            (Cause::TooSlow, vec![postgres("57014"), mysql("70100", 1969), mysql("HY000", 3024), Code::Sqlite(9)]),
            (Cause::NotAllowed, vec![postgres("42501"), mysql("42000", 1142)]),
            (Cause::ReadOnly, vec![postgres("25006"), mysql("HY000", 1290), Code::Sqlite(8), Code::Sqlite(1032)]),
            (Cause::Untyped, vec![postgres("42P18")]),
            (
                Cause::Unfit,
                vec![postgres("42703"), postgres("22P02"), mysql("42S22", 1054), Code::Sqlite(3091), Code::Sqlite(1)],
            ),
            // Two at once, a deadlock, a server that goes down, one that is full, and a custom word of a function.
            (
                Cause::Other,
                vec![postgres("40001"), postgres("40P01"), postgres("57P01"), postgres("53100"), postgres("P0002")],
            ),
            (
                Cause::Other,
                vec![mysql("40001", 1213), mysql("HY000", 1030), mysql("45001", 1644), Code::Sqlite(13), Code::Other],
            ),
        ];
        for (expected, codes) in table {
            for code in codes {
                assert_eq!(cause(&code), expected, "{code:?}");
            }
        }
    }

    #[test]
    fn a_failure_holds_no_mail_address() {
        for (said, kept) in [
            ("no mail to <ada@example.com>, sorry", "no mail to (a mail address) sorry"),
            ("syntax error at or near \"@now\"", "syntax error at or near \"@now\""),
            ("unknown user reader@localhost", "unknown user reader@localhost"),
        ] {
            assert_eq!(without_addresses(said), kept);
        }
    }

    #[test]
    fn a_broken_connection_is_no_refusal() {
        let broken = sqlx::Error::Io(std::io::Error::other("reset"));
        assert_eq!(verdict(&broken, Span::seconds(30)), Verdict::Failed { problem: "reset".into() });
    }
}
