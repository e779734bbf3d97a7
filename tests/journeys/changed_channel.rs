//! `delivery.channel` was changed while notifications waited: they are shown, and nothing of them is lost.

use backorderd::outbox::schedule::Schedules;
use backorderd::settings::delivery::Channels;
use backorderd::store::resend::Resent;
use backorderd::store::stranded::Stranded;

use crate::support::app::{Process, TestApp};
use crate::support::installation::Installation;
use crate::support::receiver::{Receiver, SECRET};
use crate::support::staff::by;

/// A process that sends by webhook alone.
async fn by_webhook(app: &TestApp, receiver: &Receiver) -> Process {
    let url = receiver.url();
    let settings = [("delivery.channel", "webhook"), ("webhook.url", &url), ("webhook.secret", SECRET)];
    app.another_process(&settings).await
}

/// Sends again what was made first, where these channels are set.
async fn resend(app: &TestApp, channels: Channels) -> Resent {
    let first = app.entries().await[0].id;
    let schedules = Schedules::new(&app.process.app.settings);
    app.store.resend(&[first], &by(), channels, &schedules, &app.clock).await.unwrap()
}

#[tokio::test]
async fn mails_that_wait_when_only_webhooks_are_sent_are_counted_and_told_by_webhook() {
    for app in TestApp::on_each_engine() {
        let (app, receiver) = (app.await, Receiver::start().await);
        app.shop.backorder("A1").await;
        app.settle().await;
        let process = by_webhook(&app, &receiver).await;
        process.delivery.tick().await.unwrap();
        assert_eq!(app.log().await, ["backordered queued"]);
        assert_eq!(app.store.stranded(&["mail"]).await.unwrap(), []);
        let waits = Stranded { channel: "mail".into(), telling: 1, beside: 0, doubted: 0 };
        assert_eq!(app.store.stranded(&["webhook"]).await.unwrap(), [waits]);

        let resent = resend(&app, Channels::Webhook).await;
        assert_eq!((resent.made.len(), resent.refused.len()), (1, 0), "{resent:?}");
        process.delivery.tick().await.unwrap();
        assert_eq!(app.log().await, ["backordered superseded", "backordered sent"]);
        assert_eq!(receiver.messages()[0].json()["data"]["lines"][0]["line_id"], "A1");
        process.sweep().await.unwrap();
        process.delivery.tick().await.unwrap();
        assert_eq!((receiver.messages().len(), app.mails().len()), (1, 0), "she was told once");
    }
}

#[tokio::test]
async fn newer_news_of_an_order_takes_over_what_waits_on_the_channel_of_before() {
    for app in TestApp::on_each_engine() {
        let (app, receiver) = (app.await, Receiver::start().await);
        app.shop.backorder("A1").await;
        app.settle().await;
        let process = by_webhook(&app, &receiver).await;
        app.shop.line("A2").order("S1").put().await;
        process.sweep().await.unwrap();
        app.advance("40s");
        process.sweep().await.unwrap();
        assert_eq!(app.log().await, ["backordered superseded", "backordered queued"]);
        assert_eq!(app.store.stranded(&["webhook"]).await.unwrap(), []);
        process.delivery.tick().await.unwrap();
        let [message] = &receiver.messages()[..] else { panic!("{:?}", receiver.messages()) };
        let lines = message.json()["data"]["lines"].clone();
        let news: Vec<_> = lines.as_array().unwrap().iter().map(|line| (&line["line_id"], &line["news"])).collect();
        assert_eq!(news, [(&"A1".into(), &"backordered".into()), (&"A2".into(), &"backordered".into())]);
    }
}

#[tokio::test]
async fn webhooks_beside_mails_are_withdrawn_and_are_no_second_mail() {
    let receiver = Receiver::start().await;
    let url = receiver.url();
    let both = [("delivery.channel", "both"), ("webhook.url", &*url), ("webhook.secret", SECRET)];
    for app in TestApp::on_each_engine_with(&both) {
        let app = app.await;
        app.shop.backorder("A1").await;
        app.settle().await;
        let process = app.another_process(&[]).await;
        process.delivery.tick().await.unwrap();
        let waits = Stranded { channel: "webhook".into(), telling: 0, beside: 1, doubted: 0 };
        assert_eq!(app.store.stranded(&["mail"]).await.unwrap(), [waits]);
        let beside = app.entries().await.into_iter().find(|entry| entry.channel == "webhook").unwrap().id;
        let schedules = Schedules::new(&app.process.app.settings);
        let resent = app.store.resend(&[beside], &by(), Channels::Mail, &schedules, &app.clock).await.unwrap();
        assert!(resent.refused[0].1.ends_with("withdraw it"), "{resent:?}");
        app.store.withdraw(&[beside], &by(), app.now()).await.unwrap();
        assert_eq!(app.store.stranded(&["mail"]).await.unwrap(), []);
        assert_eq!((app.mails().len(), receiver.messages().len()), (1, 0));
    }
}

#[tokio::test]
async fn check_and_run_warn_of_them_and_the_commands_that_they_name_mend_it() {
    let (installation, receiver) = (Installation::new().await, Receiver::start().await);
    installation.waiting_line("1", "1", "'ada@example.com'").await;
    installation.run(&["run", "--once", "--only", "watch"]).await.good();
    let url = receiver.url();
    let webhook = [
        ("BACKORDERD__DELIVERY__CHANNEL", "webhook"),
        ("BACKORDERD__WEBHOOK__URL", &*url),
        ("BACKORDERD__WEBHOOK__SECRET", SECRET),
    ];
    let run = async |arguments: &[&str]| installation.start(arguments, &webhook).ended().await;
    let warning = "1 notification waits for the channel mail, which delivery.channel does not name: `backorderd resend \
                   --channel mail` tells their news by webhook instead";
    let checked = run(&["check"]).await.good();
    assert!(checked.words().contains(&format!("warning  delivery           {warning}")), "{}", checked.words());
    let ran = run(&["run", "--once"]).await.good();
    assert!(ran.stderr.contains(warning), "{}", ran.stderr);
    let listed = run(&["log", "--channel", "mail", "--json"]).await.good();
    assert_eq!((listed.objects().len(), listed.objects()[0]["state"].as_str()), (1, Some("queued")));
    assert_eq!(run(&["log", "--channel", "webhook", "--json"]).await.good().objects().len(), 0);
    let resent = run(&["resend", "--channel", "mail", "--yes"]).await.good();
    assert!(resent.words().starts_with("1 notification sent again: 1 made"), "{}", resent.words());
    let ran = run(&["run", "--once", "--only", "deliver"]).await.good();
    assert!(!ran.stderr.contains("waits for the channel"), "{}", ran.stderr);
    assert_eq!((receiver.messages().len(), installation.smtp.mails().len()), (1, 0));
}
