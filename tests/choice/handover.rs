//! What becomes of an answer at the shop, what the customer hears of it, and what staff see.

use backorderd::choice::carrier::HandedOver;
use backorderd::choice::handover::Reply;
use jiff::SignedDuration;

use super::Site;
use crate::support::ways::{BOTH, STATEMENTS, ScriptedWay, both, failed, refused, statement};

const TAKEN: HandedOver = HandedOver { taken: 1, untouched: 0, refused: 0, failed: 0 };
const FAILED: HandedOver = HandedOver { taken: 0, untouched: 0, refused: 0, failed: 1 };

/// The detail of each event of this sort.
async fn events(site: &Site, what: &str) -> Vec<String> {
    site.texts(&format!("select detail from events where what = '{what}' order by id")).await
}

#[tokio::test]
async fn an_answer_is_handed_over_once_with_all_that_the_shop_needs() {
    for site in Site::on_each_engine_with(STATEMENTS) {
        let site = site.await;
        site.answer("A1", "wait").await;
        let way = ScriptedWay::says([]);
        assert_eq!(site.hand_over(&statement(&way)).await, TAKEN);
        assert_eq!(site.hand_over(&statement(&way)).await, HandedOver::default());
        assert_eq!(way.heard(), ["wait A1 customer"]);
        let asked = way.asked().remove(0);
        assert_eq!((&*asked.order_id, &*asked.order_number), ("S1", "S1"));
        assert_eq!((asked.quantity, &*asked.customer_email), (2.into(), "ada@example.com"));
        assert_eq!(asked.notification_id, Some(site.entries().await[0].id));
        assert_eq!(site.answers().await, ["A1 wait 2 done"]);
        assert_eq!(site.texts("select 'sure' from choices where confirmed_at = taken_at").await, ["sure"]);
        assert_eq!(events(&site, "hand-over").await, ["the statement took it"]);
    }
}

#[tokio::test]
async fn a_cancel_is_confirmed_by_the_feed_and_by_nothing_else() {
    for site in Site::on_each_engine_with(STATEMENTS) {
        let site = site.await;
        site.answer("A1", "cancel").await;
        site.hand_over(&statement(&ScriptedWay::says([]))).await;
        let confirmed = "select 'sure' from choices where confirmed_at is not null";
        site.shop.set("A1", "cancelled_qty = 1, short_qty = 1").await;
        site.tick_all().await;
        assert_eq!(site.texts(confirmed).await, [""; 0], "one piece is still open");
        site.shop.set("A1", "cancelled_qty = 2, short_qty = 0").await;
        site.tick_all().await;
        assert_eq!(site.texts(confirmed).await, ["sure"]);
        assert_eq!(events(&site, "confirmed").await, ["the shop shows the cancel: it is done"]);
        assert_eq!(site.kinds(), ["backordered", "choice_received"], "she knows");
        site.advance("30d");
        site.tick_all().await;
        assert_eq!(site.tasks().await, [""; 0]);
    }
}

#[tokio::test]
async fn a_cancel_that_the_feed_does_not_show_in_time_is_put_before_staff_until_it_does() {
    // What changes no row is not confirmed either.
    for reply in [Reply::Taken, Reply::Untouched] {
        for site in Site::on_each_engine_with(STATEMENTS) {
            let site = site.await;
            site.answer("A1", "cancel").await;
            let handed_over = site.hand_over(&statement(&ScriptedWay::says([reply.clone()]))).await;
            assert_eq!((handed_over.taken + handed_over.untouched, handed_over.all_accepted()), (1, true));
            site.advance("47h");
            site.sweep().await;
            assert_eq!(site.tasks().await, [""; 0]);
            site.advance("1h");
            site.sweep().await;
            site.sweep().await;
            assert_eq!(site.tasks().await, ["choice_unconfirmed A1"]);
            site.shop.set("A1", "cancelled_qty = 2, short_qty = 0").await;
            site.sweep().await;
            assert_eq!(site.tasks().await, [""; 0]);
            assert_eq!(site.answers().await, ["A1 cancel 2 done"]);
        }
    }
}

#[tokio::test]
async fn what_ships_or_vanishes_confirms_no_cancel_and_staff_can_say_that_it_is_done() {
    for gone in [false, true] {
        for site in Site::on_each_engine_with(STATEMENTS) {
            let site = site.await;
            site.answer("A1", "cancel").await;
            site.hand_over(&statement(&ScriptedWay::says([]))).await;
            if gone {
                site.shop.delete("A1").await;
            } else {
                site.shop.set("A1", "shipped_qty = 2, short_qty = 0").await;
            }
            site.process.app.store.set_fact("accept_shrunken", Some("by the test")).await.unwrap();
            site.advance("2d");
            site.sweep().await;
            assert_eq!(site.tasks().await, ["choice_unconfirmed A1"]);
            let task = site.store.tasks().await.unwrap().remove(0);
            assert!(task.reason.contains("the customer cancelled line A1 of order S1 (quantity 2)"), "{}", task.reason);
            site.store.end_tasks(&[task.id.parse().unwrap()], site.now()).await.unwrap();
            site.advance("1d");
            site.sweep().await;
            assert_eq!(site.tasks().await, [""; 0], "what staff said stays said");
        }
    }
}

#[tokio::test]
async fn with_nothing_set_up_a_cancel_is_a_task_at_once_until_the_feed_shows_it_or_staff_say_so() {
    for by_feed in [true, false] {
        for site in Site::on_each_engine() {
            let site = site.await;
            site.answer("A1", "cancel").await;
            assert_eq!(site.tasks().await, ["choice_to_do A1"]);
            let task = site.store.tasks().await.unwrap().remove(0);
            assert!(
                task.reason
                    .starts_with("the customer cancelled line A1 of order S1 (quantity 2) on 2027-01-12 15:00 UTC"),
                "{}",
                task.reason
            );
            let way = ScriptedWay::says([]);
            assert_eq!(site.hand_over(&statement(&way)).await, HandedOver::default());
            if by_feed {
                site.shop.set("A1", "cancelled_qty = 2, short_qty = 0").await;
                site.sweep().await;
            } else {
                site.store.end_tasks(&[task.id.parse().unwrap()], site.now()).await.unwrap();
            }
            assert_eq!(site.tasks().await, [""; 0]);
            assert_eq!(site.answers().await, ["A1 cancel 2 done"]);
            assert_eq!(way.heard(), [""; 0]);
        }
    }
}

#[tokio::test]
async fn a_refused_cancel_is_told_with_its_reason_and_the_mails_of_the_line_resume() {
    for site in Site::on_each_engine_with(STATEMENTS) {
        let site = site.await;
        site.answer("A1", "cancel").await;
        site.shop.expect("A1", "2027-04-01").await;
        site.tick_all().await;
        assert_eq!(site.kinds(), ["backordered", "choice_received"], "she cancelled");
        let handed_over = site.hand_over(&statement(&ScriptedWay::says([refused("it is on\n the truck")]))).await;
        assert_eq!(handed_over, HandedOver { refused: 1, ..HandedOver::default() });
        assert!(!handed_over.all_accepted());
        assert_eq!(site.tasks().await, ["choice_refused A1"]);
        site.deliver().await;
        assert_eq!(site.kinds(), ["backordered", "choice_received", "choice_refused", "date_changed"]);
        let refusal = site.mails().remove(2).text;
        assert!(refusal.contains("it is on the truck"), "{refusal}");
        assert!(site.last_mail().text.contains("April 1, 2027"));
        let page = site.http.get(&site.page()).await;
        assert!(page.words().contains("We could not carry this out: it is on the truck."), "{}", page.words());
        assert_eq!(events(&site, "hand-over").await, ["the statement refused it: it is on the truck"]);
    }
}

#[tokio::test]
async fn refusals_of_one_order_that_come_together_are_one_mail_with_the_reason_of_each() {
    for site in Site::on_each_engine_with(STATEMENTS) {
        let site = site.await;
        site.shop.line("A2").order("S1").put().await;
        site.shop.line("A3").order("S1").put().await;
        site.tick_all().await;
        for line in ["A1", "A2", "A3"] {
            site.answer(line, "cancel").await;
        }
        site.advance("1m");
        site.deliver().await;
        let way = ScriptedWay::says([refused("it is packed"), refused("it is on the truck"), refused("it is sewn in")]);
        let handed_over = site.hand_over(&statement(&way)).await;
        assert_eq!(handed_over.refused, 3);
        assert_eq!(site.tasks().await.len(), 3, "one a line");
        // One of them is cancelled all the same.
        site.shop.set("A2", "cancelled_qty = 2, short_qty = 0").await;
        site.sweep().await;
        site.deliver().await;
        let refusals: Vec<_> = site.mails().into_iter().filter(|mail| mail.kind == "choice_refused").collect();
        let [refusal] = &refusals[..] else { panic!("{:?}", site.kinds()) };
        let said = [("packed", "A1"), ("on the truck", "A2"), ("sewn in", "A3")]
            .map(|(reason, line)| (refusal.text.contains(reason), refusal.text.contains(&format!("Lamp {line}"))));
        assert_eq!(said.iter().filter(|(reason, _)| *reason).count(), 2, "{}", refusal.text);
        assert_eq!(said.map(|(_, line)| line), [true, false, true], "{}", refusal.text);
        assert_eq!(site.log().await.iter().filter(|entry| entry.starts_with("choice_refused")).count(), 1);
    }
}

#[tokio::test]
async fn a_refusal_never_comes_before_the_acknowledgement() {
    for site in Site::on_each_engine_with(STATEMENTS) {
        let site = site.await;
        site.answer("A1", "cancel").await;
        site.hand_over(&statement(&ScriptedWay::says([refused("no")]))).await;
        site.deliver().await;
        assert_eq!(site.kinds(), ["backordered"]);
        site.advance("30s");
        site.deliver().await;
        assert_eq!(site.kinds(), ["backordered", "choice_received", "choice_refused"]);
    }
}

#[tokio::test]
async fn a_refused_cancel_that_the_feed_shows_all_the_same_is_done() {
    for site in Site::on_each_engine_with(STATEMENTS) {
        let site = site.await;
        site.answer("A1", "cancel").await;
        site.hand_over(&statement(&ScriptedWay::says([refused("no")]))).await;
        site.shop.set("A1", "cancelled_qty = 2, short_qty = 0").await;
        site.sweep().await;
        assert_eq!(site.answers().await, ["A1 cancel 2 done"]);
        assert_eq!(site.tasks().await, [""; 0]);
        site.advance("1m");
        site.tick_all().await;
        assert_eq!(site.kinds(), ["backordered", "choice_received"], "a refusal that holds no longer is not told");
        assert!(site.log().await.contains(&"choice_refused superseded".to_owned()));
    }
}

#[tokio::test]
async fn who_chose_to_wait_after_a_refusal_is_told_when_the_shop_cancels() {
    for site in Site::on_each_engine_with(STATEMENTS) {
        let site = site.await;
        let way = ScriptedWay::says([refused("no")]);
        site.answer("A1", "cancel").await;
        site.hand_over(&statement(&way)).await;
        site.advance("1m");
        site.answer("A1", "wait").await;
        site.hand_over(&statement(&way)).await;
        site.advance("1m");
        site.deliver().await;
        site.shop.set("A1", "cancelled_qty = 2, short_qty = 0").await;
        site.tick_all().await;
        assert_eq!(site.answers().await, ["A1 cancel 2 refused", "A1 wait 2 done"]);
        assert_eq!(site.kinds().last().map(String::as_str), Some("cancelled"));
    }
}

#[tokio::test]
async fn after_a_refused_cancel_a_wait_can_be_refused_too() {
    for site in Site::on_each_engine_with(STATEMENTS) {
        let site = site.await;
        let way = ScriptedWay::says([refused("too late"), refused("who knows")]);
        site.answer("A1", "cancel").await;
        site.hand_over(&statement(&way)).await;
        site.advance("1m");
        site.answer("A1", "wait").await;
        site.hand_over(&statement(&way)).await;
        assert_eq!(way.heard(), ["cancel A1 customer", "wait A1 customer"]);
        assert_eq!(site.answers().await, ["A1 cancel 2 refused", "A1 wait 2 refused"]);
        site.advance("1m");
        site.deliver().await;
        let refusals: Vec<String> =
            site.mails().into_iter().filter(|mail| mail.kind == "choice_refused").map(|mail| mail.text).collect();
        assert_eq!(refusals.len(), 2);
        assert!(refusals[0].contains("too late") && refusals[1].contains("who knows"), "{refusals:?}");
        assert_eq!(site.tasks().await, ["choice_refused A1"], "one a line");
    }
}

#[tokio::test]
async fn an_older_answer_that_is_tried_again_is_dropped_for_a_newer() {
    for site in Site::on_each_engine_with(STATEMENTS) {
        let site = site.await;
        let way = ScriptedWay::says([failed("the database is away")]);
        site.answer("A1", "wait").await;
        assert_eq!(site.hand_over(&statement(&way)).await, FAILED);
        site.answer("A1", "cancel").await;
        assert_eq!(site.hand_over(&statement(&way)).await, TAKEN, "a new answer waits for no ladder");
        site.advance("1d");
        site.hand_over(&statement(&way)).await;
        assert_eq!(way.heard(), ["wait A1 customer", "cancel A1 customer"]);
        assert_eq!(site.answers().await, ["A1 wait 2 dropped", "A1 cancel 2 done"]);
    }
}

#[tokio::test]
async fn what_nobody_takes_is_tried_by_the_ladder_and_after_a_day_it_is_a_task_that_ends_by_itself() {
    for site in Site::on_each_engine_with(STATEMENTS) {
        let site = site.await;
        site.answer("A1", "cancel").await;
        let asked_to_wait = Reply::Failed { problem: "busy".into(), wait: Some(SignedDuration::from_hours(2)) };
        let way = ScriptedWay::says([failed("away"), asked_to_wait, failed("away\0 still")]);
        let ways = statement(&way);
        assert_eq!(site.hand_over(&ways).await, FAILED);
        assert_eq!(site.hand_over(&ways).await, HandedOver::default(), "not before its time");
        site.advance("72s");
        assert_eq!(site.hand_over(&ways).await, FAILED);
        site.advance("1h 59m");
        assert_eq!(site.hand_over(&ways).await, HandedOver::default(), "the shop asked for two hours");
        assert_eq!(site.tasks().await, [""; 0]);
        site.advance("1d");
        assert_eq!(site.hand_over(&ways).await, FAILED);
        assert_eq!(site.tasks().await, ["choice_not_handed_over A1"]);
        let task = site.store.tasks().await.unwrap().remove(0);
        assert!(task.reason.ends_with("the statement failed: away still"), "{}", task.reason);
        site.advance("1d");
        assert_eq!(site.hand_over(&ways).await, TAKEN);
        assert_eq!(site.tasks().await, [""; 0]);
        assert_eq!(site.texts("select attempts || '' from choices").await, ["4"]);
    }
}

#[tokio::test]
async fn each_way_is_asked_until_it_has_said_its_own_word() {
    for site in Site::on_each_engine_with(BOTH) {
        let site = site.await;
        site.answer("A1", "cancel").await;
        let (sql, hook) = (ScriptedWay::says([failed("locked")]), ScriptedWay::says([]));
        assert_eq!(site.hand_over(&both(&sql, &hook)).await, FAILED);
        let ways = "select state || ' ' || statement || ' ' || hook from choices";
        assert_eq!(site.texts(ways).await, ["open waiting taken"]);
        site.advance("2m");
        assert_eq!(site.hand_over(&both(&sql, &hook)).await, TAKEN);
        assert_eq!(site.texts(ways).await, ["done taken taken"]);
        assert_eq!((sql.heard().len(), hook.heard().len()), (2, 1));
    }
}

#[tokio::test]
async fn what_one_way_refused_is_refused_and_the_other_is_asked_no_more() {
    for site in Site::on_each_engine_with(BOTH) {
        let site = site.await;
        site.answer("A1", "cancel").await;
        let (sql, hook) = (ScriptedWay::says([refused("shipped")]), ScriptedWay::says([]));
        site.hand_over(&both(&sql, &hook)).await;
        site.advance("1d");
        site.hand_over(&both(&sql, &hook)).await;
        assert_eq!((sql.heard().len(), hook.heard().len()), (1, 0));
        assert_eq!(site.answers().await, ["A1 cancel 2 refused"]);
    }
}

#[tokio::test]
async fn a_way_that_is_in_the_settings_no_more_is_a_problem_that_staff_see() {
    for site in Site::on_each_engine_with(STATEMENTS) {
        let site = site.await;
        site.answer("A1", "cancel").await;
        site.advance("1d");
        assert_eq!(site.hand_over(&Default::default()).await, FAILED);
        let task = site.store.tasks().await.unwrap().remove(0);
        assert!(task.reason.ends_with("the statement is not in [choices] any more"), "{}", task.reason);
    }
}

#[tokio::test]
async fn many_processes_hand_every_answer_over_once() {
    for site in Site::on_each_engine_with(STATEMENTS) {
        let site = site.await;
        let page = site.page_of_first();
        for number in 10..40 {
            site.shop.backorder(&format!("A{number}")).await;
        }
        site.tick_all().await;
        for number in 10..40 {
            site.http.post(&page, &[("line", &format!("A{number}")), ("choice", "wait")]).await;
            site.advance("1s");
        }
        let way = ScriptedWay::says([]);
        let others = [site.another_process(STATEMENTS).await, site.another_process(STATEMENTS).await];
        let carriers = [
            site.process.carrier(statement(&way)),
            others[0].carrier(statement(&way)),
            others[1].carrier(statement(&way)),
        ];
        let ticks = carriers.iter().map(|carrier| carrier.tick());
        let sum: usize =
            futures_util::future::join_all(ticks).await.into_iter().map(|ticked| ticked.unwrap().taken).sum();
        assert_eq!(sum, 30);
        let mut heard = way.heard();
        heard.sort();
        heard.dedup();
        assert_eq!((heard.len(), way.heard().len()), (30, 30));
    }
}

#[tokio::test]
async fn a_process_that_is_to_stop_begins_nothing() {
    for site in Site::on_each_engine_with(STATEMENTS) {
        let site = site.await;
        site.answer("A1", "cancel").await;
        let other = site.another_process(STATEMENTS).await;
        let way = ScriptedWay::says([]);
        let carrier = other.carrier(statement(&way));
        other.app.stop();
        assert_eq!(carrier.tick().await.unwrap(), HandedOver::default());
        assert_eq!(way.heard(), [""; 0]);
        assert_eq!(site.hand_over(&statement(&way)).await, TAKEN);
    }
}
