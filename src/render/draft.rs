//! What one mail is to say: everything that rendering needs, so that it looks nothing up.

use jiff::{Timestamp, civil::Date, tz::TimeZone};
use rust_decimal::Decimal;

use crate::outbox::notification::Kind;
use crate::outbox::plan::Answered;
use crate::promise::terms::Terms;
use crate::shop::line::{RuleSet, Status};

/// The shop as its customers see it.
#[derive(Clone, Debug)]
pub struct ShopFace {
    pub name: String,
    pub url: String,
    pub support_email: String,
    pub postal_address: String,
    /// An `https` picture, if the shop set one.
    pub logo_url: Option<String>,
    /// `#rrggbb`.
    pub accent: String,
    /// The address that the mail comes from, as in `Acme Outdoor <orders@shop.example>`.
    pub mail_from: String,
    pub mail_reply_to: Option<String>,
    /// Where the customer's links begin, without a slash at the end.
    pub public_url: String,
}

/// Whether the printed date is one of shipping, of delivery, or simply the expected one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DateMeaning {
    Expected,
    Shipping,
    Delivery,
}

impl DateMeaning {
    /// What the law of these rules counts in.
    pub fn of(rules: RuleSet) -> DateMeaning {
        match rules {
            RuleSet::UsFtc => DateMeaning::Shipping,
            RuleSet::Uk | RuleSet::Eu => DateMeaning::Delivery,
            RuleSet::None => DateMeaning::Expected,
        }
    }
}

/// One line of the order, as the mail tells it.
#[derive(Clone, Debug)]
pub struct DraftLine {
    pub line_id: String,
    pub product_name: String,
    pub product_url: Option<String>,
    pub image_url: Option<String>,
    pub sku: Option<String>,
    /// `None`: the line is shown as unchanged, below the lines with news.
    pub news: Option<Kind>,
    /// The pieces that the news is about (of an unchanged line: the pieces still short).
    pub quantity: Decimal,
    pub open: Decimal,
    pub short: Decimal,
    pub status: Status,
    /// The day she was told before, of the same meaning as the one of the terms; `None`: she was told that it is
    /// unknown, or nothing.
    pub previously_expected_by: Option<Date>,
    /// Why it takes longer, if the shop says so of the line.
    pub reason: Option<String>,
    /// What the mail says of the law about this line: the day to be printed, whether wait and cancel are offered, and
    /// what silence means.
    pub terms: Terms,
    /// The answer that the mail acknowledges, or that the shop refused.
    pub answer: Option<Answered>,
    /// Of a line that silence cancelled: the last day on which she could have answered.
    pub silent_until: Option<Date>,
    /// In stock, best first; empty where the rule set shows none.
    pub alternatives: Vec<DraftAlternative>,
}

/// A product in stock that may serve instead.
#[derive(Clone, Debug)]
pub struct DraftAlternative {
    pub product_name: String,
    pub product_url: Option<String>,
    pub image_url: Option<String>,
    pub price: Option<Decimal>,
    pub currency: Option<String>,
}

/// Everything that one mail says.
#[derive(Clone, Debug)]
pub struct Draft {
    pub notification_id: uuid::Uuid,
    pub kind: Kind,
    pub shop: ShopFace,
    /// The customer's locale, BCP 47; words fall back to its language, then to English.
    pub locale: String,
    pub recipient_email: String,
    pub recipient_name: Option<String>,
    pub order_number: String,
    /// Lines with news first, then the unchanged waiting ones.
    pub lines: Vec<DraftLine>,
    /// `Date:` of the mail, fixed when it is first rendered.
    pub date: Timestamp,
    /// Today in the shop's zone: no earlier day is printed as still to come.
    pub today: Date,
    /// The shop's zone, in which hours are told.
    pub zone: TimeZone,
    /// The order's earlier `Message-ID`s with their angle brackets, oldest first, at most ten.
    pub references: Vec<String>,
    /// The live token of the order's links.
    pub token: String,
}
