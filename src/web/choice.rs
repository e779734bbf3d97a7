//! `/choice/{token}`: the customer's waiting lines. Looking changes nothing, whoever looks.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Response};
use serde::Deserialize;

use super::{Web, failure};
use crate::deliver::compose;
use crate::render::draft::ShopFace;
use crate::shop::line::Status;
use crate::store::StoreError;
use crate::watch::standing::Standing;

/// What a link of a mail preselects.
#[derive(Debug, Default, Deserialize)]
pub struct Preselected {
    line: Option<String>,
    want: Option<String>,
}

#[derive(Template)]
#[template(path = "pages/choice.html")]
struct ChoicePage {
    shop: ShopFace,
    order_number: String,
    lines: Vec<PageLine>,
    /// `wait` or `cancel`.
    want: Option<&'static str>,
}

struct PageLine {
    product_name: String,
    image_url: Option<String>,
    open: String,
    stands: &'static str,
    expected_on: Option<String>,
    chosen: bool,
}

#[derive(Template)]
#[template(path = "pages/not_found.html")]
struct NotFoundPage;

/// Shows the order behind a link.
pub async fn show(
    State(web): State<Arc<Web>>,
    Path(token): Path<String>,
    Query(wanted): Query<Preselected>,
) -> Response {
    match page(&web, &token, &wanted).await {
        Ok(Some(page)) => html(StatusCode::OK, &page, &web),
        Ok(None) => html(StatusCode::NOT_FOUND, &NotFoundPage, &web),
        Err(error) => failure(&error, &web.clock),
    }
}

fn html(status: StatusCode, page: &impl Template, web: &Web) -> Response {
    match page.render() {
        Ok(text) => (status, Html(text)).into_response(),
        Err(error) => failure(&error, &web.clock),
    }
}

async fn page(web: &Web, token: &str, wanted: &Preselected) -> Result<Option<ChoicePage>, StoreError> {
    let Some((link_id, _)) = web.keys.verify(token) else { return Ok(None) };
    let Some(row) = web.store.order_of_link(link_id).await? else { return Ok(None) };
    let now = web.clock.now();
    let Some(order) = web.store.orders_with_lines(&[row]).await?.into_iter().next() else { return Ok(None) };
    let today = web.schedules.of(&order.shop_id).today(now);
    let line = |view: &crate::outbox::plan::LineView| {
        let standing = Standing::of(&view.line, today);
        PageLine {
            product_name: view.line.product_name.chars().take(200).collect(),
            image_url: view.line.image_url.clone(),
            open: standing.open.to_string(),
            stands: match standing.status {
                Status::Backordered => "waiting for stock",
                Status::Ready => "in stock, about to be sent",
                Status::Shipped => "sent",
                Status::Cancelled => "cancelled",
            },
            expected_on: standing.expected_on.map(|day| day.strftime("%B %-d, %Y").to_string()),
            chosen: wanted.line.as_ref() == Some(&view.line.line_id),
        }
    };
    Ok(Some(ChoicePage {
        shop: compose::face(&web.settings, &order.shop_id),
        lines: order.view.lines.iter().map(line).collect(),
        order_number: order.order_number,
        want: match wanted.want.as_deref() {
            Some("wait") => Some("wait"),
            Some("cancel") => Some("cancel"),
            _ => None,
        },
    }))
}
