//! The European Union, the United Kingdom, and where no rules hold: silence never does anything.

use serde_json::json;

use super::{Order, SHIPS_AT_ONCE, row, rows};
use crate::support::state::ENGINES;

/// What only the rules of the United States let a mail say, in both languages.
const US_ONLY: [&str; 10] = [
    "you agree",
    "cancelled automatically",
    "prompt refund",
    "If you do not answer by",
    "ships on or before",
    "einverstanden",
    "automatisch",
    "umgehend",
    "Wenn Sie bis zum",
    "We had no answer from you",
];

#[tokio::test]
async fn eu_5_silence_changes_nothing_however_long_and_however_often_the_date_moves() {
    for (country, rules) in [("DE", "eu"), ("GB", "uk")] {
        for locale in ["en-US", "de-DE"] {
            for order in Order::on_each_engine_to(country) {
                let order = order.await;
                order.shop.set("A1", &format!("locale = '{locale}'")).await;
                order.waits("2026-11-23", Some("2027-03-01")).await;
                let told = order.told_by(1).await;
                let information = json!({ "rules": rules, "stage": "information" });
                assert_eq!(order.row().await, row([told, information]));
                let asks = ["Would you rather wait for it, or cancel it?", "Möchten Sie"];
                order.says(&[asks[usize::from(locale == "de-DE")]]);
                for (day, expected) in [("2026-12-03", None), ("2027-01-04", Some("2027-04-01")), ("2027-04-02", None)]
                {
                    order.waits(day, expected).await;
                }
                order.looks_at("2027-12-01T10:00").await;
                assert_eq!(order.answers().await, [""; 0]);
                assert_eq!(order.tasks().await, [""; 0]);
                let kinds = order.kinds();
                assert!(kinds.len() >= 4, "{kinds:?}");
                assert!(kinds.iter().all(|kind| kind != "reply_needed" && kind != "cancelled"), "{kinds:?}");
                order.never_said(&US_ONLY);
                let row = order.row().await;
                assert_eq!((&row["stage"], &row["silence"]), (&json!("information"), &json!("no_effect")));
                let nothing = ["revised_to", "notice_due_by", "answer_due_by", "cancels_after", "refund_due_by"];
                assert!(nothing.iter().all(|key| row[*key].is_null()), "{row}");
            }
        }
    }
}

#[tokio::test]
async fn eu_2_a_mail_names_the_day_of_delivery_and_that_what_was_agreed_stays_agreed() {
    for country in ["FR", "GB"] {
        for engine in ENGINES {
            let order = Order::taken(engine, country, &[]).await;
            order.waits("2026-11-23", Some("2026-12-10")).await;
            order.says(&[
                "December 15, 2026",
                "your rights from the delivery date of December 2, 2026 stay as they are",
            ]);
        }
    }
}

#[tokio::test]
async fn eu_4_and_eu_6_she_cancels_by_link_page_and_confirmation_and_gets_her_money_within_fourteen_days() {
    for (country, rules) in [("DE", "eu"), ("GB", "uk")] {
        for order in Order::on_each_engine_to(country) {
            let order = order.await;
            order.waits("2026-11-23", Some("2027-03-01")).await;
            let told = order.told_by(1).await;
            let page = format!("{}?line=A1&want=cancel", order.page());
            let confirm = order.http.get(&page).await;
            assert!(confirm.words().contains("Cancel this item?"), "{}", confirm.words());
            assert_eq!(order.answers().await, [""; 0], "looking changes nothing");
            order.answer("A1", "cancel").await;
            order.advance("1m");
            order.deliver().await;
            assert_eq!(order.kinds(), ["backordered", "choice_received"]);
            order.says(&["November 23, 2026 at 10:00 AM EST", "Lamp A1"]);
            let due = json!({ "rules": rules, "stage": "information", "answer": "cancel",
                "refund_due_by": "2026-12-07", "refund_reason": "answer" });
            assert_eq!(order.row().await, row([told, due]));
            order.run(&["refunded", "A1"]).await.good();
            assert_eq!(order.row().await["refund_due_by"], json!(null));
        }
    }
}

#[tokio::test]
async fn eu_4_what_the_shop_cancels_is_due_within_fourteen_days() {
    for order in Order::on_each_engine_to("DE") {
        let order = order.await;
        order.waits("2026-11-23", Some("2027-03-01")).await;
        order.shop.set("A1", "cancelled_qty = 2, short_qty = 0").await;
        order.looks_at("2026-11-25T10:00").await;
        let row = order.row().await;
        assert_eq!((&row["refund_reason"], &row["refund_due_by"]), (&json!("shop_cancelled"), &json!("2026-12-09")));
        order.shop.set("A1", "refunded_at = '2026-11-26T10:00:00-05:00'").await;
        order.looks_at("2026-11-26T12:00").await;
        assert_eq!(rows(&order, &[]).await, [""; 0], "the feed says that it was made");
    }
}

#[tokio::test]
async fn m_3_alternatives_are_off_in_europe_and_the_united_kingdom_unless_the_shop_turns_them_on() {
    let everywhere = [SHIPS_AT_ONCE, &[("rules.alternatives", r#"["us-ftc", "none", "eu", "uk"]"#)]].concat();
    let cases = [("US", SHIPS_AT_ONCE, true), ("DE", SHIPS_AT_ONCE, false), ("GB", SHIPS_AT_ONCE, false)];
    for (country, differing, offered) in
        [&cases[..], &[("DE", &*everywhere, true), ("GB", &*everywhere, true)]].concat()
    {
        for engine in ENGINES {
            let order = Order::taken(engine, country, differing).await;
            order.shop.run("insert into stock values ('P-X', 'Lantern', '5')").await;
            order.shop.run("insert into alternatives values ('P-A1', 'P-X', 1)").await;
            order.waits("2026-11-23", Some("2026-12-20")).await;
            assert_eq!(order.last_mail().text.contains("Lantern"), offered, "{country}");
            assert!(!order.last_mail().subject.contains("Lantern"), "M-1");
        }
    }
}

#[tokio::test]
async fn under_none_she_is_told_and_asked_and_no_row_is_listed() {
    for order in Order::on_each_engine_to("CH") {
        let order = order.await;
        order.waits("2026-11-23", Some("2026-12-20")).await;
        order.says(&["Would you rather wait for it, or cancel it?", "If you do not answer, nothing changes"]);
        order.never_said(&US_ONLY);
        order.answer("A1", "cancel").await;
        order.looks_at("2027-06-01T10:00").await;
        assert_eq!(rows(&order, &[]).await, [""; 0]);
        let table = order.run(&["deadlines"]).await.good();
        assert_eq!(table.words(), "");
        assert!(table.stderr.contains("no line that waits stands under delay rules, and no refund is due\n"));
    }
}
