//! What machines ask: is the process alive, does what it serves work, how is the queue.

use std::fmt::Write;
use std::sync::Arc;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use jiff::Timestamp;

use super::Web;
use crate::store::StoreError;
use crate::store::facts::fact;

/// So many sweeps may be missing before the process is not ready.
const LATE_SWEEPS: i32 = 3;

/// `/healthz`: the process answers.
pub async fn alive() -> &'static str {
    "ok\n"
}

/// `/readyz`: what this process does works: the state database answers, and if the process watches the shop, the last
/// sweep is not too old. The customers' pages are served all the same.
pub async fn ready(State(web): State<Arc<Web>>) -> impl IntoResponse {
    match trouble(&web).await {
        Ok(None) => (StatusCode::OK, "ok\n"),
        Ok(Some(trouble)) => (StatusCode::SERVICE_UNAVAILABLE, trouble),
        Err(error) => {
            tracing::error!(%error, "not ready");
            (StatusCode::SERVICE_UNAVAILABLE, "the state database does not answer\n")
        }
    }
}

async fn trouble(web: &Web) -> Result<Option<&'static str>, StoreError> {
    web.store.ping().await?;
    let Some(since) = web.watching_since else { return Ok(None) };
    let swept = web.store.fact_number(fact::SWEPT_AT).await?;
    let swept = swept.and_then(|micros| Timestamp::from_microsecond(micros).ok());
    // Who has just begun has had no time for a sweep yet.
    let newest = swept.map_or(since, |swept| swept.max(since));
    let patience = web.settings.orders.sweep_every.signed() * LATE_SWEEPS;
    let late = web.clock.now().duration_since(newest) > patience;
    Ok(late.then_some("the shop has not been read for longer than 3 x orders.sweep_every\n"))
}

/// `/metrics`, in the text format of Prometheus.
pub async fn metrics(State(web): State<Arc<Web>>) -> impl IntoResponse {
    match measured(&web).await {
        Ok(text) => (StatusCode::OK, [(header::CONTENT_TYPE, "text/plain; version=0.0.4")], text),
        Err(error) => {
            tracing::error!(%error, "metrics could not be read");
            (StatusCode::SERVICE_UNAVAILABLE, [(header::CONTENT_TYPE, "text/plain")], String::new())
        }
    }
}

async fn measured(web: &Web) -> Result<String, StoreError> {
    let mut text = String::from(
        "# HELP backorderd_outbox Notifications that are not finished, by state.\n# TYPE backorderd_outbox gauge\n",
    );
    for (state, number) in web.store.outbox_counts().await? {
        let _ = writeln!(text, "backorderd_outbox{{state=\"{}\"}} {number}", state.word());
    }
    text += "# HELP backorderd_held_notices Held notifications with a legal notice, whose last day does not wait.\n";
    text += "# TYPE backorderd_held_notices gauge\n";
    let _ = writeln!(text, "backorderd_held_notices {}", web.store.held_notices().await?.number);
    if let Some(swept) = web.store.fact_number(fact::SWEPT_AT).await? {
        text += "# HELP backorderd_last_sweep_seconds When the last accepted sweep began, in seconds since 1970.\n";
        text += "# TYPE backorderd_last_sweep_seconds gauge\n";
        let _ = writeln!(text, "backorderd_last_sweep_seconds {}", swept / 1_000_000);
    }
    Ok(text)
}
