//! The two engines behind one face: the only place where SQLite and PostgreSQL differ in form.
//!
//! A statement is written once with [`sql!`]; where the engines need different words, the statement says so in place:
//! `now` (the database's clock in microseconds), `lock` (row locks, where there is more than one writer),
//! `rows(name type, ...)` (the rows of the JSON array in `$1`, as table `x`), `sending(row)` (whether a row of the outbox,
//! named by its id, is in hand; written so that no planner takes the index of all that is) and
//! `either("sqlite", "postgres")`.
//! Values go in as [`Value`], rows come out as [`Row`]; no sqlx type leaves this folder.
//!
//! Instants are whole microseconds since 1970 in a BIGINT on both engines. PostgreSQL has a type of its own for them,
//! but then every batch in JSON, every comparison and every test would exist in two versions; one text is worth more
//! than a nicer look in `psql` (`to_timestamp(due_at / 1e6)` shows it there).

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Serialize, de::DeserializeOwned};
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions, PgRow};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteRow, SqliteSynchronous,
};
use sqlx::{Column as _, ConnectOptions as _, Connection as _, Postgres, Row as _, Sqlite, Transaction};

use super::StoreError;
use crate::failpoint::{self, Commit, Point};

/// One statement in both dialects.
#[derive(Clone, Copy, Debug)]
pub struct Sql {
    pub sqlite: &'static str,
    pub postgres: &'static str,
}

/// Writes a [`Sql`]: string literals are copied, the words between them are explained at the head of this file.
macro_rules! sql {
    (@sqlite [$($done:tt)*]) => { concat!($($done)*) };
    (@sqlite [$($done:tt)*] $text:literal $($rest:tt)*) => { sql!(@sqlite [$($done)* $text,] $($rest)*) };
    (@sqlite [$($done:tt)*] now $($rest:tt)*) => {
        sql!(@sqlite [$($done)* "cast(unixepoch('subsec') * 1000000 as integer)",] $($rest)*)
    };
    (@sqlite [$($done:tt)*] lock $($rest:tt)*) => { sql!(@sqlite [$($done)*] $($rest)*) };
    (@sqlite [$($done:tt)*] sending($row:ident) $($rest:tt)*) => {
        sql!(@sqlite [$($done)* "(", stringify!($row), ".state || '') = 'sending'",] $($rest)*)
    };
    (@sqlite [$($done:tt)*] either($sqlite:literal, $postgres:literal) $($rest:tt)*) => {
        sql!(@sqlite [$($done)* $sqlite,] $($rest)*)
    };
    (@sqlite [$($done:tt)*] rows($head:ident $head_type:ident $(, $name:ident $type:ident)*) $($rest:tt)*) => {
        sql!(@sqlite [$($done)* "(select value->>'", stringify!($head), "' as ", stringify!($head)
            $(, ", value->>'", stringify!($name), "' as ", stringify!($name))*, " from jsonb_each($1)) as x",] $($rest)*)
    };
    (@postgres [$($done:tt)*]) => { concat!($($done)*) };
    (@postgres [$($done:tt)*] $text:literal $($rest:tt)*) => { sql!(@postgres [$($done)* $text,] $($rest)*) };
    (@postgres [$($done:tt)*] now $($rest:tt)*) => {
        sql!(@postgres [$($done)* "(extract(epoch from clock_timestamp()) * 1000000)::bigint",] $($rest)*)
    };
    (@postgres [$($done:tt)*] lock $($rest:tt)*) => { sql!(@postgres [$($done)* " for update",] $($rest)*) };
    (@postgres [$($done:tt)*] sending($row:ident) $($rest:tt)*) => {
        sql!(@postgres [$($done)* "(", stringify!($row), ".state || '') = 'sending'",] $($rest)*)
    };
    (@postgres [$($done:tt)*] either($sqlite:literal, $postgres:literal) $($rest:tt)*) => {
        sql!(@postgres [$($done)* $postgres,] $($rest)*)
    };
    (@postgres [$($done:tt)*] rows($head:ident $head_type:ident $(, $name:ident $type:ident)*) $($rest:tt)*) => {
        sql!(@postgres [$($done)* "json_to_recordset($1::json) as x(", stringify!($head), " ", stringify!($head_type)
            $(, ", ", stringify!($name), " ", stringify!($type))*, ")",] $($rest)*)
    };
    ($($all:tt)*) => {
        $crate::store::dialect::Sql { sqlite: sql!(@sqlite [] $($all)*), postgres: sql!(@postgres [] $($all)*) }
    };
}
pub(super) use sql;

/// A value that goes into a statement.
#[derive(Clone, Debug)]
pub enum Value {
    Text(Option<String>),
    Int(Option<i64>),
    Bool(bool),
    Bytes(Vec<u8>),
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

/// The values of one statement, in order.
macro_rules! values {
    ($($value:expr),* $(,)?) => { vec![$($crate::store::dialect::Value::from($value)),*] };
}
pub(super) use values;

/// A batch of rows for `rows(...)`: a JSON array of objects.
pub fn batch<T: Serialize>(rows: &[T]) -> Result<Value, StoreError> {
    Ok(Value::Text(Some(serde_json::to_string(rows)?)))
}

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

macro_rules! bind_all {
    ($query:expr, $values:expr) => {{
        let mut query = $query;
        for value in $values {
            query = match value {
                Value::Text(text) => query.bind(text),
                Value::Int(int) => query.bind(int),
                Value::Bool(bool) => query.bind(bool),
                Value::Bytes(bytes) => query.bind(bytes),
            };
        }
        query
    }};
}

/// The state database: a pool of either engine. SQLite has one writer and several readers.
#[derive(Clone, Debug)]
pub enum Db {
    Sqlite { writer: SqlitePool, readers: SqlitePool },
    Postgres(PgPool),
}

/// A transaction on either engine; dropped without [`Tx::commit`] it is rolled back.
#[derive(Debug)]
pub enum Tx {
    Sqlite(Transaction<'static, Sqlite>),
    Postgres(Transaction<'static, Postgres>),
}

/// How long a statement waits for another process's write on SQLite.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);
/// A connection to PostgreSQL that rested this long is asked whether it lives before it is used.
const UNASKED: Duration = Duration::from_secs(1);
/// Between two tries to open a database that is being made.
const BUSY_PAUSE: Duration = Duration::from_millis(20);

impl Db {
    /// Opens `sqlite://FILE` (made if absent) or `postgres://...`.
    pub async fn open(url: &str, password: Option<&str>) -> Result<Db, StoreError> {
        if url.starts_with("sqlite:") {
            let options = SqliteConnectOptions::from_str(url)?
                .create_if_missing(true)
                .journal_mode(SqliteJournalMode::Wal)
                .synchronous(SqliteSynchronous::Full)
                .foreign_keys(true)
                .busy_timeout(BUSY_TIMEOUT)
                // A batch's pages fit into memory, and are written once.
                .pragma("cache_size", "-16000")
                .pragma("wal_autocheckpoint", "4000");
            make_private(options.get_filename());
            let writer = writer_of(&options).await?;
            let readers = SqlitePoolOptions::new().max_connections(4).connect_lazy_with(options.read_only(true));
            return Ok(Db::Sqlite { writer, readers });
        }
        let options = postgres_options(url, password)?;
        // One connection first: its error says what is wrong, the pool's would say after half a minute that time is over.
        sqlx::PgConnection::connect_with(&options).await?.close().await?;
        let pool = PgPoolOptions::new()
            .max_connections(8)
            .test_before_acquire(false)
            .before_acquire(|connection, usage| {
                Box::pin(async move {
                    // A busy connection needs no round trip to show that it lives.
                    Ok(usage.idle_for < UNASKED || connection.ping().await.is_ok())
                })
            })
            .connect_lazy_with(options);
        Ok(Db::Postgres(pool))
    }

    /// Whether the database at `url` is there and was migrated before.
    pub async fn has_tables(url: &str, password: Option<&str>) -> Result<bool, StoreError> {
        if let Some(file) = file_of(url)? {
            if !file.exists() {
                return Ok(false);
            }
            let options = SqliteConnectOptions::from_str(url)?.read_only(true).busy_timeout(BUSY_TIMEOUT);
            let mut connection = options.connect().await?;
            let tables = sqlx::query_scalar("select exists (select 1 from sqlite_schema where name = 'migrations')");
            let found = tables.fetch_one(&mut connection).await?;
            connection.close().await?;
            return Ok(found);
        }
        let mut connection = sqlx::PgConnection::connect_with(&postgres_options(url, password)?).await?;
        let found =
            sqlx::query_scalar("select to_regclass('migrations') is not null").fetch_one(&mut connection).await?;
        connection.close().await?;
        Ok(found)
    }

    /// A transaction that may write. On SQLite it takes the write lock at once: a reader that becomes a writer would
    /// fail with "database is locked" without waiting.
    pub async fn write(&self) -> Result<Tx, StoreError> {
        Ok(match self {
            Db::Sqlite { writer, .. } => Tx::Sqlite(writer.begin_with("begin immediate").await?),
            Db::Postgres(pool) => Tx::Postgres(pool.begin().await?),
        })
    }

    /// One statement that is a transaction by itself, and its rows.
    pub async fn alone(&self, sql: Sql, values: Vec<Value>) -> Result<Vec<Row>, StoreError> {
        Ok(match self {
            Db::Sqlite { writer, .. } => {
                let rows = bind_all!(sqlx::query(sql.sqlite), values).fetch_all(writer).await?;
                rows.into_iter().map(Row::Sqlite).collect()
            }
            Db::Postgres(pool) => {
                let rows = bind_all!(sqlx::query(sql.postgres), values).fetch_all(pool).await?;
                rows.into_iter().map(Row::Postgres).collect()
            }
        })
    }

    /// A transaction that only reads, and sees one state of the database.
    pub async fn read(&self) -> Result<Tx, StoreError> {
        Ok(match self {
            Db::Sqlite { readers, .. } => Tx::Sqlite(readers.begin().await?),
            Db::Postgres(pool) => {
                Tx::Postgres(pool.begin_with("begin isolation level repeatable read read only").await?)
            }
        })
    }

    pub async fn close(&self) {
        match self {
            Db::Sqlite { writer, readers } => {
                readers.close().await;
                writer.close().await;
            }
            Db::Postgres(pool) => pool.close().await,
        }
    }
}

/// The file of an SQLite database; `None`: it is a server's.
pub fn file_of(url: &str) -> Result<Option<PathBuf>, StoreError> {
    let sqlite = url.starts_with("sqlite:").then(|| SqliteConnectOptions::from_str(url)).transpose()?;
    Ok(sqlite.map(|options| options.get_filename().to_owned()))
}

/// Makes the file of a new database, for its owner alone: it holds customers' addresses. SQLite gives what it writes
/// beside it the same leave, and says what is wrong where nothing can be made.
fn make_private(file: &Path) {
    let _ = OpenOptions::new().write(true).create_new(true).mode(0o600).open(file);
}

/// Opens the one connection that writes. While a new database is being made a write-ahead one, SQLite turns others away
/// at once, whatever the time-out.
async fn writer_of(options: &SqliteConnectOptions) -> Result<SqlitePool, StoreError> {
    let patience = tokio::time::Instant::now() + BUSY_TIMEOUT;
    loop {
        match SqlitePoolOptions::new().max_connections(1).connect_with(options.clone()).await {
            Err(sqlx::Error::Database(error))
                if error.message().contains("locked") && tokio::time::Instant::now() < patience =>
            {
                tokio::time::sleep(BUSY_PAUSE).await;
            }
            opened => return Ok(opened?),
        }
    }
}

fn postgres_options(url: &str, password: Option<&str>) -> Result<PgConnectOptions, StoreError> {
    // Our statements name their rows by key, and every key has an index. In a queue that fills and empties within minutes
    // the planner's statistics are always of another hour; a plan that scans the table made a claim take 11 seconds.
    let options = PgConnectOptions::from_str(url)?.application_name("backorderd").options([
        ("enable_seqscan", "off"),
        ("enable_bitmapscan", "off"),
        ("enable_hashjoin", "off"),
        ("enable_mergejoin", "off"),
        ("jit", "off"),
    ]);
    Ok(match password {
        Some(password) => options.password(password),
        None => options,
    })
}

impl Tx {
    /// Runs a statement; how many rows it changed.
    pub async fn execute(&mut self, sql: Sql, values: Vec<Value>) -> Result<u64, StoreError> {
        Ok(match self {
            Tx::Sqlite(tx) => bind_all!(sqlx::query(sql.sqlite), values).execute(&mut **tx).await?.rows_affected(),
            Tx::Postgres(tx) => bind_all!(sqlx::query(sql.postgres), values).execute(&mut **tx).await?.rows_affected(),
        })
    }

    /// All rows of a statement.
    pub async fn rows(&mut self, sql: Sql, values: Vec<Value>) -> Result<Vec<Row>, StoreError> {
        Ok(match self {
            Tx::Sqlite(tx) => {
                let rows = bind_all!(sqlx::query(sql.sqlite), values).fetch_all(&mut **tx).await?;
                rows.into_iter().map(Row::Sqlite).collect()
            }
            Tx::Postgres(tx) => {
                let rows = bind_all!(sqlx::query(sql.postgres), values).fetch_all(&mut **tx).await?;
                rows.into_iter().map(Row::Postgres).collect()
            }
        })
    }

    /// The first row of a statement, if it has one.
    pub async fn row(&mut self, sql: Sql, values: Vec<Value>) -> Result<Option<Row>, StoreError> {
        Ok(match self {
            Tx::Sqlite(tx) => {
                bind_all!(sqlx::query(sql.sqlite), values).fetch_optional(&mut **tx).await?.map(Row::Sqlite)
            }
            Tx::Postgres(tx) => {
                bind_all!(sqlx::query(sql.postgres), values).fetch_optional(&mut **tx).await?.map(Row::Postgres)
            }
        })
    }

    /// Calls `see` with each row as it comes; memory does not grow with their number.
    pub async fn each(
        &mut self,
        sql: Sql,
        values: Vec<Value>,
        mut see: impl FnMut(Row) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        use futures_util::TryStreamExt;
        match self {
            Tx::Sqlite(tx) => {
                let mut rows = bind_all!(sqlx::query(sql.sqlite), values).fetch(&mut **tx);
                while let Some(row) = rows.try_next().await? {
                    see(Row::Sqlite(row))?;
                }
            }
            Tx::Postgres(tx) => {
                let mut rows = bind_all!(sqlx::query(sql.postgres), values).fetch(&mut **tx);
                while let Some(row) = rows.try_next().await? {
                    see(Row::Postgres(row))?;
                }
            }
        }
        Ok(())
    }

    /// Runs a script of several statements, as a migration is.
    pub async fn script(&mut self, script: Sql) -> Result<(), StoreError> {
        match self {
            Tx::Sqlite(tx) => sqlx::raw_sql(script.sqlite).execute(&mut **tx).await.map(drop)?,
            Tx::Postgres(tx) => sqlx::raw_sql(script.postgres).execute(&mut **tx).await.map(drop)?,
        }
        Ok(())
    }

    /// Lets the commit go without waiting for the disk: a server that crashes may forget it, but never keeps anything
    /// that was committed later without it. For what is known to be done by a later commit that waits.
    pub async fn without_wait(&mut self) -> Result<(), StoreError> {
        // Differs because SQLite writes one file, and every commit waits.
        if let Tx::Postgres(_) = self {
            self.rows(sql!("select set_config('synchronous_commit', 'off', true)"), values![]).await?;
        }
        Ok(())
    }

    /// Commits; a test can have the process killed right before or right after.
    pub async fn commit_at(self, commit: Commit) -> Result<(), StoreError> {
        failpoint::reach(Point::Before(commit));
        self.commit().await?;
        failpoint::reach(Point::After(commit));
        Ok(())
    }

    pub async fn commit(self) -> Result<(), StoreError> {
        match self {
            Tx::Sqlite(tx) => tx.commit().await?,
            Tx::Postgres(tx) => tx.commit().await?,
        }
        Ok(())
    }
}
