//! One look at the shop: read, compare, judge, record.
//!
//! In: the shop's feeds and what is recorded of them. Out: recorded lines, orders and planned notifications. A sweep
//! reads every line and is the truth; a poll reads what the shop says has changed, and the orders that are settling.
//! Nothing is recorded before the whole feed was seen, because only then is it known whether it can be believed; then
//! whole orders are recorded batch by batch, and a crash repeats orders, never half of one.

pub mod detect;
mod intake;
pub mod recheck;
pub mod rehearsal;
mod rounds;
pub mod spill;
pub mod standing;

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use jiff::{Timestamp, civil::Date};
use tokio::sync::watch;
use tracing::error;

use crate::choice::Choice;
use crate::clock::Clock;
use crate::metrics::tally::Tally;
use crate::outbox::plan::{Circumstances, Look, plan};
use crate::outbox::schedule::Schedules;
use crate::promise::clock::Clock as PromiseClock;
use crate::settings::Settings;
use crate::settings::orders::FirstSweep;
use crate::shop::line::{Line, Status};
use crate::shop::{Shop, ShopError};
use crate::store::choices::Ways;
use crate::store::facts::fact;
use crate::store::record::{Batch, FloodGuard, Recording, flood_window};
use crate::store::tasks::NewTask;
use crate::store::views::Order;
use crate::store::{Store, StoreError};
use intake::Intake;
pub use intake::MOST_LINES;
pub use rounds::{LEASE, WATCH};
use spill::Spill;
use standing::{Standing, Told};

/// Orders of at least this many lines are one commit.
const LINES_PER_COMMIT: usize = 1000;
/// A feed that lost more than half of its open lines is believed if it had no more than this.
const FEW: usize = 20;

/// Why a look recorded nothing.
#[derive(Debug, thiserror::Error)]
pub enum WatchError {
    #[error(transparent)]
    Shop(#[from] ShopError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("{0}")]
    NotBelieved(Disbelief),
    #[error("cannot keep what was read in a temporary file: {0}")]
    Spill(#[from] std::io::Error),
}

impl WatchError {
    /// The word in metrics.
    fn word(&self) -> &'static str {
        match self {
            WatchError::NotBelieved(_) => "refused",
            WatchError::Shop(_) | WatchError::Store(_) | WatchError::Spill(_) => "failed",
        }
    }
}

/// What makes a feed unbelievable.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Disbelief {
    #[error(
        "the sweep was refused: the `lines` feed is empty, and before there were open lines ({open}); if that is true, run `backorderd run --accept-shrunken`"
    )]
    Emptied { open: usize },
    #[error(
        "the sweep was refused: {lost} of {open} open lines are missing from the `lines` feed; if that is true, run `backorderd run --accept-shrunken`"
    )]
    Shrunken { lost: usize, open: usize },
    #[error(
        "the sweep was refused: the `lines` feed holds line_id \"{line_id}\" more than once; mend its query so that each order line is one row"
    )]
    Doubled { line_id: String },
}

/// The task of a line that is ready on the last day of its promise.
const NOT_SHIPPED: &str = "not_shipped";

fn not_shipped(order: &Order, line_id: &str) -> NewTask {
    NewTask {
        kind: NOT_SHIPPED,
        shop_id: order.shop_id.clone(),
        subject: line_id.to_owned(),
        reason: format!(
            "line {line_id} of order {} is in stock and has not shipped; its last day is today",
            order.order_number
        ),
        mend: "ship it today, or see `backorderd deadlines` for what is owed tomorrow".into(),
    }
}

/// Everything that watching works with.
pub struct Watcher {
    pub shop: Shop,
    pub store: Store,
    pub settings: Arc<Settings>,
    pub schedules: Schedules,
    pub clock: Clock,
    /// A random name of this start of the process; its lease is under it.
    pub owner: String,
    pub tally: Arc<Tally>,
    /// True once the process is to stop.
    pub stop: watch::Receiver<bool>,
    /// Grows with every line that a look reads, for whoever shows progress.
    pub lines_read: Arc<AtomicU64>,
}

/// What a look saw.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Looked {
    pub lines: u64,
    /// New or changed lines.
    pub changed: usize,
    pub gone: usize,
    /// Rows that could not be read, and orders with too many of them.
    pub set_aside: usize,
    /// Orders that were planned.
    pub orders: u64,
    /// Notifications that are held as a flood.
    pub held: u64,
    /// Whether this was the first accepted sweep, and it silenced the news.
    pub baseline: bool,
}

impl Watcher {
    /// A sweep: reads every line, compares, judges, records; asks the calendar.
    pub async fn sweep(&self) -> Result<Looked, WatchError> {
        let began = self.clock.now().as_microsecond().to_string();
        self.store.set_fact(fact::SWEEP_BEGAN_AT, Some(&began)).await?;
        match self.try_sweep().await {
            Err(WatchError::NotBelieved(disbelief)) => {
                let refused = NewTask {
                    kind: "refused_sweep",
                    shop_id: String::new(),
                    subject: "lines".into(),
                    reason: disbelief.to_string(),
                    mend: "look at the feed with `backorderd check`; nothing changes until a sweep is accepted".into(),
                };
                self.store.record_tasks(&[refused], &[], self.clock.now()).await?;
                Err(WatchError::NotBelieved(disbelief))
            }
            other => other,
        }
    }

    async fn try_sweep(&self) -> Result<Looked, WatchError> {
        let began = self.clock.now();
        let first = self.store.fact(fact::BASELINE_AT).await?.is_none();
        let baseline = first && self.settings.orders.first_sweep == FirstSweep::Baseline;
        let mut intake = Intake::sweep(&self.store, &self.settings, &self.lines_read).await?;
        let mut look = self.shop.look().await?;
        intake.read_dates(&mut look, began, false).await?;
        intake.read_products(&mut look).await?;
        intake.read_all_lines(&mut look).await?;
        look.end().await?;
        intake.end()?;

        let accept = self.store.fact(fact::ACCEPT_SHRUNKEN).await?.is_some();
        let mut looked = Looked { lines: intake.rows, set_aside: intake.set_aside(), baseline, ..Looked::default() };
        let newest = intake.newest;
        // A sweep reads every row: what was set aside before and is not now has been mended.
        let tasks = std::mem::take(&mut intake.tasks);
        let mut found = self.judge(intake, accept, &mut looked).await?;
        self.store.record_tasks(&tasks, &["set_aside", "refused_sweep"], began).await?;
        self.record(&mut found, Look::Sweep, baseline, began, &mut looked).await?;
        self.save_cursor(newest).await?;
        let micros = began.as_microsecond().to_string();
        self.store.set_fact(fact::SWEPT_AT, Some(&micros)).await?;
        if accept {
            self.store.set_fact(fact::ACCEPT_SHRUNKEN, None).await?;
        }
        if first {
            self.store.set_fact(fact::BASELINE_AT, Some(&micros)).await?;
        }
        Ok(looked)
    }

    /// A poll: reads what changed since the last look, and the orders that are settling. Where the feed cannot tell what
    /// changed, or too much did, a poll is a sweep.
    pub async fn poll(&self) -> Result<Looked, WatchError> {
        let Some(since) = self.store.fact_number(fact::CURSOR).await? else { return self.sweep().await };
        if self.store.fact(fact::BASELINE_AT).await?.is_none() {
            return self.sweep().await;
        }
        let began = self.clock.now();
        let mut look = self.shop.look().await?;
        if !look.has_updated_at().await? {
            look.end().await?;
            return self.sweep().await;
        }
        let Some(mut intake) = Intake::poll(&self.store, &self.settings, &self.lines_read, &mut look, since).await?
        else {
            look.end().await?;
            return self.sweep().await;
        };
        look.end().await?;
        intake.end()?;
        let newest = intake.newest;
        let mut looked = Looked {
            lines: intake.rows,
            changed: intake.spill.len(),
            set_aside: intake.set_aside(),
            ..Looked::default()
        };
        self.store.record_tasks(&intake.tasks, &[], began).await?;
        self.record(&mut intake.spill, Look::Poll, false, began, &mut looked).await?;
        self.save_cursor(newest).await?;
        Ok(looked)
    }

    /// Remembers the newest `updated_at` for the next poll. It never goes back.
    async fn save_cursor(&self, newest: Option<Timestamp>) -> Result<(), StoreError> {
        let Some(newest) = newest else { return Ok(()) };
        let known = self.store.fact_number(fact::CURSOR).await?;
        if known.is_none_or(|known| known < newest.as_microsecond()) {
            self.store.set_fact(fact::CURSOR, Some(&newest.as_microsecond().to_string())).await?;
        }
        Ok(())
    }

    /// Decides whether the whole feed can be believed; what changed and what vanished is what is left.
    async fn judge(&self, mut intake: Intake<'_>, accept: bool, looked: &mut Looked) -> Result<Spill, WatchError> {
        let (open, lost) = (intake.known.open, intake.known.lost());
        if !accept && intake.rows == 0 && open > 0 {
            return Err(WatchError::NotBelieved(Disbelief::Emptied { open }));
        }
        if !accept && lost * 2 > open && open > FEW {
            return Err(WatchError::NotBelieved(Disbelief::Shrunken { lost, open }));
        }
        looked.changed = intake.spill.len();
        let mut unseen: Vec<_> = intake.known.unseen().collect();
        unseen.sort_unstable();
        for (shop_id, line_id, order_id) in self.store.lines_of_keys(&unseen).await? {
            let key = crate::store::lines::key(&shop_id, &line_id);
            intake.spill.push_gone(shop_id, line_id, &order_id, key);
            looked.gone += 1;
        }
        Ok(intake.spill)
    }

    /// Records what was found, and visits the orders that are settling or that the calendar names.
    async fn record(
        &self,
        found: &mut Spill,
        look: Look,
        baseline: bool,
        began: Timestamp,
        looked: &mut Looked,
    ) -> Result<(), WatchError> {
        // What the first sweep finds counts as told, to everybody.
        let as_told = |line: &Line, at| {
            let standing = Standing::of(line, self.schedules.of(&line.shop_id).today(at));
            Told { waited: standing.status == Status::Backordered, standing, at }
        };
        let last_sweep = self.last_sweep().await?;
        let first_sight = self.first_sight(began, last_sweep.is_none());
        let how = Recording {
            clock: &self.clock,
            began,
            channels: self.settings.delivery.channel,
            ready: false,
            watcher: Some(&self.owner),
            rehearsal: false,
            first_sight: Some(&first_sight),
            last_sweep,
            ways: Ways::of(Choice::Cancel, &self.settings.choices),
            baseline: if baseline { Some(&as_told) } else { None },
        };
        let mut alarms = Vec::new();
        let mut decide = |order: &mut Order| {
            let schedule = self.schedules.of(&order.shop_id);
            if baseline && order.view.quiet_since.is_none() {
                order.view.quiet_since = Some(schedule.spread(began, &order.shop_id, &order.order_id));
            }
            let plan = plan(&order.view, Circumstances { look, began, schedule });
            alarms.extend(plan.alarms.iter().map(|line_id| not_shipped(order, line_id)));
            plan
        };
        while let Some(orders) = found.take(LINES_PER_COMMIT)? {
            let batch = Batch { changed: orders.changed, gone: orders.gone, rows: Vec::new() };
            looked.orders += self.store.record(&batch, how, &mut decide).await?;
        }
        let calendar = (look == Look::Sweep).then_some(began);
        for rows in self.store.orders_to_look_at(calendar).await?.chunks(LINES_PER_COMMIT) {
            let batch = Batch { rows: rows.to_vec(), ..Batch::default() };
            looked.orders += self.store.record(&batch, how, &mut decide).await?;
        }
        if look == Look::Sweep {
            self.store.record_tasks(&alarms, &[NOT_SHIPPED], began).await?;
            self.store.review_answers(began).await?;
            let day = |at| self.schedules.of("").today(at);
            if last_sweep.is_none_or(|last| day(last) < day(began)) {
                self.store.put_away(&self.schedules, began).await?;
            }
        }
        let guard = FloodGuard {
            since: flood_window(began, self.settings.orders.sweep_every),
            now: self.clock.now(),
            limit: self.settings.delivery.max_per_sweep,
        };
        looked.held = self.store.finish_look(guard).await?;
        if looked.held > 0 {
            error!(held = looked.held, limit = guard.limit, "a flood of news: its notifications are held for staff");
        }
        if look == Look::Sweep {
            self.alarm_of_held_notices().await?;
        }
        Ok(())
    }

    /// A hold never yields to a deadline, so staff hear of it again and again.
    async fn alarm_of_held_notices(&self) -> Result<(), StoreError> {
        let held = self.store.held_notices().await?;
        if let Some(too_late_at) = held.too_late_at {
            error!(held = held.number, %too_late_at, "legal notices are held: release them in time, see `backorderd tasks`");
        }
        Ok(())
    }

    /// When the last whole look began; `None`: this is the first.
    async fn last_sweep(&self) -> Result<Option<Timestamp>, StoreError> {
        let micros = self.store.fact_number(fact::SWEPT_AT).await?;
        Ok(micros.and_then(|micros| Timestamp::from_microsecond(micros).ok()))
    }

    /// What is frozen of a line when it is first seen, and the day of its shop. `first`: by the very first sweep, which
    /// cannot know what she was told before.
    fn first_sight(&self, began: Timestamp, first: bool) -> impl Fn(&Line) -> (PromiseClock, Date) + Sync {
        move |line| {
            let schedule = self.schedules.of(&line.shop_id);
            (PromiseClock::start(line, began, first, &schedule.calendar()), schedule.today(began))
        }
    }
}
