//! The customer's answer: wait or cancel.
//!
//! In: what she chose on her page, or what her silence means. Out: an [`Answer`], recorded at once and carried to the
//! shop. Whether an answer is taken is a pure decision, in [`decide`]; how it gets to the shop is in [`carrier`].

pub mod carrier;
pub mod decide;
pub mod handover;
pub mod hook;
pub mod statement;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// What can be answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Choice {
    Wait,
    Cancel,
}

impl Choice {
    /// As links, forms, tables and hooks spell it.
    pub fn word(self) -> &'static str {
        match self {
            Choice::Wait => "wait",
            Choice::Cancel => "cancel",
        }
    }

    pub fn of_word(word: &str) -> Option<Choice> {
        [Choice::Wait, Choice::Cancel].into_iter().find(|choice| choice.word() == word)
    }
}

/// Who answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum By {
    Customer,
    /// Nobody: a notice had said what that would mean.
    Silence,
    /// For the customer, who told them.
    Staff,
}

impl By {
    pub fn word(self) -> &'static str {
        match self {
            By::Customer => "customer",
            By::Silence => "silence",
            By::Staff => "staff",
        }
    }

    pub fn of_word(word: &str) -> Option<By> {
        [By::Customer, By::Silence, By::Staff].into_iter().find(|by| by.word() == word)
    }
}

/// One answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    pub choice: Choice,
    pub at: Timestamp,
    pub by: By,
    /// The notification that it answers; `None`: the one last told.
    pub notice: Option<Uuid>,
    /// Refused by the shop: it no longer stands.
    pub refused: bool,
    /// The shop has taken it.
    pub taken: bool,
}

impl Answer {
    /// Whether the customer gave it, herself or through staff.
    pub fn is_hers(&self) -> bool {
        self.by != By::Silence
    }
}
