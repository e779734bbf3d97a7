//! What happened to one line: its clock, the notices that were accepted, and the answers.
//!
//! Read from the record; nothing is decided here. In-doubt notices are no part of it, as they do not count.

use jiff::{Timestamp, civil::Date};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::clock::Clock;
use super::terms::{Silence, Stage, Terms};
use crate::choice::{Answer, Choice};

/// Everything that happened to a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct History {
    pub clock: Clock,
    /// Accepted by the relay, or by the receiver of the webhook; oldest first.
    pub notices: Vec<Notice>,
    /// Oldest first.
    pub answers: Vec<Answer>,
    /// The day on which the line was first seen on backorder.
    pub backordered_on: Option<Date>,
    /// The last look that saw the line open; `None` while it is, and of a line that was never seen open.
    pub last_open_at: Option<Timestamp>,
    /// The first look that found pieces cancelled which had been open.
    pub cancelled_at: Option<Timestamp>,
    /// Whether staff said that the refund was made.
    pub refunded: bool,
    /// Whether an option notice of the line is held now.
    pub held: bool,
}

impl History {
    /// A line to which nothing has happened yet.
    pub fn new(clock: Clock) -> History {
        History {
            clock,
            notices: Vec::new(),
            answers: Vec::new(),
            backordered_on: None,
            last_open_at: None,
            cancelled_at: None,
            refunded: false,
            held: false,
        }
    }

    /// Her cancel, or one that staff took for her, that the shop has not refused.
    pub fn standing_cancel(&self) -> Option<&Answer> {
        self.answers.iter().find(|answer| answer.is_hers() && answer.choice == Choice::Cancel && !answer.refused)
    }

    /// The last answer of hers that the shop has not refused.
    pub fn standing_answer(&self) -> Option<&Answer> {
        self.standing_cancel().or_else(|| self.answers.iter().rfind(|answer| answer.is_hers() && !answer.refused))
    }

    /// What the notification `id` said, if it was accepted.
    pub fn notice(&self, id: Uuid) -> Option<&Notice> {
        self.notices.iter().find(|notice| notice.id == id)
    }

    /// The option notices that count, oldest first, each with its place among all notices.
    pub fn counting(&self) -> impl DoubleEndedIterator<Item = (usize, &Notice)> {
        self.notices.iter().enumerate().filter(|(_, notice)| notice.counts())
    }
}

/// A notification that was accepted, and what it said of the line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// The notification's.
    pub id: Uuid,
    pub accepted_at: Timestamp,
    pub stage: Stage,
    pub silence: Silence,
    /// R, as it was printed; `None`: unknown.
    pub revised_to: Option<Date>,
    /// As it was printed.
    pub cancels_after: Option<Date>,
    /// Accepted only after its last day was over; such a notice does not count.
    pub late: bool,
    pub bounced: bool,
}

impl Notice {
    /// What `terms` said, accepted at `accepted_at`.
    pub fn of(terms: &Terms, id: Uuid, accepted_at: Timestamp, late: bool) -> Notice {
        Notice {
            id,
            accepted_at,
            stage: terms.stage,
            silence: terms.silence,
            revised_to: terms.expected_by,
            cancels_after: terms.cancels_after,
            late,
            bounced: false,
        }
    }

    /// Whether it is an option notice that was in time. A bounced one was accepted, and counts; staff see it (US-19).
    pub fn counts(&self) -> bool {
        self.stage.is_option() && !self.late
    }
}
