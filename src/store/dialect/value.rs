//! Values that go into a statement.

use jiff::Timestamp;
use sqlx::postgres::PgArguments;
use sqlx::query::Query;
use sqlx::sqlite::SqliteArguments;
use sqlx::{Postgres, Sqlite};

use super::Sql;
use super::batch::Batch;
use crate::store::StoreError;

/// A value that goes into a statement.
#[derive(Clone, Debug)]
pub enum Value {
    Text(Option<String>),
    Int(Option<i64>),
    Bool(bool),
    Bytes(Vec<u8>),
    Batch(Batch),
}

macro_rules! value_from {
    ($($from:ty => |$value:ident| $to:expr;)*) => { $(impl From<$from> for Value {
        fn from($value: $from) -> Value { $to }
    })* };
}
value_from! {
    &str => |value| Value::Text(Some(value.to_owned()));
    String => |value| Value::Text(Some(value));
    &String => |value| Value::Text(Some(value.clone()));
    Option<String> => |value| Value::Text(value);
    Option<&str> => |value| Value::Text(value.map(str::to_owned));
    uuid::Uuid => |value| Value::Text(Some(value.to_string()));
    i64 => |value| Value::Int(Some(value));
    Option<i64> => |value| Value::Int(value);
    Timestamp => |value| Value::Int(Some(value.as_microsecond()));
    Option<Timestamp> => |value| Value::Int(value.map(Timestamp::as_microsecond));
    bool => |value| Value::Bool(value);
    Vec<u8> => |value| Value::Bytes(value);
}

impl Sql {
    /// The statement for SQLite with its values.
    pub(super) fn for_sqlite(self, values: Vec<Value>) -> Result<Query<'static, Sqlite, SqliteArguments>, StoreError> {
        let mut query = sqlx::query(self.sqlite);
        for value in values {
            query = match value {
                Value::Text(text) => query.bind(text),
                Value::Int(int) => query.bind(int),
                Value::Bool(bool) => query.bind(bool),
                Value::Bytes(bytes) => query.bind(bytes),
                Value::Batch(batch) => query.bind(batch.to_json()?),
            };
        }
        Ok(query)
    }

    /// The statement for PostgreSQL with its values.
    pub(super) fn for_postgres(self, values: &[Value]) -> Result<Query<'_, Postgres, PgArguments>, StoreError> {
        let mut query = sqlx::query(self.postgres);
        for value in values {
            query = match value {
                Value::Text(text) => query.bind(text.as_deref()),
                Value::Int(int) => query.bind(int),
                Value::Bool(bool) => query.bind(bool),
                Value::Bytes(bytes) => query.bind(&**bytes),
                Value::Batch(batch) => batch.bind(self.columns, query)?,
            };
        }
        Ok(query)
    }
}
