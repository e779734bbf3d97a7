//! One transaction that writes into the shop's database.
//!
//! In: an open connection, the statements, and the values of an answer. Out: how many rows there were for it. It is done
//! when [`Writing::commit`] said so; dropped or given up, nothing was changed.

use std::time::Duration;

use sqlx::postgres::types::Oid;
use sqlx::{
    Connection as _, Either, Executor, MySql, MySqlConnection, PgConnection, Postgres, SqlSafeStr, Sqlite,
    SqliteConnection,
};
use sqlx::{Statement as _, query, query_scalar};

use super::parameters::Statement;
use super::values::{Value, Values};
use crate::settings::duration::Span;
use crate::shop::begin::{to_write_mysql, to_write_postgres, to_write_sqlite};
use crate::shop::engine::Engine;
use crate::shop::select::sql;
use crate::shop::source::Connection;

/// A server that does not hear our good-bye is left without one.
const PATIENCE: Duration = Duration::from_secs(5);

pub(super) struct Writing {
    connection: Connection,
    rows: u64,
}

impl Writing {
    pub async fn begin(mut connection: Connection, limit: Span) -> Result<Writing, sqlx::Error> {
        match &mut connection {
            Connection::Postgres(connection) => to_write_postgres(connection, limit).await?,
            Connection::MySql(connection) => to_write_mysql(connection, limit).await?,
            Connection::Sqlite(connection, _) => to_write_sqlite(connection, limit).await?,
        }
        Ok(Writing { connection, rows: 0 })
    }

    /// Runs one statement. The rows that it changed count; on PostgreSQL also those that a `select` gives back, which may
    /// have called a function.
    pub async fn run(&mut self, statement: &Statement, values: &Values<'_>) -> Result<(), sqlx::Error> {
        self.rows += match &mut self.connection {
            Connection::Postgres(connection) => run_postgres(connection, statement, values).await?,
            Connection::MySql(connection) => run_mysql(connection, statement, values).await?,
            Connection::Sqlite(connection, _) => {
                run_sqlite(connection, statement, values).await?;
                // What SQLite says of a single statement leaves out what a view's triggers did.
                let all: i64 = query_scalar("select total_changes()").persistent(false).fetch_one(connection).await?;
                (all as u64).saturating_sub(self.rows)
            }
        };
        Ok(())
    }

    /// Makes it last; how many rows there were.
    pub async fn commit(mut self) -> Result<u64, sqlx::Error> {
        let committed = match &mut self.connection {
            Connection::Postgres(connection) => query("commit").persistent(false).execute(connection).await.map(drop),
            Connection::MySql(connection) => sqlx::raw_sql("commit").execute(connection).await.map(drop),
            Connection::Sqlite(connection, _) => query("commit").persistent(false).execute(connection).await.map(drop),
        };
        let rows = self.rows;
        match committed {
            Ok(()) => self.leave().await,
            Err(error) if error.as_database_error().is_some() => {
                self.give_up().await;
                return Err(error);
            }
            Err(error) => return Err(error),
        }
        Ok(rows)
    }

    /// Takes everything back.
    pub async fn give_up(self) {
        // Whatever becomes of it, the transaction ends with its connection.
        let _ = tokio::time::timeout(PATIENCE, self.connection.close()).await;
    }

    /// It is done, and nothing that happens to the connection changes that.
    async fn leave(self) {
        let leaving = async {
            match self.connection {
                Connection::Postgres(connection) => connection.close().await,
                Connection::MySql(connection) => connection.close().await,
                Connection::Sqlite(connection, _) => connection.close().await,
            }
        };
        let _ = tokio::time::timeout(PATIENCE, leaving).await;
    }

    /// Whether this database can be written to at all. SQLite begins to write in a file that it may only read, and says so
    /// at the first change; here it is one that leaves everything as it is.
    pub async fn try_to_write(&mut self) -> Result<(), sqlx::Error> {
        let Connection::Sqlite(connection, _) = &mut self.connection else { return Ok(()) };
        let version: i64 = query_scalar("pragma user_version").persistent(false).fetch_one(&mut *connection).await?;
        query(sql(format!("pragma user_version = {version}"))).persistent(false).execute(connection).await.map(drop)
    }

    /// Lets the database read a statement, and look at the login's rights, without running it.
    pub async fn rehearse(&mut self, statement: &Statement) -> Result<(), sqlx::Error> {
        match &mut self.connection {
            Connection::Postgres(connection) => rehearse_postgres(connection, statement).await,
            Connection::MySql(connection) => rehearse_mysql(connection, statement).await,
            Connection::Sqlite(connection, _) => {
                connection.prepare(sql(statement.sql(Engine::Sqlite)).into_sql_str()).await.map(drop)
            }
        }
    }
}

/// Every value goes as a text, which the statement reads as the type that its place has: a text is no number to
/// PostgreSQL, and the driver tells it the type of what it binds.
async fn run_postgres(
    connection: &mut PgConnection,
    statement: &Statement,
    values: &Values<'_>,
) -> Result<u64, sqlx::Error> {
    let types = types(connection, statement).await?;
    let mut query = query::<Postgres>(sql(statement.sql_of_texts(&types))).persistent(false);
    for parameter in statement.parameters() {
        query = query.bind(values.text(parameter, Engine::Postgres));
    }
    Ok(query.execute(connection).await?.rows_affected())
}

async fn run_mysql(
    connection: &mut MySqlConnection,
    statement: &Statement,
    values: &Values<'_>,
) -> Result<u64, sqlx::Error> {
    let mut query = query::<MySql>(sql(statement.sql(Engine::MySql))).persistent(false);
    for parameter in statement.parameters() {
        query = match values.value(parameter, Engine::MySql) {
            Value::Text(text) => query.bind(text),
            Value::Whole(number) => query.bind(number),
            Value::Fraction(number) => query.bind(number),
        };
    }
    Ok(query.execute(connection).await?.rows_affected())
}

async fn run_sqlite(
    connection: &mut SqliteConnection,
    statement: &Statement,
    values: &Values<'_>,
) -> Result<(), sqlx::Error> {
    let mut query = query::<Sqlite>(sql(statement.sql(Engine::Sqlite))).persistent(false);
    for parameter in statement.parameters() {
        query = match values.value(parameter, Engine::Sqlite) {
            Value::Text(text) => query.bind(text),
            Value::Whole(number) => query.bind(number),
            Value::Fraction(number) => query.bind(number),
        };
    }
    query.execute(connection).await.map(drop)
}

/// The types that the server finds for the parameters, as it spells them.
async fn types(connection: &mut PgConnection, statement: &Statement) -> Result<Vec<String>, sqlx::Error> {
    let prepared = connection.prepare(sql(statement.sql(Engine::Postgres)).into_sql_str()).await?;
    let oids: Vec<Oid> = match prepared.parameters() {
        Some(Either::Left(types)) => types.iter().filter_map(sqlx::postgres::PgTypeInfo::oid).collect(),
        _ => Vec::new(),
    };
    // Behind a pooler the next transaction has another server, where this name may be taken.
    connection.clear_cached_statements().await?;
    // Without -1, `character` would be a single letter.
    query_scalar("select format_type(t.oid, -1) from unnest($1::oid[]) with ordinality t (oid, place) order by place")
        .bind(oids)
        .persistent(false)
        .fetch_all(connection)
        .await
}

/// `explain` looks at the rights too, and runs nothing.
async fn rehearse_postgres(connection: &mut PgConnection, statement: &Statement) -> Result<(), sqlx::Error> {
    let types = types(connection, statement).await?;
    if !statement.can_be_explained() {
        return Ok(());
    }
    let mut query = query::<Postgres>(sql(format!("explain {}", statement.sql_of_texts(&types)))).persistent(false);
    for _ in statement.parameters() {
        query = query.bind(None::<String>);
    }
    query.execute(connection).await.map(drop)
}

async fn rehearse_mysql(connection: &mut MySqlConnection, statement: &Statement) -> Result<(), sqlx::Error> {
    let text = statement.sql(Engine::MySql);
    connection.prepare(sql(text.clone()).into_sql_str()).await?;
    if !statement.can_be_explained() {
        return Ok(());
    }
    let mut query = query::<MySql>(sql(format!("explain {text}"))).persistent(false);
    for _ in statement.parameters() {
        query = query.bind(None::<String>);
    }
    query.execute(connection).await.map(drop)
}
