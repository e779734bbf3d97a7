//! How hard a relay is asked, and how it is signed in to: connections, rates, TLS, passwords; seen from the relay.

use std::time::{Duration, Instant};

use crate::support::app::{Differing, TestApp};
use crate::support::installation::Installation;
use crate::support::smtp_server::{Act, At, Shape, SmtpServer};
use crate::support::state::Engine;

const EIGHT: Differing<'static> = &[("mail.relays.0.max_connections", "8"), ("delivery.max_per_sweep", "0")];

/// So many orders of as many customers, whose news is due.
async fn orders(app: &TestApp, number: usize) {
    app.shop
        .run(&format!(
            "with recursive n(i) as (select 0 union all select i + 1 from n where i + 1 < {number}) \
             insert into order_lines (line_id, order_id, customer_email, product_key, product_name, ordered_qty, \
             short_qty) select 'A' || i, 'S' || i, 'c' || i || '@example.com', 'P', 'Lamp', '1', '1' from n"
        ))
        .await;
    app.settle().await;
}

/// Over how many connections so many mails came.
fn connections_used(server: &SmtpServer) -> usize {
    let used: std::collections::BTreeSet<usize> = server.mails().iter().map(|mail| mail.connection).collect();
    used.len()
}

/// The relay comes back: one probe goes first, and the others wait for it.
async fn back(app: &TestApp) {
    app.relay.is_away(false);
    for _ in 0..3 {
        app.advance("10m");
        app.deliver().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_relay_that_is_away_is_asked_by_one_connection_and_not_by_all_at_once() {
    for app in TestApp::on_each_engine_with(EIGHT) {
        let app = app.await;
        orders(&app, 40).await;
        app.relay.is_away(true);
        app.deliver().await;
        assert_eq!(app.relay.connections(), 1, "after a start");
        back(&app).await;
        assert_eq!(app.relay.mails().len(), 40);
        // It is well, and goes away: after its rest it is met by one again.
        app.shop.run("update order_lines set expected_on = '2027-05-01'").await;
        app.settle().await;
        app.relay.is_away(true);
        app.deliver().await;
        let before = app.relay.connections();
        app.advance("10m");
        app.deliver().await;
        assert_eq!(app.relay.connections(), before + 1, "after an outage");
        back(&app).await;
        assert_eq!(app.relay.mails().len(), 80);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_the_first_connection_waits_for_its_greeting_there_is_no_second() {
    let app = TestApp::on(Engine::Sqlite, EIGHT).await;
    orders(&app, 40).await;
    app.relay.once(At::Greeting, Act::Stall);
    let (stalled, delivery) = (app.relay.next_stall(), app.process.delivery.clone());
    let delivering = tokio::spawn(async move { delivery.tick().await });
    stalled.await;
    // Every worker has a mail by now, or gets one before this one is answered.
    let begun = Instant::now();
    while app.in_transfer().await.len() < 8 {
        assert!(begun.elapsed() < Duration::from_secs(60));
    }
    let patience = usize::try_from(begun.elapsed().as_secs() / 2).unwrap();
    assert!(app.relay.connections() <= 1 + patience, "{} connections", app.relay.connections());
    // One that hangs keeps nobody waiting for ever.
    app.relay.has(30).await;
    delivering.abort();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_healthy_relay_has_all_its_connections_at_once_and_never_more() {
    for app in TestApp::on_each_engine_with(EIGHT) {
        let app = app.await;
        orders(&app, 200).await;
        let second = SmtpServer::start(Shape::default()).await;
        // Sixteen workers, for the sake of the second relay; the first one is well, and gets everything.
        let url = second.url();
        let differing = [EIGHT, &[("mail.relays.1.max_connections", "16")]].concat();
        let process = app.process_with_relays(&[&app.relay.url(), &url], &differing).await;
        process.delivery.tick().await.unwrap();
        assert_eq!((app.relay.mails().len(), second.mails().len()), (200, 0));
        assert!(app.relay.most_open() <= 8, "{} connections at once", app.relay.most_open());
        assert!(connections_used(&app.relay) >= 4, "{} connections", connections_used(&app.relay));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_connections_of_a_process_share_one_rate() {
    let differing = [EIGHT, &[("mail.relays.0.messages_per_second", "20")]].concat();
    for app in TestApp::on_each_engine_with(&differing) {
        let app = app.await;
        orders(&app, 31).await;
        let begun = Instant::now();
        app.deliver().await;
        assert_eq!(app.relay.mails().len(), 31);
        // Between the first and the last lie thirty waits of a twentieth of a second.
        assert!(begun.elapsed() >= Duration::from_millis(1500), "{:?}", begun.elapsed());
    }
}

/// Has the relay answer so many mails, by whose end all others wait for a worker, and then so many only once something
/// follows them. On PostgreSQL two feeders may share the mails, and nothing follows the last one of the first feeder.
fn ask_for_more_of_the_last(app: &TestApp, first: usize, last: usize) {
    (0..first).for_each(|_| app.relay.once(At::End, Act::Say("250 2.0.0 ok")));
    if app.engine == Engine::Sqlite {
        (0..last).for_each(|_| app.relay.once(At::End, Act::SayAfterMore("250 2.0.0 ok")));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_a_mail_comes_the_envelope_of_the_next_so_that_each_costs_one_round_trip() {
    for app in TestApp::on_each_engine_with(&[("mail.relays.0.max_connections", "1")]) {
        let app = app.await;
        orders(&app, 40).await;
        ask_for_more_of_the_last(&app, 20, 10);
        tokio::time::timeout(Duration::from_secs(60), app.deliver()).await.unwrap();
        assert_eq!((app.relay.mails().len(), app.relay.connections()), (40, 1));
        let mut to: Vec<_> = app.relay.mails().into_iter().flat_map(|mail| mail.to).collect();
        to.sort_unstable();
        to.dedup();
        assert_eq!(to.len(), 40);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_relay_that_does_not_bear_that_gets_one_after_the_other_and_no_mail_pays_for_it() {
    let replies = [
        "503 5.5.0 improper pipelining",
        "554 SMTP synchronization error",
        "550 5.7.1 pipelining not allowed",
        "421 4.7.0 too much pipelining",
        "451 4.3.0 what is that",
    ];
    for (reply, engine) in replies.into_iter().zip([Engine::Sqlite, Engine::Postgres].into_iter().cycle()) {
        let app = TestApp::on(engine, EIGHT).await;
        orders(&app, 60).await;
        let strict = SmtpServer::start(Shape { strict: Some(reply), ..Shape::default() }).await;
        let process = app.process_with_relays(&[&strict.url()], EIGHT).await;
        process.delivery.tick().await.unwrap();
        assert_eq!(strict.mails().len(), 60, "{reply}");
        assert_eq!(app.texts("select outcome from attempts group by outcome").await, ["accepted"], "{reply}");
        assert_eq!(app.texts("select id from outbox").await, [""; 0], "{reply}");
        assert_eq!(strict.followed(), 1, "one mail tries it: {reply}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_relay_that_closes_over_that_leaves_one_mail_in_doubt_and_no_more() {
    for app in TestApp::on_each_engine_with(EIGHT) {
        let app = app.await;
        orders(&app, 60).await;
        let strict = SmtpServer::start(Shape { strict: Some(""), ..Shape::default() }).await;
        let process = app.process_with_relays(&[&strict.url()], EIGHT).await;
        process.delivery.tick().await.unwrap();
        assert_eq!((strict.mails().len(), strict.followed()), (59, 1));
        assert_eq!(app.texts("select state from outbox").await, ["in_doubt"]);
    }
}

#[tokio::test]
async fn a_relay_refuses_a_mail_for_what_it_is_and_keeps_its_place() {
    let one = &[("mail.relays.0.max_connections", "1"), ("delivery.max_per_sweep", "0")];
    for app in TestApp::on_each_engine_with(one) {
        let app = app.await;
        orders(&app, 20).await;
        // By the end of these, which come to no end of a mail, all others wait for a worker.
        (0..10).for_each(|_| app.relay.once(At::RcptTo, Act::Say("450 4.2.0 later")));
        // With the next one's envelope, and alone.
        (0..2).for_each(|_| app.relay.once(At::End, Act::Say("554 5.6.0 spam")));
        app.deliver().await;
        assert_eq!(app.texts("select state from sent_log group by state order by state").await, ["failed", "sent"]);
        assert_eq!(app.relay.mails().len(), 9);
        app.shop.run("update order_lines set expected_on = '2027-05-01'").await;
        app.settle().await;
        ask_for_more_of_the_last(&app, 10, 5);
        tokio::time::timeout(Duration::from_secs(60), app.deliver()).await.unwrap();
        assert_eq!(app.relay.faults_left(), 0, "an envelope came with each of them");
    }
}

#[tokio::test]
async fn a_probe_that_is_withheld_leaves_the_relay_to_the_next_one() {
    let app = TestApp::on(Engine::Sqlite, &[]).await;
    app.relay.is_away(true);
    app.shop.backorder("A1").await;
    app.tick_all().await;
    app.relay.is_away(false);
    app.advance("10m");
    // Its order is touched between the rendering and the mark, and it says the same.
    let id = &app.entries().await[0].id;
    app.in_state(&format!(
        "delete from contents; create trigger overtake after insert on contents when new.notification_id = '{id}' \
         begin update orders set revision = revision + 1; end"
    ))
    .await;
    app.deliver().await;
    app.advance("10m");
    app.tick_all().await;
    assert_eq!(app.log().await, ["backordered sent"]);
    assert_eq!(app.relay.mails().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_while_a_mail_hangs_gives_back_all_but_that_one() {
    for app in TestApp::on_each_engine_with(&[("mail.relays.0.max_connections", "1"), ("delivery.max_per_sweep", "0")])
    {
        let app = app.await;
        orders(&app, 40).await;
        // The second one of its connection: by then the next one is marked.
        app.relay.once(At::End, Act::Say("250 2.0.0 ok"));
        app.relay.once(At::End, Act::Stall);
        let (stalled, delivery) = (app.relay.next_stall(), app.process.delivery.clone());
        let delivering = tokio::spawn(async move { delivery.tick().await });
        stalled.await;
        app.process.app.stop();
        let begun = Instant::now();
        let in_hand = "select id from outbox where state = 'sending'";
        while app.texts(in_hand).await.len() > 1 {
            assert!(begun.elapsed() < Duration::from_secs(60));
        }
        assert_eq!(app.in_transfer().await.len(), 1);
        assert_eq!(app.texts("select state from outbox where state = 'queued'").await.len(), 38);
        delivering.abort();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_while_a_relay_is_silent_before_it_has_a_mail_gives_everything_back() {
    // With three connections others wait for their turn.
    for (at, connections) in [(At::Greeting, "3"), (At::Greeting, "1"), (At::MailFrom, "1")] {
        for app in TestApp::on_each_engine_with(&[("mail.relays.0.max_connections", connections)]) {
            let app = app.await;
            orders(&app, 5).await;
            app.relay.once(at, Act::Stall);
            let (stalled, delivery) = (app.relay.next_stall(), app.process.delivery.clone());
            let delivering = tokio::spawn(async move { delivery.tick().await });
            stalled.await;
            app.process.app.stop();
            // Sooner than the relay is given up for its silence.
            tokio::time::timeout(Duration::from_secs(50), delivering).await.unwrap().unwrap().unwrap();
            // A relay that is slow to greet gets a second connection after a while.
            let queued = app.texts("select id from outbox where state = 'queued'").await;
            assert_eq!(queued.len() + app.relay.mails().len(), 5);
            assert_eq!(app.in_transfer().await.len(), 0);
            assert_eq!(app.texts("select id from outbox where attempts > 0").await.len(), 0);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_relay_of_which_it_is_said_that_it_does_not_bear_that_is_not_tried() {
    for app in TestApp::on_each_engine_with(EIGHT) {
        let app = app.await;
        orders(&app, 60).await;
        let strict = SmtpServer::start(Shape { strict: Some("503 5.5.0 no"), ..Shape::default() }).await;
        let settings = [EIGHT[0], EIGHT[1], ("mail.relays.0.pipelining", "none")];
        let process = app.process_with_relays(&[&strict.url()], &settings).await;
        process.delivery.tick().await.unwrap();
        assert_eq!((strict.mails().len(), strict.followed()), (60, 0));
    }
}

/// It does so each time.
fn always(server: &SmtpServer, at: At, act: Act) {
    (0..100).for_each(|_| server.once(at, act));
}

#[tokio::test]
async fn what_a_relay_breaks_off_goes_to_the_next_one() {
    for at in [At::MailFrom, At::RcptTo, At::Data] {
        let app = TestApp::on(Engine::Sqlite, &[]).await;
        let next = SmtpServer::start(Shape::default()).await;
        always(&app.relay, at, Act::Close);
        orders(&app, 4).await;
        let process = app.process_with_relays(&[&app.relay.url(), &next.url()], &[]).await;
        process.delivery.tick().await.unwrap();
        assert_eq!((app.relay.count(), next.count()), (0, 4), "{at:?}");
        app.relay.forget_faults();
    }
}

#[tokio::test]
async fn a_mail_over_which_the_only_relay_breaks_off_comes_to_its_end_and_no_other_does() {
    let ladder: Differing =
        &[("mail.relays.0.max_connections", "1"), ("delivery.retry", "[\"1m\"]"), ("delivery.give_up_after", "3m")];
    for app in TestApp::on_each_engine_with(ladder) {
        let app = app.await;
        app.shop.line("A1").order("S1").put().await;
        app.settle().await;
        for round in 0..10 {
            app.relay.once(At::RcptTo, Act::Close);
            app.deliver().await;
            app.relay.forget_faults();
            // Others find the relay well meanwhile.
            app.shop.line(&format!("B{round}")).order(&format!("T{round}")).put().await;
            app.advance("10s");
            app.settle().await;
            app.deliver().await;
            app.advance("1m 20s");
        }
        assert_eq!(app.relay.count(), 10);
        assert_eq!(app.tasks().await.len(), 1, "{:?}", app.tasks().await);
    }
}

#[tokio::test]
async fn while_a_relay_is_away_no_mail_pays_for_it() {
    let ladder: Differing = &[("delivery.retry", "[\"1m\"]"), ("delivery.give_up_after", "3m")];
    let app = TestApp::on(Engine::Sqlite, ladder).await;
    orders(&app, 3).await;
    always(&app.relay, At::MailFrom, Act::Close);
    for _ in 0..20 {
        app.deliver().await;
        app.advance("6m");
    }
    app.relay.forget_faults();
    back(&app).await;
    assert_eq!((app.relay.count(), app.tasks().await), (3, Vec::new()));
}

#[tokio::test]
async fn one_customer_for_whom_a_relay_refuses_us_does_not_stop_the_others() {
    for app in TestApp::on_each_engine_with(&[("mail.relays.0.max_connections", "1")]) {
        let app = app.await;
        orders(&app, 5).await;
        app.relay.once(At::RcptTo, Act::Say("554 5.7.1 not for this one"));
        app.deliver().await;
        app.advance("6s");
        app.deliver().await;
        assert_eq!(app.relay.count(), 4, "the one that was refused is not the probe");
        app.advance("10s");
        app.deliver().await;
        assert_eq!(app.relay.count(), 5);
    }
}

#[tokio::test]
async fn what_a_relay_never_takes_from_us_is_seen_by_staff() {
    for app in TestApp::on_each_engine() {
        let app = app.await;
        app.shop.backorder("A1").await;
        app.settle().await;
        always(&app.relay, At::RcptTo, Act::Say("554 5.7.1 not from you"));
        for tries in 1..=5 {
            app.deliver().await;
            app.advance("10m");
            let id = app.entries().await[0].id;
            let expected = if tries < 5 { Vec::new() } else { vec![format!("relay_refuses {id}")] };
            assert_eq!(app.tasks().await, expected, "after {tries} tries");
        }
        app.relay.forget_faults();
        app.deliver().await;
        assert_eq!((app.relay.count(), app.tasks().await), (1, Vec::new()));
    }
}

#[tokio::test]
async fn a_relay_that_refuses_every_mail_alike_at_its_end_is_at_fault_and_none_is_lost() {
    for app in TestApp::on_each_engine_with(&[("mail.relays.0.max_connections", "1")]) {
        let app = app.await;
        let next = SmtpServer::start(Shape::default()).await;
        always(&app.relay, At::End, Act::Say("554 5.7.1 sending is suspended for this account"));
        orders(&app, 8).await;
        app.deliver().await;
        assert_eq!(app.tasks().await, Vec::<String>::new(), "the first five are put back");
        let process = app.process_with_relays(&[&app.relay.url(), &next.url()], &[]).await;
        app.advance("10m");
        process.delivery.tick().await.unwrap();
        app.advance("10m");
        process.delivery.tick().await.unwrap();
        assert_eq!((app.relay.count(), next.count(), app.tasks().await), (0, 8, Vec::new()));
        app.relay.forget_faults();
    }
}

#[tokio::test]
async fn a_connection_carries_so_many_messages_and_no_more() {
    for app in
        TestApp::on_each_engine_with(&[("mail.relays.0.max_connections", "1"), ("mail.relays.0.max_messages", "3")])
    {
        let app = app.await;
        orders(&app, 10).await;
        app.deliver().await;
        let over: Vec<usize> = app.relay.mails().iter().map(|mail| mail.connection).collect();
        assert_eq!(over, [0, 0, 0, 1, 1, 1, 2, 2, 2, 3]);
        assert_eq!(app.relay.commands(0).last().map(String::as_str), Some("QUIT"), "it takes leave");
    }
}

#[tokio::test]
async fn a_connection_that_is_too_old_is_left_for_a_new_one() {
    let slowly = [("mail.relays.0.max_connections", "1"), ("mail.relays.0.messages_per_second", "0.5")];
    for (age, connections) in [("9m", 1), ("10m", 2)] {
        let app = TestApp::on(Engine::Sqlite, &slowly).await;
        orders(&app, 2).await;
        let delivery = app.process.delivery.clone();
        let delivering = tokio::spawn(async move { delivery.tick().await });
        app.relay.has(1).await;
        // The rate makes the second mail wait, and meanwhile the connection grows old.
        app.advance(age);
        delivering.await.unwrap().unwrap();
        assert_eq!((app.relay.mails().len(), connections_used(&app.relay)), (2, connections), "{age}");
    }
}

/// The settings of a relay that one signs in to, and everything that must not be seen of its password.
const PASSWORD: &str = "sesame99";
const NEVER_SEEN: [&str; 3] = [PASSWORD, "AGFkYQBzZXNhbWU5OQ", "c2VzYW1lOTk"];

#[tokio::test]
async fn a_refused_password_keeps_mails_waiting_and_is_in_no_log_however_much_is_logged() {
    for mechanisms in ["PLAIN", "LOGIN"] {
        let shape = Shape { mechanisms: Some(mechanisms), login: ("ada", "new-password"), ..Shape::default() };
        let installation = Installation::with_relay(SmtpServer::start(shape).await).await;
        installation.waiting_line("1", "1", "'ada@example.com'").await;
        let url = format!("smtp://ada@{}", installation.smtp.address);
        let with = |password: &'static str| {
            [
                ("BACKORDERD__MAIL__RELAYS__0__URL", url.as_str()),
                ("BACKORDERD__MAIL__RELAYS__0__PASSWORD", password),
                ("RUST_LOG", "trace"),
            ]
        };
        for arguments in [&["run", "--once"][..], &["check"], &["run", "--once", "--only", "deliver"]] {
            if installation.path("backorderd.db").exists() {
                installation.in_state("update outbox set due_at = 0").await;
            }
            let ran = installation.start(arguments, &with(PASSWORD)).ended().await;
            let all = format!("{}{}", ran.words(), ran.stderr);
            assert_eq!(ran.code, 1, "{all}");
            assert!(all.contains("535 5.7.8 wrong; look whether the user"), "{all}");
            for secret in NEVER_SEEN {
                assert!(!all.contains(secret), "{secret} is in {all}");
            }
            assert!(ran.stderr.contains("DEBUG"), "everything is logged");
        }
        let entry = installation.run(&["log", "--json"]).await.good().objects().remove(0);
        assert_eq!((entry["state"].as_str(), entry["attempts"].as_i64()), (Some("queued"), Some(2)));
        installation.in_state("update outbox set due_at = 0").await;
        installation.start(&["run", "--once"], &with("new-password")).ended().await.good();
        assert_eq!(installation.smtp.mails().len(), 1);
    }
}
