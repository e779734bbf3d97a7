//! What this process did since it started: counted where it happens, read by whoever watches the process.
//!
//! In: single events. Out: [`Counts`], a copy of all. Nothing of it is kept: what must last is in the state database.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;

/// What a try comes to in the best case; it is counted from 0, so that a rate is known from the first on.
const ACCEPTED: &str = "accepted";

/// The numbers of one process.
#[derive(Debug)]
pub struct Tally {
    pub started: Timestamp,
    counts: Mutex<Counts>,
}

/// What was counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// By channel, relay or receiver, outcome.
    pub tries: BTreeMap<(&'static str, String, &'static str), u64>,
    /// By channel and what became of the notification.
    pub ends: BTreeMap<(&'static str, &'static str), u64>,
    /// By what the shop said.
    pub answers: BTreeMap<&'static str, u64>,
    /// Whether a relay or receiver is left alone, by channel and name.
    pub rests: BTreeMap<(&'static str, String), bool>,
    /// By the look and what came of it: how many, and how long they took together.
    pub looks: BTreeMap<(&'static str, &'static str), (u64, Duration)>,
}

impl Tally {
    /// For a process that starts now.
    pub fn new(started: Timestamp) -> Tally {
        Tally { started, counts: Mutex::default() }
    }

    pub fn counts(&self) -> Counts {
        self.lock().clone()
    }

    /// There is a relay, or a receiver, that may be asked.
    pub fn knows(&self, channel: &'static str, relay: &str) {
        let mut counts = self.lock();
        counts.tries.entry((channel, relay.to_owned(), ACCEPTED)).or_default();
        counts.rests.entry((channel, relay.to_owned())).or_default();
    }

    /// It was asked with this outcome; afterwards it `rests`, or not.
    pub fn tried(&self, channel: &'static str, relay: &str, outcome: &'static str, rests: bool) {
        let mut counts = self.lock();
        *counts.tries.entry((channel, relay.to_owned(), outcome)).or_default() += 1;
        counts.rests.insert((channel, relay.to_owned()), rests);
    }

    /// That is what became of a notification.
    pub fn ended(&self, channel: &'static str, became: &'static str) {
        *self.lock().ends.entry((channel, became)).or_default() += 1;
    }

    /// The shop said that to so many answers.
    pub fn answered(&self, said: &'static str, number: usize) {
        *self.lock().answers.entry(said).or_default() += number as u64;
    }

    /// The shop was looked at.
    pub fn looked(&self, look: &'static str, outcome: &'static str, took: Duration) {
        let mut counts = self.lock();
        let (number, together) = counts.looks.entry((look, outcome)).or_default();
        *number += 1;
        *together += took;
    }

    fn lock(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
