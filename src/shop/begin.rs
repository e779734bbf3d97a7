//! How a transaction in the shop's database begins: with its time limit, and either read only or not.
//!
//! In: an open connection and the limit of a statement. Out: the connection inside a transaction, in UTC. To read, it
//! sees one moment of the database; to write, it fails where nobody can write.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use sqlx::mysql::MySqlConnection;
use sqlx::postgres::PgConnection;
use sqlx::sqlite::SqliteConnection;

use crate::settings::duration::Span;

/// How many steps of SQLite's machine go by between two looks at whether the statement shall end: about a millisecond.
const STEPS_BETWEEN_CHECKS: i32 = 10_000;

pub(super) async fn to_read_postgres(connection: &mut PgConnection, limit: Span) -> Result<(), sqlx::Error> {
    sqlx::query("begin isolation level repeatable read read only").persistent(false).execute(&mut *connection).await?;
    // Its own select takes the snapshot.
    limit_postgres(connection, limit).await
}

/// Whatever the login's default is: only a standby and a read-only server refuse it.
pub(super) async fn to_write_postgres(connection: &mut PgConnection, limit: Span) -> Result<(), sqlx::Error> {
    sqlx::query("begin read write").persistent(false).execute(&mut *connection).await?;
    limit_postgres(connection, limit).await?;
    // If this process stands still, its locks end with its transaction.
    let idle = "select set_config('idle_in_transaction_session_timeout', $1, true)";
    sqlx::query(idle).bind(format!("{}s", limit.as_secs())).persistent(false).execute(connection).await?;
    Ok(())
}

/// `set_config(..., true)` is `SET LOCAL` with a value that may be bound.
async fn limit_postgres(connection: &mut PgConnection, limit: Span) -> Result<(), sqlx::Error> {
    let settings = "select set_config('statement_timeout', $1, true), set_config('lock_timeout', $1, true), \
                    set_config('TimeZone', 'UTC', true), set_config('DateStyle', 'ISO, YMD', true)";
    let limit = format!("{}s", limit.as_secs());
    sqlx::query(settings).bind(limit).persistent(false).execute(connection).await?;
    Ok(())
}

/// The driver has set the session's time zone to UTC already.
pub(super) async fn to_read_mysql(connection: &mut MySqlConnection, limit: Span) -> Result<(), sqlx::Error> {
    limit_mysql(connection, limit).await?;
    for statement in [
        "set session transaction isolation level repeatable read",
        "start transaction with consistent snapshot, read only",
    ] {
        sqlx::raw_sql(statement).execute(&mut *connection).await?;
    }
    Ok(())
}

/// MySQL itself limits no statement that writes, only how long it waits for a lock.
pub(super) async fn to_write_mysql(connection: &mut MySqlConnection, limit: Span) -> Result<(), sqlx::Error> {
    limit_mysql(connection, limit).await?;
    for statement in ["set session innodb_lock_wait_timeout = ?", "set session lock_wait_timeout = ?"] {
        sqlx::query(statement).bind(limit.as_secs()).persistent(false).execute(&mut *connection).await?;
    }
    sqlx::raw_sql("start transaction read write").execute(connection).await?;
    Ok(())
}

async fn limit_mysql(connection: &mut MySqlConnection, limit: Span) -> Result<(), sqlx::Error> {
    let (version,): (String,) =
        sqlx::query_as("select version()").persistent(false).fetch_one(&mut *connection).await?;
    // differs because MariaDB counts seconds and MySQL milliseconds, under another name
    let (statement, limit) = if version.contains("MariaDB") {
        ("set session max_statement_time = ?", limit.as_secs())
    } else {
        ("set session max_execution_time = ?", limit.as_secs() * 1000)
    };
    sqlx::query(statement).bind(limit).persistent(false).execute(connection).await?;
    Ok(())
}

/// SQLite has no time limit of its own: a statement ends when the flag is raised.
pub(super) async fn to_read_sqlite(
    connection: &mut SqliteConnection,
    cut_off: &Arc<AtomicBool>,
) -> Result<(), sqlx::Error> {
    let goes_on = {
        let cut_off = Arc::clone(cut_off);
        move || !cut_off.load(Ordering::Relaxed)
    };
    connection.lock_handle().await?.set_progress_handler(STEPS_BETWEEN_CHECKS, goes_on);
    sqlx::query("begin deferred").persistent(false).execute(&mut *connection).await?;
    // The snapshot is taken by the first read.
    sqlx::query("select count(*) from sqlite_schema").persistent(false).fetch_one(connection).await?;
    Ok(())
}

/// Waits for the one writer at the beginning, because a transaction that began by reading cannot wait for it; from then
/// on `limit` holds for all statements together.
pub(super) async fn to_write_sqlite(connection: &mut SqliteConnection, limit: Span) -> Result<(), sqlx::Error> {
    sqlx::query("begin immediate").persistent(false).execute(&mut *connection).await?;
    let began = Instant::now();
    let limit = limit.duration();
    connection.lock_handle().await?.set_progress_handler(STEPS_BETWEEN_CHECKS, move || began.elapsed() < limit);
    Ok(())
}
