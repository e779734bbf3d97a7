//! The clock jumps: set right by an hour or a day, or moved for the summer. Nothing comes twice and nothing is lost.

use backorderd::settings::duration::Span;

use crate::support::app::TestApp;

#[tokio::test]
async fn a_clock_that_is_set_back_or_forward_and_right_again_brings_nothing_twice() {
    for jump in [["-1h", "1h"], ["-1d", "1d"], ["1h", "-1h"], ["1d", "-1d"]] {
        for app in TestApp::on_each_engine() {
            let app = app.await;
            app.shop.backorder("A1").await;
            app.tick_all().await;
            for (number, by) in jump.into_iter().enumerate() {
                app.advance(by);
                app.tick_all().await;
                assert_eq!(app.mails().len(), number + 1, "{jump:?}");
                app.shop.expect("A1", &format!("2027-03-0{}", number + 1)).await;
                app.tick_all().await;
                assert_eq!(app.mails().len(), number + 2, "what is news then is told at once: {jump:?}");
            }
            assert_eq!(app.kinds(), ["backordered", "date_changed", "date_changed"]);
        }
    }
}

#[tokio::test]
async fn what_is_queued_when_the_clock_is_set_back_is_sent_once_when_its_time_has_come() {
    for app in TestApp::on_each_engine() {
        let app = app.await;
        app.shop.backorder("A1").await;
        app.settle().await;
        app.advance("-1d");
        app.tick_all().await;
        app.advance("1d");
        app.tick_all().await;
        assert_eq!(app.log().await, ["backordered sent"]);
        assert_eq!(app.mails().len(), 1);
    }
}

#[tokio::test]
async fn what_was_told_in_an_hour_that_comes_again_is_no_part_of_a_flood() {
    for app in TestApp::on_each_engine_with(&[("delivery.max_per_sweep", "2")]) {
        let app = app.await;
        for line in ["A1", "A2", "A3"] {
            app.shop.line(line).order(line).put().await;
            app.tick_all().await;
            app.advance("10m");
        }
        app.advance("-1h");
        app.shop.line("A4").order("A4").put().await;
        app.tick_all().await;
        assert_eq!(app.mails().len(), 4);
    }
}

#[tokio::test]
async fn leases_end_by_the_databases_clock_whatever_ours_shows() {
    for app in TestApp::on_each_engine() {
        let app = app.await;
        app.shop.backorder("A1").await;
        app.settle().await;
        let other = app.another_process(&[]).await;
        let claimed = other.app.store.claim("other", "mail", app.now(), 10, Span::seconds(30)).await.unwrap();
        assert_eq!(claimed.len(), 1);
        for by in ["1d", "-2d", "1d"] {
            app.advance(by);
            app.deliver().await;
            assert!(app.mails().is_empty(), "the other one has it in hand");
            assert!(!other.watcher.has_lease().await, "this one watches");
        }
        app.store.expire_leases().await.unwrap();
        app.deliver().await;
        assert_eq!(app.mails().len(), 1);
    }
}

/// Looks and delivers every half hour until the shop's clocks show this.
async fn through(app: &TestApp, until: &str) {
    let until: jiff::civil::DateTime = until.parse().unwrap();
    while app.now().to_zoned(jiff::tz::TimeZone::get("America/New_York").unwrap()).datetime() < until {
        app.advance("30m");
        app.tick_all().await;
    }
}

#[tokio::test]
async fn nights_in_which_the_clocks_are_moved_bring_each_reminder_once_and_at_nine() {
    // Spring forward in March, fall back in November.
    for (day, next) in [("2027-03-13", "2027-03-14"), ("2027-11-06", "2027-11-07")] {
        for app in TestApp::on_each_engine_with(&[("updates.every", "1d")]) {
            let app = app.await;
            app.advance_to(&format!("{day}T10:00"));
            app.shop.line("A1").expected(Some(day)).put().await;
            app.shop.line("B1").order("S2").expected(None).put().await;
            app.tick_all().await;
            through(&app, &format!("{next}T08:30")).await;
            assert_eq!(app.kinds(), ["backordered", "backordered"], "{next}");
            through(&app, &format!("{next}T20:00")).await;
            let mut reminders = app.kinds().split_off(2);
            reminders.sort();
            assert_eq!(reminders, ["overdue", "still_waiting"], "{next}");
        }
    }
}
