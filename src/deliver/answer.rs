//! What the receiver's answer to a notification means.
//!
//! In: what became of the POST, what was tried before, the settings, now. Out: what follows for the receiver, what
//! becomes of the notification, and the attempt for the log. Pure; chance comes in as a number.

use jiff::{SignedDuration, Timestamp};

use super::outcome::Reply;
use super::verdict;
use crate::settings::delivery::DeliverySettings;
use crate::store::outbox::{Attempt, Claimed, Fate};
use crate::webhook::{Answer, Outcome};

/// What a receiver gets that answers 429 and does not say for how long.
const PAUSE: SignedDuration = SignedDuration::from_mins(1);

/// What an answer says of the receiver and of the one notification.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Said {
    /// 2xx: it has it.
    Taken,
    /// It does not take it now: tried again by the ladder, and not before the wait that it asks for.
    Later(SignedDuration),
    /// The answer did not come, so it may have it: tried again, and its id protects the receiver. The receiver may be
    /// down: see [`Said::Down`].
    Unknown,
    /// A proxy answers for it (502, 503, 504): it rests. One notification may have brought it down, so a try that found
    /// it well is charged; while it stays down, none is.
    Down,
    /// It wants less for a while: nothing is charged.
    Pauses(SignedDuration),
    /// It cannot be reached: nothing is charged.
    Away,
    /// 410: it wants no more, until staff say otherwise. Nothing is charged.
    Gone,
}

impl Said {
    /// What the outcome of a POST says.
    pub fn of(outcome: &Outcome) -> Said {
        let (status, wait) = match outcome {
            Outcome::Answered(Answer { status, wait, .. }) => (*status, *wait),
            Outcome::NotSent { .. } => return Said::Away,
            Outcome::Unknown { .. } => return Said::Unknown,
        };
        match (status, wait) {
            (200..=299, _) => Said::Taken,
            (410, _) => Said::Gone,
            (429 | 502..=504, Some(wait)) => Said::Pauses(wait),
            (429, None) => Said::Pauses(PAUSE),
            (502..=504, None) => Said::Down,
            (_, wait) => Said::Later(wait.unwrap_or_default()),
        }
    }

    /// The word used in logs.
    fn word(self) -> &'static str {
        match self {
            Said::Taken => "accepted",
            Said::Later(_) => "temporary",
            Said::Unknown => "unknown",
            Said::Pauses(_) => "paused",
            Said::Away | Said::Down => "away",
            Said::Gone => "gone",
        }
    }
}

/// Decides what becomes of `claimed`. `ask_again_at` is when the receiver may be asked again, `was_well` whether it was
/// well until this try; `jitter` is in 0..1.
pub fn fate(
    claimed: &Claimed,
    said: Said,
    was_well: bool,
    attempt: &Attempt,
    settings: &DeliverySettings,
    ask_again_at: Timestamp,
    jitter: f64,
) -> Fate {
    let now = attempt.ended_at;
    let by_ladder = |wait: SignedDuration| match verdict::by_ladder(claimed, &in_words(attempt), settings, now, jitter)
    {
        Fate::Again { due_at, charged } => {
            Fate::Again { due_at: due_at.max(now.saturating_add(wait).unwrap_or(due_at)), charged }
        }
        given_up => given_up,
    };
    match said {
        Said::Taken => Fate::Sent,
        Said::Later(wait) => by_ladder(wait),
        Said::Unknown | Said::Down if was_well => by_ladder(SignedDuration::ZERO),
        Said::Unknown | Said::Down | Said::Pauses(_) | Said::Away => {
            Fate::Again { due_at: ask_again_at, charged: false }
        }
        Said::Gone => Fate::Again { due_at: now, charged: false },
    }
}

/// The try as the sent-log keeps it.
pub fn attempt(outcome: Outcome, said: Said, receiver: &str, started_at: Timestamp, ended_at: Timestamp) -> Attempt {
    let (code, reply) = match outcome {
        Outcome::Answered(Answer { status, body, .. }) => {
            let words = body.map(|body| words(status, &body));
            let words = words.unwrap_or_default() + hint(status);
            (Some(status), Some(words.trim_start_matches("; ").to_owned()).filter(|words| !words.is_empty()))
        }
        Outcome::NotSent { problem } | Outcome::Unknown { problem } => (None, Some(problem)),
    };
    Attempt { started_at, ended_at, relay: receiver.to_owned(), outcome: said.word(), code, reply }
}

/// The beginning of an answer in one printable line.
fn words(status: u16, body: &[u8]) -> String {
    Reply::new(status, &[String::from_utf8_lossy(body)]).text.trim().to_owned()
}

/// What an operator may have to mend.
fn hint(status: u16) -> &'static str {
    match status {
        300..=399 => "; redirects are not followed: write the address that it leads to into webhook.url",
        401 | 403 => "; look whether both sides have the same secret and the same time",
        404 | 405 => "; look whether webhook.url is right",
        _ => "",
    }
}

fn in_words(attempt: &Attempt) -> String {
    let code = attempt.code.map(|code| code.to_string());
    let words = code.into_iter().chain(attempt.reply.clone());
    words.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::deliver::verdict::tests::claimed;

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    fn answered(status: u16, wait: Option<i64>, body: Option<&str>) -> Outcome {
        let body = body.map(|body| body.as_bytes().to_vec());
        Outcome::Answered(Answer { status, wait: wait.map(SignedDuration::from_secs), body })
    }

    fn problem(unknown: bool) -> Outcome {
        let problem = "cannot connect".to_owned();
        if unknown { Outcome::Unknown { problem } } else { Outcome::NotSent { problem } }
    }

    fn tried(outcome: Outcome) -> Attempt {
        let said = Said::of(&outcome);
        attempt(outcome, said, "receiver.example:443", NOW, NOW)
    }

    /// The fate of a try that was charged `charged` times before, as words; the receiver was well.
    fn decided(outcome: Outcome, charged: i64) -> String {
        decided_where(outcome, charged, true)
    }

    fn decided_where(outcome: Outcome, charged: i64, was_well: bool) -> String {
        let said = Said::of(&outcome);
        let ask_again_at = Timestamp::from_second(5).unwrap();
        let settings = DeliverySettings::default();
        match fate(&claimed(charged, 0), said, was_well, &tried(outcome), &settings, ask_again_at, 0.5) {
            Fate::Again { due_at, charged } => format!("again {} {charged}", due_at.as_second()),
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn each_answer_has_its_fate() {
        let table = [
            (answered(200, None, None), "Sent"),
            (answered(204, Some(7), Some("")), "Sent"),
            (answered(299, None, Some("no")), "Sent"),
            (answered(301, None, None), "again 60 true"),
            (answered(400, None, None), "again 60 true"),
            (answered(409, None, None), "again 60 true"),
            (answered(500, None, None), "again 60 true"),
            (answered(500, Some(7), None), "again 60 true"),
            (answered(500, Some(90), None), "again 90 true"),
            (answered(502, None, None), "again 60 true"),
            (answered(503, None, None), "again 60 true"),
            (answered(504, Some(7), None), "again 5 false"),
            (answered(503, Some(7), None), "again 5 false"),
            (answered(429, Some(7), None), "again 5 false"),
            (answered(429, None, None), "again 5 false"),
            (answered(410, None, None), "again 0 false"),
            (problem(true), "again 60 true"),
            (problem(false), "again 5 false"),
        ];
        for (outcome, expected) in table {
            assert_eq!(decided(outcome.clone(), 0), expected, "{outcome:?}");
        }
        assert_eq!(Said::of(&answered(429, None, None)), Said::Pauses(PAUSE));
        assert_eq!(Said::of(&answered(503, Some(7), None)), Said::Pauses(SignedDuration::from_secs(7)));
    }

    #[test]
    fn while_the_receiver_is_down_nothing_is_charged_but_what_it_answers_itself() {
        for status in [502, 503, 504] {
            assert_eq!(decided_where(answered(status, None, None), 15, false), "again 5 false", "{status}");
        }
        assert_eq!(decided_where(problem(true), 15, false), "again 5 false");
        assert_eq!(decided_where(answered(500, None, None), 0, false), "again 60 true");
    }

    #[test]
    fn what_is_never_taken_is_given_up_and_what_never_arrives_is_not() {
        let given_up = "Failed { note: \"given up after 16 tries: 500 it fell over\" }";
        assert_eq!(decided(answered(500, None, Some("it fell\nover")), 15), given_up);
        assert_eq!(decided(problem(true), 15), "Failed { note: \"given up after 16 tries: cannot connect\" }");
        assert_eq!(decided(problem(false), 15), "again 5 false");
        assert_eq!(decided(answered(410, None, None), 15), "again 0 false");
    }

    #[test]
    fn the_log_keeps_one_line_of_an_answer_and_says_what_may_have_to_be_mended() {
        let reply = |outcome| tried(outcome).reply;
        assert_eq!(reply(answered(204, None, Some(""))), None);
        assert_eq!(reply(answered(200, None, Some(" {\n\"ok\": 1}"))).as_deref(), Some("{ \"ok\": 1}"));
        assert_eq!(reply(answered(400, None, Some(&"x".repeat(9_000)))).map(|reply| reply.len()), Some(400));
        let mend = "redirects are not followed: write the address that it leads to into webhook.url";
        assert_eq!(reply(answered(302, None, None)).as_deref(), Some(mend));
        assert_eq!(
            reply(answered(401, None, Some("no"))).as_deref(),
            Some("no; look whether both sides have the same secret and the same time")
        );
        let attempt = tried(problem(true));
        assert_eq!(
            (attempt.outcome, attempt.code, attempt.reply.as_deref()),
            ("unknown", None, Some("cannot connect"))
        );
    }
}
