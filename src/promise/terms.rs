//! What one mail says of the law about one line: the words that a notice and the records of it share.
//!
//! Stored in JSON with the notification, so that what was promised can be read long after the rules of the day are
//! gone. Whoever writes the mail reads nothing but this and the line itself.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::shop::line::RuleSet;

/// Which telling of a delay a mail is, or which one is in force.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Nothing was told, or no rule set asks for anything.
    #[default]
    None,
    /// The facts; it moves no date and starts no clock.
    Information,
    /// The first option notice, at most 30 days beyond the promise: silence is consent (US-7).
    FirstShort,
    /// The first option notice, more than 30 days beyond the promise (US-8).
    FirstLong,
    /// The first option notice without a date (US-8).
    FirstIndefinite,
    /// Every option notice after the first (US-11, US-12).
    Renewed,
}

impl Stage {
    /// As in JSON.
    pub fn word(self) -> &'static str {
        match self {
            Stage::None => "none",
            Stage::Information => "information",
            Stage::FirstShort => "first_short",
            Stage::FirstLong => "first_long",
            Stage::FirstIndefinite => "first_indefinite",
            Stage::Renewed => "renewed",
        }
    }

    /// Whether a mail of this stage is an option notice: it offers wait or cancel, and the law counts it.
    pub fn is_option(self) -> bool {
        matches!(self, Stage::FirstShort | Stage::FirstLong | Stage::FirstIndefinite | Stage::Renewed)
    }
}

/// What it means if the customer does not answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Silence {
    /// She agrees to wait until the date told.
    Consent,
    /// The line is cancelled after [`Terms::cancels_after`].
    Cancels,
    #[default]
    NoEffect,
}

impl Silence {
    /// As in JSON.
    pub fn word(self) -> &'static str {
        match self {
            Silence::Consent => "consent",
            Silence::Cancels => "cancels",
            Silence::NoEffect => "no_effect",
        }
    }
}

/// The terms of one line in one mail.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terms {
    pub rules: RuleSet,
    pub stage: Stage,
    pub silence: Silence,
    /// T: the day promised when ordering, of shipment under us-ftc, of delivery under uk and eu.
    pub promised_by: Option<Date>,
    /// E, the day printed: of shipment under us-ftc, of delivery under uk and eu, as the shop says it under none;
    /// `None`: unknown.
    pub expected_by: Option<Date>,
    /// The last day before silence cancels; there if, and only if, `silence` is `Cancels`.
    pub cancels_after: Option<Date>,
    /// Why the day is unknown; there only without `expected_by`.
    pub reason: Option<String>,
    /// The late information mail: the facts and the refund that is owed, no wait, nothing about silence.
    pub refund_owed: bool,
    /// Whether the mail offers wait or cancel for this line.
    pub asks: bool,
}
