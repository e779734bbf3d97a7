//! What the sample shop sells, who buys there, and the orders that it opens with.
//!
//! Two of the orders wait already, one in English and one in German, so that the inbox is not empty for long; the
//! camp stove of the page's first step is the last one on the shelf.

use jiff::{ToSpan, civil::Date};

/// A product as the shop opens with it.
pub(super) struct SampleProduct {
    pub sku: &'static str,
    pub name: &'static str,
    pub price_cents: i64,
    pub on_hand: i64,
    /// The supplier's next delivery, in days from the opening; `None`: nobody knows.
    pub expected_in: Option<i32>,
    pub delay_reason: Option<&'static str>,
    /// SKUs of what may serve instead, best first.
    pub alternatives: &'static [&'static str],
    /// Its drawing, for the page and for the mails.
    pub picture: &'static str,
}

impl SampleProduct {
    pub fn expected_on(&self, today: Date) -> Option<Date> {
        self.expected_in.map(|days| today.saturating_add(days.days()))
    }
}

pub(super) struct SampleCustomer {
    pub id: i64,
    pub name: &'static str,
    pub email: &'static str,
    pub locale: &'static str,
    pub country: &'static str,
}

/// An order by the id of its customer; a line is a SKU and a quantity.
pub(super) struct SampleOrder {
    pub customer: i64,
    pub lines: &'static [(&'static str, i64)],
}

macro_rules! picture {
    ($name:literal) => {
        include_str!(concat!("../../templates/demo/pictures/", $name, ".svg"))
    };
}

pub(super) const PRODUCTS: [SampleProduct; 8] = [
    SampleProduct {
        sku: "STV-200",
        name: "Camp stove, two burners",
        price_cents: 12_900,
        on_hand: 1,
        expected_in: Some(21),
        delay_reason: None,
        alternatives: &["BRN-090"],
        picture: picture!("camp-stove"),
    },
    SampleProduct {
        sku: "BRN-090",
        name: "Solo gas burner",
        price_cents: 4_400,
        on_hand: 9,
        expected_in: None,
        delay_reason: None,
        alternatives: &["STV-200"],
        picture: picture!("gas-burner"),
    },
    SampleProduct {
        sku: "TNT-320",
        name: "Ridge tent for two",
        price_cents: 28_900,
        on_hand: 0,
        expected_in: Some(16),
        delay_reason: None,
        alternatives: &["TNT-210"],
        picture: picture!("ridge-tent"),
    },
    SampleProduct {
        sku: "TNT-210",
        name: "Dome tent for two",
        price_cents: 24_900,
        on_hand: 3,
        expected_in: Some(30),
        delay_reason: None,
        alternatives: &["TNT-320"],
        picture: picture!("dome-tent"),
    },
    SampleProduct {
        sku: "BAG-700",
        name: "Down sleeping bag, −7 °C",
        price_cents: 21_900,
        on_hand: 0,
        expected_in: None,
        delay_reason: Some("The mill that weaves the shell fabric has not confirmed a date yet."),
        alternatives: &["PAD-055"],
        picture: picture!("sleeping-bag"),
    },
    SampleProduct {
        sku: "PAD-055",
        name: "Insulated sleeping mat",
        price_cents: 7_450,
        on_hand: 6,
        expected_in: Some(12),
        delay_reason: None,
        alternatives: &[],
        picture: picture!("sleeping-mat"),
    },
    SampleProduct {
        sku: "LAN-110",
        name: "Storm lantern",
        price_cents: 3_950,
        on_hand: 12,
        expected_in: Some(9),
        delay_reason: None,
        alternatives: &[],
        picture: picture!("lantern"),
    },
    SampleProduct {
        sku: "KTL-012",
        name: "Titanium kettle, 1.2 l",
        price_cents: 5_490,
        on_hand: 4,
        expected_in: Some(14),
        delay_reason: None,
        alternatives: &[],
        picture: picture!("kettle"),
    },
];

pub(super) const CUSTOMERS: [SampleCustomer; 4] = [
    SampleCustomer { id: 1, name: "Maya Torres", email: "maya.torres@example.com", locale: "en-US", country: "US" },
    SampleCustomer { id: 2, name: "Jonas Weber", email: "jonas.weber@example.org", locale: "de-DE", country: "DE" },
    SampleCustomer { id: 3, name: "Sam Okafor", email: "sam.okafor@example.com", locale: "en-US", country: "US" },
    SampleCustomer { id: 4, name: "Lena Brandt", email: "lena.brandt@example.org", locale: "de-DE", country: "DE" },
];

pub(super) const ORDERS: [SampleOrder; 3] = [
    SampleOrder { customer: 3, lines: &[("TNT-320", 1), ("LAN-110", 2)] },
    SampleOrder { customer: 1, lines: &[("KTL-012", 1)] },
    SampleOrder { customer: 2, lines: &[("BAG-700", 2)] },
];

/// The drawing of a product.
pub(super) fn picture(sku: &str) -> Option<&'static str> {
    PRODUCTS.iter().find(|product| product.sku == sku).map(|product| product.picture)
}
