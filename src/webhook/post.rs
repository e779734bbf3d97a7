//! One signed POST.
//!
//! In: an id and a body. Out: an [`Outcome`], within [`Deadlines::whole`], whatever the receiver does. The connection is
//! ours alone: no proxy of the environment, no cookies, no redirects, no retries, no compression. It stays open for a
//! moment, for the next message. Certificates are held against the system's authorities.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, RETRY_AFTER};
use reqwest::{Client, Response, Url, redirect, retry};
use tokio::time::{Instant, timeout_at};
use tokio_rustls::rustls::ClientConfig;

use super::signature::SigningKeys;
use super::{Answer, LONGEST_BODY, Outcome, problem, retry_after};
use crate::clock::Clock;
use crate::trust;

/// Shorter than the five seconds after which common servers hang up, so that no message meets a closing door.
const IDLE: Duration = Duration::from_secs(4);

/// How long a receiver may take.
#[derive(Clone, Copy, Debug)]
pub struct Deadlines {
    /// For its name, the connection and the handshake.
    pub connect: Duration,
    /// For all of it, the answer's last byte included.
    pub whole: Duration,
}

impl Default for Deadlines {
    fn default() -> Deadlines {
        Deadlines { connect: Duration::from_secs(10), whole: Duration::from_secs(30) }
    }
}

/// Why there can be no receiver. The URL is never repeated, since a query may hold a secret.
#[derive(Debug, thiserror::Error)]
pub enum ReceiverError {
    #[error("the URL cannot be used: {0}; write it as https://receiver.example/path")]
    Url(String),
    #[error("TLS cannot be set up: {0}")]
    Tls(#[from] tokio_rustls::rustls::Error),
    #[error("no HTTP client can be set up: {0}")]
    Client(String),
}

/// Who gets signed messages.
pub struct Receiver {
    pub(super) url: Url,
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) tls: Arc<ClientConfig>,
    pub(super) deadlines: Deadlines,
    keys: SigningKeys,
    client: Client,
    clock: Clock,
}

/// Where, as `host:port`; what the URL holds beside that may be a secret.
impl fmt::Display for Receiver {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}", self.host, self.port)
    }
}

impl Receiver {
    /// A receiver at `url`, `http` or `https`, whose messages are signed with `keys`.
    pub fn new(url: &str, keys: SigningKeys, clock: Clock, deadlines: Deadlines) -> Result<Receiver, ReceiverError> {
        let url = Url::parse(url).map_err(|error| ReceiverError::Url(error.to_string()))?;
        let (Some(host), Some(port)) = (url.host_str(), url.port_or_known_default()) else {
            return Err(ReceiverError::Url("it names no host".into()));
        };
        let tls = trust::configuration(Vec::new())?;
        let client = client(tls.clone(), deadlines)?;
        Ok(Receiver { host: host.to_owned(), port, tls: Arc::new(tls), url, deadlines, keys, client, clock })
    }

    /// Sends a message, signed at this moment. `id` is the same whenever the same message is sent again.
    pub async fn post(&self, id: &str, body: Vec<u8>) -> Outcome {
        let until = Instant::now() + self.deadlines.whole;
        let now = self.clock.now();
        let request = self
            .client
            .post(self.url.clone())
            .header(CONTENT_TYPE, "application/json")
            .header("webhook-id", id)
            .header("webhook-timestamp", now.as_second())
            .header("webhook-signature", self.keys.sign(id, now, &body))
            .body(body);
        match timeout_at(until, request.send()).await {
            Ok(Ok(response)) => Outcome::Answered(self.answer(response, until).await),
            Ok(Err(error)) => self.failure(&error),
            Err(_) => {
                let problem = format!("{self} did not answer within {} s", self.deadlines.whole.as_secs_f64());
                Outcome::Unknown { problem }
            }
        }
    }

    async fn answer(&self, mut response: Response, until: Instant) -> Answer {
        let asked = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
        let wait = asked.and_then(|value| retry_after::wait(value, self.clock.now()));
        let body = timeout_at(until, beginning(&mut response)).await.ok().and_then(Result::ok);
        Answer { status: response.status().as_u16(), wait, body }
    }

    fn failure(&self, error: &reqwest::Error) -> Outcome {
        if error.is_connect() {
            let why = if error.is_timeout() {
                format!("no connection within {} s", self.deadlines.connect.as_secs_f64())
            } else {
                problem::words(error)
            };
            return Outcome::NotSent { problem: format!("cannot connect to {self}: {why}") };
        }
        let problem = format!("{self} gave no answer: {}", problem::words(error));
        if error.is_builder() { Outcome::NotSent { problem } } else { Outcome::Unknown { problem } }
    }
}

/// The beginning of the body; what goes beyond [`LONGEST_BODY`] is left unread.
async fn beginning(response: &mut Response) -> Result<Vec<u8>, reqwest::Error> {
    let mut body = Vec::new();
    while body.len() < LONGEST_BODY
        && let Some(chunk) = response.chunk().await?
    {
        let free = LONGEST_BODY - body.len();
        body.extend_from_slice(&chunk[..chunk.len().min(free)]);
    }
    Ok(body)
}

#[expect(clippy::disallowed_methods, reason = "the one home of HTTP requests")]
fn client(tls: ClientConfig, deadlines: Deadlines) -> Result<Client, ReceiverError> {
    Client::builder()
        .tls_backend_preconfigured(tls)
        .user_agent(concat!("backorderd/", env!("CARGO_PKG_VERSION")))
        .redirect(redirect::Policy::none())
        .retry(retry::never())
        .no_proxy()
        .tcp_nodelay(true)
        .connect_timeout(deadlines.connect)
        .pool_idle_timeout(IDLE)
        .build()
        .map_err(|error| ReceiverError::Client(problem::words(&error)))
}
