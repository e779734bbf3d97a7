//! `/metrics` as Prometheus reads it: well formed, and true before, during and after faults, with the state on SQLite
//! and on PostgreSQL.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use backorderd::app::App;
use backorderd::web::machines;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::support::app::{Differing, TestApp};
use crate::support::http::Http;
use crate::support::installation::{Installation, Running};
use crate::support::receiver::{Receiver, SECRET, Says};
use crate::support::smtp_server::{Act, At};
use crate::support::staff::by;
use crate::support::state::{ENGINES, place};

/// Every sample of one scrape, by its name with its labels as they are written.
struct Scraped(BTreeMap<String, f64>);

impl Scraped {
    /// Reads an answer by the rules of the text format and of Prometheus' own lint; fails where one is broken.
    fn read(text: &str) -> Scraped {
        let (mut samples, mut types) = (BTreeMap::new(), BTreeMap::<&str, &str>::new());
        let mut lines = text.lines().peekable();
        assert!(text.ends_with('\n'));
        while let Some(line) = lines.next() {
            let (name, help) = line.strip_prefix("# HELP ").and_then(|rest| rest.split_once(' ')).expect(line);
            assert!(help.ends_with('.') && !help.contains('\\'), "{line}");
            let kind = lines.next().unwrap().strip_prefix(&format!("# TYPE {name} ")).expect(line);
            assert!(["gauge", "counter"].contains(&kind), "{line}");
            assert_eq!(name.ends_with("_total"), kind == "counter", "{line}");
            assert!(name.starts_with("backorderd_") || name.starts_with("process_"), "{line}");
            assert!(name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'), "{line}");
            assert!(types.insert(name, kind).is_none(), "{name} is there twice");
            let mut number = 0;
            while let Some(line) = lines.next_if(|line| !line.starts_with('#')) {
                let (sample, value) = line.rsplit_once(' ').expect(line);
                let labels = sample.strip_prefix(name).unwrap_or_else(|| panic!("{line} is below {name}"));
                assert!(labels.is_empty() || labels.starts_with('{') && labels.ends_with("\"}"), "{line}");
                let value: f64 = value.parse().expect(line);
                assert!(kind == "gauge" || value >= 0.0 && value.is_finite(), "{line}");
                assert!(samples.insert(sample.to_owned(), value).is_none(), "{sample} is there twice");
                number += 1;
            }
            assert!(number > 0, "{name} has no sample");
        }
        Scraped(samples)
    }

    /// The value of a sample.
    #[track_caller]
    fn of(&self, sample: &str) -> f64 {
        *self.0.get(sample).unwrap_or_else(|| panic!("there is no {sample} in {:#?}", self.0))
    }

    fn has(&self, sample: &str) -> bool {
        self.0.contains_key(sample)
    }
}

/// An installation whose process answers machines.
struct Watched {
    app: TestApp,
    http: Http,
    serving: JoinSet<()>,
}

impl Watched {
    fn on_each_engine(differing: Differing<'_>) -> impl Iterator<Item = impl Future<Output = Watched>> {
        ENGINES.into_iter().map(move |engine| async move { Watched::of(TestApp::on(engine, differing).await).await })
    }

    async fn of(app: TestApp) -> Watched {
        let mut serving = JoinSet::new();
        let http = serve(&app.process.app, &mut serving).await;
        Watched { app, http, serving }
    }

    async fn scrape(&self) -> Scraped {
        scrape(self.http).await
    }
}

async fn serve(app: &App, serving: &mut JoinSet<()>) -> Http {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = machines::router(app.machines(true));
    serving.spawn(async move { axum::serve(listener, router).await.unwrap() });
    Http { address }
}

async fn scrape(http: Http) -> Scraped {
    let reply = http.get("/metrics").await;
    assert_eq!((reply.status, reply.header("content-type")), (200, "text/plain; version=0.0.4; charset=utf-8"));
    Scraped::read(&reply.body)
}

/// A sample of the relay of an installation.
fn of_relay(app: &TestApp, name: &str, more: &str) -> String {
    let url = app.relay.url();
    let relay = url.strip_prefix("smtp://").unwrap().split(['/', '?']).next().unwrap().to_owned();
    format!("{name}{{channel=\"mail\",relay=\"{relay}\"{more}}}")
}

/// Where the program may listen: at an address of this file alone, so that no other test takes the port meanwhile, and
/// who knocks too early is not answered by herself.
fn free_port() -> SocketAddr {
    std::net::TcpListener::bind("127.0.0.3:0").unwrap().local_addr().unwrap()
}

#[tokio::test]
async fn a_relay_that_is_away_rests_and_what_waits_for_it_grows_old_until_it_works_again() {
    for watched in Watched::on_each_engine(&[]) {
        let watched = watched.await;
        let app = &watched.app;
        let (resting, away) = (
            of_relay(app, "backorderd_relay_resting", ""),
            of_relay(app, "backorderd_tries_total", ",outcome=\"relay\""),
        );
        let accepted = of_relay(app, "backorderd_tries_total", ",outcome=\"accepted\"");
        let oldest = "backorderd_oldest_due_age_seconds{channel=\"mail\"}";
        let before = watched.scrape().await;
        assert_eq!([before.of(&resting), before.of(&accepted), before.of(oldest)], [0.0, 0.0, 0.0]);
        assert!(!before.has(&away));

        app.relay.is_away(true);
        app.shop.backorder("A1").await;
        app.tick_all().await;
        for _ in 0..5 {
            app.advance("2m");
            app.deliver().await;
        }
        let during = watched.scrape().await;
        assert_eq!([during.of(&resting), during.of(&accepted)], [1.0, 0.0]);
        assert!(during.of(&away) >= 1.0);
        // It settled for half a minute.
        assert!((600.0..=640.0).contains(&during.of(oldest)), "{}", during.of(oldest));
        assert_eq!(during.of("backorderd_outbox{state=\"queued\"}"), 1.0);
        let deferred = "backorderd_notifications_total{channel=\"mail\",became=\"deferred\"}";
        assert!(during.of(deferred) >= 1.0);

        app.relay.is_away(false);
        app.advance("5m");
        app.deliver().await;
        let after = watched.scrape().await;
        assert_eq!([after.of(&resting), after.of(&accepted), after.of(oldest)], [0.0, 1.0, 0.0]);
        assert_eq!(after.of("backorderd_notifications_total{channel=\"mail\",became=\"sent\"}"), 1.0);
        assert_eq!(after.of("backorderd_outbox{state=\"queued\"}"), 0.0);
    }
}

#[tokio::test]
async fn a_mail_that_hangs_at_its_relay_grows_old_though_nothing_else_waits() {
    for watched in Watched::on_each_engine(&[]) {
        let watched = watched.await;
        let app = &watched.app;
        app.shop.backorder("A1").await;
        app.settle().await;
        app.relay.once(At::Data, Act::Stall);
        let (stalled, delivery) = (app.relay.next_stall(), app.process.delivery.clone());
        let delivering = tokio::spawn(async move { delivery.tick().await });
        stalled.await;
        app.advance("20m");
        let scrape = watched.scrape().await;
        assert_eq!(scrape.of("backorderd_outbox{state=\"sending\"}"), 1.0);
        let oldest = scrape.of("backorderd_oldest_due_age_seconds{channel=\"mail\"}");
        assert!(oldest >= 1200.0, "{oldest}");
        delivering.abort();
    }
}

#[tokio::test]
async fn a_mail_in_doubt_is_counted_with_its_age_first_for_its_second_try_and_then_for_staff() {
    for watched in Watched::on_each_engine(&[]) {
        let watched = watched.await;
        let app = &watched.app;
        app.shop.backorder("A1").await;
        app.relay.once(At::End, Act::Close);
        app.tick_all().await;
        app.advance("30s");
        let once = watched.scrape().await;
        let number = ["backorderd_in_doubt{waits_for=\"try\"}", "backorderd_in_doubt{waits_for=\"staff\"}"];
        let age = [
            "backorderd_in_doubt_age_seconds{waits_for=\"try\"}",
            "backorderd_in_doubt_age_seconds{waits_for=\"staff\"}",
        ];
        assert_eq!(number.map(|sample| once.of(sample)), [1.0, 0.0]);
        assert!((29.0..=31.0).contains(&once.of(age[0])), "{}", once.of(age[0]));
        assert!(!once.has("backorderd_tasks{kind=\"in_doubt\"}"));

        app.relay.once(At::End, Act::Close);
        app.advance("2m");
        app.deliver().await;
        app.advance("1h");
        let twice = watched.scrape().await;
        assert_eq!(number.map(|sample| twice.of(sample)), [0.0, 1.0]);
        assert_eq!(age.map(|sample| twice.of(sample).round()), [0.0, 3600.0]);
        assert_eq!(twice.of("backorderd_tasks{kind=\"in_doubt\"}"), 1.0);
        assert_eq!(twice.of(&of_relay(app, "backorderd_tries_total", ",outcome=\"unknown\"")), 2.0);
    }
}

#[tokio::test]
async fn a_refused_sweep_is_no_accepted_one_and_what_waits_for_staff_is_counted() {
    for watched in Watched::on_each_engine(&[]) {
        let watched = watched.await;
        let app = &watched.app;
        let first = watched.scrape().await;
        let began = ["backorderd_last_sweep_timestamp_seconds", "backorderd_last_accepted_sweep_timestamp_seconds"];
        assert_eq!(first.of(began[0]), first.of(began[1]));
        assert!(!first.has("backorderd_tasks{kind=\"refused_sweep\"}"));

        app.shop.backorder("A1").await;
        app.shop.line("B1").order("B").email(None).put().await;
        app.shop.line("C1").order("C").expected(Some("soon")).put().await;
        app.sweep().await;
        app.advance("5m");
        let swept = watched.scrape().await;
        assert_eq!(swept.of("backorderd_tasks{kind=\"set_aside\"}"), 1.0);
        assert_eq!(swept.of("backorderd_tasks{kind=\"no_address\"}"), 1.0);
        assert_eq!(swept.of("backorderd_tasks{kind=\"refund_due\"}"), 0.0);

        app.shop.run("delete from order_lines").await;
        app.try_sweep().await.unwrap_err();
        let refused = watched.scrape().await;
        assert_eq!(refused.of("backorderd_tasks{kind=\"refused_sweep\"}"), 1.0);
        assert_eq!((refused.of(began[0]) - refused.of(began[1])).round(), 300.0);

        let ids: Vec<_> = app.entries().await.iter().map(|entry| entry.id).collect();
        app.store.hold(&ids, &by(), app.now()).await.unwrap();
        assert_eq!(watched.scrape().await.of("backorderd_outbox{state=\"held\"}"), 1.0);
    }
}

#[tokio::test]
async fn the_leases_show_whether_somebody_watches_and_whether_a_worker_left_something() {
    for watched in Watched::on_each_engine(&[]) {
        let watched = watched.await;
        let app = &watched.app;
        let lease = "backorderd_lease_remaining_seconds{lease=\"watch\"}";
        let remaining = watched.scrape().await.of(lease);
        assert!((1.0..=30.0).contains(&remaining), "{remaining}");
        app.shop.backorder("A1").await;
        app.settle().await;
        let span = backorderd::settings::duration::Span::seconds(30);
        assert_eq!(app.store.claim("dies", "mail", app.now(), 10, span).await.unwrap().len(), 1);
        let living = watched.scrape().await;
        let in_hand = ["backorderd_outbox{state=\"sending\"}", "backorderd_abandoned"];
        assert_eq!(in_hand.map(|sample| living.of(sample)), [1.0, 0.0]);
        app.store.expire_leases().await.unwrap();
        let dead = watched.scrape().await;
        assert_eq!(in_hand.map(|sample| dead.of(sample)), [1.0, 1.0]);
        assert_eq!(dead.of(lease), 0.0);
        app.process.rest().await;
        assert_eq!(watched.scrape().await.of(lease), 0.0);
        app.deliver().await;
    }
}

#[tokio::test]
async fn a_receiver_that_wants_no_more_is_shown_until_staff_enable_it() {
    for engine in ENGINES {
        let receiver = Receiver::start().await;
        let url = receiver.url();
        let settings = [("delivery.channel", "webhook"), ("webhook.url", &*url), ("webhook.secret", SECRET)];
        let watched = Watched::of(TestApp::on(engine, &settings).await).await;
        let app = &watched.app;
        let disabled = "backorderd_webhook_disabled";
        assert_eq!(watched.scrape().await.of(disabled), 0.0);
        app.shop.backorder("A1").await;
        receiver.say([Says::status(410)]);
        app.tick_all().await;
        let gone = watched.scrape().await;
        assert_eq!(gone.of(disabled), 1.0);
        let tries =
            format!("backorderd_tries_total{{channel=\"webhook\",relay=\"{}\",outcome=\"gone\"}}", receiver.address);
        assert_eq!(gone.of(&tries), 1.0);
        assert!(!gone.has("backorderd_oldest_due_age_seconds{channel=\"mail\"}"), "nothing goes out by mail");
        app.store.enable_webhook(app.now()).await.unwrap();
        app.deliver().await;
        let enabled = watched.scrape().await;
        assert_eq!(enabled.of(disabled), 0.0);
        assert_eq!(enabled.of("backorderd_notifications_total{channel=\"webhook\",became=\"sent\"}"), 1.0);
    }
}

#[tokio::test]
async fn without_its_state_database_a_process_still_says_what_it_did() {
    for watched in Watched::on_each_engine(&[]) {
        let watched = watched.await;
        let app = &watched.app;
        app.shop.backorder("A1").await;
        app.tick_all().await;
        let up = watched.scrape().await;
        assert_eq!(up.of("backorderd_state_up"), 1.0);
        assert!(up.of("backorderd_state_answer_seconds") > 0.0);
        app.store.close().await;
        let down = watched.scrape().await;
        assert_eq!(down.of("backorderd_state_up"), 0.0);
        assert_eq!(down.of(&of_relay(app, "backorderd_tries_total", ",outcome=\"accepted\"")), 1.0);
        assert!(!down.has("backorderd_outbox{state=\"queued\"}"), "nobody knows");
        assert!(!watched.serving.is_empty());
    }
}

#[tokio::test]
async fn the_running_program_says_what_it_did_beside_its_pages_and_at_an_address_of_its_own() {
    for engine in ENGINES {
        let (state, _folder) = place(engine).await;
        let installation = Installation::new().await;
        installation.waiting_line("A1", "A", "'ada@example.com'").await;
        let (pages, alone) = (free_port(), free_port());
        let (at_pages, at_alone) = (pages.to_string(), alone.to_string());
        let variables = [
            ("BACKORDERD__STATE__URL", &*state),
            ("BACKORDERD__WEB__LISTEN", &at_pages),
            ("BACKORDERD__WEB__METRICS_LISTEN", &at_alone),
        ];
        let running = installation.start(&["run"], &variables);
        installation.smtp.has(1).await;
        let sent = "backorderd_notifications_total{channel=\"mail\",became=\"sent\"}";
        let scraped = until(Http { address: alone }, |scraped| scraped.has(sent)).await;
        assert_eq!(scraped.of(sent), 1.0);
        assert_eq!(scraped.of("backorderd_looks_total{look=\"sweep\",outcome=\"accepted\"}"), 1.0);
        assert!(scraped.of("backorderd_look_seconds_total{look=\"sweep\",outcome=\"accepted\"}") > 0.0);
        let version = env!("CARGO_PKG_VERSION");
        let engine = format!("{engine:?}").to_lowercase();
        let number = backorderd::store::VERSION;
        let build =
            format!("backorderd_build_info{{version=\"{version}\",state=\"{engine}\",state_version=\"{number}\"}}");
        assert_eq!(scraped.of(&build), 1.0);
        assert_eq!(scrape(Http { address: pages }).await.of(sent), 1.0);
        for http in [Http { address: pages }, Http { address: alone }] {
            assert_eq!(http.get("/readyz").await.status, 200);
            assert_eq!(http.get("/healthz").await.body, "ok\n");
        }
        assert_eq!(Http { address: alone }.get("/choice/x").await.status, 404);
        assert!(!Http { address: alone }.get("/choice/x").await.body.contains("<html"), "no pages there");
        ends(running).await;
    }
}

#[tokio::test]
async fn a_process_without_pages_is_watched_too_and_does_not_start_where_the_address_is_taken() {
    let installation = Installation::new().await;
    let listen = free_port().to_string();
    let variables = [("BACKORDERD__WEB__METRICS_LISTEN", &*listen)];
    let worker = installation.start(&["run", "--only", "deliver"], &variables);
    let http = Http { address: listen.parse().unwrap() };
    until(http, |scraped| scraped.of("backorderd_state_up") > 0.0).await;
    let second = installation.start(&["run", "--only", "deliver"], &variables).ended().await;
    let error = format!("web.metrics_listen: {listen} cannot be bound");
    assert!(second.failed(1).contains(&error), "{}", second.stderr);
    ends(worker).await;
    let seen = installation.run(&["tasks"]).await.good();
    assert!(!seen.stderr.contains("dead"), "{}", seen.stderr);
}

#[test]
fn the_page_for_the_person_on_call_explains_every_metric_and_the_alerts_ask_for_no_other() {
    let named = |text: &'static str| -> BTreeSet<&str> {
        let words = text.split(|letter: char| !letter.is_ascii_lowercase() && letter != '_');
        words.filter(|word| word.starts_with("backorderd_") || word.starts_with("process_")).collect()
    };
    let made = named(include_str!("../src/metrics/mod.rs"));
    assert!(made.len() > 20, "{made:?}");
    assert_eq!(named(include_str!("../docs/on-call.md")), made);
    let asked = named(include_str!("../docs/prometheus-alerts.yml"));
    assert!(asked.is_subset(&made), "{:?}", asked.difference(&made));
}

/// Scrapes until it shows what is waited for.
async fn until(http: Http, shows: impl Fn(&Scraped) -> bool) -> Scraped {
    while TcpStream::connect(http.address).await.is_err() {
        tokio::task::yield_now().await;
    }
    loop {
        let scraped = scrape(http).await;
        if shows(&scraped) {
            return scraped;
        }
    }
}

async fn ends(running: Running) {
    running.terminate();
    running.ended().await.good();
}
