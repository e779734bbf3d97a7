//! What machines ask: is the process alive, does what it serves work, how is the queue.
//!
//! In: GET requests, beside the pages or on `web.metrics_listen`. Out: a word, or metrics. A state database that does
//! not answer is a fact worth telling, so it fails `/readyz` and no scrape.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use jiff::{SignedDuration, Timestamp};
use tokio::net::TcpListener;
use tokio::sync::Mutex;

use super::serving::{self, Limits};
use crate::app::App;
use crate::clock::Clock;
use crate::metrics::Scrape;
use crate::metrics::tally::Tally;
use crate::outbox::channels;
use crate::outbox::schedule::Schedules;
use crate::settings::Settings;
use crate::store::facts::fact;
use crate::store::reading::Reading;
use crate::store::{Store, StoreError};

/// So many sweeps may be missing before the process is not ready.
const LATE_SWEEPS: i32 = 3;
/// A state database that takes longer is said not to answer: who asks us waits for 10 s as a rule.
const PATIENCE: Duration = Duration::from_secs(5);
const AWAY: &str = "the state database does not answer, or cannot be written\n";
/// So long it is believed that the state database can be written: whoever asks us makes it write no more often.
const WRITTEN: Duration = Duration::from_secs(5);
/// How old the numbers may be that are found by reading lines.
const FOUND_EVERY: SignedDuration = SignedDuration::from_mins(5);

/// What machines are answered from.
pub struct Machines {
    store: Store,
    settings: Arc<Settings>,
    schedules: Schedules,
    clock: Clock,
    tally: Arc<Tally>,
    /// Since when this process watches the shop; `None`: another one does.
    watching_since: Option<Timestamp>,
    found: Mutex<Option<Found>>,
    /// When the state database was last seen to be written.
    written: Mutex<Option<tokio::time::Instant>>,
}

/// Tasks that nothing writes down, and when they were found.
#[derive(Clone)]
struct Found {
    at: Timestamp,
    tasks: Vec<(&'static str, usize)>,
}

impl App {
    /// `watches`: this process watches the shop too.
    pub fn machines(&self, watches: bool) -> Arc<Machines> {
        Arc::new(Machines {
            store: self.store.clone(),
            settings: self.settings.clone(),
            schedules: Schedules::new(&self.settings),
            clock: self.clock.clone(),
            tally: self.tally.clone(),
            watching_since: watches.then(|| self.clock.now()),
            found: Mutex::default(),
            written: Mutex::default(),
        })
    }
}

/// Their routes.
pub fn router(machines: Arc<Machines>) -> Router {
    Router::new()
        .route("/healthz", get(alive))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .with_state(machines)
}

/// Binds `web.metrics_listen` at once, so that a taken port is an error of the start; what is returned serves machines
/// there until `app` stops. `None`: it is not set.
pub async fn serve(app: &App, watches: bool) -> anyhow::Result<Option<impl Future<Output = ()> + use<>>> {
    let Some(listen) = &app.settings.web.metrics_listen else { return Ok(None) };
    let listener = TcpListener::bind(listen).await;
    let listener = listener.with_context(|| format!("web.metrics_listen: {listen} cannot be bound"))?;
    tracing::info!(listen, "metrics are served");
    let (router, mut stop) = (router(app.machines(watches)), app.stopping());
    Ok(Some(async move {
        // Nobody waits for a scrape that is under way: there will be another.
        tokio::select! {
            () = serving::serve(listener, router, Limits::default(), std::future::pending()) => {}
            _ = stop.wait_for(|stop| *stop) => {}
        }
    }))
}

/// `/healthz`: the process answers.
async fn alive() -> &'static str {
    "ok\n"
}

/// `/readyz`: what this process does works: the state database answers and can be written, and if the process watches the shop, the last
/// sweep is not too old. The customers' pages are served all the same.
async fn ready(State(machines): State<Arc<Machines>>) -> impl IntoResponse {
    match tokio::time::timeout(PATIENCE, machines.trouble()).await {
        Ok(Ok(None)) => (StatusCode::OK, "ok\n"),
        Ok(Ok(Some(trouble))) => (StatusCode::SERVICE_UNAVAILABLE, trouble),
        Ok(Err(error)) => {
            tracing::error!(%error, "not ready");
            (StatusCode::SERVICE_UNAVAILABLE, AWAY)
        }
        Err(_) => {
            tracing::error!(seconds = PATIENCE.as_secs(), "not ready: the state database took too long to answer");
            (StatusCode::SERVICE_UNAVAILABLE, AWAY)
        }
    }
}

/// `/metrics`, in the text format of Prometheus.
async fn metrics(State(machines): State<Arc<Machines>>) -> impl IntoResponse {
    let state = match tokio::time::timeout(PATIENCE, machines.read()).await {
        Ok(Ok(read)) => Some(read),
        Ok(Err(error)) => {
            tracing::error!(%error, "the state database could not be read for metrics");
            None
        }
        Err(_) => {
            tracing::error!(seconds = PATIENCE.as_secs(), "the state database took too long to answer for metrics");
            None
        }
    };
    let (state, found) = state.unzip();
    let scrape = Scrape {
        now: machines.clock.now(),
        state,
        found_tasks: &found.unwrap_or_default(),
        engine: if machines.store.is_embedded() { "sqlite" } else { "postgres" },
        channels: channels::every(machines.settings.delivery.channel),
        process: machines.tally.counts(),
        started: machines.tally.started,
    };
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], scrape.text())
}

impl Machines {
    async fn trouble(&self) -> Result<Option<&'static str>, StoreError> {
        self.can_write().await?;
        let Some(since) = self.watching_since else { return Ok(None) };
        let swept = self.store.fact_number(fact::SWEPT_AT).await?;
        let swept = swept.and_then(|micros| Timestamp::from_microsecond(micros).ok());
        // Who has just begun has had no time for a sweep yet.
        let newest = swept.map_or(since, |swept| swept.max(since));
        let patience = self.settings.orders.sweep_every.signed() * LATE_SWEEPS;
        let late = self.clock.now().duration_since(newest) > patience;
        Ok(late.then_some("the shop has not been read for longer than 3 x orders.sweep_every\n"))
    }

    /// Writes now and then, because a full disk or a standby can be read; those who ask meanwhile wait for it.
    async fn can_write(&self) -> Result<(), StoreError> {
        let mut written = self.written.lock().await;
        if written.is_some_and(|at| at.elapsed() < WRITTEN) {
            return self.store.ping().await;
        }
        *written = None;
        // The first may meet a connection that the server has ended; the next one is new.
        if self.store.try_to_write(self.clock.now()).await.is_err() {
            self.store.try_to_write(self.clock.now()).await?;
        }
        *written = Some(tokio::time::Instant::now());
        Ok(())
    }

    /// What the state database shows, how long it took to answer at all, and the tasks that reading lines finds.
    async fn read(&self) -> Result<((Reading, Duration), Vec<(&'static str, usize)>), StoreError> {
        let asked = tokio::time::Instant::now();
        self.store.ping().await?;
        let took = asked.elapsed();
        Ok(((self.store.reading().await?, took), self.found_tasks().await?))
    }

    /// Found anew now and then; scrapes that come meanwhile wait for it.
    async fn found_tasks(&self) -> Result<Vec<(&'static str, usize)>, StoreError> {
        let mut found = self.found.lock().await;
        let now = self.clock.now();
        match &*found {
            Some(Found { at, tasks }) if now.duration_since(*at) < FOUND_EVERY => Ok(tasks.clone()),
            _ => {
                let tasks = self.store.found_tasks(&self.schedules, now).await?;
                *found = Some(Found { at: now, tasks: tasks.clone() });
                Ok(tasks)
            }
        }
    }
}
