//! The relay's moods: nothing is lost, and what may be a double is shown as one.

use std::collections::BTreeMap;
use std::time::Duration;

use backorderd::deliver::prepare::live_bytes;

use crate::support::app::TestApp;
use crate::support::smtp_server::{Act, At, Shape, SmtpServer};

#[tokio::test]
async fn a_mail_refused_for_now_comes_back_with_the_same_bytes() {
    for app in TestApp::on_each_engine() {
        let app = app.await;
        app.shop.backorder("A1").await;
        app.relay.once(At::End, Act::Say("451 4.3.0 later"));
        app.relay.once(At::RcptTo, Act::Say("450 4.2.0 later"));
        // The refused message is kept by nobody, so its bytes are seen by the store alone.
        app.tick_all().await;
        let before = app.entries().await.remove(0);
        assert_eq!(before.state.word(), "queued");
        let kept = app.store.contents(&[before.id]).await.unwrap();
        for _ in 0..2 {
            app.advance("10m");
            app.deliver().await;
        }
        let mail = app.last_mail();
        assert_eq!(app.mails().len(), 1);
        let after = app.entries().await.remove(0);
        assert_eq!((after.state.word(), after.attempts, after.possible_duplicate), ("sent", 3, false));
        assert_eq!((after.message_id.as_deref(), before.message_id), (Some(&*mail.id), Some(mail.id.clone())));
        assert_eq!(app.store.contents(&[before.id]).await.unwrap()[&after.id].message, kept[&after.id].message);
        let outcomes: Vec<_> = app.store.attempts(after.id).await.unwrap().into_iter().map(|a| a.outcome).collect();
        assert_eq!(outcomes, ["temporary", "temporary", "accepted"]);
    }
}

#[tokio::test]
async fn a_mail_stays_readable_and_goes_out_again_as_it_was_when_the_shop_changes_its_words() {
    for app in TestApp::on_each_engine() {
        let app = app.await;
        app.shop.backorder("A1").await;
        app.relay.once(At::End, Act::Say("451 4.3.0 later"));
        app.tick_all().await;
        app.advance("10m");
        // What its mails are packed with is made of other words.
        let renamed = app.another_process(&[("shop.name", "Another Name")]).await;
        app.shop.line("B1").order("S2").put().await;
        renamed.delivery.tick().await.unwrap();
        let numbers = app.texts("select distinct cast(dictionary as text) from contents").await;
        assert_eq!(numbers.len(), 1, "only the first was rendered");
        let (id, mail) = (app.entries().await[0].id, app.last_mail());
        let keys = app.process.app.link_keys().await.unwrap();
        let kept = app.store.contents(&[id]).await.unwrap().remove(&id).unwrap();
        assert_eq!(live_bytes(&kept, &keys), Some(mail.bytes));
        assert!(mail.text.contains("Acme Outdoor") && !mail.text.contains("Another Name"), "{}", mail.text);

        app.sweep().await;
        app.advance("1m");
        app.sweep().await;
        renamed.delivery.tick().await.unwrap();
        assert_eq!(app.texts("select distinct cast(dictionary as text) from contents").await.len(), 2);
        assert!(app.last_mail().text.contains("Another Name"));
        let kept = app.store.contents(&[id]).await.unwrap().remove(&id).unwrap();
        let bytes = app.mails().into_iter().find(|mail| mail.id.contains(&id.to_string())).unwrap().bytes;
        assert_eq!(live_bytes(&kept, &keys), Some(bytes));
    }
}

#[tokio::test]
async fn the_ladder_is_climbed_and_ends() {
    let short = [("delivery.retry", "[\"1m\", \"5m\"]"), ("delivery.give_up_after", "10m")];
    for app in TestApp::on_each_engine_with(&short) {
        let app = app.await;
        app.shop.backorder("A1").await;
        (0..4).for_each(|_| app.relay.once(At::RcptTo, Act::Say("450 4.2.0 later")));
        app.tick_all().await;
        app.advance("40s");
        app.deliver().await;
        assert_eq!(app.entries().await[0].attempts, 1, "too early");
        for _ in 0..3 {
            app.advance("7m");
            app.deliver().await;
        }
        let failed = app.entries().await.remove(0);
        assert_eq!((failed.state.word(), failed.attempts), ("failed", 4));
        assert_eq!(failed.note.as_deref(), Some("given up after 4 tries: 450 4.2.0 later"));
    }
}

#[tokio::test]
async fn what_may_have_been_sent_goes_once_more_with_the_same_bytes_and_is_shown_as_a_possible_double() {
    for app in TestApp::on_each_engine() {
        let app = app.await;
        app.shop.backorder("A1").await;
        app.relay.once(At::End, Act::Close);
        app.tick_all().await;
        assert_eq!(app.log().await, ["backordered in_doubt"]);
        app.advance("2m");
        app.deliver().await;
        let mails = app.mails();
        assert_eq!(mails.len(), 2);
        assert_eq!(mails[0].bytes, mails[1].bytes);
        let entry = app.entries().await.remove(0);
        assert_eq!((entry.state.word(), entry.possible_duplicate), ("sent", true));
        assert_eq!(app.tasks().await, [""; 0]);
    }
}

#[tokio::test]
async fn a_second_doubt_is_left_to_staff() {
    for app in TestApp::on_each_engine() {
        let app = app.await;
        app.shop.backorder("A1").await;
        (0..2).for_each(|_| app.relay.once(At::End, Act::Reset));
        app.tick_all().await;
        for _ in 0..3 {
            app.advance("1d");
            app.deliver().await;
        }
        let entry = app.entries().await.remove(0);
        assert_eq!((entry.state.word(), entry.possible_duplicate), ("in_doubt", true));
        assert_eq!(app.tasks().await, [format!("in_doubt {}", entry.id)]);
        assert_eq!(app.mails().len(), 2);
        app.tick_all().await;
        assert_eq!(app.log().await, ["backordered in_doubt"], "it counts as told");
    }
}

#[tokio::test]
async fn what_is_in_doubt_can_be_left_to_staff_at_once() {
    for app in TestApp::on_each_engine_with(&[("delivery.in_doubt", "hold")]) {
        let app = app.await;
        app.shop.backorder("A1").await;
        app.relay.once(At::End, Act::Close);
        app.tick_all().await;
        app.advance("1d");
        app.tick_all().await;
        assert_eq!(app.mails().len(), 1);
        assert_eq!(app.log().await, ["backordered in_doubt"]);
        assert_eq!(app.tasks().await.len(), 1);
    }
}

#[tokio::test]
async fn what_is_in_doubt_and_overtaken_is_not_sent_again() {
    for app in TestApp::on_each_engine() {
        let app = app.await;
        app.shop.backorder("A1").await;
        app.relay.once(At::End, Act::Close);
        app.tick_all().await;
        app.shop.expect("A1", "2027-03-01").await;
        app.settle().await;
        app.advance("5m");
        app.deliver().await;
        assert_eq!(app.kinds(), ["backordered", "date_changed"]);
        assert_eq!(app.log().await, ["backordered in_doubt", "date_changed sent"]);
        assert_eq!(app.tasks().await.len(), 1);
    }
}

#[tokio::test]
async fn what_is_in_doubt_is_not_sent_after_newer_news_of_its_order() {
    for app in TestApp::on_each_engine_with(&[("delivery.settle", "0s")]) {
        let app = app.await;
        app.shop.backorder("A1").await;
        app.relay.once(At::End, Act::Close);
        app.tick_all().await;
        app.shop.backorder("A2").await;
        app.tick_all().await;
        app.advance("5m");
        app.deliver().await;
        assert_eq!(app.mails().len(), 2, "the second mail named the first line too");
        assert_eq!(app.log().await, ["backordered in_doubt", "backordered sent"]);
    }
}

#[tokio::test]
async fn a_mail_that_hangs_at_its_relay_keeps_no_other_waiting() {
    for app in TestApp::on_each_engine() {
        let app = app.await;
        app.shop.line("A1").order("A").put().await;
        app.settle().await;
        app.relay.once(At::End, Act::Stall);
        let stalled = app.relay.next_stall();
        let delivery = app.process.delivery.clone();
        let running = tokio::spawn(async move { delivery.run().await });
        stalled.await;
        app.shop.line("B1").order("B").put().await;
        app.settle().await;
        let both = tokio::time::timeout(Duration::from_secs(60), app.relay.has(2));
        both.await.expect("the second mail leaves while the first one hangs");
        running.abort();
    }
}

#[tokio::test]
async fn a_process_that_dies_in_transfer_leaves_a_doubt_that_another_one_settles() {
    for app in TestApp::on_each_engine() {
        let app = app.await;
        app.shop.backorder("A1").await;
        app.settle().await;
        app.relay.once(At::End, Act::Stall);
        let delivery = app.process.delivery.clone();
        let dying = tokio::spawn(async move { delivery.tick().await });
        app.relay.has(1).await;
        dying.abort();
        let other = app.another_process(&[]).await;
        other.delivery.tick().await.unwrap();
        assert_eq!(app.log().await, ["backordered sending"], "its lease has not ended");
        app.store.expire_leases().await.unwrap();
        other.delivery.tick().await.unwrap();
        assert_eq!(app.log().await, ["backordered in_doubt"]);
        app.advance("2m");
        other.delivery.tick().await.unwrap();
        let mails = app.mails();
        assert_eq!(mails.len(), 2);
        assert_eq!(mails[0].bytes, mails[1].bytes);
        let entry = app.entries().await.remove(0);
        assert_eq!((entry.state.word(), entry.possible_duplicate), ("sent", true));
    }
}

#[tokio::test]
async fn a_process_that_dies_before_the_transfer_leaves_no_doubt() {
    for app in TestApp::on_each_engine() {
        let app = app.await;
        app.shop.backorder("A1").await;
        app.settle().await;
        let lease = backorderd::settings::duration::Span::seconds(30);
        assert_eq!(app.store.claim("a dying process", "mail", app.now(), 10, lease).await.unwrap().len(), 1);
        app.store.expire_leases().await.unwrap();
        app.deliver().await;
        let entry = app.entries().await.remove(0);
        assert_eq!((entry.state.word(), entry.possible_duplicate), ("sent", false));
        assert_eq!(app.mails().len(), 1);
    }
}

#[tokio::test]
async fn while_the_relay_is_away_nothing_is_charged_and_nothing_is_lost() {
    for app in TestApp::on_each_engine_with(&[("delivery.give_up_after", "1h")]) {
        let app = app.await;
        app.shop.backorder("A1").await;
        app.relay.is_away(true);
        app.tick_all().await;
        for _ in 0..48 {
            app.advance("1h");
            app.deliver().await;
        }
        assert_eq!(app.log().await, ["backordered queued"]);
        app.relay.is_away(false);
        app.relay.once(At::RcptTo, Act::Say("450 4.2.0 later"));
        app.advance("10m");
        app.deliver().await;
        assert_eq!(app.log().await, ["backordered queued"], "two days away did not use up its patience");
        app.advance("10m");
        app.deliver().await;
        assert_eq!(app.log().await, ["backordered sent"]);
        assert_eq!(app.mails().len(), 1);
    }
}

#[tokio::test]
async fn an_expired_password_fails_no_customers_mail() {
    for app in TestApp::on_each_engine() {
        let app = app.await;
        for number in 0..5 {
            app.shop.line(&format!("A{number}")).order(&format!("S{number}")).put().await;
        }
        app.relay.once(At::RcptTo, Act::Say("535 5.7.8 expired"));
        app.relay.once(At::RcptTo, Act::Say("535 5.7.8 expired"));
        app.tick_all().await;
        for _ in 0..3 {
            app.advance("10m");
            app.deliver().await;
        }
        assert_eq!(app.log().await, ["backordered sent"; 5]);
    }
}

#[tokio::test]
async fn a_second_relay_takes_over_and_the_first_one_comes_back() {
    for app in TestApp::on_each_engine() {
        let app = app.await;
        let second = SmtpServer::start(Shape::default()).await;
        let process = app.process_with_relays(&[&app.relay.url(), &second.url()], &[]).await;
        app.relay.is_away(true);
        app.shop.backorder("A1").await;
        app.settle().await;
        process.delivery.tick().await.unwrap();
        assert_eq!((app.mails().len(), second.mails().len()), (0, 1));
        app.relay.is_away(false);
        app.advance("10m");
        app.shop.backorder("A2").await;
        app.settle().await;
        process.delivery.tick().await.unwrap();
        assert_eq!((app.mails().len(), second.mails().len()), (1, 1));
        let entries = app.entries().await;
        assert_eq!(entries[0].state.word(), "sent");
    }
}

#[tokio::test]
async fn what_one_relay_may_have_taken_goes_to_no_other() {
    for app in TestApp::on_each_engine() {
        let app = app.await;
        let second = SmtpServer::start(Shape::default()).await;
        let process = app.process_with_relays(&[&app.relay.url(), &second.url()], &[]).await;
        app.shop.backorder("A1").await;
        app.settle().await;
        app.relay.once(At::End, Act::Close);
        process.delivery.tick().await.unwrap();
        app.relay.is_away(true);
        app.advance("10m");
        process.delivery.tick().await.unwrap();
        assert_eq!(app.log().await, ["backordered in_doubt"]);
        app.relay.is_away(false);
        app.advance("10m");
        process.delivery.tick().await.unwrap();
        assert_eq!((app.mails().len(), second.mails().len()), (2, 0));

        app.shop.expect("A1", "2027-03-01").await;
        app.settle().await;
        app.relay.once(At::End, Act::Close);
        process.delivery.tick().await.unwrap();
        let without_it = app.process_with_relays(&[&second.url()], &[]).await;
        app.advance("10m");
        without_it.delivery.tick().await.unwrap();
        assert_eq!(app.log().await, ["backordered sent", "date_changed in_doubt"]);
        assert_eq!(app.tasks().await.len(), 1, "a relay that is gone settles no doubt");
        assert_eq!(second.mails().len(), 0);
    }
}

#[tokio::test]
async fn a_relay_that_wants_less_gets_a_pause_and_then_everything() {
    for app in TestApp::on_each_engine() {
        let app = app.await;
        for number in 0..6 {
            app.shop.line(&format!("A{number}")).order(&format!("S{number}")).put().await;
        }
        app.relay.once(At::MailFrom, Act::SayThenClose("421 4.7.0 too many"));
        app.tick_all().await;
        app.advance("2m");
        app.deliver().await;
        app.advance("2m");
        app.deliver().await;
        assert_eq!(app.log().await, ["backordered sent"; 6]);
        assert_eq!(app.mails().len(), 6);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_thousand_orders_are_told_exactly_once_by_two_processes() {
    const ORDERS: usize = 2000;
    for app in TestApp::on_each_engine_with(&[("delivery.max_per_sweep", "0"), ("delivery.settle", "0s")]) {
        let app = app.await;
        app.shop
            .run(&format!(
                "with recursive n(i) as (select 0 union all select i + 1 from n where i + 1 < {ORDERS}) \
                 insert into order_lines (line_id, order_id, customer_email, product_key, product_name, ordered_qty, \
                 short_qty) select 'A' || i, 'S' || i, 'c' || i || '@example.com', 'P', 'Lamp', '1', '1' from n"
            ))
            .await;
        app.sweep().await;
        let url = app.relay.url();
        let [one, other] =
            [app.process_with_relays(&[&url], EIGHT).await, app.process_with_relays(&[&url], EIGHT).await];
        let (one, other) = (one.delivery, other.delivery);
        let ticks = tokio::join!(tokio::spawn(async move { one.tick().await }), async { other.tick().await });
        let accepted = ticks.0.unwrap().unwrap().accepted + ticks.1.unwrap().accepted;
        let rest = app.deliver().await;
        assert_eq!(accepted + rest.accepted, ORDERS);
        let mut times = BTreeMap::<String, usize>::new();
        app.relay.mails().into_iter().for_each(|mail| *times.entry(mail.to.concat()).or_default() += 1);
        assert_eq!(times.len(), ORDERS);
        assert!(times.values().all(|times| *times == 1));
        assert_eq!(app.store.outbox_counts().await.unwrap(), []);
    }
}

const EIGHT: crate::support::app::Differing<'static> = &[("mail.relays.0.max_connections", "8")];
