//! What has become of one line, as far as words depend on it.
//!
//! In: a line of the draft and today. Out: the day that may be printed, how it moved, and which part of the customer's
//! pieces is meant. Pure and total.

use jiff::civil::Date;
use rust_decimal::Decimal;

use crate::choice::Choice;
use crate::outbox::notification::Kind;
use crate::render::draft::{DateMeaning, DraftLine};
use crate::shop::line::Status;

/// How an expected day changed for someone who was told another one, or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    Later,
    Earlier,
    Known,
    Unknown,
    /// Several lines that changed in several ways.
    Mixed,
}

impl Change {
    /// The word by which messages choose.
    pub fn word(self) -> &'static str {
        match self {
            Change::Later => "later",
            Change::Earlier => "earlier",
            Change::Known => "known",
            Change::Unknown => "unknown",
            Change::Mixed => "mixed",
        }
    }

    pub fn of(line: &DraftLine, today: Date) -> Change {
        match (line.previously_expected_by, still_to_come(line, today)) {
            (_, None) => Change::Unknown,
            (Some(before), Some(now)) if now > before => Change::Later,
            (Some(before), Some(now)) if now < before => Change::Earlier,
            (_, Some(_)) => Change::Known,
        }
    }

    /// What they have in common.
    pub fn of_all<'line>(lines: impl IntoIterator<Item = &'line DraftLine>, today: Date) -> Change {
        shared(lines.into_iter().map(|line| Change::of(line, today))).unwrap_or(Change::Mixed)
    }
}

/// The value that all have; `None`: they differ, or there are none.
pub fn shared<T: PartialEq>(mut values: impl Iterator<Item = T>) -> Option<T> {
    let first = values.next()?;
    values.all(|value| value == first).then_some(first)
}

/// The day that may be printed as still to come; `None`: unknown.
pub fn still_to_come(line: &DraftLine, today: Date) -> Option<Date> {
    line.terms.expected_by.filter(|day| *day >= today)
}

/// The word by which messages choose what kind of day it is.
pub fn meaning(line: &DraftLine) -> &'static str {
    match DateMeaning::of(line.terms.rules) {
        DateMeaning::Expected => "expected",
        DateMeaning::Shipping => "shipping",
        DateMeaning::Delivery => "delivery",
    }
}

/// What the line's answer was; `None`: the line tells of none.
pub fn answer(line: &DraftLine) -> Option<Choice> {
    line.answer.as_ref().map(|answer| answer.choice)
}

/// The word by which messages choose what these lines' answers were: `wait`, `cancel` or `mixed`.
pub fn answers<'line>(lines: impl IntoIterator<Item = &'line DraftLine>) -> &'static str {
    shared(lines.into_iter().map(answer)).flatten().map_or("mixed", Choice::word)
}

/// Whether pieces of the line are still to come, so that a day is printed.
pub fn is_waiting(line: &DraftLine) -> bool {
    let cancelled_by_her = line.news == Some(Kind::ChoiceReceived) && answer(line) == Some(Choice::Cancel);
    line.status == Status::Backordered && line.short > Decimal::ZERO && !cancelled_by_her
}

/// All of the customer's pieces, if the news is about a part of them only.
pub fn whole(line: &DraftLine) -> Option<Decimal> {
    // What was cancelled is no longer open.
    let whole = if line.news == Some(Kind::Cancelled) { line.open + line.quantity } else { line.open };
    (line.quantity < whole).then_some(whole)
}

/// The pieces still missing after news that others came in or were cancelled.
pub fn still_missing(line: &DraftLine) -> Option<Decimal> {
    let told_of_others = matches!(line.news, Some(Kind::Restocked | Kind::Cancelled));
    (told_of_others && is_waiting(line)).then_some(line.short)
}
