//! Notifications as signed JSON over real HTTP: what the receiver gets, and what becomes of what it answers.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use backorderd::deliver::receiver::ReceiverStation;
use backorderd::deliver::{Delivered, Delivery};
use backorderd::webhook::signature::SigningKeys;
use backorderd::webhook::{self, Deadlines};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::support::app::{ADA, Process, TestApp};
use crate::support::receiver::{Message, Receiver, SECRET, Says, babbler};
use crate::support::staff::by;
use crate::support::state::ENGINES;

const NEXT_SECRET: &str = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
/// A receiver that never comes to an end costs a test no more than this.
const IMPATIENT: Deadlines = Deadlines { connect: Duration::from_secs(10), whole: Duration::from_millis(300) };

/// An installation on each engine whose notifications go to a receiver, and nowhere else.
async fn posting() -> Vec<(TestApp, Receiver)> {
    posting_with(&[]).await
}

async fn posting_with(differing: &[(&str, &str)]) -> Vec<(TestApp, Receiver)> {
    let mut posting = Vec::new();
    for engine in ENGINES {
        let receiver = Receiver::start().await;
        let url = receiver.url();
        let mut settings =
            BTreeMap::from([("delivery.channel", "webhook"), ("webhook.url", &*url), ("webhook.secret", SECRET)]);
        settings.extend(differing.iter().copied());
        let settings: Vec<_> = settings.into_iter().collect();
        posting.push((TestApp::on(engine, &settings).await, receiver));
    }
    posting
}

async fn another_process(app: &TestApp, receiver: &Receiver) -> Process {
    let url = receiver.url();
    app.another_process(&[("delivery.channel", "webhook"), ("webhook.url", &url), ("webhook.secret", SECRET)]).await
}

/// Delivers to `url` instead, with little patience.
async fn deliver_to(app: &TestApp, url: &str) -> Delivered {
    delivering_to(app, url).await.tick().await.unwrap()
}

/// What delivers to `url` instead, with little patience.
async fn delivering_to(app: &TestApp, url: &str) -> Arc<Delivery> {
    let keys = SigningKeys::parse(SECRET).unwrap();
    let receiver = webhook::Receiver::new(url, keys, app.clock.clone(), IMPATIENT).unwrap();
    let delivery = Arc::into_inner(app.process.app.delivery().await.unwrap()).unwrap();
    let station = Some(ReceiverStation::new(receiver));
    Arc::new(Delivery { receiver: station, ..delivery })
}

/// The state and the tries of the one notification.
async fn standing_tries(app: &TestApp) -> String {
    let entry = app.entries().await.remove(0);
    format!("{} {}", entry.state.word(), entry.attempts)
}

/// The state, the charged tries and the last reply of the one notification.
async fn standing(app: &TestApp) -> String {
    let entry = app.entries().await.remove(0);
    format!("{} {} {}", entry.state.word(), entry.attempts, entry.last_reply.unwrap_or_default())
}

/// How many tries brought the end of the ladder nearer.
async fn charged(app: &TestApp) -> String {
    app.texts("select cast(charged as text) from outbox").await.remove(0)
}

/// Each try as `outcome code`.
async fn tries(app: &TestApp) -> Vec<String> {
    let id = app.entries().await.remove(0).id;
    let tries = app.store.attempts(id).await.unwrap();
    tries.iter().map(|a| format!("{} {}", a.outcome, a.code.unwrap_or_default())).collect()
}

fn ids(messages: &[Message]) -> Vec<&str> {
    messages.iter().map(|message| message.header("webhook-id")).collect()
}

#[tokio::test]
async fn the_receiver_gets_the_facts_the_words_and_the_links_signed_by_every_secret() {
    let both = format!("{NEXT_SECRET}\n{SECRET}");
    for (app, receiver) in posting_with(&[("webhook.secret", &both)]).await {
        app.shop.backorder("A1").await;
        app.shop.line("A2").order("S1").ordered(5).short(1).expected(None).put().await;
        assert_eq!(app.tick_all().await, Delivered { claimed: 1, accepted: 1, ..Delivered::default() });
        assert_eq!(app.mails().len(), 0);
        let [message] = &receiver.messages()[..] else { panic!("{:?}", receiver.messages()) };
        assert!(message.is_signed_by(SECRET) && message.is_signed_by(NEXT_SECRET));
        assert_eq!(message.header("content-type"), "application/json");
        assert_eq!(message.header("webhook-timestamp"), app.now().as_second().to_string());
        let entry = app.entries().await.remove(0);
        assert_eq!(message.header("webhook-id"), entry.id.to_string());

        let mut body = message.json();
        let page = body["data"]["links"]["page"].as_str().unwrap().to_owned();
        assert!(page.starts_with("https://orders.shop.example/choice/"), "{page}");
        let data = body["data"].as_object_mut().unwrap();
        let [text, html] = ["text", "html"].map(|part| data.remove(part).unwrap().as_str().unwrap().to_owned());
        assert!(text.contains("February 10, 2027") && html.contains("February 10, 2027"), "{text}");
        assert!(text.contains(&format!("{page}?line=A1&want=wait")), "{text}");
        let line = |id: &str, quantity: u32, open: u32, expected_on: Value| {
            json!({
                "line_id": id, "product_key": format!("P-{id}"), "sku": null, "product_name": format!("Lamp {id}"),
                "news": "backordered", "quantity": quantity, "open": open, "short": quantity, "state": "backordered",
                "expected_on": expected_on, "previous_expected_on": null,
            })
        };
        let links = |id: &str| {
            let url = |want: &str| format!("{page}?line={id}&want={want}");
            json!({"line_id": id, "wait": url("wait"), "cancel": url("cancel")})
        };
        let expected = json!({
            "type": "notification.backordered",
            "timestamp": "2027-01-12T15:00:30.000000Z",
            "data": {
                "id": entry.id,
                "kind": "backordered",
                "order_id": "S1",
                "order_number": "S1",
                "recipient": {"email": ADA, "name": null, "locale": "en-US"},
                "lines": [line("A1", 2, 2, "2027-02-10".into()), line("A2", 1, 5, Value::Null)],
                "subject": entry.subject,
                "links": {"page": page, "lines": [links("A1"), links("A2")]},
            },
        });
        assert_eq!(body, expected);
    }
}

#[tokio::test]
async fn at_2xx_she_is_told_and_what_moves_then_is_the_next_news() {
    for (app, receiver) in posting().await {
        receiver.say([Says::status(202).body("queued as 7")]);
        app.shop.backorder("A1").await;
        app.tick_all().await;
        let entry = app.entries().await.remove(0);
        assert_eq!((entry.state.word(), entry.channel.as_str(), entry.news_id), ("sent", "webhook", entry.id));
        assert_eq!((entry.message_id, entry.last_reply.as_deref()), (None, Some("202 queued as 7")));
        let attempt = app.store.attempts(entry.id).await.unwrap().remove(0);
        assert_eq!((attempt.relay, attempt.outcome.as_str()), (receiver.address.to_string(), "accepted"));
        app.shop.expect("A1", "2027-03-01").await;
        app.tick_all().await;
        let moved = receiver.messages().pop().unwrap().json();
        assert_eq!(moved["type"], "notification.date_changed");
        let line = &moved["data"]["lines"][0];
        assert_eq!((&line["previous_expected_on"], &line["expected_on"]), (&json!("2027-02-10"), &json!("2027-03-01")));
        assert_eq!(app.log().await, ["backordered sent", "date_changed sent"]);
    }
}

#[tokio::test]
async fn what_is_kept_holds_no_live_link_and_is_sent_again_byte_for_byte_with_the_same_id() {
    for (app, receiver) in posting().await {
        receiver.say([Says::status(500).body("it fell\nover"), Says::status(301).with("location", &receiver.url())]);
        app.shop.backorder("A1").await;
        app.tick_all().await;
        assert_eq!(standing(&app).await, "queued 1 500 it fell over");
        app.deliver().await;
        assert_eq!(receiver.messages().len(), 1, "the ladder's first step is a minute");
        app.advance("72s");
        app.deliver().await;
        let mend = "redirects are not followed: write the address that it leads to into webhook.url";
        assert_eq!(standing(&app).await, format!("queued 2 301 {mend}"));
        app.advance("6m");
        app.deliver().await;
        assert_eq!(tries(&app).await, ["temporary 500", "temporary 301", "accepted 204"]);
        let messages = receiver.messages();
        let [first, second, third] = &messages[..] else { panic!("{messages:?}") };
        assert_eq!(ids(&messages), [first.header("webhook-id"); 3]);
        assert!(first.body == second.body && second.body == third.body);
        assert_ne!(first.header("webhook-timestamp"), third.header("webhook-timestamp"));
        assert!(third.is_signed_by(SECRET));
        let page = first.json()["data"]["links"]["page"].as_str().unwrap().to_owned();
        let token = page.rsplit('/').next().unwrap();
        let id = app.entries().await[0].id;
        let kept = app.store.contents(&[id]).await.unwrap().remove(&id).unwrap();
        let hidden = backorderd::deliver::packing::unpack(&kept).unwrap();
        assert!(!String::from_utf8(hidden).unwrap().contains(token));
    }
}

#[tokio::test]
async fn what_is_never_taken_is_given_up_and_staff_are_told() {
    let short = [("delivery.retry", "[\"1m\"]"), ("delivery.give_up_after", "2m")];
    for (app, receiver) in posting_with(&short).await {
        receiver.say((0..3).map(|_| Says::status(400).body("no")));
        app.shop.backorder("A1").await;
        app.tick_all().await;
        for _ in 0..3 {
            app.advance("2m");
            app.deliver().await;
        }
        let entry = app.entries().await.remove(0);
        assert_eq!(entry.state.word(), "failed");
        assert_eq!(entry.note.as_deref(), Some("given up after 3 tries: 400 no"));
        let task = app.store.tasks().await.unwrap().remove(0);
        assert!(task.kind == "failed" && task.mend.contains("why the receiver does not take it"), "{task:?}");
    }
}

#[tokio::test]
async fn after_a_410_nothing_is_sent_until_staff_enable_it_and_nothing_is_charged() {
    for (app, receiver) in posting().await {
        receiver.say([Says::status(410)]);
        app.shop.backorder("A1").await;
        app.tick_all().await;
        app.shop.line("B1").order("S2").put().await;
        app.tick_all().await;
        app.advance("4d");
        app.deliver().await;
        another_process(&app, &receiver).await.delivery.tick().await.unwrap();
        assert_eq!(receiver.messages().len(), 1);
        assert_eq!(app.log().await, ["backordered queued", "backordered queued"]);
        assert_eq!((standing(&app).await, charged(&app).await), ("queued 1 410".into(), "0".into()));
        assert_eq!(app.tasks().await, [format!("webhook_disabled {}", receiver.address)]);

        let ran = app.run(&["webhook", "enable"]).await.good();
        assert_eq!(ran.words(), "the webhook is enabled: what waited is sent\n");
        assert_eq!(app.tasks().await, [""; 0]);
        app.deliver().await;
        assert_eq!(app.log().await, ["backordered sent", "backordered sent"]);
        let ran = app.run(&["webhook", "enable"]).await.good();
        assert_eq!(ran.words(), "the webhook was not disabled\n");
    }
}

#[tokio::test]
async fn a_receiver_that_wants_less_is_left_alone_for_as_long_as_it_says_without_cost() {
    for (app, receiver) in posting().await {
        for (number, (says, rest)) in [
            (Says::status(429).with("retry-after", "600"), "570s"),
            (Says::status(503).with("retry-after", "60"), "30s"),
            (Says::status(429), "30s"),
        ]
        .into_iter()
        .enumerate()
        {
            receiver.say([says]);
            app.shop.line(&format!("A{number}")).order(&format!("S{number}")).put().await;
            app.tick_all().await;
            assert_eq!(receiver.messages().len(), number + 1, "one of them asks, and no other disturbs it");
            app.advance(rest);
            app.deliver().await;
            assert_eq!(receiver.messages().len(), number + 1, "it is left alone");
            // So long does it take for the next news to settle.
            app.advance("1s");
        }
        for _ in 0..2 {
            app.advance("30s");
            app.deliver().await;
        }
        assert_eq!(app.log().await, ["backordered sent"; 3]);
        let outcomes = "select outcome || ' ' || cast(code as text) from attempts order by started_at, outcome";
        let expected = ["paused 429", "paused 503", "paused 429", "accepted 204", "accepted 204", "accepted 204"];
        assert_eq!(app.texts(outcomes).await, expected);
        assert!(app.entries().await.iter().all(|entry| !entry.possible_duplicate));
    }
}

#[tokio::test]
async fn while_the_receiver_is_away_time_stands_still_and_one_message_probes_it() {
    for (app, receiver) in posting().await {
        let address = receiver.address;
        drop(receiver);
        for order in ["S1", "S2", "S3"] {
            app.shop.line(order).order(order).put().await;
        }
        app.tick_all().await;
        let asked = tried(&app).await;
        assert!((1..=3).contains(&asked), "{asked}");
        for _ in 0..20 {
            app.advance("6h");
            app.deliver().await;
        }
        assert!(tried(&app).await <= asked + 20, "one at a time");
        assert_eq!(app.log().await, ["backordered queued"; 3]);
        assert_eq!(app.texts("select cast(max(charged) as text) from outbox").await, ["0"]);
        let reply = app.texts("select last_reply from outbox where last_reply is not null").await.remove(0);
        assert_eq!(reply, format!("cannot connect to {address}: Connection refused (os error 111)"));

        let back = Receiver::at(address).await;
        app.advance("5m");
        app.deliver().await;
        app.advance("1m");
        app.deliver().await;
        assert_eq!((app.log().await, back.messages().len()), (vec!["backordered sent".to_owned(); 3], 3));
    }
}

#[tokio::test]
async fn a_receiver_for_which_only_a_proxy_answers_rests_and_no_notification_loses_its_tries() {
    for (app, receiver) in posting_with(&[("delivery.give_up_after", "1h")]).await {
        const ORDERS: usize = 12;
        for order in 0..ORDERS {
            app.shop.line(&format!("A{order}")).order(&format!("S{order}")).put().await;
        }
        app.settle().await;
        // A day in which it is down, however it shows.
        receiver.say([502, 503, 504].repeat(200).into_iter().map(Says::status));
        app.deliver().await;
        assert!(tried(&app).await < ORDERS, "those that were not under way waited");
        for _ in 0..48 {
            app.advance("30m");
            app.deliver().await;
        }
        assert!(tried(&app).await < ORDERS + 48, "one at a time");
        assert_eq!(app.log().await, ["backordered queued"; ORDERS]);
        assert_eq!(app.texts("select cast(sum(charged) as text) from outbox").await, ["1"], "the one that found it so");
        receiver.forget();
        for _ in 0..3 {
            app.advance("10m");
            app.deliver().await;
        }
        assert_eq!(app.log().await, ["backordered sent"; ORDERS]);
    }
}

#[tokio::test]
async fn a_receiver_that_never_answers_rests_and_a_day_of_that_costs_one_try() {
    let mut serving = JoinSet::new();
    let mute = babbler(b"", &mut serving).await;
    for (app, receiver) in posting().await {
        app.shop.backorder("A1").await;
        app.settle().await;
        let down = delivering_to(&app, &format!("http://{mute}/")).await;
        for _ in 0..5 {
            down.tick().await.unwrap();
            app.advance("5h");
        }
        assert_eq!((standing_tries(&app).await, charged(&app).await), ("queued 5".to_owned(), "1".to_owned()));
        app.deliver().await;
        assert_eq!((app.log().await, receiver.messages().len()), (vec!["backordered sent".to_owned()], 1));
    }
}

#[tokio::test]
async fn a_notification_that_brings_the_receiver_down_each_time_comes_to_its_end_and_keeps_no_other() {
    let ladder = [("delivery.retry", "[\"1m\"]"), ("delivery.give_up_after", "3m")];
    for (app, receiver) in posting_with(&ladder).await {
        app.shop.backorder("A1").await;
        app.settle().await;
        for round in 0..4 {
            receiver.say([Says::status(502)]);
            app.deliver().await;
            // The others find it well again.
            app.shop.line(&format!("B{round}")).order(&format!("T{round}")).put().await;
            app.settle().await;
            app.advance("10s");
            app.in_state(&format!(
                "update outbox set due_at = due_at + 3600000000 where order_row = {}",
                app.entries().await[0].order_row
            ))
            .await;
            app.deliver().await;
            app.advance("2h");
        }
        let log = app.log().await;
        assert_eq!(
            (log[0].as_str(), &log[1..]),
            ("backordered failed", &["backordered sent"; 4].map(String::from)[..])
        );
        assert!(app.entries().await[0].note.as_ref().unwrap().starts_with("given up after 4 tries: 502"));
    }
}

/// How many tries there were.
async fn tried(app: &TestApp) -> usize {
    app.texts("select cast(count(*) as text) from attempts").await.remove(0).parse().unwrap()
}

#[tokio::test]
async fn what_was_not_answered_comes_again_with_its_id_and_is_shown_as_a_possible_double() {
    let mut serving = JoinSet::new();
    let mute = babbler(b"", &mut serving).await;
    for (app, receiver) in posting().await {
        app.shop.backorder("A1").await;
        app.settle().await;
        deliver_to(&app, &format!("http://{mute}/")).await;
        assert_eq!(standing(&app).await, format!("queued 1 {mute} did not answer within 0.3 s"));
        assert_eq!((app.tasks().await, charged(&app).await), (vec![], "1".into()));
        app.advance("72s");
        app.deliver().await;
        let entry = app.entries().await.remove(0);
        assert_eq!((entry.state.word(), entry.possible_duplicate), ("sent", true));
        assert_eq!(tries(&app).await, ["unknown 0", "accepted 204"]);
        assert_eq!(receiver.messages()[0].header("webhook-id"), entry.id.to_string());
    }
}

#[tokio::test]
async fn what_was_not_answered_and_is_overtaken_is_not_sent_again() {
    let mut serving = JoinSet::new();
    let mute = babbler(b"", &mut serving).await;
    for (app, receiver) in posting().await {
        app.shop.backorder("A1").await;
        app.settle().await;
        deliver_to(&app, &format!("http://{mute}/")).await;
        app.shop.expect("A1", "2027-03-01").await;
        app.tick_all().await;
        assert_eq!(app.log().await, ["backordered superseded", "backordered sent"]);
        let [message] = &receiver.messages()[..] else { panic!("{:?}", receiver.messages()) };
        assert_eq!(message.json()["data"]["lines"][0]["expected_on"], "2027-03-01");
    }
}

#[tokio::test]
async fn an_answer_that_came_after_the_lease_had_ended_tells_her_all_the_same() {
    for (app, receiver) in posting().await {
        app.shop.backorder("A1").await;
        app.settle().await;
        let gate = receiver.hold_back();
        let delivery = app.process.delivery.clone();
        let slow = tokio::spawn(async move { delivery.tick().await.unwrap() });
        receiver.has_messages(1).await;
        app.store.expire_leases().await.unwrap();
        // Whoever takes over finds it in transfer: it may have arrived, and comes again.
        assert_eq!(app.store.reap(None, app.now()).await.unwrap(), 1);
        app.in_state("update outbox set due_at = due_at + 60000000").await;
        gate.open();
        slow.await.unwrap();
        assert_eq!(app.log().await, ["backordered sent"]);
        app.advance("2m");
        app.tick_all().await;
        assert_eq!((receiver.messages().len(), app.log().await.len()), (1, 1), "she was told");
    }
}

#[tokio::test]
async fn quiet_hours_holds_and_expired_notices_are_the_same_as_of_mails() {
    let quiet = [("delivery.quiet_hours", "22:00-07:00")];
    for (app, receiver) in posting_with(&quiet).await {
        app.advance_to("2027-01-12T22:30");
        app.shop.backorder("A1").await;
        app.tick_all().await;
        assert_eq!(receiver.messages().len(), 0);
        app.advance_to("2027-01-13T07:00");
        let id = app.entries().await[0].id;
        assert_eq!(app.store.hold(&[id], &by(), app.now()).await.unwrap(), [id]);
        app.deliver().await;
        assert_eq!((receiver.messages().len(), app.log().await), (0, vec!["backordered held".to_owned()]));
        app.store.release(&[id], &by(), app.now()).await.unwrap();
        app.deliver().await;
        assert_eq!((receiver.messages().len(), app.log().await), (1, vec!["backordered sent".to_owned()]));
    }
}

#[tokio::test]
async fn two_processes_send_each_once() {
    for (app, receiver) in posting_with(&[("delivery.max_per_sweep", "0")]).await {
        for order in 0..60 {
            app.shop.line(&format!("A{order}")).order(&format!("S{order}")).put().await;
        }
        app.settle().await;
        let other = another_process(&app, &receiver).await;
        let (one, two) = tokio::join!(app.process.delivery.tick(), other.delivery.tick());
        let (one, two) = (one.unwrap(), two.unwrap());
        assert_eq!(one.accepted + two.accepted, 60);
        let messages = receiver.messages();
        let mut ids = ids(&messages);
        ids.sort_unstable();
        ids.dedup();
        assert_eq!((messages.len(), ids.len()), (60, 60));
        assert!(receiver.connections() <= 16, "eight at once of each process: {}", receiver.connections());
    }
}

#[tokio::test]
async fn the_shown_notification_has_the_words_and_the_exact_bytes() {
    for (app, receiver) in posting().await {
        app.shop.backorder("A1").await;
        app.tick_all().await;
        let message = receiver.messages().remove(0);
        let id = message.header("webhook-id");
        let eml = app.run(&["show", id, "--eml"]).await.good();
        assert_eq!(eml.stdout, message.body);
        let shown = app.run(&["show", id, "--json"]).await.good().objects().remove(0);
        assert_eq!((&shown["channel"], &shown["attempt_list"][0]["channel"]), (&json!("webhook"), &json!("webhook")));
        assert_eq!(shown["attempt_list"][0]["code"], 204);
        let token = message.json()["data"]["links"]["page"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
        assert!(!shown["text"].as_str().unwrap().contains(&token), "links are dead here");
        assert!(shown["html"].as_str().unwrap().contains("Lamp A1"));
        let proof = app.run(&["proof", "S1"]).await.good();
        assert!(proof.words().contains("Lamp A1") && !proof.words().contains(&token), "{}", proof.words());
        let words = app.run(&["show", id]).await.good();
        assert!(words.words().contains("channel     webhook"), "{}", words.words());
    }
}

#[tokio::test]
async fn check_says_whether_the_receiver_is_there_and_whether_it_wants_any() {
    let [(app, receiver), _] = <[_; 2]>::try_from(posting().await).ok().unwrap();
    let line = |level: &str, words: &str| format!("{level:<8} webhook            {words}");
    let found = format!("{}: connected; 1 secret signs; nothing was sent\n", receiver.address);
    assert!(app.run(&["check"]).await.words().contains(&line("ok", &found)));
    receiver.say([Says::status(410)]);
    app.shop.backorder("A1").await;
    app.tick_all().await;
    let check = app.run(&["check"]).await;
    assert_eq!(check.code, 1);
    let waits = "the receiver answered 410 on 2027-01-12 15:00 UTC, so notifications wait; mend it, then run `backorderd \
                 webhook enable`";
    assert!(check.words().contains(&line("error", waits)), "{}", check.words());
    let once = app.run(&["run", "--once", "--only", "deliver"]).await.good();
    assert_eq!(once.words(), "webhooks: none were due\n");
    assert!(once.stderr.contains(waits), "{}", once.stderr);
}

#[tokio::test]
async fn check_warns_of_a_section_that_has_no_effect() {
    let receiver = Receiver::start().await;
    let settings = [("delivery.channel", "mail"), ("webhook.url", &*receiver.url()), ("webhook.secret", SECRET)];
    let app = TestApp::on(ENGINES[0], &settings).await;
    let check = app.run(&["check"]).await;
    let line = "warning  webhook            [webhook] is of no effect: [delivery] sends mail only";
    assert!(check.words().contains(line), "{}", check.words());
    app.shop.backorder("A1").await;
    app.tick_all().await;
    assert_eq!((app.mails().len(), receiver.connections()), (1, 0));
}

#[tokio::test]
async fn what_was_at_hand_when_the_receiver_said_410_is_due_as_soon_as_it_is_enabled() {
    for (app, receiver) in posting().await {
        receiver.say((0..3).map(|_| Says::status(410)));
        for order in ["S1", "S2", "S3"] {
            app.shop.line(order).order(order).put().await;
        }
        app.tick_all().await;
        assert_eq!(app.log().await, ["backordered queued"; 3]);
        // Whoever was under way heard it too; nobody else asks.
        receiver.forget();
        assert!(app.store.enable_webhook(app.now()).await.unwrap());
        app.deliver().await;
        assert_eq!(app.log().await, ["backordered sent"; 3]);
    }
}
