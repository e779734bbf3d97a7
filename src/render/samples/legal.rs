//! The cases of the delay rules, each with the terms that `promise` gives it.
//!
//! The days are those of the worked vectors: T is nine days from today, and T + 30 is the 39th.

use super::Days;
use super::goods::stove;
use crate::choice::Choice;
use crate::outbox::notification::Kind;
use crate::promise::terms::{Silence, Stage, Terms};
use crate::render::draft::DraftLine;
use crate::shop::line::RuleSet;

const PROMISED_IN: i64 = 9;
/// The last day of the 30 that follow.
const MONTH_ON: i64 = 39;

/// One case of the law.
#[derive(Debug)]
pub struct Case {
    pub kind: Kind,
    /// The rule set, and the stage or what else there is to tell it from others.
    pub name: &'static str,
    rules: RuleSet,
    stage: Stage,
    /// T, in days from today; here and below.
    promised_in: i64,
    /// E; `None`: unknown.
    expected_in: Option<i64>,
    previously_expected_in: Option<i64>,
    silence: Silence,
    cancels_in: Option<i64>,
    refund_owed: bool,
    asks: bool,
    answer: Option<Choice>,
}

/// The facts under `us-ftc`, as far as the cases below do not say otherwise.
const US: Case = Case {
    kind: Kind::Backordered,
    name: "us-ftc-information",
    rules: RuleSet::UsFtc,
    stage: Stage::Information,
    promised_in: PROMISED_IN,
    expected_in: Some(5),
    previously_expected_in: None,
    silence: Silence::NoEffect,
    cancels_in: None,
    refund_owed: false,
    asks: false,
    answer: None,
};

/// A notice by which silence cancels.
const US_CANCELS: Case = Case { silence: Silence::Cancels, cancels_in: Some(MONTH_ON), asks: true, ..US };

/// Delivered late under `eu`.
const EU: Case = Case { name: "eu", rules: RuleSet::Eu, expected_in: Some(26), asks: true, ..US };

pub static CASES: [Case; 17] = [
    US,
    Case {
        name: "us-ftc-first_short",
        stage: Stage::FirstShort,
        expected_in: Some(MONTH_ON),
        silence: Silence::Consent,
        asks: true,
        ..US
    },
    Case { name: "us-ftc-first_long", stage: Stage::FirstLong, expected_in: Some(79), ..US_CANCELS },
    Case { name: "us-ftc-first_indefinite", stage: Stage::FirstIndefinite, expected_in: None, ..US_CANCELS },
    Case { name: "us-ftc-refund_owed", promised_in: -5, expected_in: Some(30), refund_owed: true, ..US },
    EU,
    Case { name: "uk", rules: RuleSet::Uk, expected_in: None, ..EU },
    Case {
        kind: Kind::DateChanged,
        name: "us-ftc-renewed",
        stage: Stage::Renewed,
        promised_in: -4,
        previously_expected_in: Some(17),
        expected_in: Some(25),
        cancels_in: Some(17),
        ..US_CANCELS
    },
    // It comes sooner, and silence still cancels.
    Case { kind: Kind::DateChanged, previously_expected_in: Some(79), expected_in: Some(60), ..US_CANCELS },
    Case { kind: Kind::DateChanged, previously_expected_in: Some(26), expected_in: Some(40), ..EU },
    Case {
        kind: Kind::DateChanged,
        name: "uk",
        rules: RuleSet::Uk,
        previously_expected_in: Some(26),
        expected_in: None,
        ..EU
    },
    // The afternoon of the last day.
    Case {
        kind: Kind::Overdue,
        name: "us-ftc-renewed",
        stage: Stage::Renewed,
        promised_in: -4,
        previously_expected_in: Some(0),
        expected_in: None,
        cancels_in: Some(0),
        ..US_CANCELS
    },
    Case { kind: Kind::Overdue, previously_expected_in: Some(-1), expected_in: None, ..EU },
    // She agreed to wait without a day.
    Case { kind: Kind::StillWaiting, expected_in: None, asks: true, ..US },
    Case { kind: Kind::StillWaiting, ..EU },
    Case { kind: Kind::ChoiceReceived, expected_in: Some(79), asks: true, answer: Some(Choice::Wait), ..US },
    Case { kind: Kind::ChoiceReceived, asks: false, answer: Some(Choice::Cancel), ..EU },
];

impl Case {
    pub fn line(&self, days: &Days) -> DraftLine {
        DraftLine {
            news: Some(self.kind),
            previously_expected_by: self.previously_expected_in.map(|count| days.in_days(count)),
            answer: self.answer.map(|choice| days.answered(choice)),
            ..stove(days.names, self.terms(days))
        }
    }

    fn terms(&self, days: &Days) -> Terms {
        Terms {
            rules: self.rules,
            stage: self.stage,
            silence: self.silence,
            promised_by: Some(days.in_days(self.promised_in)),
            expected_by: self.expected_in.map(|count| days.in_days(count)),
            cancels_after: self.cancels_in.map(|count| days.in_days(count)),
            reason: self.expected_in.is_none().then(|| days.names.unknown_because.into()),
            refund_owed: self.refund_owed,
            asks: self.asks,
        }
    }
}

/// The terms of a reminder: only `us-ftc` knows it.
pub fn reminder(days: &Days) -> Terms {
    Case { expected_in: Some(79), cancels_in: Some(3), ..US_CANCELS }.terms(days)
}
