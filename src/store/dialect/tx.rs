//! A transaction on either engine, and the statements in it.

use futures_util::{Stream, TryStreamExt};
use sqlx::{PgConnection, SqliteConnection};

use super::block::Block;
use super::{Row, Sql, Value, sql, values};
use crate::failpoint::{self, Commit, Point};
use crate::store::StoreError;

/// A transaction on either engine; dropped without [`Tx::commit`] it is rolled back.
#[derive(Debug)]
pub enum Tx {
    Sqlite(Block<SqliteConnection>),
    Postgres(Block<PgConnection>),
}

impl Tx {
    /// Runs a statement; how many rows it changed.
    pub async fn execute(&mut self, sql: Sql, values: Vec<Value>) -> Result<u64, StoreError> {
        Ok(match self {
            Tx::Sqlite(tx) => sql.for_sqlite(values)?.execute(tx.connection()).await?.rows_affected(),
            Tx::Postgres(tx) => sql.for_postgres(&values)?.execute(tx.connection()).await?.rows_affected(),
        })
    }

    /// All rows of a statement.
    pub async fn rows(&mut self, sql: Sql, values: Vec<Value>) -> Result<Vec<Row>, StoreError> {
        Ok(match self {
            Tx::Sqlite(tx) => {
                let rows = sql.for_sqlite(values)?.fetch_all(tx.connection()).await?;
                rows.into_iter().map(Row::Sqlite).collect()
            }
            Tx::Postgres(tx) => {
                let rows = sql.for_postgres(&values)?.fetch_all(tx.connection()).await?;
                rows.into_iter().map(Row::Postgres).collect()
            }
        })
    }

    /// The first row of a statement, if it has one.
    pub async fn row(&mut self, sql: Sql, values: Vec<Value>) -> Result<Option<Row>, StoreError> {
        Ok(match self {
            Tx::Sqlite(tx) => sql.for_sqlite(values)?.fetch_optional(tx.connection()).await?.map(Row::Sqlite),
            Tx::Postgres(tx) => sql.for_postgres(&values)?.fetch_optional(tx.connection()).await?.map(Row::Postgres),
        })
    }

    /// Calls `see` with each row as it comes; memory does not grow with their number.
    pub async fn each(
        &mut self,
        sql: Sql,
        values: Vec<Value>,
        see: impl FnMut(Row) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        match self {
            Tx::Sqlite(tx) => see_each(sql.for_sqlite(values)?.fetch(tx.connection()).map_ok(Row::Sqlite), see).await,
            Tx::Postgres(tx) => {
                see_each(sql.for_postgres(&values)?.fetch(tx.connection()).map_ok(Row::Postgres), see).await
            }
        }
    }

    /// Runs a script of several statements, as a migration is.
    pub async fn script(&mut self, script: Sql) -> Result<(), StoreError> {
        match self {
            Tx::Sqlite(tx) => sqlx::raw_sql(script.sqlite).execute(tx.connection()).await.map(drop)?,
            Tx::Postgres(tx) => sqlx::raw_sql(script.postgres).execute(tx.connection()).await.map(drop)?,
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

/// Calls `see` with each row as it comes.
pub(super) async fn see_each(
    rows: impl Stream<Item = Result<Row, sqlx::Error>>,
    mut see: impl FnMut(Row) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let mut rows = std::pin::pin!(rows);
    while let Some(row) = rows.try_next().await? {
        see(row)?;
    }
    Ok(())
}
