//! What is not believed, not readable, or too much at once.

use backorderd::outbox::notification::State;
use backorderd::store::facts::fact;
use backorderd::store::log::LogFilter;
use backorderd::watch::{Disbelief, MOST_LINES, WatchError};

use crate::support::app::TestApp;
use crate::support::staff::by;

async fn refused(app: &TestApp) -> Disbelief {
    match app.try_sweep().await {
        Err(WatchError::NotBelieved(disbelief)) => disbelief,
        other => panic!("{other:?}"),
    }
}

/// Lines of as many orders.
async fn put(app: &TestApp, lines: u32) {
    for number in 0..lines {
        app.shop.line(&format!("A{number}")).order(&format!("S{number}")).put().await;
    }
}

#[tokio::test]
async fn a_flood_is_held_for_staff() {
    for app in TestApp::on_each_engine_with(&[("delivery.max_per_sweep", "10")]) {
        let app = app.await;
        put(&app, 10).await;
        app.tick_all().await;
        assert_eq!(app.mails().len(), 10, "as many as the limit");
        app.advance("10m");
        for number in 0..10 {
            app.shop.expect(&format!("A{number}"), "2027-03-01").await;
        }
        app.shop.line("B1").order("T1").put().await;
        app.tick_all().await;
        assert_eq!(app.mails().len(), 10);
        assert_eq!(app.tasks().await, ["held 11 notifications"]);
        app.advance("10m");
        app.tick_all().await;
        assert_eq!(app.mails().len(), 10, "held ones do not leave by themselves");
        app.shop.expect("A0", "2027-04-01").await;
        app.tick_all().await;
        assert_eq!(app.mails().len(), 10, "what replaces a held one is held too");
        app.shop.line("C1").order("T2").put().await;
        app.tick_all().await;
        assert_eq!(app.mails().len(), 11, "what is no flood leaves");
    }
}

/// Eleven notifications that were held as a flood, released by staff, and not sent yet.
async fn released(app: &TestApp) {
    put(app, 11).await;
    app.settle().await;
    let held = LogFilter { states: vec![State::Held], ..LogFilter::default() };
    let ids = app.store.chosen(&held).await.unwrap();
    assert_eq!(app.store.release(&ids, &by(), app.now()).await.unwrap().len(), 11);
}

#[tokio::test]
async fn what_replaces_released_ones_is_no_flood_again() {
    for app in TestApp::on_each_engine_with(&[("delivery.max_per_sweep", "10")]) {
        let app = app.await;
        released(&app).await;
        for day in ["2027-03-01", "2027-04-01"] {
            app.advance("1m");
            for number in 0..11 {
                app.shop.expect(&format!("A{number}"), day).await;
            }
            app.settle().await;
        }
        app.deliver().await;
        assert_eq!((app.mails().len(), app.tasks().await), (11, Vec::new()));
    }
}

#[tokio::test]
async fn what_replaces_released_ones_that_were_overtaken_is_no_flood_either() {
    for app in TestApp::on_each_engine_with(&[("delivery.max_per_sweep", "10")]) {
        let app = app.await;
        released(&app).await;
        // The expected day passes before a worker comes.
        app.advance_to("2027-02-11T10:00");
        assert_eq!(app.deliver().await.overtaken, 11);
        assert_eq!(app.mails().len(), 11);
        app.shop.line("B1").order("T1").expected(Some("2027-03-01")).put().await;
        app.tick_all().await;
        assert_eq!((app.mails().len(), app.tasks().await), (12, Vec::new()));
    }
}

#[tokio::test]
async fn mails_that_the_calendar_brings_are_no_flood() {
    for app in TestApp::on_each_engine_with(&[("delivery.max_per_sweep", "10")]) {
        let app = app.await;
        for half in ["A", "B"] {
            for number in 0..10 {
                let line = app.shop.line(&format!("{half}{number}")).order(&format!("{half}{number}"));
                line.expected(Some("2027-06-01")).put().await;
            }
            app.tick_all().await;
            app.advance("6m");
        }
        assert_eq!(app.mails().len(), 20);
        app.advance("15d");
        app.tick_all().await;
        assert_eq!(app.mails().len(), 40);
    }
}

#[tokio::test]
async fn an_emptied_feed_changes_nothing_until_staff_say_that_it_is_true() {
    for app in TestApp::on_each_engine() {
        let app = app.await;
        app.shop.backorder("A1").await;
        app.tick_all().await;
        app.shop.run("delete from order_lines").await;
        assert_eq!(refused(&app).await, Disbelief::Emptied { open: 1 });
        assert_eq!(app.tasks().await, ["refused_sweep lines"]);
        assert_eq!(app.store.known_lines().await.unwrap().len(), 1);
        app.store.set_fact(fact::ACCEPT_SHRUNKEN, Some("1")).await.unwrap();
        assert_eq!(app.sweep().await.gone, 1);
        assert_eq!(app.tasks().await, [""; 0]);
        app.shop.backorder("A1").await;
        app.sweep().await;
        app.shop.delete("A1").await;
        assert_eq!(refused(&app).await, Disbelief::Emptied { open: 1 }, "they said so of that one");
    }
}

#[tokio::test]
async fn a_feed_that_lost_more_than_half_of_many_lines_changes_nothing() {
    for app in TestApp::on_each_engine() {
        let app = app.await;
        put(&app, 22).await;
        app.shop.line("S").order("S").short(0).put().await;
        app.shop.set("S", "shipped_qty = 2").await;
        app.tick_all().await;
        app.shop.run("delete from order_lines where rowid > 10").await;
        app.shop.expect("A1", "2027-03-01").await;
        assert_eq!(refused(&app).await, Disbelief::Shrunken { lost: 12, open: 22 });
        app.deliver().await;
        assert_eq!(app.mails().len(), 22, "the changed line is not told either");
        app.shop.line("A10").order("S10").put().await;
        app.shop.line("A11").order("S11").put().await;
        app.tick_all().await;
        assert_eq!(app.mails().len(), 23, "half of them is believed, and now it is told");
        assert_eq!(app.tasks().await, [""; 0]);
    }
}

#[tokio::test]
async fn few_lines_may_all_vanish_but_one() {
    for app in TestApp::on_each_engine() {
        let app = app.await;
        put(&app, 20).await;
        app.tick_all().await;
        app.shop.run("delete from order_lines where line_id <> 'A3'").await;
        assert_eq!(app.sweep().await.gone, 19);
    }
}

#[tokio::test]
async fn a_feed_that_names_a_line_twice_changes_nothing() {
    for app in TestApp::on_each_engine() {
        let app = app.await;
        app.shop.backorder("A1").await;
        app.shop.backorder("A1").await;
        assert_eq!(refused(&app).await, Disbelief::Doubled { line_id: "A1".into() }, "both new");
        app.shop.delete("A1").await;
        app.shop.backorder("A1").await;
        app.tick_all().await;
        app.shop.backorder("A1").await;
        assert_eq!(refused(&app).await, Disbelief::Doubled { line_id: "A1".into() }, "both known");
        app.deliver().await;
        assert_eq!(app.mails().len(), 1);
    }
}

#[tokio::test]
async fn a_row_that_cannot_be_read_is_set_aside_keeps_what_is_recorded_and_stops_nobody() {
    for app in TestApp::on_each_engine() {
        let app = app.await;
        app.shop.backorder("A1").await;
        app.shop.line("B1").order("S2").put().await;
        app.tick_all().await;
        app.shop.expect("A1", "soon").await;
        app.shop.expect("B1", "2027-03-01").await;
        app.shop.run("insert into stock values ('X', 'X', 'many'), ('X', 'X', 'few')").await;
        app.tick_all().await;
        assert_eq!(app.kinds(), ["backordered", "backordered", "date_changed"]);
        assert_eq!(app.tasks().await, ["set_aside stock product X", "set_aside lines line A1"]);
        assert_eq!(app.store.known_lines().await.unwrap().len(), 2, "it counts as present");
        app.shop.expect("A1", "2027-03-02").await;
        app.shop.run("delete from stock").await;
        app.tick_all().await;
        assert_eq!(app.tasks().await, [""; 0]);
        assert_eq!(app.mails().len(), 4);
    }
}

#[tokio::test]
async fn a_watcher_that_lost_its_lease_records_nothing() {
    for app in TestApp::on_each_engine() {
        let app = app.await;
        let other = app.another_process(&[]).await;
        other.sweep().await.unwrap();
        assert!(!app.process.watcher.has_lease().await);
        app.shop.backorder("A1").await;
        assert!(app.process.watcher.sweep().await.is_err());
        assert_eq!(app.log().await, [""; 0]);
        other.rest().await;
        app.tick_all().await;
        assert_eq!(app.mails().len(), 1);
    }
}

#[tokio::test]
async fn rows_that_cannot_be_named_are_a_task_each_by_their_orders() {
    for app in TestApp::on_each_engine() {
        let app = app.await;
        app.shop
            .run(
                "insert into order_lines (line_id, order_id, customer_email, product_key, product_name, ordered_qty, short_qty) \
                 values (' ', 'S1', 'ada@example.com', 'P', 'Lamp', 1, 1), ('  ', 'S2', 'bob@example.com', 'P', 'Lamp', 1, 1)",
            )
            .await;
        app.sweep().await;
        let tasks = app.tasks().await;
        assert!(tasks.len() == 2 && tasks[0].starts_with("set_aside lines order S1, row "), "{tasks:?}");
        assert!(tasks[1].starts_with("set_aside lines order S2, row "), "{tasks:?}");
    }
}

/// An order of so many lines: C0, C1 …
async fn put_crowd(app: &TestApp, lines: usize) {
    app.shop.line("C0").order("CROWD").put().await;
    let copies = format!(
        "with recursive n(i) as (select 1 union all select i + 1 from n where i < {}) \
         insert into order_lines (line_id, order_id, customer_email, product_key, product_name, ordered_qty, short_qty, \
         expected_on, updated_at) select 'C' || i, order_id, customer_email, product_key, product_name, ordered_qty, \
         short_qty, expected_on, updated_at from order_lines, n where line_id = 'C0'",
        lines - 1
    );
    app.shop.run(&copies).await;
}

#[tokio::test]
async fn an_order_of_too_many_lines_is_left_to_staff_until_it_has_fewer() {
    for app in TestApp::on_each_engine() {
        let app = app.await;
        app.shop.backorder("A1").await;
        put_crowd(&app, MOST_LINES + 1).await;
        assert_eq!(app.sweep().await.set_aside, 1);
        app.settle().await;
        app.deliver().await;
        assert_eq!((app.mails().len(), app.tasks().await), (1, vec!["set_aside lines order CROWD".to_owned()]));
        app.shop.delete("C1").await;
        assert_eq!(app.sweep().await.set_aside, 0);
        app.settle().await;
        app.deliver().await;
        assert_eq!((app.mails().len(), app.tasks().await), (2, Vec::new()));
    }
}

#[tokio::test]
async fn a_poll_leaves_an_order_of_too_many_lines_to_staff_too() {
    for app in TestApp::on_each_engine() {
        let app = app.await;
        app.shop.backorder("A1").await;
        app.tick_all().await;
        app.advance("1h");
        put_crowd(&app, MOST_LINES + 1).await;
        let looked = app.poll().await;
        assert_eq!((looked.set_aside, looked.orders), (1, 0));
        assert_eq!(app.tasks().await, ["set_aside lines order CROWD"]);
    }
}
