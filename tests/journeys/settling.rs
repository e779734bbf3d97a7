//! News is told once it has come to rest, and never when something newer is known.

use crate::support::app::TestApp;
use crate::support::smtp_server::{Act, At};

#[tokio::test]
async fn news_is_told_after_a_read_that_began_when_it_had_settled() {
    for app in TestApp::on_each_engine() {
        let app = app.await;
        app.shop.backorder("A1").await;
        app.sweep().await;
        app.advance("30s");
        app.deliver().await;
        assert_eq!(app.mails().len(), 0, "no read has found it unchanged");
        app.sweep().await;
        app.deliver().await;
        assert_eq!(app.mails().len(), 1);
    }
}

#[tokio::test]
async fn a_read_that_began_too_early_settles_nothing() {
    for app in TestApp::on_each_engine() {
        let app = app.await;
        app.shop.backorder("A1").await;
        app.sweep().await;
        app.advance("29s");
        app.sweep().await;
        app.deliver().await;
        assert_eq!(app.mails().len(), 0);
    }
}

#[tokio::test]
async fn with_nothing_to_settle_news_is_told_at_first_sight() {
    for app in TestApp::on_each_engine_with(&[("delivery.settle", "0s")]) {
        let app = app.await;
        app.shop.backorder("A1").await;
        app.sweep().await;
        app.deliver().await;
        assert_eq!(app.mails().len(), 1);
    }
}

#[tokio::test]
async fn what_changes_while_it_settles_is_amended_in_place() {
    for app in TestApp::on_each_engine() {
        let app = app.await;
        app.shop.backorder("A1").await;
        app.sweep().await;
        app.advance("20s");
        app.shop.expect("A1", "2027-03-01").await;
        app.shop.backorder("A2").await;
        app.tick_all().await;
        assert_eq!(app.log().await, ["backordered sent"]);
        let text = app.last_mail().text;
        assert!(text.contains("March 1, 2027") && text.contains("Lamp A2"), "{text}");
    }
}

#[tokio::test]
async fn news_that_never_comes_to_rest_is_told_after_ten_times_the_settling_time() {
    for app in TestApp::on_each_engine() {
        let app = app.await;
        app.shop.backorder("A1").await;
        app.sweep().await;
        for turn in 1..=15 {
            app.advance("20s");
            app.shop.expect("A1", &format!("2027-03-{turn:02}")).await;
            app.sweep().await;
            app.deliver().await;
            assert_eq!(app.mails().len(), usize::from(turn == 15), "after {} s", turn * 20);
        }
        assert!(app.last_mail().text.contains("March 15, 2027"));
    }
}

#[tokio::test]
async fn what_changes_while_the_relay_is_away_is_told_once_with_the_newest_state() {
    for app in TestApp::on_each_engine() {
        let app = app.await;
        app.relay.is_away(true);
        app.shop.backorder("A1").await;
        app.tick_all().await;
        app.shop.expect("A1", "2027-03-01").await;
        app.tick_all().await;
        assert_eq!(app.log().await, ["backordered superseded", "backordered queued"]);
        app.relay.is_away(false);
        app.advance("10m");
        app.deliver().await;
        assert_eq!(app.kinds(), ["backordered"]);
        assert!(app.last_mail().text.contains("March 1, 2027"));
    }
}

#[tokio::test]
async fn what_changes_between_two_tries_is_never_told_in_its_old_state() {
    for app in TestApp::on_each_engine() {
        let app = app.await;
        app.shop.backorder("A1").await;
        app.relay.once(At::RcptTo, Act::Say("450 4.2.0 later"));
        app.tick_all().await;
        app.shop.expect("A1", "2027-03-01").await;
        app.sweep().await;
        app.advance("5m");
        app.deliver().await;
        assert_eq!(app.mails().len(), 0, "the old state is not told, the new one has not settled");
        app.tick_all().await;
        assert_eq!(app.kinds(), ["backordered"]);
        assert!(app.last_mail().text.contains("March 1, 2027"));
        assert_eq!(app.log().await, ["backordered superseded", "backordered sent"]);
    }
}

#[tokio::test]
async fn what_changes_between_claim_and_transfer_is_not_sent_and_planned_afresh() {
    for app in TestApp::on_each_engine() {
        let app = app.await;
        app.shop.backorder("A1").await;
        app.settle().await;
        let claimed = app.store.claim("a slow process", "mail", app.now(), 10, SLOW).await.unwrap();
        assert_eq!(claimed.len(), 1);
        app.shop.expect("A1", "2027-03-01").await;
        app.sweep().await;
        app.store.expire_leases().await.unwrap();
        app.deliver().await;
        assert_eq!(app.mails().len(), 0);
        assert_eq!(app.log().await, ["backordered superseded", "backordered queued"]);
        app.tick_all().await;
        assert_eq!(app.kinds(), ["backordered"]);
        assert!(app.last_mail().text.contains("March 1, 2027"));
    }
}

const SLOW: backorderd::settings::duration::Span = backorderd::settings::duration::Span::seconds(30);

/// What was planned before the first mail was accepted speaks of another "before", and must not be lost for it.
#[tokio::test]
async fn news_planned_while_a_mail_was_in_transfer_is_told_against_what_that_mail_said() {
    for app in TestApp::on_each_engine() {
        let app = app.await;
        app.shop.backorder("A1").await;
        app.settle().await;
        app.relay.once(At::End, Act::Stall);
        let delivery = app.process.delivery.clone();
        let sending = tokio::spawn(async move { delivery.tick().await });
        app.relay.has(1).await;
        app.shop.expect("A1", "2027-03-01").await;
        app.settle().await;
        assert_eq!(app.log().await, ["backordered sending", "backordered queued"]);
        sending.abort();
        app.store.expire_leases().await.unwrap();
        app.deliver().await;
        assert_eq!(app.kinds(), ["backordered", "date_changed"]);
        let text = app.last_mail().text;
        assert!(text.contains("February 10, 2027") && text.contains("March 1, 2027"), "{text}");
    }
}

#[tokio::test]
async fn quiet_hours_keep_a_mail_until_the_morning() {
    for app in TestApp::on_each_engine_with(&[("delivery.quiet_hours", "22:00-07:00")]) {
        let app = app.await;
        app.advance_to("2027-01-12T23:00");
        app.shop.backorder("A1").await;
        app.tick_all().await;
        app.advance_to("2027-01-13T06:59");
        app.tick_all().await;
        assert_eq!(app.mails().len(), 0);
        app.advance_to("2027-01-13T07:00");
        app.tick_all().await;
        assert_eq!(app.mails().len(), 1);
    }
}

#[tokio::test]
async fn a_mail_that_the_quiet_hours_catch_between_two_tries_waits_for_the_morning() {
    for app in TestApp::on_each_engine_with(&[("delivery.quiet_hours", "22:00-07:00")]) {
        let app = app.await;
        app.advance_to("2027-01-12T21:59");
        app.relay.once(At::RcptTo, Act::Say("450 4.2.0 later"));
        app.shop.backorder("A1").await;
        app.tick_all().await;
        app.advance("10m");
        app.deliver().await;
        assert_eq!(app.mails().len(), 0);
        app.advance_to("2027-01-13T07:00");
        app.deliver().await;
        assert_eq!(app.mails().len(), 1);
    }
}
