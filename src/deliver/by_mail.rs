//! A mail on its way: tried on a relay over one of the connections to it.
//!
//! In: a mail, its clearance, which the end of the message waits for, and the mail that follows it. Out: what became of
//! it, and the place that waits for the next one. What can go wrong is in [`Outcome`]: a relay at fault rests and the next
//! one is asked, but only where the mail was surely not sent.

use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;
use tracing::{info, warn};

use super::job::Job;
use super::marking::Clearance;
use super::outcome::{Outcome, Phase, Refusal};
use super::relays::{Station, Trial, Turn};
use super::smtp::connection::Connection;
use super::smtp::envelope::Next;
use super::smtp::opening::ConnectError;
use super::{Delivery, verdict};
use crate::failpoint::{self, Point};
use crate::outbox::notification::MAIL;
use crate::store::outbox::{Fate, Finish};

/// How often a mail is tried on a fresh connection because an old one had ended unnoticed.
const MOST_STALE: usize = 3;

/// How long a relay that has an envelope has to answer it once the process is to stop. Well within what a process has to
/// come to its end: what is marked then is in doubt.
const LAST_WORD: Duration = Duration::from_secs(3);

/// The place of a mail whose envelope its relay has already. Dropped, the connection closes, and nothing was sent.
pub(super) struct Place<'a> {
    station: &'a Station,
    turn: Turn<'a>,
    connection: Connection,
    /// There while nobody knows whether the relay bears such envelopes.
    trial: Option<Trial<'a>>,
    since: Instant,
}

impl Place<'_> {
    /// Whether it is at `station`, and still good after `kept` at most.
    fn is_at(&self, station: &Station, kept: Duration) -> bool {
        std::ptr::eq(self.station, station) && self.since.elapsed() < kept
    }
}

/// What a mail is sent over.
struct Reached<'a> {
    turn: Turn<'a>,
    connection: Result<Connection, ConnectError>,
    /// There where the mail's envelope went ahead to try whether the relay bears it.
    _trial: Option<Trial<'a>>,
}

/// What came of one try.
struct Tried<'a> {
    /// `None`: it was withheld.
    outcome: Option<Outcome>,
    /// The connection, if it waits for the next mail.
    ahead: Option<Connection>,
    trial: Option<Trial<'a>>,
    /// The mail may have been refused for the envelope that followed it.
    is_suspected: bool,
}

impl From<Outcome> for Tried<'_> {
    fn from(outcome: Outcome) -> Self {
        Tried { outcome: Some(outcome), ahead: None, trial: None, is_suspected: false }
    }
}

impl Delivery {
    /// Tries one mail on the first relay that may be asked; goes on to the next only where the mail was surely not sent
    /// and the relay is at fault. What one relay may have taken already goes to no other. `place`: that which waits for
    /// this mail. `next`: the mail that its connection sends next; its place is returned.
    pub(super) async fn send<'a>(
        &'a self,
        job: Job,
        mut clearance: Clearance,
        mut place: Option<Place<'a>>,
        next: Option<&Job>,
    ) -> (Finish, Option<Place<'a>>) {
        if clearance.is_refused() {
            return (self.withheld(job, clearance).await, None);
        }
        let mut places = self.relays.places();
        if let Some(name) = &job.claimed.doubted_relay {
            if let Some(place) = self.relays.place_of(name) {
                places = place..place + 1;
            } else {
                let note = format!("the relay that may have it, {name}, is in the settings no more");
                return (Finish { claimed: job.claimed, attempt: None, fate: Fate::Held { note } }, None);
            }
        }
        let all = places.clone();
        let mut stale = 0;
        let mut last = None;
        // What it was that a relay broke off which was well until then.
        let mut brought_down = None;
        let mut is_refused = false;
        // One that may have arrived goes alone: the answer is to be about nothing else.
        let mut next = next.filter(|_| job.claimed.doubts == 0);
        // The relay that refused it with another's envelope behind it, and may take it alone.
        let mut suspected = None;
        while let Some((index, admitted)) = self.relays.choose(places.clone(), self.clock.now()) {
            let station = admitted.station;
            let kept = self.deadlines.kept_waiting;
            let place = place.take().filter(|place| place.is_at(station, kept));
            let reached = tokio::select! {
                biased;
                reached = self.reach(station, place) => reached,
                // Nothing of it has left: who does not even greet keeps nobody beyond our end.
                () = self.is_to_stop() => return (self.withheld(job, clearance).await, None),
            };
            // It may begin to rest while this one waits: then the next one is chosen.
            let Some(Reached { turn, connection, _trial }) = reached else { continue };
            let started = self.clock.now();
            let tried = match connection {
                Ok(connection) => self.try_once(&job, station, connection, &mut clearance, next).await,
                Err(error) => Outcome::from(error).into(),
            };
            let Some(outcome) = tried.outcome else { return (self.withheld(job, clearance).await, None) };
            if suspected.is_some() && matches!(outcome, Outcome::Accepted { .. }) {
                lost_its_place(station);
            }
            let mut trial = tried.trial;
            if tried.is_suspected {
                // Meanwhile no other connection tries the same.
                (next, suspected) = (None, Some(trial.take()));
            }
            let outcome = station.judge(outcome, &job.to);
            let attempt = verdict::attempt(&outcome, &station.relay.name(), started, self.clock.now());
            let now = self.clock.now();
            match &outcome {
                Outcome::NotSent { why: Refusal::Stale, .. } if stale < MOST_STALE => stale += 1,
                Outcome::NotSent {
                    why: why @ (Refusal::Relay | Refusal::Paused | Refusal::Stale),
                    phase,
                    reply,
                    detail,
                } => {
                    warn!(relay = station.relay.name(), phase = phase.word(), detail, "the relay rests");
                    let of_mail = *phase >= Phase::MailFrom && *why != Refusal::Stale;
                    if of_mail && reply.is_none() && admitted.was_well() {
                        brought_down = Some(detail.clone());
                    }
                    is_refused |= of_mail && reply.is_some();
                    match why {
                        Refusal::Paused => station.pauses(now),
                        _ if of_mail && reply.is_some() => station.refuses(now),
                        _ => station.fails(now),
                    }
                    self.count(station, attempt.outcome);
                    last = Some(attempt);
                    places.start = index + 1;
                }
                _ => {
                    failpoint::reach(Point::Answered);
                    admitted.works();
                    self.count(station, attempt.outcome);
                    info!(
                        notification.id = %job.claimed.id, kind = job.claimed.kind.word(), outcome = attempt.outcome,
                        code = attempt.code, relay = attempt.relay, "tried"
                    );
                    // What was refused before its clearance came may be of no interest any more.
                    let fate = match clearance.withheld(now).await {
                        Some(fate) => fate,
                        None => verdict::fate(&job.claimed, &outcome, &self.settings.delivery, now, self.chance()),
                    };
                    let since = Instant::now();
                    let place = tried.ahead.map(|connection| Place { station, turn, connection, trial, since });
                    return (Finish { claimed: job.claimed, attempt: Some(attempt), fate }, place);
                }
            }
        }
        let now = self.clock.now();
        let rested = self.relays.ask_again_at(all, now);
        let fate = match brought_down.map(|detail| self.fate_by_ladder(&job, &detail, now)) {
            Some(Fate::Again { due_at, charged }) => Fate::Again { due_at: due_at.max(rested), charged },
            Some(given_up) => given_up,
            None if is_refused => {
                let due_at = verdict::after_refusal(job.claimed.attempts, now).max(rested);
                Fate::Again { due_at, charged: false }
            }
            None => Fate::Again { due_at: rested, charged: false },
        };
        (Finish { claimed: job.claimed, attempt: last, fate }, None)
    }

    /// What becomes of a mail that one relay after the other broke off: should it be the mail, it comes to its end.
    fn fate_by_ladder(&self, job: &Job, detail: &str, now: Timestamp) -> Fate {
        verdict::by_ladder(&job.claimed, detail, &self.settings.delivery, now, self.chance())
    }

    /// Counts a try, once its station knows of it.
    fn count(&self, station: &Station, outcome: &'static str) {
        self.tally.tried(MAIL, &station.relay.name(), outcome, station.rests_until().is_some());
    }

    /// What becomes of a mail that may not be sent.
    async fn withheld(&self, job: Job, mut clearance: Clearance) -> Finish {
        let now = self.clock.now();
        let fate = clearance.withheld(now).await.unwrap_or(Fate::Again { due_at: now, charged: false });
        Finish { claimed: job.claimed, attempt: None, fate }
    }

    /// A connection to `station` in its turn: that which waits for this mail, one that is open, or a new one; `None`: the
    /// relay began to rest meanwhile.
    async fn reach<'a>(&self, station: &'a Station, place: Option<Place<'a>>) -> Option<Reached<'a>> {
        if let Some(Place { turn, connection, trial, .. }) = place {
            return Some(Reached { turn, connection: Ok(connection), _trial: trial });
        }
        let turn = station.turn(&self.clock).await?;
        // Before the connection: one that waited long may be too old.
        station.rate_permit().await;
        Some(Reached { turn, connection: self.connection(station).await, _trial: None })
    }

    /// One try over `connection`.
    async fn try_once<'a>(
        &self,
        job: &Job,
        station: &'a Station,
        mut connection: Connection,
        clearance: &mut Clearance,
        next: Option<&Job>,
    ) -> Tried<'a> {
        let goes_on = station.takes_envelopes_ahead() && connection.goes_on(self.clock.now());
        let next = next.filter(|next| goes_on && next.claimed.doubts == 0);
        // Until it is known that the relay bears it, one connection tries.
        let bears = station.bears_envelopes();
        let trial = if bears || next.is_none() { None } else { Trial::of(station) };
        let next = next.filter(|_| bears || trial.is_some());
        let next = next.map(|next| Next { envelope: next.envelope(), size: next.bytes.len() });
        if bears {
            connection.is_known_to_bear();
        }
        let outcome =
            connection.send_if(&job.envelope(), &job.bytes, clearance.is_given(), self.gives_up(), next).await;
        if connection.bears() {
            station.bears_them();
        }
        if connection.lost_its_place() {
            lost_its_place(station);
        }
        let is_suspected = connection.is_suspected();
        if connection.is_ahead() {
            return Tried { outcome, ahead: Some(connection), trial, is_suspected };
        }
        station.keep(connection);
        Tried { outcome, ahead: None, trial, is_suspected }
    }

    /// Comes a moment after the process is to stop: who has answered nothing until then is not waited for.
    async fn gives_up(&self) {
        self.is_to_stop().await;
        tokio::time::sleep(LAST_WORD).await;
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

/// The relay gets one mail after the other from now on.
fn lost_its_place(station: &Station) {
    if station.loses_its_place() {
        info!(
            relay = station.relay.name(),
            "the relay loses its place when the next envelope comes with a mail's end, so it gets one after the other"
        );
    }
}
