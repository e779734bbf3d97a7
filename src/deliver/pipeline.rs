//! The way of a batch through the process: claim, prepare, mark, send, record; each stage works on its own.
//!
//! ```text
//! claim ─> prepare ─jobs─> workers (one connection each) ─results─> finish
//!                            └─marks─> mark ─┘
//! ```
//! In: due notifications. Out: what became of them, durable. A worker asks for the mark of its next mail while it
//! sends the present one, and all marks that wait are one commit; so are all results that wait. The channels are
//! short: when results cannot be stored, the workers stand still and no new mail is started.

use std::sync::Arc;

use tokio::sync::{Mutex, mpsc, oneshot};
use tracing::{debug, error, info, warn};

use super::job::Job;
use super::outcome::{Outcome, Refusal};
use super::relays::Station;
use super::smtp::connection::{Connection, Envelope};
use super::{Delivery, Delivered, MAIL, verdict};
use crate::settings::duration::Span;
use crate::store::StoreError;
use crate::store::outbox::{Fate, Finish, Mark};

/// How long a claimed notification is ours without a heartbeat.
pub(super) const LEASE: Span = Span::seconds(30);
/// How many are claimed at once.
const CLAIM: usize = 256;
/// How many prepared mails wait for a worker.
const JOBS: usize = 64;
/// How many results are recorded in one commit at most.
const RESULTS: usize = 256;
/// How long to wait after the state database failed.
const STORE_PAUSE: std::time::Duration = std::time::Duration::from_secs(1);

type Marks = mpsc::Sender<(Mark, oneshot::Sender<bool>)>;
type Jobs = Arc<Mutex<mpsc::Receiver<Job>>>;

/// A connection that a worker keeps from mail to mail.
struct Held<'a> {
    station: usize,
    connection: Connection,
    _permit: tokio::sync::SemaphorePermit<'a>,
}

impl Delivery {
    /// Sends everything that is due, and returns when nothing is any more. Stops early when `stop` says so: what is in
    /// transfer is finished, the rest is given back.
    pub(super) async fn flow(&self) -> Result<Delivered, StoreError> {
        let (jobs_in, jobs_out) = mpsc::channel(JOBS);
        let (marks_in, marks_out) = mpsc::channel(JOBS);
        let (results_in, results_out) = mpsc::channel(RESULTS);
        let jobs_out: Jobs = Arc::new(Mutex::new(jobs_out));
        let workers = async {
            let workers = (0..self.relays.workers()).map(|_| self.work(jobs_out.clone(), marks_in.clone(), results_in.clone()));
            futures_util::future::join_all(workers).await;
            // The last senders: marking and finishing end with the work.
            drop((marks_in, results_in.clone()));
        };
        let feed = async {
            let fed = self.feed(jobs_in, results_in.clone()).await;
            fed
        };
        let (fed, (), (), delivered) =
            tokio::join!(feed, workers, self.mark_all(marks_out), self.finish_all(results_out));
        fed?;
        Ok(delivered)
    }
}
