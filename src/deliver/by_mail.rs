//! A mail on its way: tried on a relay over one of the connections to it.
//!
//! In: a mail, and its clearance, which the end of the message waits for. Out: what became of it. What can go wrong is in
//! [`Outcome`]: a relay at fault rests and the next one is asked, but only where the mail was surely not sent.

use tracing::{info, warn};

use super::job::Job;
use super::marking::Clearance;
use super::outcome::{Outcome, Refusal};
use super::relays::Station;
use super::smtp::connection::{Connection, Envelope};
use super::smtp::opening::ConnectError;
use super::{Delivery, verdict};
use crate::failpoint::{self, Point};
use crate::outbox::notification::MAIL;
use crate::store::outbox::{Fate, Finish};

/// How often a mail is tried on a fresh connection because an old one had ended unnoticed.
const MOST_STALE: usize = 3;

impl Delivery {
    /// Tries one mail on the first relay that may be asked; goes on to the next only where the mail was surely not sent
    /// and the relay is at fault. What one relay may have taken already goes to no other.
    pub(super) async fn send(&self, job: Job, mut clearance: Clearance) -> Finish {
        if clearance.is_refused() {
            return self.withheld(job, clearance).await;
        }
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
            let Some(_turn) = station.turn(&self.clock).await else { continue };
            let started = self.clock.now();
            let Some(outcome) = self.try_once(&job, station, &mut clearance).await else {
                return self.withheld(job, clearance).await;
            };
            let outcome = station.judge(outcome, &job.to);
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
                    // What was refused before its clearance came may be of no interest any more.
                    let fate = match clearance.withheld(&job.claimed, now).await {
                        Some(fate) => fate,
                        None => verdict::fate(&job.claimed, &outcome, &self.settings.delivery, now, self.chance()),
                    };
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

    /// What becomes of a mail that may not be sent.
    async fn withheld(&self, job: Job, mut clearance: Clearance) -> Finish {
        let now = self.clock.now();
        let fate = clearance.withheld(&job.claimed, now).await.unwrap_or(Fate::Again { due_at: now, charged: false });
        Finish { claimed: job.claimed, attempt: None, fate }
    }

    /// One try over a connection that is open, or a new one; `None`: it was withheld.
    async fn try_once(&self, job: &Job, station: &Station, clearance: &mut Clearance) -> Option<Outcome> {
        // Before the connection: one that waited long may be too old.
        station.rate_permit().await;
        let mut connection = match self.connection(station).await {
            Ok(connection) => connection,
            Err(error) => return Some(error.into()),
        };
        let envelope = Envelope { from: &job.from, to: &job.to };
        let outcome = connection.send_if(&envelope, &job.bytes, clearance.is_given()).await;
        station.keep(connection);
        outcome
    }

    /// An open connection that serves on, or a new one; who has served for long enough is left.
    async fn connection(&self, station: &Station) -> Result<Connection, ConnectError> {
        while let Some(idle) = station.idle() {
            if !idle.spent(self.clock.now()) {
                return Ok(idle);
            }
            idle.quit().await;
        }
        Connection::open(&station.relay, &self.hello_name, self.deadlines, self.clock.now()).await
    }
}
