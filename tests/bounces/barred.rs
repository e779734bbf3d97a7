//! Addresses that get no more: what follows from what came back, and from what a relay refused.

use backorderd::outbox::schedule::Schedules;
use backorderd::outbox::stream::Stream;
use backorderd::promise::deadline::Flag;
use backorderd::settings::delivery::Channels;
use backorderd::store::bounces::Taken;
use backorderd::store::suppressions::{Source, Suppression};

use super::samples;
use super::{came_back, list, newest, no_such_user};
use crate::support::app::{ADA, TestApp};
use crate::support::smtp_server::{Act, At};

async fn suppress(app: &TestApp, address: &str, stream: Stream) {
    let barred = Suppression {
        address: address.into(),
        stream,
        reason: "she asked for it".into(),
        source: Source::Staff,
        who: Some("grace".into()),
        since: app.now(),
        notification_id: None,
    };
    app.store.suppress(&[barred]).await.unwrap();
}

#[tokio::test]
async fn a_bad_address_gets_no_more_order_notices_and_each_is_a_task() {
    for app in TestApp::on_each_engine() {
        let app = app.await;
        app.shop.line("A1").email(Some("Ada@Example.com")).put().await;
        app.tick_all().await;
        let first = newest(&app).await.id;
        let taken = came_back(&app, no_such_user).await;
        assert_eq!(taken, Taken::Recorded { id: first, barred: Some(Stream::OrderNotices) });
        assert_eq!(list(&app).await, ["ada@example.com order_notices bounce"]);
        assert_eq!(app.tasks().await, [format!("bounced {first}")]);
        let task = app.store.tasks().await.unwrap().remove(0);
        assert!(task.reason.contains("order S1 to Ada@example.com came back: 550 5.1.1"), "{}", task.reason);
        assert!(task.mend.contains(&format!("backorderd resend {first}")), "{}", task.mend);

        app.shop.expect("A1", "2027-03-01").await;
        let delivered = app.tick_all().await;
        assert_eq!((delivered.suppressed, delivered.accepted), (1, 0));
        assert!(delivered.all_accepted(), "it was not tried");
        assert_eq!(app.log().await, ["backordered sent", "date_changed suppressed"]);
        let second = newest(&app).await;
        assert!(second.note.unwrap().starts_with("the address gets no order notices: 550 5.1.1"));
        assert_eq!(app.tasks().await, [format!("bounced {first}"), format!("suppressed {}", second.id)]);
        app.advance("1d");
        app.tick_all().await;
        assert_eq!(app.mails().len(), 1, "and it is not planned again");
    }
}

#[tokio::test]
async fn a_corrected_address_gets_everything() {
    for app in TestApp::on_each_engine() {
        let app = app.await;
        app.shop.backorder("A1").await;
        app.tick_all().await;
        came_back(&app, no_such_user).await;
        app.shop.set("A1", "customer_email = 'ada@example.org'").await;
        app.tick_all().await;
        let to: Vec<String> = app.mails().into_iter().map(|mail| mail.to).collect();
        assert_eq!(to, [ADA, "ada@example.org"]);
        assert_eq!(app.last_mail().kind, "backordered");
    }
}

#[tokio::test]
async fn m_6_an_update_that_bounced_bars_updates_alone_and_bothers_nobody() {
    for app in TestApp::on_each_engine() {
        let app = app.await;
        app.shop.line("A1").expected(None).put().await;
        app.tick_all().await;
        app.advance("15d");
        app.tick_all().await;
        assert_eq!(app.kinds(), ["backordered", "still_waiting"]);
        came_back(&app, no_such_user).await;
        assert_eq!(list(&app).await, ["ada@example.com updates bounce"]);
        assert_eq!(app.tasks().await, [""; 0]);
        app.advance("15d");
        app.tick_all().await;
        assert_eq!(app.log().await, ["backordered sent", "still_waiting sent", "still_waiting suppressed"]);
        assert_eq!(app.tasks().await, [""; 0]);
        app.shop.expect("A1", "2027-05-01").await;
        app.tick_all().await;
        assert_eq!(app.last_mail().kind, "date_changed", "order notices go on");
    }
}

#[tokio::test]
async fn what_is_soft_or_full_bars_nobody_but_a_lost_order_notice_is_a_task() {
    for app in TestApp::on_each_engine() {
        let app = app.await;
        app.shop.backorder("A1").await;
        app.tick_all().await;
        came_back(&app, |sent| samples::status_only(sent, "delayed", "4.4.1")).await;
        assert_eq!(app.tasks().await, [""; 0]);
        came_back(&app, |sent| samples::postfix(sent, "5.2.2", "552 5.2.2 mailbox full")).await;
        let id = newest(&app).await.id;
        assert_eq!(app.tasks().await, [format!("bounced {id}")]);
        assert_eq!(list(&app).await, [""; 0]);
        let words: Vec<String> = app.store.bounces(id).await.unwrap().iter().map(|bounce| bounce.in_words()).collect();
        assert_eq!(
            words,
            ["is late (soft, by report): 4.4.1", "came back (undelivered, by report): 552 5.2.2 mailbox full"]
        );
    }
}

#[tokio::test]
async fn m_6_who_complains_of_an_order_notice_still_gets_them_and_staff_know() {
    for app in TestApp::on_each_engine() {
        let app = app.await;
        app.shop.line("A1").expected(None).put().await;
        app.tick_all().await;
        let taken = came_back(&app, samples::complaint).await;
        assert_eq!(taken, Taken::Recorded { id: newest(&app).await.id, barred: None });
        assert_eq!(app.tasks().await, [format!("complaint {}", newest(&app).await.id)]);
        app.advance("15d");
        app.tick_all().await;
        assert_eq!(app.kinds(), ["backordered", "still_waiting"]);
        came_back(&app, samples::complaint).await;
        assert_eq!(list(&app).await, ["ada@example.com updates complaint"], "updates she can be spared");
    }
}

#[tokio::test]
async fn an_address_that_the_relay_calls_bad_is_barred_and_one_that_policy_refuses_is_not() {
    let table = [
        ("550 5.1.1 no such user", true),
        ("553 mailbox name not allowed", true),
        ("550 5.2.1 mailbox disabled", false),
        ("550 5.7.1 not from you", false),
        ("530 5.7.0 sign in first", false),
    ];
    for (reply, barred) in table {
        for app in TestApp::on_each_engine() {
            let app = app.await;
            app.shop.backorder("A1").await;
            app.relay.once(At::RcptTo, Act::Say(reply));
            app.tick_all().await;
            let expected = ["ada@example.com order_notices refusal"];
            assert_eq!(list(&app).await, expected[..usize::from(barred)], "{reply}");
            if barred {
                let list = app.store.suppressions(Some(ADA), None).await.unwrap();
                assert!(list[0].reason.starts_with(&reply[..3]), "{}", list[0].reason);
                assert_eq!(app.tasks().await, [format!("failed {}", newest(&app).await.id)]);
            }
        }
    }
}

#[tokio::test]
async fn a_relay_that_refuses_one_recipient_after_the_other_alike_bars_no_more_of_them() {
    for app in TestApp::on_each_engine() {
        let app = app.await;
        for number in 0..8 {
            let email = format!("customer{number}@example.com");
            app.shop.line(&format!("A{number}")).order(&format!("S{number}")).email(Some(&email)).put().await;
        }
        (0..8).for_each(|_| app.relay.once(At::RcptTo, Act::Say("550 your password has expired")));
        app.tick_all().await;
        let states = async |state: &str| app.log().await.iter().filter(|entry| entry.ends_with(state)).count();
        assert_eq!((states("failed").await, states("queued").await), (4, 4));
        assert_eq!(list(&app).await.len(), 4);
        app.relay.forget_faults();
        for _ in 0..3 {
            // One probe goes first, and the others wait for it.
            app.advance("10m");
            app.deliver().await;
        }
        assert_eq!((states("failed").await, states("sent").await), (4, 4), "the others lost nothing");
    }
}

#[tokio::test]
async fn one_customer_with_a_bad_address_and_many_orders_is_no_fault_of_the_relay() {
    for app in TestApp::on_each_engine() {
        let app = app.await;
        for number in 0..8 {
            app.shop.line(&format!("A{number}")).order(&format!("S{number}")).put().await;
        }
        (0..8).for_each(|_| app.relay.once(At::RcptTo, Act::Say("550 5.1.1 no such user")));
        app.tick_all().await;
        let queued = app.log().await.iter().filter(|entry| entry.ends_with("queued")).count();
        assert_eq!(queued, 0, "{:?}", app.log().await);
        app.relay.forget_faults();
    }
}

#[tokio::test]
async fn staff_bar_an_address_and_let_it_back() {
    for app in TestApp::on_each_engine() {
        let app = app.await;
        suppress(&app, " ADA@example.com ", Stream::Updates).await;
        suppress(&app, ADA, Stream::OrderNotices).await;
        suppress(&app, ADA, Stream::OrderNotices).await;
        app.shop.backorder("A1").await;
        app.tick_all().await;
        assert_eq!(app.log().await, ["backordered suppressed"]);
        let of_stream = app.store.suppressions(Some("Ada@Example.com"), Some(Stream::Updates)).await.unwrap();
        assert_eq!((of_stream.len(), of_stream[0].who.as_deref()), (1, Some("grace")));
        let removed = app.store.unsuppress(&["ADA@example.com".to_owned()], &[Stream::OrderNotices]).await.unwrap();
        assert_eq!(removed.len(), 1);
        assert_eq!(list(&app).await, ["ada@example.com updates staff"]);
        let schedules = Schedules::new(&app.process.app.settings);
        let id = newest(&app).await.id;
        app.store.resend(&[id], &crate::support::staff::by(), Channels::Mail, &schedules, &app.clock).await.unwrap();
        app.deliver().await;
        assert_eq!(app.kinds(), ["backordered"], "what she missed");
        assert_eq!(app.tasks().await, [""; 0]);
    }
}

#[tokio::test]
async fn us_19_a_bounced_option_notice_is_flagged_and_its_task_names_the_last_day_before_it() {
    for app in TestApp::on_each_engine_with(&[("rules.default", "us-ftc")]) {
        let app = app.await;
        app.shop.backorder("A1").await;
        app.shop.set("A1", "ordered_at = '2027-01-12T09:00:00-05:00', expected_on = '2027-03-01'").await;
        app.tick_all().await;
        let flags = async || {
            let mut flags = Vec::new();
            let schedules = Schedules::new(&app.process.app.settings);
            app.store
                .deadlines(None, &schedules, app.now(), |listed| flags.extend(listed.deadline.flags))
                .await
                .unwrap();
            flags
        };
        assert_eq!(flags().await, []);
        came_back(&app, |sent| samples::status_only(sent, "delayed", "4.4.1")).await;
        assert_eq!(flags().await, []);
        came_back(&app, no_such_user).await;
        assert_eq!(flags().await, [Flag::NoticeBounced]);
        let task = app.store.tasks().await.unwrap().remove(0);
        assert_eq!(task.kind, "bounced");
        let midnight = "2027-02-12T00:00:00-05:00".parse().unwrap();
        assert_eq!(task.too_late_at, Some(midnight), "ordered on January 12, so that T is February 11");
        assert!(app.now() < midnight, "and staff have it before");
    }
}

#[tokio::test]
async fn what_may_have_been_sent_and_is_barred_now_stays_in_doubt() {
    for app in TestApp::on_each_engine() {
        let app = app.await;
        app.shop.backorder("A1").await;
        app.relay.once(At::End, Act::Close);
        app.tick_all().await;
        suppress(&app, ADA, Stream::OrderNotices).await;
        app.advance("2m");
        app.deliver().await;
        assert_eq!(app.log().await, ["backordered in_doubt"]);
        assert_eq!(app.mails().len(), 1);
        assert_eq!(app.tasks().await, [format!("in_doubt {}", newest(&app).await.id)]);
    }
}
