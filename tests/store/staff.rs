//! What staff do to notifications that nobody has in hand.

use backorderd::outbox::notification::{Kind, State as NotificationState};
use backorderd::store::Store;
use backorderd::store::log::LogFilter;
use backorderd::store::outbox::Fate;
use uuid::Uuid;

use super::*;
use crate::support::staff::{acting, by};
use crate::support::state::State;

async fn chosen(store: &Store, states: &[NotificationState], filter: LogFilter) -> Vec<Uuid> {
    store.chosen(&LogFilter { states: states.to_vec(), ..filter }).await.unwrap()
}

async fn queued(store: &Store) -> Vec<Uuid> {
    chosen(store, &[NotificationState::Queued], LogFilter::default()).await
}

#[tokio::test]
async fn what_staff_mean_is_found_by_state_kind_and_shop() {
    for state in State::on_each_engine() {
        let State { store, .. } = &state.await;
        read(store, &[line("A1", "S1")], start()).await;
        let told = claim_one(store, start()).await;
        finish(store, &told, Fate::Sent, start()).await;
        read(store, &[expected(line("A1", "S1"), "2027-03-01")], later(60)).await;
        read(store, &[Line { shop_id: "berlin".into(), ..line("B1", "S2") }], later(120)).await;
        let all = queued(store).await;
        assert_eq!(all.len(), 2);
        let both = [NotificationState::Queued, NotificationState::Held];
        let of =
            |kind, shop: Option<&str>| LogFilter { kind, shop_id: shop.map(str::to_owned), ..LogFilter::default() };
        assert_eq!(chosen(store, &both, of(None, None)).await, all, "oldest first");
        assert_eq!(chosen(store, &both, of(Some(Kind::DateChanged), None)).await, [all[0]]);
        assert_eq!(chosen(store, &both, of(None, Some("berlin"))).await, [all[1]]);
        assert_eq!(chosen(store, &[NotificationState::Held], of(None, None)).await, [Uuid::nil(); 0]);
        let every = chosen(store, &[], of(None, None)).await;
        assert_eq!(every, [&[told.id], &all[..]].concat(), "without a state it is any");
    }
}

#[tokio::test]
async fn what_is_held_waits_and_what_is_released_is_due_at_once_and_no_flood() {
    for state in State::on_each_engine() {
        let State { store, .. } = &state.await;
        read(store, &[line("A1", "S1"), line("B1", "S2")], start()).await;
        let ids = queued(store).await;
        assert_eq!(store.hold(&[ids[0], Uuid::nil()], &by(), start()).await.unwrap(), [ids[0]]);
        assert_eq!(store.hold(&[ids[0]], &by(), start()).await.unwrap(), [Uuid::nil(); 0], "it is held already");
        assert_eq!(store.tasks().await.unwrap()[0].reason, "held by staff");
        let other = claim_one(store, start()).await;
        assert_eq!(other.id, ids[1]);
        assert!(mark(store, &other).await);
        assert_eq!(store.hold(&[ids[1]], &by(), start()).await.unwrap(), [Uuid::nil(); 0], "it is in transfer");
        finish(store, &other, Fate::Again { due_at: start(), charged: false }, start()).await;

        assert_eq!(store.release(&ids, &by(), later(60)).await.unwrap(), [ids[0]]);
        assert_eq!(tasks(store).await, [""; 0]);
        let guard = FloodGuard { since: start(), now: later(60), limit: 1 };
        assert_eq!(store.finish_look(guard).await.unwrap(), 0, "one of the two was released");
        let due = store.notification(ids[0]).await.unwrap().unwrap();
        assert_eq!((due.state, due.due_at), (NotificationState::Queued, later(60)));
        assert_eq!(claim(store, later(60)).await.len(), 2);
    }
}

#[tokio::test]
async fn what_is_withdrawn_told_nothing_and_is_not_planned_again() {
    for state in State::on_each_engine() {
        let State { store, .. } = &state.await;
        read(store, &[line("A1", "S1"), line("B1", "S2"), line("C1", "S3")], start()).await;
        let ids = queued(store).await;
        store.hold(&[ids[1]], &by(), start()).await.unwrap();
        let in_hand = claim(store, start()).await;
        for claimed in &in_hand {
            assert!(mark(store, claimed).await);
        }
        let withdrawn = store.withdraw(&ids, &by(), later(60)).await.unwrap();
        assert_eq!(withdrawn, [ids[1]], "two are in transfer");
        let in_hand = &in_hand[0];
        finish(store, in_hand, Fate::Again { due_at: start(), charged: false }, later(60)).await;
        assert_eq!(store.withdraw(&[in_hand.id], &by(), later(60)).await.unwrap(), [in_hand.id]);
        let ended = store.notification(ids[1]).await.unwrap().unwrap();
        assert_eq!((ended.state, ended.note.as_deref()), (NotificationState::Withdrawn, Some("withdrawn by staff")));
        record(store, &Batch { rows: vec![1, 2, 3], ..Batch::default() }, later(120), 0).await;
        assert_eq!(log(store).await.len(), 3);
        assert_eq!(order_of(store, ended.order_row).await.view.lines[0].told, None);
    }
}

#[tokio::test]
async fn who_did_what_to_which_is_written_down() {
    for state in State::on_each_engine() {
        let State { store, .. } = &state.await;
        read(store, &[line("A1", "S1"), line("B1", "S2")], start()).await;
        let ids = queued(store).await;
        store.hold(&ids, &acting(1, "--all"), later(10)).await.unwrap();
        store.release(&[ids[0], Uuid::nil()], &acting(2, "--order S1"), later(20)).await.unwrap();
        store.withdraw(&ids, &acting(3, "--all"), later(30)).await.unwrap();
        let written = async |id| {
            let actions = store.staff_actions(id).await.unwrap();
            actions.iter().map(|action| format!("{} {}", action.at, action.in_words())).collect::<Vec<_>>()
        };
        let (held, released, withdrawn) = (later(10), later(20), later(30));
        let first = [
            format!("{held} held by grace (--all)"),
            format!("{released} released by grace (--order S1)"),
            format!("{withdrawn} withdrawn by grace (--all)"),
        ];
        assert_eq!(written(ids[0]).await, first);
        assert_eq!(written(ids[1]).await, [&first[0][..], &first[2][..]]);
        assert_eq!(written(Uuid::nil()).await, [""; 0], "nothing was done to it");
    }
}
