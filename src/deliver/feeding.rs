//! The first stage of a flow: due notifications are claimed and prepared, batch after batch.
//!
//! In: the outbox. Out: jobs for the workers, and the fate of what is not to be sent now. There are several feeders, on
//! threads of their own; the state database failing ends all of them, and so does a stop.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::{mpsc, watch};

use super::job::Job;
use super::way::Way;
use super::{Delivery, LEASE};
use crate::store::StoreError;
use crate::store::outbox::Finish;

/// A flow claims for this long at most. The next one has leases of its own, so that what a broken task of this one
/// dropped does not stay in hand because the process lives. Longer than a relay may take for its last reply.
const FLOW: Duration = Duration::from_mins(15);
/// How often a flow that waits for slow ones asks for what became due meanwhile.
const ASKING: Duration = Duration::from_secs(1);
/// How many are claimed at once.
const CLAIM: usize = 128;
/// How many batches are claimed and prepared at once: while one waits for the state database, the other is rendered. All
/// but the first feeder begin once there is more than one batch.
pub(super) const FEEDERS: usize = 2;

/// How many a flow has in hand.
pub(super) type InHand = watch::Sender<usize>;

/// What a feeder works with.
#[derive(Clone)]
pub(super) struct Feed {
    way: Way,
    owner: Arc<str>,
    jobs: mpsc::Sender<Job>,
    results: mpsc::Sender<Finish>,
    in_hand: InHand,
    /// Whether there is more than one batch; `None`: that is not known yet.
    plenty: Arc<watch::Sender<Option<bool>>>,
    /// One of the feeders failed.
    failed: Arc<AtomicBool>,
}

impl Feed {
    /// What was claimed goes to `jobs`, or to `results` if it is not to be sent now.
    pub(super) fn of(
        way: Way,
        owner: Arc<str>,
        jobs: mpsc::Sender<Job>,
        results: mpsc::Sender<Finish>,
        in_hand: InHand,
    ) -> Feed {
        let (plenty, failed) = (Arc::new(watch::Sender::new(None)), Arc::default());
        Feed { way, owner, jobs, results, in_hand, plenty, failed }
    }

    /// Whether there is more than one batch, once it is known.
    async fn is_plenty(&self) -> bool {
        self.plenty.subscribe().wait_for(Option::is_some).await.is_ok_and(|plenty| *plenty == Some(true))
    }
}

/// Whether there is plenty is known at the latest when this is dropped, even if its feeder broke.
struct Known<'a>(&'a watch::Sender<Option<bool>>);

impl Drop for Known<'_> {
    fn drop(&mut self) {
        self.0.send_if_modified(|plenty| plenty.is_none() && plenty.replace(false).is_none());
    }
}

impl Delivery {
    /// Claims and prepares batch after batch until nothing is due and nothing in hand; returns how many were claimed. Once
    /// one of the feeders failed, the others end too, and what it dropped is given back.
    pub(super) async fn feed(self: Arc<Self>, number: usize, feed: Feed) -> Result<usize, StoreError> {
        if number > 0 && !feed.is_plenty().await {
            return Ok(0);
        }
        let _known = Known(&feed.plenty);
        let fed = self.feed_until(&feed).await;
        if fed.is_err() {
            feed.failed.store(true, Ordering::Relaxed);
        }
        fed
    }

    async fn feed_until(&self, feed: &Feed) -> Result<usize, StoreError> {
        let Feed { way, owner, jobs, results, in_hand, plenty, failed } = feed;
        let way = *way;
        let mut sum = 0;
        let started = tokio::time::Instant::now();
        let goes_on = || !failed.load(Ordering::Relaxed) && started.elapsed() < FLOW;
        // Without workers nothing leaves.
        while !self.stopping() && !jobs.is_closed() && goes_on() {
            let now = self.clock.now();
            if !self.may_claim(way, now).await? {
                break;
            }
            let claimed = self.takeover.heard(self.store.claim(owner, way.channel(), now, CLAIM, LEASE).await)?;
            if claimed.is_empty() {
                if self.comes_to_rest(in_hand).await {
                    break;
                }
                continue;
            }
            sum += claimed.len();
            if claimed.len() == CLAIM {
                plenty.send_if_modified(|plenty| plenty.replace(true) != Some(true));
            }
            let batch = self.takeover.heard(self.prepare(way, claimed, now).await)?;
            in_hand.send_modify(|in_hand| *in_hand += batch.finished.len() + batch.jobs.len());
            for finish in batch.finished {
                // The receivers live as long as the senders.
                let _ = results.send(finish).await;
            }
            for job in batch.jobs {
                let _ = jobs.send(job).await;
            }
        }
        Ok(sum)
    }

    /// Waits a little for what is in hand to come to its end; whether nothing was.
    async fn comes_to_rest(&self, in_hand: &InHand) -> bool {
        let (mut in_hand, mut stop) = (in_hand.subscribe(), self.stop.clone());
        if *in_hand.borrow() == 0 {
            return true;
        }
        // Whatever ends the wait, the state database is asked again.
        tokio::select! {
            _ = in_hand.wait_for(|in_hand| *in_hand == 0) => {}
            _ = stop.wait_for(|stop| *stop) => {}
            () = tokio::time::sleep(ASKING) => {}
        }
        false
    }
}
