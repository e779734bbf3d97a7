//! What one look found, recorded: lines, orders, plans, notifications and events of whole orders in one transaction.
//!
//! In: the changed and vanished lines of a batch of orders, and the pure decision about each order. Out: how many
//! orders were looked at and what became of their notifications. Replaying a batch changes nothing: a line that is
//! recorded as it is, is no change, and a notification is planned once for a difference.

mod lines;
pub(super) mod plans;

use std::collections::BTreeSet;

use jiff::{Timestamp, civil::Date};
use serde::Serialize;

use super::choices::Ways;
use super::dialect::{Tx, batch, sql, values};
use super::views::{self, Order};
use super::{Store, StoreError, confirming};
use crate::clock::Clock;
use crate::failpoint::Commit;
use crate::outbox::channels;
use crate::outbox::plan::Plan;
use crate::promise::clock::Clock as PromiseClock;
use crate::settings::delivery::Channels;
use crate::settings::duration::Span;
use crate::shop::line::Line;
use crate::watch::standing::Told;
use lines::Seen;

/// A batch of whole orders: every changed line of an order is in the same batch.
#[derive(Debug, Default)]
pub struct Batch {
    /// New or changed lines, each with a locale.
    pub changed: Vec<Line>,
    /// Lines that the shop shows no more, by shop and line.
    pub gone: Vec<(String, String)>,
    /// Orders to visit though none of their lines changed.
    pub rows: Vec<i64>,
}

/// How a batch is recorded.
#[derive(Clone, Copy)]
pub struct Recording<'a> {
    pub clock: &'a Clock,
    /// When the read began.
    pub began: Timestamp,
    /// Those that are set: news goes out on each of them.
    pub channels: Channels,
    /// Whether new notifications may leave at once; a sweep's wait for [`Store::finish_look`].
    pub ready: bool,
    /// The watcher that records; once another one holds the lease, nothing is recorded. `None`: no lease is needed.
    pub watcher: Option<&'a str>,
    /// Decide as always, and keep nothing.
    pub rehearsal: bool,
    /// The clock of a line that is seen for the first time, and the day of its shop.
    pub first_sight: Option<&'a (dyn Fn(&Line) -> (PromiseClock, Date) + Sync)>,
    /// The last look that saw every line; `None`: this is the first.
    pub last_sweep: Option<Timestamp>,
    /// What carries a cancel to the shop, where silence cancels.
    pub ways: Ways,
    /// The very first sweep: what it finds counts as told.
    pub baseline: Option<&'a (dyn Fn(&Line, Timestamp) -> Told + Sync)>,
}

impl<'a> Recording<'a> {
    /// Of a plan that no look at the shop brought: it may leave at once, and nothing is seen for the first time.
    pub fn without_look(clock: &'a Clock, began: Timestamp, channels: Channels) -> Recording<'a> {
        Recording {
            clock,
            began,
            channels,
            ready: true,
            watcher: None,
            rehearsal: false,
            first_sight: None,
            last_sweep: None,
            ways: Ways::default(),
            baseline: None,
        }
    }
}

/// How the end of a look is recorded.
#[derive(Clone, Copy, Debug)]
pub struct FloodGuard {
    /// Notifications made since then count together, but none of an hour that comes again because the clock was set
    /// back: what is later than `now`.
    pub since: Timestamp,
    pub now: Timestamp,
    /// 0: no limit.
    pub limit: u32,
}

impl Store {
    /// Records a batch. `decide` is asked for each order that has a changed or vanished line or was named; it must be
    /// pure, and sees `touched` set where a line changed.
    pub async fn record(
        &self,
        found: &Batch,
        how: Recording<'_>,
        mut decide: impl FnMut(&mut Order) -> Plan,
    ) -> Result<u64, StoreError> {
        let mut tx = self.write().await?;
        if let Some(watcher) = how.watcher {
            let lease = sql!("select owner from leases where name = 'watch' and owner = $1" lock);
            tx.row(lease, values![watcher]).await?.ok_or(StoreError::LeaseLost)?;
        }
        let seen = Seen::of(&mut tx, found, how.clock).await?;
        let touched = seen.orders();
        let rows: Vec<i64> = touched.iter().chain(&found.rows).copied().collect::<BTreeSet<_>>().into_iter().collect();
        views::lock(&mut tx, &rows).await?;
        seen.record(&mut tx, found, how).await?;
        confirming::confirm(&mut tx, &found.changed, how.began).await?;
        let mut orders = views::load(&mut tx, &rows, channels::telling(how.channels), how.began).await?;
        let mut plans = Vec::with_capacity(orders.len());
        for order in &mut orders {
            order.view.touched = touched.contains(&order.row);
            plans.push(decide(order));
        }
        if !how.rehearsal {
            plans::record(&mut tx, &orders, &plans, how).await?;
            tx.commit_at(Commit::Record).await?;
        }
        Ok(orders.len() as u64)
    }

    /// Ends a look: what it planned may leave, unless there is too much of it. Returns how many are held as a flood.
    pub async fn finish_look(&self, guard: FloodGuard) -> Result<u64, StoreError> {
        let mut tx = self.write().await?;
        let mut held = 0;
        if guard.limit > 0 {
            // What goes out on two channels is one piece of news.
            let count = sql!("select (select count(*) from outbox where created_at between $1 and $2 and not calendar and not released "
                "and id = news_id) + (select count(*) from sent_log where created_at between $1 and $2 and not calendar and not released "
                "and id = news_id and state <> 'superseded') as made");
            let made = tx.row(count, values![guard.since, guard.now]).await?.map_or(Ok(0), |row| row.int("made"))?;
            if made > i64::from(guard.limit) {
                let hold = sql!("update outbox set state = 'held', ready = true, note = $3 "
                    "where created_at between $1 and $2 and not calendar and not released and state = 'queued'");
                let note = format!("a flood: {made} notifications at once, the limit is {}", guard.limit);
                held = tx.execute(hold, values![guard.since, guard.now, note]).await?;
            }
        }
        tx.execute(sql!("update outbox set ready = true where not ready"), values![]).await?;
        tx.commit_at(Commit::FinishLook).await?;
        Ok(held)
    }
}

/// How far back notifications count together for the flood guard.
pub fn flood_window(began: Timestamp, sweep_every: Span) -> Timestamp {
    began - sweep_every.signed()
}

#[derive(Serialize)]
struct TellingRow<'a> {
    shop_id: &'a str,
    line_id: &'a str,
    recipient: &'a str,
    telling: Option<String>,
}

/// Something that was read or decided about a line, for `explain`.
#[derive(Serialize)]
pub(super) struct EventRow<'a> {
    pub shop_id: &'a str,
    pub line_id: &'a str,
    pub what: &'static str,
    pub detail: String,
}

pub(super) async fn record_events(tx: &mut Tx, events: &[EventRow<'_>], at: Timestamp) -> Result<(), StoreError> {
    if events.is_empty() {
        return Ok(());
    }
    let insert = sql!("insert into events (shop_id, line_id, at, what, detail) "
        "select x.shop_id, x.line_id, $2, x.what, x.detail from "
        rows(shop_id text, line_id text, what text, detail text));
    tx.execute(insert, vec![batch(events)?, at.into()]).await.map(drop)
}
