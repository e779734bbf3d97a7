//! A pool of connections that hands out the one that was used last.
//!
//! In: how to connect, and how many at once. Out: turns, first come, first served. What can go wrong: a connection breaks;
//! who sees that lets it go, and the next one opens another. Two things differ from the driver's own pool. That one takes
//! connections in turn, so that each server process has to keep at hand what all of them need; and it asks a connection
//! each time it comes back whether it lives, one more trip for each small commit. Without both, the same mails take some
//! hundredths less CPU.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use sqlx::{ConnectOptions as _, Connection};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::store::StoreError;

/// After so long a rest a connection is asked whether it lives before it is used.
const UNASKED: Duration = Duration::from_secs(5);
/// After so long a rest it is closed.
const UNUSED: Duration = Duration::from_mins(10);
/// It is used no longer than this.
const OLDEST: Duration = Duration::from_mins(30);

/// The pool; cheap to clone.
#[derive(Debug)]
pub struct Pool<C: Connection>(Arc<Shared<C>>);

#[derive(Debug)]
struct Shared<C: Connection> {
    options: C::Options,
    size: u32,
    /// How long to wait for a connection.
    patience: Duration,
    /// The one that was used last is the last.
    resting: Mutex<Vec<Open<C>>>,
    turns: Arc<Semaphore>,
}

#[derive(Debug)]
struct Open<C> {
    connection: C,
    opened: Instant,
    used: Instant,
}

/// A turn on a connection. Who is dropped without [`Turn::end`] may leave a statement that still runs, and the next one
/// would wait for it: the connection is let go.
#[derive(Debug)]
pub struct Turn<C: Connection> {
    pool: Arc<Shared<C>>,
    open: Open<C>,
    _permit: OwnedSemaphorePermit,
}

impl<C: Connection> Clone for Pool<C> {
    fn clone(&self) -> Pool<C> {
        Pool(self.0.clone())
    }
}

impl<C: Connection> Pool<C> {
    /// Connects when a turn is wanted.
    pub fn new(options: C::Options, size: u32, patience: Duration) -> Pool<C> {
        let turns = Arc::new(Semaphore::new(size as usize));
        Pool(Arc::new(Shared { options, size, patience, resting: Mutex::default(), turns }))
    }

    /// Waits for a turn, and for a connection.
    pub async fn turn(&self) -> Result<Turn<C>, StoreError> {
        let turn = tokio::time::timeout(self.0.patience, self.patient_turn()).await;
        Ok(turn.map_err(|_| sqlx::Error::PoolTimedOut)??)
    }

    async fn patient_turn(&self) -> Result<Turn<C>, sqlx::Error> {
        let permit = self.0.turns.clone().acquire_owned().await.map_err(|_| sqlx::Error::PoolClosed)?;
        let open = if let Some(open) = self.0.living().await {
            open
        } else {
            let connection = self.0.options.connect().await?;
            Open { connection, opened: Instant::now(), used: Instant::now() }
        };
        Ok(Turn { pool: self.0.clone(), open, _permit: permit })
    }

    /// Waits until all turns have ended, and closes.
    pub async fn close(&self) {
        // An error means that it is closed already.
        let Ok(_all) = self.0.turns.acquire_many(self.0.size).await else { return };
        self.0.turns.close();
        while let Some(open) = self.0.rested() {
            // What was committed stays, whatever becomes of the connection.
            let _ = open.connection.close().await;
        }
    }
}

impl<C: Connection> Shared<C> {
    /// The connection that was used last.
    fn rested(&self) -> Option<Open<C>> {
        self.resting.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }

    /// The same, if one lives.
    async fn living(&self) -> Option<Open<C>> {
        while let Some(mut open) = self.rested() {
            let is_young = open.opened.elapsed() < OLDEST;
            if is_young && (open.used.elapsed() < UNASKED || open.connection.ping().await.is_ok()) {
                return Some(open);
            }
        }
        None
    }

    fn rest(&self, open: Open<C>) {
        let mut resting = self.resting.lock().unwrap_or_else(PoisonError::into_inner);
        resting.retain(|open| open.used.elapsed() < UNUSED);
        resting.push(open);
    }
}

impl<C: Connection> Turn<C> {
    pub fn connection(&mut self) -> &mut C {
        &mut self.open.connection
    }

    /// Runs one statement and ends. A connection on which that failed may be broken, and is let go.
    pub async fn run<T>(
        mut self,
        statement: impl AsyncFnOnce(&mut C) -> Result<T, sqlx::Error>,
    ) -> Result<T, StoreError> {
        let done = statement(self.connection()).await;
        if done.is_ok() {
            self.end();
        } else {
            self.let_go();
        }
        Ok(done?)
    }

    /// Gives back a connection on which no statement runs.
    pub fn end(self) {
        self.pool.rest(Open { used: Instant::now(), ..self.open });
    }

    /// Drops a connection that may be broken, and those that rest: they come from the same server.
    pub fn let_go(self) {
        while self.pool.rested().is_some() {}
    }
}

#[cfg(test)]
mod tests {
    use std::str::FromStr;

    use sqlx::SqliteConnection;
    use sqlx::sqlite::SqliteConnectOptions;

    use super::*;

    fn pool(size: u32) -> Pool<SqliteConnection> {
        Pool::new(SqliteConnectOptions::from_str("sqlite::memory:").unwrap(), size, Duration::from_secs(10))
    }

    /// Temporary tables belong to their connection: one is its name.
    async fn named(turn: &mut Turn<SqliteConnection>, name: &'static str) {
        let create = format!("create temp table {name} (word text)");
        sqlx::raw_sql(sqlx::AssertSqlSafe(create)).execute(turn.connection()).await.unwrap();
    }

    async fn name(turn: &mut Turn<SqliteConnection>) -> Option<String> {
        sqlx::query_scalar("select name from sqlite_temp_schema").fetch_optional(turn.connection()).await.unwrap()
    }

    #[tokio::test]
    async fn the_connection_that_was_used_last_is_used_next() {
        let pool = pool(2);
        let (mut one, mut other) = (pool.turn().await.unwrap(), pool.turn().await.unwrap());
        named(&mut one, "one").await;
        named(&mut other, "other").await;
        one.end();
        other.end();
        for _ in 0..3 {
            let mut turn = pool.turn().await.unwrap();
            assert_eq!(name(&mut turn).await.as_deref(), Some("other"));
            turn.end();
        }
    }

    #[tokio::test]
    async fn the_connection_of_who_is_dropped_midway_is_used_by_nobody() {
        let pool = pool(1);
        let mut turn = pool.turn().await.unwrap();
        named(&mut turn, "one").await;
        drop(turn);
        assert_eq!(name(&mut pool.turn().await.unwrap()).await, None);
    }

    #[tokio::test]
    async fn after_a_failure_nobody_gets_a_connection_of_before() {
        let pool = pool(2);
        let (mut one, mut other) = (pool.turn().await.unwrap(), pool.turn().await.unwrap());
        named(&mut one, "one").await;
        named(&mut other, "other").await;
        other.end();
        let failed = one.run(async |connection| sqlx::query("select nothing").execute(connection).await).await;
        assert!(failed.is_err());
        let (mut one, mut other) = (pool.turn().await.unwrap(), pool.turn().await.unwrap());
        assert_eq!((name(&mut one).await, name(&mut other).await), (None, None));
    }

    #[tokio::test]
    async fn who_gets_no_turn_in_time_is_told_so() {
        let impatient = Pool::<SqliteConnection>::new(SqliteConnectOptions::new(), 1, Duration::ZERO);
        let _all = impatient.0.turns.clone().try_acquire_owned().unwrap();
        assert!(matches!(impatient.turn().await, Err(StoreError::Database(sqlx::Error::PoolTimedOut))));
    }

    #[tokio::test]
    async fn it_closes_after_the_last_turn_and_opens_no_more() {
        let pool = pool(2);
        let turn = pool.turn().await.unwrap();
        let closing = tokio::spawn({
            let pool = pool.clone();
            async move { pool.close().await }
        });
        tokio::task::yield_now().await;
        assert!(!closing.is_finished());
        drop(turn);
        closing.await.unwrap();
        assert!(matches!(pool.turn().await, Err(StoreError::Database(sqlx::Error::PoolClosed))));
    }
}
