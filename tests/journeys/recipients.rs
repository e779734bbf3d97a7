//! To whom news is news.

use crate::support::app::TestApp;
use crate::support::smtp_server::{Act, At};

#[tokio::test]
async fn a_line_without_an_address_is_a_task_and_told_when_it_has_one() {
    for app in TestApp::on_each_engine() {
        let app = app.await;
        app.shop.line("A1").email(None).put().await;
        app.tick_all().await;
        assert_eq!(app.mails().len(), 0);
        assert_eq!(app.tasks().await, ["no_address A1"]);
        app.shop.set("A1", "customer_email = 'ada@example.com'").await;
        app.tick_all().await;
        assert_eq!(app.kinds(), ["backordered"]);
        assert_eq!(app.tasks().await, [""; 0]);
    }
}

#[tokio::test]
async fn a_new_address_is_told_what_it_was_not_told() {
    for app in TestApp::on_each_engine() {
        let app = app.await;
        app.shop.backorder("A1").await;
        app.tick_all().await;
        app.shop.set("A1", "customer_email = 'bob@example.com'").await;
        app.tick_all().await;
        let to: Vec<String> = app.mails().into_iter().map(|mail| mail.to).collect();
        assert_eq!(to, ["ada@example.com", "bob@example.com"]);
        assert_eq!(app.kinds(), ["backordered", "backordered"]);
        assert_eq!(app.last_mail().in_reply_to, "", "the old address's thread is not hers");
        app.shop.set("A1", "customer_email = 'ada@example.com'").await;
        app.tick_all().await;
        assert_eq!(app.mails().len(), 2, "she knows already");
    }
}

#[tokio::test]
async fn the_address_is_that_of_the_newest_snapshot_at_each_try() {
    for app in TestApp::on_each_engine() {
        let app = app.await;
        app.shop.backorder("A1").await;
        app.relay.once(At::RcptTo, Act::Say("450 4.2.0 later"));
        app.tick_all().await;
        app.shop.set("A1", "customer_email = 'bob@example.com'").await;
        app.tick_all().await;
        app.advance("1d");
        app.tick_all().await;
        let to: Vec<String> = app.mails().into_iter().map(|mail| mail.to).collect();
        assert_eq!(to, ["bob@example.com"]);
    }
}

#[tokio::test]
async fn a_locale_that_changes_before_she_was_told_loses_no_mail() {
    for app in TestApp::on_each_engine() {
        let app = app.await;
        app.shop.backorder("A1").await;
        app.relay.once(At::RcptTo, Act::Say("450 4.2.0 later"));
        app.tick_all().await;
        app.shop.set("A1", "locale = 'de_DE'").await;
        app.tick_all().await;
        assert_eq!(app.kinds(), ["backordered"]);
        assert!(app.last_mail().text.contains("10. Februar 2027"), "{}", app.last_mail().text);
        app.tick_all().await;
        assert_eq!(app.mails().len(), 1);
    }
}

#[tokio::test]
async fn a_line_that_moves_to_another_order_keeps_what_was_told() {
    for app in TestApp::on_each_engine() {
        let app = app.await;
        app.shop.backorder("A1").await;
        app.tick_all().await;
        app.shop.set("A1", "order_id = 'S2'").await;
        app.tick_all().await;
        assert_eq!(app.mails().len(), 1);
        app.shop.expect("A1", "2027-03-01").await;
        app.tick_all().await;
        assert_eq!((&*app.last_mail().kind, &*app.last_mail().order), ("date_changed", "S2"));
    }
}

#[tokio::test]
async fn a_line_that_moves_to_another_order_before_it_was_told_is_told_there() {
    for app in TestApp::on_each_engine() {
        let app = app.await;
        app.shop.backorder("A1").await;
        app.sweep().await;
        app.advance("1s");
        app.shop.set("A1", "order_id = 'S2'").await;
        app.tick_all().await;
        assert_eq!((app.mails().len(), &*app.last_mail().order), (1, "S2"));
        assert_eq!(app.log().await, ["backordered superseded", "backordered sent"]);
    }
}

#[tokio::test]
async fn somebody_who_was_told_under_another_address_hears_again_after_two_weeks() {
    for app in TestApp::untouched_on_each_engine(&[]) {
        let app = app.await;
        app.shop.line("A1").expected(Some("2027-06-01")).put().await;
        app.tick_all().await;
        app.shop.set("A1", "customer_email = 'bob@example.com'").await;
        app.tick_all().await;
        assert_eq!(app.mails().len(), 0, "the baseline counts for every address");
        app.advance("15d");
        app.tick_all().await;
        assert_eq!((&*app.last_mail().kind, &*app.last_mail().to), ("still_waiting", "bob@example.com"));
        assert_eq!(app.mails().len(), 1);
    }
}

#[tokio::test]
async fn a_mail_that_failed_is_not_repeated_and_the_next_difference_is_told() {
    for app in TestApp::on_each_engine() {
        let app = app.await;
        app.shop.backorder("A1").await;
        app.relay.once(At::RcptTo, Act::Say("550 5.2.1 mailbox disabled"));
        app.tick_all().await;
        app.advance("30d");
        app.shop.set("A1", "expected_on = '2027-06-01'").await;
        app.shop.set("A1", "expected_on = '2027-02-20'").await;
        let failed = app.entries().await.remove(0);
        assert_eq!(app.tasks().await, [format!("failed {}", failed.id)]);
        assert_eq!(failed.note.as_deref(), Some("refused for good: 550 5.2.1 mailbox disabled"));
        app.tick_all().await;
        assert_eq!(app.kinds(), ["backordered"]);
        assert_eq!(app.log().await, ["backordered failed", "backordered sent"]);
    }
}

#[tokio::test]
async fn a_failed_mail_is_not_made_again_while_nothing_changes() {
    for app in TestApp::on_each_engine() {
        let app = app.await;
        app.shop.backorder("A1").await;
        app.relay.once(At::End, Act::Say("554 5.7.1 spam"));
        app.tick_all().await;
        for _ in 0..3 {
            app.advance("1d");
            app.tick_all().await;
        }
        app.shop.set("A1", "product_name = 'Another lamp'").await;
        app.tick_all().await;
        assert_eq!(app.log().await, ["backordered failed"]);
        assert_eq!(app.mails().len(), 0);
    }
}
