//! Rows that come out of a statement: columns by name, in the types of this program.

use jiff::Timestamp;
use serde::de::DeserializeOwned;
use sqlx::postgres::PgRow;
use sqlx::sqlite::SqliteRow;
use sqlx::{Column as _, Row as _};

use crate::store::StoreError;

/// A row that came out of a statement.
#[derive(Debug)]
pub enum Row {
    Sqlite(SqliteRow),
    Postgres(PgRow),
}

macro_rules! get {
    ($name:ident, $type:ty) => {
        pub fn $name(&self, column: &str) -> Result<$type, StoreError> {
            Ok(match self {
                Row::Sqlite(row) => row.try_get(column)?,
                Row::Postgres(row) => row.try_get(column)?,
            })
        }
    };
}

impl Row {
    get!(text, String);
    get!(maybe_text, Option<String>);
    get!(int, i64);
    get!(maybe_int, Option<i64>);
    get!(bool, bool);
    get!(bytes, Vec<u8>);

    pub fn time(&self, column: &str) -> Result<Timestamp, StoreError> {
        instant(self.int(column)?)
    }
    pub fn maybe_time(&self, column: &str) -> Result<Option<Timestamp>, StoreError> {
        self.maybe_int(column)?.map(instant).transpose()
    }
    pub fn json<T: DeserializeOwned>(&self, column: &str) -> Result<T, StoreError> {
        Ok(serde_json::from_str(&self.text(column)?)?)
    }
    pub fn maybe_json<T: DeserializeOwned>(&self, column: &str) -> Result<Option<T>, StoreError> {
        Ok(self.maybe_text(column)?.map(|text| serde_json::from_str(&text)).transpose()?)
    }
    pub fn id(&self, column: &str) -> Result<uuid::Uuid, StoreError> {
        self.text(column)?.parse().map_err(|_| StoreError::Damaged(format!("{column} holds no identifier")))
    }
    /// A word of one of our enums.
    pub fn word<T>(&self, column: &str, of_word: impl Fn(&str) -> Option<T>) -> Result<T, StoreError> {
        let word = self.text(column)?;
        of_word(&word).ok_or_else(|| StoreError::Damaged(format!("{column} holds \"{word}\"")))
    }
    /// The names of the columns, for tests of the schema.
    pub fn columns(&self) -> Vec<String> {
        match self {
            Row::Sqlite(row) => row.columns().iter().map(|column| column.name().to_owned()).collect(),
            Row::Postgres(row) => row.columns().iter().map(|column| column.name().to_owned()).collect(),
        }
    }
}

fn instant(microseconds: i64) -> Result<Timestamp, StoreError> {
    Timestamp::from_microsecond(microseconds).map_err(|_| StoreError::Damaged(format!("{microseconds} is no instant")))
}
