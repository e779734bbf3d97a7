//! What a mail about a line says of the law now, whether staff must see it first, and whether it came in time.
//!
//! In: a [`Case`]. Out: [`Terms`]. An option notice is offered only while it can still be accepted in time: once the
//! right lapsed, a mail gives the facts and the refund that is owed. A mail that brings nothing worse than she knows
//! is information; where silence already cancels, it says so again, with the same day.

use jiff::{Timestamp, civil::Date};
use uuid::Uuid;

use super::case::Case;
use super::deadline::Flag;
use super::history::Notice;
use super::position::{Agreed, Position};
use super::terms::{Silence, Stage, Terms};
use crate::shop::line::RuleSet;

/// The time that an option notice planned now has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// T, the old R, or the day after which silence cancels.
    pub last_day: Date,
    /// 23:30 on that day: settling, quiet hours and limits yield, so that it leaves by then.
    pub leave_by: Timestamp,
    /// The midnight that ends the day: not in transfer by then it is too late, and accepted from then on it is late.
    pub expires_at: Timestamp,
}

impl Case<'_> {
    /// What a mail says now that tells no news of the line: E, or why it is unknown. It offers nothing and is no notice.
    pub fn facts(&self) -> Terms {
        let clock = &self.history.clock;
        let expected_by = self.expected();
        Terms {
            rules: clock.rules,
            promised_by: clock.promised_by,
            expected_by,
            reason: self.reason(expected_by),
            ..Terms::default()
        }
    }

    /// What a mail about the line planned now says.
    pub fn terms(&self) -> Terms {
        let plain = self.facts();
        if !self.waits() {
            return plain;
        }
        let answerable = self.ended().is_none();
        match (plain.rules, &self.position) {
            (RuleSet::None, _) => Terms { asks: answerable, ..plain },
            // The mail asks, silence changes nothing (EU-5).
            (RuleSet::Uk | RuleSet::Eu, _) => Terms { stage: Stage::Information, asks: answerable, ..plain },
            // No clock: information.
            (RuleSet::UsFtc, None) => Terms { stage: Stage::Information, ..plain },
            (RuleSet::UsFtc, Some(position)) => self.us_terms(position, Terms { stage: Stage::Information, ..plain }),
        }
    }

    /// What is said under `us-ftc`; `information` is that without any option.
    fn us_terms(&self, position: &Position<'_>, information: Terms) -> Terms {
        if self.ended().is_some() {
            return information;
        }
        if self.lapsed().is_some() {
            // A notice after the day does not cure (US-15).
            let refund_owed = self.missed().is_some() && self.refund().is_some();
            return Terms { refund_owed, ..information };
        }
        let expected_by = self.expected_after_noon(position);
        if position.is_worse(expected_by) {
            let (stage, cancels_after) = position.next_notice(expected_by);
            let silence = if cancels_after.is_some() { Silence::Cancels } else { Silence::Consent };
            let reason = self.reason(expected_by);
            return Terms { stage, silence, expected_by, cancels_after, reason, asks: true, ..information };
        }
        let silence = if position.cancels_after.is_some() { Silence::Cancels } else { Silence::NoEffect };
        let asks = position.in_force.is_some();
        Terms { silence, cancels_after: position.cancels_after, asks, ..information }
    }

    /// E, or unknown if the line had to be ready at noon today and is not, and no later day is known. Nor does a mail of
    /// the afternoon name today to someone who was told of no day: it would be overdue at once.
    fn expected_after_noon(&self, position: &Position<'_>) -> Option<Date> {
        let afternoon = self.now >= self.calendar.noon(self.today);
        let told_of_no_day = position.in_force.is_some_and(|notice| notice.revised_to.is_none());
        let unlikely = self.is_noon_of_due_day() || afternoon && told_of_no_day;
        self.expected().filter(|day| !unlikely || *day > self.today)
    }

    /// Whether it is the afternoon of the last day for the next option notice.
    pub(super) fn is_noon_of_due_day(&self) -> bool {
        let due_by = self.position.and_then(|position| position.notice_due_by());
        due_by == Some(self.today) && self.now >= self.calendar.noon(self.today)
    }

    /// Why the day is unknown, where it is: the line's reason, else the shop's standing one.
    fn reason(&self, expected_by: Option<Date>) -> Option<String> {
        let of_line = self.line.delay_reason.as_deref();
        let reasons = of_line.into_iter().chain(self.calendar.rules.reason.as_deref()).map(str::trim);
        let mut told = reasons.filter(|reason| self.waits() && expected_by.is_none() && !reason.is_empty());
        told.next().map(str::to_owned)
    }

    /// Why a notification that says `terms` of this line is created `held` for staff; `None`: it may leave.
    pub fn hold(&self, terms: &Terms) -> Option<Flag> {
        if self.position.is_none() || !self.waits() || self.ended().is_some() {
            return None;
        }
        let unexplained = terms.stage.is_option() && terms.expected_by.is_none() && terms.reason.is_none();
        self.missed().map(|_| Flag::NoticeLate).or(unexplained.then_some(Flag::NoReason))
    }

    /// The time that an option notice has; `None`: none can be owed, or she agreed to wait without a day.
    pub fn window(&self) -> Option<Window> {
        let last_day = self.position?.lapse()?.after;
        let leave_by = self.calendar.last_call(last_day);
        Some(Window { last_day, leave_by, expires_at: self.calendar.end(last_day) })
    }

    /// What is recorded of a notification `id` that said `terms` and was accepted now. One that came too late does not
    /// count.
    pub fn accepted(&self, id: Uuid, terms: &Terms) -> Notice {
        let in_time = self.window().is_none_or(|window| self.now < window.expires_at);
        Notice::of(terms, id, self.now, terms.stage.is_option() && !in_time)
    }

    /// Whether she waits by an express consent that names no day (US-10).
    pub(super) fn waits_indefinitely(&self) -> bool {
        self.position.is_some_and(|position| position.agreed == Agreed::Indefinitely)
    }
}
