//! The state database: what was read, what was told, what is to be sent. One method is one fact and one transaction.
//!
//! In and out: the program's own types; no row, pool or sqlx error leaves this folder but as [`StoreError`]. Each file
//! speaks of one topic, in the words of the module it serves. Every method runs on SQLite and on PostgreSQL, and one
//! suite of tests runs it on both.

mod acknowledging;
pub mod bounces;
pub mod choices;
mod confirming;
pub mod deadlines;
pub mod dialect;
mod dictionaries;
pub mod due;
mod ending;
mod error;
pub mod facts;
pub mod feeds;
pub mod file_system;
pub mod handover;
pub mod lines;
pub mod log;
pub mod marks;
mod matters;
mod moves;
pub mod outbox;
pub mod promises;
pub mod proof;
pub mod putting_back;
pub mod reach;
pub mod reading;
pub mod record;
mod refusing;
pub mod resend;
pub mod staff;
pub mod stranded;
pub mod suppressions;
pub mod tasks;
pub mod tokens;
pub mod views;
mod webhook;

use std::path::PathBuf;

use dialect::{Db, Sql, Tx, sql, values};
pub use error::StoreError;

/// The state database, opened and of the newest version.
#[derive(Clone, Debug)]
pub struct Store {
    db: Db,
}

/// Every migration in order; their position is their number. Applied ones are never edited.
const MIGRATIONS: [Sql; 7] = [
    Sql::script(
        include_str!("../../migrations/sqlite/0001_first.sql"),
        include_str!("../../migrations/postgres/0001_first.sql"),
    ),
    Sql::script(
        include_str!("../../migrations/sqlite/0002_staff_and_bounces.sql"),
        include_str!("../../migrations/postgres/0002_staff_and_bounces.sql"),
    ),
    Sql::script(
        include_str!("../../migrations/sqlite/0003_put_away.sql"),
        include_str!("../../migrations/postgres/0003_put_away.sql"),
    ),
    Sql::script(
        include_str!("../../migrations/sqlite/0004_dictionaries.sql"),
        include_str!("../../migrations/postgres/0004_dictionaries.sql"),
    ),
    Sql::script(
        include_str!("../../migrations/sqlite/0005_fewer_indexes.sql"),
        include_str!("../../migrations/postgres/0005_fewer_indexes.sql"),
    ),
    Sql::script(
        include_str!("../../migrations/sqlite/0006_refusals.sql"),
        include_str!("../../migrations/postgres/0006_refusals.sql"),
    ),
    Sql::script(
        include_str!("../../migrations/sqlite/0007_marks_beside.sql"),
        include_str!("../../migrations/postgres/0007_marks_beside.sql"),
    ),
];

/// The version of the state database that this program makes and knows.
pub const VERSION: usize = MIGRATIONS.len();

impl Store {
    /// Opens the database at `url` and brings it to the newest version. Several processes may do so at once.
    pub async fn open(url: &str, password: Option<&str>) -> Result<Store, StoreError> {
        let store = Store { db: Db::open(url, password, (marks::FILE, marks::MADE, marks::FILE_VERSION)).await? };
        store.migrate().await?;
        store.db.make_beside().await?;
        Ok(store)
    }

    /// The file of the SQLite database at `url`; `None`: it is a server's.
    pub fn file(url: &str) -> Result<Option<PathBuf>, StoreError> {
        dialect::file_of(url)
    }

    /// Whether anything was ever recorded at `url`; looks without making anything.
    pub async fn exists(url: &str, password: Option<&str>) -> Result<bool, StoreError> {
        Db::has_tables(url, password).await
    }

    async fn migrate(&self) -> Result<(), StoreError> {
        let mut tx = self.db.write().await?;
        // Differs because SQLite's write transaction already keeps others out; the number is this program's own.
        tx.execute(sql!(either("select 1", "select pg_advisory_xact_lock(7426320417)")), values![]).await?;
        tx.execute(
            sql!("create table if not exists migrations (number bigint primary key, at bigint not null)"),
            values![],
        )
        .await?;
        let newest = tx.row(sql!("select coalesce(max(number), 0) as newest from migrations"), values![]).await?;
        let newest = newest.map_or(Ok(0), |row| row.int("newest"))?;
        let known = MIGRATIONS.len() as i64;
        if newest > known {
            return Err(StoreError::TooNew { found: newest, known });
        }
        for (number, script) in (1..).zip(MIGRATIONS).skip(newest as usize) {
            tx.script(script).await?;
            tx.execute(sql!("insert into migrations (number, at) values ($1, " now ")"), values![number]).await?;
        }
        tx.commit().await
    }

    /// Whether the database is a file that this machine alone can use.
    pub fn is_embedded(&self) -> bool {
        matches!(self.db, Db::Sqlite { .. })
    }

    /// A round trip, for `check` and `/readyz`.
    pub async fn ping(&self) -> Result<(), StoreError> {
        self.read().await?.rows(sql!("select 1 as one"), values![]).await.map(drop)
    }

    pub async fn close(&self) {
        self.db.close().await;
    }

    async fn write(&self) -> Result<Tx, StoreError> {
        self.db.write().await
    }

    /// One statement that is a transaction by itself: one round trip instead of three.
    async fn alone(&self, sql: Sql, values: Vec<dialect::Value>) -> Result<Vec<dialect::Row>, StoreError> {
        self.db.alone(sql, values).await
    }

    async fn read(&self) -> Result<Tx, StoreError> {
        self.db.read().await
    }

    /// The rows of one question; more than one that must agree need [`Store::read`].
    async fn rows(&self, sql: Sql, values: Vec<dialect::Value>) -> Result<Vec<dialect::Row>, StoreError> {
        self.db.rows(sql, values).await
    }

    /// The same, for a question with one row or none.
    async fn row(&self, sql: Sql, values: Vec<dialect::Value>) -> Result<Option<dialect::Row>, StoreError> {
        Ok(self.rows(sql, values).await?.into_iter().next())
    }
}
