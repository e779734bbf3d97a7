//! Results on their way into the state database: many in one commit, and none is dropped.
//!
//! In: what became of tries. Out: recorded results, and orders planned afresh where news overtook them. While results
//! cannot be stored they are tried again, and the workers are told, so that nothing new is started.

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
pub(super) const RESULTS: usize = 256;
/// How long the first of them waits for company.
const RESULTS_WAIT: Duration = Duration::from_millis(40);

impl Delivery {
    /// Records results that wait, many in one commit. Nothing is dropped: while they cannot be stored, all stands still.
    pub(super) async fn finish_all(
        self: Arc<Self>,
        way: Way,
        results: Arc<Mutex<mpsc::Receiver<Finish>>>,
        in_hand: InHand,
        failing: watch::Sender<usize>,
    ) -> Delivered {
        let mut delivered = Delivered::default();
        let mut waiting = Vec::with_capacity(RESULTS);
        loop {
            gather(&results, &mut waiting).await;
            if waiting.is_empty() {
                return delivered;
            }
            let overtaken = self.finish_surely(&waiting, &failing).await;
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
        }
    }

    /// Records results, as often as it takes; meanwhile the workers stand still. Gives the overtaken orders.
    async fn finish_surely(&self, results: &[Finish], failing: &watch::Sender<usize>) -> Vec<i64> {
        let mut failure = None;
        loop {
            match self.takeover.heard(self.store.finish(results, self.clock.now()).await) {
                Ok(overtaken) => return overtaken,
                Err(error) => error!(%error, results = results.len(), "results could not be stored; trying again"),
            }
            failure.get_or_insert_with(|| Failure::begin(failing));
            tokio::time::sleep(STORE_PAUSE).await;
        }
    }
}

/// A commit of results that fails, for as long as this lives.
struct Failure<'a>(&'a watch::Sender<usize>);

impl Failure<'_> {
    fn begin(failing: &watch::Sender<usize>) -> Failure<'_> {
        failing.send_modify(|failing| *failing += 1);
        Failure(failing)
    }
}

impl Drop for Failure<'_> {
    fn drop(&mut self) {
        self.0.send_modify(|failing| *failing -= 1);
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
