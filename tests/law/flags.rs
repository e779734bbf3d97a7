//! What a person should look at: each flag of the list, where it comes from, and what it stands for.

use serde_json::json;

use super::{Order, SHIPS_AT_ONCE, row, rows};
use crate::support::app::TestApp;
use crate::support::state::ENGINES;

/// A shop that says no reason.
const UNEXPLAINED: &[(&str, &str)] =
    &[("rules.handling_days", "0"), ("rules.transit_days", "0"), ("updates.every", "0")];

#[tokio::test]
async fn what_waited_at_the_baseline_with_its_promise_past_is_before_install_and_never_a_refund() {
    for app in TestApp::untouched_on_each_engine(SHIPS_AT_ONCE) {
        let app = app.await;
        for (line_id, order, promised_on) in [("A1", "S1", "2027-01-11"), ("A2", "S2", "2027-01-20")] {
            app.shop.line(line_id).order(order).expected(Some("2027-03-01")).put().await;
            app.shop.set(line_id, &format!("ship_to_country = 'US', promised_on = '{promised_on}'")).await;
        }
        app.tick_all().await;
        let past = row([json!({ "promised_by": "2027-01-11", "flags": ["before_install"] })]);
        let ahead = json!({ "line_id": "A2", "order_id": "S2", "order_number": "S2", "promised_by": "2027-01-20", "notice_due_by": "2027-01-20" });
        assert_eq!(rows(&app, &[]).await, [row([ahead]), past.clone()], "the soonest first, what has no day last");
        app.advance_to("2027-01-20T12:00");
        app.tick_all().await;
        assert_eq!(app.kinds(), ["overdue"], "a deadline ahead gets its notice in time");
        app.advance_to("2027-03-01T10:00");
        app.tick_all().await;
        assert!(rows(&app, &[]).await.contains(&past), "{:?}", rows(&app, &[]).await);
        assert_eq!(app.run(&["refunded", "A1"]).await.code, 1);
    }
}

#[tokio::test]
async fn a_line_that_goes_short_only_after_its_promise_is_told_the_facts_once_staff_have_let_them_go() {
    for order in Order::on_each_engine() {
        let order = order.await;
        order.advance_to("2026-12-04T09:00");
        order.sweep().await;
        order.waits("2026-12-05", Some("2026-12-20")).await;
        let late = json!({ "refund_due_by": "2026-12-14", "refund_reason": "no_notice", "flags": ["notice_late"] });
        assert_eq!(order.row().await, row([late.clone()]));
        assert_eq!(order.log().await, ["backordered held"]);
        let task = order.store.tasks().await.unwrap().remove(0);
        assert!(task.reason.starts_with("notice_late: "), "{}", task.reason);
        order.run(&["release", "--all", "--yes"]).await.good();
        order.deliver().await;
        order.says(&["We owe you a prompt refund of what you have paid for it."]);
        order.never_said(&["If you do not answer", "I will wait", "want=wait"]);
        let told = order.told_by(1).await;
        assert_eq!(order.row().await, row([told, json!({ "stage": "information" }), late]));
    }
}

#[tokio::test]
async fn an_unknown_day_without_a_reason_is_held_until_somebody_gives_one() {
    for engine in ENGINES {
        let order = Order::taken(engine, "US", UNEXPLAINED).await;
        order.waits("2026-11-23", None).await;
        let held = json!({ "notice_due_by": "2026-12-02", "flags": ["notice_held", "no_reason"] });
        assert_eq!(order.row().await, row([held]));
        let tasks = order.run(&["tasks", "--json"]).await.good().objects();
        let reason = tasks[0]["reason"].as_str().unwrap();
        for words in ["no_reason: ", "[rules] reason", "too late from 2026-12-03 00:00 on"] {
            assert!(reason.contains(words), "{words}: {reason}");
        }
        order.shop.set("A1", "delay_reason = 'a strike at the port'").await;
        order.run(&["release", "--all", "--yes"]).await.good();
        order.tick_all().await;
        order.tick_all().await;
        order.says(&["a strike at the port"]);
        let row = order.row().await;
        assert_eq!((&row["stage"], &row["flags"]), (&json!("first_indefinite"), &json!([])));
    }
}

#[tokio::test]
async fn without_an_order_date_and_a_promise_there_is_no_clock() {
    for engine in ENGINES {
        let site = super::empty(engine, SHIPS_AT_ONCE).await;
        site.shop.backorder("A1").await;
        site.shop.set("A1", "ship_to_country = 'US'").await;
        let order = Order { site };
        order.tick_all().await;
        let told = order.told_by(1).await;
        let unclocked = json!({ "promised_by": null, "stage": "information", "flags": ["no_order_date"] });
        assert_eq!(order.row().await, row([told, unclocked]));
        order.looks_at("2027-06-01T10:00").await;
        assert_eq!(order.row().await["refund_due_by"], json!(null));
        order.never_said(&["If you do not answer"]);
    }
}

#[tokio::test]
async fn us_12a_a_second_date_before_her_answer_takes_the_stricter_reading_and_says_so() {
    for order in Order::on_each_engine() {
        let order = order.await;
        order.waits("2026-11-23", None).await;
        order.waits("2026-12-10", Some("2027-02-01")).await;
        order.says(&["until February 1, 2027", "If you do not answer by January 1, 2027"]);
        let told = order.told_by(2).await;
        let stricter = json!({ "stage": "renewed", "silence": "cancels", "revised_to": "2027-02-01",
            "answer_due_by": "2027-01-01", "cancels_after": "2027-01-01", "flags": ["stricter_reading"] });
        assert_eq!(order.row().await, row([told, stricter]));
    }
}

#[tokio::test]
async fn us_12a_two_notices_before_the_promise_make_the_second_a_renewed_one() {
    for order in Order::on_each_engine() {
        let order = order.await;
        order.waits("2026-11-23", Some("2026-12-10")).await;
        order.waits("2026-11-25", Some("2026-12-20")).await;
        let told = order.told_by(2).await;
        let stricter = json!({ "stage": "renewed", "silence": "cancels", "revised_to": "2026-12-20",
            "answer_due_by": "2026-12-10", "cancels_after": "2026-12-10", "flags": ["stricter_reading"] });
        assert_eq!(order.row().await, row([told, stricter]));
    }
}

#[tokio::test]
async fn us_19_a_bounced_notice_counts_and_is_flagged() {
    for order in Order::on_each_engine() {
        let order = order.await;
        order.waits("2026-11-23", Some("2026-12-20")).await;
        let bounced = "update notices set notice = replace(notice, '\"bounced\":false', '\"bounced\":true')";
        order.in_state(bounced).await;
        let row = order.row().await;
        assert_eq!((&row["stage"], &row["flags"]), (&json!("first_short"), &json!(["notice_bounced"])));
    }
}

#[tokio::test]
async fn us_19_a_notice_that_the_relay_refuses_is_a_task_and_does_not_count() {
    use crate::support::smtp_server::{Act, At};
    for order in Order::on_each_engine() {
        let order = order.await;
        order.relay.once(At::RcptTo, Act::Say("550 5.1.1 no such user"));
        order.waits("2026-11-23", Some("2026-12-20")).await;
        let entry = order.entries().await.remove(0);
        assert_eq!(order.tasks().await, [format!("failed {}", entry.id)]);
        assert_eq!(order.row().await, row([json!({ "notice_due_by": "2026-12-02" })]));
    }
}
