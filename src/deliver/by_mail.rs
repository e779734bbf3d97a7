//! A mail on its way: tried on a relay over a connection that its worker keeps.
//!
//! In: a mail that is marked as in transfer. Out: what became of it. What can go wrong is in [`Outcome`]: a relay at fault
//! rests and the next one is asked, but only where the mail was surely not sent.

use tokio::sync::SemaphorePermit;
use tracing::{info, warn};

use super::job::Job;
use super::outcome::{Outcome, Refusal};
use super::relays::Station;
use super::smtp::connection::{Connection, Envelope};
use super::{Delivery, verdict};
use crate::failpoint::{self, Point};
use crate::outbox::notification::MAIL;
use crate::store::outbox::{Fate, Finish};

/// How often a mail is tried on a fresh connection because an old one had ended unnoticed.
const MOST_STALE: usize = 3;

/// A connection that a worker keeps from mail to mail.
pub(super) struct Kept<'a> {
    station: usize,
    connection: Connection,
    _permit: SemaphorePermit<'a>,
}

impl Kept<'_> {
    pub(super) async fn close(self) {
        self.connection.quit().await;
    }
}

impl Delivery {
    /// Tries one mail on the first relay that may be asked; goes on to the next only where the mail was surely not sent
    /// and the relay is at fault. What one relay may have taken already goes to no other.
    pub(super) async fn send<'a>(&'a self, job: Job, kept: &mut Option<Kept<'a>>) -> Finish {
        let mut places = self.relays.places();
        if let Some(name) = &job.claimed.doubted_relay {
            if let Some(place) = self.relays.place_of(name) {
                places = place..place + 1;
            } else {
                let note = format!("the relay that may have it, {name}, is in the settings no more");
                return Finish { claimed: job.claimed, attempt: None, fate: Fate::Held { note } };
            }
        }
        let all = places.clone();
        let mut stale = 0;
        let mut last = None;
        while let Some((index, station)) = self.relays.choose(places.clone(), self.clock.now()) {
            // It may begin to rest while this one waits: then the next one is chosen.
            let Some(_place) = station.place(&self.clock).await else { continue };
            let started = self.clock.now();
            let outcome = station.judge(self.try_once(&job, kept, index, station).await, &job.to);
            let attempt = verdict::attempt(&outcome, &station.relay.name(), started, self.clock.now());
            let now = self.clock.now();
            match &outcome {
                Outcome::NotSent { why: Refusal::Stale, .. } if stale < MOST_STALE => {
                    stale += 1;
                    station.works();
                }
                Outcome::NotSent {
                    why: why @ (Refusal::Relay | Refusal::Paused | Refusal::Stale),
                    phase,
                    detail,
                    ..
                } => {
                    warn!(relay = station.relay.name(), phase = phase.word(), detail, "the relay rests");
                    if *why == Refusal::Paused {
                        station.pauses(now);
                    } else {
                        station.fails(now);
                    }
                    self.count(station, attempt.outcome);
                    last = Some(attempt);
                    places.start = index + 1;
                }
                _ => {
                    failpoint::reach(Point::Answered);
                    station.works();
                    self.count(station, attempt.outcome);
                    info!(
                        notification.id = %job.claimed.id, kind = job.claimed.kind.word(), outcome = attempt.outcome,
                        code = attempt.code, relay = attempt.relay, "tried"
                    );
                    let fate = verdict::fate(&job.claimed, &outcome, &self.settings.delivery, now, self.chance());
                    return Finish { claimed: job.claimed, attempt: Some(attempt), fate };
                }
            }
        }
        let due_at = self.relays.ask_again_at(all, self.clock.now());
        Finish { claimed: job.claimed, attempt: last, fate: Fate::Again { due_at, charged: false } }
    }

    /// Counts a try, once its station knows of it.
    fn count(&self, station: &Station, outcome: &'static str) {
        self.tally.tried(MAIL, &station.relay.name(), outcome, station.rests_until().is_some());
    }

    /// One try over the kept connection, or a new one.
    async fn try_once<'a>(
        &'a self,
        job: &Job,
        kept: &mut Option<Kept<'a>>,
        index: usize,
        station: &'a Station,
    ) -> Outcome {
        let serves = |kept: &Kept| kept.station == index && !kept.connection.spent(self.clock.now());
        let mut open = match kept.take() {
            Some(open) if serves(&open) => open,
            old => {
                if let Some(old) = old {
                    old.connection.quit().await;
                }
                let permit = station.connection_permit().await;
                match Connection::open(&station.relay, &self.hello_name, self.deadlines, self.clock.now()).await {
                    Ok(connection) => Kept { station: index, connection, _permit: permit },
                    Err(error) => return error.into(),
                }
            }
        };
        station.rate_permit().await;
        let outcome = open.connection.send(&Envelope { from: &job.from, to: &job.to }, &job.bytes).await;
        *kept = Some(open).filter(|open| open.connection.usable());
        outcome
    }
}
