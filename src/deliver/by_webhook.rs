//! A notification on its way to the receiver: one signed POST, and what follows from its answer.
//!
//! In: a notification that is marked as in transfer. Out: what became of it. What can go wrong is in [`Said`]; none of it
//! leaves a doubt behind, since a notification keeps its id, and the receiver knows it by that.

use std::time::Duration;

use tracing::{error, info, warn};

use super::answer::{self, Said};
use super::job::Job;
use super::way::Way;
use super::{Delivery, receiver::ReceiverStation};
use crate::failpoint::{self, Point};
use crate::outbox::notification::WEBHOOK;
use crate::store::outbox::{Fate, Finish};
use crate::webhook::Outcome;

/// What is under way when the process is to stop has so long to come to its end.
const LAST: Duration = Duration::from_secs(5);

impl Delivery {
    /// Tries one notification.
    pub(super) async fn post(&self, mut job: Job) -> Finish {
        let Some(admitted) = self.receiver.as_ref().and_then(|station| station.admits(self.clock.now())) else {
            return self.give_back(Way::Webhook, job.claimed);
        };
        let station = admitted.station;
        let started = self.clock.now();
        let (id, body) = (job.claimed.id.to_string(), std::mem::take(&mut job.bytes));
        let outcome = tokio::select! {
            outcome = station.receiver.post(&id, body) => outcome,
            () = self.end_of_patience() => return self.break_off(station, job, started),
        };
        failpoint::reach(Point::Answered);
        let (said, now) = (Said::of(&outcome), self.clock.now());
        let was_well = admitted.said(said, now);
        let attempt = answer::attempt(outcome, said, &station.receiver.to_string(), started, now);
        self.tally.tried(WEBHOOK, &attempt.relay, attempt.outcome, station.rests());
        info!(
            notification.id = %job.claimed.id, kind = job.claimed.kind.word(), outcome = attempt.outcome,
            code = attempt.code, receiver = attempt.relay, "tried"
        );
        match said {
            Said::Gone => self.disable(station).await,
            Said::Away | Said::Down | Said::Unknown | Said::Pauses(_) => {
                warn!(receiver = attempt.relay, outcome = attempt.outcome, "the receiver rests");
            }
            _ => {}
        }
        let (settings, again_at) = (&self.settings.delivery, station.ask_again_at(now));
        let fate = answer::fate(&job.claimed, said, was_well, &attempt, settings, again_at, self.chance());
        Finish { claimed: job.claimed, attempt: Some(attempt), fate }
    }

    /// The process ends before the answer came: it goes out again, and is shown as possibly doubled.
    fn break_off(&self, station: &ReceiverStation, job: Job, started: jiff::Timestamp) -> Finish {
        let now = self.clock.now();
        let outcome = Outcome::Unknown { problem: "the process stopped before the answer came".into() };
        let attempt = answer::attempt(outcome, Said::Unknown, &station.receiver.to_string(), started, now);
        Finish { claimed: job.claimed, attempt: Some(attempt), fate: Fate::Again { due_at: now, charged: false } }
    }

    /// The receiver wants no more: nothing is sent to it until staff say so.
    async fn disable(&self, station: &ReceiverStation) {
        error!(
            receiver = %station.receiver,
            "the receiver answered 410: notifications wait; mend it, then run `backorderd webhook enable`"
        );
        if let Err(error) = self.store.disable_webhook(&station.receiver.to_string(), self.clock.now()).await {
            error!(%error, "that the receiver wants no more could not be stored; it is asked again");
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
}
