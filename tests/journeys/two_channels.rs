//! Mail and webhook together: two notifications of one piece of news, each with a state of its own; she is told when the
//! mail is accepted.

use backorderd::outbox::schedule::Schedules;
use backorderd::settings::delivery::Channels;

use crate::support::app::{Differing, TestApp};
use crate::support::receiver::{Receiver, SECRET, Says};
use crate::support::smtp_server::{Act, At};
use crate::support::staff::by;
use crate::support::state::ENGINES;

async fn on_both() -> Vec<(TestApp, Receiver)> {
    on_both_with(&[]).await
}

async fn on_both_with(differing: Differing<'_>) -> Vec<(TestApp, Receiver)> {
    let mut both = Vec::new();
    for engine in ENGINES {
        let receiver = Receiver::start().await;
        let url = receiver.url();
        let mut settings = vec![("delivery.channel", "both"), ("webhook.url", &*url), ("webhook.secret", SECRET)];
        settings.extend(differing);
        both.push((TestApp::on(engine, &settings).await, receiver));
    }
    both
}

/// The sent-log as `channel kind state`, by channel, the oldest first.
async fn log(app: &TestApp) -> Vec<String> {
    let mut entries = app.entries().await;
    entries.sort_by_key(|entry| (entry.channel.clone(), entry.created_at, entry.id));
    entries.iter().map(|e| format!("{} {} {}", e.channel, e.kind.word(), e.state.word())).collect()
}

/// The kind of each message.
fn kinds(receiver: &Receiver) -> Vec<String> {
    let kind = |message: crate::support::receiver::Message| message.json()["data"]["kind"].as_str().unwrap().to_owned();
    receiver.messages().into_iter().map(kind).collect()
}

#[tokio::test]
async fn both_get_the_news_under_ids_of_their_own_that_are_joined() {
    for (app, receiver) in on_both().await {
        app.shop.backorder("A1").await;
        let delivered = app.tick_all().await;
        assert_eq!((delivered.accepted, delivered.all_accepted()), (2, true));
        assert_eq!(log(&app).await, ["mail backordered sent", "webhook backordered sent"]);
        let entries = app.entries().await;
        let of = |channel: &str| entries.iter().find(|entry| entry.channel == channel).unwrap();
        let (mail, webhook) = (of("mail"), of("webhook"));
        assert_eq!((mail.news_id, webhook.news_id), (mail.id, mail.id));
        assert_ne!(mail.id, webhook.id);
        assert!(mail.message_id.is_some() && webhook.message_id.is_none());
        let message = receiver.messages().remove(0);
        assert_eq!(message.header("webhook-id"), webhook.id.to_string());
        assert_eq!(
            message.json()["data"]["text"].as_str().unwrap().trim(),
            app.last_mail().text.replace("\r\n", "\n").trim()
        );
        app.advance("1h");
        app.tick_all().await;
        assert_eq!((app.mails().len(), receiver.messages().len()), (1, 1));
    }
}

#[tokio::test]
async fn what_staff_send_again_goes_out_on_both_and_is_joined() {
    for (app, receiver) in on_both().await {
        app.shop.backorder("A1").await;
        app.tick_all().await;
        let sent: Vec<_> = app.entries().await.iter().map(|entry| entry.id).collect();
        let schedules = Schedules::new(&app.process.app.settings);
        let resent = app.store.resend(&sent, &by(), Channels::Both, &schedules, &app.clock).await.unwrap();
        assert_eq!(resent.refused, []);
        let made = resent.made[0].1;
        assert!(resent.made.len() == 2 && resent.made.iter().all(|(_, id)| *id == made), "{:?}", resent.made);
        assert_eq!(app.deliver().await.accepted, 2);
        assert_eq!(app.kinds(), ["backordered", "backordered"]);
        assert_eq!(kinds(&receiver), ["backordered", "backordered"]);
        let joined = app.entries().await.iter().filter(|entry| entry.news_id == made).count();
        assert_eq!(joined, 2);
    }
}

#[tokio::test]
async fn the_webhook_tells_her_nothing_and_the_mail_that_failed_told_nothing() {
    for (app, receiver) in on_both().await {
        app.relay.once(At::RcptTo, Act::Say("550 5.1.1 no such user"));
        app.shop.backorder("A1").await;
        app.tick_all().await;
        assert_eq!(log(&app).await, ["mail backordered failed", "webhook backordered sent"]);
        // She was never told that it waits, so there is nothing to say when it comes in.
        app.shop.set("A1", "short_qty = 0").await;
        app.tick_all().await;
        assert_eq!((app.mails().len(), kinds(&receiver)), (0, vec!["backordered".to_owned()]));
    }
}

#[tokio::test]
async fn the_webhook_of_told_news_goes_out_while_it_is_true() {
    for (app, receiver) in on_both().await {
        receiver.say([Says::status(500), Says::status(500)]);
        app.shop.backorder("A1").await;
        app.tick_all().await;
        assert_eq!(log(&app).await, ["mail backordered sent", "webhook backordered queued"]);
        app.sweep().await;
        app.advance("72s");
        app.deliver().await;
        app.advance("6m");
        app.sweep().await;
        app.deliver().await;
        assert_eq!(log(&app).await, ["mail backordered sent", "webhook backordered sent"]);
        assert_eq!((app.mails().len(), receiver.messages().len()), (1, 3));
        assert_eq!(app.entries().await.iter().map(|entry| entry.attempts).max(), Some(3));
    }
}

#[tokio::test]
async fn newer_news_takes_over_what_the_receiver_has_not_got() {
    for (app, receiver) in on_both().await {
        receiver.say([Says::status(500)]);
        app.shop.backorder("A1").await;
        app.tick_all().await;
        app.shop.expect("A1", "2027-03-01").await;
        app.tick_all().await;
        app.advance("1h");
        app.deliver().await;
        assert_eq!(
            log(&app).await,
            [
                "mail backordered sent",
                "mail date_changed sent",
                "webhook backordered superseded",
                "webhook date_changed sent"
            ]
        );
        assert_eq!(
            (app.kinds().len(), kinds(&receiver)),
            (2, vec!["backordered".to_owned(), "date_changed".to_owned()])
        );
    }
}

#[tokio::test]
async fn what_she_was_told_and_is_true_no_more_does_not_reach_the_receiver() {
    for (app, receiver) in on_both().await {
        app.shop.line("B1").order("S2").put().await;
        app.tick_all().await;
        receiver.say([Says::status(500)]);
        app.shop.backorder("A1").await;
        app.tick_all().await;
        app.shop.delete("A1").await;
        app.settle().await;
        app.advance("1h");
        app.deliver().await;
        assert_eq!(
            log(&app).await[1..],
            ["mail backordered sent", "webhook backordered sent", "webhook backordered superseded"]
        );
        assert_eq!(receiver.messages().len(), 2);
    }
}

#[tokio::test]
async fn while_the_relay_is_away_the_receiver_gets_its_news_and_none_of_it_twice() {
    for (app, receiver) in on_both().await {
        app.relay.once(At::Greeting, Act::Close);
        app.shop.backorder("A1").await;
        app.tick_all().await;
        assert_eq!(log(&app).await, ["mail backordered queued", "webhook backordered sent"]);
        app.shop.expect("A1", "2027-03-01").await;
        app.tick_all().await;
        // Of the mail alone the newest word remains; the receiver was told the older one before.
        assert_eq!(app.kinds(), ["backordered"]);
        assert_eq!(kinds(&receiver), ["backordered", "backordered"]);
        assert_eq!(
            log(&app).await,
            [
                "mail backordered superseded",
                "mail backordered sent",
                "webhook backordered sent",
                "webhook backordered sent"
            ]
        );
    }
}

#[tokio::test]
async fn settling_news_is_amended_on_both_and_what_staff_hold_on_one_stays_held() {
    for (app, receiver) in on_both().await {
        app.shop.backorder("A1").await;
        app.sweep().await;
        let webhook = app.entries().await.into_iter().find(|entry| entry.channel == "webhook").unwrap();
        assert_eq!(app.store.hold(&[webhook.id], &by(), app.now()).await.unwrap(), [webhook.id]);
        app.shop.expect("A1", "2027-03-01").await;
        app.tick_all().await;
        assert_eq!(log(&app).await, ["mail backordered sent", "webhook backordered held"]);
        assert!(app.last_mail().text.contains("March 1, 2027"));
        app.store.release(&[webhook.id], &by(), app.now()).await.unwrap();
        app.deliver().await;
        let [message] = &receiver.messages()[..] else { panic!("{:?}", receiver.messages()) };
        assert_eq!(message.json()["data"]["lines"][0]["expected_on"], "2027-03-01");
    }
}

#[tokio::test]
async fn news_that_is_taken_back_while_it_settles_goes_nowhere() {
    for (app, receiver) in on_both().await {
        app.shop.backorder("A1").await;
        app.sweep().await;
        app.shop.set("A1", "short_qty = 0").await;
        app.tick_all().await;
        assert_eq!((app.mails().len(), receiver.messages().len()), (0, 0));
        assert_eq!(log(&app).await, ["mail backordered superseded", "webhook backordered superseded"]);
    }
}

#[tokio::test]
async fn a_flood_is_counted_in_news_and_held_on_both() {
    for (app, receiver) in on_both_with(&[("delivery.max_per_sweep", "2")]).await {
        for order in ["S1", "S2"] {
            app.shop.line(order).order(order).put().await;
        }
        app.tick_all().await;
        assert_eq!((app.mails().len(), receiver.messages().len()), (2, 2));
        for order in ["S3", "S4"] {
            app.shop.line(order).order(order).put().await;
        }
        app.tick_all().await;
        assert_eq!((app.mails().len(), receiver.messages().len()), (2, 2));
        assert_eq!(app.log().await.iter().filter(|entry| *entry == "backordered held").count(), 4);
    }
}

#[tokio::test]
async fn the_webhook_of_told_news_waits_for_the_end_of_quiet_hours_too() {
    for (app, receiver) in on_both_with(&[("delivery.quiet_hours", "22:00-07:00")]).await {
        receiver.say([Says::status(503).with("retry-after", "300")]);
        app.advance_to("2027-01-12T21:58");
        app.shop.backorder("A1").await;
        app.tick_all().await;
        assert_eq!(log(&app).await, ["mail backordered sent", "webhook backordered queued"]);
        app.advance_to("2027-01-12T22:30");
        app.deliver().await;
        app.advance_to("2027-01-13T06:59");
        app.deliver().await;
        assert_eq!(receiver.messages().len(), 1);
        app.advance_to("2027-01-13T07:00");
        app.deliver().await;
        assert_eq!(log(&app).await, ["mail backordered sent", "webhook backordered sent"]);
    }
}
