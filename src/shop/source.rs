//! The way to the shop's database: connections that can only read, and those for the operator's own statements.
//!
//! In: url and password of `[orders]` or `[choices]`. Out: a [`Connection`]. One is made for each look or answer and
//! closed after it: nothing is held between them, so neither a restart of the server, a pooler in between, nor a
//! replaced SQLite file leaves anything stale.
//! What can go wrong: a URL that cannot be read, a server that is away or refuses the login.

use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use sqlx::mysql::{MySqlConnectOptions, MySqlConnection};
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions, Connection as _};

use super::begin::{to_read_mysql, to_read_postgres, to_read_sqlite};
use super::engine::Engine;
use super::error::ShopError;
use crate::settings::duration::Span;
use crate::settings::orders::{ChoiceSettings, OrdersSettings};
use crate::settings::secret::Secret;

/// How long a server may take to let us in.
const CONNECT_WITHIN: Duration = Duration::from_secs(10);
/// How long a reader of SQLite waits for a writer.
const WAIT_FOR_LOCK: Duration = Duration::from_secs(5);
/// Where the shop's database is and how to log in.
pub(super) struct Source {
    options: Options,
    /// Where the login stands in the settings.
    section: &'static str,
}

enum Options {
    Postgres(PgConnectOptions),
    MySql(MySqlConnectOptions),
    Sqlite(SqliteConnectOptions),
}

/// A login as the settings have it.
struct Login<'a> {
    section: &'static str,
    url: &'a str,
    password: Option<&'a str>,
}

/// An open connection. Dropping it ends the transaction; `close` says good-bye to the server first.
pub(super) enum Connection {
    Postgres(PgConnection),
    MySql(MySqlConnection),
    Sqlite(SqliteConnection, Arc<AtomicBool>),
}

impl Source {
    /// The feeds' login, which may read.
    pub fn of(orders: &OrdersSettings) -> Result<Source, ShopError> {
        let mut source = Source::for_login(&Login::of_orders(orders))?;
        if let Options::Sqlite(options) = source.options {
            source.options = Options::Sqlite(options.read_only(true).pragma("query_only", "on"));
        }
        Ok(source)
    }

    /// The login of the statements for answers, which may write.
    pub fn of_answers(orders: &OrdersSettings, choices: &ChoiceSettings) -> Result<Source, ShopError> {
        let mut source = Source::for_login(&Login::of_choices(choices).unwrap_or_else(|| Login::of_orders(orders)))?;
        if let Options::Sqlite(options) = source.options {
            source.options = Options::Sqlite(options.busy_timeout(orders.statement_timeout.duration()));
        }
        Ok(source)
    }

    fn for_login(login: &Login<'_>) -> Result<Source, ShopError> {
        let engine = Engine::of(login.url)?;
        refuse_torn_url(login)?;
        // The driver's own words may repeat a part of the URL, and a password may be in it.
        let unreadable = |_| {
            ShopError::Settings(format!(
                "[{}] url cannot be read; write it as postgres://user@host:5432/database, \
                 mysql://user@host/database or sqlite://file, special characters as %-codes, \
                 and the password best in password_file",
                login.section
            ))
        };
        let options = match engine {
            Engine::Postgres => {
                let mut options = PgConnectOptions::from_str(login.url).map_err(unreadable)?;
                if let Some(password) = login.password {
                    options = options.password(password);
                }
                Options::Postgres(options.application_name("backorderd").disable_statement_logging())
            }
            Engine::MySql => {
                let mut options = MySqlConnectOptions::from_str(login.url).map_err(unreadable)?;
                if let Some(password) = login.password {
                    options = options.password(password);
                }
                // `||` shall mean to the operator's query what it means to the operator's own client.
                Options::MySql(options.pipes_as_concat(false).charset("utf8mb4").disable_statement_logging())
            }
            Engine::Sqlite => {
                let options = SqliteConnectOptions::from_str(login.url).map_err(unreadable)?;
                Options::Sqlite(
                    options.create_if_missing(false).busy_timeout(WAIT_FOR_LOCK).disable_statement_logging(),
                )
            }
        };
        Ok(Source { options, section: login.section })
    }

    pub fn engine(&self) -> Engine {
        match self.options {
            Options::Postgres(_) => Engine::Postgres,
            Options::MySql(_) => Engine::MySql,
            Options::Sqlite(_) => Engine::Sqlite,
        }
    }

    /// For errors: the database's address, without user and password.
    pub fn place(&self) -> String {
        match &self.options {
            Options::Postgres(options) => format!(
                "{} at {}:{}",
                options.get_database().unwrap_or(options.get_username()),
                options.get_host(),
                options.get_port()
            ),
            Options::MySql(options) => {
                format!("{} at {}:{}", options.get_database().unwrap_or(""), options.get_host(), options.get_port())
            }
            Options::Sqlite(options) => options.get_filename().display().to_string(),
        }
    }

    /// Connects and begins the one read-only transaction; `limit` holds for each statement in it.
    pub async fn connect_to_read(&self, limit: Span) -> Result<Connection, ShopError> {
        let begun = async {
            let mut connection = self.open().await?;
            match &mut connection {
                Connection::Postgres(connection) => to_read_postgres(connection, limit).await?,
                Connection::MySql(connection) => to_read_mysql(connection, limit).await?,
                Connection::Sqlite(connection, cut_off) => to_read_sqlite(connection, cut_off).await?,
            }
            Ok(connection)
        };
        self.in_time(begun).await
    }

    /// Connects, and begins nothing.
    pub async fn connect(&self) -> Result<Connection, ShopError> {
        self.in_time(self.open()).await
    }

    async fn in_time(
        &self,
        connecting: impl Future<Output = Result<Connection, sqlx::Error>>,
    ) -> Result<Connection, ShopError> {
        let place = self.place();
        if let Ok(connection) = tokio::time::timeout(CONNECT_WITHIN, connecting).await {
            connection.map_err(|error| refused(&place, self.section, &error))
        } else {
            let message = format!("did not answer within {} s; is the server up?", CONNECT_WITHIN.as_secs());
            Err(ShopError::Away { place, message })
        }
    }

    async fn open(&self) -> Result<Connection, sqlx::Error> {
        Ok(match &self.options {
            Options::Postgres(options) => Connection::Postgres(options.connect().await?),
            Options::MySql(options) => Connection::MySql(options.connect().await?),
            Options::Sqlite(options) => Connection::Sqlite(options.connect().await?, Arc::default()),
        })
    }
}

impl<'a> Login<'a> {
    fn of_orders(orders: &'a OrdersSettings) -> Login<'a> {
        Login { section: "orders", url: &orders.url, password: orders.password.as_ref().map(Secret::expose) }
    }

    /// `None`: the statements use the feeds' login.
    fn of_choices(choices: &'a ChoiceSettings) -> Option<Login<'a>> {
        let url = choices.url.as_deref()?;
        Some(Login { section: "choices", url, password: choices.password.as_ref().map(Secret::expose) })
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

/// A `/`, `?` or `#` inside a password ends the host's part of the URL too early, and the rest of the password would
/// be taken for a path or a parameter and end up in errors and logs.
fn refuse_torn_url(login: &Login<'_>) -> Result<(), ShopError> {
    let url = login.url;
    let rest = url.split_once("://").map_or("", |(_, rest)| rest);
    let (host, tail) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    if !url.starts_with("sqlite:") && tail.contains('@') && !host.contains('@') {
        return Err(ShopError::Settings(format!(
            "[{}] url has a special character before its @; write the password in password_file, \
             or the character as a %-code (/ is %2F, ? is %3F, # is %23)",
            login.section
        )));
    }
    Ok(())
}

/// Why there is no connection, with the mend where the reason is known.
fn refused(place: &str, section: &str, error: &sqlx::Error) -> ShopError {
    let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code).map(|code| code.to_string());
    let mend = match (code.as_deref(), error) {
        (Some("28P01" | "28000"), _) => format!("; mend the user in [{section}] url, and password or password_file"),
        (Some("3D000" | "42000"), _) => format!("; mend the database in [{section}] url"),
        // SQLITE_CANTOPEN
        (Some("14"), _) => format!("; mend the path in [{section}] url, the file must exist and be readable"),
        (_, sqlx::Error::Io(_)) => format!("; is the server up, and [{section}] url right?"),
        _ => String::new(),
    };
    match ShopError::away(place, error) {
        ShopError::Away { place, message } => ShopError::Away { place, message: message + &mend },
        other => other,
    }
}
