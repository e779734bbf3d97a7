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
