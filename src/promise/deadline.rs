//! The row that staff and scripts read of one line: its deadlines, what was told, and what to look at.
//!
//! In: a [`Case`]. Out: one object with every key of `deadlines --json`, null where there is none.

use jiff::{Timestamp, civil::Date};
use serde::{Deserialize, Serialize, Serializer};
use uuid::Uuid;

use super::case::Case;
use super::history::Notice;
use super::refund::Reason;
use super::terms::{Silence, Stage};
use crate::choice::Choice;
use crate::shop::line::RuleSet;

/// Something about a line that a person should know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Flag {
    /// The notice in force took the earliest deadline where the rule is silent (US-12a).
    StricterReading,
    /// A notice was accepted after its last day, or the line went on backorder only after T.
    NoticeLate,
    NoticeBounced,
    NoticeHeld,
    /// Waited at the baseline with T past.
    BeforeInstall,
    /// The day is unknown, and neither the line nor the settings give a reason.
    NoReason,
    /// Neither a promise nor the day of the order is known.
    NoOrderDate,
}

impl Flag {
    /// As in JSON.
    pub fn word(self) -> &'static str {
        match self {
            Flag::StricterReading => "stricter_reading",
            Flag::NoticeLate => "notice_late",
            Flag::NoticeBounced => "notice_bounced",
            Flag::NoticeHeld => "notice_held",
            Flag::BeforeInstall => "before_install",
            Flag::NoReason => "no_reason",
            Flag::NoOrderDate => "no_order_date",
        }
    }
}

/// The answer of the customer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answered {
    #[default]
    None,
    Wait,
    Cancel,
}

impl Answered {
    /// As in JSON.
    pub fn word(self) -> &'static str {
        match self {
            Answered::None => "none",
            Answered::Wait => "wait",
            Answered::Cancel => "cancel",
        }
    }
}

/// One line's deadlines; every key is there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Deadline {
    pub line_id: String,
    pub order_id: String,
    pub order_number: String,
    pub rules: RuleSet,
    /// T.
    pub promised_by: Option<Date>,
    /// R; `None`: unknown, or never told.
    pub revised_to: Option<Date>,
    /// Of the notice in force.
    pub stage: Stage,
    #[serde(serialize_with = "instant")]
    pub told_at: Option<Timestamp>,
    pub notification_id: Option<Uuid>,
    pub silence: Silence,
    pub answer: Answered,
    pub notice_due_by: Option<Date>,
    pub answer_due_by: Option<Date>,
    /// The same day as `answer_due_by`.
    pub cancels_after: Option<Date>,
    pub refund_due_by: Option<Date>,
    pub refund_reason: Option<Reason>,
    pub flags: Vec<Flag>,
}

impl Case<'_> {
    /// The line's row; `None`: it has no place in the list. An open line that was seen on backorder has one, and a line
    /// whose refund is due.
    pub fn deadline(&self) -> Option<Deadline> {
        let clock = &self.history.clock;
        let refund = self.refund();
        let listed = self.is_open() && self.backordered_on().is_some();
        if clock.rules == RuleSet::None || !listed && refund.is_none() {
            return None;
        }
        let in_force = self.position.and_then(|position| position.in_force);
        let notice = in_force.or_else(|| self.information());
        let cancels_after =
            self.position.and_then(|position| position.cancels_after).filter(|_| self.answer() != Answered::Cancel);
        Some(Deadline {
            line_id: self.line.line_id.clone(),
            order_id: self.line.order_id.clone(),
            order_number: self.line.order_number.clone(),
            rules: clock.rules,
            promised_by: clock.promised_by,
            revised_to: in_force.and_then(|notice| notice.revised_to),
            stage: notice.map_or(Stage::None, |notice| notice.stage),
            told_at: notice.map(|notice| notice.accepted_at),
            notification_id: notice.map(|notice| notice.id),
            silence: match (cancels_after, in_force) {
                (Some(_), _) => Silence::Cancels,
                (None, Some(notice)) if notice.silence == Silence::Consent => Silence::Consent,
                (None, _) => Silence::NoEffect,
            },
            answer: self.answer(),
            notice_due_by: self.owed().notice_due_by,
            answer_due_by: cancels_after,
            cancels_after,
            refund_due_by: refund.map(|refund| refund.due_by),
            refund_reason: refund.map(|refund| refund.reason),
            flags: self.flags(notice),
        })
    }

    /// The last accepted mail that gave the facts.
    fn information(&self) -> Option<&Notice> {
        self.history.notices.iter().rfind(|notice| notice.stage == Stage::Information)
    }

    /// Her standing answer; under `us-ftc` a wait answers one notice only.
    fn answer(&self) -> Answered {
        let of_another_notice = || self.position.is_some_and(|position| !position.consented);
        match self.history.standing_answer().map(|answer| answer.choice) {
            Some(Choice::Cancel) => Answered::Cancel,
            Some(Choice::Wait) if !of_another_notice() => Answered::Wait,
            Some(Choice::Wait) | None => Answered::None,
        }
    }

    /// Whether she has what `notice` said by a later mail, which did not come back.
    fn is_said_again(&self, notice: &Notice) -> bool {
        let same = |later: &&Notice| {
            later.accepted_at > notice.accepted_at
                && !later.bounced
                && (later.revised_to, later.cancels_after) == (notice.revised_to, notice.cancels_after)
        };
        self.history.notices.iter().any(|later| same(&later))
    }

    fn flags(&self, in_force: Option<&Notice>) -> Vec<Flag> {
        let clock = &self.history.clock;
        let position = self.position;
        let unnoticed = position.is_some_and(|position| position.in_force.is_none()) && !clock.before_install;
        let waited_late = || clock.promised_by.is_some_and(|day| self.backordered_on().is_some_and(|on| on > day));
        let late = self.history.notices.iter().any(|notice| notice.late) || unnoticed && waited_late();
        // Who agreed to wait without a day was told why, and is told no more.
        let unexplained = position.is_some() && self.waits() && !self.waits_indefinitely();
        let terms = self.terms();
        let no_reason = unexplained && terms.expected_by.is_none() && terms.reason.is_none();
        let raised = [
            (position.is_some_and(|position| position.stricter), Flag::StricterReading),
            (late, Flag::NoticeLate),
            (in_force.is_some_and(|notice| notice.bounced && !self.is_said_again(notice)), Flag::NoticeBounced),
            (self.history.held, Flag::NoticeHeld),
            (clock.before_install, Flag::BeforeInstall),
            (no_reason, Flag::NoReason),
            (clock.has_no_order_date(), Flag::NoOrderDate),
        ];
        raised.into_iter().filter(|(is_raised, _)| *is_raised).map(|(_, flag)| flag).collect()
    }
}

/// An instant as in every JSON output: in UTC, with microseconds.
#[expect(clippy::ref_option, reason = "serde calls it so")]
fn instant<S: Serializer>(at: &Option<Timestamp>, serializer: S) -> Result<S::Ok, S::Error> {
    at.map(|at| at.strftime("%Y-%m-%dT%H:%M:%S%.6fZ").to_string()).serialize(serializer)
}
