//! Before the end of a mail is written, that it is in transfer is made durable: only what is marked can be in doubt after
//! a crash.
//!
//! In: mails that their connections send next. Out: a [`Clearance`] of each; the marks of all connections that wait are
//! one commit. Meanwhile its connection sends the mail before it, and its own envelope; its end waits for the clearance.
//! What can go wrong: news overtook it, its lease was lost, or the state database fails; then its end is never written.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{mpsc, oneshot};
use tracing::error;

use super::Delivery;
use super::job::Job;
use crate::store::outbox::{Claimed, Fate, Mark};

/// How many connections' questions wait at most.
const ASKED: usize = 256;
/// How long the first of the connections that ask waits for the others.
const COMPANY: Duration = Duration::from_millis(1);

/// What became of a request to mark a mail as in transfer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Marked {
    Yes,
    /// News overtook it; or its lease was lost, and the fence sees to it that whatever we say of it changes nothing.
    No,
    /// The state database failed.
    Unstored,
}

/// A connection's question: may this be sent?
pub(super) struct Marking {
    mark: Mark,
    answer: oneshot::Sender<Marked>,
}

/// Whether a mail may be sent: known as soon as its mark is durable.
pub(super) struct Clearance {
    answer: Result<Marked, oneshot::Receiver<Marked>>,
}

impl Marking {
    /// The question about `job`, and its clearance.
    pub(super) fn of(job: &Job) -> (Marking, Clearance) {
        let (answer, answered) = oneshot::channel();
        (Marking { mark: job.mark(), answer }, Clearance { answer: Err(answered) })
    }
}

impl Clearance {
    /// Waits for the answer; whether the mail may be sent.
    pub(super) async fn is_given(&mut self) -> bool {
        self.answered().await == Marked::Yes
    }

    /// Whether it is known already that the mail may not be sent.
    pub(super) fn is_refused(&mut self) -> bool {
        if let Err(answer) = &mut self.answer
            && let Ok(marked) = answer.try_recv()
        {
            self.answer = Ok(marked);
        }
        matches!(self.answer, Ok(Marked::No | Marked::Unstored))
    }

    /// What becomes of `claimed` if it may not be sent; `None`: it may.
    pub(super) async fn withheld(&mut self, claimed: &Claimed, now: Timestamp) -> Option<Fate> {
        match self.answered().await {
            Marked::Yes => None,
            Marked::No if claimed.kind.is_news() && claimed.tells() => {
                Some(Fate::Overtaken { note: "overtaken by news right before it was sent" })
            }
            // What answers her is not overtaken by news, nor is a webhook by the mail of the same news: it is looked at
            // again.
            Marked::No | Marked::Unstored => Some(Fate::Again { due_at: now, charged: false }),
        }
    }

    async fn answered(&mut self) -> Marked {
        let marked = match &mut self.answer {
            Ok(marked) => *marked,
            // Nobody answers any more: then nothing was made durable that we know of.
            Err(answer) => answer.await.unwrap_or(Marked::Unstored),
        };
        self.answer = Ok(marked);
        marked
    }
}

impl Delivery {
    /// Marks all that waits in one commit.
    pub(super) async fn mark_all(self: Arc<Self>, workers: usize, mut asked: mpsc::Receiver<Marking>) {
        let mut waiting = Vec::with_capacity(ASKED);
        while asked.recv_many(&mut waiting, ASKED).await > 0 {
            let company = async { while waiting.len() < workers && asked.recv_many(&mut waiting, ASKED).await > 0 {} };
            // Out of time: then they go as they are.
            let _ = tokio::time::timeout(COMPANY, company).await;
            let rows: Vec<Mark> = waiting.iter().map(|marking: &Marking| marking.mark).collect();
            let marked = self.takeover.heard(self.store.mark(&rows).await);
            if let Err(error) = &marked {
                error!(%error, "marks could not be stored, so these mails are not sent now");
            }
            for Marking { mark, answer } in waiting.drain(..) {
                let _ = answer.send(match &marked {
                    Ok(marked) if marked.contains(&mark.id) => Marked::Yes,
                    Ok(_) => Marked::No,
                    Err(_) => Marked::Unstored,
                });
            }
        }
    }
}
