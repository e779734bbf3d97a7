//! What machines ask: is the process alive, does what it serves work, how is the queue.

use std::fmt::Write;
use std::sync::Arc;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;

use super::Web;
use crate::store::StoreError;
use crate::store::facts::fact;

/// `/healthz`: the process answers.
pub async fn alive() -> &'static str {
    "ok\n"
}

/// `/readyz`: the state database answers. The shop's database is not asked: while it is away, customers still get
/// their pages.
pub async fn ready(State(web): State<Arc<Web>>) -> impl IntoResponse {
    match web.store.ping().await {
        Ok(()) => (StatusCode::OK, "ok\n"),
        Err(error) => {
            tracing::error!(%error, "not ready");
            (StatusCode::SERVICE_UNAVAILABLE, "the state database does not answer\n")
        }
    }
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
