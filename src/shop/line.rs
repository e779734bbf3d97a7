//! An order line as the shop's database shows it, in our words: the one shape every other module speaks of.
//!
//! In: one row of the `lines` feed, already parsed. Out: what is open, and the status derived from the quantities.
//! Quantities are decimals in the shop's own unit; dates are days in the shop's time zone; times are instants.

use jiff::{Timestamp, civil::Date};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

/// Where a line stands, derived from its quantities and never read from the shop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Open, and a part of it is covered by no stock on hand.
    Backordered,
    /// Open, and stock on hand covers all of it.
    Ready,
    /// Nothing is open and something was shipped.
    Shipped,
    /// Nothing is open and nothing was shipped.
    Cancelled,
}

/// How the line is paid; decides whether a refund can be due.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Payment {
    #[default]
    Paid,
    Credit,
    OnDelivery,
    Unpaid,
}

/// The law that a line stands under.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RuleSet {
    UsFtc,
    Uk,
    Eu,
    #[default]
    None,
}

impl RuleSet {
    /// As in settings and JSON.
    pub fn word(self) -> &'static str {
        match self {
            RuleSet::UsFtc => "us-ftc",
            RuleSet::Uk => "uk",
            RuleSet::Eu => "eu",
            RuleSet::None => "none",
        }
    }
}

/// One row of the `lines` feed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// Empty where the database holds one shop.
    pub shop_id: String,
    /// Stable and unique within the shop.
    pub line_id: String,
    pub order_id: String,
    /// What the customer calls the order.
    pub order_number: String,
    /// `None`: nobody can be told.
    pub customer_email: Option<String>,
    pub customer_name: Option<String>,
    /// BCP 47, as in `de-DE`.
    pub locale: Option<String>,
    /// ISO 3166-1 alpha-2, upper case.
    pub ship_to_country: Option<String>,
    pub product_key: String,
    pub sku: Option<String>,
    pub product_name: String,
    pub product_url: Option<String>,
    pub image_url: Option<String>,
    pub ordered_qty: Decimal,
    pub shipped_qty: Decimal,
    pub cancelled_qty: Decimal,
    /// The part of the open quantity that no stock on hand covers.
    pub short_qty: Decimal,
    /// Gross, in major units of `currency`.
    pub unit_price: Option<Decimal>,
    /// ISO 4217.
    pub currency: Option<String>,
    pub ordered_at: Option<Timestamp>,
    pub promised_on: Option<Date>,
    /// When the last missing piece is expected; `None`: unknown.
    pub expected_on: Option<Date>,
    pub delay_reason: Option<String>,
    pub payment: Payment,
    pub shipped_at: Option<Timestamp>,
    pub refunded_at: Option<Timestamp>,
    pub rules: Option<RuleSet>,
    /// A hint that makes polling cheaper; never part of a comparison.
    #[serde(skip)]
    pub updated_at: Option<Timestamp>,
}

impl Line {
    /// What was ordered and is neither shipped nor cancelled; never below zero.
    pub fn open(&self) -> Decimal {
        (self.ordered_qty - self.shipped_qty - self.cancelled_qty).max(Decimal::ZERO)
    }

    /// What was ordered and is not cancelled, shipped or not.
    pub fn wanted(&self) -> Decimal {
        self.ordered_qty - self.cancelled_qty
    }

    /// The missing part of what is open; zero once nothing is open.
    pub fn short(&self) -> Decimal {
        self.short_qty.min(self.open())
    }

    pub fn status(&self) -> Status {
        match (self.open() > Decimal::ZERO, self.short() > Decimal::ZERO) {
            (true, true) => Status::Backordered,
            (true, false) => Status::Ready,
            (false, _) if self.shipped_qty > Decimal::ZERO => Status::Shipped,
            (false, _) => Status::Cancelled,
        }
    }
}

impl Line {
    /// The line's quantities and date in words, for staff.
    pub fn summary(&self) -> String {
        let mut words = format!("{} ordered", self.ordered_qty.normalize());
        for (quantity, what) in [(self.shipped_qty, "shipped"), (self.cancelled_qty, "cancelled")] {
            if quantity > Decimal::ZERO {
                words += &format!(", {} {what}", quantity.normalize());
            }
        }
        words += &format!(", {} short", self.short().normalize());
        if self.short() > Decimal::ZERO {
            words += &self.expected_on.map_or(", no date known".into(), |day| format!(", expected {day}"));
        }
        words
    }
}
