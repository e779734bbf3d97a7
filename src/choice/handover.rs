//! How an answer is carried to the shop: what goes out, and what the shop's side may say to it.
//!
//! In and out: values. The shop's own statements are in `statement`, the hook in `hook`; which answer is due, and what
//! becomes of it, is in `store::handover`.

use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;
use uuid::Uuid;

use super::{By, Choice};

/// An answer on its way to the shop. A hand-over may be repeated; `id` is the same each time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outgoing {
    pub id: Uuid,
    pub shop_id: String,
    pub order_id: String,
    pub order_number: String,
    pub line_id: String,
    pub choice: Choice,
    /// The pieces that it is about: all that were open.
    pub quantity: Decimal,
    pub chosen_at: Timestamp,
    pub by: By,
    /// The notice that it answers; `None`: she was told of the line by none.
    pub notification_id: Option<Uuid>,
    pub customer_email: String,
}

/// A way on which an answer is carried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Through {
    /// The shop's own statement, in `[choices.sql]`.
    Statement,
    Hook,
}

impl Through {
    /// For staff.
    pub fn words(self) -> &'static str {
        match self {
            Through::Statement => "the statement",
            Through::Hook => "the hook",
        }
    }
}

/// What the shop's side says to an answer, by one way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    Taken,
    /// The statement ran and changed no row: not refused, and not confirmed either.
    Untouched,
    /// The shop will not do it, and says why.
    Refused {
        reason: String,
    },
    /// Nobody knows, or nobody was there: it is tried again, not before `wait` if the shop asked for that.
    Failed {
        problem: String,
        wait: Option<SignedDuration>,
    },
}
