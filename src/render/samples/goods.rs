//! What the customer of the samples has ordered: a camp stove, sleeping bags and a head lamp.
//!
//! In: a locale. Out: lines that wait, without news, and products that may serve instead. The products have German names
//! for German locales and English ones for all others.

use rust_decimal::Decimal;

use crate::promise::terms::Terms;
use crate::render::draft::{DraftAlternative, DraftLine};
use crate::shop::line::Status;

/// The names for this locale.
pub fn names(locale: &str) -> &'static Names {
    if locale.starts_with("de") { &GERMAN } else { &ENGLISH }
}

pub fn stove(names: &Names, terms: Terms) -> DraftLine {
    DraftLine {
        sku: Some("CS-200".into()),
        product_url: Some("https://shop.example/p/camp-stove".into()),
        image_url: Some("https://shop.example/images/camp-stove.jpg".into()),
        ..line("S00042-1", names.stove, 2, 2, terms)
    }
}

/// Two of three wait.
pub fn bags(names: &Names, terms: Terms) -> DraftLine {
    line("S00042-2", names.bag, 2, 3, terms)
}

pub fn lamp(names: &Names, terms: Terms) -> DraftLine {
    line("S00042-3", names.lamp, 1, 1, terms)
}

/// A line that waits, without news.
fn line(line_id: &str, name: &str, quantity: i64, open: i64, terms: Terms) -> DraftLine {
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
        previously_expected_by: None,
        reason: None,
        terms,
        answer: None,
        silent_until: None,
        alternatives: Vec::new(),
    }
}

pub struct Names {
    pub stove: &'static str,
    pub bag: &'static str,
    pub lamp: &'static str,
    pub reason: &'static str,
    /// Why it is not known when it comes.
    pub unknown_because: &'static str,
    pub refused_because: &'static str,
    first_alternative: &'static str,
    second_alternative: &'static str,
    currency: &'static str,
}

const ENGLISH: Names = Names {
    stove: "Camp stove",
    bag: "Sleeping bag Aurora, left zip",
    lamp: "Head lamp 400",
    reason: "The supplier's container is delayed at sea.",
    unknown_because: "The maker has stopped deliveries and names no date.",
    refused_because: "The parcel was already packed.",
    first_alternative: "Camp stove, two burners",
    second_alternative: "Alcohol stove Trek",
    currency: "USD",
};

const GERMAN: Names = Names {
    stove: "Campingkocher",
    bag: "Schlafsack Aurora, Reißverschluss links",
    lamp: "Stirnlampe 400",
    reason: "Der Container des Lieferanten verspätet sich auf See.",
    unknown_because: "Der Hersteller liefert derzeit nicht und nennt keinen Termin.",
    refused_because: "Das Paket war schon gepackt.",
    first_alternative: "Campingkocher, zweiflammig",
    second_alternative: "Spirituskocher Trek",
    currency: "EUR",
};

impl Names {
    pub fn alternatives(&self) -> Vec<DraftAlternative> {
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
