//! Which refund is due, since when, and by when it must be sent.
//!
//! In: a [`Case`]. Out: the refund whose right vested first; `None`: none is due, or it was made. Only lines that are
//! paid and were seen on backorder have one. Under `eu` and `uk` silence and passed days end nothing: only her cancel
//! and the shop's own do (EU-4, EU-5).

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::calendar::add_days;
use super::case::Case;
use super::working_days::after_working_days;
use crate::choice::{Answer, Choice};
use crate::shop::line::{Payment, RuleSet, Status};

/// A prompt refund is sent within so many working days of the right vesting (US-16).
const PROMPT: u32 = 7;
/// The safe reading of "without undue delay", in calendar days (EU-4).
const UNDELAYED: i64 = 14;

/// Why a refund is due (US-15).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// (1) A cancellation arrived before shipment.
    Answer,
    /// (2), (3) A notice said that silence cancels, and she was silent.
    Silence,
    /// (5) No option was offered, and the line had not shipped by T.
    NoNotice,
    /// (3) It had not shipped by R, and no renewed option was offered.
    NoRenewedNotice,
    /// (4) The shop said that it will not ship.
    ShopCancelled,
}

impl Reason {
    /// As staff read it, after "because".
    pub fn in_words(self) -> &'static str {
        match self {
            Reason::Answer => "the customer cancelled",
            Reason::Silence => "silence cancelled",
            Reason::NoNotice => "no choice was offered in time",
            Reason::NoRenewedNotice => "no renewed choice was offered in time",
            Reason::ShopCancelled => "the shop cancelled",
        }
    }
}

/// A refund that is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refund {
    /// The day on which the right vested.
    pub vested_on: Date,
    pub reason: Reason,
    /// The last day to send it.
    pub due_by: Date,
}

/// The last day to send the refund of a right that vested on `vested_on`.
pub fn refund_due_by(rules: RuleSet, vested_on: Date) -> Date {
    match rules {
        RuleSet::UsFtc => after_working_days(vested_on, PROMPT),
        RuleSet::Uk | RuleSet::Eu | RuleSet::None => add_days(vested_on, UNDELAYED),
    }
}

impl Case<'_> {
    /// The refund that is due now.
    pub fn refund(&self) -> Option<Refund> {
        let rules = self.history.clock.rules;
        let refunded = self.history.refunded || self.line.refunded_at.is_some();
        let can_be_due = self.line.payment == Payment::Paid && self.backordered_on().is_some();
        if rules == RuleSet::None || refunded || !can_be_due {
            return None;
        }
        let answered = self.effective_cancel().map(|answer| (self.calendar.day(answer.at), Reason::Answer));
        let lapsed = self.missed().map(|lapse| (add_days(lapse.after, 1), lapse.reason));
        let cancelled = self.history.cancelled_at.map(|at| (self.calendar.day(at), Reason::ShopCancelled));
        // What vested first; on the same day, the customer's own word first and the shop's last.
        let (vested_on, reason) = [answered, lapsed, cancelled].into_iter().flatten().min()?;
        Some(Refund { vested_on, reason, due_by: refund_due_by(rules, vested_on) })
    }

    /// The first cancel of hers that arrived before shipment. Under `us-ftc` that alone ends the order, so one that the
    /// shop refused counts too, unless she chose to wait after all.
    fn effective_cancel(&self) -> Option<&Answer> {
        let waits_since = |cancel: &Answer| {
            let standing = self.history.standing_answer();
            standing.is_some_and(|answer| answer.choice == Choice::Wait && answer.at >= cancel.at)
        };
        let counts =
            |cancel: &&Answer| !cancel.refused || self.history.clock.rules == RuleSet::UsFtc && !waits_since(cancel);
        let cancels = self.history.answers.iter().filter(|answer| answer.is_hers() && answer.choice == Choice::Cancel);
        cancels.filter(counts).find(|cancel| self.was_before_shipment(cancel))
    }

    fn was_before_shipment(&self, answer: &Answer) -> bool {
        if self.line.status() != Status::Shipped {
            return true;
        }
        match self.line.shipped_at.or(self.history.last_open_at) {
            Some(shipped_at) => answer.at <= shipped_at,
            // Nobody knows when; what stands was taken as in time.
            None => !answer.refused,
        }
    }
}
