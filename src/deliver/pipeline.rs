//! The way of a batch through the process: claim, prepare, mark, send, record; each stage works on its own. Mails and
//! webhooks have a flow each.
//!
//! ```text
//! claim ─> prepare ─jobs─> workers (one connection each) ─results─> finish
//!                            └─marks─> mark ─┘
//! ```
//! In: due notifications. Out: what became of them, durable. A worker sends one while the next is marked, so that a crash
//! throws doubt on two of a connection at most; all marks that wait are one commit, and so are all results that wait.
//! When results cannot be stored, or that takes long, the workers stand still and nothing new is started. What a flow has in hand when the
//! state database fails is given back as soon as it answers again: only what a dead process had in hand is left to the
//! end of its lease. A mail that hangs at its relay holds up its own connection, and the one that is marked after it:
//! until it comes to its end, the flow goes on with what becomes due.

use std::fmt::Display;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::sync::{Mutex, mpsc, watch};
use tokio::task::JoinSet;
use tracing::{error, warn};

use super::aside::aside;
use super::feeding::{FEEDERS, Feed, InHand};
use super::job::Job;
use super::marking::{Clearance, Marking};
use super::results::{Storing, WAITING};
use super::way::Way;
use super::{Delivered, Delivery, LEASE, STORE_PAUSE};
use crate::store::StoreError;
use crate::store::outbox::{Claimed, Fate, Finish};

const HEARTBEAT: Duration = Duration::from_secs(10);
/// How often a busy process asks what dead ones left.
const REAPING: Duration = Duration::from_secs(1);
/// How many prepared mails wait for a worker.
const JOBS: usize = 256;
/// How many commits of results are under way at once on PostgreSQL; SQLite has one writer.
const FINISHERS: usize = 2;

type Jobs = Arc<Mutex<mpsc::Receiver<Job>>>;
/// Whether results are stored as they should be.
type Stored = watch::Receiver<Storing>;

impl Delivery {
    /// One flow through all stages; ends when nothing more is due, or the process is to stop: then what is in transfer
    /// is finished and the rest given back.
    pub(super) async fn flow(self: &Arc<Self>, way: Way) -> Result<Delivered, StoreError> {
        let (jobs, taken) = mpsc::channel(JOBS);
        let (marks, marked) = mpsc::channel(JOBS);
        let (results, finished) = mpsc::channel(WAITING);
        let taken = Arc::new(Mutex::new(taken));
        let mut stages = JoinSet::new();
        let (storing, stored) = watch::channel(Storing::default());
        for _ in 0..self.workers(way) {
            stages.spawn(self.clone().work(way, taken.clone(), marks.clone(), results.clone(), stored.clone()));
        }
        stages.spawn(self.clone().mark_all(self.workers(way), marked));
        drop((taken, marks));
        let finished = Arc::new(Mutex::new(finished));
        let in_hand = InHand::new(0);
        let mut finishers = JoinSet::new();
        for _ in 0..if self.store.is_embedded() { 1 } else { FINISHERS } {
            finishers.spawn(self.clone().finish_all(way, finished.clone(), in_hand.clone(), storing.clone()));
        }
        let owner: Arc<str> = self.clock.random_id().to_string().into();
        let beating = tokio::spawn(self.clone().beat(owner.clone()));
        let feed = Feed::of(way, owner.clone(), jobs, results, in_hand);
        let feeding: [_; FEEDERS] = std::array::from_fn(|number| aside(self.clone().feed(number, feed.clone())));
        drop(feed);
        let mut whole = true;
        let mut fed = Ok(0);
        for ended in join_all(feeding).await {
            let ended = ended.unwrap_or_else(|| Ok(broke(&"it panicked, or there are no more threads", &mut whole)));
            fed = fed.and_then(|sum| ended.map(|more| sum + more));
        }
        while let Some(ended) = stages.join_next().await {
            ended.unwrap_or_else(|broken| broke(&broken, &mut whole));
        }
        let mut delivered = Delivered::default();
        while let Some(finished) = finishers.join_next().await {
            delivered.add(finished.unwrap_or_else(|broken| broke(&broken, &mut whole)));
        }
        // What broke a task may be what it had in hand: that counts as a death, when its lease ends.
        if fed.is_err() && whole {
            self.give_back_all(&owner).await;
        }
        beating.abort();
        delivered.claimed = fed?;
        Ok(delivered)
    }

    /// Gives back what the flow of `owner` could not go on with, because the state database failed; as often as it takes.
    async fn give_back_all(&self, owner: &str) {
        while let Err(error) = self.takeover.heard(self.store.give_back(owner, self.clock.now()).await) {
            error!(%error, "what is in hand could not be given back; trying again");
            tokio::time::sleep(STORE_PAUSE).await;
        }
    }

    /// Sends one after the other.
    async fn work(
        self: Arc<Self>,
        way: Way,
        jobs: Jobs,
        marks: mpsc::Sender<Marking>,
        results: mpsc::Sender<Finish>,
        mut stored: Stored,
    ) {
        let mut ahead: Option<(Job, Clearance)> = None;
        let mut place = None;
        loop {
            let next = match ahead.take() {
                None => self.next(way, &jobs, &marks, &results, &mut stored).await,
                next => next,
            };
            let Some((job, mut clearance)) = next else { break };
            self.until_quick(&mut stored).await;
            ahead = self.one_ahead(way, &jobs, &marks).await;
            // What does not take its place leaves it.
            let waiting = place.take();
            let mut gave_back = false;
            let finish = match way {
                _ if self.stopping() || stored.borrow().failing > 0 => self.give_back(way, job.claimed),
                Way::Mail => {
                    let refused = ahead.as_mut().is_some_and(|(_, clearance)| clearance.is_refused());
                    let next = ahead.as_ref().map(|(job, _)| job);
                    let sending = pin!(self.send(job, clearance, waiting, next.filter(|_| !refused)));
                    let rest = self.give_back_rest(way, next, &jobs, &results);
                    let ((finish, kept), stopped) = self.until_stopped(sending, rest).await;
                    (place, gave_back) = (kept, stopped);
                    finish
                }
                Way::Webhook => match clearance.withheld(self.clock.now()).await {
                    None => self.post(job).await,
                    Some(fate) => Finish { claimed: job.claimed, attempt: None, fate },
                },
            };
            if gave_back {
                (ahead, place) = (None, None);
            }
            let _ = results.send(finish).await;
        }
        if way == Way::Mail {
            self.relays.leave().await;
        }
    }

    /// The next one of a connection, and its clearance, which was asked for; `None`: there are no more.
    async fn next(
        &self,
        way: Way,
        jobs: &Jobs,
        marks: &mpsc::Sender<Marking>,
        results: &mpsc::Sender<Finish>,
        stored: &mut Stored,
    ) -> Option<(Job, Clearance)> {
        loop {
            let job = jobs.lock().await.recv().await?;
            self.until_stored(stored).await;
            if !self.stopping() && self.is_open(way, self.clock.now()) {
                let clearance = Clearance::ask(&job, marks).await;
                return Some((job, clearance));
            }
            // Not even marked: a crash must not throw doubt on what nobody can send.
            let _ = results.send(self.give_back(way, job.claimed)).await;
        }
    }

    /// The one after the next, where there is enough for every connection: its mark is made durable while the next one
    /// is sent.
    async fn one_ahead(&self, way: Way, jobs: &Jobs, marks: &mpsc::Sender<Marking>) -> Option<(Job, Clearance)> {
        if self.stopping() || !self.is_open(way, self.clock.now()) {
            return None;
        }
        // Who waits there holds the lock: then there is nothing.
        let job = jobs.try_lock().ok().filter(|jobs| jobs.len() >= self.workers(way))?.try_recv().ok()?;
        let clearance = Clearance::ask(&job, marks).await;
        Some((job, clearance))
    }

    /// Waits for the end of `sending`; if the process is to stop before that, `rest` comes beside it: a relay that hangs
    /// keeps nothing but what it has, and throws no doubt on the rest. With whether `rest` came.
    async fn until_stopped<T>(
        &self,
        mut sending: Pin<&mut impl Future<Output = T>>,
        rest: impl Future<Output = ()>,
    ) -> (T, bool) {
        tokio::select! {
            sent = &mut sending => (sent, false),
            () = self.is_to_stop() => (tokio::join!(sending, rest).0, true),
        }
    }

    /// Gives back the mail that was to be sent next, and all that wait for a worker, because the process is to stop.
    async fn give_back_rest(&self, way: Way, next: Option<&Job>, jobs: &Jobs, results: &mpsc::Sender<Finish>) {
        if let Some(next) = next {
            let _ = results.send(self.give_back(way, next.claimed.clone())).await;
        }
        // Another worker that holds the lock does the same.
        while let Ok(mut jobs) = jobs.try_lock()
            && let Some(job) = jobs.recv().await
        {
            let _ = results.send(self.give_back(way, job.claimed)).await;
        }
    }

    /// Comes when the process is to stop.
    pub(super) async fn is_to_stop(&self) {
        if self.stop.clone().wait_for(|stop| *stop).await.is_err() {
            // Nobody can stop us any more.
            std::future::pending::<()>().await;
        }
    }

    /// Waits while results cannot be stored or that takes long, unless the process is to stop.
    async fn until_stored(&self, stored: &mut Stored) {
        self.until(stored, |storing| storing.failing == 0 && storing.slow == 0).await;
    }

    /// Waits while it takes long to store results, until it is known whether it fails or the process is to stop.
    async fn until_quick(&self, stored: &mut Stored) {
        self.until(stored, |storing| storing.slow == 0 || storing.failing > 0).await;
    }

    async fn until(&self, stored: &mut Stored, holds: impl Fn(&Storing) -> bool) {
        if holds(&stored.borrow()) {
            return;
        }
        tokio::select! {
            // An error means that the other side is gone, and with it whoever could change anything.
            _ = stored.wait_for(holds) => {}
            () = self.is_to_stop() => {}
        }
    }

    /// What was not tried comes back at once, or when it can leave.
    pub(super) fn give_back(&self, way: Way, claimed: Claimed) -> Finish {
        let now = self.clock.now();
        let due_at = if self.is_open(way, now) { now } else { self.ask_again_at(way, now) };
        Finish { claimed, attempt: None, fate: Fate::Again { due_at, charged: false } }
    }

    /// Prolongs the leases of `owner`, and takes over what dead processes left; not before its own are prolonged.
    async fn beat(self: Arc<Self>, owner: Arc<str>) {
        let mut beaten = tokio::time::Instant::now();
        loop {
            tokio::time::sleep(REAPING).await;
            if beaten.elapsed() >= HEARTBEAT {
                if let Err(error) = self.takeover.heard(self.store.heartbeat(&owner, LEASE).await) {
                    warn!(%error, "leases could not be prolonged; trying again");
                    continue;
                }
                beaten = tokio::time::Instant::now();
            }
            if let Err(error) = self.reap().await {
                warn!(%error, "what dead processes left could not be taken over");
            }
            if let Err(error) = self.takeover.heard(self.store.forget_marks().await) {
                warn!(%error, "marks of what was sent could not be removed; trying again");
            }
        }
    }
}

/// Says that a task of the flow broke; what it had in hand comes back when its lease ends.
fn broke<T: Default>(broken: &impl Display, whole: &mut bool) -> T {
    error!(error = %broken, "a task of delivery broke; what it had in hand is taken over when its lease ends");
    *whole = false;
    T::default()
}
