//! Results on their way into the state database: many in one commit, and none is dropped.
//!
//! In: what became of tries. Out: recorded results, and orders planned afresh where news overtook them. While results
//! cannot be stored they are tried again, and the workers are told, so that nothing new is started; so they are while it
//! takes long, because what a relay took and nobody wrote down would go out twice after a crash.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Mutex, mpsc, watch};
use tracing::error;

use super::feeding::InHand;
use super::way::Way;
use super::{Delivered, Delivery, STORE_PAUSE};
use crate::store::outbox::{Fate, Finish};
use crate::watch::recheck::recheck;

/// How many results are recorded in one commit at most.
const RESULTS: usize = 256;
/// How many wait for a commit that is under way.
pub(super) const WAITING: usize = 64;
/// A commit of results that takes longer keeps the workers from starting anything new.
const SLOW: Duration = Duration::from_millis(100);
/// How long the first of them waits for company.
const RESULTS_WAIT: Duration = Duration::from_millis(40);

/// How it goes to store results.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Storing {
    /// How many commits fail at the moment.
    pub failing: usize,
    /// How many take long.
    pub slow: usize,
}

impl Delivery {
    /// Records results that wait, many in one commit. Nothing is dropped: while they cannot be stored, all stands still.
    pub(super) async fn finish_all(
        self: Arc<Self>,
        way: Way,
        results: Arc<Mutex<mpsc::Receiver<Finish>>>,
        in_hand: InHand,
        storing: watch::Sender<Storing>,
    ) -> Delivered {
        let mut delivered = Delivered::default();
        let mut waiting = Vec::with_capacity(RESULTS);
        loop {
            gather(&results, &mut waiting).await;
            if waiting.is_empty() {
                return delivered;
            }
            let slow = Trouble::after(SLOW, &storing, |storing| &mut storing.slow);
            let recorded = self.record(way, &mut waiting, &in_hand, &storing);
            // Only the recording comes to an end.
            delivered.add(tokio::select! { recorded = recorded => recorded, never = slow => never });
        }
    }

    /// Records results, and what follows from them.
    async fn record(
        &self,
        way: Way,
        waiting: &mut Vec<Finish>,
        in_hand: &InHand,
        storing: &watch::Sender<Storing>,
    ) -> Delivered {
        let mut delivered = Delivered::default();
        let overtaken = self.finish_surely(waiting, storing).await;
        in_hand.send_modify(|in_hand| *in_hand = in_hand.saturating_sub(waiting.len()));
        let refused = waiting.iter().any(|finish| matches!(finish.fate, Fate::RecipientRefused { .. }));
        for finish in waiting.drain(..) {
            self.tally.ended(way.channel(), finish.fate.word());
            delivered.count(&finish);
        }
        if refused {
            delivered.come_back(self.put_back().await);
        }
        if !overtaken.is_empty()
            && let Err(error) =
                recheck(&self.store, &self.schedules, &self.clock, self.settings.delivery.channel, overtaken).await
        {
            error!(%error, "overtaken orders could not be planned afresh; the next sweep does it");
        }
        delivered
    }

    /// Records results, as often as it takes; meanwhile the workers stand still. Gives the overtaken orders.
    async fn finish_surely(&self, results: &[Finish], storing: &watch::Sender<Storing>) -> Vec<i64> {
        let mut failure = None;
        loop {
            match self.takeover.heard(self.store.finish(results, self.clock.now()).await) {
                Ok(overtaken) => return overtaken,
                Err(error) => error!(%error, results = results.len(), "results could not be stored; trying again"),
            }
            failure.get_or_insert_with(|| Trouble::begin(storing, |storing| &mut storing.failing));
            tokio::time::sleep(STORE_PAUSE).await;
        }
    }
}

/// A commit of results that fails or takes long, for as long as this lives.
struct Trouble<'a> {
    storing: &'a watch::Sender<Storing>,
    which: fn(&mut Storing) -> &mut usize,
}

impl<'a> Trouble<'a> {
    fn begin(storing: &'a watch::Sender<Storing>, which: fn(&mut Storing) -> &mut usize) -> Trouble<'a> {
        storing.send_modify(|storing| *which(storing) += 1);
        Trouble { storing, which }
    }

    /// Begins after `time`, and lasts until this future is dropped.
    async fn after<T>(time: Duration, storing: &'a watch::Sender<Storing>, which: fn(&mut Storing) -> &mut usize) -> T {
        tokio::time::sleep(time).await;
        let _trouble = Trouble::begin(storing, which);
        std::future::pending().await
    }
}

impl Drop for Trouble<'_> {
    fn drop(&mut self) {
        self.storing.send_modify(|storing| *(self.which)(storing) -= 1);
    }
}

/// Waits for results, and a little for more; none: there will be no more.
async fn gather(results: &Mutex<mpsc::Receiver<Finish>>, waiting: &mut Vec<Finish>) {
    let mut results = results.lock().await;
    results.recv_many(waiting, RESULTS).await;
    let company = async { while waiting.len() < RESULTS && results.recv_many(waiting, RESULTS).await > 0 {} };
    // Out of time: then they go as they are.
    let _ = tokio::time::timeout(RESULTS_WAIT, company).await;
}

impl Delivered {
    fn count(&mut self, finish: &Finish) {
        let counter = match finish.fate {
            Fate::Sent => &mut self.accepted,
            Fate::InDoubt { .. } => &mut self.in_doubt,
            Fate::Failed { .. } | Fate::RecipientRefused { .. } => &mut self.failed,
            Fate::Suppressed { .. } => &mut self.suppressed,
            Fate::Again { .. } => &mut self.deferred,
            Fate::Overtaken { .. } => &mut self.overtaken,
            Fate::Expired => &mut self.expired,
            Fate::Held { .. } => &mut self.held,
        };
        *counter += 1;
    }
}
