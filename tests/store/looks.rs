//! What a look records: lines, orders, plans, and the end of the look.

use backorderd::clock::Clock;
use backorderd::outbox::plan::Look;
use backorderd::settings::duration::Span;
use backorderd::shop::line::Line;
use backorderd::store::lines::{Comparison, content_hash, key};
use backorderd::store::outbox::Fate;
use backorderd::store::reach::Link;
use backorderd::store::record::{Batch, FloodGuard, Recording, flood_window};
use backorderd::store::{Store, StoreError};
use backorderd::watch::standing::{Standing, Told};
use jiff::Timestamp;
use rust_decimal::Decimal;

use super::*;
use crate::support::state::State;

fn hash(line: &Line) -> Option<i64> {
    Some(content_hash(&serde_json::to_vec(line).unwrap()))
}

#[tokio::test]
async fn recorded_lines_are_known_by_what_they_said() {
    for state in State::on_each_engine() {
        let State { store, .. } = &state.await;
        let (first, second) = (line("A1", "S1"), line("A2", "S1"));
        let third = Line { shop_id: "berlin".into(), ..line("A1", "S1") };
        assert!(store.known_lines().await.unwrap().is_empty());
        read(store, &[first.clone(), second.clone(), third.clone()], start()).await;

        let mut known = store.known_lines().await.unwrap();
        assert_eq!((known.len(), known.open), (3, 3));
        assert_eq!(known.compare(key("", "A1"), hash(&first)), Comparison::Same);
        assert_eq!(known.compare(key("", "A1"), hash(&first)), Comparison::Twice);
        assert_eq!(known.compare(key("", "A2"), hash(&ready(second))), Comparison::Changed);
        assert_eq!(known.compare(key("", "A3"), hash(&third)), Comparison::New);
        assert_eq!(known.lost(), 1);
        let unseen: Vec<_> = known.unseen().collect();
        let berlin = ("berlin".to_owned(), "A1".to_owned(), "S1".to_owned());
        assert_eq!(store.lines_of_keys(&unseen).await.unwrap(), [berlin]);
        assert_eq!(store.lines_of_keys(&[]).await.unwrap(), []);

        let named = [("berlin".to_owned(), "A1".to_owned()), (String::new(), "A9".to_owned())];
        assert_eq!(store.known_lines_among(&named).await.unwrap().len(), 1);
    }
}

#[tokio::test]
async fn a_line_that_is_gone_is_known_no_more_and_comes_back_as_new() {
    for state in State::on_each_engine() {
        let State { store, .. } = &state.await;
        read(store, &[line("A1", "S1"), line("A2", "S1")], start()).await;
        record(store, &gone(&["A1"]), later(60), 0).await;
        assert_eq!(store.known_lines().await.unwrap().len(), 1);
        assert_eq!(the_order(store).await.view.lines.len(), 1);
        read(store, &[line("A1", "S1")], later(120)).await;
        let mut known = store.known_lines().await.unwrap();
        assert_eq!(known.compare(key("", "A1"), hash(&line("A1", "S1"))), Comparison::Same);
        assert_eq!(the_order(store).await.view.lines.len(), 2);
        let said: Vec<String> = events(store, "A1").await;
        assert!(said[0].starts_with("read: first seen: 2 ordered, 2 short, expected 2027-02-10"), "{said:?}");
        assert!(said.iter().any(|event| event.starts_with("gone: ")), "{said:?}");
    }
}

async fn events(store: &Store, line_id: &str) -> Vec<String> {
    let events = store.events(Some(""), line_id).await.unwrap();
    events.iter().map(|event| format!("{}: {}", event.what, event.detail)).collect()
}

#[tokio::test]
async fn a_replayed_batch_changes_nothing() {
    for state in State::on_each_engine() {
        let State { store, .. } = &state.await;
        let found = batch(&[line("A1", "S1"), line("A2", "S1"), line("B1", "S2")]);
        assert_eq!(record(store, &found, start(), 30).await, 2, "two orders");
        let before = (log(store).await, store.orders(&[1, 2], MAIL, start()).await.unwrap());
        record(store, &found, later(1), 30).await;
        let after = (log(store).await, store.orders(&[1, 2], MAIL, start()).await.unwrap());
        assert_eq!(before.0, ["backordered queued", "backordered queued"]);
        assert_eq!(after.0, before.0);
        let content = |orders: &[Order]| orders[0].view.unsent.as_ref().unwrap().content.clone();
        assert_eq!(content(&after.1), content(&before.1));
    }
}

#[tokio::test]
async fn one_mail_is_about_one_shop_order_recipient_and_locale() {
    for state in State::on_each_engine() {
        let State { store, .. } = &state.await;
        let german = Line { locale: Some("de-DE".into()), ..line("A2", "S1") };
        let bob = Line { customer_email: Some("bob@example.com".into()), ..line("A3", "S1") };
        let nobody = Line { customer_email: None, ..line("A4", "S1") };
        let berlin = Line { shop_id: "berlin".into(), ..line("A5", "S1") };
        let orders = record(store, &batch(&[line("A1", "S1"), german, bob, nobody, berlin]), start(), 0).await;
        assert_eq!(orders, 5);
        assert_eq!(log(store).await.len(), 4, "nobody cannot be told");
        let order = the_order(store).await;
        assert_eq!(order.order_number, "#S1");
        assert_eq!(store.link(order.link_id).await.unwrap(), Some(Link { order_row: order.row, retired: false }));
        assert_eq!(store.link(uuid::Uuid::nil()).await.unwrap(), None);
    }
}

#[tokio::test]
async fn the_promised_day_is_taken_once_and_a_changed_line_is_the_same_when_it_is_read_again() {
    for state in State::on_each_engine() {
        let State { store, .. } = &state.await;
        let promised = |day: &str| Line { promised_on: Some(day.parse().unwrap()), ..line("A1", "S1") };
        read(store, &[promised("2027-01-20")], start()).await;
        read(store, &[promised("2027-03-20")], later(60)).await;
        let recorded = the_order(store).await.view.lines[0].line.promised_on;
        assert_eq!(recorded, Some("2027-01-20".parse().unwrap()));
        let mut known = store.known_lines().await.unwrap();
        assert_eq!(known.compare(key("", "A1"), hash(&promised("2027-03-20"))), Comparison::Same);
    }
}

#[tokio::test]
async fn a_line_that_moves_to_another_order_keeps_what_was_told() {
    for state in State::on_each_engine() {
        let State { store, .. } = &state.await;
        read(store, &[line("A1", "S1")], start()).await;
        let claimed = claim_one(store, start()).await;
        finish(store, &claimed, Fate::Sent, start()).await;
        read(store, &[line("A1", "S2")], later(60)).await;
        assert_eq!(store.orders_of_line(None, "A1").await.unwrap(), [(String::new(), 2)]);
        let moved = order_of(store, 2).await;
        assert!(moved.view.lines[0].told.is_some());
        assert!(order_of(store, 1).await.view.lines.is_empty());
        assert_eq!(log(store).await, ["backordered sent"], "nothing is news to her");
    }
}

#[tokio::test]
async fn another_recipient_is_told_what_the_first_one_was_told() {
    for state in State::on_each_engine() {
        let State { store, .. } = &state.await;
        read(store, &[line("A1", "S1")], start()).await;
        let bob = Line { customer_email: Some("bob@example.com".into()), ..line("A1", "S1") };
        read(store, &[bob], later(60)).await;
        assert_eq!(log(store).await, ["backordered superseded", "backordered queued"]);
        let claimed = claim_one(store, later(60)).await;
        assert_eq!(order_of(store, claimed.order_row).await.recipient, "bob@example.com");
    }
}

#[tokio::test]
async fn a_settling_notification_is_amended_in_place_and_settles() {
    for state in State::on_each_engine() {
        let State { store, .. } = &state.await;
        record(store, &batch(&[line("A1", "S1")]), start(), 30).await;
        let first = the_order(store).await;
        assert_eq!(store.orders_to_look_at(None).await.unwrap(), [1], "it has not settled");
        assert_eq!(store.unsettled_lines().await.unwrap(), ["A1"]);
        assert_eq!(store.settles_at(Span::seconds(30)).await.unwrap(), Some(later(30)));
        assert!(claim(store, later(1000)).await.is_empty());

        record(store, &batch(&[expected(line("A1", "S1"), "2027-03-01")]), later(10), 30).await;
        let amended = the_order(store).await;
        let (before, after) = (first.view.unsent.unwrap(), amended.view.unsent.unwrap());
        assert_eq!(before.id, after.id);
        assert_eq!(after.due_at, later(40));
        assert_ne!(before.content, after.content);
        assert!(amended.revision > first.revision);

        let visit = Batch { rows: vec![1], ..Batch::default() };
        record(store, &visit, later(39), 30).await;
        assert!(claim(store, later(1000)).await.is_empty(), "a read too early does not settle it");
        record(store, &visit, later(40), 30).await;
        assert_eq!(store.settles_at(Span::seconds(30)).await.unwrap(), None);
        let claimed = claim_one(store, later(40)).await;
        assert_eq!(claimed.id, before.id);
        assert_eq!(claimed.content, after.content);
    }
}

#[tokio::test]
async fn settled_news_is_replaced_by_newer_news_and_ends_when_nothing_is_left_to_tell() {
    for state in State::on_each_engine() {
        let State { store, .. } = &state.await;
        read(store, &[line("A1", "S1")], start()).await;
        read(store, &[expected(line("A1", "S1"), "2027-03-01")], later(60)).await;
        assert_eq!(log(store).await, ["backordered superseded", "backordered queued"]);
        read(store, &[ready(line("A1", "S1"))], later(120)).await;
        assert_eq!(log(store).await, ["backordered superseded", "backordered superseded"]);
        assert!(claim(store, later(120)).await.is_empty());
        read(store, &[line("A1", "S1")], later(180)).await;
        assert_eq!(log(store).await.len(), 3, "it left what she knew and came back: a difference anew");
    }
}

#[tokio::test]
async fn the_baseline_counts_as_told_to_everybody() {
    for state in State::on_each_engine() {
        let State { store, .. } = &state.await;
        let clock = Clock::at(start());
        let told =
            |line: &Line, at: Timestamp| Told { standing: Standing::of(line, schedule(0).today(at)), at, waited: true };
        let how = Recording { baseline: Some(&told), ..recording(&clock, start()) };
        let decide = |order: &mut Order| decided(order, start(), 0);
        store.record(&batch(&[line("A1", "S1")]), how, decide).await.unwrap();
        assert_eq!(log(store).await, [""; 0]);
        let bob = Line { customer_email: Some("bob@example.com".into()), ..line("A1", "S1") };
        read(store, &[bob], later(60)).await;
        assert_eq!(log(store).await, [""; 0]);
        read(store, &[expected(line("A1", "S1"), "2027-03-01")], later(60)).await;
        assert_eq!(log(store).await, ["date_changed queued"]);
    }
}

#[tokio::test]
async fn a_rehearsal_keeps_nothing() {
    for state in State::on_each_engine() {
        let State { store, .. } = &state.await;
        let clock = Clock::at(start());
        let how = Recording { rehearsal: true, ..recording(&clock, start()) };
        let mut seen = 0;
        let decide = |order: &mut Order| {
            seen += order.view.lines.len();
            decided(order, start(), 0)
        };
        store.record(&batch(&[line("A1", "S1")]), how, decide).await.unwrap();
        assert_eq!(seen, 1);
        assert!(store.is_empty().await.unwrap());
        assert_eq!(log(store).await, [""; 0]);
    }
}

#[tokio::test]
async fn a_watcher_that_lost_its_lease_records_nothing() {
    for state in State::on_each_engine() {
        let State { store, .. } = &state.await;
        let clock = Clock::at(start());
        let how = Recording { watcher: Some("one"), ..recording(&clock, start()) };
        let nothing = Batch::default();
        let look = || store.record(&nothing, how, |order| decided(order, start(), 0));
        assert!(matches!(look().await, Err(StoreError::LeaseLost)), "it never had one");
        assert!(store.lease("watch", "one", LEASE).await.unwrap());
        look().await.unwrap();
        store.expire_leases().await.unwrap();
        look().await.unwrap();
        assert!(store.lease("watch", "other", LEASE).await.unwrap());
        assert!(matches!(look().await, Err(StoreError::LeaseLost)));
    }
}

#[tokio::test]
async fn a_sweeps_notifications_wait_for_its_end() {
    for state in State::on_each_engine() {
        let State { store, .. } = &state.await;
        let clock = Clock::at(start());
        let how = Recording { ready: false, ..recording(&clock, start()) };
        store.record(&batch(&[line("A1", "S1")]), how, |order| decided(order, start(), 0)).await.unwrap();
        assert!(claim(store, start()).await.is_empty());
        assert_eq!(store.next_due(MAIL).await.unwrap(), None);
        finish_look(store).await;
        assert_eq!(store.next_due(MAIL).await.unwrap(), Some(start()));
        claim_one(store, start()).await;
    }
}

#[tokio::test]
async fn a_flood_is_held_whole_and_what_replaces_it_is_held_too() {
    for state in State::on_each_engine() {
        let State { store, .. } = &state.await;
        let lines: Vec<Line> = (0..4).map(|n| line(&format!("A{n}"), &format!("S{n}"))).collect();
        let guard = |now, limit| FloodGuard { since: flood_window(now, Span::minutes(5)), now, limit };
        read(store, &lines[..2], start()).await;
        assert_eq!(store.finish_look(guard(start(), 2)).await.unwrap(), 0, "at the limit");
        let sent = claim_one_of(store, 2).await;
        finish(store, &sent, Fate::Sent, start()).await;
        read(store, &lines[2..], later(60)).await;
        assert_eq!(store.finish_look(guard(later(60), 3)).await.unwrap(), 3, "all that were not sent");
        assert!(claim(store, later(60)).await.is_empty());
        let reasons: Vec<String> = store.tasks().await.unwrap().into_iter().map(|task| task.reason).collect();
        assert_eq!(reasons, ["a flood: 4 notifications at once, the limit is 3"], "one task for all");

        read(store, &[expected(lines[3].clone(), "2027-03-01")], later(120)).await;
        assert_eq!(store.finish_look(guard(later(120), 3)).await.unwrap(), 0);
        assert!(claim(store, later(120)).await.is_empty());
        let reasons: Vec<String> = store.tasks().await.unwrap().into_iter().map(|task| task.reason).collect();
        assert_eq!(reasons, ["a flood: 4 notifications at once, the limit is 3"], "the replacement keeps its reason");

        read(store, &[line("B1", "T1")], later(1000)).await;
        assert_eq!(store.finish_look(guard(later(1000), 3)).await.unwrap(), 0, "the window has passed");
        claim_one(store, later(1000)).await;
    }
}

/// The first of `count` that are claimed; the others are given back.
async fn claim_one_of(store: &Store, count: usize) -> Claimed {
    let mut claimed = claim(store, start()).await;
    assert_eq!(claimed.len(), count);
    let first = claimed.remove(0);
    for other in claimed {
        finish(store, &other, Fate::Again { due_at: start(), charged: false }, start()).await;
    }
    first
}

#[tokio::test]
async fn the_calendar_names_the_orders_to_look_at() {
    for state in State::on_each_engine() {
        let State { store, .. } = &state.await;
        read(store, &[line("A1", "S1")], start()).await;
        let claimed = claim_one(store, start()).await;
        finish(store, &claimed, Fate::Sent, start()).await;
        assert_eq!(store.orders_to_look_at(Some(later(1))).await.unwrap(), [1], "her clock starts anew");
        record(store, &Batch { rows: vec![1], ..Batch::default() }, later(1), 0).await;
        assert_eq!(store.orders_to_look_at(Some(later(2))).await.unwrap(), [0i64; 0]);
        assert_eq!(store.orders_to_look_at(None).await.unwrap(), [0i64; 0]);
        let in_two_weeks = later(14 * 86_400);
        assert_eq!(store.orders_to_look_at(Some(in_two_weeks)).await.unwrap(), [1]);
    }
}

#[tokio::test]
async fn an_order_that_only_a_poll_looked_at_says_nothing_of_the_calendar() {
    for state in State::on_each_engine() {
        let State { store, .. } = &state.await;
        read(store, &[line("A1", "S1")], start()).await;
        let claimed = claim_one(store, start()).await;
        finish(store, &claimed, Fate::Sent, start()).await;
        let clock = Clock::at(start());
        let began: Timestamp = "2027-02-11T15:00:00Z".parse().unwrap();
        let visit = Batch { rows: vec![1], ..Batch::default() };
        for (look, expected) in [(Look::Poll, 1), (Look::Recheck, 1), (Look::Sweep, 2)] {
            let decide = |order: &mut Order| plan(&order.view, Circumstances { look, began, schedule: &schedule(0) });
            store.record(&visit, recording(&clock, began), decide).await.unwrap();
            assert_eq!(log(store).await.len(), expected, "{look:?}");
        }
        assert_eq!(log(store).await[1], "overdue queued");
    }
}

#[tokio::test]
async fn ten_thousand_lines_are_recorded_and_compared_in_seconds() {
    for state in State::on_each_engine() {
        let State { store, .. } = &state.await;
        let lines: Vec<Line> = (0..10_000).map(|n| line(&format!("A{n}"), &format!("S{}", n / 3))).collect();
        for lines in lines.chunks(500) {
            read(store, lines, start()).await;
        }
        let known = store.known_lines().await.unwrap();
        assert_eq!((known.len(), known.open), (10_000, 10_000));
    }
}

#[tokio::test]
async fn quantities_keep_their_value_through_the_database() {
    for state in State::on_each_engine() {
        let State { store, .. } = &state.await;
        let odd = Line { ordered_qty: Decimal::new(2500, 3), short_qty: Decimal::new(125, 2), ..line("A1", "S1") };
        read(store, &[odd.clone()], start()).await;
        let view = &the_order(store).await.view.lines[0];
        assert_eq!(view.line.ordered_qty, odd.ordered_qty);
        assert_eq!(claim_one(store, start()).await.content.lines[0].quantity, Decimal::new(125, 2));
    }
}
