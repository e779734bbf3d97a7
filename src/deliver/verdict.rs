//! What becomes of a notification after a try: the outcome meets the retry ladder.
//!
//! In: the outcome of the try, what was tried before, the settings, now. Out: a [`Fate`] and an [`Attempt`] for the
//! log. Pure; chance comes in as a number.

use jiff::Timestamp;

use super::breaker::LONGEST_REST;
use super::outcome::{Outcome, Phase, Refusal, Reply};
use crate::outbox::schedule::{climbed, retry_after};
use crate::settings::delivery::{DeliverySettings, InDoubt};
use crate::settings::duration::Span;
use crate::store::outbox::{Attempt, Claimed, Fate};

/// How long an uncharged mail waits before it is looked at again; its relay's breaker decides when it is tried.
const UNCHARGED_PAUSE: Span = Span::seconds(10);

/// Decides what becomes of `claimed`. `jitter` is in 0..1.
pub fn fate(claimed: &Claimed, outcome: &Outcome, settings: &DeliverySettings, now: Timestamp, jitter: f64) -> Fate {
    match outcome {
        Outcome::Accepted { .. } => Fate::Sent,
        Outcome::Unknown { .. } => {
            // Once more through the same relay, the same bytes; a second doubt is for staff.
            let resend = settings.in_doubt == InDoubt::Resend && claimed.doubts == 0;
            Fate::InDoubt { again: resend.then(|| now + retry_after(&settings.retry, 1, jitter)) }
        }
        Outcome::NotSent { why, detail, .. } => match why {
            Refusal::BadAddress | Refusal::Permanent => refused(outcome, detail),
            Refusal::Temporary => by_ladder(claimed, detail, settings, now, jitter),
            Refusal::Relay | Refusal::Paused => Fate::Again { due_at: now + UNCHARGED_PAUSE.signed(), charged: false },
            Refusal::Stale => Fate::Again { due_at: now, charged: false },
        },
    }
}

/// When a mail comes back that a relay took nothing of, after `tries` before. The more there were the later, so that one
/// for which the relay refuses us is not what it is probed with each time.
pub fn after_refusal(tries: i64, now: Timestamp) -> Timestamp {
    let doublings = u32::try_from(tries.clamp(0, 10)).unwrap_or(0);
    now + (UNCHARGED_PAUSE.signed() * 2i32.pow(doublings)).min(LONGEST_REST)
}

/// Whether a refusal for good counts with others that are alike: five in a row are the relay's fault. One for a mail's
/// size is about that mail.
pub fn may_be_alike(why: Refusal, phase: Phase, reply: &Reply) -> bool {
    let for_good = matches!(why, Refusal::BadAddress | Refusal::Permanent);
    let of_size = reply.code == 552 || reply.enhanced.is_some_and(|code| (code.subject, code.detail) == (3, 4));
    for_good && (phase == Phase::RcptTo || (matches!(phase, Phase::Data | Phase::FinalReply) && !of_size))
}

/// What becomes of a mail that was refused for good.
fn refused(outcome: &Outcome, detail: &str) -> Fate {
    let note = format!("refused for good: {detail}");
    match outcome {
        Outcome::NotSent { why, phase, reply: Some(reply), .. } if may_be_alike(*why, *phase, reply) => {
            Fate::RecipientRefused { note, alike: reply.codes(), bad_address: *why == Refusal::BadAddress }
        }
        _ => Fate::Failed { note },
    }
}

/// What becomes of `claimed`, refused for now: it comes back by the ladder, until its tries have taken too long. Only
/// charged tries bring the end nearer: while no relay works, time stands still.
pub fn by_ladder(claimed: &Claimed, detail: &str, settings: &DeliverySettings, now: Timestamp, jitter: f64) -> Fate {
    let charged = u32::try_from(claimed.charged).unwrap_or(u32::MAX).saturating_add(1);
    if climbed(&settings.retry, charged) >= settings.give_up_after.signed() {
        return Fate::Failed { note: format!("given up after {charged} tries: {detail}") };
    }
    Fate::Again { due_at: now + retry_after(&settings.retry, charged, jitter), charged: true }
}

/// The try as the sent-log keeps it.
pub fn attempt(outcome: &Outcome, relay: &str, started_at: Timestamp, ended_at: Timestamp) -> Attempt {
    let (word, code, reply) = match outcome {
        Outcome::Accepted { reply } => ("accepted", Some(reply.code), reply.text.clone()),
        Outcome::Unknown { detail, .. } => ("unknown", None, detail.clone()),
        Outcome::NotSent { why, reply, detail, .. } => {
            let text = reply.as_ref().map_or(detail, |reply| &reply.text);
            (why.word(), reply.as_ref().map(|reply| reply.code), text.clone())
        }
    };
    Attempt { started_at, ended_at, relay: relay.to_owned(), outcome: word, code, reply: Some(reply) }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::outbox::notification::{Kind, MAIL};
    use crate::outbox::plan::Content;

    pub fn claimed(charged: i64, doubts: i64) -> Claimed {
        Claimed {
            id: uuid::Uuid::nil(),
            news_id: uuid::Uuid::nil(),
            order_row: 1,
            channel: MAIL.into(),
            kind: Kind::Backordered,
            content: Content { kind: Kind::Backordered, lines: vec![], again: false },
            fence: 1,
            created_at: Timestamp::UNIX_EPOCH,
            attempts: charged,
            charged,
            doubts,
            doubted_relay: None,
            rendered: true,
        }
    }

    fn refused(why: Refusal) -> Outcome {
        let reply = Reply::new(450, &["4.2.0 later"]);
        Outcome::NotSent { why, phase: Phase::RcptTo, reply: Some(reply), detail: "450 4.2.0 later".into() }
    }

    fn now() -> Timestamp {
        "2027-02-10T12:00:00Z".parse().unwrap()
    }

    fn decided_fate(claimed: &Claimed, outcome: &Outcome) -> Fate {
        fate(claimed, outcome, &DeliverySettings::default(), now(), 0.5)
    }

    fn decided(claimed: &Claimed, outcome: &Outcome) -> String {
        match decided_fate(claimed, outcome) {
            Fate::Again { due_at, charged } => format!("again {} {charged}", due_at.duration_since(now()).as_secs()),
            Fate::InDoubt { again } => format!("in doubt {:?}", again.map(|at| at.duration_since(now()).as_secs())),
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn each_outcome_has_its_fate() {
        let fresh = claimed(0, 0);
        let unknown = Outcome::Unknown { phase: Phase::FinalReply, detail: "time-out".into() };
        let accepted = Outcome::Accepted { reply: Reply::new(250, &["ok"]) };
        assert_eq!(decided(&fresh, &accepted), "Sent");
        assert_eq!(decided(&fresh, &unknown), "in doubt Some(60)");
        assert_eq!(decided(&claimed(1, 1), &unknown), "in doubt None");
        assert_eq!(decided(&fresh, &refused(Refusal::Temporary)), "again 60 true");
        assert_eq!(decided(&claimed(3, 0), &refused(Refusal::Temporary)), "again 3600 true");
        assert_eq!(decided(&fresh, &refused(Refusal::Relay)), "again 10 false");
        assert_eq!(decided(&fresh, &refused(Refusal::Paused)), "again 10 false");
        assert_eq!(decided(&fresh, &refused(Refusal::Stale)), "again 0 false");
        let bad_address = |why| match decided_fate(&fresh, &refused(why)) {
            Fate::RecipientRefused { alike, bad_address, .. } => (alike, bad_address),
            other => panic!("{other:?}"),
        };
        assert_eq!(bad_address(Refusal::Permanent), ("450 4.2.0".to_owned(), false));
        assert_eq!(bad_address(Refusal::BadAddress), ("450 4.2.0".to_owned(), true));
        let at_the_end = Outcome::NotSent {
            why: Refusal::Permanent,
            phase: Phase::FinalReply,
            reply: None,
            detail: "554 5.7.1 spam".into(),
        };
        assert_eq!(decided(&fresh, &at_the_end), "Failed { note: \"refused for good: 554 5.7.1 spam\" }");
    }

    #[test]
    fn what_is_refused_for_our_sake_comes_back_ever_later_up_to_five_minutes() {
        let waits = [0, 1, 2, 3, 4, 5, 100].map(|tries| after_refusal(tries, now()).duration_since(now()).as_secs());
        assert_eq!(waits, [10, 20, 40, 80, 160, 300, 300]);
    }

    #[test]
    fn refusals_that_are_about_one_mails_size_are_nobodys_fault() {
        use Phase::{Data, FinalReply, MailFrom, RcptTo};
        let table = [
            (Refusal::BadAddress, RcptTo, Reply::new(550, &["5.1.1 no"]), true),
            (Refusal::Permanent, FinalReply, Reply::new(554, &["5.7.1 suspended"]), true),
            (Refusal::Permanent, Data, Reply::new(554, &["no"]), true),
            (Refusal::Permanent, FinalReply, Reply::new(552, &["too big"]), false),
            (Refusal::Permanent, FinalReply, Reply::new(554, &["5.3.4 too big"]), false),
            (Refusal::Permanent, MailFrom, Reply::new(554, &["5.7.1 no"]), false),
            (Refusal::Temporary, RcptTo, Reply::new(450, &["4.2.0 later"]), false),
        ];
        for (why, phase, reply, alike) in table {
            assert_eq!(may_be_alike(why, phase, &reply), alike, "{phase:?} {reply}");
        }
    }

    #[test]
    fn a_mail_is_given_up_when_its_charged_tries_have_taken_three_days() {
        // 1m + 5m + 15m + 1h + 2h + 4h + 8h, and 8h seven times more, are 39 minutes less.
        assert_eq!(decided(&claimed(14, 0), &refused(Refusal::Temporary)), "again 28800 true");
        let old = claimed(15, 0);
        assert_eq!(
            decided(&old, &refused(Refusal::Temporary)),
            "Failed { note: \"given up after 16 tries: 450 4.2.0 later\" }"
        );
        assert_eq!(decided(&old, &refused(Refusal::Relay)), "again 10 false", "the relay's fault is not the mail's");
    }
}
