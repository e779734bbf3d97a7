//! What of a line a customer can be told, and what she was told of it.

use jiff::{Timestamp, civil::Date};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::shop::line::{Line, Status};

/// The tellable part of a line on one day. Two lines with equal standings are the same to a customer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    pub status: Status,
    pub ordered: Decimal,
    pub cancelled: Decimal,
    pub open: Decimal,
    pub short: Decimal,
    /// `None`: unknown. A date that passed while pieces are short counts as unknown from the next day.
    pub expected_on: Option<Date>,
}

impl Standing {
    /// How `line` stands on the day `today` of its shop.
    pub fn of(line: &Line, today: Date) -> Standing {
        let status = line.status();
        Standing {
            status,
            ordered: line.ordered_qty.normalize(),
            cancelled: line.cancelled_qty.normalize(),
            open: line.open().normalize(),
            short: line.short().normalize(),
            expected_on: line.expected_on.filter(|day| status == Status::Backordered && *day >= today),
        }
    }

    /// The same with everything that was open cancelled.
    #[must_use]
    pub fn cancelled(self) -> Standing {
        let (open, zero) = (self.open, Decimal::ZERO);
        let shipped = self.ordered - self.cancelled - open > zero;
        let status = if shipped { Status::Shipped } else { Status::Cancelled };
        Standing { status, cancelled: self.cancelled + open, open: zero, short: zero, expected_on: None, ..self }
    }

    /// The pieces that are not missing: shipped, or covered by stock on hand.
    pub fn covered(&self) -> Decimal {
        self.ordered - self.cancelled - self.short
    }
}

/// What a customer was last told of a line: by an accepted or in-doubt notification, or by the baseline.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    pub standing: Standing,
    pub at: Timestamp,
    /// Whether she was ever told that the line waits; without it nothing "comes in" and nothing "was cancelled".
    pub waited: bool,
}
