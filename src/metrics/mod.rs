//! What `/metrics` says: what is in the state database, and what this process did since it started.
//!
//! In: a [`Reading`] of the state database, the [`Counts`] of this process, now. Out: the text format of Prometheus. Pure,
//! but for the lock of the [`tally`]. What is in the state database is the same whichever process says it; what a process
//! did is its own.

pub mod tally;
mod text;

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::outbox::notification::{State, WEBHOOK};
use crate::store::reading::{InDoubt, Reading};
use tally::Counts;
use text::Kind::{Counter, Gauge};
use text::Text;

/// The states of what is not finished: those that the outbox holds.
const UNFINISHED: [State; 4] = [State::Queued, State::Sending, State::InDoubt, State::Held];

/// What one scrape asks for.
#[derive(Debug)]
pub struct Scrape<'a> {
    pub now: Timestamp,
    /// `None`: the state database did not answer.
    pub state: Option<(Reading, Duration)>,
    /// Tasks that nothing writes down, as they were some minutes ago.
    pub found_tasks: &'a [(&'static str, usize)],
    /// `sqlite` or `postgres`.
    pub engine: &'static str,
    /// The channels that notifications go out on.
    pub channels: &'a [&'static str],
    pub process: Counts,
    pub started: Timestamp,
}

impl Scrape<'_> {
    /// The whole answer.
    pub fn text(&self) -> String {
        let mut text = Text::default();
        self.program(&mut text);
        let help = "1 if the state database answered this scrape; else what it holds is left out.";
        text.family("backorderd_state_up", Gauge, help).sample(&[], bit(self.state.is_some()));
        if let Some((reading, took)) = &self.state {
            text.family("backorderd_state_answer_seconds", Gauge, "How long the state database took to answer a ping.")
                .sample(&[], took.as_secs_f64());
            self.queue(&mut text, reading);
            self.staff(&mut text, reading);
            watching(&mut text, reading);
        }
        self.deliveries(&mut text);
        self.relays(&mut text);
        self.looks(&mut text);
        text.whole()
    }

    fn program(&self, text: &mut Text) {
        let version = crate::store::VERSION.to_string();
        text.family("backorderd_build_info", Gauge, "1; which program this is, and which state database it knows.")
            .sample(
                &[("version", env!("CARGO_PKG_VERSION")), ("state", self.engine), ("state_version", &version)],
                1.0,
            );
        text.family("process_start_time_seconds", Gauge, "When this process started, in seconds since 1970.")
            .sample(&[], seconds(self.started));
    }

    /// What is not finished, and how long it has waited.
    fn queue(&self, text: &mut Text, reading: &Reading) {
        let mut outbox = text.family("backorderd_outbox", Gauge, "Notifications that are not finished, by state.");
        for state in UNFINISHED {
            let number = reading.outbox.iter().find(|(counted, _)| *counted == state).map_or(0, |(_, number)| *number);
            outbox.sample(&[("state", state.word())], number as f64);
        }
        let help = "For how long the oldest notification has been due that nobody has sent yet; 0: none is due.";
        let mut oldest = text.family("backorderd_oldest_due_age_seconds", Gauge, help);
        for channel in self.channels {
            let due = reading.oldest_due.iter().find(|(of, _)| of == channel).map(|(_, due_at)| *due_at);
            oldest.sample(&[("channel", channel)], self.age(due));
        }
        let help = "Notifications in hand whose worker has not been heard of for 30 s; another takes them over.";
        text.family("backorderd_abandoned", Gauge, help).sample(&[], reading.abandoned as f64);
        let waits = [("try", reading.in_doubt), ("staff", reading.in_doubt_for_staff)];
        let help = "Mails that may have been sent, by what they wait for: another try, or staff.";
        let mut in_doubt = text.family("backorderd_in_doubt", Gauge, help);
        for (waits_for, InDoubt { number, .. }) in waits {
            in_doubt.sample(&[("waits_for", waits_for)], number as f64);
        }
        let mut age =
            text.family("backorderd_in_doubt_age_seconds", Gauge, "For how long the oldest of them is in doubt.");
        for (waits_for, InDoubt { since, .. }) in waits {
            age.sample(&[("waits_for", waits_for)], self.age(since));
        }
        let help = "For how long the oldest answer has waited that the shop has not taken yet; 0: none waits.";
        text.family("backorderd_oldest_answer_age_seconds", Gauge, help).sample(&[], self.age(reading.oldest_answer));
        if self.channels.contains(&WEBHOOK) {
            let help = "1 from the receiver's 410 until `backorderd webhook enable`: notifications wait.";
            text.family("backorderd_webhook_disabled", Gauge, help).sample(&[], bit(reading.webhook_disabled));
        }
    }

    /// What waits for a person.
    fn staff(&self, text: &mut Text, reading: &Reading) {
        let help = "Held notifications with a legal notice, whose last day does not wait.";
        text.family("backorderd_held_notices", Gauge, help).sample(&[], reading.held_notices.number as f64);
        if let Some(midnight) = reading.held_notices.too_late_at {
            let help = "The midnight from which the first of them is too late, in seconds since 1970.";
            text.family("backorderd_held_notices_too_late_timestamp_seconds", Gauge, help)
                .sample(&[], seconds(midnight));
        }
        let help =
            "What waits for a person, by kind, see `backorderd tasks`; held notifications are in backorderd_outbox.";
        let mut tasks = text.family("backorderd_tasks", Gauge, help);
        for (kind, number) in &reading.tasks {
            tasks.sample(&[("kind", kind)], *number as f64);
        }
        for (kind, number) in self.found_tasks {
            tasks.sample(&[("kind", kind)], *number as f64);
        }
    }

    fn deliveries(&self, text: &mut Text) {
        let Counts { tries, ends, answers, .. } = &self.process;
        let help = "Tries of this process, by what came of them, in the words of `backorderd show`.";
        let mut family = text.family("backorderd_tries_total", Counter, help);
        for ((channel, relay, outcome), number) in tries {
            family.sample(&[("channel", channel), ("relay", relay), ("outcome", outcome)], *number as f64);
        }
        let help = "What became of notifications that this process had in hand; what is deferred comes back.";
        let mut family = text.family("backorderd_notifications_total", Counter, help);
        for ((channel, became), number) in ends {
            family.sample(&[("channel", channel), ("became", became)], *number as f64);
        }
        let help = "Answers that this process handed over to the shop, by what the shop said.";
        let mut family = text.family("backorderd_answers_total", Counter, help);
        for (said, number) in answers {
            family.sample(&[("said", said)], *number as f64);
        }
    }

    fn relays(&self, text: &mut Text) {
        let help =
            "1 from a relay's or receiver's fault (an open breaker), or its wish for less, until it works again.";
        let mut family = text.family("backorderd_relay_resting", Gauge, help);
        for ((channel, relay), rests) in &self.process.rests {
            family.sample(&[("channel", channel), ("relay", relay)], bit(*rests));
        }
    }

    fn looks(&self, text: &mut Text) {
        let help = "Looks of this process at the shop, by what came of them.";
        let mut family = text.family("backorderd_looks_total", Counter, help);
        for ((look, outcome), (number, _)) in &self.process.looks {
            family.sample(&[("look", look), ("outcome", outcome)], *number as f64);
        }
        let mut family = text.family("backorderd_look_seconds_total", Counter, "How long they took, together.");
        for ((look, outcome), (_, took)) in &self.process.looks {
            family.sample(&[("look", look), ("outcome", outcome)], took.as_secs_f64());
        }
    }

    /// How long ago that was, in seconds; 0: it was not, or is still to come.
    fn age(&self, since: Option<Timestamp>) -> f64 {
        since.map_or(0.0, |since| self.now.duration_since(since).max(SignedDuration::ZERO).as_secs_f64())
    }
}

/// When the shop was read, and who reads it.
fn watching(text: &mut Text, reading: &Reading) {
    if let Some(began) = reading.sweep_began_at {
        let help = "When the last sweep began, whatever became of it, in seconds since 1970.";
        text.family("backorderd_last_sweep_timestamp_seconds", Gauge, help).sample(&[], seconds(began));
    }
    if let Some(swept) = reading.swept_at {
        let help = "When the last accepted sweep began, in seconds since 1970.";
        text.family("backorderd_last_accepted_sweep_timestamp_seconds", Gauge, help).sample(&[], seconds(swept));
    }
    let help = "For how long a lease holds without renewal; 0: nobody has it.";
    let mut leases = text.family("backorderd_lease_remaining_seconds", Gauge, help);
    for (lease, micros) in &reading.leases {
        leases.sample(&[("lease", lease)], (*micros).max(0) as f64 / 1e6);
    }
}

/// In seconds since 1970.
fn seconds(at: Timestamp) -> f64 {
    at.as_microsecond() as f64 / 1e6
}

fn bit(yes: bool) -> f64 {
    f64::from(u8::from(yes))
}
