//! What the demonstration's pages are dressed with, all of it in the program: nothing is fetched from elsewhere.
//!
//! In: the path of a style sheet, a script or a product's picture. Out: the file, or 404.

use axum::extract::Path;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::sample;

const STYLE: &str = include_str!("../../templates/demo/demo.css");
const SCRIPT: &str = include_str!("../../templates/demo/demo.js");

pub(super) async fn style() -> Response {
    asset("text/css; charset=utf-8", STYLE)
}

pub(super) async fn script() -> Response {
    asset("text/javascript; charset=utf-8", SCRIPT)
}

/// `file` is a SKU and `.svg`.
pub(super) async fn picture(Path(file): Path<String>) -> Response {
    match file.strip_suffix(".svg").and_then(sample::picture) {
        Some(drawing) => asset("image/svg+xml", drawing),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

/// Another version of the program has other files at the same path, so a browser asks before it uses its copy.
fn asset(kind: &'static str, content: &'static str) -> Response {
    ([(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, "no-cache")], content).into_response()
}
