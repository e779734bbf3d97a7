//! Answers on their way to the shop: who has which in hand, and what becomes of them.

use backorderd::choice::Choice;
use backorderd::choice::decide::Decision;
use backorderd::choice::handover::{Reply, Through};
use backorderd::outbox::plan::Silent;
use backorderd::store::choices::{Answering, Asking, ChoiceState, Ways};
use backorderd::store::handover::{Carried, Hearing};

use super::*;
use crate::support::state::State;

const BOTH: Ways = Ways { statement: true, hook: true };

async fn answer(store: &Store, line_id: &str, choice: Choice, now: Timestamp) {
    let clock = Clock::at(now);
    let settle = SignedDuration::ZERO;
    let answering = Answering { order_row: 1, line_id, choice, ways: BOTH, settle };
    let asking = asking(&clock);
    let decided = store.answer(answering, asking, |_| Decision::Taken { notice: None }).await.unwrap();
    assert_eq!(decided, Some(Decision::Taken { notice: None }));
}

fn asking(clock: &Clock) -> Asking<'_> {
    Asking { clock, now: clock.now(), today: "2027-01-12".parse().unwrap(), channels: &[MAIL] }
}

async fn take(store: &Store, owner: &str, now: Timestamp) -> Vec<Carried> {
    store.claim_answers(owner, now, 100, LEASE).await.unwrap()
}

async fn take_one(store: &Store, now: Timestamp) -> Carried {
    let mut taken = take(store, "worker", now).await;
    assert_eq!(taken.len(), 1, "{taken:?}");
    taken.remove(0)
}

async fn say(store: &Store, carried: &Carried, through: Through, reply: Reply) -> Option<ChoiceState> {
    let clock = Clock::at(later(60));
    let hearing = Hearing { asking: asking(&clock), confirm_by: later(86_400) };
    store.record_reply(carried, through, &reply, hearing).await.unwrap()
}

fn refused() -> Reply {
    Reply::Refused { reason: "no".into() }
}

/// The states of a line's answers, oldest first.
async fn states(store: &Store, line_id: &str) -> Vec<ChoiceState> {
    let reach = store.reach(1).await.unwrap().unwrap();
    let line = reach.lines.into_iter().find(|line| line.line.line_id == line_id).unwrap();
    line.given.into_iter().map(|given| given.state).collect()
}

#[tokio::test]
async fn an_answer_is_in_one_hand_until_the_lease_ends_and_no_beat_prolongs_it() {
    for state in State::on_each_engine() {
        let State { store, .. } = &state.await;
        read(store, &[line("A1", "S1")], start()).await;
        answer(store, "A1", Choice::Wait, start()).await;
        assert_eq!(take(store, "early", later(-1)).await.len(), 0);
        assert!(!store.any_answer_in_hand().await.unwrap());
        let first = take_one(store, start()).await;
        assert_eq!(first.waiting, [Through::Statement, Through::Hook]);
        assert!(store.any_answer_in_hand().await.unwrap());
        assert_eq!(take(store, "another", start()).await.len(), 0);
        store.expire_leases().await.unwrap();
        store.keep_answers("worker", LEASE).await.unwrap();
        assert_eq!(take(store, "another", start()).await.len(), 0, "it lives");
        store.expire_leases().await.unwrap();
        store.keep_answers("a stranger", LEASE).await.unwrap();
        let second = take(store, "another", start()).await.remove(0);
        assert_eq!((second.answer.id, second.fence), (first.answer.id, first.fence + 1));
    }
}

#[tokio::test]
async fn who_died_between_two_ways_repeats_only_the_second() {
    for state in State::on_each_engine() {
        let State { store, .. } = &state.await;
        read(store, &[line("A1", "S1")], start()).await;
        answer(store, "A1", Choice::Wait, start()).await;
        let first = take_one(store, start()).await;
        assert_eq!(say(store, &first, Through::Hook, Reply::Taken).await, Some(ChoiceState::Open));
        store.expire_leases().await.unwrap();
        let second = take_one(store, start()).await;
        assert_eq!(second.waiting, [Through::Statement]);
        assert_eq!(say(store, &second, Through::Statement, Reply::Taken).await, Some(ChoiceState::Done));
        assert_eq!(take(store, "worker", later(86_400)).await.len(), 0);
    }
}

#[tokio::test]
async fn who_lost_the_lease_changes_nothing() {
    for state in State::on_each_engine() {
        let State { store, .. } = &state.await;
        read(store, &[line("A1", "S1")], start()).await;
        answer(store, "A1", Choice::Cancel, start()).await;
        let late = take_one(store, start()).await;
        store.expire_leases().await.unwrap();
        let newer = take_one(store, start()).await;
        for reply in [Reply::Taken, refused()] {
            assert_eq!(say(store, &late, Through::Statement, reply).await, None);
        }
        store.retry_answer(&late, later(3600), later(90_000)).await.unwrap();
        store.give_back_answer(&late, later(3600)).await.unwrap();
        assert_eq!(take(store, "another", later(7200)).await.len(), 0, "it is still in the other hand");
        assert_eq!(tasks(store).await, [""; 0]);
        assert_eq!(states(store, "A1").await, [ChoiceState::Open]);
        assert_eq!(say(store, &newer, Through::Statement, refused()).await, Some(ChoiceState::Refused));
        assert_eq!(say(store, &newer, Through::Hook, Reply::Taken).await, None, "it is over");
    }
}

#[tokio::test]
async fn an_answer_in_hand_keeps_the_newer_one_waiting() {
    for state in State::on_each_engine() {
        let State { store, .. } = &state.await;
        read(store, &[line("A1", "S1"), line("A2", "S1")], start()).await;
        answer(store, "A1", Choice::Wait, start()).await;
        let older = take_one(store, start()).await;
        answer(store, "A1", Choice::Cancel, later(10)).await;
        answer(store, "A2", Choice::Wait, later(10)).await;
        let other = take_one(store, later(10)).await;
        assert_eq!(other.answer.line_id, "A2", "another line waits for nothing");
        assert_eq!(states(store, "A1").await, [ChoiceState::Open, ChoiceState::Open]);
        say(store, &older, Through::Statement, Reply::Taken).await;
        say(store, &older, Through::Hook, Reply::Taken).await;
        assert_eq!(take_one(store, later(10)).await.answer.choice, Choice::Cancel);
        assert_eq!(states(store, "A1").await, [ChoiceState::Done, ChoiceState::Open]);
    }
}

#[tokio::test]
async fn an_older_answer_that_was_not_taken_is_dropped_when_it_is_let_go_or_its_process_died() {
    for dies in [false, true] {
        for state in State::on_each_engine() {
            let State { store, .. } = &state.await;
            read(store, &[line("A1", "S1")], start()).await;
            answer(store, "A1", Choice::Wait, start()).await;
            let older = take_one(store, start()).await;
            answer(store, "A1", Choice::Cancel, later(10)).await;
            if dies {
                store.expire_leases().await.unwrap();
            } else {
                store.retry_answer(&older, later(20), later(90_000)).await.unwrap();
                assert_eq!(tasks(store).await, [""; 0], "nobody needs it any more");
            }
            assert_eq!(take_one(store, later(30)).await.answer.choice, Choice::Cancel);
            assert_eq!(states(store, "A1").await, [ChoiceState::Dropped, ChoiceState::Open]);
            assert_eq!(say(store, &older, Through::Statement, Reply::Taken).await, None);
        }
    }
}

#[tokio::test]
async fn what_is_given_back_is_due_at_once_and_what_failed_when_it_is_said() {
    for state in State::on_each_engine() {
        let State { store, .. } = &state.await;
        read(store, &[line("A1", "S1")], start()).await;
        answer(store, "A1", Choice::Wait, start()).await;
        let given_back = take_one(store, start()).await;
        store.give_back_answer(&given_back, later(1)).await.unwrap();
        let again = take_one(store, later(1)).await;
        assert_eq!(again.attempts, 0);
        store.retry_answer(&again, later(60), later(1)).await.unwrap();
        assert_eq!(take(store, "worker", later(59)).await.len(), 0);
        assert_eq!(take_one(store, later(60)).await.attempts, 1);
    }
}

#[tokio::test]
async fn the_feed_ends_what_is_being_carried() {
    for state in State::on_each_engine() {
        let State { store, .. } = &state.await;
        read(store, &[line("A1", "S1")], start()).await;
        answer(store, "A1", Choice::Cancel, start()).await;
        let carried = take_one(store, start()).await;
        let cancelled = Line { cancelled_qty: Decimal::TWO, short_qty: Decimal::ZERO, ..line("A1", "S1") };
        read(store, &[cancelled], later(10)).await;
        assert_eq!(states(store, "A1").await, [ChoiceState::Done]);
        assert_eq!(say(store, &carried, Through::Statement, refused()).await, None, "it is cancelled");
        assert_eq!(take(store, "worker", later(60)).await.len(), 0);
        assert!(!store.any_answer_in_hand().await.unwrap());
    }
}

#[tokio::test]
async fn fewer_pieces_ordered_or_the_rest_shipped_confirm_a_cancel_and_a_shipment_does_not() {
    let one = Decimal::ONE;
    let shown: [(Line, ChoiceState); 4] = [
        (Line { ordered_qty: Decimal::ZERO, short_qty: Decimal::ZERO, ..line("A1", "S1") }, ChoiceState::Done),
        (Line { shipped_qty: one, cancelled_qty: one, ..line("A1", "S1") }, ChoiceState::Done),
        (Line { shipped_qty: Decimal::TWO, ..line("A1", "S1") }, ChoiceState::Open),
        (Line { cancelled_qty: one, short_qty: one, ..line("A1", "S1") }, ChoiceState::Open),
    ];
    for (line_now, expected) in shown {
        for state in State::on_each_engine() {
            let State { store, .. } = &state.await;
            read(store, &[line("A1", "S1")], start()).await;
            answer(store, "A1", Choice::Cancel, start()).await;
            read(store, std::slice::from_ref(&line_now), later(10)).await;
            assert_eq!(states(store, "A1").await, [expected], "{}", line_now.summary());
        }
    }
}

#[tokio::test]
async fn silence_is_recorded_with_the_look_that_found_it_and_not_without_it() {
    for state in State::on_each_engine() {
        let State { store, .. } = &state.await;
        read(store, &[line("A1", "S1")], start()).await;
        let clock = Clock::at(later(60));
        let found = Batch { rows: vec![1], ..Batch::default() };
        let silent = |order: &mut Order| {
            let silent = vec![Silent { line_id: "A1".into(), notice: None }];
            Plan { silent, ..decided(order, later(60), 0) }
        };
        let how = Recording { ways: BOTH, ..recording(&clock, later(60)) };
        store.record(&found, Recording { rehearsal: true, ..how }, silent).await.unwrap();
        assert_eq!(states(store, "A1").await, []);
        store.record(&found, how, silent).await.unwrap();
        assert_eq!(states(store, "A1").await, [ChoiceState::Open]);
        let carried = take_one(store, later(60)).await;
        assert_eq!((carried.answer.by.word(), carried.answer.quantity), ("silence", Decimal::TWO));
        assert_eq!(log(store).await, ["backordered queued"], "nobody is thanked for silence");
    }
}

#[tokio::test]
async fn what_answers_her_and_news_that_is_due_with_it_both_leave() {
    for state in State::on_each_engine() {
        let State { store, .. } = &state.await;
        read(store, &[line("A1", "S1"), line("B1", "S2")], start()).await;
        answer(store, "A1", Choice::Wait, start()).await;
        let claimed = claim(store, later(60)).await;
        let kinds =
            |claimed: &[Claimed]| claimed.iter().map(|one| (one.order_row, one.kind.word())).collect::<Vec<_>>();
        let mut first = kinds(&claimed);
        first.sort_unstable();
        assert_eq!(first, [(1, "choice_received"), (2, "backordered")]);
        for claimed in &claimed {
            finish(store, claimed, Fate::Sent, later(60)).await;
        }
        assert_eq!(kinds(&claim(store, later(60)).await), [(1, "backordered")]);
    }
}
