//! The way to the shop's database: connections that can only read, each with one snapshot and a time limit.
//!
//! In: `[orders]` url and password. Out: a [`Connection`] inside a read-only transaction that sees one moment of the
//! database. A connection is made for each look and closed after it: nothing is held between looks, so neither a
//! restart of the server, a pooler in between, nor a replaced SQLite file leaves anything stale.
//! What can go wrong: a URL that cannot be read, a server that is away or refuses the login.

use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use sqlx::mysql::{MySqlConnectOptions, MySqlConnection};
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions, Connection as _};

use super::engine::Engine;
use super::error::ShopError;
use crate::settings::duration::Span;
use crate::settings::orders::OrdersSettings;

/// How long a server may take to let us in.
const CONNECT_WITHIN: Duration = Duration::from_secs(10);
/// How long a SQLite reader waits for a writer.
const WAIT_FOR_LOCK: Duration = Duration::from_secs(5);
/// How many steps of SQLite's machine go by between two looks at whether the statement shall end: about a millisecond.
const STEPS_BETWEEN_CHECKS: i32 = 10_000;

/// Where the shop's database is and how to log in.
pub(super) enum Source {
    Postgres(PgConnectOptions),
    MySql(MySqlConnectOptions),
    Sqlite(SqliteConnectOptions),
}

/// An open connection. Dropping it ends the transaction; `close` says good-bye to the server first.
pub(super) enum Connection {
    Postgres(PgConnection),
    MySql(MySqlConnection),
    Sqlite(SqliteConnection, Arc<AtomicBool>),
}

impl Source {
    pub fn of(orders: &OrdersSettings) -> Result<Source, ShopError> {
        let engine = Engine::of(&orders.url)?;
        let password = orders.password.as_ref().map(super::super::settings::secret::Secret::expose);
        refuse_torn_url(&orders.url)?;
        // The driver's own words may repeat a part of the URL, and a password may be in it.
        let unreadable = |_| {
            ShopError::Settings(
                "[orders] url cannot be read; write it as postgres://user@host:5432/database, \
                 mysql://user@host/database or sqlite://file, special characters as %-codes, \
                 and the password best in password_file"
                    .into(),
            )
        };
        Ok(match engine {
            Engine::Postgres => {
                let mut options = PgConnectOptions::from_str(&orders.url).map_err(unreadable)?;
                if let Some(password) = password {
                    options = options.password(password);
                }
                Source::Postgres(options.application_name("backorderd").disable_statement_logging())
            }
            Engine::MySql => {
                let mut options = MySqlConnectOptions::from_str(&orders.url).map_err(unreadable)?;
                if let Some(password) = password {
                    options = options.password(password);
                }
                // `||` shall mean to the operator's query what it means to the operator's own client.
                Source::MySql(options.pipes_as_concat(false).charset("utf8mb4").disable_statement_logging())
            }
            Engine::Sqlite => {
                let options = SqliteConnectOptions::from_str(&orders.url).map_err(unreadable)?;
                let options = options.read_only(true).create_if_missing(false).busy_timeout(WAIT_FOR_LOCK);
                Source::Sqlite(options.pragma("query_only", "on").disable_statement_logging())
            }
        })
    }

    pub fn engine(&self) -> Engine {
        match self {
            Source::Postgres(_) => Engine::Postgres,
            Source::MySql(_) => Engine::MySql,
            Source::Sqlite(_) => Engine::Sqlite,
        }
    }

    /// For errors: the database's address, without user and password.
    pub fn place(&self) -> String {
        match self {
            Source::Postgres(options) => format!(
                "{} at {}:{}",
                options.get_database().unwrap_or(options.get_username()),
                options.get_host(),
                options.get_port()
            ),
            Source::MySql(options) => {
                format!("{} at {}:{}", options.get_database().unwrap_or(""), options.get_host(), options.get_port())
            }
            Source::Sqlite(options) => options.get_filename().display().to_string(),
        }
    }

    /// Connects and begins the one read-only transaction; `limit` holds for each statement in it.
    pub async fn connect(&self, limit: Span) -> Result<Connection, ShopError> {
        let place = self.place();
        if let Ok(connection) = tokio::time::timeout(CONNECT_WITHIN, self.begin(limit)).await {
            connection.map_err(|error| refused(&place, &error))
        } else {
            let message = format!("did not answer within {} s; is the server up?", CONNECT_WITHIN.as_secs());
            Err(ShopError::Away { place, message })
        }
    }

    async fn begin(&self, limit: Span) -> Result<Connection, sqlx::Error> {
        match self {
            Source::Postgres(options) => {
                let mut connection = options.connect().await?;
                begin_postgres(&mut connection, limit).await?;
                Ok(Connection::Postgres(connection))
            }
            Source::MySql(options) => {
                let mut connection = options.connect().await?;
                begin_mysql(&mut connection, limit).await?;
                Ok(Connection::MySql(connection))
            }
            Source::Sqlite(options) => {
                let mut connection = options.connect().await?;
                let cut_off = begin_sqlite(&mut connection).await?;
                Ok(Connection::Sqlite(connection, cut_off))
            }
        }
    }
}

impl Connection {
    /// Ends a SQLite statement that is still running; the servers end theirs by themselves.
    pub fn cut_off(&self) {
        if let Connection::Sqlite(_, cut_off) = self {
            cut_off.store(true, Ordering::Relaxed);
        }
    }

    pub async fn close(self) -> Result<(), sqlx::Error> {
        match self {
            Connection::Postgres(mut connection) => {
                sqlx::query("rollback").persistent(false).execute(&mut connection).await?;
                connection.close().await
            }
            Connection::MySql(mut connection) => {
                sqlx::query("rollback").persistent(false).execute(&mut connection).await?;
                connection.close().await
            }
            Connection::Sqlite(mut connection, _) => {
                sqlx::query("rollback").persistent(false).execute(&mut connection).await?;
                connection.close().await
            }
        }
    }
}

/// `set_config(..., true)` is `SET LOCAL` with a value that may be bound; its own select takes the snapshot.
async fn begin_postgres(connection: &mut PgConnection, limit: Span) -> Result<(), sqlx::Error> {
    sqlx::query("begin isolation level repeatable read read only").persistent(false).execute(&mut *connection).await?;
    let settings = "select set_config('statement_timeout', $1, true), set_config('lock_timeout', $1, true), \
                    set_config('TimeZone', 'UTC', true), set_config('DateStyle', 'ISO, YMD', true)";
    let limit = format!("{}s", limit.as_secs());
    sqlx::query(settings).bind(limit).persistent(false).execute(connection).await?;
    Ok(())
}

/// The driver has set the session's time zone to UTC already.
async fn begin_mysql(connection: &mut MySqlConnection, limit: Span) -> Result<(), sqlx::Error> {
    let (version,): (String,) =
        sqlx::query_as("select version()").persistent(false).fetch_one(&mut *connection).await?;
    // differs because MariaDB counts seconds and MySQL milliseconds, under another name
    let (statement, limit) = if version.contains("MariaDB") {
        ("set session max_statement_time = ?", limit.as_secs())
    } else {
        ("set session max_execution_time = ?", limit.as_secs() * 1000)
    };
    sqlx::query(statement).bind(limit).persistent(false).execute(&mut *connection).await?;
    for statement in [
        "set session transaction isolation level repeatable read",
        "start transaction with consistent snapshot, read only",
    ] {
        sqlx::raw_sql(statement).execute(&mut *connection).await?;
    }
    Ok(())
}

/// SQLite has no time limit of its own: a statement ends when the flag is raised that this gives back.
async fn begin_sqlite(connection: &mut SqliteConnection) -> Result<Arc<AtomicBool>, sqlx::Error> {
    let cut_off = Arc::new(AtomicBool::new(false));
    let goes_on = {
        let cut_off = Arc::clone(&cut_off);
        move || !cut_off.load(Ordering::Relaxed)
    };
    connection.lock_handle().await?.set_progress_handler(STEPS_BETWEEN_CHECKS, goes_on);
    sqlx::query("begin deferred").persistent(false).execute(&mut *connection).await?;
    // The snapshot is taken by the first read.
    sqlx::query("select count(*) from sqlite_schema").persistent(false).fetch_one(connection).await?;
    Ok(cut_off)
}

/// A `/`, `?` or `#` inside a password ends the host's part of the URL too early, and the rest of the password would
/// be taken for a path or a parameter and end up in errors and logs.
fn refuse_torn_url(url: &str) -> Result<(), ShopError> {
    let rest = url.split_once("://").map_or("", |(_, rest)| rest);
    let (host, tail) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    if !url.starts_with("sqlite:") && tail.contains('@') && !host.contains('@') {
        return Err(ShopError::Settings(
            "[orders] url has a special character before its @; write the password in password_file, \
             or the character as a %-code (/ is %2F, ? is %3F, # is %23)"
                .into(),
        ));
    }
    Ok(())
}

/// Why there is no connection, with the mend where the reason is known.
fn refused(place: &str, error: &sqlx::Error) -> ShopError {
    let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code).map(|code| code.to_string());
    let mend = match (code.as_deref(), error) {
        (Some("28P01" | "28000"), _) => "; mend the user in [orders] url, and password or password_file",
        (Some("3D000" | "42000"), _) => "; mend the database in [orders] url",
        // SQLITE_CANTOPEN
        (Some("14"), _) => "; mend the path in [orders] url, the file must exist and be readable",
        (_, sqlx::Error::Io(_)) => "; is the server up, and [orders] url right?",
        _ => "",
    };
    match ShopError::away(place, error) {
        ShopError::Away { place, message } => ShopError::Away { place, message: format!("{message}{mend}") },
        other => other,
    }
}
