//! The pages: what customers see behind the links of their mails, and what machines ask.
//!
//! In: HTTP requests. Out: pages. Pages hold tokens in their addresses, so they are never cached and tell no other site
//! where somebody came from. Errors show no details.

mod bounces;
mod choice;
mod guessing;
pub mod machines;
pub mod serving;
pub mod token;

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use jiff::{SignedDuration, Timestamp};
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::app::{self, App};
use crate::clock::Clock;
use crate::deliver::Renderers;
use crate::links::LinkKeys;
use crate::outbox::schedule::Schedules;
use crate::promise::calendar::Calendar;
use crate::settings::Settings;
use crate::store::facts::fact;
use crate::store::{Store, StoreError};
use machines::Machines;
use serving::Limits;

/// How often a process that serves pages says so.
const SEEN_EVERY: Duration = Duration::from_mins(1);
/// A form that takes longer to arrive is none of a browser's.
const PATIENCE: Duration = Duration::from_secs(30);
/// A process that stops waits this long for visitors whose requests are still coming.
const FAREWELL: Duration = Duration::from_secs(2);
/// More than any form of ours holds.
const LONGEST_FORM: usize = 16 * 1024;
/// More than providers send at once; Amazon SNS stops at 256 KiB, but dumps of mails are longer.
const LONGEST_EVENTS: usize = 4 << 20;
const A_DAY: SignedDuration = SignedDuration::from_hours(24);

/// What the pages work with.
pub struct Web {
    pub store: Store,
    pub settings: Arc<Settings>,
    pub schedules: Schedules,
    pub renderers: Renderers,
    pub keys: LinkKeys,
    pub clock: Clock,
    machines: Arc<Machines>,
    guessing: guessing::Guessing,
}

impl Web {
    /// How the days of a shop are counted.
    fn calendar(&self, shop_id: &str) -> Calendar<'_> {
        Calendar { zone: &self.schedules.of(shop_id).zone, rules: &self.settings.rules }
    }
}

impl App {
    /// `watches`: this process watches the shop too.
    pub async fn web(&self, watches: bool) -> anyhow::Result<Arc<Web>> {
        Ok(Arc::new(Web {
            store: self.store.clone(),
            settings: self.settings.clone(),
            schedules: Schedules::new(&self.settings),
            renderers: app::renderers(&self.settings)?,
            keys: self.link_keys().await?,
            clock: self.clock.clone(),
            machines: self.machines(watches),
            guessing: guessing::Guessing::default(),
        }))
    }
}

/// All routes.
pub fn router(web: Arc<Web>) -> Router {
    let customer = Router::new()
        .route("/choice/{token}", get(choice::show).post(choice::answer))
        .fallback(choice::nowhere)
        .layer(DefaultBodyLimit::max(LONGEST_FORM))
        .layer(middleware::from_fn(keep_private));
    let machines = machines::router(web.machines.clone());
    let api = Router::new().route("/api/v1/bounces", post(bounces::take)).layer(middleware::from_fn(keep_private));
    customer.merge(api).with_state(web).merge(machines)
}

/// Binds the address at once, so that a taken port is an error of the start; what is returned serves until `app` stops.
pub async fn serve(app: &App, watches: bool) -> anyhow::Result<impl Future<Output = ()> + use<>> {
    let web = app.web(watches).await?;
    let listen = &app.settings.web.listen;
    let listener = TcpListener::bind(listen).await.with_context(|| format!("web.listen: {listen} cannot be bound"))?;
    tracing::info!(listen, public_url = app.settings.web.public_url, "pages are served");
    Ok(serve_on(listener, router(web.clone()), web, app.stopping()))
}

/// Serves `router` until `stop` says so.
pub async fn serve_on(listener: TcpListener, router: Router, web: Arc<Web>, mut stop: watch::Receiver<bool>) {
    let seen = async {
        loop {
            let now = web.clock.now().as_microsecond().to_string();
            if let Err(error) = web.store.set_fact(fact::WEB_SEEN_AT, Some(&now)).await {
                tracing::warn!(%error, "that pages are served could not be recorded");
            }
            tokio::time::sleep(SEEN_EVERY).await;
        }
    };
    let mut stop_too = stop.clone();
    let stopped = async move {
        // An error means that nobody is left to stop us: then we stop too.
        let _ = stop.wait_for(|stop| *stop).await;
    };
    let patience = async {
        let _ = stop_too.wait_for(|stop| *stop).await;
        tokio::time::sleep(FAREWELL).await;
    };
    tokio::select! {
        () = serving::serve(listener, router, Limits::default(), stopped) => {}
        () = seen => {}
        () = patience => tracing::info!("a visitor's request was not whole yet, and is left"),
    }
}

/// Whether nobody served the pages for a day, though the installation is older than that.
pub async fn is_unseen(store: &Store, now: Timestamp) -> Result<bool, StoreError> {
    let seen = match store.fact_number(fact::WEB_SEEN_AT).await? {
        Some(seen) => Some(seen),
        None => store.fact_number(fact::BASELINE_AT).await?,
    };
    let seen = seen.and_then(|seen| Timestamp::from_microsecond(seen).ok());
    Ok(seen.is_some_and(|seen| now.duration_since(seen) > A_DAY))
}

/// Headers of every page that has a token in its address.
async fn keep_private(request: axum::extract::Request, next: Next) -> Response {
    let response = tokio::time::timeout(PATIENCE, next.run(request)).await;
    let mut response = response.unwrap_or_else(|_| StatusCode::REQUEST_TIMEOUT.into_response());
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    // Pages bring their own.
    let nothing = HeaderValue::from_static("default-src 'none'; base-uri 'none'; frame-ancestors 'none'");
    headers.entry(header::CONTENT_SECURITY_POLICY).or_insert(nothing);
    response
}
