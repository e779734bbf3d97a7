//! The worked vectors, each from the shop to the mailbox, the list and the refund.

use serde_json::json;

use super::{Order, SHIPS_AT_ONCE, row, words};
use crate::support::state::ENGINES;

const CONSENT: &str = "If you do not answer, you agree that we ship it on or before";
const CANCELS: &str = "and it has not shipped by then, your order for it is cancelled automatically and you get a prompt \
                       refund.";
const NO_ANSWERS: [&str; 0] = [];

/// Every recorded answer as `line choice quantity state by`.
async fn answers(order: &Order) -> Vec<String> {
    let all = "select choice || ' ' || quantity || ' by ' || made_by || ' ' || state from choices order by id";
    order.texts(all).await
}

#[tokio::test]
async fn vector_1_a_short_delay_is_consented_to_by_silence_and_renewed_by_its_last_day() {
    for order in Order::on_each_engine() {
        let order = order.await;
        order.waits("2026-11-23", Some("2027-01-01")).await;
        order.says(&[
            "You can wait for it until January 1, 2027, or cancel it now and get a prompt refund.",
            &format!("{CONSENT} January 1, 2027."),
            "Answering costs you nothing.",
        ]);
        let told = order.told_by(1).await;
        let short = json!({ "stage": "first_short", "silence": "consent", "revised_to": "2027-01-01",
            "notice_due_by": "2027-01-01" });
        assert_eq!(order.row().await, row([told, short]));
        order.looks_at("2027-01-01T11:59").await;
        assert_eq!(order.kinds(), ["backordered"]);
        order.looks_at("2027-01-01T12:00").await;
        assert_eq!(order.kinds(), ["backordered", "overdue"]);
        order.says(&["the maker is late", "If you do not answer by January 1, 2027", CANCELS]);
        let told = order.told_by(2).await;
        let renewed = json!({ "stage": "renewed", "silence": "cancels", "answer_due_by": "2027-01-01",
            "cancels_after": "2027-01-01" });
        assert_eq!(order.row().await, row([told, renewed]));
        order.looks_at("2027-01-02T00:05").await;
        assert_eq!(answers(&order).await, ["cancel 2 by silence open"]);
        let row = order.row().await;
        assert_eq!((&row["refund_reason"], &row["refund_due_by"]), (&json!("silence"), &json!("2027-01-12")));
    }
}

/// A first notice whose silence cancels, until the refund was made.
async fn cancelled_by_silence(order: &Order, stage: &str, expected: Option<&str>) {
    order.waits("2026-11-23", expected).await;
    order.says(&["If you do not answer by January 1, 2027", CANCELS]);
    let told = order.told_by(1).await;
    let long = json!({ "stage": stage, "silence": "cancels", "revised_to": expected, "answer_due_by": "2027-01-01",
        "cancels_after": "2027-01-01" });
    assert_eq!(order.row().await, row([told.clone(), long.clone()]));
    order.looks_at("2026-12-29T09:00").await;
    assert_eq!(order.kinds(), ["backordered", "reply_needed"]);
    order.says(&["If you do not answer by January 1, 2027", CANCELS]);
    assert_eq!(order.row().await, row([told.clone(), long.clone()]), "a reminder is no new notice");
    order.looks_at("2027-01-01T23:58").await;
    assert_eq!(answers(order).await, NO_ANSWERS, "the last day counts in full");
    order.looks_at("2027-01-02T00:01").await;
    let due = json!({ "refund_due_by": "2027-01-12", "refund_reason": "silence" });
    assert_eq!(order.row().await, row([told.clone(), long.clone(), due]));
    assert_eq!(order.hands_over().await, ["cancel A1 silence"]);
    order.tick_all().await;
    assert_eq!(order.kinds(), ["backordered", "reply_needed", "cancelled"]);
    order.says(&["We had no answer from you by January 1, 2027, and it had not shipped by then"]);
    assert!(!order.last_mail().text.contains("the maker is late"), "that was the reason of the delay");
    let made = order.run(&["refunded", "A1"]).await.good();
    assert_eq!(made.words(), "line A1: the refund that was due by 2027-01-12 is made\n");
    assert_eq!(order.row().await, row([told, long]), "it is still open");
    order.shop.set("A1", "cancelled_qty = 2, short_qty = 0").await;
    order.tick_all().await;
    assert_eq!(super::rows(order, &[]).await, NO_ANSWERS);
    assert_eq!(order.kinds().len(), 3);
}

#[tokio::test]
async fn vector_2_a_long_delay_is_cancelled_after_thirty_days_from_the_promise() {
    for order in Order::on_each_engine() {
        cancelled_by_silence(&order.await, "first_long", Some("2027-01-02")).await;
    }
}

#[tokio::test]
async fn vector_3_an_unknown_delay_gives_its_reason_and_is_cancelled_like_a_long_one() {
    for order in Order::on_each_engine() {
        let order = order.await;
        cancelled_by_silence(&order, "first_indefinite", None).await;
        let first = words(&order.mails()[0].text);
        for sentence in
            ["the maker is late", "We cannot say how long it will take.", "you can still cancel at any time"]
        {
            assert!(first.contains(sentence), "{sentence}: {first}");
        }
    }
}

#[tokio::test]
async fn vector_4_a_date_beyond_the_consented_one_is_renewed_though_within_thirty_days() {
    for by_word in [false, true] {
        for order in Order::on_each_engine() {
            let order = order.await;
            order.waits("2026-11-23", Some("2026-12-20")).await;
            order.says(&[&format!("{CONSENT} December 20, 2026.")]);
            if by_word {
                order.answer("A1", "wait").await;
                order.hands_over().await;
                order.advance("1m");
                order.deliver().await;
                assert_eq!(order.row().await["answer"], "wait");
            }
            order.waits("2026-12-10", Some("2026-12-28")).await;
            order.says(&[
                "You can wait for it until December 28, 2026, or cancel it now and get a prompt refund.",
                "If you do not answer by December 20, 2026",
                CANCELS,
            ]);
            let told = order.told_by(order.mails().len()).await;
            let renewed = json!({ "stage": "renewed", "silence": "cancels", "revised_to": "2026-12-28",
                "answer_due_by": "2026-12-20", "cancels_after": "2026-12-20" });
            assert_eq!(order.row().await, row([told.clone(), renewed.clone()]), "a wait answers one notice");
            order.looks_at("2026-12-20T23:58").await;
            assert_eq!(answers(&order).await.len(), usize::from(by_word));
            order.looks_at("2026-12-21T00:01").await;
            let due = json!({ "refund_due_by": "2026-12-31", "refund_reason": "silence" });
            assert_eq!(order.row().await, row([told, renewed, due]));
            assert_eq!(answers(&order).await.last().unwrap(), "cancel 2 by silence open");
        }
    }
}

#[tokio::test]
async fn vector_5_without_a_notice_by_the_promise_a_refund_is_due_and_silence_does_nothing() {
    for order in Order::on_each_engine() {
        let order = order.await;
        order.shop.set("A1", "customer_email = null").await;
        order.waits("2026-11-23", Some("2026-12-20")).await;
        assert_eq!(order.row().await, row([json!({ "notice_due_by": "2026-12-02" })]));
        order.looks_at("2026-12-02T23:58").await;
        assert_eq!(order.row().await["refund_due_by"], json!(null), "the last day counts in full");
        order.looks_at("2026-12-03T00:01").await;
        let due = json!({ "refund_due_by": "2026-12-14", "refund_reason": "no_notice" });
        assert_eq!(order.row().await, row([due]));
        order.looks_at("2027-02-01T10:00").await;
        assert_eq!((answers(&order).await, order.kinds()), (vec![], vec![]));
    }
}

#[tokio::test]
async fn vector_6_an_earlier_date_is_information_and_moves_nothing() {
    for order in Order::on_each_engine() {
        let order = order.await;
        order.waits("2026-11-23", Some("2026-12-20")).await;
        let told = order.told_by(1).await;
        order.waits("2026-12-10", Some("2026-12-10")).await;
        assert_eq!(order.kinds(), ["backordered", "date_changed"]);
        order.says(&["December 20, 2026", "December 10, 2026", "what we told you before still holds"]);
        assert!(!words(&order.last_mail().text).contains("If you do not answer by"));
        let short = json!({ "stage": "first_short", "silence": "consent", "revised_to": "2026-12-20",
            "notice_due_by": "2026-12-20" });
        assert_eq!(order.row().await, row([told, short]));
    }
}

#[tokio::test]
async fn vector_7_with_credit_applied_for_the_promise_is_fifty_days() {
    for engine in ENGINES {
        let site = super::empty(engine, SHIPS_AT_ONCE).await;
        site.shop.line("A1").expected(Some("2026-12-22")).put().await;
        let on_credit = "ship_to_country = 'US', payment = 'credit', ordered_at = '2026-11-02T15:00:00-05:00'";
        site.shop.set("A1", on_credit).await;
        let order = Order { site };
        order.tick_all().await;
        let told = order.told_by(1).await;
        let information = json!({ "promised_by": "2026-12-22", "stage": "information", "notice_due_by": "2026-12-22" });
        assert_eq!(order.row().await, row([told, information]), "US-3: a day within the promise is no option");
        order.never_said(&["If you do not answer"]);
    }
}

#[tokio::test]
async fn us_10_a_wait_on_the_page_replaces_the_promise_and_the_next_notice_is_due_by_the_new_day() {
    for order in Order::on_each_engine() {
        let order = order.await;
        order.waits("2026-11-23", Some("2027-01-15")).await;
        let told = order.told_by(1).await;
        order.answer("A1", "wait").await;
        let long = json!({ "stage": "first_long", "answer": "wait", "revised_to": "2027-01-15",
            "notice_due_by": "2027-01-15" });
        assert_eq!(order.row().await, row([told, long]));
        assert_eq!(order.hands_over().await, ["wait A1 customer"]);
        order.looks_at("2027-01-05T10:00").await;
        assert_eq!(order.kinds(), ["backordered", "choice_received"], "no reminder, and silence cancels nothing");
        order.says(&["Ships by: January 15, 2027"]);
        order.never_said(&["Date: not known yet"]);
        order.looks_at("2027-01-15T12:00").await;
        assert_eq!(order.kinds().last().unwrap(), "overdue");
        order.says(&["If you do not answer by January 15, 2027", CANCELS]);
    }
}

#[tokio::test]
async fn us_10_a_wait_without_a_day_ends_the_renewed_notices_and_keeps_the_right_to_cancel() {
    for order in Order::on_each_engine() {
        let order = order.await;
        order.waits("2026-11-23", None).await;
        let told = order.told_by(1).await;
        order.answer("A1", "wait").await;
        order.hands_over().await;
        let agreed = json!({ "stage": "first_indefinite", "answer": "wait" });
        assert_eq!(order.row().await, row([told, agreed]));
        order.looks_at("2027-05-03T10:00").await;
        assert_eq!(order.kinds(), ["backordered", "choice_received"]);
        order.answer("A1", "cancel").await;
        let row = order.row().await;
        assert_eq!((&row["refund_reason"], &row["refund_due_by"]), (&json!("answer"), &json!("2027-05-12")));
    }
}

#[tokio::test]
async fn us_15_1_a_cancel_on_the_page_is_due_from_that_day_though_the_shop_refuses_it() {
    for order in Order::on_each_engine() {
        let order = order.await;
        order.waits("2026-11-23", Some("2026-12-20")).await;
        let told = order.told_by(1).await;
        order.answer("A1", "cancel").await;
        let cancelled = json!({ "stage": "first_short", "silence": "consent", "revised_to": "2026-12-20",
            "answer": "cancel", "refund_due_by": "2026-12-03", "refund_reason": "answer" });
        assert_eq!(order.row().await, row([told, cancelled]), "over Thanksgiving");
        let way = crate::support::ways::ScriptedWay::says([crate::support::ways::refused("it is packed")]);
        order.hand_over(&crate::support::ways::statement(&way)).await;
        order.advance("1h");
        order.tick_all().await;
        let row = order.row().await;
        assert_eq!((&row["answer"], &row["notice_due_by"]), (&json!("none"), &json!("2026-12-20")));
        assert_eq!((&row["refund_reason"], &row["refund_due_by"]), (&json!("answer"), &json!("2026-12-03")));
    }
}

#[tokio::test]
async fn us_15_3_without_a_renewed_notice_the_refund_is_listed_and_nothing_is_handed_over() {
    for order in Order::on_each_engine() {
        let order = order.await;
        order.waits("2026-11-23", Some("2026-12-20")).await;
        let told = order.told_by(1).await;
        order.shop.set("A1", "customer_email = null").await;
        order.waits("2026-12-10", Some("2026-12-28")).await;
        order.looks_at("2026-12-21T00:01").await;
        let due = json!({ "stage": "first_short", "silence": "consent", "revised_to": "2026-12-20",
            "refund_due_by": "2026-12-31", "refund_reason": "no_renewed_notice" });
        assert_eq!(order.row().await, row([told, due]));
        order.looks_at("2027-02-01T10:00").await;
        assert_eq!((answers(&order).await, order.kinds().len()), (vec![], 1));
    }
}

#[tokio::test]
async fn us_13_answering_costs_nothing_and_takes_no_account() {
    for expected in [Some("2026-12-20"), Some("2027-01-15"), None] {
        for order in Order::on_each_engine() {
            let order = order.await;
            order.waits("2026-11-23", expected).await;
            order.says(&["Answering costs you nothing."]);
            let page = order.http.get(&format!("{}?line=A1&want=wait", order.page())).await;
            assert_eq!(page.status, 200);
            assert_eq!(order.answer("A1", "wait").await.status, 303, "no sign-in, no payment");
        }
    }
}
