//! Answers that are due go to the shop: claimed, carried on each way that is set up, recorded way by way.
//!
//! In: recorded answers. Out: what the shop's side said to them; tasks and mails follow from that in the store. What
//! can go wrong: nobody takes an answer, then it is tried again by the ladder for as long as it takes; this process
//! dies, then its lease ends and another carries on with the ways that had not said their word.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use jiff::{SignedDuration, Timestamp};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tracing::{error, info, warn};

use super::handover::{Outgoing, Reply, Through};
use crate::clock::Clock;
use crate::metrics::tally::Tally;
use crate::outbox::channels;
use crate::outbox::schedule::{Schedules, retry_after};
use crate::settings::Settings;
use crate::settings::duration::Span;
use crate::store::choices::{Asking, ChoiceState};
use crate::store::handover::{Carried, Hearing};
use crate::store::{Store, StoreError};
use crate::watch::recheck::recheck;

/// How many answers are carried at once: each holds a connection to the shop's side.
const AT_ONCE: usize = 8;
/// How long a claimed answer is ours without a heartbeat.
const LEASE: Span = Span::seconds(30);
const HEARTBEAT: Duration = Duration::from_secs(10);
/// A way that has not said its word by then has failed, whatever it waits for.
const MOST: Duration = Duration::from_mins(1);
/// What is under way when the process is to stop has so long to come to its end.
const LAST: Duration = Duration::from_secs(5);
/// How long to wait for something to do, and after the state database failed.
const IDLE: Duration = Duration::from_secs(2);

/// One way to the shop.
pub trait Way: Send + Sync {
    /// Carries an answer, and says what the shop's side makes of it. One answer may come more than once.
    fn carry<'a>(&'a self, answer: &'a Outgoing) -> BoxFuture<'a, Reply>;
}

/// The ways that are set up.
#[derive(Clone, Default)]
pub struct Ways {
    pub statement: Option<Arc<dyn Way>>,
    pub hook: Option<Arc<dyn Way>>,
}

/// Everything that handing answers over works with.
pub struct Carrier {
    pub store: Store,
    pub settings: Arc<Settings>,
    pub schedules: Schedules,
    pub clock: Clock,
    pub ways: Ways,
    pub tally: Arc<Tally>,
    /// True once the process is to stop.
    pub stop: watch::Receiver<bool>,
}

/// What became of the answers that were tried.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HandedOver {
    pub taken: usize,
    /// Handed over, and the statement changed no row.
    pub untouched: usize,
    pub refused: usize,
    /// They come back.
    pub failed: usize,
}

impl HandedOver {
    /// Takes another's numbers in.
    pub fn add(&mut self, other: HandedOver) {
        self.taken += other.taken;
        self.untouched += other.untouched;
        self.refused += other.refused;
        self.failed += other.failed;
    }

    /// Whether everything that was tried was accepted.
    pub fn all_accepted(&self) -> bool {
        self.refused + self.failed == 0
    }
}

impl Carrier {
    /// Hands over what is due until nothing is; takes over what dead processes left. Once the process is to stop,
    /// nothing more is begun.
    pub async fn tick(self: &Arc<Self>) -> Result<HandedOver, StoreError> {
        let owner = self.clock.random_id().to_string();
        // Ends when it is dropped.
        let mut beating = JoinSet::new();
        beating.spawn(self.clone().beat(owner.clone()));
        let mut under_way = JoinSet::new();
        let mut handed_over = HandedOver::default();
        let mut failed = None;
        loop {
            if !self.stopping() && failed.is_none() {
                let free = AT_ONCE - under_way.len();
                match self.store.claim_answers(&owner, self.clock.now(), free, LEASE).await {
                    Ok(claimed) => claimed.into_iter().for_each(|carried| {
                        under_way.spawn(self.clone().carry(carried));
                    }),
                    Err(error) => failed = Some(error),
                }
            }
            match under_way.join_next().await {
                Some(Ok(Ok(one))) => handed_over.add(one),
                Some(Ok(Err(error))) => failed = Some(error),
                Some(Err(broken)) => {
                    error!(error = %broken, "a hand-over broke; its answer is taken over when its lease ends");
                }
                None => return failed.map_or(Ok(handed_over), Err),
            }
        }
    }

    /// Asks first, with one small question, so that an idle process does next to nothing.
    async fn tick_if_due(self: &Arc<Self>) -> Result<HandedOver, StoreError> {
        if self.store.is_answer_due(self.clock.now()).await? { self.tick().await } else { Ok(HandedOver::default()) }
    }

    /// Hands over until the process is to stop.
    pub async fn run(self: &Arc<Self>) {
        let mut stop = self.stop.clone();
        while !self.stopping() {
            let failed = match self.tick_if_due().await {
                Ok(handed_over) => {
                    self.count(handed_over);
                    false
                }
                Err(error) => {
                    error!(%error, "the state database failed; answers wait");
                    true
                }
            };
            let pause = if failed { IDLE * 5 } else { IDLE };
            // A stop that comes while waiting ends the wait; an error means that nobody can stop us any more.
            let _ = tokio::time::timeout(pause, stop.wait_for(|stop| *stop)).await;
        }
    }

    fn count(&self, handed_over: HandedOver) {
        let HandedOver { taken, untouched, refused, failed } = handed_over;
        for (said, number) in [("taken", taken), ("untouched", untouched), ("refused", refused), ("failed", failed)] {
            self.tally.answered(said, number);
        }
    }

    /// Carries one answer on every way that has not said its word. What one way said counts for that way alone, but
    /// after a refusal no other is asked.
    async fn carry(self: Arc<Self>, carried: Carried) -> Result<HandedOver, StoreError> {
        let mut one = HandedOver::default();
        let mut untouched = false;
        // Of the failed ways, the longest wait that one asked for.
        let mut failed: Option<SignedDuration> = None;
        for through in carried.waiting.iter().copied() {
            let said = if self.stopping() { None } else { self.ask(through, &carried.answer).await };
            let Some(reply) = said else {
                self.store.give_back_answer(&carried, self.clock.now()).await?;
                return Ok(one);
            };
            log(&carried, through, &reply);
            untouched |= reply == Reply::Untouched;
            if let Reply::Failed { wait, .. } = &reply {
                failed = failed.max(Some(wait.unwrap_or_default()));
            }
            match self.recorded(&carried, through, &reply).await? {
                Some(ChoiceState::Open) => {}
                Some(ChoiceState::Refused) => one.refused = 1,
                Some(ChoiceState::Done) if untouched => one.untouched = 1,
                Some(ChoiceState::Done) => one.taken = 1,
                // Nobody needs it any more, or somebody else took it over.
                Some(ChoiceState::Dropped) | None => return Ok(one),
            }
            if one != HandedOver::default() {
                let rows = vec![carried.order_row];
                let channels = self.settings.delivery.channel;
                if let Err(error) = recheck(&self.store, &self.schedules, &self.clock, channels, rows).await {
                    warn!(%error, "an answered order could not be planned afresh; the next sweep does it");
                }
                return Ok(one);
            }
        }
        let now = self.clock.now();
        self.store.retry_answer(&carried, self.again_at(&carried, failed, now), now).await?;
        one.failed = 1;
        Ok(one)
    }

    /// What a way makes of the answer; `None`: the process is to stop, and the way has not said its word.
    async fn ask(&self, through: Through, answer: &Outgoing) -> Option<Reply> {
        let way = match through {
            Through::Statement => &self.ways.statement,
            Through::Hook => &self.ways.hook,
        };
        let failed = |problem: String| Reply::Failed { problem, wait: None };
        let Some(way) = way else {
            return Some(failed(format!("{} is not in [choices] any more", through.words())));
        };
        tokio::select! {
            reply = way.carry(answer) => Some(reply),
            () = tokio::time::sleep(MOST) => Some(failed(format!("no word within {} s", MOST.as_secs()))),
            () = self.end_of_patience() => None,
        }
    }

    /// Comes when the process is to stop and has waited for as long as it may.
    async fn end_of_patience(&self) {
        let mut stop = self.stop.clone();
        if stop.wait_for(|stop| *stop).await.is_err() {
            // Nobody can stop us any more.
            std::future::pending::<()>().await;
        }
        tokio::time::sleep(LAST).await;
    }

    /// Records what a way said; while it cannot be stored, the answer stands still, so that it is not carried twice.
    async fn recorded(
        &self,
        carried: &Carried,
        through: Through,
        reply: &Reply,
    ) -> Result<Option<ChoiceState>, StoreError> {
        let now = self.clock.now();
        let channels = channels::every(self.settings.delivery.channel);
        let today = self.schedules.of(&carried.answer.shop_id).today(now);
        let hearing = Hearing {
            asking: Asking { clock: &self.clock, now, today, channels },
            confirm_by: now + self.settings.choices.confirm_within.signed(),
        };
        loop {
            match self.store.record_reply(carried, through, reply, hearing).await {
                Err(StoreError::Database(error)) if !self.stopping() => {
                    error!(%error, choice.id = %carried.answer.id, "what the shop said could not be stored; trying again");
                    tokio::time::sleep(IDLE).await;
                }
                recorded => return recorded,
            }
        }
    }

    /// When a failed answer is tried again: by the ladder, and not before the shop's side asked for.
    fn again_at(&self, carried: &Carried, wait: Option<SignedDuration>, now: Timestamp) -> Timestamp {
        let tried = u32::try_from(carried.attempts).unwrap_or(u32::MAX).saturating_add(1);
        let chance = f64::from(self.clock.random_id().as_u128() as u16) / f64::from(u16::MAX);
        let by_ladder = retry_after(&self.settings.delivery.retry, tried, chance);
        now.saturating_add(by_ladder.max(wait.unwrap_or_default())).unwrap_or(now + by_ladder)
    }

    /// Prolongs the leases of `owner`.
    async fn beat(self: Arc<Self>, owner: String) {
        loop {
            tokio::time::sleep(HEARTBEAT).await;
            if let Err(error) = self.store.keep_answers(&owner, LEASE).await {
                warn!(%error, "the leases of answers could not be prolonged");
            }
        }
    }

    fn stopping(&self) -> bool {
        *self.stop.borrow()
    }
}

fn log(carried: &Carried, through: Through, reply: &Reply) {
    let (id, choice, attempt) = (&carried.answer.id, carried.answer.choice.word(), carried.attempts + 1);
    let way = through.words();
    match reply {
        Reply::Taken | Reply::Untouched => info!(choice.id = %id, choice, attempt, way, ?reply, "handed over"),
        Reply::Refused { .. } => warn!(choice.id = %id, choice, attempt, way, "the shop refused an answer"),
        Reply::Failed { problem, .. } => {
            warn!(choice.id = %id, choice, attempt, way, problem, "an answer could not be handed over; it is tried again");
        }
    }
}
