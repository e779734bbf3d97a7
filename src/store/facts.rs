//! Single facts about this installation, and the leases by which one process at a time does what only one may do.

use jiff::Timestamp;

use super::dialect::{sql, values};
use super::{Store, StoreError};
use crate::settings::duration::Span;

/// The names of the facts.
pub mod fact {
    /// When the first whole sweep was accepted, in microseconds; absent: baseline is still to be made.
    pub const BASELINE_AT: &str = "baseline_at";
    /// When the last sweep began, whatever became of it, in microseconds.
    pub const SWEEP_BEGAN_AT: &str = "sweep_began_at";
    /// When the last accepted sweep began, in microseconds.
    pub const SWEPT_AT: &str = "swept_at";
    /// The highest `updated_at` seen, in microseconds.
    pub const CURSOR: &str = "cursor";
    /// Present: staff said that the next shrunken or emptied feed is true.
    pub const ACCEPT_SHRUNKEN: &str = "accept_shrunken";
    /// When a process last served the pages, in microseconds.
    pub const WEB_SEEN_AT: &str = "web_seen_at";
    /// Present: the receiver of notifications answered 410 then, in microseconds, and staff have not enabled it again.
    pub const WEBHOOK_DISABLED_AT: &str = "webhook_disabled_at";
    /// When a process last tried whether it can write, in microseconds.
    pub const WRITTEN_AT: &str = "written_at";
    /// Fingerprints of the link secret, one a line.
    pub const LINK_SECRET: &str = "link_secret";
}

impl Store {
    /// The value of a fact, if it is known.
    pub async fn fact(&self, name: &str) -> Result<Option<String>, StoreError> {
        let row = self.row(sql!("select value from facts where name = $1"), values![name]).await?;
        row.map(|row| row.text("value")).transpose()
    }

    /// The value of a fact that is an instant or a number.
    pub async fn fact_number(&self, name: &str) -> Result<Option<i64>, StoreError> {
        Ok(self.fact(name).await?.and_then(|value| value.parse().ok()))
    }

    /// Records a fact; `None` forgets it.
    pub async fn set_fact(&self, name: &str, value: Option<&str>) -> Result<(), StoreError> {
        let upsert = sql!("insert into facts (name, value) values ($1, $2) "
            "on conflict (name) do update set value = excluded.value");
        match value {
            Some(value) => self.alone(upsert, values![name, value]).await,
            None => self.alone(sql!("delete from facts where name = $1"), values![name]).await,
        }
        .map(drop)
    }

    /// Writes something, to see that it can be done.
    pub async fn try_to_write(&self, now: Timestamp) -> Result<(), StoreError> {
        self.set_fact(fact::WRITTEN_AT, Some(&now.as_microsecond().to_string())).await
    }

    /// Whether nothing was ever recorded here: only then may a link secret be created.
    pub async fn is_empty(&self) -> Result<bool, StoreError> {
        let row = self.row(sql!("select 1 as one from orders limit 1"), values![]).await?;
        Ok(row.is_none())
    }

    /// Takes or renews the lease `name` for `owner`, by the database's clock. `false`: somebody else holds it.
    pub async fn lease(&self, name: &str, owner: &str, span: Span) -> Result<bool, StoreError> {
        let take = sql!("insert into leases (name, owner, until) values ($1, $2, " now " + $3) "
            "on conflict (name) do update set owner = excluded.owner, until = excluded.until "
            "where leases.owner = excluded.owner or leases.until < " now " returning name");
        Ok(!self.alone(take, values![name, owner, span.as_micros()]).await?.is_empty())
    }

    /// Gives the lease back, if `owner` still holds it.
    pub async fn release_lease(&self, name: &str, owner: &str) -> Result<(), StoreError> {
        self.alone(sql!("delete from leases where name = $1 and owner = $2"), values![name, owner]).await.map(drop)
    }

    /// How long the lease `name` is still held by somebody, in microseconds; `None`: nobody holds it.
    pub async fn lease_left(&self, name: &str) -> Result<Option<i64>, StoreError> {
        let held = sql!("select until - " now " as remaining from leases where name = $1 and until >= " now);
        let row = self.row(held, values![name]).await?;
        row.map(|row| row.int("remaining")).transpose()
    }
}
