//! How a relay or a receiver is doing: whether it may be asked, rests, or is being probed.
//!
//! One that cannot be reached, or is at fault, rests for a growing time; then one worker at a time probes it. One that
//! wants less rests for as long as it wants. One that answers, and takes nothing from us, may mean those whom it was
//! asked for: its rest grows only once there were enough of them. Time comes in. Pure.

use jiff::{SignedDuration, Timestamp};

use crate::outbox::blame::REFUSED_ALIKE;

const FIRST_REST: SignedDuration = SignedDuration::from_secs(5);
pub const LONGEST_REST: SignedDuration = SignedDuration::from_mins(5);
/// How long a notification waits while the one that it goes to is being probed.
const PROBE_PAUSE: SignedDuration = SignedDuration::from_secs(10);

#[derive(Debug, Default)]
pub struct Breaker {
    rests_until: Option<Timestamp>,
    /// How often in a row it failed.
    failures: u32,
    /// How often in a row it took nothing from us, and said so.
    refusals: usize,
    probing: bool,
    /// How many rests began so far.
    rests: u64,
}

/// Leave to ask, and after how many rests it was given. What comes of it says nothing of a rest that began since.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Leave {
    after: u64,
    /// Whether it was well then, as far as anybody knew.
    was_well: bool,
}

impl Breaker {
    /// Whether it could be asked at `now`.
    pub fn is_open(&self, now: Timestamp) -> bool {
        self.rests_until.is_none_or(|until| now >= until && !self.probing)
    }

    /// Whether it is to be left alone at `now`.
    pub fn rests(&self, now: Timestamp) -> bool {
        self.rests_until.is_some_and(|until| now < until)
    }

    /// Leave to ask it at `now`. After a rest the first to ask becomes the one probe.
    pub fn admits(&mut self, now: Timestamp) -> Option<Leave> {
        let open = self.is_open(now);
        self.probing |= open && self.rests_until.is_some();
        open.then_some(Leave { after: self.rests, was_well: self.rests_until.is_none() })
    }

    /// It answered as it should whom that leave was given.
    pub fn works(&mut self, leave: Leave) {
        if leave.after == self.rests {
            *self = Breaker { rests: self.rests, ..Breaker::default() };
        }
    }

    /// Nobody uses that leave any more, whatever came of it: if it was the probe's, the next to ask is the probe.
    pub fn is_left(&mut self, leave: Leave) {
        if leave.after == self.rests {
            self.probing = false;
        }
    }

    /// Whether who has that leave was the first to find it other than well.
    pub fn was_well(&self, leave: Leave) -> bool {
        leave.was_well && leave.after == self.rests
    }

    /// It took nothing from us, and said so.
    pub fn refuses(&mut self, now: Timestamp) {
        if self.rests(now) {
            return;
        }
        self.refusals += 1;
        if self.refusals > REFUSED_ALIKE {
            self.fails(now);
        } else {
            self.pauses(now + FIRST_REST);
        }
    }

    /// It could not be reached, or is at fault.
    pub fn fails(&mut self, now: Timestamp) {
        if self.rests(now) {
            // Several workers found out at once: that is one failure.
            return;
        }
        let rest = FIRST_REST * 2i32.saturating_pow(self.failures.min(10));
        self.rests_until = Some(now + rest.min(LONGEST_REST));
        self.failures = self.failures.saturating_add(1);
        self.probing = false;
        self.rests += 1;
    }

    /// It wants to be left alone until then.
    pub fn pauses(&mut self, until: Timestamp) {
        self.rests_until = Some(until);
        self.probing = false;
        self.rests += 1;
    }

    /// Until when it rests.
    pub fn rests_until(&self) -> Option<Timestamp> {
        self.rests_until
    }
}

/// When it is worth while to ask again somebody of whom the rests end then: at the first end, or soon, if one is being
/// probed at this moment.
pub fn ask_again_at(rests: impl Iterator<Item = Timestamp>, now: Timestamp) -> Timestamp {
    rests.min().filter(|until| *until > now).unwrap_or(now + PROBE_PAUSE)
}
