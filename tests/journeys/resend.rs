//! What staff have sent again: the same row where it was not sent, else today's state to today's address.

use backorderd::outbox::schedule::Schedules;
use backorderd::settings::delivery::Channels;
use backorderd::store::resend::Resent;
use backorderd::store::suppressions::{Source, Stream, Suppression};
use uuid::Uuid;

use crate::support::app::{ADA, TestApp};
use crate::support::smtp_server::{Act, At};
use crate::support::staff::{acting, by};

async fn resend(app: &TestApp, ids: &[Uuid]) -> Resent {
    let schedules = Schedules::new(&app.process.app.settings);
    app.store.resend(ids, &by(), app.process.app.settings.delivery.channel, &schedules, &app.clock).await.unwrap()
}

/// The reasons why nothing was done.
async fn refused(app: &TestApp, id: Uuid) -> String {
    let resent = resend(app, &[id]).await;
    assert_eq!((&*resent.tried, &*resent.made), (&[][..], &[][..]));
    resent.refused.into_iter().next().unwrap().1
}

/// The id of the `number`th notification of the log.
async fn id(app: &TestApp, number: usize) -> Uuid {
    app.entries().await[number].id
}

#[tokio::test]
async fn a_sent_one_is_told_again_as_it_stands_and_threads_with_the_first() {
    for app in TestApp::on_each_engine() {
        let app = app.await;
        app.shop.backorder("A1").await;
        app.tick_all().await;
        let first = id(&app, 0).await;
        let resent = resend(&app, &[first]).await;
        assert_eq!((&*resent.tried, &*resent.refused), (&[][..], &[][..]));
        app.deliver().await;
        assert_eq!(app.log().await, ["backordered sent", "backordered sent"]);
        let [old, new] = &app.mails()[..] else { panic!("two mails") };
        assert_eq!((&new.kind, &new.in_reply_to), (&old.kind, &old.id));
        assert_ne!(new.id, old.id);
        assert_eq!(resent.made, [(first, id(&app, 1).await)]);
        app.tick_all().await;
        assert_eq!(app.mails().len(), 2, "it told no news, so nothing follows");
    }
}

#[tokio::test]
async fn a_line_that_moved_since_is_told_by_where_it_stands_today() {
    for app in TestApp::on_each_engine() {
        let app = app.await;
        app.shop.backorder("A1").await;
        app.tick_all().await;
        app.shop.expect("A1", "2027-03-01").await;
        app.tick_all().await;
        resend(&app, &[id(&app, 0).await]).await;
        app.deliver().await;
        assert_eq!(app.kinds(), ["backordered", "date_changed", "still_waiting"]);
        assert!(app.last_mail().text.contains("March 1, 2027"), "{}", app.last_mail().text);
        resend(&app, &[id(&app, 1).await]).await;
        app.deliver().await;
        let again = app.last_mail();
        assert_eq!(again.kind, "date_changed", "that is still true");
        assert!(again.text.contains("February 10, 2027"), "{}", again.text);
        app.shop.set("A1", "short_qty = 0, shipped_qty = 2").await;
        app.tick_all().await;
        assert_eq!(refused(&app, id(&app, 1).await).await, "nothing of what it said is left to say");
    }
}

#[tokio::test]
async fn news_that_comes_while_it_waits_takes_its_place() {
    for app in TestApp::on_each_engine() {
        let app = app.await;
        app.shop.backorder("A1").await;
        app.tick_all().await;
        resend(&app, &[id(&app, 0).await]).await;
        app.shop.expect("A1", "2027-03-01").await;
        app.tick_all().await;
        assert_eq!(app.kinds(), ["backordered", "date_changed"]);
        assert_eq!(app.log().await, ["backordered sent", "backordered superseded", "date_changed sent"]);
    }
}

#[tokio::test]
async fn of_one_order_several_are_one_mail_and_another_command_names_the_one_that_waits() {
    for app in TestApp::on_each_engine() {
        let app = app.await;
        app.shop.backorder("A1").await;
        app.tick_all().await;
        app.shop.expect("A1", "2027-03-01").await;
        app.tick_all().await;
        let (first, second) = (id(&app, 0).await, id(&app, 1).await);
        let resent = resend(&app, &[first, second]).await;
        let made = id(&app, 2).await;
        assert_eq!(resent.made, [(second, made), (first, made)]);
        assert_eq!(resend(&app, &[first]).await.made, [(first, made)], "the next batch of the same command");
        let schedules = Schedules::new(&app.process.app.settings);
        let other = app.store.resend(&[first], &acting(2, ""), Channels::Mail, &schedules, &app.clock).await.unwrap();
        assert_eq!(other.refused, [(first, format!("its order has another that waits to be sent: send {made} again"))]);
        app.deliver().await;
        assert_eq!(app.kinds(), ["backordered", "date_changed", "date_changed"]);
    }
}

#[tokio::test]
async fn it_goes_to_the_address_of_today() {
    for app in TestApp::on_each_engine() {
        let app = app.await;
        app.shop.backorder("A1").await;
        app.tick_all().await;
        app.shop.set("A1", "customer_email = 'bob@example.com'").await;
        app.tick_all().await;
        resend(&app, &[id(&app, 0).await]).await;
        app.deliver().await;
        let to: Vec<String> = app.mails().into_iter().map(|mail| mail.to).collect();
        assert_eq!(to, [ADA, "bob@example.com", "bob@example.com"]);
        app.shop.set("A1", "customer_email = null").await;
        app.tick_all().await;
        assert_eq!(refused(&app, id(&app, 0).await).await, "its order has no e-mail address: enter one in the shop");
        app.shop.delete("A1").await;
        app.shop.line("B1").order("S2").put().await;
        app.tick_all().await;
        assert_eq!(refused(&app, id(&app, 0).await).await, "the shop shows its lines no more");
    }
}

#[tokio::test]
async fn what_was_refused_or_withdrawn_is_told_after_all_and_its_task_ends() {
    for app in TestApp::on_each_engine() {
        let app = app.await;
        app.shop.backorder("A1").await;
        app.relay.once(At::RcptTo, Act::Say("550 5.3.0 not now and not ever"));
        app.tick_all().await;
        assert_eq!(app.log().await, ["backordered failed"]);
        let failed = id(&app, 0).await;
        assert_eq!(app.tasks().await, [format!("failed {failed}")]);
        resend(&app, &[failed]).await;
        assert_eq!(app.tasks().await, [""; 0]);
        let again = id(&app, 1).await;
        app.store.withdraw(&[again], &by(), app.now()).await.unwrap();
        assert_eq!(app.deliver().await.claimed, 0);
        resend(&app, &[again]).await;
        app.deliver().await;
        assert_eq!(app.log().await, ["backordered failed", "backordered withdrawn", "backordered sent"]);
        app.tick_all().await;
        assert_eq!(app.mails().len(), 1);
    }
}

#[tokio::test]
async fn what_waits_for_its_next_try_or_for_staff_is_the_same_row_tried_now() {
    for app in TestApp::on_each_engine() {
        let app = app.await;
        app.shop.backorder("A1").await;
        app.relay.once(At::RcptTo, Act::Say("450 4.2.0 later"));
        app.tick_all().await;
        assert_eq!(app.deliver().await.claimed, 0, "it is not due");
        let queued = id(&app, 0).await;
        assert_eq!(resend(&app, &[queued]).await.tried, [queued]);
        app.store.hold(&[queued], &acting(2, "--all"), app.now()).await.unwrap();
        assert_eq!(app.deliver().await.claimed, 0);
        assert_eq!(resend(&app, &[queued]).await.tried, [queued]);
        app.deliver().await;
        assert_eq!(app.log().await, ["backordered sent"]);
        let actions = app.store.staff_actions(queued).await.unwrap();
        assert_eq!(actions.iter().map(|action| &*action.what).collect::<Vec<_>>(), ["resent", "held"]);
    }
}

#[tokio::test]
async fn news_that_still_settles_is_told_at_once() {
    for app in TestApp::on_each_engine() {
        let app = app.await;
        app.shop.backorder("A1").await;
        app.sweep().await;
        assert_eq!(app.deliver().await.claimed, 0);
        resend(&app, &[id(&app, 0).await]).await;
        app.deliver().await;
        assert_eq!(app.kinds(), ["backordered"]);
        app.tick_all().await;
        assert_eq!(app.mails().len(), 1);
    }
}

#[tokio::test]
async fn what_is_in_doubt_for_good_goes_once_more_with_the_same_bytes() {
    for app in TestApp::on_each_engine_with(&[("delivery.in_doubt", "hold")]) {
        let app = app.await;
        app.shop.backorder("A1").await;
        app.relay.once(At::End, Act::Close);
        app.tick_all().await;
        let doubtful = id(&app, 0).await;
        assert_eq!(app.tasks().await, [format!("in_doubt {doubtful}")]);
        assert_eq!(resend(&app, &[doubtful]).await.tried, [doubtful]);
        assert_eq!(app.tasks().await, [""; 0]);
        app.deliver().await;
        let [first, second] = &app.mails()[..] else { panic!("two mails") };
        assert_eq!(first.bytes, second.bytes);
        let entry = app.entries().await.remove(0);
        assert_eq!((entry.state.word(), entry.possible_duplicate, entry.attempts), ("sent", true, 2));
        assert_eq!(app.entries().await.len(), 1);
    }
}

#[tokio::test]
async fn a_second_doubt_of_what_staff_sent_again_is_a_task_again() {
    for app in TestApp::on_each_engine_with(&[("delivery.in_doubt", "hold")]) {
        let app = app.await;
        app.shop.backorder("A1").await;
        (0..2).for_each(|_| app.relay.once(At::End, Act::Close));
        app.tick_all().await;
        let doubtful = id(&app, 0).await;
        resend(&app, &[doubtful]).await;
        app.deliver().await;
        assert_eq!(app.log().await, ["backordered in_doubt"]);
        assert_eq!(app.tasks().await, [format!("in_doubt {doubtful}")]);
    }
}

#[tokio::test]
async fn an_option_notice_is_not_sent_again_after_its_day_and_staff_read_why() {
    let settings = [("delivery.in_doubt", "hold"), ("rules.default", "us-ftc")];
    for app in TestApp::on_each_engine_with(&settings) {
        let app = app.await;
        app.shop.backorder("A1").await;
        app.shop.set("A1", "ordered_at = '2027-01-12T09:00:00-05:00', expected_on = '2027-03-01'").await;
        app.relay.once(At::End, Act::Close);
        app.tick_all().await;
        let doubtful = id(&app, 0).await;
        app.advance_to("2027-02-12T00:00");
        let why = refused(&app, doubtful).await;
        assert!(why.starts_with("the last day of the option notice in it is over"), "{why}");
        app.tick_all().await;
        assert_eq!(app.mails().len(), 1, "nor does anything else send it: {:?}", app.log().await);
    }
}

#[tokio::test]
async fn what_newer_news_took_over_is_not_sent_again() {
    for app in TestApp::on_each_engine() {
        let app = app.await;
        app.shop.backorder("A1").await;
        app.relay.once(At::RcptTo, Act::Say("450 4.2.0 later"));
        app.tick_all().await;
        app.shop.expect("A1", "2027-03-01").await;
        app.tick_all().await;
        assert_eq!(app.log().await, ["backordered superseded", "backordered sent"]);
        assert_eq!(refused(&app, id(&app, 0).await).await, "newer news took its place: send that again");
    }
}

#[tokio::test]
async fn a_barred_address_gets_nothing_again_and_staff_read_how_to_clear_it() {
    for app in TestApp::on_each_engine() {
        let app = app.await;
        app.shop.backorder("A1").await;
        app.tick_all().await;
        let barred = Suppression {
            address: ADA.into(),
            stream: Stream::OrderNotices,
            reason: "5.1.1 no such user".into(),
            source: Source::Bounce,
            who: None,
            since: app.now(),
            notification_id: None,
        };
        app.store.suppress(&[barred]).await.unwrap();
        assert_eq!(
            refused(&app, id(&app, 0).await).await,
            "ada@example.com gets no order notices (5.1.1 no such user): \
             `backorderd suppress remove ada@example.com --stream order_notices`"
        );
    }
}
