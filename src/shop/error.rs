//! What can go wrong between us and the shop's database, in one line each, with the mend and without a password.
//!
//! In: what the driver said. Out: [`ShopError`], whose variant says what to do: mend the settings, or try again later.

use super::feeds::Feed;
use crate::settings::duration::Span;

/// The error carries the decision: [`ShopError::needs_mending`] tells whether trying again can help.
#[derive(Debug, thiserror::Error)]
pub enum ShopError {
    /// The settings cannot work as they are written.
    #[error("{0}")]
    Settings(String),
    /// A feed lacks a column that it must have.
    #[error(
        "the feed `{feed}` has no column `{column}`; name one so (`select ... as {column}`), \
         the query gives only: {}", seen.join(", ")
    )]
    MissingColumn { feed: Feed, column: &'static str, seen: Vec<String> },
    /// The database is not there, does not let us in, or went away while it was read.
    #[error("the shop's database {place}: {message}")]
    Away { place: String, message: String },
    /// The database is there and cannot do what the feed's query asks.
    #[error(
        "the shop's database refuses the feed `{feed}`: {message}; \
         mend the query, or let [orders] name the mapping and the database that belong together"
    )]
    Refused { feed: Feed, message: String },
    /// The feed's query was cut off.
    #[error(
        "the feed `{feed}` took longer than [orders] statement_timeout ({} s) and was cut off; \
         make its query faster or the limit longer", limit.as_secs()
    )]
    TooSlow { feed: Feed, limit: Span },
}

impl ShopError {
    /// Whether a person must mend something first; otherwise the next look may succeed by itself.
    pub fn needs_mending(&self) -> bool {
        matches!(self, ShopError::Settings(_) | ShopError::MissingColumn { .. })
    }

    /// What a failed statement of a feed means.
    pub(super) fn of_statement(error: &sqlx::Error, feed: Feed, limit: Span, place: &str) -> ShopError {
        let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
        // Class 08 is a lost connection, 57P0x a server that shuts down; what is no answer of the database is neither.
        let refused = code.is_some_and(|code| !code.starts_with("08") && !code.starts_with("57P0"));
        if was_cut_off(error) {
            ShopError::TooSlow { feed, limit }
        } else if refused && !is_locked(error) {
            ShopError::Refused { feed, message: one_line(error) }
        } else {
            ShopError::away(place, error)
        }
    }

    pub(super) fn away(place: &str, error: &sqlx::Error) -> ShopError {
        ShopError::Away { place: place.to_string(), message: one_line(error) }
    }
}

/// Whether the server, or our own progress handler in SQLite, ended the statement because of its time limit.
fn was_cut_off(error: &sqlx::Error) -> bool {
    /// ER_QUERY_TIMEOUT of MySQL and ER_STATEMENT_TIMEOUT of MariaDB, whose SQLSTATEs say too little.
    const CUT_OFF: [u16; 2] = [3024, 1969];
    let Some(error) = error.as_database_error() else { return false };
    if let Some(error) = error.try_downcast_ref::<sqlx::mysql::MySqlDatabaseError>() {
        return CUT_OFF.contains(&error.number());
    }
    // query_canceled of PostgreSQL, SQLITE_INTERRUPT.
    matches!(error.code().as_deref(), Some("57014" | "9"))
}

/// Whether a writer of the SQLite file kept us waiting too long.
fn is_locked(error: &sqlx::Error) -> bool {
    let error = error.as_database_error().and_then(|error| error.try_downcast_ref::<sqlx::sqlite::SqliteError>());
    // SQLITE_BUSY and SQLITE_LOCKED in all their forms, which differ in the higher bytes.
    error
        .and_then(|error| sqlx::error::DatabaseError::code(error)?.parse::<u32>().ok())
        .is_some_and(|code| matches!(code & 0xff, 5 | 6))
}

/// The driver's words on one line of bounded length.
pub(super) fn one_line(error: &sqlx::Error) -> String {
    let words = match error {
        sqlx::Error::Database(error) => error.message().to_string(),
        sqlx::Error::Io(error) => error.to_string(),
        other => other.to_string(),
    };
    words.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(300).collect()
}
