//! What the pages of the demonstration work with, and how each is answered.

use std::path::PathBuf;
use std::sync::Arc;

use askama::Template;
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Response};

use super::caught::Inbox;
use super::shop::DemoShop;
use crate::clock::Clock;

/// What the pages work with.
#[derive(Clone)]
pub struct DemoState {
    pub shop: DemoShop,
    pub inbox: Arc<Inbox>,
    pub clock: Clock,
    /// Named on the page, for commands in another terminal.
    pub settings_file: PathBuf,
}

/// A rendered template.
pub(super) fn page(status: StatusCode, template: &impl Template) -> Response {
    match template.render() {
        Ok(html) => (status, Html(html)).into_response(),
        Err(error) => failure(&error),
    }
}

/// Who runs the demonstration reads its log beside the page.
pub(super) fn failure(error: &dyn std::error::Error) -> Response {
    tracing::error!(%error, "a page of the demonstration failed");
    let words = "<!doctype html><title>Sorry</title><p>Something went wrong; the terminal of the demo says what.";
    (StatusCode::INTERNAL_SERVER_ERROR, Html(words)).into_response()
}
