//! A transaction block on either engine.
//!
//! In: a turn on a connection. Out: a commit, or nothing. Its ends are plain statements, because what the driver counts
//! goes wrong on a full disk, where SQLite takes a transaction back by itself. What can go wrong: who is dropped in the
//! midst of one leaves it open. It is rolled back then, and a connection that cannot do that is let go.

use sqlx::{Connection, PgConnection, SqliteConnection};
use tokio::runtime::Handle;

use super::pool::Turn;
use crate::store::StoreError;

/// A transaction; dropped without [`Block::commit`] it is rolled back.
#[derive(Debug)]
pub struct Block<C: Plain> {
    /// `None`: it has ended.
    turn: Option<Turn<C>>,
}

/// A connection that runs statements without values or rows.
pub trait Plain: Connection + 'static {
    fn plain(&mut self, statement: &'static str) -> impl Future<Output = Result<(), sqlx::Error>> + Send;
}

impl Plain for SqliteConnection {
    async fn plain(&mut self, statement: &'static str) -> Result<(), sqlx::Error> {
        sqlx::query(statement).execute(self).await.map(drop)
    }
}

impl Plain for PgConnection {
    async fn plain(&mut self, statement: &'static str) -> Result<(), sqlx::Error> {
        sqlx::raw_sql(statement).execute(self).await.map(drop)
    }
}

impl<C: Plain> Block<C> {
    /// Begins with `statement`.
    pub async fn begin(turn: Turn<C>, statement: &'static str) -> Result<Block<C>, StoreError> {
        let mut block = Block { turn: Some(turn) };
        block.connection().plain(statement).await?;
        Ok(block)
    }

    pub fn connection(&mut self) -> &mut C {
        self.turn.as_mut().expect("only commit and drop end it").connection()
    }

    pub async fn commit(mut self) -> Result<(), StoreError> {
        self.connection().plain("commit").await?;
        self.turn.take().into_iter().for_each(Turn::end);
        Ok(())
    }
}

impl<C: Plain> Drop for Block<C> {
    fn drop(&mut self) {
        let Some(mut turn) = self.turn.take() else { return };
        match Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn(async move {
                match turn.connection().plain("rollback").await {
                    Ok(()) => turn.end(),
                    Err(_) => turn.let_go(),
                }
            })),
            // The process ends.
            Err(_) => turn.let_go(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::str::FromStr;
    use std::time::Duration;

    use sqlx::sqlite::SqliteConnectOptions;

    use super::*;
    use crate::store::dialect::pool::Pool;

    struct File {
        writer: Pool<SqliteConnection>,
        _folder: tempfile::TempDir,
    }

    impl File {
        async fn new() -> File {
            let folder = tempfile::tempdir().unwrap();
            let url = format!("sqlite://{}", folder.path().join("state.db").display());
            let options = SqliteConnectOptions::from_str(&url).unwrap().create_if_missing(true);
            let file = File { writer: Pool::new(options, 1, Duration::from_secs(10)), _folder: folder };
            let mut block = file.begin().await.unwrap();
            block.run("create table words (word text)").await;
            block.commit().await.unwrap();
            file
        }

        async fn begin(&self) -> Result<Block<SqliteConnection>, StoreError> {
            Block::begin(self.writer.turn().await?, "begin immediate").await
        }

        /// How many words were committed.
        async fn words(&self) -> i64 {
            let turn = self.writer.turn().await.unwrap();
            turn.run(async |connection| sqlx::query_scalar("select count(*) from words").fetch_one(connection).await)
                .await
                .unwrap()
        }
    }

    impl Block<SqliteConnection> {
        async fn run(&mut self, statement: &'static str) {
            sqlx::query(statement).execute(self.connection()).await.unwrap();
        }
    }

    #[tokio::test]
    async fn what_is_not_committed_is_taken_back_before_the_next_turn() {
        let file = File::new().await;
        let mut block = file.begin().await.unwrap();
        block.run("insert into words values ('lost')").await;
        drop(block);
        assert_eq!(file.words().await, 0);
        let mut block = file.begin().await.unwrap();
        block.run("insert into words values ('kept')").await;
        block.commit().await.unwrap();
        assert_eq!(file.words().await, 1);
    }

    #[tokio::test]
    async fn who_is_dropped_while_a_transaction_begins_leaves_none_open() {
        let file = File::new().await;
        let turn = file.writer.turn().await.unwrap();
        let begun = tokio::task::spawn(Block::begin(turn, "begin immediate"));
        tokio::task::yield_now().await;
        begun.abort();
        let _ = begun.await;
        let mut block = file.begin().await.unwrap();
        block.run("insert into words values ('kept')").await;
        block.commit().await.unwrap();
        assert_eq!(file.words().await, 1);
    }

    #[tokio::test]
    async fn a_transaction_that_sqlite_took_back_by_itself_hinders_no_other() {
        let file = File::new().await;
        let mut block = file.begin().await.unwrap();
        block.run("insert into words values ('lost')").await;
        // As it does on a full disk.
        block.run("rollback").await;
        let error = block.commit().await.unwrap_err().to_string();
        assert!(error.contains("no transaction is active"), "{error}");
        let mut block = file.begin().await.unwrap();
        block.run("insert into words values ('kept')").await;
        block.commit().await.unwrap();
        assert_eq!(file.words().await, 1);
    }
}
