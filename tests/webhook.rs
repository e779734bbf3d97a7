//! One signed POST to receivers that behave and to some that do not: what became of it is told apart.

use std::time::{Duration, Instant};

use backorderd::clock::Clock;
use backorderd::webhook::signature::SigningKeys;
use backorderd::webhook::{Answer, Deadlines, LONGEST_BODY, Outcome, Receiver as Client};
use jiff::SignedDuration;
use tokio::task::JoinSet;

use crate::support::receiver::{Receiver, Says, babbler};

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
/// What takes so long takes for ever.
const SOON: Duration = Duration::from_millis(300);

fn client(url: &str, deadlines: Deadlines) -> Client {
    let clock = Clock::at("2026-11-24T12:00:00Z".parse().unwrap());
    Client::new(url, SigningKeys::parse(SECRET).unwrap(), clock, deadlines).unwrap()
}

async fn post(url: &str, deadlines: Deadlines) -> Outcome {
    client(url, deadlines).post("msg_1", b"{}".to_vec()).await
}

#[tokio::test]
async fn an_answer_comes_with_its_status_its_body_and_the_wait_that_it_asks_for() {
    let receiver = Receiver::start().await;
    receiver.say([Says::status(429).body("slowly").with("retry-after", "Tue, 24 Nov 2026 12:00:05 GMT")]);
    let answer = Answer { status: 429, wait: Some(SignedDuration::from_secs(5)), body: Some(b"slowly".to_vec()) };
    assert_eq!(post(&receiver.url(), Deadlines::default()).await, Outcome::Answered(answer));
    let message = receiver.messages().remove(0);
    assert!(message.is_signed_by(SECRET));
    assert_eq!((message.header("webhook-id"), message.header("webhook-timestamp")), ("msg_1", "1795521600"));
    assert_eq!(message.header("user-agent"), concat!("backorderd/", env!("CARGO_PKG_VERSION")));
}

#[tokio::test]
async fn of_a_long_body_no_more_than_its_beginning_is_read() {
    let receiver = Receiver::start().await;
    receiver.say([Says::Endless(200)]);
    let Outcome::Answered(answer) = post(&receiver.url(), Deadlines::default()).await else { panic!("no answer") };
    assert_eq!(answer.body.map(|body| body.len()), Some(LONGEST_BODY));
}

#[tokio::test]
async fn messages_one_after_the_other_share_a_connection() {
    let receiver = Receiver::start().await;
    let client = client(&receiver.url(), Deadlines::default());
    for status in [200, 302, 500] {
        receiver.say([Says::status(status).body("{}")]);
        client.post("msg_1", b"{}".to_vec()).await;
    }
    assert_eq!((receiver.messages().len(), receiver.connections()), (3, 1));
}

#[tokio::test]
async fn what_never_left_is_told_apart_from_what_may_have_arrived() {
    let mut serving = JoinSet::new();
    let mute = babbler(b"", &mut serving).await;
    let rude = babbler(b"220 relay.example ESMTP\r\n", &mut serving).await;
    let stranger = Receiver::start_with_tls().await;
    let impatient = Deadlines { whole: SOON, ..Deadlines::default() };
    let no_handshake = Deadlines { connect: SOON, ..Deadlines::default() };
    let began = Instant::now();
    for (url, deadlines, sent, words) in [
        (
            "http://127.0.0.1:1".to_owned(),
            Deadlines::default(),
            false,
            "cannot connect to 127.0.0.1:1: Connection refused",
        ),
        (stranger.url(), Deadlines::default(), false, "its certificate is not trusted"),
        (format!("https://{rude}"), Deadlines::default(), false, "it does not speak TLS"),
        (format!("https://{mute}"), no_handshake, false, "no connection within 0.3 s"),
        (format!("http://{rude}/?key=hunter2"), Deadlines::default(), true, "gave no answer: "),
        (format!("http://{mute}/?key=hunter2"), impatient, true, "did not answer within 0.3 s"),
    ] {
        let (problem, may_have_arrived) = match post(&url, deadlines).await {
            Outcome::NotSent { problem } => (problem, false),
            Outcome::Unknown { problem } => (problem, true),
            Outcome::Answered(answer) => panic!("{url}: {answer:?}"),
        };
        assert_eq!(may_have_arrived, sent, "{url}: {problem}");
        assert!(problem.contains(words) && !problem.contains("hunter2"), "{problem}");
    }
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
}
