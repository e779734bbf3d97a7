//! What staff do to notifications that nobody has in hand.

use backorderd::outbox::notification::{Kind, State as NotificationState};
use backorderd::store::Store;
use backorderd::store::outbox::Fate;
use backorderd::store::staff::Unsent;
use uuid::Uuid;

use super::*;
use crate::support::state::State;

async fn queued(store: &Store) -> Vec<Uuid> {
    let queued = Unsent { states: vec![NotificationState::Queued], ..Unsent::default() };
    store.unsent(&queued).await.unwrap()
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
        let both = vec![NotificationState::Queued, NotificationState::Held];
        let of = |kind, shop: Option<&str>| Unsent { states: both.clone(), kind, shop_id: shop.map(str::to_owned) };
        assert_eq!(store.unsent(&of(None, None)).await.unwrap(), all, "oldest first");
        assert_eq!(store.unsent(&of(Some(Kind::DateChanged), None)).await.unwrap(), [all[0]]);
        assert_eq!(store.unsent(&of(None, Some("berlin"))).await.unwrap(), [all[1]]);
        let held = Unsent { states: vec![NotificationState::Held], ..Unsent::default() };
        assert_eq!(store.unsent(&held).await.unwrap(), [Uuid::nil(); 0]);
        assert_eq!(store.unsent(&Unsent::default()).await.unwrap(), [Uuid::nil(); 0]);
    }
}

#[tokio::test]
async fn what_is_held_waits_and_what_is_released_is_due_at_once_and_no_flood() {
    for state in State::on_each_engine() {
        let State { store, .. } = &state.await;
        read(store, &[line("A1", "S1"), line("B1", "S2")], start()).await;
        let ids = queued(store).await;
        assert_eq!(store.hold(&[ids[0], Uuid::nil()]).await.unwrap(), [ids[0]]);
        assert_eq!(store.hold(&[ids[0]]).await.unwrap(), [Uuid::nil(); 0], "it is held already");
        assert_eq!(store.tasks().await.unwrap()[0].reason, "held by staff");
        let other = claim_one(store, start()).await;
        assert_eq!(other.id, ids[1]);
        assert_eq!(store.hold(&[ids[1]]).await.unwrap(), [Uuid::nil(); 0], "it is in hand");
        finish(store, &other, Fate::Again { due_at: start(), charged: false }, start()).await;

        assert_eq!(store.release(&ids, later(60)).await.unwrap(), [ids[0]]);
        assert_eq!(tasks(store).await, [""; 0]);
        let guard = FloodGuard { since: start(), limit: 1 };
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
        store.hold(&[ids[1]]).await.unwrap();
        let in_hand = claim(store, start()).await.remove(0);
        let mut withdrawn = store.withdraw(&ids, later(60)).await.unwrap();
        withdrawn.sort_unstable();
        assert_eq!(withdrawn, [ids[1]], "two are in hand");
        finish(store, &in_hand, Fate::Again { due_at: start(), charged: false }, later(60)).await;
        assert_eq!(store.withdraw(&[in_hand.id], later(60)).await.unwrap(), [in_hand.id]);
        let ended = store.notification(ids[1]).await.unwrap().unwrap();
        assert_eq!((ended.state, ended.note.as_deref()), (NotificationState::Withdrawn, Some("withdrawn by staff")));
        record(store, &Batch { rows: vec![1, 2, 3], ..Batch::default() }, later(120), 0).await;
        assert_eq!(log(store).await.len(), 3);
        assert_eq!(order_of(store, ended.order_row).await.view.lines[0].told, None);
    }
}
