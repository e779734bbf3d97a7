//! What the shop's database says of products, apart from the order lines: stock, alternatives, expected dates.
//!
//! In: rows of the `stock`, `alternatives` and `expected` feeds, already parsed. Out: the shapes that other modules
//! speak of.

use jiff::civil::Date;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

/// One row of the `stock` feed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stock {
    pub product_key: String,
    pub sku: Option<String>,
    pub product_name: Option<String>,
    pub product_url: Option<String>,
    pub image_url: Option<String>,
    /// Gross, in major units of `currency`.
    pub price: Option<Decimal>,
    /// ISO 4217.
    pub currency: Option<String>,
    /// Free to promise; negative where more was promised than there is.
    pub available: Decimal,
    pub expected_on: Option<Date>,
}

/// One row of the `alternatives` feed: what may be offered instead of a product.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alternative {
    pub product_key: String,
    pub alternative_key: String,
    /// The lower, the sooner it is offered; `None` comes last.
    pub rank: Option<Decimal>,
}

/// One row of the `expected` feed: when a product comes in, for lines that do not know it themselves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Expected {
    pub product_key: String,
    /// `None`: nobody knows.
    pub expected_on: Option<Date>,
    /// Shown to the customer.
    pub reason: Option<String>,
}
