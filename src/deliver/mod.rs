//! Notifications that are due go out: claimed, checked, rendered, sent, recorded.
//!
//! In: the outbox. Out: mails at a relay, signed messages at a receiver, attempts in the sent-log, and what each customer
//! was told. What can go wrong is in [`outcome::Outcome`] and [`verdict`], for a receiver in [`answer`]; the design
//! against it is in [`pipeline`].

mod answer;
mod aside;
mod blaming;
mod breaker;
mod by_mail;
mod by_webhook;
pub mod compose;
mod feeding;
pub mod job;
mod marking;
pub mod outcome;
pub mod packing;
mod payload;
mod pipeline;
pub mod prepare;
pub mod receiver;
pub mod relays;
mod results;
mod slow_start;
pub mod smtp;
pub mod takeover;
pub mod verdict;
pub mod way;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::sync::watch;
use tracing::warn;
use uuid::Uuid;

use crate::clock::Clock;
use crate::links::LinkKeys;
use crate::metrics::tally::Tally;
use crate::outbox::schedule::{Schedules, retry_after};
use crate::render::Renderer;
use crate::settings::Settings;
use crate::settings::delivery::InDoubt;
use crate::settings::duration::Span;
use crate::store::{Store, StoreError};
use packing::Packing;
use receiver::ReceiverStation;
use relays::Relays;
use smtp::Deadlines;
use takeover::Takeover;
use way::Way;

/// How long to wait after the state database failed.
const STORE_PAUSE: Duration = Duration::from_secs(1);
/// How long a claimed notification is ours without a heartbeat.
const LEASE: Span = Span::seconds(30);
/// How long to wait for something to do.
const IDLE: Duration = Duration::from_secs(1);

/// Everything that delivery works with.
pub struct Delivery {
    pub store: Store,
    pub settings: Arc<Settings>,
    pub schedules: Schedules,
    pub renderers: Renderers,
    pub packing: Packing,
    pub keys: LinkKeys,
    pub relays: Relays,
    /// There if a channel needs it.
    pub receiver: Option<ReceiverStation>,
    pub clock: Clock,
    /// What relays are greeted with.
    pub hello_name: String,
    pub deadlines: Deadlines,
    pub tally: Arc<Tally>,
    pub takeover: Takeover,
    /// True once the process is to stop.
    pub stop: watch::Receiver<bool>,
}

/// Renderers by shop: shops may word their mails differently.
pub struct Renderers {
    pub by_shop: BTreeMap<String, Renderer>,
    pub default: Renderer,
}

impl Renderers {
    pub fn of(&self, shop_id: &str) -> &Renderer {
        self.by_shop.get(shop_id).unwrap_or(&self.default)
    }
}

/// What a delivery did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Delivered {
    pub claimed: usize,
    pub accepted: usize,
    pub failed: usize,
    pub in_doubt: usize,
    /// Refused for now, or no relay to be had: they come back.
    pub deferred: usize,
    pub overtaken: usize,
    /// Too late for the option notice in it.
    pub expired: usize,
    pub held: usize,
    /// To addresses that get no such mail.
    pub suppressed: usize,
}

impl Delivered {
    /// Takes another delivery's numbers in.
    pub fn add(&mut self, other: Delivered) {
        self.claimed += other.claimed;
        self.accepted += other.accepted;
        self.failed += other.failed;
        self.in_doubt += other.in_doubt;
        self.deferred += other.deferred;
        self.overtaken += other.overtaken;
        self.expired += other.expired;
        self.held += other.held;
        self.suppressed += other.suppressed;
    }

    /// Whether everything that was tried was accepted; what is suppressed is not tried.
    pub fn all_accepted(&self) -> bool {
        self.failed + self.in_doubt + self.deferred + self.expired + self.held == 0
    }
}

impl Delivery {
    /// Sends what is due until nothing is, on one way after the other; takes over what dead processes left.
    pub async fn tick(self: &Arc<Self>) -> Result<Delivered, StoreError> {
        let mut delivered = Delivered::default();
        self.tick_each().await?.into_iter().for_each(|(_, on_way)| delivered.add(on_way));
        Ok(delivered)
    }

    /// The same, told apart.
    pub async fn tick_each(self: &Arc<Self>) -> Result<Vec<(Way, Delivered)>, StoreError> {
        let mut delivered = Vec::new();
        for way in self.ways() {
            delivered.push((way, self.tick_on(way).await?));
        }
        Ok(delivered)
    }

    async fn tick_on(self: &Arc<Self>, way: Way) -> Result<Delivered, StoreError> {
        let mut delivered = Delivered::default();
        loop {
            self.reap().await?;
            if way == Way::Mail {
                // What a process that died had no time for.
                self.put_back().await;
            }
            let flown = self.flow(way).await?;
            delivered.add(flown);
            if flown.claimed == 0 || self.stopping() {
                return Ok(delivered);
            }
        }
    }

    /// Delivers until the process is to stop. No way waits for another.
    pub async fn run(self: &Arc<Self>) {
        join_all(self.ways().into_iter().map(|way| self.run_on(way))).await;
    }

    async fn run_on(self: &Arc<Self>, way: Way) {
        let mut stop = self.stop.clone();
        let mut failures = 0;
        while !self.stopping() {
            failures = match self.tick_if_due(way).await {
                Ok(()) => 0,
                Err(error) => {
                    tracing::error!(%error, "the state database failed; delivery waits");
                    failures + 1
                }
            };
            // A broken connection is replaced by the next try; a database that is away takes longer.
            let pause = if failures > 1 { IDLE * 5 } else { IDLE };
            // A stop that comes while waiting ends the wait; an error means that nobody can stop us any more.
            let _ = tokio::time::timeout(pause, stop.wait_for(|stop| *stop)).await;
        }
    }

    /// Asks first, with one small question, so that an idle process does next to nothing.
    async fn tick_if_due(self: &Arc<Self>, way: Way) -> Result<(), StoreError> {
        if self.takeover.heard(self.store.is_due(way.channel(), self.clock.now()).await)? {
            self.tick_on(way).await?;
        }
        Ok(())
    }

    /// Takes over what dead processes left.
    async fn reap(&self) -> Result<(), StoreError> {
        if !self.takeover.is_fair() {
            return Ok(());
        }
        let now = self.clock.now();
        let resend = self.settings.delivery.in_doubt == InDoubt::Resend;
        let again = resend.then(|| now + retry_after(&self.settings.delivery.retry, 1, self.chance()));
        let reaped = self.takeover.heard(self.store.reap(again, now).await)?;
        if reaped > 0 {
            warn!(notifications = reaped, "took over what a dead process had in hand");
        }
        Ok(())
    }

    pub(crate) fn stopping(&self) -> bool {
        *self.stop.borrow()
    }

    /// A number in 0..1 for jitter, from the clock's randomness.
    fn chance(&self) -> f64 {
        f64::from(self.clock.random_id().as_u128() as u16) / f64::from(u16::MAX)
    }

    /// Whom bounces of this shop's notification `id` go to.
    fn envelope_from(&self, shop_id: &str, id: Uuid) -> Arc<str> {
        if let Some(path) = self.settings.mail.as_ref().and_then(|mail| mail.return_path.as_ref()) {
            return path.of(id).into();
        }
        let from = self.settings.shop(shop_id).mail_from;
        let address = from.and_then(|from| from.parse::<lettre::message::Mailbox>().ok());
        address.map_or_else(|| Arc::from(""), |mailbox| Arc::from(mailbox.email.to_string()))
    }
}
