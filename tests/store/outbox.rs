//! Notifications in hand: claimed, prepared, marked, finished, taken back from the dead.

use std::collections::BTreeMap;

use backorderd::outbox::notification::State as NotificationState;
use backorderd::shop::line::Line;
use backorderd::store::Store;
use backorderd::store::log::LogEntry;
use backorderd::store::outbox::{Claimed, Fate, Finish, Prepared};
use uuid::Uuid;

use super::*;
use crate::support::staff::by;
use crate::support::state::State;

async fn entry(store: &Store, id: Uuid) -> LogEntry {
    store.notification(id).await.unwrap().unwrap()
}

/// Whether she was told of the only line there is.
async fn told(store: &Store) -> bool {
    the_order(store).await.view.lines[0].told.is_some()
}

async fn outcomes(store: &Store, id: Uuid) -> Vec<String> {
    store.attempts(id).await.unwrap().into_iter().map(|attempt| attempt.outcome).collect()
}

#[tokio::test]
async fn a_claim_takes_what_is_due_up_to_its_limit_and_nobody_else_gets_it() {
    for state in State::on_each_engine() {
        let State { store, .. } = &state.await;
        let lines: Vec<Line> = (0..5).map(|n| line(&format!("A{n}"), &format!("S{n}"))).collect();
        read(store, &lines[..2], start()).await;
        read(store, &lines[2..], later(60)).await;
        assert_eq!(store.next_due(MAIL).await.unwrap(), Some(start()));
        assert_eq!(store.next_due("webhook").await.unwrap(), None);
        assert!(store.claim("one", "webhook", later(60), 100, LEASE).await.unwrap().is_empty());
        let first = store.claim("one", MAIL, later(59), 100, LEASE).await.unwrap();
        assert_eq!(first.len(), 2, "the others are not due yet");
        let second = store.claim("two", MAIL, later(60), 2, LEASE).await.unwrap();
        assert_eq!(second.len(), 2, "the limit");
        assert_eq!(store.claim("one", MAIL, later(60), 100, LEASE).await.unwrap().len(), 1);
        assert!(store.any_in_hand().await.unwrap());
        let due = entry(store, first[0].id).await;
        assert_eq!((due.state, due.due_at), (NotificationState::Sending, start()));
        assert!(!first[0].rendered);
    }
}

#[tokio::test]
async fn of_one_order_one_notification_is_in_hand_and_the_older_one_goes_first() {
    for state in State::on_each_engine() {
        let State { store, .. } = &state.await;
        let doubtful = in_transfer(store).await;
        read(store, &[line("A2", "S1")], later(60)).await;
        assert!(claim(store, later(60)).await.is_empty(), "the first one is in hand");
        finish(store, &doubtful, Fate::InDoubt { again: Some(later(120)) }, later(60)).await;

        let newer = claim_one(store, later(90)).await;
        assert_ne!(newer.id, doubtful.id, "what is in doubt waits, and keeps nobody waiting");
        assert!(claim(store, later(120)).await.is_empty());
        finish(store, &newer, Fate::Again { due_at: later(100), charged: true }, later(91)).await;
        assert_eq!(claim_one(store, later(120)).await.id, doubtful.id, "both are due");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn eight_claimers_get_each_row_exactly_once() {
    const ROWS: usize = 400;
    for state in State::on_each_engine() {
        let state = state.await;
        let lines: Vec<Line> = (0..ROWS).map(|n| line(&format!("A{n}"), &format!("S{n}"))).collect();
        read(&state.store, &lines, start()).await;
        let claimers: Vec<_> = (0..8)
            .map(|owner: u32| {
                let store = state.store.clone();
                tokio::spawn(async move {
                    let mut mine = Vec::new();
                    // Some rows may be locked by another claimer at the moment, so nothing to claim is not the end.
                    while store.next_due(MAIL).await.unwrap().is_some() {
                        let claimed = store.claim(&owner.to_string(), MAIL, start(), 7, LEASE).await.unwrap();
                        mine.extend(claimed.into_iter().map(|claimed| claimed.id));
                    }
                    mine
                })
            })
            .collect();
        let mut times = BTreeMap::<Uuid, u32>::new();
        for claimer in claimers {
            claimer.await.unwrap().into_iter().for_each(|id| *times.entry(id).or_default() += 1);
        }
        assert_eq!(times.len(), ROWS);
        assert!(times.values().all(|times| *times == 1));
    }
}

#[tokio::test]
async fn what_was_rendered_is_kept_and_given_back_byte_for_byte() {
    for state in State::on_each_engine() {
        let State { store, .. } = &state.await;
        read(store, &[line("A1", "S1"), line("B1", "S2")], start()).await;
        let claimed = claim(store, start()).await;
        let every_byte: Vec<u8> = (0..=255).collect();
        let dictionary = store.keep_dictionary(&every_byte).await.unwrap();
        let first = Prepared { dictionary, message: every_byte.clone(), ..prepared(&claimed[0]) };
        store.prepare(&[first, prepared(&claimed[1])]).await.unwrap();
        store.prepare(&[]).await.unwrap();

        let kept = store.contents(&[claimed[0].id, claimed[1].id, Uuid::nil()]).await.unwrap();
        assert_eq!(kept.len(), 2);
        assert_eq!(kept[&claimed[0].id].message, every_byte);
        assert_eq!(kept[&claimed[0].id].dictionary.as_deref(), Some(&*every_byte));
        assert_eq!(kept[&claimed[0].id].link_key, "key");
        assert!(store.contents(&[]).await.unwrap().is_empty());
        finish(store, &claimed[0], Fate::Again { due_at: start(), charged: false }, start()).await;
        assert!(claim_one(store, start()).await.rendered);
    }
}

#[tokio::test]
async fn a_dictionary_is_kept_once_and_another_is_kept_beside_it() {
    for state in State::on_each_engine() {
        let state = state.await;
        let again = state.opened_again().await;
        let (first, same) = tokio::join!(state.store.keep_dictionary(b"one"), again.keep_dictionary(b"one"));
        let first = first.unwrap();
        assert_eq!(same.unwrap(), first);
        let other = again.keep_dictionary(b"another").await.unwrap();
        assert_ne!(other, first);
        assert_eq!(state.store.keep_dictionary(b"one").await.unwrap(), first);
    }
}

#[tokio::test]
async fn who_lost_the_lease_cannot_change_the_kept_bytes() {
    for state in State::on_each_engine() {
        let State { store, .. } = &state.await;
        read(store, &[line("A1", "S1")], start()).await;
        let lost = claim_one(store, start()).await;
        store.expire_leases().await.unwrap();
        store.reap(None, start()).await.unwrap();
        let ours = claim_one(store, start()).await;
        store.prepare(&[prepared(&ours)]).await.unwrap();
        store.prepare(&[Prepared { message: vec![9], ..prepared(&lost) }]).await.unwrap();
        let kept = store.contents(&[ours.id]).await.unwrap();
        assert_eq!(kept[&ours.id].message, prepared(&ours).message);
    }
}

#[tokio::test]
async fn a_mark_needs_the_lease_the_fence_and_the_order_as_it_was_checked() {
    for state in State::on_each_engine() {
        let State { store, .. } = &state.await;
        read(store, &[line("A1", "S1"), line("B1", "S2")], start()).await;
        let mut claimed = claim(store, start()).await;
        claimed.sort_by_key(|claimed| claimed.order_row);
        assert!(mark(store, &claimed[0]).await);
        let order = order_of(store, claimed[1].order_row).await;
        assert_eq!(order.order_id, "S2");
        store.prepare(&[prepared(&claimed[1])]).await.unwrap();
        let fence = claimed[1].fence;
        let checked = Mark { id: claimed[1].id, fence, order_row: order.row, revision: order.revision };
        let other_fence = Mark { fence: fence + 1, ..checked };
        assert_eq!(store.mark(&[other_fence]).await.unwrap(), [Uuid::nil(); 0]);
        // Whoever was kept waiting asks again; what was marked once may be overtaken all the same.
        assert_eq!(store.mark(&[checked]).await.unwrap(), [checked.id]);
        assert_eq!(store.mark(&[checked]).await.unwrap(), [checked.id]);

        read(store, &[expected(line("B1", "S2"), "2027-03-01")], later(60)).await;
        assert_eq!(store.mark(&[checked]).await.unwrap(), [Uuid::nil(); 0], "the order changed");
        store.expire_leases().await.unwrap();
        let now = order_of(store, claimed[1].order_row).await.revision;
        let too_late = Mark { revision: now, ..checked };
        assert_eq!(store.mark(&[too_late]).await.unwrap(), [Uuid::nil(); 0], "the lease ended");
        store.heartbeat("worker", LEASE).await.unwrap();
        assert_eq!(store.mark(&[too_late]).await.unwrap(), [checked.id], "it was prolonged in time");
    }
}

#[tokio::test]
async fn what_is_not_kept_cannot_be_marked() {
    for state in State::on_each_engine() {
        let State { store, .. } = &state.await;
        read(store, &[line("A1", "S1")], start()).await;
        let claimed = claim_one(store, start()).await;
        let Order { row, revision, .. } = the_order(store).await;
        // As when a server crashed and forgot the bytes, but not the claim.
        let checked = Mark { id: claimed.id, fence: claimed.fence, order_row: row, revision };
        assert_eq!(store.mark(&[checked]).await.unwrap(), [Uuid::nil(); 0]);
        store.prepare(&[prepared(&claimed)]).await.unwrap();
        assert_eq!(store.mark(&[checked]).await.unwrap(), [claimed.id]);
    }
}

#[tokio::test]
async fn who_believes_in_a_claim_that_the_server_forgot_changes_nothing() {
    for state in State::on_each_engine() {
        let state = state.await;
        let store = &state.store;
        read(store, &[line("A1", "S1")], start()).await;
        let forgotten = claim_one(store, start()).await;
        store.prepare(&[prepared(&forgotten)]).await.unwrap();
        state.run("update outbox set state = 'queued', owner = null, lease_until = null, fence = 0").await;
        let claimed = claim_one(store, start()).await;
        assert_ne!(claimed.fence, forgotten.fence);
        assert!(!mark(store, &forgotten).await);
        let overtaken = Fate::Overtaken { note: "overtaken by news" };
        finish(store, &forgotten, overtaken, later(1)).await;
        assert_eq!(state_of(store, claimed.id).await, "sending");
        assert!(mark(store, &claimed).await);
    }
}

#[tokio::test]
async fn what_the_living_give_back_is_queued_as_if_nothing_had_been() {
    for state in State::on_each_engine() {
        let State { store, .. } = &state.await;
        let lines: Vec<Line> = (0..4).map(|n| line(&format!("A{n}"), &format!("S{n}"))).collect();
        read(store, &lines, start()).await;
        let mut ours = store.claim("worker", MAIL, start(), 3, LEASE).await.unwrap();
        let other = store.claim("another", MAIL, start(), 1, LEASE).await.unwrap().remove(0);
        let marked = ours.pop().unwrap();
        assert!(mark(store, &marked).await);
        // Newer news of one of them waits.
        let newer = ours[0].content.lines[0].line_id.clone();
        let order = newer.replace('A', "S");
        read(store, &[expected(line(&newer, &order), "2027-03-01")], later(1)).await;

        assert_eq!(store.give_back("worker", later(2)).await.unwrap(), 2);
        assert_eq!(state_of(store, ours[0].id).await, "superseded");
        let queued = entry(store, ours[1].id).await;
        assert_eq!((queued.state, queued.attempts), (NotificationState::Queued, 0));
        for in_hand in [&marked, &other] {
            assert_eq!(state_of(store, in_hand.id).await, "sending", "it may be on its way, or is another's");
        }
        assert_eq!(store.give_back("worker", later(2)).await.unwrap(), 0);
    }
}

#[tokio::test]
async fn a_result_whose_commit_was_not_answered_is_one_attempt() {
    for state in State::on_each_engine() {
        let State { store, .. } = &state.await;
        let claimed = in_transfer(store).await;
        for _ in 0..2 {
            finish(store, &claimed, Fate::Again { due_at: later(60), charged: true }, later(1)).await;
        }
        assert_eq!(outcomes(store, claimed.id).await, ["refused"]);
        assert_eq!(claim_one(store, later(60)).await.charged, 1);
    }
}

#[tokio::test]
async fn what_was_sent_is_told_and_stays_in_the_log() {
    for state in State::on_each_engine() {
        let State { store, .. } = &state.await;
        let claimed = in_transfer(store).await;
        let revision = the_order(store).await.revision;
        assert_eq!(finish(store, &claimed, Fate::Sent, later(7)).await, [0i64; 0]);
        let sent = entry(store, claimed.id).await;
        assert_eq!((sent.state, sent.sent_at, sent.attempts), (NotificationState::Sent, Some(later(8)), 1));
        let order = the_order(store).await;
        let told = order.view.lines[0].told.clone().unwrap();
        assert_eq!((told.at, told.waited), (later(7), true));
        assert_eq!(told.standing, claimed.content.lines[0].standing);
        assert_eq!(order.view.quiet_since, Some(later(7)));
        assert!(order.revision > revision, "what else was checked against the old state is checked again");
        assert_eq!(store.outbox_counts().await.unwrap(), []);
    }
}

#[tokio::test]
async fn what_may_have_been_sent_counts_as_told_and_goes_once_more() {
    for state in State::on_each_engine() {
        let State { store, .. } = &state.await;
        let claimed = in_transfer(store).await;
        finish(store, &claimed, Fate::InDoubt { again: Some(later(60)) }, start()).await;
        assert_eq!(state_of(store, claimed.id).await, "in_doubt");
        assert!(told(store).await);
        assert!(claim(store, later(59)).await.is_empty());
        let again = claim_one(store, later(60)).await;
        assert_eq!((again.doubts, again.charged, again.rendered), (1, 1, true));
        assert_eq!(again.doubted_relay.as_deref(), Some("relay.example:587"));
        assert!(entry(store, claimed.id).await.possible_duplicate, "while it is sent again");
        finish(store, &again, Fate::Sent, later(60)).await;
        let sent = entry(store, claimed.id).await;
        assert_eq!((sent.state, sent.possible_duplicate), (NotificationState::Sent, true));
        assert_eq!(tasks(store).await, [""; 0]);
    }
}

#[tokio::test]
async fn what_stays_in_doubt_is_a_task_and_counts_as_told() {
    for state in State::on_each_engine() {
        let State { store, .. } = &state.await;
        let claimed = in_transfer(store).await;
        finish(store, &claimed, Fate::InDoubt { again: None }, start()).await;
        assert_eq!(state_of(store, claimed.id).await, "in_doubt");
        assert!(!entry(store, claimed.id).await.possible_duplicate, "it went out once at most");
        assert!(told(store).await);
        assert_eq!(tasks(store).await, [format!("in_doubt {}", claimed.id)]);
        assert!(claim(store, later(9999)).await.is_empty());
    }
}

#[tokio::test]
async fn what_was_in_doubt_stays_so_unless_the_second_try_is_accepted() {
    let second_tries = [
        Fate::InDoubt { again: None },
        Fate::Failed { note: "refused for good".into() },
        Fate::Held { note: "by a rule".into() },
        Fate::Overtaken { note: "overtaken by news" },
    ];
    for second_try in second_tries {
        for state in State::on_each_engine() {
            let State { store, .. } = &state.await;
            let claimed = in_transfer(store).await;
            finish(store, &claimed, Fate::InDoubt { again: Some(later(60)) }, start()).await;
            let again = claim_one(store, later(60)).await;
            finish(store, &again, Fate::Again { due_at: later(90), charged: false }, later(60)).await;
            assert_eq!(state_of(store, claimed.id).await, "in_doubt", "refused for now");
            let again = claim_one(store, later(90)).await;
            finish(store, &again, second_try.clone(), later(90)).await;
            assert_eq!(state_of(store, claimed.id).await, "in_doubt", "{second_try:?}");
            assert_eq!(tasks(store).await, [format!("in_doubt {}", claimed.id)], "{second_try:?}");
            assert_eq!(store.outbox_counts().await.unwrap(), [], "{second_try:?}");
            assert!(told(store).await);
        }
    }
}

#[tokio::test]
async fn what_failed_is_a_task_told_nothing_and_is_not_planned_again() {
    for state in State::on_each_engine() {
        let State { store, .. } = &state.await;
        let claimed = in_transfer(store).await;
        finish(store, &claimed, Fate::Failed { note: "refused for good: 550 no such user".into() }, start()).await;
        let failed = entry(store, claimed.id).await;
        assert_eq!((failed.state, failed.sent_at), (NotificationState::Failed, None));
        assert_eq!(failed.note.as_deref(), Some("refused for good: 550 no such user"));
        assert_eq!(store.tasks().await.unwrap()[0].reason, "refused for good: 550 no such user");
        assert!(!told(store).await);
        record(store, &Batch { rows: vec![1], ..Batch::default() }, later(60), 0).await;
        assert_eq!(log(store).await, ["backordered failed"]);
        read(store, &[expected(line("A1", "S1"), "2027-03-01")], later(120)).await;
        assert_eq!(log(store).await, ["backordered failed", "backordered queued"], "another difference");
    }
}

#[tokio::test]
async fn what_is_refused_for_now_comes_back_and_only_a_charged_try_counts() {
    for state in State::on_each_engine() {
        let State { store, .. } = &state.await;
        let claimed = in_transfer(store).await;
        assert_eq!(claimed.charged, 0);
        finish(store, &claimed, Fate::Again { due_at: later(60), charged: true }, later(1)).await;
        assert!(claim(store, later(59)).await.is_empty());
        let again = claim_one(store, later(60)).await;
        assert_eq!(again.charged, 1);
        assert!(again.fence > claimed.fence);
        finish(store, &again, Fate::Again { due_at: later(70), charged: false }, later(60)).await;
        let again = claim_one(store, later(70)).await;
        assert_eq!((again.charged, again.doubts), (1, 0));
        assert!(!told(store).await);
    }
}

#[tokio::test]
async fn what_comes_back_after_newer_news_is_superseded() {
    for fate in [Fate::Again { due_at: later(60), charged: true }, Fate::Held { note: "by a rule".into() }] {
        for state in State::on_each_engine() {
            let State { store, .. } = &state.await;
            let claimed = in_transfer(store).await;
            read(store, &[expected(line("A1", "S1"), "2027-03-01")], later(30)).await;
            assert_eq!(log(store).await, ["backordered sending", "backordered queued"]);
            finish(store, &claimed, fate.clone(), later(40)).await;
            assert_eq!(log(store).await, ["backordered superseded", "backordered queued"]);
        }
    }
}

#[tokio::test]
async fn what_was_overtaken_is_planned_afresh_at_once_or_by_the_next_sweep() {
    for state in State::on_each_engine() {
        let State { store, .. } = &state.await;
        read(store, &[line("A1", "S1")], start()).await;
        let claimed = claim_one(store, start()).await;
        let orders = finish(store, &claimed, Fate::Overtaken { note: "overtaken by news" }, later(30)).await;
        assert_eq!(orders, [1]);
        assert_eq!(log(store).await, ["backordered superseded"]);
        assert_eq!(store.orders_to_look_at(Some(later(31))).await.unwrap(), [1], "if this process dies now");
        record(store, &Batch { rows: orders, ..Batch::default() }, later(31), 0).await;
        assert_eq!(log(store).await, ["backordered superseded", "backordered queued"]);
        claim_one(store, later(31)).await;
    }
}

#[tokio::test]
async fn what_was_overtaken_by_planned_news_makes_no_third_notification() {
    for state in State::on_each_engine() {
        let State { store, .. } = &state.await;
        read(store, &[line("A1", "S1")], start()).await;
        let claimed = claim_one(store, start()).await;
        read(store, &[expected(line("A1", "S1"), "2027-03-01")], later(30)).await;
        let orders = finish(store, &claimed, Fate::Overtaken { note: "overtaken by news" }, later(40)).await;
        record(store, &Batch { rows: orders, ..Batch::default() }, later(40), 0).await;
        let newer = claim_one(store, later(40)).await;
        finish(store, &newer, Fate::Failed { note: "no".into() }, later(41)).await;
        record(store, &Batch { rows: vec![1], ..Batch::default() }, later(50), 0).await;
        assert_eq!(log(store).await, ["backordered superseded", "backordered failed"], "it was planned once");
    }
}

#[tokio::test]
async fn held_ones_wait_for_staff() {
    for state in State::on_each_engine() {
        let State { store, .. } = &state.await;
        let claimed = in_transfer(store).await;
        finish(store, &claimed, Fate::Held { note: "it cannot be rendered".into() }, start()).await;
        let held = entry(store, claimed.id).await;
        assert_eq!((held.state, held.note.as_deref()), (NotificationState::Held, Some("it cannot be rendered")));
        assert!(claim(store, later(9999)).await.is_empty());
        assert_eq!(tasks(store).await, [format!("held {}", claimed.id)]);
    }
}

#[tokio::test]
async fn a_lost_lease_changes_nothing_and_keeps_the_attempt() {
    let fates = [
        Fate::Again { due_at: later(999), charged: true },
        Fate::Failed { note: "refused".into() },
        Fate::Held { note: "refused".into() },
        Fate::Overtaken { note: "overtaken by news" },
    ];
    for fate in fates {
        for state in State::on_each_engine() {
            let State { store, .. } = &state.await;
            read(store, &[line("A1", "S1")], start()).await;
            let lost = claim_one(store, start()).await;
            store.expire_leases().await.unwrap();
            assert_eq!(store.reap(Some(later(60)), start()).await.unwrap(), 1);
            let ours = claim_one(store, start()).await;
            assert_eq!(finish(store, &lost, fate.clone(), later(5)).await, [0i64; 0], "{fate:?}");
            assert_eq!(state_of(store, lost.id).await, "sending", "{fate:?}");
            assert_eq!(outcomes(store, lost.id).await, ["crashed", "refused"]);
            assert_eq!(tasks(store).await, [""; 0]);
            assert!(mark(store, &ours).await, "{fate:?}: the other one goes on");
            finish(store, &ours, Fate::Sent, later(6)).await;
            assert_eq!(log(store).await, ["backordered sent"], "{fate:?}");
        }
    }
}

#[tokio::test]
async fn accepted_under_a_lost_lease_is_sent() {
    for state in State::on_each_engine() {
        let State { store, .. } = &state.await;
        let slow = in_transfer(store).await;
        store.expire_leases().await.unwrap();
        assert_eq!(store.reap(Some(later(60)), start()).await.unwrap(), 1);
        assert_eq!(state_of(store, slow.id).await, "in_doubt");
        finish(store, &slow, Fate::Sent, later(30)).await;
        let sent = entry(store, slow.id).await;
        assert_eq!((sent.state, sent.possible_duplicate), (NotificationState::Sent, false), "it went out once");
        assert!(claim(store, later(9999)).await.is_empty());
    }
}

#[tokio::test]
async fn accepted_after_it_was_left_to_staff_is_sent_and_no_task_any_more() {
    for state in State::on_each_engine() {
        let State { store, .. } = &state.await;
        let slow = in_transfer(store).await;
        store.expire_leases().await.unwrap();
        assert_eq!(store.reap(None, start()).await.unwrap(), 1);
        assert_eq!(tasks(store).await, [format!("in_doubt {}", slow.id)]);
        finish(store, &slow, Fate::Sent, later(30)).await;
        let sent = entry(store, slow.id).await;
        assert_eq!((sent.state, sent.sent_at), (NotificationState::Sent, Some(later(31))));
        assert_eq!(tasks(store).await, [""; 0]);
    }
}

#[tokio::test]
async fn accepted_while_another_process_sends_it_again_stays_with_that_one() {
    for state in State::on_each_engine() {
        let State { store, .. } = &state.await;
        let slow = in_transfer(store).await;
        store.expire_leases().await.unwrap();
        store.reap(Some(later(60)), start()).await.unwrap();
        let again = claim_one(store, later(60)).await;
        finish(store, &slow, Fate::Sent, later(61)).await;
        assert_eq!(state_of(store, slow.id).await, "sending");
        finish(store, &again, Fate::Sent, later(62)).await;
        let sent = entry(store, slow.id).await;
        assert_eq!((sent.state, sent.possible_duplicate), (NotificationState::Sent, true), "it went out twice");
    }
}

#[tokio::test]
async fn a_whole_batch_of_fates_is_one_fact() {
    for state in State::on_each_engine() {
        let State { store, .. } = &state.await;
        let lines: Vec<Line> = (0..6).map(|n| line(&format!("A{n}"), &format!("S{n}"))).collect();
        read(store, &lines, start()).await;
        let claimed = claim(store, start()).await;
        let fates = [
            Fate::Sent,
            Fate::InDoubt { again: Some(later(60)) },
            Fate::Failed { note: "no".into() },
            Fate::Again { due_at: later(60), charged: true },
            Fate::Overtaken { note: "overtaken by news" },
            Fate::Held { note: "by a rule".into() },
        ];
        let finish = |(claimed, fate): (&Claimed, Fate)| Finish {
            claimed: claimed.clone(),
            attempt: Some(attempt("tried", 250, start())),
            fate,
        };
        let finished: Vec<Finish> = claimed.iter().zip(fates).map(finish).collect();
        let overtaken = store.finish(&finished, start()).await.unwrap();
        assert_eq!(overtaken, [claimed[4].order_row]);
        let mut states = Vec::new();
        for claimed in &claimed {
            states.push(state_of(store, claimed.id).await);
            assert_eq!(outcomes(store, claimed.id).await, ["tried"]);
        }
        assert_eq!(states, ["sent", "in_doubt", "failed", "queued", "superseded", "held"]);
        assert_eq!(store.finish(&[], start()).await.unwrap(), [0i64; 0]);
    }
}

#[tokio::test]
async fn two_mails_to_one_recipient_about_a_line_that_moved_can_be_finished_together() {
    for state in State::on_each_engine() {
        let State { store, .. } = &state.await;
        read(store, &[line("A1", "S1")], start()).await;
        let first = claim_one(store, start()).await;
        assert!(mark(store, &first).await);
        let german = Line { locale: Some("de-DE".into()), ..line("A1", "S1") };
        read(store, &[german], later(1)).await;
        let second = claim_one(store, later(1)).await;
        let sent = |claimed: &Claimed| Finish { claimed: claimed.clone(), attempt: None, fate: Fate::Sent };
        store.finish(&[sent(&first), sent(&second)], later(2)).await.unwrap();
        assert_eq!(log(store).await, ["backordered sent", "backordered sent"]);
    }
}

#[tokio::test]
async fn what_was_not_in_transfer_when_its_process_died_is_queued_again() {
    for state in State::on_each_engine() {
        let State { store, .. } = &state.await;
        read(store, &[line("A1", "S1")], start()).await;
        let claimed = claim_one(store, start()).await;
        assert_eq!(store.reap(Some(later(60)), start()).await.unwrap(), 0, "its process lives");
        store.expire_leases().await.unwrap();
        assert_eq!(store.reap(Some(later(60)), later(1)).await.unwrap(), 1);
        let back = entry(store, claimed.id).await;
        assert_eq!((back.state, back.due_at, back.attempts), (NotificationState::Queued, later(1), 1));
        assert_eq!(outcomes(store, claimed.id).await, ["crashed"]);
        assert!(!told(store).await);
        assert_eq!(claim_one(store, later(1)).await.charged, 0);
    }
}

#[tokio::test]
async fn what_was_in_transfer_when_its_process_died_is_in_doubt_and_told() {
    for state in State::on_each_engine() {
        let State { store, .. } = &state.await;
        let claimed = in_transfer(store).await;
        store.expire_leases().await.unwrap();
        store.reap(Some(later(60)), start()).await.unwrap();
        assert_eq!(state_of(store, claimed.id).await, "in_doubt");
        assert_eq!(outcomes(store, claimed.id).await, ["crashed_in_transfer"]);
        assert!(told(store).await);
        let again = claim_one(store, later(60)).await;
        assert_eq!((again.doubts, again.doubted_relay.as_deref()), (1, None), "nobody knows which relay it was");
        assert!(mark(store, &again).await);
        store.expire_leases().await.unwrap();
        store.reap(Some(later(120)), later(60)).await.unwrap();
        assert_eq!(tasks(store).await, [format!("in_doubt {}", claimed.id)], "the second doubt is for staff");
        assert!(claim(store, later(9999)).await.is_empty());
    }
}

#[tokio::test]
async fn what_kills_its_process_three_times_is_held() {
    for state in State::on_each_engine() {
        let State { store, .. } = &state.await;
        read(store, &[line("A1", "S1")], start()).await;
        for crash in 0..3 {
            claim_one(store, later(crash)).await;
            store.expire_leases().await.unwrap();
            store.reap(Some(later(60)), later(crash)).await.unwrap();
        }
        assert_eq!(log(store).await, ["backordered held"]);
        let tasks = store.tasks().await.unwrap();
        assert_eq!(tasks[0].reason, "the process that had it in hand died three times");
        store.release(&[tasks[0].subject.parse().unwrap()], &by(), later(4)).await.unwrap();
        claim_one(store, later(4)).await;
        store.expire_leases().await.unwrap();
        store.reap(Some(later(60)), later(4)).await.unwrap();
        assert_eq!(log(store).await, ["backordered queued"], "staff gave it another three");
    }
}

#[tokio::test]
async fn what_was_rendered_and_waited_had_no_part_in_the_death_of_its_process() {
    for state in State::on_each_engine() {
        let State { store, .. } = &state.await;
        read(store, &[line("A1", "S1")], start()).await;
        for crash in 0..4 {
            let claimed = claim_one(store, later(crash)).await;
            store.prepare(&[prepared(&claimed)]).await.unwrap();
            store.expire_leases().await.unwrap();
            assert_eq!(store.reap(Some(later(60)), later(crash)).await.unwrap(), 1);
            assert_eq!(outcomes(store, claimed.id).await, [""; 0]);
        }
        assert_eq!(log(store).await, ["backordered queued"]);
    }
}

#[tokio::test]
async fn what_a_dead_process_had_in_hand_is_superseded_if_newer_news_waits() {
    for state in State::on_each_engine() {
        let State { store, .. } = &state.await;
        read(store, &[line("A1", "S1")], start()).await;
        claim_one(store, start()).await;
        read(store, &[expected(line("A1", "S1"), "2027-03-01")], later(30)).await;
        store.expire_leases().await.unwrap();
        store.reap(Some(later(60)), later(40)).await.unwrap();
        assert_eq!(log(store).await, ["backordered superseded", "backordered queued"]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn looks_claims_results_and_take_overs_at_once_neither_lose_nor_double_anything() {
    const ORDERS: usize = 60;
    for state in State::on_each_engine() {
        let state = state.await;
        let workers: Vec<_> = (0..4)
            .map(|owner: u32| {
                let store = state.store.clone();
                tokio::spawn(async move {
                    for turn in 0..40 {
                        let now = later(turn);
                        let claimed = store.claim(&owner.to_string(), MAIL, now, 10, LEASE).await.unwrap();
                        let mut finished = Vec::new();
                        for claimed in claimed {
                            let sendable = mark(&store, &claimed).await;
                            let overtaken = Fate::Overtaken { note: "overtaken by news" };
                            let fate = if sendable { Fate::Sent } else { overtaken };
                            finished.push(Finish { claimed, attempt: None, fate });
                        }
                        let rows = store.finish(&finished, now).await.unwrap();
                        record(&store, &Batch { rows, ..Batch::default() }, now, 0).await;
                        store.reap(Some(now), now).await.unwrap();
                    }
                })
            })
            .collect();
        for turn in 0..20 {
            let day = format!("2027-03-{:02}", turn + 1);
            let lines: Vec<Line> =
                (0..ORDERS).map(|n| expected(line(&format!("A{n}"), &format!("S{n}")), &day)).collect();
            read(&state.store, &lines, later(turn)).await;
        }
        for worker in workers {
            worker.await.unwrap();
        }
        // What is left is told now, and then everybody knows the last day.
        let rows: Vec<i64> = (1..=ORDERS as i64).collect();
        loop {
            let claimed = claim(&state.store, later(100)).await;
            let sent = |claimed: Claimed| Finish { claimed, attempt: None, fate: Fate::Sent };
            if claimed.is_empty() {
                break;
            }
            state.store.finish(&claimed.into_iter().map(sent).collect::<Vec<_>>(), later(100)).await.unwrap();
            record(&state.store, &Batch { rows: rows.clone(), ..Batch::default() }, later(100), 0).await;
        }
        for order in state.store.orders(&rows, MAIL, later(100)).await.unwrap() {
            let told = order.view.lines[0].told.as_ref().unwrap();
            assert_eq!(told.standing.expected_on, Some("2027-03-20".parse().unwrap()), "{}", order.order_id);
        }
    }
}
