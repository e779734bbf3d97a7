//! The sent-log as staff read it.

use backorderd::outbox::notification::{Kind, State as NotificationState};
use backorderd::shop::line::Line;
use backorderd::store::Store;
use backorderd::store::log::LogFilter;
use backorderd::store::outbox::Fate;

use super::{claim_one, expected, finish, later, line, prepared, read, ready, start};
use crate::support::state::State;

/// The orders of what a filter lets through, newest first.
async fn found(store: &Store, filter: LogFilter) -> Vec<String> {
    let filter = LogFilter { limit: if filter.limit == 0 { 100 } else { filter.limit }, ..filter };
    store.log(&filter).await.unwrap().into_iter().map(|entry| entry.order_id).collect()
}

#[tokio::test]
async fn every_filter_narrows_the_log() {
    for state in State::on_each_engine() {
        let State { store, .. } = &state.await;
        read(store, &[line("A1", "S1")], start()).await;
        let sent = claim_one(store, start()).await;
        finish(store, &sent, Fate::Sent, later(1)).await;
        let bob = Line { customer_email: Some("Bob@example.com".into()), ..line("B1", "S2") };
        read(store, &[bob], later(60)).await;
        read(store, &[Line { shop_id: "berlin".into(), ..line("C1", "S3") }], later(120)).await;
        // Two kinds of news in one mail of S1.
        read(store, &[expected(line("A1", "S1"), "2027-03-01"), line("A2", "S1")], later(180)).await;

        let all = || LogFilter::default();
        let text = |text: &str| Some(text.to_owned());
        assert_eq!(found(store, all()).await, ["S1", "S3", "S2", "S1"]);
        assert_eq!(found(store, LogFilter { limit: 2, ..all() }).await, ["S1", "S3"]);
        assert_eq!(found(store, LogFilter { order: text("S2"), ..all() }).await, ["S2"]);
        assert_eq!(found(store, LogFilter { order: text("#S2"), ..all() }).await, ["S2"], "its number");
        assert_eq!(found(store, LogFilter { email: text("bob@EXAMPLE.com"), ..all() }).await, ["S2"]);
        assert_eq!(found(store, LogFilter { product: text("P-C1"), ..all() }).await, ["S3"]);
        assert_eq!(found(store, LogFilter { product: text("SKU-B1"), ..all() }).await, ["S2"]);
        assert_eq!(found(store, LogFilter { kind: Some(Kind::DateChanged), ..all() }).await, ["S1"]);
        assert_eq!(found(store, LogFilter { kind: Some(Kind::Backordered), ..all() }).await.len(), 4);
        let state = |state| LogFilter { states: vec![state], ..all() };
        assert_eq!(found(store, state(NotificationState::Sent)).await, ["S1"]);
        assert_eq!(found(store, state(NotificationState::Queued)).await.len(), 3);
        assert_eq!(
            found(store, LogFilter { since: Some(later(60)), until: Some(later(180)), ..all() }).await,
            ["S3", "S2"]
        );
        assert_eq!(found(store, LogFilter { shop_id: text("berlin"), ..all() }).await, ["S3"]);
        let counts = store.outbox_counts().await.unwrap();
        assert_eq!(counts, [(NotificationState::Queued, 3)]);
    }
}

#[tokio::test]
async fn an_entry_tells_all_there_is_to_tell() {
    for state in State::on_each_engine() {
        let State { store, .. } = &state.await;
        read(store, &[line("A1", "S1")], start()).await;
        let claimed = claim_one(store, start()).await;
        store.prepare(&[prepared(&claimed)]).await.unwrap();
        let sending = store.notification(claimed.id).await.unwrap().unwrap();
        assert_eq!((sending.state, sending.sent_at), (NotificationState::Sending, None));
        finish(store, &claimed, Fate::Again { due_at: later(60), charged: true }, later(1)).await;
        let claimed = claim_one(store, later(60)).await;
        finish(store, &claimed, Fate::Sent, later(60)).await;

        let entry = store.notification(claimed.id).await.unwrap().unwrap();
        assert_eq!((entry.kind, entry.state, &*entry.channel), (Kind::Backordered, NotificationState::Sent, "mail"));
        assert_eq!((&*entry.order_id, &*entry.order_number, &*entry.shop_id), ("S1", "#S1", ""));
        assert_eq!((&*entry.recipient, &*entry.locale), ("ada@example.com", "en-US"));
        assert_eq!((entry.created_at, entry.sent_at, entry.attempts), (start(), Some(later(61)), 2));
        assert_eq!(entry.last_reply.as_deref(), Some("250 as it pleases"));
        assert_eq!(entry.subject.as_deref(), Some("Your order"));
        assert_eq!(entry.message_id, Some(format!("<{}@shop.example>", entry.id)));
        assert!(!entry.possible_duplicate);
        assert_eq!(entry.content, claimed.content);
        assert_eq!(entry.news_id, entry.id);

        let attempts = store.attempts(claimed.id).await.unwrap();
        let said: Vec<_> = attempts.iter().map(|one| (one.number, &*one.outcome, one.code, one.started_at)).collect();
        assert_eq!(said, [(1, "refused", Some(450), later(1)), (2, "accepted", Some(250), later(60))]);
        assert_eq!(attempts[0].relay, "relay.example:587");
        assert_eq!(attempts[0].ended_at, later(2));
        assert_eq!(store.notification(uuid::Uuid::nil()).await.unwrap().map(|entry| entry.id), None);
        assert!(store.attempts(uuid::Uuid::nil()).await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn a_thread_is_what_was_sent_of_an_order_oldest_first() {
    for state in State::on_each_engine() {
        let State { store, .. } = &state.await;
        let mut sent = Vec::new();
        for (number, day) in ["2027-02-10", "2027-02-11", "2027-02-12"].iter().enumerate() {
            let now = later(60 * number as i64);
            read(store, &[expected(line("A1", "S1"), day)], now).await;
            let claimed = claim_one(store, now).await;
            store.prepare(&[prepared(&claimed)]).await.unwrap();
            let fate = if number == 1 { Fate::Failed { note: "no".into() } } else { Fate::Sent };
            finish(store, &claimed, fate, now).await;
            sent.push(prepared(&claimed).message_id.unwrap());
        }
        assert_eq!(store.threads(&[1, 2]).await.unwrap(), [(1, sent[0].clone()), (1, sent[2].clone())]);
        assert_eq!(store.threads(&[]).await.unwrap(), []);
    }
}

#[tokio::test]
async fn the_events_of_a_line_are_told_in_order_and_by_shop() {
    for state in State::on_each_engine() {
        let State { store, .. } = &state.await;
        read(store, &[line("A1", "S1"), Line { shop_id: "berlin".into(), ..line("A1", "S1") }], start()).await;
        read(store, &[ready(line("A1", "S1"))], later(60)).await;
        let events = store.events(Some(""), "A1").await.unwrap();
        let said: Vec<_> = events.iter().map(|event| (event.at, &*event.what)).collect();
        assert_eq!(said, [(start(), "read"), (start(), "decided"), (later(60), "read"), (later(60), "decided")]);
        assert!(events[1].detail.contains("backordered"), "{}", events[1].detail);
        assert_eq!(store.events(Some("berlin"), "A1").await.unwrap().len(), 2);
        assert_eq!(store.events(None, "A1").await.unwrap().len(), 6);
        assert_eq!(store.orders_of_line(Some("berlin"), "A1").await.unwrap().len(), 1);
        assert_eq!(store.orders_of_line(None, "A1").await.unwrap().len(), 2);
    }
}

#[tokio::test]
async fn a_notification_is_found_by_the_beginning_of_its_id() {
    for state in State::on_each_engine() {
        let State { store, .. } = &state.await;
        read(store, &[line("A1", "S1"), line("B1", "S2")], start()).await;
        let claimed = claim_one_of_two(store).await;
        let id = claimed.to_string();
        let like = |prefix: String| async move {
            let found = store.notifications_like(&prefix, 10).await.unwrap();
            found.into_iter().map(|entry| entry.id).collect::<Vec<_>>()
        };
        assert_eq!(like(id.clone()).await, [claimed]);
        assert_eq!(like(id[..35].to_owned()).await, [claimed]);
        assert_eq!(like(id[..4].to_owned()).await.len(), 2);
        assert_eq!(store.notifications_like(&id[..4], 1).await.unwrap().len(), 1);
        assert!(like("%".into()).await.is_empty());
    }
}

async fn claim_one_of_two(store: &Store) -> uuid::Uuid {
    super::claim(store, start()).await[1].id
}

#[tokio::test]
async fn what_was_said_of_a_line_is_found_also_under_its_old_order_and_address() {
    for state in State::on_each_engine() {
        let State { store, .. } = &state.await;
        read(store, &[line("A1", "S1"), line("A2", "S1")], start()).await;
        let claimed = claim_one(store, start()).await;
        finish(store, &claimed, Fate::Sent, later(5)).await;
        let bob = Line { customer_email: Some("bob@example.com".into()), ..line("A1", "S1") };
        read(store, &[bob], later(60)).await;
        let told = store.told_of_line("", "A1").await.unwrap();
        let said: Vec<_> = told.iter().map(|(entry, at)| (&*entry.recipient, *at)).collect();
        assert_eq!(said, [("ada@example.com", Some(later(5))), ("bob@example.com", None)]);
        assert_eq!(store.told_of_line("", "A2").await.unwrap().len(), 1);
        assert!(store.told_of_line("berlin", "A1").await.unwrap().is_empty());
    }
}
