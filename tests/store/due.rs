//! Whether there is anything to do.

use backorderd::choice::Choice;
use backorderd::choice::decide::Decision;
use backorderd::store::Store;
use backorderd::store::choices::{Answering, Asking, Ways};

use super::*;
use crate::support::staff::by;
use crate::support::state::State;

async fn is_due(store: &Store, now: Timestamp) -> bool {
    store.is_due(MAIL, now).await.unwrap()
}

async fn is_answer_due(store: &Store, now: Timestamp) -> bool {
    store.is_answer_due(now).await.unwrap()
}

#[tokio::test]
async fn mails_are_due_from_their_time_on_until_they_are_in_hand_and_again_when_their_process_died() {
    for state in State::on_each_engine() {
        let State { store, .. } = &state.await;
        assert!(!is_due(store, later(9_999)).await, "nothing at all");
        read(store, &[line("A1", "S1")], later(60)).await;
        assert!(!is_due(store, later(59)).await);
        assert!(is_due(store, later(60)).await);
        assert!(!store.is_due("webhook", later(60)).await.unwrap(), "another channel has its own");

        claim_one(store, later(60)).await;
        assert!(!is_due(store, later(9_999)).await, "its process lives");
        store.expire_leases().await.unwrap();
        assert!(is_due(store, start()).await, "its process died");
        assert!(store.is_due("webhook", start()).await.unwrap(), "whoever comes first takes over");
        store.reap(Some(later(120)), later(61)).await.unwrap();
        let again = claim_one(store, later(61)).await;

        assert!(mark(store, &again).await);
        finish(store, &again, Fate::InDoubt { again: Some(later(300)) }, later(62)).await;
        assert!(!is_due(store, later(299)).await);
        assert!(is_due(store, later(300)).await, "once more");
        let again = claim_one(store, later(300)).await;
        assert!(mark(store, &again).await);
        finish(store, &again, Fate::Sent, later(301)).await;
        assert!(!is_due(store, later(9_999)).await, "all is done");
    }
}

#[tokio::test]
async fn what_is_held_or_not_settled_yet_is_not_due() {
    for state in State::on_each_engine() {
        let State { store, .. } = &state.await;
        record(store, &batch(&[line("A1", "S1")]), start(), 30).await;
        assert!(!is_due(store, later(9_999)).await, "nobody has seen yet that it stays so");
        record(store, &Batch { rows: vec![1], ..Batch::default() }, later(30), 30).await;
        assert!(is_due(store, later(30)).await);
        let id = the_order(store).await.view.unsent.unwrap().id;
        store.hold(&[id], &by(), later(31)).await.unwrap();
        assert!(!is_due(store, later(9_999)).await, "it is held");
    }
}

#[tokio::test]
async fn what_a_relay_refused_is_looked_at_until_that_relay_takes_a_mail() {
    for state in State::on_each_engine() {
        let State { store, .. } = &state.await;
        read(store, &[line("A1", "S1"), line("A2", "S2")], start()).await;
        let [refused, taken] = &claim(store, start()).await[..] else { panic!("two") };
        assert!(mark(store, refused).await && mark(store, taken).await);
        let fate = Fate::RecipientRefused { note: "no".into(), alike: "550".into(), bad_address: false };
        finish(store, refused, fate, later(1)).await;
        assert!(is_due(store, later(1)).await, "the relay may turn out to be to blame");
        finish(store, taken, Fate::Sent, later(2)).await;
        assert!(!is_due(store, later(2)).await);
    }
}

#[tokio::test]
async fn answers_are_due_from_their_time_on_until_they_are_in_hand_and_again_when_their_process_died() {
    for state in State::on_each_engine() {
        let State { store, .. } = &state.await;
        read(store, &[line("A1", "S1")], start()).await;
        assert!(!is_answer_due(store, later(9_999)).await, "nobody answered");
        let clock = Clock::at(start());
        let ways = Ways { statement: true, hook: true };
        let answering =
            Answering { order_row: 1, line_id: "A1", choice: Choice::Wait, ways, settle: SignedDuration::ZERO };
        let asking =
            Asking { clock: &clock, now: clock.now(), today: "2027-01-12".parse().unwrap(), channels: &[MAIL] };
        store.answer(answering, asking, |_| Decision::Taken { notice: None }).await.unwrap();
        assert!(!is_answer_due(store, later(-1)).await);
        assert!(is_answer_due(store, start()).await);
        assert_eq!(store.claim_answers("worker", start(), 100, LEASE).await.unwrap().len(), 1);
        assert!(!is_answer_due(store, later(1)).await, "its process lives");
        store.expire_leases().await.unwrap();
        assert!(is_answer_due(store, later(1)).await, "its process died");
    }
}
