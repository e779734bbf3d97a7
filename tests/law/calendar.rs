//! How the calendar acts: noon, half past eleven, midnight, the reminder.

use serde_json::json;

use super::{Order, SHIPS_AT_ONCE, row};
use crate::support::smtp_server::{Act, At};
use crate::support::state::ENGINES;

/// Settings of [`SHIPS_AT_ONCE`] with some more.
fn with<'a>(more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    [SHIPS_AT_ONCE, more].concat()
}

#[tokio::test]
async fn a_line_that_was_to_come_in_on_its_last_day_and_is_not_there_at_noon_is_overdue_and_has_no_date() {
    for order in Order::on_each_engine() {
        let order = order.await;
        order.waits("2026-11-23", Some("2026-12-02")).await;
        let told = order.told_by(1).await;
        let information = json!({ "stage": "information", "notice_due_by": "2026-12-02" });
        assert_eq!(order.row().await, row([told, information]));
        order.looks_at("2026-12-02T11:59").await;
        assert_eq!(order.kinds(), ["backordered"]);
        order.looks_at("2026-12-02T12:00").await;
        assert_eq!(order.kinds(), ["backordered", "overdue"], "the day passed, it did not move");
        order.says(&["the maker is late", "We cannot say how long it will take.", "by January 1, 2027"]);
        let told = order.told_by(2).await;
        let unknown = json!({ "stage": "first_indefinite", "silence": "cancels", "answer_due_by": "2027-01-01",
            "cancels_after": "2027-01-01" });
        assert_eq!(order.row().await, row([told, unknown]));
        order.looks_at("2026-12-03T09:00").await;
        assert_eq!(order.kinds().len(), 2, "it was said");
    }
}

#[tokio::test]
async fn the_noon_of_a_poll_decides_nothing() {
    for order in Order::on_each_engine() {
        let order = order.await;
        order.waits("2026-11-23", Some("2026-12-02")).await;
        order.advance_to("2026-12-02T12:00");
        order.poll().await;
        order.deliver().await;
        assert_eq!(order.kinds(), ["backordered"]);
        order.tick_all().await;
        assert_eq!(order.kinds(), ["backordered", "overdue"]);
    }
}

#[tokio::test]
async fn at_noon_of_the_last_day_a_ready_line_alarms_staff_until_it_ships_and_she_hears_nothing() {
    for order in Order::on_each_engine() {
        let order = order.await;
        order.waits("2026-11-23", Some("2026-11-30")).await;
        order.shop.set("A1", "short_qty = 0").await;
        order.looks_at("2026-12-02T11:59").await;
        assert_eq!(order.tasks().await, [""; 0]);
        order.looks_at("2026-12-02T12:00").await;
        assert_eq!(order.tasks().await, ["not_shipped A1"]);
        let task = order.store.tasks().await.unwrap().remove(0);
        assert_eq!(task.reason, "line A1 of order S1 is in stock and has not shipped; its last day is today");
        assert_eq!(order.kinds(), ["backordered", "restocked"]);
        order.shop.set("A1", "shipped_qty = 2").await;
        order.looks_at("2026-12-02T17:00").await;
        assert_eq!(order.tasks().await, [""; 0]);
        order.looks_at("2026-12-03T00:01").await;
        assert_eq!(super::rows(&order, &[]).await, [""; 0]);
    }
}

#[tokio::test]
async fn settling_and_quiet_hours_yield_to_half_past_eleven_of_the_last_day() {
    let differing = with(&[("delivery.settle", "1h"), ("delivery.quiet_hours", "20:00-08:00")]);
    for engine in ENGINES {
        let order = Order::taken(engine, "US", &differing).await;
        order.advance_to("2026-12-02T23:00");
        order.shop.set("A1", "short_qty = 2, expected_on = '2026-12-20'").await;
        order.sweep().await;
        order.advance_to("2026-12-02T23:29");
        order.deliver().await;
        assert_eq!(order.kinds(), [""; 0]);
        order.advance_to("2026-12-02T23:30");
        order.deliver().await;
        assert_eq!(order.kinds(), ["backordered"]);
        let told = order.told_by(1).await;
        let short = json!({ "stage": "first_short", "silence": "consent", "revised_to": "2026-12-20",
            "notice_due_by": "2026-12-20" });
        assert_eq!(order.row().await, row([told, short]));
    }
}

#[tokio::test]
async fn a_notice_that_becomes_known_after_half_past_eleven_leaves_at_once() {
    let differing = with(&[("delivery.settle", "1h"), ("delivery.quiet_hours", "20:00-08:00")]);
    for engine in ENGINES {
        let order = Order::taken(engine, "US", &differing).await;
        order.advance_to("2026-12-02T23:50");
        order.shop.set("A1", "short_qty = 2, expected_on = '2026-12-20'").await;
        order.sweep().await;
        order.deliver().await;
        assert_eq!(order.mails().len(), 1);
        assert_eq!(order.row().await["flags"], json!([]));
    }
}

#[tokio::test]
async fn a_notice_that_is_accepted_after_midnight_is_sent_and_late_and_does_not_count() {
    for order in Order::on_each_engine() {
        let order = order.await;
        order.advance_to("2026-12-02T23:50");
        order.shop.set("A1", "short_qty = 2, expected_on = '2026-12-20'").await;
        order.settle().await;
        // It is in transfer before midnight, and the relay takes its time.
        order.relay.once(At::End, Act::Drip("250 2.0.0 at last"));
        let midnight = async {
            order.relay.has(1).await;
            order.advance_to("2026-12-03T00:00");
        };
        tokio::join!(order.deliver(), midnight);
        assert_eq!(order.log().await, ["backordered sent"]);
        let late = json!({ "refund_due_by": "2026-12-14", "refund_reason": "no_notice", "flags": ["notice_late"] });
        order.sweep().await;
        assert_eq!(order.row().await, row([late]));
    }
}

#[tokio::test]
async fn a_notice_that_nobody_took_before_midnight_expires_and_becomes_a_task() {
    for order in Order::on_each_engine() {
        let order = order.await;
        order.relay.is_away(true);
        order.waits("2026-12-01", Some("2026-12-20")).await;
        order.advance_to("2026-12-02T23:59");
        order.deliver().await;
        order.relay.is_away(false);
        order.advance_to("2026-12-03T00:20");
        order.deliver().await;
        order.tick_all().await;
        assert_eq!(order.kinds(), [""; 0], "what offers a choice does not leave any more");
        let log = order.log().await;
        assert_eq!((&*log[0], log.last().unwrap().as_str()), ("backordered expired", "backordered held"), "{log:?}");
        let tasks = order.tasks().await;
        assert!(tasks[0].starts_with("expired ") || tasks[1].starts_with("expired "), "{tasks:?}");
        let due = json!({ "refund_due_by": "2026-12-14", "refund_reason": "no_notice" });
        assert_eq!(order.row().await, row([due]));
    }
}

#[tokio::test]
async fn a_notice_in_doubt_is_not_sent_again_past_its_midnight_and_does_not_count() {
    for order in Order::on_each_engine() {
        let order = order.await;
        order.relay.once(At::End, Act::Close);
        order.advance_to("2026-12-02T23:50");
        order.shop.set("A1", "short_qty = 2, expected_on = '2026-12-20'").await;
        order.tick_all().await;
        assert_eq!(order.log().await, ["backordered in_doubt"]);
        order.advance_to("2026-12-03T00:05");
        order.deliver().await;
        order.tick_all().await;
        assert_eq!((order.mails().len(), order.log().await), (1, vec!["backordered in_doubt".to_owned()]));
        assert!(order.tasks().await[0].starts_with("in_doubt "), "{:?}", order.tasks().await);
        let due = json!({ "refund_due_by": "2026-12-14", "refund_reason": "no_notice" });
        assert_eq!(order.row().await, row([due]));
    }
}

#[tokio::test]
async fn a_hold_does_not_yield_to_midnight() {
    for order in Order::on_each_engine() {
        let order = order.await;
        order.waits("2026-11-23", Some("2026-12-02")).await;
        order.advance_to("2026-12-02T12:00");
        order.sweep().await;
        let id = order.entries().await.last().unwrap().id;
        order.run(&["hold", "--yes", &id.to_string()]).await.good();
        assert_eq!(order.row().await["flags"], json!(["notice_held"]));
        assert_eq!(order.store.held_notices().await.unwrap().number, 1);
        order.advance_to("2026-12-02T23:59");
        order.tick_all().await;
        assert_eq!(order.kinds(), ["backordered"]);
        order.looks_at("2026-12-03T00:05").await;
        assert_eq!(order.kinds(), ["backordered"]);
        let row = order.row().await;
        assert_eq!((&row["refund_reason"], &row["flags"]), (&json!("no_notice"), &json!([])));
    }
}

#[tokio::test]
async fn no_reminder_comes_where_the_notice_itself_came_after_it_fell_due() {
    for order in Order::on_each_engine() {
        let order = order.await;
        order.waits("2026-11-23", Some("2026-12-20")).await;
        order.waits("2026-12-17", Some("2026-12-28")).await;
        for day in 18..=20 {
            order.looks_at(&format!("2026-12-{day}T10:00")).await;
        }
        assert_eq!(order.kinds(), ["backordered", "date_changed"]);
    }
}

#[tokio::test]
async fn a_reminder_comes_once_and_not_to_who_answered() {
    for answers in [false, true] {
        for order in Order::on_each_engine() {
            let order = order.await;
            order.waits("2026-11-23", None).await;
            if answers {
                order.answer("A1", "wait").await;
                order.advance("1m");
                order.deliver().await;
            }
            let before = order.mails().len();
            order.looks_at("2026-12-29T08:59").await;
            assert_eq!(order.mails().len(), before);
            for day in ["2026-12-29", "2026-12-30", "2026-12-31"] {
                order.looks_at(&format!("{day}T09:00")).await;
            }
            let reminders = order.kinds().into_iter().filter(|kind| kind == "reply_needed").count();
            assert_eq!(reminders, usize::from(!answers));
        }
    }
}

#[tokio::test]
async fn a_late_shipment_is_seen_before_silence_is_decided() {
    for order in Order::on_each_engine() {
        let order = order.await;
        order.waits("2026-11-23", None).await;
        order.looks_at("2027-01-01T22:00").await;
        order.shop.set("A1", "short_qty = 0, shipped_qty = 2, shipped_at = '2027-01-01T23:30:00-05:00'").await;
        order.looks_at("2027-01-02T00:01").await;
        assert_eq!(order.answers().await, [""; 0]);
        assert_eq!(super::rows(&order, &[]).await, [""; 0]);
    }
}
