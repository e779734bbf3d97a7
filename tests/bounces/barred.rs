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

/// So many customers, each with an order on backorder.
async fn customers(app: &TestApp, numbers: std::ops::Range<usize>) {
    for number in numbers {
        let email = format!("customer{number}@example.com");
        app.shop.line(&format!("A{number}")).order(&format!("S{number}")).email(Some(&email)).put().await;
    }
}

/// How many notifications are in this state.
async fn how_many(app: &TestApp, state: &str) -> usize {
    app.log().await.iter().filter(|entry| entry.ends_with(state)).count()
}

/// The relay takes mail again: one probe goes first, and the others wait for it.
async fn mended(app: &TestApp) {
    app.relay.forget_faults();
    for _ in 0..3 {
        app.advance("10m");
        app.deliver().await;
    }
}

const EXPIRED: Act = Act::Say("550 your password has expired");

#[tokio::test]
async fn a_relay_that_refuses_one_recipient_after_the_other_alike_fails_no_mail_and_bars_nobody() {
    for app in TestApp::on_each_engine() {
        let app = app.await;
        customers(&app, 0..8).await;
        (0..8).for_each(|_| app.relay.once(At::RcptTo, EXPIRED));
        let delivered = app.tick_all().await;
        assert_eq!((delivered.failed, delivered.deferred), (0, 8), "{delivered:?}");
        assert_eq!(app.log().await, ["backordered queued"; 8]);
        assert_eq!((list(&app).await, app.tasks().await), (vec![], vec![]));
        mended(&app).await;
        assert_eq!(app.log().await, ["backordered sent"; 8]);
        let tried: Vec<String> = app.texts("select distinct outcome from attempts order by outcome").await;
        assert_eq!(tried[..2], ["accepted", "bad_address"], "what the relay said stays in the log");
    }
}

#[tokio::test]
async fn a_relay_that_is_blamed_is_probed_with_one_mail_after_the_other() {
    for app in TestApp::on_each_engine_with(&[("mail.relays.0.max_connections", "1")]) {
        let app = app.await;
        customers(&app, 0..8).await;
        (0..8).for_each(|_| app.relay.once(At::RcptTo, EXPIRED));
        app.tick_all().await;
        app.relay.forget_faults();
        app.in_state("delete from attempts").await;
        for _ in 0..3 {
            app.relay.once(At::RcptTo, EXPIRED);
            app.advance("10m");
            app.deliver().await;
        }
        let probes = app.texts("select distinct notification_id from attempts where outcome = 'relay'").await;
        assert_eq!(probes.len(), 3, "if they were five bad addresses, a good one has its turn");
        mended(&app).await;
        assert_eq!(app.log().await, ["backordered sent"; 8]);
    }
}

#[tokio::test]
async fn four_that_are_refused_alike_have_failed_and_are_barred() {
    for app in TestApp::on_each_engine() {
        let app = app.await;
        customers(&app, 0..4).await;
        (0..4).for_each(|_| app.relay.once(At::RcptTo, Act::Say("550 5.1.1 no such user")));
        let delivered = app.tick_all().await;
        assert_eq!((delivered.failed, list(&app).await.len(), app.tasks().await.len()), (4, 4, 4));
        // One that is taken in between shows that the relay works.
        customers(&app, 10..11).await;
        app.tick_all().await;
        customers(&app, 4..5).await;
        app.relay.once(At::RcptTo, Act::Say("550 5.1.1 no such user"));
        app.tick_all().await;
        assert_eq!((how_many(&app, "failed").await, how_many(&app, "sent").await), (5, 1));
    }
}

#[tokio::test]
async fn five_that_are_refused_alike_are_counted_over_all_processes_and_over_their_deaths() {
    for app in TestApp::on_each_engine() {
        let app = app.await;
        for round in 0..5 {
            customers(&app, round..round + 1).await;
            app.settle().await;
            app.relay.once(At::RcptTo, EXPIRED);
            // Each is young, and knows nothing of what the others were told.
            let process = app.another_process(&[]).await;
            process.delivery.tick().await.unwrap();
            assert_eq!(list(&app).await.len(), if round < 4 { round + 1 } else { 0 });
        }
        assert_eq!(app.log().await, ["backordered queued"; 5]);
        // What came back to a process whose relay rests waits for the end of that rest.
        app.advance("10s");
        // The next one knows from the first refusal on that it is the relay.
        let process = app.another_process(&[]).await;
        (0..2).for_each(|_| app.relay.once(At::RcptTo, EXPIRED));
        process.delivery.tick().await.unwrap();
        assert_eq!((app.log().await, list(&app).await), (vec!["backordered queued".to_owned(); 5], vec![]));
        let blamed = app.texts("select notification_id from attempts where outcome = 'relay'").await;
        assert!(!blamed.is_empty() && app.relay.faults_left() == 2 - blamed.len(), "{blamed:?}");
        mended(&app).await;
        assert_eq!(app.log().await, ["backordered sent"; 5]);
    }
}

#[tokio::test]
async fn what_was_suppressed_by_such_a_bar_comes_back_and_a_bar_of_staff_stays() {
    for app in TestApp::on_each_engine() {
        let app = app.await;
        customers(&app, 0..4).await;
        (0..4).for_each(|_| app.relay.once(At::RcptTo, EXPIRED));
        app.tick_all().await;
        app.shop.line("B0").order("T0").email(Some("customer0@example.com")).put().await;
        suppress(&app, "grace@example.com", Stream::OrderNotices).await;
        app.tick_all().await;
        assert_eq!(how_many(&app, "suppressed").await, 1);
        customers(&app, 4..5).await;
        app.relay.once(At::RcptTo, EXPIRED);
        app.tick_all().await;
        assert_eq!(app.log().await, ["backordered queued"; 6]);
        assert_eq!(list(&app).await, ["grace@example.com order_notices staff"]);
        mended(&app).await;
        assert_eq!(app.log().await, ["backordered sent"; 6]);
    }
}

#[tokio::test]
async fn what_newer_news_took_the_place_of_is_told_by_that_one() {
    for app in TestApp::on_each_engine() {
        let app = app.await;
        customers(&app, 0..4).await;
        (0..4).for_each(|_| app.relay.once(At::RcptTo, EXPIRED));
        app.tick_all().await;
        // The second line's news waits for the relay, in a mail that only shows the first line.
        app.store.unsuppress(&["customer0@example.com".to_owned()], &[Stream::OrderNotices]).await.unwrap();
        app.shop.line("B0").order("S0").email(Some("customer0@example.com")).put().await;
        app.relay.once(At::RcptTo, Act::Say("450 4.2.0 later"));
        app.tick_all().await;
        customers(&app, 4..5).await;
        app.relay.once(At::RcptTo, EXPIRED);
        app.tick_all().await;
        app.tick_all().await;
        let of_order: Vec<_> = app.entries().await.into_iter().filter(|entry| entry.order_id == "S0").collect();
        let states: Vec<&str> = of_order.iter().map(|entry| entry.state.word()).collect();
        assert_eq!(states, ["superseded", "queued"]);
        mended(&app).await;
        app.tick_all().await;
        let mails: Vec<_> = app.mails().into_iter().filter(|mail| mail.to == "customer0@example.com").collect();
        assert_eq!(mails.len(), 1);
        let told = app.entries().await.into_iter().rfind(|entry| entry.order_id == "S0").unwrap();
        let lines: Vec<&str> =
            told.content.lines.iter().filter(|line| !line.news.is_empty()).map(|line| &*line.line_id).collect();
        assert_eq!(lines, ["A0", "B0"], "news of both");
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
        assert_eq!(flags(&app).await, []);
        came_back(&app, |sent| samples::status_only(sent, "delayed", "4.4.1")).await;
        assert_eq!(flags(&app).await, []);
        came_back(&app, no_such_user).await;
        assert_eq!(flags(&app).await, [Flag::NoticeBounced]);
        let task = app.store.tasks().await.unwrap().remove(0);
        assert_eq!(task.kind, "bounced");
        let midnight = "2027-02-12T00:00:00-05:00".parse().unwrap();
        assert_eq!(task.too_late_at, Some(midnight), "ordered on January 12, so that T is February 11");
        assert!(app.now() < midnight, "and staff have it before");
    }
}

/// The flags of the only line that is listed.
async fn flags(app: &TestApp) -> Vec<Flag> {
    let mut flags = Vec::new();
    let schedules = Schedules::new(&app.process.app.settings);
    let listed = app.store.deadlines(None, &schedules, app.now(), |listed| flags.extend(listed.deadline.flags));
    listed.await.unwrap();
    flags
}

#[tokio::test]
async fn us_19_a_report_that_is_faster_than_the_acceptance_flags_the_notice_too() {
    for app in TestApp::on_each_engine_with(&[("rules.default", "us-ftc")]) {
        let app = app.await;
        app.shop.backorder("A1").await;
        app.shop.set("A1", "ordered_at = '2027-01-12T09:00:00-05:00', expected_on = '2027-03-01'").await;
        app.relay.once(At::End, Act::Close);
        app.tick_all().await;
        assert_eq!(app.log().await, ["backordered in_doubt"]);
        let full = |sent: &samples::Sent<'_>| samples::postfix(sent, "5.2.2", "552 5.2.2 mailbox full");
        came_back(&app, full).await;
        app.advance("2m");
        app.deliver().await;
        assert_eq!(app.log().await, ["backordered sent"]);
        assert_eq!(flags(&app).await, [Flag::NoticeBounced]);
    }
}

#[tokio::test]
async fn us_19_a_notice_that_she_got_after_all_is_flagged_no_more_until_that_comes_back_too() {
    for app in TestApp::on_each_engine_with(&[("rules.default", "us-ftc")]) {
        let app = app.await;
        app.shop.backorder("A1").await;
        app.shop.set("A1", "ordered_at = '2027-01-12T09:00:00-05:00', expected_on = '2027-03-01'").await;
        app.tick_all().await;
        let first = newest(&app).await.id;
        came_back(&app, no_such_user).await;
        app.store.unsuppress(&[ADA.to_owned()], &Stream::ALL).await.unwrap();
        let schedules = Schedules::new(&app.process.app.settings);
        app.store.resend(&[first], &crate::support::staff::by(), Channels::Mail, &schedules, &app.clock).await.unwrap();
        assert_eq!(flags(&app).await, [Flag::NoticeBounced]);
        app.advance("1m");
        app.deliver().await;
        assert_eq!(flags(&app).await, []);
        came_back(&app, no_such_user).await;
        assert_eq!(flags(&app).await, [Flag::NoticeBounced]);
    }
}

#[tokio::test]
async fn other_words_for_the_same_bar_nobody_again_whom_staff_took_off_the_list() {
    for app in TestApp::on_each_engine() {
        let app = app.await;
        app.shop.backorder("A1").await;
        app.tick_all().await;
        let id = newest(&app).await.id;
        came_back(&app, no_such_user).await;
        app.store.unsuppress(&[ADA.to_owned()], &Stream::ALL).await.unwrap();
        let other = |sent: &samples::Sent<'_>| samples::postfix(sent, "5.1.1", "550 5.1.1 unknown here");
        assert_eq!(came_back(&app, other).await, Taken::Recorded { id, barred: None });
        assert_eq!(list(&app).await, [""; 0]);
        assert_eq!(app.store.bounces(id).await.unwrap().len(), 2, "recorded all the same");
        assert_eq!(app.tasks().await, [format!("bounced {id}")]);
    }
}

#[tokio::test]
async fn what_staff_copy_from_a_task_is_safe_in_a_shell() {
    for app in TestApp::on_each_engine() {
        let app = app.await;
        app.shop.line("A1").email(Some("x|reboot${IFS}-f|`id`&y@evil.example")).put().await;
        app.tick_all().await;
        came_back(&app, no_such_user).await;
        let mend = app.store.tasks().await.unwrap().remove(0).mend;
        assert!(mend.contains("suppress remove 'x|reboot${IFS}-f|`id`&y@evil.example' --stream"), "{mend}");
        let schedules = Schedules::new(&app.process.app.settings);
        let id = newest(&app).await.id;
        let resent = app
            .store
            .resend(&[id], &crate::support::staff::by(), Channels::Mail, &schedules, &app.clock)
            .await
            .unwrap();
        assert!(resent.refused[0].1.contains("suppress remove 'x|reboot"), "{:?}", resent.refused);
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
