//! What is taken of an answer, what the page says of it, and what is recorded.

use backorderd::outbox::notification::Kind;
use jiff::SignedDuration;

use super::{Site, buttons, seen};

const WAIT: &str = "I will wait";
const CANCEL: &str = "Cancel this item";

#[tokio::test]
async fn a_wait_is_recorded_at_once_and_the_page_says_so() {
    for site in Site::on_each_engine() {
        let site = site.await;
        let page = site.http.get(&site.page()).await;
        assert_eq!(page.status, 200);
        assert_eq!(buttons(&page), [WAIT, CANCEL]);
        let fields = [("line", "A1"), ("choice", "wait"), ("seen", &*seen(&page, "A1"))];
        let after = site.answer_and_look(&site.page(), &fields).await;
        assert!(after.words().contains("Your answer is recorded: you wait for this item."), "{}", after.words());
        assert!(after.words().contains("You chose to wait, on January 12, 2027 at 10:00 AM EST."), "{}", after.words());
        assert_eq!(buttons(&after), [CANCEL], "what was answered is not asked again");
        // Nothing is configured that would carry a wait to the shop.
        assert_eq!(site.answers().await, ["A1 wait 2 done"]);
        let notices = site.texts("select notification_id from choices").await;
        assert_eq!(notices, [site.entries().await[0].id.to_string()]);
    }
}

#[tokio::test]
async fn the_acknowledgement_waits_for_more_answers_of_the_order_and_for_nothing_else() {
    for site in Site::on_each_engine_with(&[("delivery.quiet_hours", "11:00-10:00")]) {
        let site = site.await;
        site.advance_to("2027-01-12T12:00");
        site.shop.backorder("A2").await;
        site.settle().await;
        site.answer("A1", "wait").await;
        let first = site.now();
        site.advance("20s");
        site.answer("A2", "cancel").await;
        site.answer("A1", "cancel").await;
        let received = site.entries().await.pop().unwrap();
        assert_eq!(received.kind, Kind::ChoiceReceived);
        assert_eq!(received.due_at, first + SignedDuration::from_secs(30));
        let said: Vec<_> = received
            .content
            .lines
            .iter()
            .map(|line| (&*line.line_id, line.answer.clone().unwrap().choice.word()))
            .collect();
        assert_eq!(said, [("A2", "cancel"), ("A1", "cancel")]);
        assert_eq!(received.content.lines[0].quantity, 2.into());
        let row = site.texts("select state || ' ' || kind || ' ' || due_at from outbox where not news and calendar and settled and ready").await;
        assert_eq!(row, [format!("queued choice_received {}", received.due_at.as_microsecond())]);
        site.advance("10s");
        site.shop.backorder("A3").await;
        site.sweep().await;
        site.answer("A3", "cancel").await;
        let received = site.log().await.into_iter().filter(|entry| entry == "choice_received queued").count();
        assert_eq!(received, 2, "what may be in hand is not amended");
    }
}

#[tokio::test]
async fn the_same_answer_again_does_nothing() {
    for site in Site::on_each_engine() {
        let site = site.await;
        for choice in ["wait", "cancel"] {
            let first = site.answer("A1", choice).await;
            let recorded = site.texts("select revision || '' from orders").await;
            for _ in 0..3 {
                let again = site.answer("A1", choice).await;
                assert_eq!((again.status, again.header("location")), (303, first.header("location")));
            }
            assert_eq!(site.texts("select revision || '' from orders").await, recorded);
        }
        assert_eq!(site.answers().await, ["A1 wait 2 done", "A1 cancel 2 open"]);
    }
}

#[tokio::test]
async fn many_equal_answers_at_once_are_one() {
    for site in Site::on_each_engine() {
        let site = site.await;
        let page = site.page();
        let fields = [("line", "A1"), ("choice", "cancel")];
        let all = (0..40).map(|_| site.http.post(&page, &fields));
        let statuses: Vec<u16> =
            futures_util::future::join_all(all).await.into_iter().map(|reply| reply.status).collect();
        assert_eq!(statuses, [303; 40]);
        assert_eq!(site.answers().await, ["A1 cancel 2 open"]);
        assert_eq!(site.log().await, ["backordered sent", "choice_received queued"]);
    }
}

#[tokio::test]
async fn different_answers_at_once_end_in_a_cancel_that_stands() {
    for site in Site::on_each_engine() {
        let site = site.await;
        let page = site.page();
        let fields =
            |number: usize| [("line", "A1"), ("choice", if number.is_multiple_of(2) { "wait" } else { "cancel" })];
        let forms: Vec<_> = (0..20).map(fields).collect();
        let all = forms.iter().map(|fields| site.http.post(&page, fields));
        futures_util::future::join_all(all).await;
        let answers = site.answers().await;
        assert_eq!(answers.iter().filter(|answer| answer.contains("cancel")).count(), 1, "{answers:?}");
        assert!(answers.len() <= 2, "{answers:?}");
        assert!(site.http.get(&page).await.words().contains("You chose to cancel"));
    }
}

#[tokio::test]
async fn a_wait_becomes_a_cancel_and_not_back_unless_the_shop_refused() {
    for site in Site::on_each_engine() {
        let site = site.await;
        let page = site.page();
        site.answer("A1", "wait").await;
        let after = site.answer_and_look(&page, &[("line", "A1"), ("choice", "cancel")]).await;
        assert!(after.words().contains("you cancel this item"), "{}", after.words());
        assert!(after.words().contains("Nothing of your order is waiting Lamp A1 Cancellation requested Quantity 2"));
        assert!(after.words().contains("We are passing it on to our order desk."), "{}", after.words());
        assert_eq!(buttons(&after), [""; 0]);
        let after = site.answer_and_look(&page, &[("line", "A1"), ("choice", "wait")]).await;
        assert!(after.words().contains("You have cancelled this item, so it can no longer be waited for."));
        site.in_state("update choices set state = 'refused', reason = 'it is on the truck.' where choice = 'cancel'")
            .await;
        let after = site.http.get(&page).await;
        assert!(
            after.words().contains("We could not carry this out: it is on the truck. Support will write to you."),
            "{}",
            after.words()
        );
        assert_eq!(buttons(&after), [CANCEL], "she waits, by her answer before");
        site.answer("A1", "cancel").await;
        assert_eq!(site.answers().await, ["A1 wait 2 done", "A1 cancel 2 refused", "A1 cancel 2 open"]);
    }
}

#[tokio::test]
async fn an_answer_that_nobody_has_begun_to_carry_is_dropped_for_a_newer() {
    let sql = [("choices.sql.wait", "\"update order_lines set x = :choice_id\"")];
    for site in Site::on_each_engine_with(&sql) {
        let site = site.await;
        site.answer("A1", "wait").await;
        assert_eq!(
            site.texts("select state || ' ' || statement || ' ' || hook from choices").await,
            ["open waiting none"]
        );
        site.advance("1s");
        site.answer("A1", "cancel").await;
        assert_eq!(site.answers().await, ["A1 wait 2 dropped", "A1 cancel 2 open"]);
        assert!(site.http.get(&site.page()).await.words().contains("You chose to cancel"));
    }
    for site in Site::on_each_engine_with(&sql) {
        let site = site.await;
        site.answer("A1", "wait").await;
        site.in_state("update choices set owner = 'another', lease_until = 9000000000000000").await;
        site.advance("1s");
        site.answer("A1", "cancel").await;
        assert_eq!(site.answers().await, ["A1 wait 2 open", "A1 cancel 2 open"], "it ends as it ends");
    }
}

#[tokio::test]
async fn the_page_says_that_the_shop_has_a_cancel() {
    for site in Site::on_each_engine() {
        let site = site.await;
        site.answer("A1", "cancel").await;
        site.in_state("update choices set state = 'open', taken_at = chosen_at").await;
        assert!(site.http.get(&site.page()).await.words().contains("Our order desk has it."));
        site.shop.set("A1", "cancelled_qty = 2, short_qty = 0").await;
        site.settle().await;
        let page = site.http.get(&site.page()).await;
        assert!(page.words().contains("Cancelled You chose to cancel, on"), "{}", page.words());
    }
}

#[tokio::test]
async fn a_wait_for_replaced_news_is_not_taken_and_a_cancel_is() {
    for site in Site::on_each_engine() {
        let site = site.await;
        let page = site.page();
        let old = seen(&site.http.get(&page).await, "A1");
        site.shop.expect("A1", "2027-04-01").await;
        site.tick_all().await;
        assert_eq!(site.kinds(), ["backordered", "date_changed"]);
        let after = site.answer_and_look(&page, &[("line", "A1"), ("choice", "wait"), ("seen", &old)]).await;
        assert!(after.words().contains("There is newer news about this item than you had seen"), "{}", after.words());
        assert!(after.words().contains("April 1, 2027"));
        assert_eq!(buttons(&after), [WAIT, CANCEL]);
        assert_eq!(site.answers().await, [""; 0]);
        // Who says nothing of what she saw means what she was told last.
        let new = seen(&after, "A1");
        assert_ne!(new, old);
        site.answer("A1", "wait").await;
        assert_eq!(site.texts("select notification_id from choices").await, [new]);
        site.advance("1m");
        site.answer_and_look(&page, &[("line", "A1"), ("choice", "cancel"), ("seen", &old)]).await;
        assert_eq!(site.answers().await, ["A1 wait 2 done", "A1 cancel 2 open"]);
    }
}

#[tokio::test]
async fn a_wait_for_news_that_was_followed_by_other_news_asks_again() {
    for site in Site::on_each_engine() {
        let site = site.await;
        let page = site.page();
        site.answer("A1", "wait").await;
        site.shop.expect("A1", "2027-04-01").await;
        site.settle().await;
        site.in_state("delete from outbox where kind = 'choice_received'").await;
        site.deliver().await;
        let after = site.http.get(&page).await;
        assert!(
            after.words().contains("There has been newer news since. Would you still like to wait?"),
            "{}",
            after.words()
        );
        assert!(after.words().contains("As in our newest mail, of January 12, 2027. What our earlier mails said about this item no longer holds."), "{}", after.words());
        assert_eq!(buttons(&after), [WAIT, CANCEL]);
        site.advance("1m");
        site.answer("A1", "wait").await;
        assert_eq!(site.answers().await, ["A1 wait 2 done", "A1 wait 2 done"]);
    }
}

#[tokio::test]
async fn news_of_another_line_leaves_her_answer_and_what_she_saw_as_they_are() {
    for site in Site::on_each_engine_with(&[("choices.sql.wait", "update a")]) {
        let site = site.await;
        let page = site.page();
        site.shop.backorder("A2").await;
        site.tick_all().await;
        let shown = site.http.get(&page).await;
        let saw = seen(&shown, "A1");
        assert_eq!(saw, site.entries().await[0].id.to_string(), "the mail about A2 told nothing new of A1");
        assert!(!shown.words().contains("What our earlier mails said"), "{}", shown.words());
        site.shop.expect("A2", "2027-04-01").await;
        site.tick_all().await;
        assert_eq!(site.kinds(), ["backordered", "backordered", "date_changed"]);
        // Her form is older than the newest mail, and what it showed of A1 still holds.
        let after = site.answer_and_look(&page, &[("line", "A1"), ("choice", "wait"), ("seen", &saw)]).await;
        assert!(after.words().contains("Your answer is recorded: you wait for this item."), "{}", after.words());
        site.shop.expect("A2", "2027-05-01").await;
        site.tick_all().await;
        let after = site.http.get(&page).await;
        assert!(!after.words().contains("There has been newer news since."), "{}", after.words());
        assert_eq!(buttons(&after), [CANCEL, WAIT, CANCEL], "only A2 is asked");
    }
}

#[tokio::test]
async fn what_has_shipped_or_was_cancelled_or_is_gone_takes_no_answer_and_says_why() {
    let ends = [
        ("shipped_qty = 2, short_qty = 0", "This item has been sent already, so it cannot be cancelled"),
        ("cancelled_qty = 2, short_qty = 0", "This item is cancelled already"),
        ("", "This item is no longer part of the order"),
    ];
    for (end, why) in ends {
        for site in Site::on_each_engine() {
            let site = site.await;
            if end.is_empty() {
                site.shop.backorder("Z9").await;
                site.shop.delete("A1").await;
            } else {
                site.shop.set("A1", end).await;
            }
            site.sweep().await;
            for choice in ["wait", "cancel"] {
                let after = site.answer_and_look(&site.page(), &[("line", "A1"), ("choice", choice)]).await;
                assert!(after.words().contains(why), "{}", after.words());
            }
            assert_eq!(site.answers().await, [""; 0]);
        }
    }
}

#[tokio::test]
async fn a_cancel_takes_the_whole_open_quantity() {
    for site in Site::on_each_engine() {
        let site = site.await;
        site.shop.set("A1", "ordered_qty = 7, shipped_qty = 2, cancelled_qty = 1, short_qty = 1").await;
        site.tick_all().await;
        let page = site.http.get(&format!("{}?line=A1&want=cancel", site.page())).await;
        assert!(page.words().contains("(quantity: 4)"), "{}", page.words());
        site.answer("A1", "cancel").await;
        assert_eq!(site.answers().await, ["A1 cancel 4 open"]);
    }
}

#[tokio::test]
async fn what_came_in_can_still_be_cancelled_until_it_ships() {
    for site in Site::on_each_engine() {
        let site = site.await;
        site.shop.set("A1", "short_qty = 0").await;
        site.tick_all().await;
        let page = site.http.get(&site.page_of_first()).await;
        assert_eq!(buttons(&page), [CANCEL]);
        assert!(page.words().contains("It is in stock, and we are preparing it for shipment."));
        site.http.post(&site.page_of_first(), &[("line", "A1"), ("choice", "cancel")]).await;
        assert_eq!(site.answers().await, ["A1 cancel 2 open"]);
    }
}

#[tokio::test]
async fn news_of_a_line_that_she_cancelled_is_not_sent() {
    for site in Site::on_each_engine() {
        let site = site.await;
        site.shop.expect("A1", "2027-04-01").await;
        site.settle().await;
        site.answer("A1", "cancel").await;
        site.in_state("delete from outbox where kind = 'choice_received'").await;
        site.deliver().await;
        assert_eq!(site.log().await, ["backordered sent", "date_changed superseded"]);
        site.advance("30d");
        site.tick_all().await;
        assert_eq!(site.kinds(), ["backordered"]);
    }
}

#[tokio::test]
async fn an_answer_is_told_to_staff_who_ask_why() {
    for site in Site::on_each_engine() {
        let site = site.await;
        site.answer("A1", "cancel").await;
        let notice = site.entries().await[0].id;
        let events = site.texts("select detail from events where what = 'answered'").await;
        assert_eq!(events, [format!("the customer answered cancel for 2 open, to {notice}")]);
    }
}
