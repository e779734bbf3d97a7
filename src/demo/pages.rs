//! The page of the demonstration: the sample shop on the left, the inbox on the right.
//!
//! In: requests from a browser on this machine. Out: pages that work without a script, and actions in the shop, which
//! answer 303 to the page. A form of another site is refused by what the browser says of it (`Sec-Fetch-Site`,
//! `Origin`). What the shop cannot do is said on the page, with 422.

use askama::Template;
use axum::Form;
use axum::Router;
use axum::extract::{Query, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use jiff::civil::Date;
use serde::Deserialize;

use super::actions::{Action, MOST_PIECES};
use super::assets;
use super::counter::Counter;
use super::inbox::{self, Listed, Opened, View};
use super::shop::{DemoError, today};
use super::state::{DemoState, failure, page};

/// All routes: `/`, `/inbox...` and `/demo/...`.
pub fn router(state: DemoState) -> Router {
    Router::new()
        .route("/", get(home))
        .route("/inbox", get(inbox::list))
        .route("/inbox.json", get(inbox::json))
        .route("/inbox/{id}", get(inbox::open))
        .route("/inbox/{id}/html", get(inbox::html))
        .route("/demo/order", post(order))
        .route("/demo/put-on-backorder", post(put_on_backorder))
        .route("/demo/date", post(move_date))
        .route("/demo/no-date", post(lose_date))
        .route("/demo/receive", post(receive))
        .route("/demo/cancel", post(cancel))
        .route("/demo/ship", post(ship))
        .route("/demo/reset", post(reset))
        .route("/demo/demo.css", get(assets::style))
        .route("/demo/demo.js", get(assets::script))
        .route("/demo/picture/{file}", get(assets::picture))
        .layer(from_fn(guard))
        .with_state(state)
}

#[derive(Template)]
#[template(path = "demo/home.html")]
struct HomePage {
    counter: Counter,
    mails: Vec<Listed>,
    open_at: &'static str,
    /// 0: none, for ids begin at 1.
    open_id: u64,
    opened: Option<Opened>,
    /// Why the last form was not carried out.
    refusal: Option<String>,
    /// The first day that a delivery can be expected on.
    today: Date,
    most: i64,
    settings_file: String,
}

/// Which mail is open, and what of it.
#[derive(Default, Deserialize)]
struct Open {
    mail: Option<u64>,
    #[serde(default)]
    view: View,
}

async fn home(State(state): State<DemoState>, Query(open): Query<Open>) -> Response {
    shown(&state, open, None).await
}

/// The page, with the mail that was asked for or else the newest.
async fn shown(state: &DemoState, open: Open, refusal: Option<String>) -> Response {
    let (counter, today) = match (state.shop.counter().await, today(state.clock.now())) {
        (Ok(counter), Ok(today)) => (counter, today),
        (Err(error), _) | (_, Err(error)) => return failure(&error),
    };
    let mails = inbox::listed(&state.inbox);
    let open_id = open.mail.or_else(|| mails.first().map(|newest| newest.id)).unwrap_or(0);
    let mail = state.inbox.get(open_id);
    let opened = mail.map(|mail| Opened::of(&mail, open.view, format!("/?mail={}&view=", mail.id)));
    let status = if refusal.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let settings_file = state.settings_file.display().to_string();
    let open_at = "/?mail=";
    page(
        status,
        &HomePage { counter, mails, open_at, open_id, opened, refusal, today, most: MOST_PIECES, settings_file },
    )
}

#[derive(Deserialize)]
struct OrderForm {
    customer: i64,
    sku: String,
    quantity: i64,
}

#[derive(Deserialize)]
struct DateForm {
    sku: String,
    day: Date,
}

#[derive(Deserialize)]
struct ProductForm {
    sku: String,
}

#[derive(Deserialize)]
struct DeliveryForm {
    sku: String,
    quantity: i64,
}

#[derive(Deserialize)]
struct LineForm {
    line: i64,
}

#[derive(Deserialize)]
struct CancelForm {
    line: i64,
    quantity: i64,
}

async fn order(state: State<DemoState>, Form(form): Form<OrderForm>) -> Response {
    act(state, Action::Order { customer: form.customer, sku: form.sku, quantity: form.quantity }).await
}

async fn put_on_backorder(state: State<DemoState>, Form(form): Form<LineForm>) -> Response {
    act(state, Action::PutOnBackorder { line: form.line }).await
}

async fn move_date(state: State<DemoState>, Form(form): Form<DateForm>) -> Response {
    act(state, Action::MoveDate { sku: form.sku, day: Some(form.day) }).await
}

async fn lose_date(state: State<DemoState>, Form(form): Form<ProductForm>) -> Response {
    act(state, Action::MoveDate { sku: form.sku, day: None }).await
}

async fn receive(state: State<DemoState>, Form(form): Form<DeliveryForm>) -> Response {
    act(state, Action::Receive { sku: form.sku, quantity: form.quantity }).await
}

async fn cancel(state: State<DemoState>, Form(form): Form<CancelForm>) -> Response {
    act(state, Action::Cancel { line: form.line, quantity: form.quantity }).await
}

async fn ship(state: State<DemoState>, Form(form): Form<LineForm>) -> Response {
    act(state, Action::Ship { line: form.line }).await
}

async fn act(State(state): State<DemoState>, action: Action) -> Response {
    let acted = state.shop.act(&action, state.clock.now()).await;
    answer(&state, acted).await
}

/// The shop begins anew, and so does the inbox.
async fn reset(State(state): State<DemoState>) -> Response {
    let begun = state.shop.reset(state.clock.now()).await;
    if begun.is_ok() {
        state.inbox.clear();
    }
    answer(&state, begun).await
}

async fn answer(state: &DemoState, acted: Result<(), DemoError>) -> Response {
    match acted {
        Ok(()) => Redirect::to("/").into_response(),
        Err(DemoError::Refused(words)) => shown(state, Open::default(), Some(words)).await,
        Err(error) => failure(&error),
    }
}

const PAGE_POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; frame-src 'self'; \
     form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
);

/// Refuses forms of other sites, and keeps pages out of caches, frames and other sites' sight.
async fn guard(request: Request, next: Next) -> Response {
    let mut response = match request.method() == Method::POST && !is_own(request.headers()) {
        true => (StatusCode::FORBIDDEN, "This form came from another site; nothing was done.\n").into_response(),
        false => next.run(request).await,
    };
    let headers = response.headers_mut();
    let mut default = |name: HeaderName, value: HeaderValue| {
        headers.entry(name).or_insert(value);
    };
    default(header::CONTENT_SECURITY_POLICY, PAGE_POLICY);
    default(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    default(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    // Not `no-referrer`: with that, browsers send `Origin: null` from our own forms.
    default(header::REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    response
}

/// Whether a form is our own page's, or of something that is no browser.
fn is_own(headers: &HeaderMap) -> bool {
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or_default());
    match (text("sec-fetch-site"), text("origin")) {
        (Some(site), _) => site == "same-origin" || site == "none",
        (None, Some(origin)) => origin.split_once("://").map(|(_, host)| host) == text("host"),
        (None, None) => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_of_another_site_is_known_by_what_the_browser_says() {
        let table = [
            (&[("host", "127.0.0.1:8025")][..], true),
            (&[("host", "127.0.0.1:8025"), ("origin", "http://127.0.0.1:8025")], true),
            (&[("host", "127.0.0.1:8025"), ("origin", "http://127.0.0.1:9000")], false),
            (&[("host", "127.0.0.1:8025"), ("origin", "null")], false),
            (&[("sec-fetch-site", "same-origin"), ("origin", "null")], true),
            (&[("sec-fetch-site", "none")], true),
            (&[("sec-fetch-site", "same-site")], false),
            (&[("sec-fetch-site", "cross-site"), ("host", "a"), ("origin", "http://a")], false),
        ];
        for (pairs, own) in table {
            let pairs =
                pairs.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
            let headers: HeaderMap = pairs.collect();
            assert_eq!(is_own(&headers), own, "{headers:?}");
        }
    }
}
