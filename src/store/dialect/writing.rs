//! A transaction that writes to an SQLite file.
//!
//! In: a turn on the one connection that writes. Out: a commit, or nothing. Its ends are plain statements, because what
//! the driver counts goes wrong on a full disk, where SQLite takes a transaction back by itself. What can go wrong: who is
//! dropped in the midst of one leaves it open. It is rolled back then, and a connection that cannot do that is let go.

use sqlx::SqliteConnection;
use tokio::runtime::Handle;

use super::dedicated::Turn;
use crate::store::StoreError;

/// A transaction; dropped without [`Writing::commit`] it is rolled back.
#[derive(Debug)]
pub struct Writing {
    /// `None`: it has ended.
    turn: Option<Turn<SqliteConnection>>,
}

impl Writing {
    /// Takes the write lock at once: a reader that becomes a writer would fail with "database is locked" without waiting.
    pub async fn begin(turn: Turn<SqliteConnection>) -> Result<Writing, StoreError> {
        let mut writing = Writing { turn: Some(turn) };
        sqlx::query("begin immediate").execute(writing.connection()).await?;
        Ok(writing)
    }

    pub fn connection(&mut self) -> &mut SqliteConnection {
        self.turn.as_mut().expect("only commit and drop end it").connection()
    }

    pub async fn commit(mut self) -> Result<(), StoreError> {
        sqlx::query("commit").execute(self.connection()).await?;
        self.turn = None;
        Ok(())
    }
}

impl Drop for Writing {
    fn drop(&mut self) {
        let Some(mut turn) = self.turn.take() else { return };
        match Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn(async move {
                if sqlx::query("rollback").execute(turn.connection()).await.is_err() {
                    turn.let_go();
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
    use crate::store::dialect::dedicated::Dedicated;

    struct File {
        writer: Dedicated<SqliteConnection>,
        _folder: tempfile::TempDir,
    }

    impl File {
        async fn new() -> File {
            let folder = tempfile::tempdir().unwrap();
            let url = format!("sqlite://{}", folder.path().join("state.db").display());
            let options = SqliteConnectOptions::from_str(&url).unwrap().create_if_missing(true);
            let file = File { writer: Dedicated::new(options, Duration::from_secs(10)), _folder: folder };
            let mut writing = file.begin().await.unwrap();
            writing.run("create table words (word text)").await;
            writing.commit().await.unwrap();
            file
        }

        async fn begin(&self) -> Result<Writing, StoreError> {
            Writing::begin(self.writer.turn().await?).await
        }

        /// How many words were committed.
        async fn words(&self) -> i64 {
            let turn = self.writer.turn().await.unwrap();
            turn.run(async |connection| sqlx::query_scalar("select count(*) from words").fetch_one(connection).await)
                .await
                .unwrap()
        }
    }

    impl Writing {
        async fn run(&mut self, statement: &'static str) {
            sqlx::query(statement).execute(self.connection()).await.unwrap();
        }
    }

    #[tokio::test]
    async fn what_is_not_committed_is_taken_back_before_the_next_turn() {
        let file = File::new().await;
        let mut writing = file.begin().await.unwrap();
        writing.run("insert into words values ('lost')").await;
        drop(writing);
        assert_eq!(file.words().await, 0);
        let mut writing = file.begin().await.unwrap();
        writing.run("insert into words values ('kept')").await;
        writing.commit().await.unwrap();
        assert_eq!(file.words().await, 1);
    }

    #[tokio::test]
    async fn who_is_dropped_while_a_transaction_begins_leaves_none_open() {
        let file = File::new().await;
        let turn = file.writer.turn().await.unwrap();
        let begun = tokio::task::spawn(Writing::begin(turn));
        tokio::task::yield_now().await;
        begun.abort();
        let _ = begun.await;
        let mut writing = file.begin().await.unwrap();
        writing.run("insert into words values ('kept')").await;
        writing.commit().await.unwrap();
        assert_eq!(file.words().await, 1);
    }

    #[tokio::test]
    async fn a_transaction_that_sqlite_took_back_by_itself_hinders_no_other() {
        let file = File::new().await;
        let mut writing = file.begin().await.unwrap();
        writing.run("insert into words values ('lost')").await;
        // As it does on a full disk.
        writing.run("rollback").await;
        let error = writing.commit().await.unwrap_err().to_string();
        assert!(error.contains("no transaction is active"), "{error}");
        let mut writing = file.begin().await.unwrap();
        writing.run("insert into words values ('kept')").await;
        writing.commit().await.unwrap();
        assert_eq!(file.words().await, 1);
    }
}
