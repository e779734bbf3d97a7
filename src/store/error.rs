//! What can go wrong with the state database, in one line each, with the mend.
//!
//! In: what the driver said. Out: [`StoreError`], whose variant says what a caller may do about it.

use std::path::PathBuf;

/// What can go wrong with the state database.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("the state database: {}{}", said(.0), mend(.0))]
    Database(sqlx::Error),
    #[error("{}, which belongs to the state database: {}{}", file.display(), said(error), mend_beside(error))]
    Beside { file: PathBuf, error: sqlx::Error },
    #[error("the state database holds something unreadable: {0}")]
    Json(serde_json::Error),
    #[error("the state database holds something unreadable: {0}")]
    Damaged(String),
    #[error(
        "the state database is of version {found}, this program knows up to {known}; run the program that made it, or a newer one"
    )]
    TooNew { found: i64, known: i64 },
    #[error("another process watches the shop now")]
    LeaseLost,
    #[error("the mark of a mail took longer to reach the disk than its lease allows; is the disk overloaded?")]
    Late,
    #[error("cannot write a temporary file: {0}")]
    Spill(std::io::Error),
}

// Written out because thiserror's `#[from]` makes a source of it too, and then its words are said twice.
impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> StoreError {
        StoreError::Database(error)
    }
}

impl From<serde_json::Error> for StoreError {
    fn from(error: serde_json::Error) -> StoreError {
        StoreError::Json(error)
    }
}

impl From<std::io::Error> for StoreError {
    fn from(error: std::io::Error) -> StoreError {
        StoreError::Spill(error)
    }
}

/// The database's own words, without those that the driver puts around them.
fn said(error: &sqlx::Error) -> String {
    match error {
        sqlx::Error::Database(error) => error.message().to_owned(),
        sqlx::Error::Io(error) => error.to_string(),
        other => other.to_string(),
    }
}

/// What the operator can do about it; empty: nothing is known.
fn mend(error: &sqlx::Error) -> &'static str {
    match error {
        sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut => "; is the server up, and [state] url right?",
        sqlx::Error::Database(error) => {
            let code = error.code().unwrap_or_default();
            // PostgreSQL has five letters; in SQLite's numbers the higher bytes only say more of the same.
            match code.parse::<u32>() {
                Ok(code) if code.to_string().len() < 5 => mend_of_sqlite(code & 0xff),
                _ => mend_of_postgres(&code),
            }
        }
        _ => "",
    }
}

/// The same for the file beside it, which can be made anew.
fn mend_beside(error: &sqlx::Error) -> &'static str {
    let code = error.as_database_error().and_then(|error| error.code()?.parse::<u32>().ok());
    match code.map(|code| code & 0xff) {
        Some(11 | 26) => {
            "; stop every process, delete it and start again: then all that was in hand counts as in transfer"
        }
        _ => mend(error),
    }
}

fn mend_of_postgres(sql_state: &str) -> &'static str {
    match sql_state {
        "28P01" | "28000" => "; mend the user in [state] url, and password or password_file",
        "3D000" => "; make that database, or mend its name in [state] url",
        "42501" => "; let the user of [state] url make and change tables in its schema",
        "53100" => "; make room on the server's disk",
        "53300" => "; let the server take more connections, or run fewer processes",
        "25006" => "; name the server that takes writes in [state] url",
        _ => "",
    }
}

/// By the primary result codes of SQLite.
fn mend_of_sqlite(code: u32) -> &'static str {
    match code {
        5 | 6 => "; another program holds it, so end that one, or try again",
        8 => "; let this user write to the file of [state] url and to its folder",
        10 => "; look whether its disk is full, or broken",
        13 => "; make room on its disk",
        14 => "; mend the path in [state] url, its folder must be there and let this user write",
        11 | 26 => "; put the file of [state] url back from a copy, or name another",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_is_away_is_said_once_with_the_mend() {
        let refused = std::io::Error::new(std::io::ErrorKind::ConnectionRefused, "Connection refused");
        let error = anyhow::Error::from(StoreError::from(sqlx::Error::Io(refused)));
        let expected = "the state database: Connection refused; is the server up, and [state] url right?";
        assert_eq!(format!("{error:#}"), expected);
    }

    #[tokio::test]
    async fn a_file_that_cannot_be_used_says_what_to_do() {
        let folder = tempfile::tempdir().unwrap();
        let said = async |file: &str| {
            let url = format!("sqlite://{}", folder.path().join(file).display());
            super::super::Store::open(&url, None).await.unwrap_err().to_string()
        };
        std::fs::write(folder.path().join("text.db"), "a text is no database, however long it may be").unwrap();
        assert_eq!(
            said("text.db").await,
            "the state database: file is not a database; put the file of [state] url back from a copy, or name another"
        );
        assert!(said("nowhere/state.db").await.contains("mend the path in [state] url"));
    }
}
