//! What has become of one line, as far as words depend on it.
//!
//! In: a line of the draft and today. Out: the day that may be printed, how it moved, and which part of the customer's
//! pieces is meant. Pure and total.

use jiff::civil::Date;
use rust_decimal::Decimal;

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
        match (line.previous_expected_on, still_to_come(line, today)) {
            (_, None) => Change::Unknown,
            (Some(before), Some(now)) if now > before => Change::Later,
            (Some(before), Some(now)) if now < before => Change::Earlier,
            (_, Some(_)) => Change::Known,
        }
    }

    /// What they have in common.
    pub fn of_all<'line>(lines: impl IntoIterator<Item = &'line DraftLine>, today: Date) -> Change {
        let mut changes = lines.into_iter().map(|line| Change::of(line, today));
        let first = changes.next().unwrap_or(Change::Mixed);
        if changes.all(|change| change == first) { first } else { Change::Mixed }
    }
}

/// The day that may be printed as still to come; `None`: unknown.
pub fn still_to_come(line: &DraftLine, today: Date) -> Option<Date> {
    line.expected_on.filter(|day| *day >= today)
}

/// The word by which messages choose what kind of day it is.
pub fn meaning(line: &DraftLine) -> &'static str {
    match line.date_meaning {
        DateMeaning::Expected => "expected",
        DateMeaning::Shipping => "shipping",
        DateMeaning::Delivery => "delivery",
    }
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
    (told_of_others && line.status == Status::Backordered && line.short > Decimal::ZERO).then_some(line.short)
}
