//! The shop, the line and the days of the worked vectors, for this module's tests.

use jiff::civil::{Date, time};
use jiff::{Timestamp, tz::TimeZone};
use uuid::Uuid;

use super::calendar::Calendar;
use super::case::Case;
use super::clock::Clock;
use super::history::History;
use super::terms::Terms;
use crate::choice::{Answer, By, Choice};
use crate::settings::rules::RuleSettings;
use crate::shop::line::{Line, Payment};

/// A shop in New York.
pub struct Shop {
    pub zone: TimeZone,
    pub rules: RuleSettings,
}

impl Shop {
    pub fn new() -> Shop {
        let rules = RuleSettings { reason: Some("the maker is late".into()), ..RuleSettings::default() };
        Shop { zone: TimeZone::get("America/New_York").unwrap(), rules }
    }

    pub fn calendar(&self) -> Calendar<'_> {
        Calendar { zone: &self.zone, rules: &self.rules }
    }
}

pub fn instant(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// A paid line to the United States, ordered on November 2, 2026, of which nothing is there.
pub fn backordered(expected_on: Option<Date>) -> Line {
    Line {
        shop_id: String::new(),
        line_id: "L1".into(),
        order_id: "O1".into(),
        order_number: "1001".into(),
        customer_email: Some("ada@example.com".into()),
        customer_name: None,
        locale: None,
        ship_to_country: Some("US".into()),
        product_key: "LAMP".into(),
        sku: None,
        product_name: "Lamp".into(),
        product_url: None,
        image_url: None,
        ordered_qty: 2.into(),
        shipped_qty: 0.into(),
        cancelled_qty: 0.into(),
        short_qty: 2.into(),
        unit_price: None,
        currency: None,
        ordered_at: Some(instant("2026-11-02T15:00:00-05:00")),
        promised_on: None,
        expected_on,
        delay_reason: None,
        payment: Payment::Paid,
        shipped_at: None,
        refunded_at: None,
        rules: None,
        updated_at: None,
    }
}

/// One line through time, at a shop that ships on the day on which the stock comes in.
pub struct Story {
    pub shop: Shop,
    pub line: Line,
    pub history: History,
    told: u128,
}

impl Story {
    /// The line of the vectors, on backorder without a day.
    pub fn new() -> Story {
        Story::of(backordered(None))
    }

    /// A line that is first seen when it was ordered.
    pub fn of(line: Line) -> Story {
        let mut shop = Shop::new();
        shop.rules.handling_days = 0;
        shop.rules.transit_days = 0;
        let ordered_at = instant("2026-11-02T15:00:00-05:00");
        let clock = Clock::start(&line, ordered_at, false, &shop.calendar());
        let backordered_on = Some(shop.calendar().day(ordered_at));
        Story { shop, line, history: History { backordered_on, ..History::new(clock) }, told: 0 }
    }

    /// The case at ten in the morning of a day.
    pub fn on(&self, day: Date) -> Case<'_> {
        self.at(self.instant(day, 10))
    }

    pub fn at(&self, now: Timestamp) -> Case<'_> {
        Case::new(&self.history, &self.line, now, self.shop.calendar())
    }

    pub fn instant(&self, day: Date, hour: i8) -> Timestamp {
        day.to_datetime(time(hour, 0, 0, 0)).to_zoned(self.shop.zone.clone()).unwrap().timestamp()
    }

    /// Tells what is to be told at ten of `day` when the stock is expected on `expected_on`.
    pub fn tell(&mut self, day: Date, expected_on: Option<Date>) -> Terms {
        self.line.expected_on = expected_on;
        let terms = self.on(day).terms();
        self.accept(self.instant(day, 10), &terms);
        terms
    }

    /// Records `terms` as accepted.
    pub fn accept(&mut self, at: Timestamp, terms: &Terms) {
        self.told += 1;
        let notice = self.at(at).accepted(Uuid::from_u128(self.told), terms);
        self.history.notices.push(notice);
    }

    /// Her answer to what she was told last, at three in the afternoon of `day`.
    pub fn answer(&mut self, day: Date, choice: Choice) {
        let answer =
            Answer { choice, at: self.instant(day, 15), by: By::Customer, notice: None, refused: false, taken: false };
        self.history.answers.push(answer);
    }
}
