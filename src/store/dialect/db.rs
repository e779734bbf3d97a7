//! A state database of either engine: how it is opened, and the transactions on it.

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use futures_util::TryStreamExt;
use sqlx::postgres::PgConnectOptions;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions as _, Connection as _, PgConnection, SqliteConnection};

use super::beside::Beside;
use super::block::Block;
use super::pool::{Pool, Turn};
use super::tx::see_each;
use super::{Row, Sql, Tx, Value};
use crate::store::StoreError;

/// The state database: connections of either engine. SQLite has one writer and several readers. Marks, which connections
/// to relays wait for, wait behind nothing: on SQLite they have a file of their own, on PostgreSQL a connection, whose
/// server process keeps at hand what they need; that alone brings a twentieth more mails a second.
#[derive(Clone, Debug)]
pub enum Db {
    Sqlite { writer: Pool<SqliteConnection>, readers: Pool<SqliteConnection>, beside: Beside },
    Postgres { pool: Pool<PgConnection>, marks: Pool<PgConnection> },
}

/// How long a statement waits for another process's write on SQLite.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);
/// How many rows of SQLite wait for who reads them; a batch has fewer.
const ROWS_AHEAD: usize = 512;
/// After so long without a connection a server counts as away. Who waits longer does not learn in time that leases
/// could not be prolonged.
const UNREACHABLE: Duration = Duration::from_secs(5);
/// How long to wait for a turn at an SQLite file.
const WRITING: Duration = Duration::from_secs(30);
/// Between two tries to open a database that is being made.
const BUSY_PAUSE: Duration = Duration::from_millis(20);

impl Db {
    /// Opens `sqlite://FILE` (made if absent) or `postgres://...`. `beside`: what is at the end of the name of the file
    /// beside an SQLite database, what makes that, and of which version.
    pub async fn open(
        url: &str,
        password: Option<&str>,
        beside: (&'static str, &'static str, i64),
    ) -> Result<Db, StoreError> {
        if url.starts_with("sqlite:") {
            let options = SqliteConnectOptions::from_str(url)?
                .create_if_missing(true)
                .journal_mode(SqliteJournalMode::Wal)
                .synchronous(SqliteSynchronous::Full)
                .foreign_keys(true)
                .busy_timeout(BUSY_TIMEOUT)
                // A batch's rows come in one go: its thread does not stand still for each few of them.
                .row_buffer_size(ROWS_AHEAD)
                // A batch's pages fit into memory, and are written once.
                .pragma("cache_size", "-8000")
                .pragma("wal_autocheckpoint", "4000");
            make_private(options.get_filename());
            let beside = Beside::new(&options, beside);
            // What a statement would take back if it failed midway is little, and needs no file.
            let writer = Pool::new(options.clone().pragma("temp_store", "memory"), 1, WRITING);
            patiently(|| async { writer.turn().await.map(Turn::end) }).await?;
            // They read each page about once; what they kept of it would only be memory.
            let reading = options.read_only(true).pragma("cache_size", "-2000");
            return Ok(Db::Sqlite { writer, readers: Pool::new(reading, 4, WRITING), beside });
        }
        let options = postgres_options(url, password)?;
        // One connection first: its error says what is wrong, the pool's would say after half a minute that time is over.
        PgConnection::connect_with(&options).await?.close().await?;
        Ok(Db::Postgres { pool: Pool::new(options.clone(), 7, UNREACHABLE), marks: Pool::new(options, 1, UNREACHABLE) })
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
        let mut connection = PgConnection::connect_with(&postgres_options(url, password)?).await?;
        let found =
            sqlx::query_scalar("select to_regclass('migrations') is not null").fetch_one(&mut connection).await?;
        connection.close().await?;
        Ok(found)
    }

    /// A transaction that may write.
    pub async fn write(&self) -> Result<Tx, StoreError> {
        Ok(match self {
            // It takes the write lock at once: a reader that becomes a writer would fail with "database is locked" without
            // waiting.
            Db::Sqlite { writer, .. } => Tx::Sqlite(Block::begin(writer.turn().await?, "begin immediate").await?),
            Db::Postgres { pool, .. } => Tx::Postgres(Block::begin(pool.turn().await?, "begin").await?),
        })
    }

    /// One statement that is a transaction by itself and may write, and its rows.
    pub async fn alone(&self, sql: Sql, values: Vec<Value>) -> Result<Vec<Row>, StoreError> {
        match self {
            Db::Sqlite { writer, .. } => fetch_sqlite(writer, sql, values).await,
            Db::Postgres { pool, .. } => fetch_postgres(pool, sql, values).await,
        }
    }

    /// Makes the file beside an SQLite database, if it is not there.
    pub async fn make_beside(&self) -> Result<(), StoreError> {
        match self {
            Db::Sqlite { beside, .. } => beside.make().await,
            Db::Postgres { .. } => Ok(()),
        }
    }

    /// What [`Db::alone`] does, for marks.
    pub async fn marks(&self, sql: Sql, values: Vec<Value>) -> Result<Vec<Row>, StoreError> {
        match self {
            Db::Sqlite { beside, .. } => beside.rows(sql, values).await,
            Db::Postgres { marks, .. } => fetch_postgres(marks, sql, values).await,
        }
    }

    /// The rows of one question.
    pub async fn rows(&self, sql: Sql, values: Vec<Value>) -> Result<Vec<Row>, StoreError> {
        match self {
            Db::Sqlite { readers, .. } => fetch_sqlite(readers, sql, values).await,
            Db::Postgres { pool, .. } => fetch_postgres(pool, sql, values).await,
        }
    }

    /// Calls `see` with each row of one question as it comes; memory does not grow with their number.
    pub async fn each(
        &self,
        sql: Sql,
        values: Vec<Value>,
        see: impl FnMut(Row) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        match self {
            Db::Sqlite { readers, .. } => {
                let mut turn = readers.turn().await?;
                see_each(sql.for_sqlite(values)?.fetch(turn.connection()).map_ok(Row::Sqlite), see).await?;
                turn.end();
                Ok(())
            }
            Db::Postgres { pool, .. } => {
                let mut turn = pool.turn().await?;
                see_each(sql.for_postgres(&values)?.fetch(turn.connection()).map_ok(Row::Postgres), see).await?;
                turn.end();
                Ok(())
            }
        }
    }

    /// A transaction that only reads, and sees one state of the database.
    pub async fn read(&self) -> Result<Tx, StoreError> {
        Ok(match self {
            Db::Sqlite { readers, .. } => Tx::Sqlite(Block::begin(readers.turn().await?, "begin").await?),
            Db::Postgres { pool, .. } => {
                let begin = "begin isolation level repeatable read read only";
                Tx::Postgres(Block::begin(pool.turn().await?, begin).await?)
            }
        })
    }

    pub async fn close(&self) {
        match self {
            Db::Sqlite { writer, readers, beside } => {
                beside.close().await;
                readers.close().await;
                writer.close().await;
            }
            Db::Postgres { pool, marks } => {
                marks.close().await;
                pool.close().await;
            }
        }
    }
}

async fn fetch_sqlite(pool: &Pool<SqliteConnection>, sql: Sql, values: Vec<Value>) -> Result<Vec<Row>, StoreError> {
    let query = sql.for_sqlite(values)?;
    let rows = pool.turn().await?.run(async |connection| query.fetch_all(connection).await).await?;
    Ok(rows.into_iter().map(Row::Sqlite).collect())
}

async fn fetch_postgres(pool: &Pool<PgConnection>, sql: Sql, values: Vec<Value>) -> Result<Vec<Row>, StoreError> {
    let query = sql.for_postgres(&values)?;
    let rows = pool.turn().await?.run(async |connection| query.fetch_all(connection).await).await?;
    Ok(rows.into_iter().map(Row::Postgres).collect())
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

/// Opens a file as often as it takes. While a new database is being made a write-ahead one, SQLite turns others away at
/// once, whatever the time-out.
pub(super) async fn patiently<T, F>(open: impl Fn() -> F) -> Result<T, StoreError>
where
    F: Future<Output = Result<T, StoreError>>,
{
    let patience = tokio::time::Instant::now() + BUSY_TIMEOUT;
    loop {
        match open().await {
            Err(StoreError::Database(sqlx::Error::Database(error)))
                if error.message().contains("locked") && tokio::time::Instant::now() < patience =>
            {
                tokio::time::sleep(BUSY_PAUSE).await;
            }
            opened => return opened,
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
        // A statement that names its rows by key has one good plan, whatever the number of keys.
        ("plan_cache_mode", "force_generic_plan"),
        // A process that is frozen, or cut off, in the midst of a transaction keeps its rows locked no longer than it
        // would keep a lease.
        ("idle_in_transaction_session_timeout", "30s"),
    ]);
    Ok(match password {
        Some(password) => options.password(password),
        None => options,
    })
}
