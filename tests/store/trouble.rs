//! What waits for a person.

use backorderd::shop::line::Line;
use backorderd::store::outbox::Fate;
use backorderd::store::tasks::NewTask;

use super::{claim_one, finish, later, line, read, ready, start, tasks};
use crate::support::state::State;

fn aside(subject: &str, reason: &str) -> NewTask {
    NewTask {
        kind: "set_aside",
        shop_id: String::new(),
        subject: subject.into(),
        reason: reason.into(),
        mend: "correct it".into(),
    }
}

#[tokio::test]
async fn a_task_comes_up_once_is_brought_up_to_date_and_ends_with_its_cause() {
    for state in State::on_each_engine() {
        let State { store, .. } = &state.await;
        let whole = ["set_aside"];
        store.record_tasks(&[aside("line A1", "a bad date"), aside("line A2", "odd")], &whole, start()).await.unwrap();
        store.record_tasks(&[aside("line A1", "a worse date")], &[], later(10)).await.unwrap();
        let open = store.tasks().await.unwrap();
        assert_eq!(open.len(), 2, "a poll read nothing of A2");
        let first = open.iter().find(|task| task.subject == "line A1").unwrap();
        assert_eq!((&*first.reason, first.since), ("a worse date", start()));

        store.record_tasks(&[aside("line A1", "a worse date")], &whole, later(20)).await.unwrap();
        assert_eq!(tasks(store).await, ["set_aside line A1"]);
        store.record_tasks(&[], &["refused_sweep"], later(30)).await.unwrap();
        assert_eq!(tasks(store).await.len(), 1, "another kind is left alone");
        store.record_tasks(&[], &whole, later(30)).await.unwrap();
        assert_eq!(tasks(store).await, [""; 0]);
        store.record_tasks(&[aside("line A1", "again")], &whole, later(40)).await.unwrap();
        assert_eq!(store.tasks().await.unwrap()[0].since, later(40), "a new task");
    }
}

#[tokio::test]
async fn two_bad_rows_of_one_product_are_one_task() {
    for state in State::on_each_engine() {
        let State { store, .. } = &state.await;
        let twice = [aside("stock product LAMP", "one"), aside("stock product LAMP", "other")];
        store.record_tasks(&twice, &["set_aside"], start()).await.unwrap();
        assert_eq!(tasks(store).await, ["set_aside stock product LAMP"]);
    }
}

#[tokio::test]
async fn staff_end_a_task_by_its_number() {
    for state in State::on_each_engine() {
        let State { store, .. } = &state.await;
        store.record_tasks(&[aside("line A1", "odd"), aside("line A2", "odd")], &[], start()).await.unwrap();
        let id: i64 = store.tasks().await.unwrap()[0].id.parse().unwrap();
        assert_eq!(store.end_tasks(&[id, 999], later(1)).await.unwrap(), [id]);
        assert_eq!(store.end_tasks(&[id], later(1)).await.unwrap(), [0i64; 0]);
        assert_eq!(tasks(store).await.len(), 1);
    }
}

#[tokio::test]
async fn held_notifications_are_one_task_for_each_reason() {
    for state in State::on_each_engine() {
        let State { store, .. } = &state.await;
        for (number, reason) in ["a flood", "a flood", "it cannot be rendered"].iter().enumerate() {
            read(store, &[line(&format!("A{number}"), &format!("S{number}"))], later(number as i64)).await;
            let claimed = claim_one(store, later(60)).await;
            finish(store, &claimed, Fate::Held { note: (*reason).into() }, later(60)).await;
        }
        let open = store.tasks().await.unwrap();
        assert_eq!(open.len(), 2, "{open:?}");
        assert_eq!((&*open[0].subject, &*open[0].reason, open[0].since), ("2 notifications", "a flood", start()));
        assert!(open[1].mend.contains(&open[1].subject), "{}", open[1].mend);
    }
}

#[tokio::test]
async fn a_waiting_line_without_an_address_is_a_task_until_it_has_one_or_waits_no_more() {
    for state in State::on_each_engine() {
        let State { store, .. } = &state.await;
        let nobody = |line_id: &str| Line { customer_email: None, ..line(line_id, line_id) };
        read(store, &[nobody("A1"), nobody("A2"), ready(nobody("A3"))], start()).await;
        assert_eq!(tasks(store).await, ["no_address A1", "no_address A2"]);
        read(store, &[line("A1", "A1"), ready(nobody("A2"))], later(60)).await;
        assert_eq!(tasks(store).await, [""; 0]);
    }
}
