//! The relays in their order, each with a [`Breaker`]: which one is asked next, and which one rests.
//!
//! A relay that wants less rests for a minute. While all rest, nothing is charged to the mails. Time comes in.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::Notify;
use tokio::time::Instant;

use super::breaker::{Breaker, Leave, ask_again_at};
use super::outcome::{Outcome, Refusal, Reply};
use super::slow_start::Window;
use super::smtp::connection::Connection;
use super::smtp::relay::Relay;
use super::verdict;
use crate::clock::Clock;
use crate::outbox::blame::{Blamed, REFUSED_ALIKE};
use crate::store::suppressions::folded;

/// What a relay gets that asked for less (421, rate limits).
const PAUSE: SignedDuration = SignedDuration::from_mins(1);

/// A mail that waits so long for a relay to take another one goes beside it: one that hangs must not keep the rest.
const PATIENCE: Duration = Duration::from_secs(2);

/// One relay and how it is doing.
pub struct Station {
    pub relay: Relay,
    /// Tells those that wait for their turn to look again.
    changed: Notify,
    /// How many wait for their turn.
    waiting: AtomicUsize,
    /// It lost its place over an envelope that came with the mail before.
    loses_its_place: AtomicBool,
    /// It answered one in its turn.
    bears_envelopes: AtomicBool,
    /// It is being tried whether it does, on one connection.
    is_tried: AtomicBool,
    state: Mutex<State>,
}

/// Leave to offer a mail to a relay. Dropped, the relay is no longer being probed by it, whatever became of that.
pub struct Admitted<'a> {
    pub station: &'a Station,
    leave: Leave,
}

impl Admitted<'_> {
    /// It took or refused a mail as it should.
    pub fn works(&self) {
        self.station.state().breaker.works(self.leave);
    }

    /// Whether it was well until this.
    pub fn was_well(&self) -> bool {
        self.station.state().breaker.was_well(self.leave)
    }
}

impl Drop for Admitted<'_> {
    fn drop(&mut self) {
        self.station.state().breaker.is_left(self.leave);
    }
}

/// A mail's turn among those on their way to a relay; dropped, it is the next one's. Whoever has it may open a
/// connection if none is idle: so there are never more connections than turns.
pub struct Turn<'a>(&'a Station);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.state().window.give_back();
        self.0.changed.notify_one();
    }
}

/// Whoever has it tries whether a relay bears an envelope that comes with the mail before; dropped, the next one may.
pub struct Trial<'a>(&'a Station);

impl<'a> Trial<'a> {
    /// `None`: another connection tries.
    pub fn of(station: &'a Station) -> Option<Trial<'a>> {
        (!station.is_tried.swap(true, Ordering::Relaxed)).then(|| Trial(station))
    }
}

impl Drop for Trial<'_> {
    fn drop(&mut self) {
        self.0.is_tried.store(false, Ordering::Relaxed);
    }
}

/// Somebody waits for a turn for as long as this lives.
struct Waiting<'a>(&'a Station);

impl Waiting<'_> {
    fn of(station: &Station) -> Waiting<'_> {
        station.waiting.fetch_add(1, Ordering::Relaxed);
        Waiting(station)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

struct State {
    breaker: Breaker,
    window: Window,
    /// Open connections that no mail is on.
    idle: Vec<Connection>,
    /// When the rate allows the next mail.
    next_mail: Option<Instant>,
    /// The codes that recipients were refused with since one was taken, and who they were.
    refused: Option<(String, BTreeSet<String>)>,
}

impl State {
    /// Whether enough recipients in a row were refused with these codes before; if not, this one counts.
    fn refuses_everybody(&mut self, reply: &Reply, recipient: &str) -> bool {
        let codes = reply.codes();
        let (_, recipients) = match self.refused.take_if(|(of, _)| *of == codes) {
            Some(same) => self.refused.insert(same),
            None => self.refused.insert((codes, BTreeSet::new())),
        };
        recipients.len() >= REFUSED_ALIKE || {
            recipients.insert(folded(recipient));
            false
        }
    }
}

impl Station {
    fn new(relay: Relay) -> Station {
        let window = Window::new(relay.max_connections);
        let state = State { breaker: Breaker::default(), window, idle: Vec::new(), next_mail: None, refused: None };
        Station {
            relay,
            changed: Notify::new(),
            waiting: AtomicUsize::new(0),
            loses_its_place: AtomicBool::new(false),
            bears_envelopes: AtomicBool::new(false),
            is_tried: AtomicBool::new(false),
            state: Mutex::new(state),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a mail could be offered to it at `now`.
    fn is_open(&self, now: Timestamp) -> bool {
        self.state().breaker.is_open(now)
    }

    /// Leave to offer a mail to it at `now`.
    fn admits(&self, now: Timestamp) -> Option<Admitted<'_>> {
        let leave = self.state().breaker.admits(now)?;
        Some(Admitted { station: self, leave })
    }

    /// What a try means beside those before it: after five recipients in a row that were refused alike, the relay is to
    /// blame. Those five are put back by the state database, which counts them over all processes.
    pub fn judge(&self, outcome: Outcome, recipient: &str) -> Outcome {
        let mut state = self.state();
        match outcome {
            Outcome::Accepted { .. } => {
                state.refused = None;
                state.window.grow();
                self.changed.notify_one();
                outcome
            }
            Outcome::NotSent { why, phase, reply: Some(reply), detail }
                if verdict::may_be_alike(why, phase, &reply) && state.refuses_everybody(&reply, recipient) =>
            {
                let detail = format!("{REFUSED_ALIKE} recipients in a row were refused alike: {detail}");
                Outcome::NotSent { why: Refusal::Relay, phase, reply: Some(reply), detail }
            }
            outcome => outcome,
        }
    }

    /// It is to blame for what it refused, as all processes together found.
    pub fn is_blamed(&self, blamed: &Blamed) {
        self.state().refused = Some((blamed.alike.clone(), blamed.addresses.clone()));
    }

    /// It could not be reached, or is at fault.
    pub fn fails(&self, now: Timestamp) {
        self.rests(|breaker| breaker.fails(now));
    }

    /// It took nothing from us, and said so.
    pub fn refuses(&self, now: Timestamp) {
        self.rests(|breaker| breaker.refuses(now));
    }

    /// It wants less for a while.
    pub fn pauses(&self, now: Timestamp) {
        self.rests(|breaker| breaker.pauses(now + PAUSE));
    }

    /// Open connections do not outlive it: after an outage each is opened anew, one after the other.
    fn rests(&self, how: impl FnOnce(&mut Breaker)) {
        let mut state = self.state();
        how(&mut state.breaker);
        state.window.start_anew();
        state.idle.clear();
        self.changed.notify_waiters();
    }

    /// Until when it rests.
    pub fn rests_until(&self) -> Option<Timestamp> {
        self.state().breaker.rests_until()
    }

    /// Waits until one more mail may be on its way to it; `None`: it began to rest meanwhile.
    pub async fn turn(&self, clock: &Clock) -> Option<Turn<'_>> {
        loop {
            let changed = self.changed.notified();
            {
                let mut state = self.state();
                if state.breaker.rests(clock.now()) {
                    return None;
                }
                if state.window.take() {
                    return Some(Turn(self));
                }
            }
            let _waiting = Waiting::of(self);
            if tokio::time::timeout(PATIENCE, changed).await.is_err() {
                self.state().window.grow();
            }
        }
    }

    /// Whether who has a turn may keep it for the next mail, whose envelope goes along with this one: nobody else waits for
    /// it, and nothing is to be waited for between the two.
    pub fn takes_envelopes_ahead(&self) -> bool {
        self.relay.messages_per_second.is_none()
            && self.waiting.load(Ordering::Relaxed) == 0
            && !self.loses_its_place.load(Ordering::Relaxed)
    }

    /// From now on it gets no envelope before it has answered the mail before; whether that is new.
    pub fn loses_its_place(&self) -> bool {
        !self.loses_its_place.swap(true, Ordering::Relaxed)
    }

    /// Whether it is known to answer an envelope that came with the mail before in its turn.
    pub fn bears_envelopes(&self) -> bool {
        self.bears_envelopes.load(Ordering::Relaxed)
    }

    /// It does.
    pub fn bears_them(&self) {
        self.bears_envelopes.store(true, Ordering::Relaxed);
    }

    /// An open connection that no mail is on, if there is one.
    pub fn idle(&self) -> Option<Connection> {
        self.state().idle.pop()
    }

    /// Keeps a connection for the next mail, if it may serve again.
    pub fn keep(&self, connection: Connection) {
        if connection.usable() {
            self.state().idle.push(connection);
        }
    }

    /// Waits until its rate allows one more mail.
    pub async fn rate_permit(&self) {
        let Some(rate) = self.relay.messages_per_second else { return };
        let slot = {
            let mut state = self.state();
            let slot = state.next_mail.map_or_else(Instant::now, |next| next.max(Instant::now()));
            state.next_mail = Some(slot + Duration::from_secs_f64(1.0 / rate));
            slot
        };
        tokio::time::sleep_until(slot).await;
    }
}

/// All relays, the preferred one first.
pub struct Relays(Vec<Station>);

impl Relays {
    pub fn new(relays: Vec<Relay>) -> Relays {
        Relays(relays.into_iter().map(Station::new).collect())
    }

    pub fn all(&self) -> &[Station] {
        &self.0
    }

    /// Takes leave of every relay on connections that no mail is on.
    pub async fn leave(&self) {
        for station in &self.0 {
            while let Some(idle) = station.idle() {
                idle.quit().await;
            }
        }
    }

    /// The places of all relays.
    pub fn places(&self) -> Range<usize> {
        0..self.0.len()
    }

    /// The place of the relay of this name; `None`: it is in the settings no more.
    pub fn place_of(&self, name: &str) -> Option<usize> {
        self.0.iter().position(|station| station.relay.name() == name)
    }

    /// The first relay of `places` that may be asked at `now`.
    pub fn choose(&self, places: Range<usize>, now: Timestamp) -> Option<(usize, Admitted<'_>)> {
        let first = places.start;
        let stations = self.0.get(places).unwrap_or_default();
        stations.iter().enumerate().find_map(|(at, station)| Some((first + at, station.admits(now)?)))
    }

    /// When it is worth while to ask one of `places` again: when the first of them ends its rest, or soon, if it is
    /// being probed at this moment.
    pub fn ask_again_at(&self, places: Range<usize>, now: Timestamp) -> Timestamp {
        ask_again_at(self.0.get(places).unwrap_or_default().iter().filter_map(Station::rests_until), now)
    }

    /// Whether any relay could be asked at `now`.
    pub fn any_open(&self, now: Timestamp) -> bool {
        self.0.iter().any(|station| station.is_open(now))
    }

    /// How many connections there may be to the most generous relay.
    pub fn workers(&self) -> usize {
        self.0.iter().map(|station| station.relay.max_connections).max().unwrap_or(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::mail::RelaySettings;

    fn relays() -> Relays {
        let relay = |url: &str| Relay::from_settings(&RelaySettings::new(url)).unwrap();
        Relays::new(vec![relay("smtp://127.0.0.1:2501?tls=none"), relay("smtp://127.0.0.1:2502?tls=none")])
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn chosen(relays: &Relays, second: i64) -> Option<usize> {
        admitted(relays, second).map(|(index, _)| index)
    }

    /// The one that is chosen, while it is asked.
    fn admitted(relays: &Relays, second: i64) -> Option<(usize, Admitted<'_>)> {
        relays.choose(relays.places(), at(second))
    }

    #[test]
    fn the_next_relay_serves_while_the_first_one_rests_and_one_probe_brings_it_back() {
        let relays = relays();
        assert_eq!(chosen(&relays, 0), Some(0));
        relays.all()[0].fails(at(0));
        assert_eq!(chosen(&relays, 4), Some(1));
        let (probed, probe) = admitted(&relays, 5).unwrap();
        assert_eq!(probed, 0);
        assert_eq!(chosen(&relays, 5), Some(1), "one probe at a time");
        probe.works();
        assert_eq!(chosen(&relays, 5), Some(0));
    }

    #[test]
    fn a_probe_that_comes_to_nothing_leaves_the_relay_to_the_next_one() {
        let relays = relays();
        relays.all()[0].fails(at(0));
        let probe = admitted(&relays, 5).unwrap();
        assert_eq!(chosen(&relays, 5), Some(1));
        drop(probe);
        assert_eq!(chosen(&relays, 5), Some(0));
    }

    #[test]
    fn what_began_before_a_rest_does_not_end_it() {
        let relays = relays();
        let before = admitted(&relays, 0).unwrap().1;
        let other = admitted(&relays, 0).unwrap().1;
        relays.all()[0].pauses(at(1));
        before.works();
        assert_eq!(chosen(&relays, 2), Some(1), "it asked for less");
        let probe = admitted(&relays, 61).unwrap();
        drop((before, other));
        assert_eq!((probe.0, chosen(&relays, 61)), (0, Some(1)), "and one that is over is not the probe");
        probe.1.works();
        assert_eq!(chosen(&relays, 61), Some(0));
    }

    #[test]
    fn a_relay_that_fails_again_rests_longer_up_to_five_minutes() {
        let relays = relays();
        let first = &relays.all()[0];
        let rest = |now: i64| {
            first.fails(at(now));
            first.rests_until().unwrap().as_second() - now
        };
        assert_eq!([rest(0), rest(5), rest(15), rest(35)], [5, 10, 20, 40]);
        for failure in 1..20 {
            rest(failure * 1000);
        }
        assert_eq!(rest(100_000), 300);
    }

    #[test]
    fn one_that_takes_nothing_from_us_rests_longer_only_after_five_in_a_row() {
        let relays = relays();
        let first = &relays.all()[0];
        let rest = |now: i64| {
            first.refuses(at(now));
            first.rests_until().unwrap().as_second() - now
        };
        assert_eq!([0, 5, 10, 15, 20, 25, 30, 40].map(rest), [5, 5, 5, 5, 5, 5, 10, 20]);
        admitted(&relays, 100).unwrap().1.works();
        assert_eq!(rest(200), 5, "it took one");
    }

    #[test]
    fn the_first_to_find_a_relay_broken_found_it_well_and_no_other_did() {
        let relays = relays();
        let (one, other) = (admitted(&relays, 0).unwrap().1, admitted(&relays, 0).unwrap().1);
        assert!(one.was_well());
        relays.all()[0].fails(at(0));
        assert!(!other.was_well());
        assert!(!admitted(&relays, 5).unwrap().1.was_well(), "a probe");
    }

    #[test]
    fn several_workers_that_find_a_relay_away_at_once_are_one_failure() {
        let relays = relays();
        let first = &relays.all()[0];
        (0..8).for_each(|_| first.fails(at(0)));
        assert_eq!(first.rests_until(), Some(at(5)));
    }

    #[test]
    fn while_all_rest_nobody_is_chosen_and_the_first_probe_is_known() {
        let relays = relays();
        relays.all()[0].fails(at(0));
        relays.all()[1].pauses(at(0));
        assert_eq!(chosen(&relays, 1), None);
        assert!(!relays.any_open(at(1)));
        assert_eq!(relays.ask_again_at(relays.places(), at(1)), at(5));
        assert_eq!(relays.ask_again_at(1..2, at(1)), at(60));
        let probe = admitted(&relays, 5).unwrap();
        assert_eq!(probe.0, 0);
        assert!(!relays.any_open(at(5)), "the first is being probed, the second rests");
        assert_eq!(relays.ask_again_at(relays.places(), at(5)), at(15));
    }
}
