//! The answer hook over real HTTP: what the shop is sent, and what becomes of what it answers.

use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use backorderd::app::App;
use backorderd::choice::carrier::{HandedOver, Ways};
use backorderd::choice::hook::Hook;
use backorderd::clock::Clock;
use backorderd::settings::Settings;
use backorderd::webhook::signature::SigningKeys;
use backorderd::webhook::{self, Deadlines};
use serde_json::json;
use tokio::task::JoinSet;

use super::{Site, page_of, serve};
use crate::support::app::{ADA, Differing, Mail};
use crate::support::installation::Installation;
use crate::support::receiver::{Receiver, SECRET, Says, babbler};
use crate::support::state::ENGINES;
use crate::support::ways::{ScriptedWay, failed};

const NEXT_SECRET: &str = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
const TAKEN: HandedOver = HandedOver { taken: 1, untouched: 0, refused: 0, failed: 0 };
const REFUSED: HandedOver = HandedOver { taken: 0, untouched: 0, refused: 1, failed: 0 };
const FAILED: HandedOver = HandedOver { taken: 0, untouched: 0, refused: 0, failed: 1 };
const NOTHING: HandedOver = HandedOver { taken: 0, untouched: 0, refused: 0, failed: 0 };
/// A receiver that never comes to an end costs a test no more than this.
const IMPATIENT: Deadlines = Deadlines { connect: Duration::from_secs(10), whole: Duration::from_millis(300) };

/// A site on each engine, and the shop's side of its hook.
async fn hooked() -> Vec<(Site, Receiver)> {
    hooked_with(SECRET).await
}

async fn hooked_with(secret: &str) -> Vec<(Site, Receiver)> {
    let mut hooked = Vec::new();
    for engine in ENGINES {
        let shop = Receiver::start().await;
        let site = Site::on(engine, &[("choices.hook_url", &shop.url()), ("choices.hook_secret", secret)]).await;
        hooked.push((site, shop));
    }
    hooked
}

/// Hands over what is due on the ways of the settings.
async fn hand_over(site: &Site) -> HandedOver {
    site.process.app.carrier().unwrap().tick().await.unwrap()
}

/// A hook that is soon out of patience.
fn impatient(site: &Site, url: &str) -> Ways {
    let keys = SigningKeys::parse(SECRET).unwrap();
    let receiver = webhook::Receiver::new(url, keys, site.clock.clone(), IMPATIENT).unwrap();
    Ways { hook: Some(Arc::new(Hook { receiver })), ..Ways::default() }
}

/// What staff read about the one answer, and what its line's history says.
async fn last_reply(site: &Site) -> String {
    site.texts("select coalesce(last_reply, '') from choices order by chosen_at desc").await.remove(0)
}

#[tokio::test]
async fn the_shop_gets_the_whole_answer_signed_and_takes_it() {
    for (site, shop) in hooked().await {
        site.answer("A1", "cancel").await;
        assert_eq!(hand_over(&site).await, TAKEN);
        assert_eq!(hand_over(&site).await, NOTHING);
        let [message] = &shop.messages()[..] else { panic!("{:?}", shop.messages()) };
        assert!(message.is_signed_by(SECRET) && !message.is_signed_by(NEXT_SECRET));
        assert_eq!((message.to.as_str(), message.header("content-type")), ("/answers", "application/json"));
        assert_eq!(message.header("webhook-timestamp"), site.now().as_second().to_string());
        let expected = json!({
            "type": "choice.made",
            "timestamp": "2027-01-12T15:00:30.000000Z",
            "data": {
                "choice_id": message.header("webhook-id"),
                "order_id": "S1",
                "order_number": "S1",
                "line_id": "A1",
                "choice": "cancel",
                "quantity": 2,
                "chosen_at": "2027-01-12T15:00:30.000000Z",
                "by": "customer",
                "notification_id": site.entries().await[0].id,
                "customer_email": ADA,
            },
        });
        assert_eq!(message.json(), expected);
        assert_eq!(last_reply(&site).await, "the hook took it");
    }
}

#[tokio::test]
async fn a_try_that_fails_comes_again_with_the_same_id_and_body_and_a_new_time() {
    for (site, shop) in hooked().await {
        shop.say([Says::status(500).body("ada@example.com fell over")]);
        site.answer("A1", "wait").await;
        assert_eq!(hand_over(&site).await, FAILED);
        assert_eq!(last_reply(&site).await, "the hook failed: it answered 500");
        assert_eq!(hand_over(&site).await, NOTHING, "the ladder's first step is a minute");
        site.advance("72s");
        assert_eq!(hand_over(&site).await, TAKEN);
        site.advance("1d");
        assert_eq!(hand_over(&site).await, NOTHING);
        let [first, second] = &shop.messages()[..] else { panic!("{:?}", shop.messages()) };
        assert_eq!((first.header("webhook-id"), &first.body), (second.header("webhook-id"), &second.body));
        assert_ne!(first.header("webhook-timestamp"), second.header("webhook-timestamp"));
        assert!(first.is_signed_by(SECRET) && second.is_signed_by(SECRET));
        assert_eq!(site.answers().await, ["A1 wait 2 done"]);
        assert_eq!(site.texts("select 'sure' from choices where confirmed_at = taken_at").await, ["sure"]);
    }
}

#[tokio::test]
async fn a_409_refuses_with_its_reason_and_she_and_staff_are_told() {
    for (site, shop) in hooked().await {
        shop.say([Says::status(409).body(r#"{"reason":"it is\non\u202e the \u001btruck"}"#)]);
        site.answer("A1", "cancel").await;
        assert_eq!(hand_over(&site).await, REFUSED);
        site.advance("1m");
        site.deliver().await;
        assert_eq!(site.tasks().await, ["choice_refused A1"]);
        let task = site.store.tasks().await.unwrap().remove(0);
        assert!(task.reason.ends_with("and the shop refused it: it is on the truck"), "{}", task.reason);
        assert_eq!(site.last_mail().kind, "choice_refused");
        assert!(site.last_mail().text.contains("it is on the truck"), "{}", site.last_mail().text);
        site.advance("1d");
        assert_eq!(hand_over(&site).await, NOTHING);
        assert_eq!(shop.messages().len(), 1);
    }
}

#[tokio::test]
async fn a_409_without_a_reason_or_with_one_that_never_ends_still_refuses() {
    for says in [Says::status(409).body("no"), Says::Endless(409)] {
        for (site, shop) in hooked().await {
            shop.say([says.clone()]);
            site.answer("A1", "cancel").await;
            assert_eq!(hand_over(&site).await, REFUSED);
            assert_eq!(last_reply(&site).await, "the hook refused it: the shop gave no reason");
        }
    }
}

#[tokio::test]
async fn the_shop_is_left_alone_for_as_long_as_it_asked_in_seconds_or_until_a_date() {
    // She answers half a minute after ten o'clock in New York.
    for two_hours in ["7200", "Tue, 12 Jan 2027 17:00:30 GMT"] {
        for (site, shop) in hooked().await {
            shop.say([Says::status(503).with("retry-after", two_hours)]);
            site.answer("A1", "cancel").await;
            assert_eq!(hand_over(&site).await, FAILED);
            site.advance("1h 59m 59s");
            assert_eq!(hand_over(&site).await, NOTHING, "{two_hours}");
            site.advance("1s");
            assert_eq!(hand_over(&site).await, TAKEN, "{two_hours}");
        }
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    for (site, shop) in hooked().await {
        let elsewhere = Receiver::start().await;
        shop.say([302, 307].map(|status| Says::status(status).with("location", &elsewhere.url())));
        site.answer("A1", "cancel").await;
        for status in ["302", "307"] {
            assert_eq!(hand_over(&site).await, FAILED);
            let said = last_reply(&site).await;
            assert!(
                said.starts_with(&format!("the hook failed: it answered {status}; redirects are not followed")),
                "{said}"
            );
            site.advance("1d");
        }
        assert_eq!(elsewhere.connections(), 0);
    }
}

#[tokio::test]
async fn a_body_without_an_end_is_left_unread_and_one_that_stalls_is_left_alone() {
    for (site, shop) in hooked().await {
        site.answer("A1", "wait").await;
        shop.say([Says::Endless(500), Says::Stalls(409), Says::Stalls(503), Says::Nothing, Says::Stalls(200)]);
        let ways = impatient(&site, &shop.url());
        for problem in [
            "it answered 500",
            "it answered 409, and broke off before the reason was there",
            "it answered 503",
            &format!("{} did not answer within 0.3 s", shop.address),
        ] {
            assert_eq!(site.hand_over(&ways).await, FAILED);
            assert_eq!(last_reply(&site).await, format!("the hook failed: {problem}"));
            site.advance("1d");
        }
        assert_eq!(site.hand_over(&ways).await, TAKEN, "what it says after 200 is of no matter");
        // What was on its way when we hung up fits into the buffers of the connection.
        assert!(shop.poured() < 16 * 1024 * 1024, "{}", shop.poured());
    }
}

#[tokio::test]
async fn a_head_that_comes_bit_by_bit_without_an_end_or_is_no_http_is_left_alone() {
    let mut serving = JoinSet::new();
    for (site, _) in hooked().await {
        site.answer("A1", "wait").await;
        for said in [&b"HTTP/1.1 200 OK\r\nx-name: and then"[..], b"220 relay.example ESMTP\r\n", b""] {
            let address = babbler(said, &mut serving).await;
            assert_eq!(site.hand_over(&impatient(&site, &format!("http://{address}"))).await, FAILED);
            let reply = last_reply(&site).await;
            let words = [format!("{address} did not answer within 0.3 s"), format!("{address} gave no answer: ")];
            assert!(words.iter().any(|words| reply.contains(words)), "{reply}");
            site.advance("1d");
        }
    }
}

#[tokio::test]
async fn a_shop_that_was_away_gets_the_answer_when_it_is_back() {
    for (site, shop) in hooked().await {
        let address = shop.address;
        drop(shop);
        site.answer("A1", "cancel").await;
        assert_eq!(hand_over(&site).await, FAILED);
        let reply = last_reply(&site).await;
        assert!(
            reply.starts_with(&format!("the hook failed: cannot connect to {address}: Connection refused")),
            "{reply}"
        );
        let shop = Receiver::at(address).await;
        site.advance("72s");
        assert_eq!(hand_over(&site).await, TAKEN);
        assert_eq!(shop.messages().len(), 1);
    }
}

#[tokio::test]
async fn a_certificate_that_nobody_knows_is_refused_in_clear_words() {
    let shop = Receiver::start_with_tls().await;
    let url = shop.url();
    for site in Site::on_each_engine_with(&[("choices.hook_url", &url), ("choices.hook_secret", SECRET)]) {
        let site = site.await;
        site.answer("A1", "cancel").await;
        assert_eq!(hand_over(&site).await, FAILED);
        let reply = last_reply(&site).await;
        let words = format!("the hook failed: cannot connect to {}: its certificate is not trusted", shop.address);
        assert!(reply.starts_with(&words), "{reply}");
        assert!(shop.messages().is_empty());
    }
}

#[tokio::test]
async fn while_the_secret_is_rotated_both_sign() {
    for (site, shop) in hooked_with(&format!("{NEXT_SECRET}\n{SECRET}\n")).await {
        site.answer("A1", "cancel").await;
        assert_eq!(hand_over(&site).await, TAKEN);
        let message = shop.messages().remove(0);
        assert!(message.is_signed_by(SECRET) && message.is_signed_by(NEXT_SECRET));
        assert_eq!(message.header("webhook-signature").split(' ').count(), 2);
    }
}

#[tokio::test]
async fn answers_of_one_line_come_in_their_order_and_an_overtaken_one_does_not_come_again() {
    for (site, shop) in hooked().await {
        shop.say([Says::status(500)]);
        site.answer("A1", "wait").await;
        assert_eq!(hand_over(&site).await, FAILED);
        site.advance("1s");
        site.answer("A1", "cancel").await;
        assert_eq!(hand_over(&site).await, TAKEN);
        site.advance("1d");
        assert_eq!(hand_over(&site).await, NOTHING);
        let choices: Vec<_> = shop.messages().iter().map(|message| message.json()["data"]["choice"].clone()).collect();
        assert_eq!(choices, ["wait", "cancel"]);
        assert_eq!(site.answers().await, ["A1 wait 2 dropped", "A1 cancel 2 done"]);
    }
}

#[tokio::test]
async fn the_statement_and_the_hook_are_each_asked_until_they_have_said_their_own_word() {
    let shop = Receiver::start().await;
    let url = shop.url();
    let both: Differing<'_> =
        &[("choices.sql.cancel", "update a"), ("choices.hook_url", &url), ("choices.hook_secret", SECRET)];
    for site in Site::on_each_engine_with(both) {
        let site = site.await;
        let statement = ScriptedWay::says([failed("locked")]);
        let hook = site.process.app.carrier().unwrap().ways.hook.clone();
        let ways = Ways { statement: Some(statement.clone()), hook };
        let said = "select state || ' ' || statement || ' ' || hook from choices";
        shop.say([Says::status(503)]);
        site.answer("A1", "cancel").await;
        let before = shop.messages().len();
        assert_eq!(site.hand_over(&ways).await, FAILED);
        assert_eq!(site.texts(said).await, ["open waiting waiting"]);
        site.advance("72s");
        shop.say([Says::status(503)]);
        assert_eq!(site.hand_over(&ways).await, FAILED);
        assert_eq!(site.texts(said).await, ["open taken waiting"]);
        site.advance("6m");
        assert_eq!(site.hand_over(&ways).await, TAKEN);
        assert_eq!(site.texts(said).await, ["done taken taken"]);
        assert_eq!((statement.heard().len(), shop.messages().len() - before), (2, 3));
    }
}

/// The manual's own words, in the hands of Python.
#[tokio::test]
async fn the_example_in_the_manual_believes_what_is_genuine_and_nothing_else() {
    let manual = include_str!("../../README.md");
    let example = manual.split("```python\n").nth(1).unwrap().split("```").next().unwrap();
    let [(site, shop), _] = <[_; 2]>::try_from(hooked_with(&format!("{NEXT_SECRET}\n{SECRET}")).await).ok().unwrap();
    site.answer("A1", "cancel").await;
    assert_eq!(hand_over(&site).await, TAKEN);
    let message = shop.messages().remove(0);
    let headers: serde_json::Map<_, _> =
        message.headers.iter().map(|(name, value)| (name.to_string(), value.to_str().unwrap().into())).collect();
    let script = format!(
        "{example}
import json, sys
given = json.load(sys.stdin)
headers, body = given['headers'], given['body'].encode()
sent_at = int(headers['webhook-timestamp'])
for secret, now, body in (
    (given['secret'], sent_at + 299, body),
    (given['secret'], sent_at + 301, body),
    (given['secret'], sent_at, body + b' '),
    ('whsec_' + 32 * 'A', sent_at, body),
):
    time.time = lambda: now
    print(is_genuine(secret, headers, body))
"
    );
    let given = json!({"headers": headers, "body": String::from_utf8(message.body).unwrap(), "secret": SECRET});
    let mut python = Command::new("python3")
        .args(["-c", &script])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python3 is installed");
    python.stdin.take().unwrap().write_all(given.to_string().as_bytes()).unwrap();
    let output = python.wait_with_output().unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "True\nFalse\nFalse\nFalse\n");
}

/// An installation of the real program, with a line that Ada cancelled and nobody has carried to the shop yet.
async fn cancelled(hook: &str) -> Installation {
    let installation = Installation::new().await;
    let hook = format!("[choices]\nhook_url = \"{hook}\"\nhook_secret_file = \"hook-secret\"\n[web]");
    installation.set("[web]", "");
    let settings = std::fs::read_to_string(installation.path("backorderd.toml")).unwrap();
    std::fs::write(installation.path("backorderd.toml"), settings.replace("[web]", &hook)).unwrap();
    write_secret(&installation, SECRET);
    installation.waiting_line("A1", "S1", "'ada@example.com'").await;
    installation.run(&["run", "--once"]).await.good();
    let settings = Settings::load(&installation.path("backorderd.toml"), std::iter::empty()).unwrap();
    let app = App::open(settings, Clock::System).await.unwrap();
    let mut serving = JoinSet::new();
    let pages = serve(&app, &mut serving).await;
    let page = page_of(&Mail::from(installation.smtp.mails().remove(0)));
    assert_eq!(pages.post(&page, &[("line", "A1"), ("choice", "cancel")]).await.status, 303);
    app.stop();
    serving.join_all().await;
    app.store.close().await;
    installation
}

fn write_secret(installation: &Installation, secret: &str) {
    let file = installation.path("hook-secret");
    std::fs::write(&file, secret).unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
}

#[tokio::test]
async fn a_process_that_is_to_stop_gives_back_what_a_slow_shop_has_not_taken() {
    let shop = Receiver::start().await;
    shop.say([Says::Nothing]);
    let installation = cancelled(&shop.url()).await;
    let running = installation.start(&["run", "--only", "deliver"], &[]);
    shop.has_messages(1).await;
    let asked = Instant::now();
    running.terminate();
    running.ended().await.good();
    assert!(asked.elapsed() < Duration::from_secs(10), "{:?}", asked.elapsed());
    // Nobody waits for a lease to end, which takes half a minute, or for a step of the ladder.
    let given_back = Instant::now();
    let ran = installation.run(&["run", "--once"]).await.good();
    assert!(given_back.elapsed() < Duration::from_secs(15), "{:?}", given_back.elapsed());
    assert!(ran.words().contains("answers: 1 handed over"), "{}", ran.words());
    let ids: Vec<String> = shop.messages().iter().map(|message| message.header("webhook-id").to_owned()).collect();
    assert_eq!((ids.len(), &ids[0]), (2, &ids[1]));
}

#[tokio::test]
async fn over_an_encrypted_way_the_shop_gets_the_answer_and_no_log_holds_a_secret() {
    let shop = Receiver::start_with_tls().await;
    let installation = cancelled(&format!("{}?key=hunter2", shop.url())).await;
    std::fs::write(installation.path("shop.pem"), shop.certificate.as_ref().unwrap()).unwrap();
    let authorities = installation.path("shop.pem");
    let trusting = [("SSL_CERT_FILE", authorities.to_str().unwrap())];
    let wordy = [trusting[0], ("RUST_LOG", "trace,sqlx=info")];
    shop.say([Says::status(500).body("ada@example.com has whsec_")]);
    for (words, logged) in [
        ("answers: 1 to be tried again", "an answer could not be handed over"),
        ("answers: 1 handed over", "handed over"),
    ] {
        installation.in_state("update choices set due_at = 0").await;
        let ran = installation.start(&["run", "--once"], &wordy).ended().await;
        assert!(ran.words().contains(words) && ran.stderr.contains(logged), "{}\n{}", ran.words(), ran.stderr);
        let said = format!("{}{}", ran.words(), ran.stderr);
        for secret in ["hunter2", "whsec_", &SECRET[6..], "ada@example.com"] {
            assert!(!said.contains(secret), "{secret} is in {said}");
        }
    }
    assert!(shop.messages().iter().all(|message| message.to == "/answers?key=hunter2" && message.is_signed_by(SECRET)));
    let check = installation.start(&["check"], &trusting).ended().await.good();
    let line = format!(
        "ok       answer hook        {}: connected, encrypted, its certificate is good; 1 secret signs; nothing was sent\n",
        shop.address
    );
    assert!(check.words().contains(&line), "{}", check.words());
    assert_eq!(shop.messages().len(), 2);
}

#[tokio::test]
async fn check_says_whether_the_hook_is_there_and_sends_it_nothing() {
    let shop = Receiver::start().await;
    let installation = Installation::new().await;
    let port = shop.address.port();
    write_secret(&installation, &format!("{SECRET}\n{NEXT_SECRET}\n"));
    let encrypted = Receiver::start_with_tls().await;
    let untrusted = format!("{}: cannot connect: its certificate is not trusted: ", encrypted.address);
    for (url, level, words) in [
        (shop.url(), "ok", format!("127.0.0.1:{port}: connected; 2 secrets sign; nothing was sent\n")),
        (format!("http://localhost:{port}/"), "ok", format!("localhost:{port}: connected; 2 secrets sign")),
        // This machine, in a way that does not say so.
        (
            format!("http://0.0.0.0:{port}/"),
            "warning",
            format!("0.0.0.0:{port}: connected; 2 secrets sign; nothing was sent; not encrypted"),
        ),
        (
            "http://127.0.0.1:1/?key=hunter2".to_owned(),
            "error",
            "127.0.0.1:1: cannot connect: Connection refused".to_owned(),
        ),
        (encrypted.url(), "error", untrusted),
    ] {
        let hook = [("BACKORDERD__CHOICES__HOOK_URL", &*url), ("BACKORDERD__CHOICES__HOOK_SECRET_FILE", "hook-secret")];
        let check = installation.start(&["check"], &hook).ended().await;
        assert_eq!(check.code, i32::from(level == "error"), "{}", check.words());
        assert!(check.words().contains(&format!("{level:<8} answer hook        {words}")), "{}", check.words());
        assert!(!check.words().contains("hunter2"));
    }
    assert_eq!((shop.messages().len(), encrypted.connections()), (0, 0));
}
