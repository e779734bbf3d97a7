//! The list itself: which lines are in it, in which order, and how scripts and people read it.

use serde_json::json;

use super::{Order, SHIPS_AT_ONCE, empty, rows};
use crate::support::app::TestApp;
use crate::support::state::ENGINES;

const KEYS: [&str; 17] = [
    "line_id",
    "order_id",
    "order_number",
    "rules",
    "promised_by",
    "revised_to",
    "stage",
    "told_at",
    "notification_id",
    "silence",
    "answer",
    "notice_due_by",
    "answer_due_by",
    "cancels_after",
    "refund_due_by",
    "refund_reason",
    "flags",
];

/// The lines of the list as it is printed.
async fn listed(app: &TestApp, more: &[&str]) -> Vec<String> {
    let rows = rows(app, more).await;
    rows.iter().map(|row| row["line_id"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn there_is_one_object_for_every_open_line_under_rules_and_every_refund_and_for_no_other() {
    const CASES: [(&str, &str, &str, bool); 13] = [
        ("us-waits", "US", "", true),
        ("de-waits", "DE", "", true),
        ("gb-waits", "GB", "", true),
        ("ch-waits", "CH", "", false),
        ("nowhere-waits", "", "", false),
        ("us-came-in", "US", "short_qty = 0", true),
        ("us-partly-shipped", "US", "shipped_qty = 1, short_qty = 1", true),
        ("us-shipped", "US", "shipped_qty = 2, short_qty = 0", false),
        ("us-cancelled", "US", "cancelled_qty = 2, short_qty = 0", true),
        ("us-cancelled-unpaid", "US", "payment = 'unpaid', cancelled_qty = 2, short_qty = 0", false),
        ("us-refunded", "US", "cancelled_qty = 2, short_qty = 0, refunded_at = '2026-11-25T10:00:00Z'", false),
        ("de-cancelled", "DE", "cancelled_qty = 2, short_qty = 0", true),
        ("us-vanished", "US", "gone", false),
    ];
    for engine in ENGINES {
        let site = empty(engine, SHIPS_AT_ONCE).await;
        site.shop.line("us-never-short").short(0).put().await;
        site.shop.set("us-never-short", "ship_to_country = 'US'").await;
        for (line_id, country, _, _) in CASES {
            site.shop.line(line_id).order(line_id).expected(Some("2026-11-30")).put().await;
            site.shop.set(line_id, &format!("ship_to_country = nullif('{country}', '')")).await;
        }
        site.tick_all().await;
        for (line_id, _, then, _) in CASES {
            match then {
                "" => {}
                "gone" => site.shop.delete(line_id).await,
                then => site.shop.set(line_id, then).await,
            }
        }
        site.advance("1d");
        site.tick_all().await;
        let mut found = listed(&site, &[]).await;
        found.sort_unstable();
        let mut expected: Vec<_> = CASES.iter().filter(|case| case.3).map(|case| case.0).collect();
        expected.sort_unstable();
        assert_eq!(found, expected);
    }
}

#[tokio::test]
async fn a_script_finds_the_agreed_keys_in_their_order() {
    for order in Order::on_each_engine() {
        let order = order.await;
        order.waits("2026-11-23", Some("2027-01-15")).await;
        let printed = order.run(&["deadlines", "--json"]).await.good();
        let line = printed.words().lines().next().unwrap();
        let mut keys: Vec<String> = order.row().await.as_object().unwrap().keys().cloned().collect();
        keys.sort_by_key(|key| line.find(&format!("\"{key}\":")).unwrap());
        assert_eq!(keys, KEYS);
        let told_at = order.row().await["told_at"].as_str().unwrap().to_owned();
        assert!(told_at.len() == "2026-11-23T15:00:30.000000Z".len() && told_at.ends_with('Z'), "{told_at}");
    }
}

#[tokio::test]
async fn many_lines_are_listed_once_each_and_the_soonest_first() {
    const MANY: usize = 1_203;
    for engine in ENGINES {
        let site = empty(engine, &[SHIPS_AT_ONCE, &[("delivery.max_per_sweep", "1")]].concat()).await;
        let inserts: String = (0..MANY)
            .map(|number| {
                let (month, day) = (1 + number % 12, 1 + number % 28);
                format!(
                    "insert into order_lines (line_id, order_id, product_key, product_name, ordered_qty, short_qty, \
                     ship_to_country, promised_on) values ('L{number}', 'O{}', 'P', 'Lamp', '1', '1', 'US', \
                     '2027-{month:02}-{day:02}');",
                    number % 100
                )
            })
            .collect();
        site.shop.run(&format!("begin; {inserts} commit;")).await;
        site.sweep().await;
        let rows = rows(&site, &[]).await;
        assert_eq!(rows.len(), MANY);
        let days: Vec<&str> = rows.iter().map(|row| row["notice_due_by"].as_str().unwrap()).collect();
        assert!(days.is_sorted(), "{days:?}");
        let ids: std::collections::BTreeSet<_> = rows.iter().map(|row| row["line_id"].to_string()).collect();
        assert_eq!(ids.len(), MANY);
    }
}

#[tokio::test]
async fn a_line_of_each_shop_has_a_row_of_its_own_and_can_be_asked_for() {
    let shops = [SHIPS_AT_ONCE, &[("shops.BERLIN.time_zone", "Europe/Berlin"), ("shops.BOSTON.name", "Acme Boston")]];
    for engine in ENGINES {
        let site = empty(engine, &shops.concat()).await;
        for shop in ["BERLIN", "BOSTON"] {
            let row = format!(
                "insert into order_lines (line_id, order_id, customer_email, product_key, product_name, ordered_qty, \
                 short_qty, ship_to_country, promised_on, shop_id, expected_on) values ('1', '7', 'ada@example.com', \
                 'P', 'Lamp', '1', '1', 'US', '2026-12-01', '{shop}', '2026-12-20')"
            );
            site.shop.run(&row).await;
        }
        site.tick_all().await;
        assert_eq!(listed(&site, &[]).await, ["1", "1"]);
        assert_eq!(listed(&site, &["--shop", "BERLIN"]).await, ["1"]);
        assert_eq!(listed(&site, &["--shop", "nowhere"]).await, [""; 0]);
        // Half past six in the evening in New York is midnight in Berlin.
        site.advance_to("2026-12-20T18:30");
        site.sweep().await;
        let due = |rows: Vec<serde_json::Value>| rows[0]["refund_due_by"].clone();
        assert_eq!(due(rows(&site, &["--shop", "BERLIN"]).await), json!("2026-12-31"));
        assert_eq!(due(rows(&site, &["--shop", "BOSTON"]).await), json!(null));
        let ambiguous = site.run(&["refunded", "1"]).await;
        assert!(ambiguous.failed(1).contains("BERLIN, BOSTON"), "{}", ambiguous.stderr);
        let tasks = site.run(&["tasks"]).await.good();
        assert!(tasks.words().contains("backorderd refunded 1 --shop BERLIN"), "{}", tasks.words());
        site.run(&["refunded", "1", "--shop", "BERLIN"]).await.good();
        assert_eq!(due(rows(&site, &["--shop", "BERLIN"]).await), json!(null));
    }
}

#[tokio::test]
async fn people_read_what_is_due_first_and_why() {
    for order in Order::on_each_engine() {
        let order = order.await;
        order.waits("2026-11-23", Some("2027-01-15")).await;
        let table = order.run(&["deadlines"]).await.good();
        let row = table.words().lines().nth(1).unwrap();
        for words in
            ["2027-01-01", "answer, or silence cancels", "S1", "A1", "us-ftc, 2026-12-02", "first_long, 2027-01-15"]
        {
            assert!(row.contains(words), "{words}: {row}");
        }
        order.looks_at("2027-01-02T00:01").await;
        let table = order.run(&["deadlines"]).await.good();
        let row = table.words().lines().nth(1).unwrap();
        assert!(row.trim_start().starts_with("2027-01-12  refund: silence cancelled"), "{row}");
    }
}
