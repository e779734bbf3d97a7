//! Drafts as they come up in a real shop, for previews and tests: a camping order with two or three lines.
//!
//! In: a kind, a locale, the shop and the time. Out: a draft. The products have German names for German locales and
//! English ones for all others.

use jiff::civil::Date;
use jiff::{Span, Timestamp};
use rust_decimal::Decimal;
use uuid::Uuid;

use super::draft::{DateMeaning, Draft, DraftAlternative, DraftLine, ShopFace};
use crate::outbox::notification::Kind;
use crate::promise::terms::Terms;
use crate::shop::line::Status;

/// Every kind that there are words for.
pub const KINDS: [Kind; 6] =
    [Kind::Backordered, Kind::DateChanged, Kind::Overdue, Kind::Restocked, Kind::Cancelled, Kind::StillWaiting];

/// The token of a link that leads nowhere.
const TOKEN: &str = "SampleSampleSampleSampleSampleSampleSampleSa";

/// The shop of the settings that `backorderd init` writes.
pub fn shop_face() -> ShopFace {
    ShopFace {
        name: "Acme Outdoor".into(),
        url: "https://shop.example".into(),
        support_email: "help@shop.example".into(),
        postal_address: "1 Main Street, Springfield".into(),
        logo_url: None,
        accent: "#0b6e4f".into(),
        mail_from: "Acme Outdoor <orders@shop.example>".into(),
        mail_reply_to: Some("help@shop.example".into()),
        public_url: "https://orders.shop.example".into(),
    }
}

/// One mail of this kind for a customer with this locale.
pub fn draft(kind: Kind, locale: &str, shop: ShopFace, now: Timestamp, today: Date) -> Draft {
    let names = if locale.starts_with("de") { &GERMAN } else { &ENGLISH };
    let day = |days: i64| today.saturating_add(Span::new().days(days));
    let stove = DraftLine {
        sku: Some("CS-200".into()),
        product_url: Some("https://shop.example/p/camp-stove".into()),
        image_url: Some("https://shop.example/images/camp-stove.jpg".into()),
        unit_price: Some(Decimal::new(6490, 2)),
        currency: Some(names.currency.into()),
        ..line("S00042-1", names.stove, 2, 2, day(79))
    };
    let bags = DraftLine { open: Decimal::from(3), ..line("S00042-2", names.bag, 2, 2, day(58)) };
    let lamp = line("S00042-3", names.lamp, 1, 1, day(24));
    let lines = match kind {
        Kind::Backordered | Kind::ReplyNeeded | Kind::ChoiceReceived | Kind::ChoiceRefused | Kind::FreshLink => vec![
            DraftLine {
                news: Some(kind),
                reason: Some(names.reason.into()),
                asks: true,
                alternatives: names.alternatives(),
                ..stove
            },
            DraftLine { news: Some(kind), date_meaning: DateMeaning::Shipping, ..bags },
            lamp,
        ],
        Kind::DateChanged => vec![
            DraftLine {
                news: Some(kind),
                previous_expected_on: Some(day(45)),
                reason: Some(names.reason.into()),
                asks: true,
                ..stove
            },
            DraftLine { news: Some(kind), previous_expected_on: Some(day(30)), expected_on: None, ..bags },
            lamp,
        ],
        Kind::Overdue => vec![
            DraftLine { news: Some(kind), previous_expected_on: Some(day(-1)), expected_on: None, asks: true, ..stove },
            lamp,
        ],
        Kind::Restocked => {
            let one_missing = DraftLine { short: Decimal::ONE, status: Status::Backordered, ..bags };
            let all_in = DraftLine { short: Decimal::ZERO, status: Status::Ready, ..stove };
            vec![DraftLine { news: Some(kind), ..all_in }, DraftLine { news: Some(kind), ..one_missing }, lamp]
        }
        Kind::Cancelled => {
            let closed = DraftLine { open: Decimal::ZERO, short: Decimal::ZERO, status: Status::Cancelled, ..stove };
            vec![DraftLine { news: Some(kind), reason: Some(names.discontinued.into()), ..closed }, lamp]
        }
        Kind::StillWaiting => {
            vec![DraftLine { news: Some(kind), ..stove }, DraftLine { news: Some(kind), expected_on: None, ..bags }]
        }
    };
    Draft {
        notification_id: sample_id(kind),
        kind,
        shop,
        locale: locale.into(),
        recipient_email: "ada@example.com".into(),
        recipient_name: Some("Ada Lovelace".into()),
        order_number: "S00042".into(),
        lines,
        date: now,
        today,
        references: Vec::new(),
        token: TOKEN.into(),
    }
}

/// The same for the same kind, so that previews can be compared.
fn sample_id(kind: Kind) -> Uuid {
    let index = Kind::ALL.iter().position(|other| *other == kind).unwrap_or_default();
    Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0000 + index as u128)
}

/// A line that waits, without news.
fn line(line_id: &str, name: &str, quantity: i64, open: i64, expected_on: Date) -> DraftLine {
    DraftLine {
        line_id: line_id.into(),
        product_name: name.into(),
        product_url: None,
        image_url: None,
        sku: None,
        news: None,
        quantity: quantity.into(),
        open: open.into(),
        short: quantity.into(),
        status: Status::Backordered,
        expected_on: Some(expected_on),
        previous_expected_on: None,
        reason: None,
        unit_price: None,
        currency: None,
        date_meaning: DateMeaning::Expected,
        terms: Terms::default(),
        answer: None,
        asks: false,
        alternatives: Vec::new(),
    }
}

struct Names {
    stove: &'static str,
    bag: &'static str,
    lamp: &'static str,
    reason: &'static str,
    discontinued: &'static str,
    first_alternative: &'static str,
    second_alternative: &'static str,
    currency: &'static str,
}

const ENGLISH: Names = Names {
    stove: "Camp stove",
    bag: "Sleeping bag Aurora, left zip",
    lamp: "Head lamp 400",
    reason: "The supplier's container is delayed at sea.",
    discontinued: "The maker no longer builds this model.",
    first_alternative: "Camp stove, two burners",
    second_alternative: "Alcohol stove Trek",
    currency: "USD",
};

const GERMAN: Names = Names {
    stove: "Campingkocher",
    bag: "Schlafsack Aurora, Reißverschluss links",
    lamp: "Stirnlampe 400",
    reason: "Der Container des Lieferanten verspätet sich auf See.",
    discontinued: "Der Hersteller baut dieses Modell nicht mehr.",
    first_alternative: "Campingkocher, zweiflammig",
    second_alternative: "Spirituskocher Trek",
    currency: "EUR",
};

impl Names {
    fn alternatives(&self) -> Vec<DraftAlternative> {
        let alternative = |name: &str, page: &str, cents| DraftAlternative {
            product_name: name.into(),
            product_url: Some(format!("https://shop.example/p/{page}")),
            image_url: Some(format!("https://shop.example/images/{page}.jpg")),
            price: Some(Decimal::new(cents, 2)),
            currency: Some(self.currency.into()),
        };
        vec![
            alternative(self.first_alternative, "camp-stove-two", 8990),
            alternative(self.second_alternative, "alcohol-stove", 2450),
        ]
    }
}
