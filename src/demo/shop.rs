//! The sample shop: a small outdoor store in an SQLite file, which the service watches as it would any shop.
//!
//! In: what a merchant or a customer does there ([`Action`]). Out: a changed database, an entry in its diary that says
//! who will hear of it. Stock is not reserved but counted
//! out to the lines in the order in which they were ordered (the view `coverage`), so a delivery fills the oldest first.
//! What can go wrong: a wish that cannot be fulfilled ([`DemoError::Refused`], in words for the page), or the database.

use std::path::Path;
use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{Timestamp, civil::Date};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions};
use sqlx::{Row, Sqlite, Transaction, query, query_scalar};

use super::actions::Action;
use super::orders::{stock_up, take_sample_orders};
use super::told::{Standing, sentence, told};
use crate::clock::day;

/// The feeds of the sample shop, as any shop with a schema of its own would write them.
pub const LINES_SQL: &str = include_str!("sql/lines.sql");
pub const STOCK_SQL: &str = include_str!("sql/stock.sql");
pub const ALTERNATIVES_SQL: &str = include_str!("sql/alternatives.sql");

/// IANA; every date in the sample shop is a day there.
pub const TIME_ZONE: &str = "America/New_York";

const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Why something was not done.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// The shop cannot do it; the words are for the page.
    #[error("{0}")]
    Refused(String),
    #[error("the sample shop's database: {0}")]
    Database(#[from] sqlx::Error),
    #[error("the sample shop's database holds something unreadable: {0}")]
    Damaged(#[from] jiff::Error),
}

/// The sample shop, open for business. Copies share one database.
#[derive(Clone, Debug)]
pub struct DemoShop {
    pub(super) pool: SqlitePool,
}

impl DemoShop {
    /// Opens the shop in `file`; where there is none yet, a new one with sample orders is made.
    pub async fn open(file: &Path, now: Timestamp) -> Result<DemoShop, DemoError> {
        let options = SqliteConnectOptions::new()
            .filename(file)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .foreign_keys(true)
            .busy_timeout(BUSY_TIMEOUT);
        let pool = SqlitePoolOptions::new().max_connections(2).connect_with(options).await?;
        let shop = DemoShop { pool };
        let mut tx = shop.write().await?;
        sqlx::raw_sql(include_str!("sql/schema.sql")).execute(&mut *tx).await?;
        let is_new = query_scalar::<_, i64>("select count(*) from products").fetch_one(&mut *tx).await? == 0;
        if is_new {
            stock_up(&mut tx, now).await?;
            take_sample_orders(&mut tx, now).await?;
            let names = told(&[], &standings(&mut tx).await?);
            note(&mut tx, now, "The shop opened with three orders.", &names, "").await?;
        }
        tx.commit().await?;
        Ok(shop)
    }

    /// Does it, and notes in the diary who will be told.
    pub async fn act(&self, action: &Action, now: Timestamp) -> Result<(), DemoError> {
        let mut tx = self.write().await?;
        let before = standings(&mut tx).await?;
        let done = action.carry_out(&mut tx, now).await?;
        let names = told(&before, &standings(&mut tx).await?);
        note(&mut tx, now, &done, &names, action.why_nobody()).await?;
        Ok(tx.commit().await?)
    }

    /// Begins anew: stock, dates and sample orders are as on the first day.
    ///
    /// What is open is shipped and put out of sight, not deleted: a feed that suddenly lacks most of its lines is
    /// rightly not believed by the service, and of shipping nobody is told.
    pub async fn reset(&self, now: Timestamp) -> Result<(), DemoError> {
        let mut tx = self.write().await?;
        query(
            "update order_lines set shipped_qty = ordered_qty - cancelled_qty, shipped_at = $1
             where ordered_qty > shipped_qty + cancelled_qty",
        )
        .bind(now.to_string())
        .execute(&mut *tx)
        .await?;
        query("update orders set put_away = 1").execute(&mut *tx).await?;
        stock_up(&mut tx, now).await?;
        let before = standings(&mut tx).await?;
        take_sample_orders(&mut tx, now).await?;
        let names = told(&before, &standings(&mut tx).await?);
        note(&mut tx, now, "The shop starts over, with three new orders.", &names, "").await?;
        Ok(tx.commit().await?)
    }

    /// A transaction that writes takes the lock at once: one that began by reading could not wait for it.
    async fn write(&self) -> Result<Transaction<'_, Sqlite>, DemoError> {
        Ok(self.pool.begin_with("begin immediate").await?)
    }
}

/// Today in the shop.
pub(super) fn today(now: Timestamp) -> Result<Date, DemoError> {
    Ok(day(now, &TimeZone::get(TIME_ZONE)?))
}

pub(super) type Tx<'a> = Transaction<'a, Sqlite>;

/// Writes what was done, and who gets a mail about it.
async fn note(
    tx: &mut Tx<'_>,
    now: Timestamp,
    done: &str,
    names: &[String],
    why_nobody: &str,
) -> Result<(), DemoError> {
    query("insert into diary (at, done, told, why_nobody) values ($1, $2, $3, $4)")
        .bind(now.to_string())
        .bind(done)
        .bind(sentence(names))
        .bind(if names.is_empty() { why_nobody } else { "" })
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// How all lines stand.
async fn standings(tx: &mut Tx<'_>) -> Result<Vec<Standing>, DemoError> {
    let rows = query(
        "select l.id, c.name, v.short_qty, l.cancelled_qty, p.expected_on
         from order_lines l
         join coverage v on v.line_id = l.id
         join orders o on o.id = l.order_id
         join customers c on c.id = o.customer_id
         join products p on p.sku = l.sku
         order by l.id",
    )
    .fetch_all(&mut **tx)
    .await?;
    rows.iter()
        .map(|row| {
            let expected_on: Option<String> = row.try_get("expected_on")?;
            Ok(Standing {
                line_id: row.try_get("id")?,
                customer: row.try_get("name")?,
                short: row.try_get("short_qty")?,
                cancelled: row.try_get("cancelled_qty")?,
                expected_on: expected_on.map(|day| day.parse()).transpose()?,
            })
        })
        .collect()
}
