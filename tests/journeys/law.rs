//! What the delay rules make of an order that ships to the United States, from the shop to the mailbox.

use backorderd::outbox::notification::MAIL;
use backorderd::promise::history::History;
use backorderd::promise::terms::Stage;
use jiff::civil::{Date, date};

use crate::support::app::TestApp;

const REASON: &[(&str, &str)] = &[("rules.reason", "\"the maker is late\"")];

/// A line that was ordered on January 12 without a promise, so that it is to ship by February 11.
async fn order(app: &TestApp, expected: Option<&str>) {
    app.shop.line("A1").expected(expected).put().await;
    app.shop.set("A1", "ship_to_country = 'US', ordered_at = '2027-01-12T09:00:00-05:00'").await;
}

/// What is recorded of the line, by the order's first row.
async fn history(app: &TestApp) -> History {
    let order = app.store.orders(&[1], MAIL, app.now()).await.unwrap().remove(0);
    order.view.lines[0].history.clone()
}

async fn stages(app: &TestApp) -> Vec<(Stage, Option<Date>)> {
    history(app).await.notices.iter().map(|notice| (notice.stage, notice.revised_to)).collect()
}

#[tokio::test]
async fn the_promise_is_frozen_and_accepted_notices_are_kept() {
    for app in TestApp::on_each_engine() {
        let app = app.await;
        order(&app, Some("2027-03-01")).await;
        app.tick_all().await;
        assert_eq!(history(&app).await.clock.promised_by, Some(date(2027, 2, 11)));
        // The first of March and two days of handling: within thirty days of the promise.
        assert_eq!(stages(&app).await, [(Stage::FirstShort, Some(date(2027, 3, 3)))]);
        app.advance("1d");
        app.shop.set("A1", "promised_on = '2028-01-01', expected_on = '2027-04-01'").await;
        app.tick_all().await;
        assert_eq!(history(&app).await.clock.promised_by, Some(date(2027, 2, 11)), "taken once");
        let told = stages(&app).await;
        assert_eq!(told[1], (Stage::Renewed, Some(date(2027, 4, 3))));
        assert_eq!(app.kinds(), ["backordered", "date_changed"]);
    }
}

#[tokio::test]
async fn a_date_within_the_promise_is_information_only() {
    for app in TestApp::on_each_engine() {
        let app = app.await;
        order(&app, Some("2027-02-01")).await;
        app.tick_all().await;
        assert_eq!(stages(&app).await, [(Stage::Information, Some(date(2027, 2, 3)))]);
    }
}

#[tokio::test]
async fn unknown_without_a_reason_is_held_for_staff() {
    for app in TestApp::on_each_engine() {
        let app = app.await;
        order(&app, None).await;
        app.tick_all().await;
        assert_eq!(app.mails().len(), 0);
        assert_eq!(app.tasks().await.len(), 1);
        assert!(app.store.tasks().await.unwrap()[0].reason.starts_with("no_reason: "));
    }
}

#[tokio::test]
async fn a_line_that_the_baseline_silenced_gets_its_notice_at_noon_of_the_last_day() {
    for app in TestApp::untouched_on_each_engine(REASON) {
        let app = app.await;
        order(&app, Some("2027-03-01")).await;
        app.tick_all().await;
        assert_eq!(app.mails().len(), 0);
        app.advance_to("2027-02-11T11:59");
        app.sweep().await;
        assert!(!app.kinds().contains(&"overdue".to_owned()));
        app.advance("1m");
        app.tick_all().await;
        assert_eq!(app.kinds().last().map(String::as_str), Some("overdue"));
        let told = stages(&app).await;
        assert_eq!(told.last(), Some(&(Stage::FirstShort, Some(date(2027, 3, 3)))));
        let mails = app.mails().len();
        app.advance("1h");
        app.tick_all().await;
        assert_eq!(app.mails().len(), mails, "once");
    }
}

#[tokio::test]
async fn a_notice_that_nobody_could_send_by_midnight_expires_and_the_facts_are_held() {
    for app in TestApp::untouched_on_each_engine(REASON) {
        let app = app.await;
        order(&app, Some("2027-03-01")).await;
        app.sweep().await;
        app.advance_to("2027-02-11T12:00");
        app.sweep().await;
        app.advance_to("2027-02-12T00:10");
        app.sweep().await;
        app.deliver().await;
        let log = app.log().await;
        assert!(log.iter().any(|entry| entry.contains("expired")), "{log:?}");
        assert!(log.iter().any(|entry| entry.contains("held")), "{log:?}");
        assert_eq!(stages(&app).await, []);
        let tasks = app.tasks().await;
        assert!(tasks.iter().any(|task| task.starts_with("expired ")), "{tasks:?}");
        app.advance("1h");
        app.tick_all().await;
        assert_eq!(app.mails().len(), 0, "what staff hold does not leave");
    }
}

#[tokio::test]
async fn a_mail_says_what_the_recorded_notice_will_say_of_it() {
    for app in TestApp::on_each_engine_with(REASON) {
        let app = app.await;
        order(&app, Some("2027-03-01")).await;
        app.tick_all().await;
        let consent = "If you do not answer, you agree that we ship it on or before March 3, 2027.";
        assert!(last_words(&app).contains(consent), "{}", last_words(&app));
        app.advance("1d");
        app.shop.set("A1", "expected_on = '2027-04-01'").await;
        app.tick_all().await;
        let said = last_words(&app);
        for words in [
            // Both are days of shipment, though the shop's own are two days earlier.
            "Previously: March 3, 2027",
            "Ships by: April 3, 2027",
            "If you do not answer by March 3, 2027 and it has not shipped by then",
        ] {
            assert!(said.contains(words), "{words} is missing: {said}");
        }
        app.advance("1d");
        app.shop.set("A1", "expected_on = null").await;
        app.tick_all().await;
        let said = last_words(&app);
        for words in ["the maker is late", "We cannot say how long it will take.", "by March 3, 2027"] {
            assert!(said.contains(words), "{words} is missing: {said}");
        }
    }
}

/// The text of the newest mail without its line breaks.
fn last_words(app: &TestApp) -> String {
    app.last_mail().text.split_whitespace().collect::<Vec<_>>().join(" ")
}
