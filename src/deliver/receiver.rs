//! The receiver of notifications, with a [`Breaker`], and whether it wants any.
//!
//! One that cannot be reached, or for which only a proxy answers, rests, and one that asks for less is left alone for as
//! long as it asks; meanwhile nothing is charged. One that answered 410 gets nothing more until staff say so, in whatever process.

use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;

use super::answer::Said;
use super::breaker::{Breaker, Leave, ask_again_at};
use crate::webhook::Receiver;

/// How many messages are on their way at once: each holds a connection.
pub const AT_ONCE: usize = 8;

/// Leave to send it a message. Dropped, it is no longer being probed by it, whatever became of that.
pub struct Admitted<'a> {
    pub station: &'a ReceiverStation,
    leave: Leave,
}

impl Admitted<'_> {
    /// Takes note of what it said at `now`; whether it was well until then.
    pub fn said(&self, said: Said, now: Timestamp) -> bool {
        let mut state = self.station.state();
        let was_well = state.breaker.rests_until().is_none();
        match said {
            // Whatever it makes of the message, it is there.
            Said::Taken | Said::Later(_) => state.breaker.works(self.leave),
            Said::Pauses(wait) => state.breaker.pauses(now.saturating_add(wait).unwrap_or(now)),
            Said::Away | Said::Down | Said::Unknown => state.breaker.fails(now),
            Said::Gone => {
                state.breaker.works(self.leave);
                state.gone = true;
            }
        }
        was_well
    }
}

impl Drop for Admitted<'_> {
    fn drop(&mut self) {
        self.station.state().breaker.is_left(self.leave);
    }
}

pub struct ReceiverStation {
    pub receiver: Receiver,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    breaker: Breaker,
    /// It answered 410, as far as this process knows.
    gone: bool,
}

impl ReceiverStation {
    pub fn new(receiver: Receiver) -> ReceiverStation {
        ReceiverStation { receiver, state: Mutex::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a message could be sent to it at `now`.
    pub fn is_open(&self, now: Timestamp) -> bool {
        let state = self.state();
        !state.gone && state.breaker.is_open(now)
    }

    /// Leave to send a message to it at `now`. After a rest the first to ask becomes the one probe.
    pub fn admits(&self, now: Timestamp) -> Option<Admitted<'_>> {
        let mut state = self.state();
        if state.gone {
            return None;
        }
        let leave = state.breaker.admits(now)?;
        Some(Admitted { station: self, leave })
    }

    /// Whether it wants no more, as the state database has it.
    pub fn is_gone(&self, gone: bool) {
        self.state().gone = gone;
    }

    /// Whether it is left alone, or was when it was last asked.
    pub fn rests(&self) -> bool {
        self.state().breaker.rests_until().is_some()
    }

    /// When it is worth while to ask it again. One that wants no more is asked when staff say so: what waits is due.
    pub fn ask_again_at(&self, now: Timestamp) -> Timestamp {
        let state = self.state();
        if state.gone { now } else { ask_again_at(state.breaker.rests_until().into_iter(), now) }
    }
}
