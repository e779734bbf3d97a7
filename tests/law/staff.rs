//! What staff do about it: the refund list, `refunded`, the alarms.

use serde_json::json;

use super::{Order, row};

/// An order whose refund is due since December 3: nobody could be told.
async fn owed(order: &Order) {
    order.shop.set("A1", "customer_email = null").await;
    order.waits("2026-11-23", Some("2026-12-20")).await;
    order.looks_at("2026-12-03T00:01").await;
}

#[tokio::test]
async fn us_17_a_refund_that_is_due_is_a_task_whose_mend_sends_it_back_the_way_it_was_paid() {
    for order in Order::on_each_engine() {
        let order = order.await;
        owed(&order).await;
        let tasks = order.run(&["tasks", "--json"]).await.good().objects();
        let refund = tasks.iter().find(|task| task["kind"] == "refund_due").unwrap();
        let expected = json!({
            "id": "refund:A1", "kind": "refund_due", "shop_id": "", "subject": "A1",
            "reason": "a refund for line A1 of order S1 is due by 2026-12-14, because no choice was offered in time",
            "mend": "send the money back the way it was paid, then `backorderd refunded A1`; the feed's `refunded_at` \
                     ends it too",
            "since": "2026-12-03T05:00:00.000000Z",
        });
        assert_eq!(*refund, expected, "US-17: never as store credit");
        let done = order.run(&["tasks", "done", "refund:A1"]).await;
        assert!(done.failed(1).contains("`backorderd refunded A1`"), "{}", done.stderr);
    }
}

#[tokio::test]
async fn a_refund_that_staff_made_leaves_every_list_and_is_recorded_once() {
    for order in Order::on_each_engine() {
        let order = order.await;
        owed(&order).await;
        let made = order.run(&["refunded", "A1"]).await.good();
        assert_eq!(made.words(), "line A1: the refund that was due by 2026-12-14 is made\n");
        assert_eq!(order.row().await, row([]));
        let tasks = order.run(&["tasks", "--json"]).await.good().objects();
        assert!(tasks.iter().all(|task| task["kind"] != "refund_due"), "{tasks:?}");
        let again = order.run(&["refunded", "A1"]).await.good();
        assert!(again.words().starts_with("line A1: that its refund is made was recorded before, on "));
        let recorded = "select detail from events where what = 'refunded'";
        let detail = "staff: the refund was made; it was due by 2026-12-14, because no choice was offered in time";
        assert_eq!(order.texts(recorded).await, [detail]);
        let explained = order.run(&["explain", "A1"]).await.good();
        assert!(explained.words().contains(detail), "{}", explained.words());
    }
}

#[tokio::test]
async fn a_refund_that_is_not_due_is_not_recorded_and_the_others_are() {
    for order in Order::on_each_engine() {
        let order = order.await;
        owed(&order).await;
        order.shop.backorder("A2").await;
        order.tick_all().await;
        let ran = order.run(&["refunded", "nonsense", "A2", "A1"]).await;
        let said = ran.failed(1);
        assert!(said.contains("line nonsense is not known"), "{said}");
        assert!(said.contains("line A2: no refund is due, so nothing was recorded"), "{said}");
        assert_eq!(ran.words(), "line A1: the refund that was due by 2026-12-14 is made\n");
        assert_eq!(order.run(&["refunded"]).await.code, 2);
    }
}

#[tokio::test]
async fn a_mail_that_speaks_of_a_refund_as_owed_is_not_sent_once_it_was_made() {
    for order in Order::on_each_engine() {
        let order = order.await;
        owed(&order).await;
        order.shop.set("A1", "customer_email = 'ada@example.com'").await;
        order.tick_all().await;
        assert_eq!(order.log().await, ["backordered held"]);
        order.run(&["refunded", "A1"]).await.good();
        order.tick_all().await;
        order.run(&["release", "--all", "--yes"]).await.good();
        order.tick_all().await;
        order.never_said(&["We owe you"]);
    }
}

#[tokio::test]
async fn a_held_legal_notice_is_the_first_task_and_a_metric() {
    for order in Order::on_each_engine() {
        let order = order.await;
        order.shop.line("Z9").order("S0").email(None).put().await;
        order.tick_all().await;
        order.advance("1h");
        order.shop.set("A1", "short_qty = 2, expected_on = '2026-12-20'").await;
        order.sweep().await;
        order.run(&["hold", "--all", "--yes"]).await.good();
        let tasks = order.run(&["tasks", "--json"]).await.good().objects();
        assert_eq!((&tasks[0]["kind"], &tasks[1]["kind"]), (&json!("held"), &json!("no_address")));
        let reason = tasks[0]["reason"].as_str().unwrap();
        assert!(reason.ends_with("it holds a legal notice, which is too late from 2026-12-03 00:00 on"), "{reason}");
        let metrics = order.http.get("/metrics").await;
        assert!(metrics.body.contains("\nbackorderd_held_notices 1\n"), "{}", metrics.body);
    }
}

#[tokio::test]
async fn lines_that_closed_long_ago_and_owe_nothing_are_not_read_any_more_until_the_shop_speaks_of_them() {
    for order in Order::on_each_engine() {
        let order = order.await;
        order.waits("2026-11-23", Some("2026-12-20")).await;
        order.shop.backorder("A2").await;
        order.shop.set("A2", "ship_to_country = 'US', customer_email = null").await;
        order.looks_at("2026-11-23T11:00").await;
        order.shop.set("A1", "shipped_qty = 2, short_qty = 0, shipped_at = '2026-12-01T15:00:00Z'").await;
        order.looks_at("2026-12-01T12:00").await;
        // Nobody could be told, and the shop cancelled it.
        order.shop.set("A2", "cancelled_qty = 2, short_qty = 0").await;
        order.looks_at("2026-12-01T13:00").await;
        let away = "select line_id from lines where put_away order by line_id";
        order.looks_at("2027-01-04T10:00").await;
        assert_eq!(order.texts(away).await, [""; 0], "the shop may still say something of it");
        order.looks_at("2027-01-06T10:00").await;
        assert_eq!(order.texts(away).await, ["A1"]);
        // Reading it would fail.
        let snapshot = order.texts("select snapshot from lines where line_id = 'A1'").await.remove(0);
        order.in_state("update lines set snapshot = '{}' where line_id = 'A1'").await;
        let listed = super::rows(&order, &[]).await;
        assert_eq!(listed.len(), 1, "{listed:?}");
        assert_eq!((&listed[0]["line_id"], &listed[0]["refund_reason"]), (&json!("A2"), &json!("shop_cancelled")));
        order.run(&["tasks"]).await.good();
        order.in_state(&format!("update lines set snapshot = '{snapshot}' where line_id = 'A1'")).await;
        order.shop.set("A1", "shipped_qty = 0, short_qty = 2, shipped_at = null").await;
        order.looks_at("2027-01-06T11:00").await;
        assert_eq!(super::rows(&order, &[]).await.len(), 2);
    }
}

#[tokio::test]
async fn a_line_that_was_not_paid_is_held_too_late_without_a_word_of_a_refund() {
    for (payment, owed) in [("paid", ", and a refund is owed"), ("unpaid", "")] {
        for order in Order::on_each_engine() {
            let order = order.await;
            order.shop.set("A1", &format!("payment = '{payment}'")).await;
            order.waits("2026-12-03", Some("2026-12-20")).await;
            let tasks = order.run(&["tasks", "--json"]).await.good().objects();
            let held = tasks.iter().find(|task| task["kind"] == "held").unwrap();
            let reason = format!(
                "notice_late: the time to offer a choice for line A1 is over{owed}; see `backorderd deadlines`"
            );
            assert_eq!(held["reason"], reason);
        }
    }
}
