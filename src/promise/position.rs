//! Where a line stands under `us-ftc`: the notice in force, what silence does, and the day on which the right lapses.
//!
//! In: the history. Out: a [`Position`], made by going through the accepted notices and the answers to them in order.
//! A wait is an answer to one notice: one given after the order was cancelled by silence, or to a notice that does not
//! count, consents to nothing.

use jiff::civil::Date;

use super::calendar::{Calendar, add_days};
use super::history::{History, Notice};
use super::refund::Reason;
use super::terms::{Silence, Stage};
use crate::choice::{Answer, By, Choice};

/// Up to so many days beyond the promise silence is consent, and after so many it cancels (US-7, US-8).
const SHORT_DELAY: i64 = 30;

/// Until when the customer agreed to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Agreed {
    /// To the promise, or to a later day by consent, told or silent.
    Until(Date),
    /// Expressly, without a day: no more renewed notices, and she may cancel at any time (US-10).
    Indefinitely,
}

/// The end of a time within which something had to happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lapse {
    /// The last day, which counts in full.
    pub after: Date,
    /// Why a refund is due if the line has not shipped by then.
    pub reason: Reason,
}

/// Where a line stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position<'a> {
    /// T.
    pub promised_by: Date,
    /// The last option notice that counts.
    pub in_force: Option<&'a Notice>,
    /// Whether she expressly agreed to the notice in force.
    pub consented: bool,
    pub agreed: Agreed,
    /// The last day before silence cancels; `None`: it does not.
    pub cancels_after: Option<Date>,
    /// Whether the notice in force took the stricter reading where the rule is silent (US-12a).
    pub stricter: bool,
}

impl<'a> Position<'a> {
    /// The position after `history`; `promised_by` is its T.
    pub fn of(history: &'a History, promised_by: Date, calendar: &Calendar<'_>) -> Position<'a> {
        let agreed = Agreed::Until(promised_by);
        let mut position =
            Position { promised_by, in_force: None, consented: false, agreed, cancels_after: None, stricter: false };
        for (place, notice) in history.counting() {
            position.stricter = position.is_stricter(calendar.day(notice.accepted_at));
            position.told(notice);
            let in_time =
                |answer: &&Answer| position.cancels_after.is_none_or(|last_day| calendar.day(answer.at) <= last_day);
            if waits(history, place).any(|answer| in_time(&answer)) {
                position.consents(notice);
            }
        }
        position
    }

    /// Whether one more notice on the day `today` meets a case on which the rule is silent (US-12a).
    fn is_stricter(&self, today: Date) -> bool {
        self.in_force.is_some() && (self.cancels_after.is_some() || today <= self.promised_by)
    }

    fn told(&mut self, notice: &'a Notice) {
        self.in_force = Some(notice);
        self.consented = false;
        match (notice.silence, notice.revised_to) {
            (Silence::Consent, Some(revised_to)) => self.agreed = Agreed::Until(revised_to),
            // The earliest deadline stands.
            _ => self.cancels_after = earliest(self.cancels_after, notice.cancels_after),
        }
    }

    fn consents(&mut self, notice: &Notice) {
        self.consented = true;
        self.agreed = notice.revised_to.map_or(Agreed::Indefinitely, Agreed::Until);
        self.cancels_after = None;
    }

    /// The last day for the next option notice: T while there was none, then R unless silence cancels before.
    pub fn notice_due_by(&self) -> Option<Date> {
        let Some(notice) = self.in_force else { return Some(self.promised_by) };
        notice.revised_to.filter(|revised_to| self.cancels_after.is_none_or(|last_day| last_day >= *revised_to))
    }

    /// The earliest end of what she was promised and agreed to; `None`: she waits without a day.
    pub fn lapse(&self) -> Option<Lapse> {
        let no_notice = if self.in_force.is_none() { Reason::NoNotice } else { Reason::NoRenewedNotice };
        let by_notice = self.notice_due_by().map(|after| Lapse { after, reason: no_notice });
        let by_silence = self.cancels_after.map(|after| Lapse { after, reason: Reason::Silence });
        // On the same day it is silence that was announced.
        by_silence.into_iter().chain(by_notice).min_by_key(|lapse| lapse.after)
    }

    /// What one more option notice that names `expected_by` would be, and the day after which it would say that
    /// silence cancels; `None`: silence would be consent.
    pub fn next_notice(&self, expected_by: Option<Date>) -> (Stage, Option<Date>) {
        // The days count from T, never from the notice (US-9).
        let month_on = add_days(self.promised_by, SHORT_DELAY);
        match (self.in_force, expected_by) {
            (None, None) => (Stage::FirstIndefinite, Some(month_on)),
            (None, Some(day)) if day <= month_on => (Stage::FirstShort, None),
            (None, Some(_)) => (Stage::FirstLong, Some(month_on)),
            // The end of the old R (US-12), or of what silence ends already: the earliest deadline stands (US-12a).
            (Some(notice), _) => {
                let old = earliest(self.cancels_after, notice.revised_to);
                (Stage::Renewed, Some(old.unwrap_or(month_on)))
            }
        }
    }

    /// Whether `expected_by` is worse than what she was told and agreed to, so that an option must be offered.
    /// An earlier day is never worse.
    pub fn is_worse(&self, expected_by: Option<Date>) -> bool {
        let Agreed::Until(agreed) = self.agreed else { return false };
        let told = self.in_force.map(|notice| notice.revised_to);
        match (expected_by, told) {
            (Some(day), Some(Some(told))) => day > told.max(agreed),
            (Some(day), _) => day > agreed,
            // Told that it is unknown, and it still is.
            (None, Some(None)) => false,
            (None, _) => true,
        }
    }
}

/// The waits of hers that answer the notice at `place`: it was the option in force when the notice that they name was
/// told, or when they were given.
fn waits(history: &History, place: usize) -> impl Iterator<Item = &Answer> {
    let answers = history.answers.iter();
    let waits = answers.filter(|answer| answer.choice == Choice::Wait && answer.by != By::Silence && !answer.refused);
    waits.filter(move |answer| {
        let named = |(_, notice): &(usize, &Notice)| match answer.notice {
            Some(id) => notice.id == id,
            None => notice.accepted_at <= answer.at,
        };
        let seen = history.notices.iter().enumerate().rfind(named).map(|(place, _)| place);
        // A late one is no option: who answers it consents to nothing that came before.
        let seen = seen.filter(|seen| !history.notices[*seen].late);
        seen.and_then(|seen| history.counting().rfind(|(place, _)| *place <= seen)).is_some_and(|(of, _)| of == place)
    })
}

/// The earlier of two days, of which either may be none.
fn earliest(one: Option<Date>, other: Option<Date>) -> Option<Date> {
    one.into_iter().chain(other).min()
}
