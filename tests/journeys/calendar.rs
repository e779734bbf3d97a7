//! What time itself brings.

use crate::support::app::TestApp;
use crate::support::smtp_server::{Act, At};

#[tokio::test]
async fn somebody_who_heard_nothing_for_two_weeks_hears_that_she_still_waits() {
    for app in TestApp::on_each_engine() {
        let app = app.await;
        app.shop.line("A1").expected(Some("2027-06-01")).put().await;
        app.tick_all().await;
        app.advance_to("2027-01-26T09:59");
        app.tick_all().await;
        assert_eq!(app.mails().len(), 1);
        app.advance("5m");
        app.tick_all().await;
        assert_eq!(app.kinds(), ["backordered", "still_waiting"]);
        app.advance("13d");
        app.tick_all().await;
        assert_eq!(app.mails().len(), 2);
        app.advance("1d");
        app.tick_all().await;
        assert_eq!(app.kinds(), ["backordered", "still_waiting", "still_waiting"]);
        app.shop.set("A1", "short_qty = 0").await;
        app.tick_all().await;
        app.advance("60d");
        app.tick_all().await;
        assert_eq!(app.mails().len(), 4, "restocked, and then nothing more");
    }
}

#[tokio::test]
async fn a_calendar_mail_leaves_from_nine_oclock() {
    for app in TestApp::on_each_engine() {
        let app = app.await;
        app.advance_to("2027-01-13T03:00");
        app.shop.line("A1").expected(Some("2027-06-01")).put().await;
        app.tick_all().await;
        app.advance_to("2027-01-27T08:59");
        app.tick_all().await;
        assert_eq!(app.mails().len(), 1);
        app.advance_to("2027-01-27T09:00");
        app.tick_all().await;
        assert_eq!(app.kinds(), ["backordered", "still_waiting"]);
    }
}

#[tokio::test]
async fn no_still_waiting_is_sent_if_none_is_wanted() {
    for app in TestApp::on_each_engine_with(&[("updates.every", "0")]) {
        let app = app.await;
        app.shop.line("A1").expected(Some("2027-06-01")).put().await;
        app.tick_all().await;
        app.advance("60d");
        app.tick_all().await;
        assert_eq!(app.mails().len(), 1);
    }
}

#[tokio::test]
async fn after_a_baseline_the_first_still_waiting_mails_are_spread_over_the_interval() {
    for app in TestApp::untouched_on_each_engine(&[]) {
        let app = app.await;
        for number in 0..40 {
            let line = app.shop.line(&format!("A{number}")).order(&format!("S{number}"));
            line.expected(Some("2027-06-01")).put().await;
        }
        app.tick_all().await;
        let mut busiest = 0;
        for day in 1..=14 {
            let before = app.mails().len();
            app.advance("1d");
            app.tick_all().await;
            busiest = busiest.max(app.mails().len() - before);
            assert!(day < 7 || app.mails().len() > 5, "after {day} days {}", app.mails().len());
        }
        assert_eq!(app.kinds(), ["still_waiting"; 40]);
        assert!(busiest < 12, "{busiest} on one day");
    }
}

#[tokio::test]
async fn news_of_the_shop_makes_a_still_waiting_mail_wait() {
    for app in TestApp::on_each_engine() {
        let app = app.await;
        app.shop.line("A1").expected(Some("2027-06-01")).put().await;
        app.tick_all().await;
        app.advance("10d");
        app.shop.expect("A1", "2027-06-02").await;
        app.tick_all().await;
        app.advance("13d");
        app.tick_all().await;
        assert_eq!(app.kinds(), ["backordered", "date_changed"]);
        app.advance("1d");
        app.tick_all().await;
        assert_eq!(app.mails().len(), 3);
    }
}

#[tokio::test]
async fn a_date_that_passed_is_overdue_the_day_after_at_nine_and_never_a_changed_date() {
    for app in TestApp::on_each_engine() {
        let app = app.await;
        app.shop.line("A1").expected(Some("2027-01-20")).put().await;
        app.tick_all().await;
        for time in ["2027-01-20T23:59", "2027-01-21T00:00", "2027-01-21T08:59"] {
            app.advance_to(time);
            app.tick_all().await;
            assert_eq!(app.mails().len(), 1, "{time}");
        }
        app.advance_to("2027-01-21T09:00");
        app.tick_all().await;
        assert_eq!(app.kinds(), ["backordered", "overdue"]);
        assert!(app.last_mail().text.contains("January 20, 2027"), "{}", app.last_mail().text);
        app.advance("3d");
        app.tick_all().await;
        assert_eq!(app.mails().len(), 2);
        app.shop.expect("A1", "2027-03-01").await;
        app.tick_all().await;
        assert_eq!(app.kinds(), ["backordered", "overdue", "date_changed"]);
    }
}

#[tokio::test]
async fn a_date_that_passed_is_never_printed_as_still_to_come() {
    for app in TestApp::on_each_engine() {
        let app = app.await;
        app.shop.line("A1").expected(Some("2027-01-20")).put().await;
        app.relay.once(At::RcptTo, Act::Say("450 4.2.0 later"));
        app.advance_to("2027-01-20T23:59");
        app.tick_all().await;
        app.advance_to("2027-01-21T00:10");
        app.deliver().await;
        app.tick_all().await;
        assert_eq!(app.kinds(), ["backordered"]);
        assert!(!app.last_mail().text.contains("January 20"), "{}", app.last_mail().text);
    }
}

#[tokio::test]
async fn an_overdue_line_whose_new_date_is_known_by_then_is_a_changed_date() {
    for app in TestApp::on_each_engine() {
        let app = app.await;
        app.shop.line("A1").expected(Some("2027-01-20")).put().await;
        app.tick_all().await;
        app.advance_to("2027-01-21T08:00");
        app.shop.expect("A1", "2027-02-20").await;
        app.advance_to("2027-01-21T09:00");
        app.tick_all().await;
        assert_eq!(app.kinds(), ["backordered", "date_changed"]);
    }
}

#[tokio::test]
async fn overdue_lines_are_found_by_sweeps_only() {
    for app in TestApp::on_each_engine() {
        let app = app.await;
        app.shop.line("A1").expected(Some("2027-01-20")).put().await;
        app.tick_all().await;
        app.advance_to("2027-01-21T09:00");
        app.poll().await;
        app.deliver().await;
        assert_eq!(app.mails().len(), 1);
        app.shop.set("A1", "product_name = 'Another lamp'").await;
        app.poll().await;
        app.advance("30s");
        app.poll().await;
        app.deliver().await;
        assert_eq!(app.mails().len(), 1, "also if something else of the line changed");
        app.tick_all().await;
        assert_eq!(app.kinds(), ["backordered", "overdue"]);
    }
}

#[tokio::test]
async fn a_fourth_date_mail_in_a_week_waits_and_tells_the_newest_date() {
    for app in TestApp::on_each_engine() {
        let app = app.await;
        app.shop.backorder("A1").await;
        app.tick_all().await;
        for day in 1..=5 {
            app.shop.expect("A1", &format!("2027-03-{day:02}")).await;
            app.tick_all().await;
            app.advance("1d");
        }
        assert_eq!(app.kinds(), ["backordered", "date_changed", "date_changed", "date_changed"]);
        app.advance_to("2027-01-19T09:59");
        app.tick_all().await;
        assert_eq!(app.mails().len(), 4);
        app.advance("10m");
        app.tick_all().await;
        assert_eq!(app.mails().len(), 5);
        assert!(app.last_mail().text.contains("March 5, 2027"));
        assert!(app.last_mail().text.contains("March 3, 2027"), "the date she was told");
    }
}

#[tokio::test]
async fn the_limit_of_date_mails_keeps_no_other_news() {
    for app in TestApp::on_each_engine() {
        let app = app.await;
        app.shop.backorder("A1").await;
        app.shop.backorder("A2").await;
        app.tick_all().await;
        for day in 1..=3 {
            app.shop.expect("A1", &format!("2027-03-{day:02}")).await;
            app.tick_all().await;
        }
        app.shop.expect("A1", "2027-03-04").await;
        app.tick_all().await;
        assert_eq!(app.mails().len(), 4);
        app.shop.set("A2", "short_qty = 0").await;
        app.tick_all().await;
        assert_eq!(app.mails().len(), 5);
        assert!(app.last_mail().text.contains("March 4, 2027"), "what waited goes with it");
    }
}
