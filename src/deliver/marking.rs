//! Before the end of a mail is written, that it is in transfer is made durable: only what is marked can be in doubt after
//! a crash.
//!
//! In: mails that their connections send next. Out: a [`Clearance`] of each; the marks of all connections that wait are
//! one commit. Meanwhile its connection sends the mail before it, and its own envelope; its end waits for the clearance.
//! What can go wrong: news overtook it, its lease was lost, or the state database fails; then its end is never written. A
//! clearance is good for a moment: whoever was kept waiting asks again.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;
use tracing::error;

use super::job::Job;
use super::{Delivery, STORE_PAUSE};
use crate::store::marks::Mark;
use crate::store::outbox::Fate;

/// How many connections' questions wait at most.
const ASKED: usize = 256;
/// How long the first of the connections that ask waits for the others.
const COMPANY: Duration = Duration::from_millis(1);
/// So long after its mark is durable a mail may be sent by it: later it may have been overtaken, or be another's.
const GOOD: Duration = Duration::from_secs(1);

/// What became of a request to mark a mail as in transfer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Marked {
    Yes,
    /// Its order was touched since it was looked at, or its lease was lost, or staff took it.
    No,
    /// The state database failed.
    Unstored,
}

/// A connection's question: may this be sent?
pub(super) struct Marking {
    mark: Mark,
    answer: oneshot::Sender<Answer>,
}

/// What became of a mark, and when: whoever asked may look at it much later.
#[derive(Clone, Copy, Debug)]
struct Answer {
    marked: Marked,
    at: Instant,
}

/// Whether a mail may be sent: known as soon as its mark is durable.
pub(super) struct Clearance {
    mark: Mark,
    marks: mpsc::Sender<Marking>,
    answer: Result<Answer, oneshot::Receiver<Answer>>,
}

impl Clearance {
    /// Asks for that of `job`.
    pub(super) async fn ask(job: &Job, marks: &mpsc::Sender<Marking>) -> Clearance {
        let mark = job.mark();
        Clearance { mark, marks: marks.clone(), answer: Err(asked(mark, marks).await) }
    }

    /// Waits for the answer, a new one if it has grown old; whether the mail may be sent.
    pub(super) async fn is_given(&mut self) -> bool {
        loop {
            let Answer { marked, at } = self.answered().await;
            if marked != Marked::Yes || at.elapsed() < GOOD {
                return marked == Marked::Yes;
            }
            self.answer = Err(asked(self.mark, &self.marks).await);
        }
    }

    /// Whether it is known already that the mail may not be sent.
    pub(super) fn is_refused(&mut self) -> bool {
        if let Err(answer) = &mut self.answer
            && let Ok(answer) = answer.try_recv()
        {
            self.answer = Ok(answer);
        }
        matches!(self.answer, Ok(Answer { marked: Marked::No | Marked::Unstored, .. }))
    }

    /// What becomes of a mail that may not be sent; `None`: it may. Whether news overtook it is seen when it is looked at
    /// again.
    pub(super) async fn withheld(&mut self, now: Timestamp) -> Option<Fate> {
        let again = Fate::Again { due_at: now, charged: false };
        (self.answered().await.marked != Marked::Yes).then_some(again)
    }

    async fn answered(&mut self) -> Answer {
        let answer = match &mut self.answer {
            Ok(answer) => *answer,
            // Nobody answers any more: then nothing was made durable that we know of.
            Err(answer) => answer.await.unwrap_or(Answer { marked: Marked::Unstored, at: Instant::now() }),
        };
        self.answer = Ok(answer);
        answer
    }
}

/// Puts the question whether a mail may be sent.
async fn asked(mark: Mark, marks: &mpsc::Sender<Marking>) -> oneshot::Receiver<Answer> {
    let (answer, answered) = oneshot::channel();
    // Nobody who answers is the answer that it may not.
    let _ = marks.send(Marking { mark, answer }).await;
    answered
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
                // Each of these connections hangs up, and comes again with the same.
                tokio::time::sleep(STORE_PAUSE).await;
            }
            let at = Instant::now();
            for Marking { mark, answer } in waiting.drain(..) {
                let marked = match &marked {
                    Ok(marked) if marked.contains(&mark.id) => Marked::Yes,
                    Ok(_) => Marked::No,
                    Err(_) => Marked::Unstored,
                };
                let _ = answer.send(Answer { marked, at });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_clearance_that_has_grown_old_is_asked_for_again() {
        for (answer, is_given) in [(Marked::Yes, true), (Marked::No, false)] {
            let (marks, mut asked) = mpsc::channel(1);
            let mark = Mark { id: uuid::Uuid::nil(), fence: 1, order_row: 1, revision: 1 };
            let at = Instant::now();
            let (to, answered) = oneshot::channel();
            to.send(Answer { marked: Marked::Yes, at }).unwrap();
            let mut fresh = Clearance { mark, marks, answer: Err(answered) };
            assert!(fresh.is_given().await);
            // Nobody has looked at it until now.
            let (to, answered) = oneshot::channel();
            to.send(Answer { marked: Marked::Yes, at: at.checked_sub(GOOD).unwrap() }).unwrap();
            let mut old = Clearance { answer: Err(answered), ..fresh };
            let answering = async {
                let Marking { answer: to, .. } = asked.recv().await.unwrap();
                to.send(Answer { marked: answer, at: Instant::now() }).unwrap();
            };
            let (given, ()) = tokio::join!(old.is_given(), answering);
            assert_eq!(given, is_given);
        }
    }
}
