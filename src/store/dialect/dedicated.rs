//! A connection for one purpose, outside of any pool: who wants it waits for a turn.
//!
//! In: how to connect. Out: turns, first come, first served. What can go wrong: the connection breaks; who sees that lets
//! it go, and the next one opens another. A pool asks a connection each time it comes back whether it lives, which is one
//! more trip to its server, or its thread, for each small commit.

use std::sync::Arc;
use std::time::{Duration, Instant};

use sqlx::{ConnectOptions as _, Connection};
use tokio::sync::{Mutex, OwnedMutexGuard};

use crate::store::StoreError;

/// The connection; cheap to clone.
#[derive(Debug)]
pub struct Dedicated<C: Connection> {
    options: Arc<C::Options>,
    /// For how long it may take until the connection is there.
    patience: Duration,
    slot: Arc<Mutex<Option<Open<C>>>>,
}

#[derive(Debug)]
struct Open<C> {
    connection: C,
    used: Instant,
}

/// A turn on the connection.
#[derive(Debug)]
pub struct Turn<C: Connection>(OwnedMutexGuard<Option<Open<C>>>);

/// After so long a rest a connection is asked whether it lives before it is used.
pub(super) const UNASKED: Duration = Duration::from_secs(5);

impl<C: Connection> Clone for Dedicated<C> {
    fn clone(&self) -> Dedicated<C> {
        let Dedicated { options, patience, slot } = self;
        Dedicated { options: options.clone(), patience: *patience, slot: slot.clone() }
    }
}

impl<C: Connection> Dedicated<C> {
    /// Connects when it is first wanted.
    pub fn new(options: C::Options, patience: Duration) -> Dedicated<C> {
        Dedicated { options: Arc::new(options), patience, slot: Arc::new(Mutex::new(None)) }
    }

    /// Waits for a turn.
    pub async fn turn(&self) -> Result<Turn<C>, StoreError> {
        let mut slot = self.slot.clone().lock_owned().await;
        let connection = tokio::time::timeout(self.patience, self.living(slot.take())).await;
        *slot = Some(connection.map_err(|_| sqlx::Error::PoolTimedOut)??);
        Ok(Turn(slot))
    }

    /// The connection that is open, if it lives, or a new one.
    async fn living(&self, open: Option<Open<C>>) -> Result<Open<C>, sqlx::Error> {
        if let Some(mut open) = open
            && (open.used.elapsed() < UNASKED || open.connection.ping().await.is_ok())
        {
            return Ok(open);
        }
        Ok(Open { connection: self.options.connect().await?, used: Instant::now() })
    }

    /// Waits for the last turn, and closes.
    pub async fn close(&self) {
        if let Some(open) = self.slot.lock().await.take() {
            // What was committed stays, whatever becomes of the connection.
            let _ = open.connection.close().await;
        }
    }
}

impl<C: Connection> Turn<C> {
    pub fn connection(&mut self) -> &mut C {
        let open = self.0.as_mut().expect("a turn begins with a connection, and ends where it is let go");
        open.used = Instant::now();
        &mut open.connection
    }

    /// Runs one statement. A connection on which that failed may be broken, and is let go.
    pub async fn run<T>(
        mut self,
        statement: impl AsyncFnOnce(&mut C) -> Result<T, sqlx::Error>,
    ) -> Result<T, StoreError> {
        let done = statement(self.connection()).await;
        if done.is_err() {
            self.let_go();
        }
        Ok(done?)
    }

    /// Drops a connection that may be broken.
    pub fn let_go(mut self) {
        *self.0 = None;
    }
}
