//! One line before the law at one moment: what every question about it is asked of.
//!
//! In: the line's history, the line as last read, and now. What is asked stands in the files beside this one:
//! `telling` (what a mail says), `owed` (what falls due), `refund` and `deadline`.

use jiff::{Timestamp, civil::Date};
use rust_decimal::Decimal;

use super::calendar::Calendar;
use super::history::History;
use super::position::{Lapse, Position};
use crate::shop::line::{Line, RuleSet, Status};

/// A line at one moment.
#[derive(Clone, Copy, Debug)]
pub struct Case<'a> {
    pub(super) history: &'a History,
    pub(super) line: &'a Line,
    pub(super) now: Timestamp,
    pub(super) calendar: Calendar<'a>,
    pub(super) today: Date,
    /// Only `us-ftc` has one, and only with a T.
    pub(super) position: Option<Position<'a>>,
}

/// How the customer's order of a line ended, so that no mail speaks of waiting any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// By her cancel: only acknowledgements follow.
    ByAnswer,
    /// By silence: only `cancelled` follows.
    BySilence,
}

impl<'a> Case<'a> {
    /// `line` as it was read last. `now` is when that read began, so that a day is over only for a read that saw what
    /// happened in it; where nothing was read, it is the time.
    pub fn new(history: &'a History, line: &'a Line, now: Timestamp, calendar: Calendar<'a>) -> Case<'a> {
        let promised_by = history.clock.promised_by.filter(|_| history.clock.rules == RuleSet::UsFtc);
        let position = promised_by.map(|day| Position::of(history, day, &calendar));
        Case { history, line, now, calendar, today: calendar.day(now), position }
    }

    /// The day in the shop.
    pub fn today(&self) -> Date {
        self.today
    }

    /// E, by the rule set that the line stands under.
    pub fn expected(&self) -> Option<Date> {
        self.calendar.expected(self.line, self.history.clock.rules, self.today)
    }

    /// Whether the order of the line has ended for the customer.
    pub fn ended(&self) -> Option<Ended> {
        if self.history.standing_cancel().is_some() {
            return Some(Ended::ByAnswer);
        }
        let by_silence = self.position.and_then(|position| position.cancels_after);
        by_silence.filter(|last_day| self.was_open_after(*last_day)).map(|_| Ended::BySilence)
    }

    /// Whether a `wait` given now is taken: not after silence cancelled, and not while a cancel stands.
    pub fn takes_wait(&self) -> bool {
        let last_day = self.position.and_then(|position| position.cancels_after);
        self.history.standing_cancel().is_none() && last_day.is_none_or(|last_day| self.today <= last_day)
    }

    /// Waits for stock.
    pub(super) fn waits(&self) -> bool {
        self.line.status() == Status::Backordered
    }

    /// Open, and still shown by the shop.
    pub(super) fn is_open(&self) -> bool {
        self.line.open() > Decimal::ZERO && self.history.last_open_at.is_none()
    }

    /// The day on which the line was first seen on backorder, if it ever was.
    pub(super) fn backordered_on(&self) -> Option<Date> {
        self.history.backordered_on.or(self.waits().then_some(self.today))
    }

    /// What lapsed, if something did: the day is over, and the line was open after it.
    pub(super) fn lapsed(&self) -> Option<Lapse> {
        self.position.and_then(|position| position.lapse()).filter(|lapse| self.was_open_after(lapse.after))
    }

    /// What lapsed and is held against the shop: not what did before the installation.
    pub(super) fn missed(&self) -> Option<Lapse> {
        self.lapsed().filter(|_| !self.history.clock.before_install)
    }

    /// Whether the line is known to have been open after the end of `day`. Of a line that vanished nothing is
    /// inferred, and the shop's own time of shipment is believed.
    fn was_open_after(&self, day: Date) -> bool {
        let shipped_at = self.line.shipped_at.filter(|_| self.line.status() == Status::Shipped);
        let open_until = shipped_at.or(self.history.last_open_at).or(self.is_open().then_some(self.now));
        self.today > day && open_until.is_some_and(|at| self.calendar.day(at) > day)
    }
}
