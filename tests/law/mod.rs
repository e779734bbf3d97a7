//! The delay rules from the outside: a shop in SQLite, real mails and pages, and `deadlines` as a script reads it, with
//! the state on SQLite and on PostgreSQL.
//!
//! The order of the worked vectors came in on November 2, 2026 and nothing was stated, so that T is December 2. The shop
//! ships on the day on which the stock comes in, so that the day expected is E.

mod calendar;
mod deadlines;
mod europe;
mod flags;
mod proof;
mod staff;
mod vectors;

use std::ops::Deref;

use serde_json::{Value, json};

use crate::choice::Site;
use crate::support::app::{Differing, TestApp};
use crate::support::state::{ENGINES, Engine};
use crate::support::ways::{ScriptedWay, statement};

/// A shop that ships at once, gives a reason, sends no "still waiting", and has statements for answers.
const SHIPS_AT_ONCE: Differing<'static> = &[
    ("rules.handling_days", "0"),
    ("rules.transit_days", "0"),
    ("rules.reason", "the maker is late"),
    ("updates.every", "0"),
    ("choices.sql.cancel", "update a"),
    ("choices.sql.wait", "update b"),
];

/// When the order came in, in UTC.
const ORDERED_AT: &str = "2026-11-02T15:00:00-05:00";

/// An order of one line, `A1`, and the installation that watches it.
struct Order {
    site: Site,
}

impl Deref for Order {
    type Target = Site;

    fn deref(&self) -> &Site {
        &self.site
    }
}

impl Order {
    /// One after the other, of a line that ships to `country` and of which nothing is missing.
    fn on_each_engine_to(country: &str) -> [impl Future<Output = Order>; 2] {
        ENGINES.map(|engine| Order::taken(engine, country, SHIPS_AT_ONCE))
    }

    fn on_each_engine() -> [impl Future<Output = Order>; 2] {
        Order::on_each_engine_to("US")
    }

    async fn taken(engine: Engine, country: &str, differing: Differing<'_>) -> Order {
        let site = empty(engine, differing).await;
        site.shop.line("A1").short(0).expected(None).put().await;
        site.shop.set("A1", &format!("ship_to_country = '{country}', ordered_at = '{ORDERED_AT}'")).await;
        site.settle().await;
        Order { site }
    }

    /// At ten in the morning of `day` it is found that the line waits, until `expected` or nobody knows when; all that
    /// is due then is told.
    async fn waits(&self, day: &str, expected: Option<&str>) {
        self.advance_to(&format!("{day}T10:00"));
        let expected = expected.map_or("null".to_owned(), |day| format!("'{day}'"));
        self.shop.set("A1", &format!("short_qty = 2, expected_on = {expected}")).await;
        self.tick_all().await;
    }

    /// Sweeps and delivers at this time in the shop.
    async fn looks_at(&self, local: &str) {
        self.advance_to(local);
        self.tick_all().await;
    }

    /// The shop takes every answer that is to be handed over; returns them as `choice line by`.
    async fn hands_over(&self) -> Vec<String> {
        let way = ScriptedWay::says([]);
        self.hand_over(&statement(&way)).await;
        way.heard()
    }

    /// The one row of the list.
    async fn row(&self) -> Value {
        let mut rows = rows(self, &[]).await;
        assert_eq!(rows.len(), 1, "{rows:?}");
        rows.remove(0)
    }

    /// What a row says of the notification that the relay took as the `number`th.
    async fn told_by(&self, number: usize) -> Value {
        let mut sent: Vec<_> = self.entries().await.into_iter().filter(|entry| entry.sent_at.is_some()).collect();
        sent.sort_by_key(|entry| entry.sent_at);
        let (id, at) = (sent[number - 1].id, sent[number - 1].sent_at.unwrap());
        json!({ "notification_id": id, "told_at": at.strftime("%Y-%m-%dT%H:%M:%S%.6fZ").to_string() })
    }

    /// The newest mail says all this.
    #[track_caller]
    fn says(&self, sentences: &[&str]) {
        let words = words(&self.last_mail().text);
        for sentence in sentences {
            assert!(words.contains(sentence), "\"{sentence}\" is missing: {words}");
        }
    }

    /// No mail says any of this.
    #[track_caller]
    fn never_said(&self, sentences: &[&str]) {
        for mail in self.mails() {
            let words = words(&mail.text);
            for sentence in sentences {
                assert!(!words.contains(sentence), "\"{sentence}\" was said: {words}");
            }
        }
    }
}

/// An installation whose first sweep saw an empty shop, when the order of the vectors came in.
async fn empty(engine: Engine, differing: Differing<'_>) -> Site {
    let app = TestApp::untouched(engine, differing).await;
    let ordered_at: jiff::Timestamp = ORDERED_AT.parse().unwrap();
    app.clock.advance(ordered_at.duration_since(app.now()));
    app.sweep().await;
    Site::of(app).await
}

/// What `deadlines --json` prints.
async fn rows(app: &TestApp, more: &[&str]) -> Vec<Value> {
    app.run(&[&["deadlines", "--json"], more].concat()).await.good().objects()
}

/// The row of line `A1` before anything was told of it, with what differs.
fn row<const COUNT: usize>(differing: [Value; COUNT]) -> Value {
    let mut row = json!({
        "line_id": "A1", "order_id": "S1", "order_number": "S1", "rules": "us-ftc",
        "promised_by": "2026-12-02", "revised_to": null, "stage": "none", "told_at": null, "notification_id": null,
        "silence": "no_effect", "answer": "none", "notice_due_by": null, "answer_due_by": null,
        "cancels_after": null, "refund_due_by": null, "refund_reason": null, "flags": [],
    });
    for (key, value) in differing.iter().flat_map(|some| some.as_object().unwrap()) {
        assert!(row.get(key).is_some(), "no row has {key}");
        row[key] = value.clone();
    }
    row
}

/// `text` without its line breaks.
fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
