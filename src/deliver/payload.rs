//! What a receiver gets of a notification: the facts, the words of the mail, and the customer's links.
//!
//! In: a draft with its message, what the notification says of each line, the order. Out: JSON, byte for byte the same
//! for the same draft; and back again what a person reads of it. Pure.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::choice::Choice;
use crate::links;
use crate::outbox::plan::{Content, ContentLine, by_id};
use crate::render::Message;
use crate::render::draft::{Draft, DraftLine};
use crate::render::mime::Readable;
use crate::shop::line::{Line, Status};
use crate::store::views::Order;
use crate::webhook::message;

#[derive(Serialize)]
struct Data<'a> {
    id: Uuid,
    kind: &'static str,
    order_id: &'a str,
    order_number: &'a str,
    recipient: Recipient<'a>,
    lines: Vec<Told<'a>>,
    subject: &'a str,
    text: &'a str,
    html: &'a str,
    links: Links<'a>,
}

#[derive(Serialize)]
struct Recipient<'a> {
    email: &'a str,
    name: Option<&'a str>,
    locale: &'a str,
}

#[derive(Serialize)]
struct Told<'a> {
    line_id: &'a str,
    product_key: &'a str,
    sku: Option<&'a str>,
    product_name: &'a str,
    /// `None`: shown as unchanged.
    news: Option<&'static str>,
    quantity: Box<RawValue>,
    open: Box<RawValue>,
    short: Box<RawValue>,
    state: Status,
    expected_on: Option<Date>,
    previous_expected_on: Option<Date>,
}

#[derive(Serialize)]
struct Links<'a> {
    /// The page where the order is seen and answered.
    page: String,
    /// Of the lines that the mail asks about.
    lines: Vec<LineLinks<'a>>,
}

#[derive(Serialize)]
struct LineLinks<'a> {
    line_id: &'a str,
    wait: String,
    cancel: String,
}

/// The body of the POST.
pub fn of(message: &Message, draft: &Draft, content: &Content, order: &Order) -> Vec<u8> {
    // The shop shows some lines no more; the mail leaves them out too.
    let view = by_id(&order.view.lines);
    let data = Data {
        id: draft.notification_id,
        kind: draft.kind.word(),
        order_id: &order.order_id,
        order_number: &draft.order_number,
        recipient: Recipient {
            email: &draft.recipient_email,
            name: draft.recipient_name.as_deref(),
            locale: &draft.locale,
        },
        lines: content.lines.iter().filter_map(|said| Some(line(said, &view(&said.line_id)?.line))).collect(),
        subject: &message.subject,
        text: &message.text,
        html: &message.html,
        links: Links {
            page: links::choice_page(&draft.shop.public_url, &draft.token),
            lines: draft.lines.iter().filter(|line| line.terms.asks).map(|line| line_links(line, draft)).collect(),
        },
    };
    message::body(&format!("notification.{}", draft.kind.word()), draft.date, &data)
}

fn line<'a>(said: &'a ContentLine, recorded: &'a Line) -> Told<'a> {
    Told {
        line_id: &said.line_id,
        product_key: &recorded.product_key,
        sku: recorded.sku.as_deref(),
        product_name: &recorded.product_name,
        news: said.news.first().map(|kind| kind.word()),
        quantity: message::number(said.quantity),
        open: message::number(said.standing.open),
        short: message::number(said.standing.short),
        state: said.standing.status,
        expected_on: said.standing.expected_on,
        previous_expected_on: said.previous_expected_on,
    }
}

fn line_links<'a>(line: &'a DraftLine, draft: &Draft) -> LineLinks<'a> {
    let url = |want| links::choice(&draft.shop.public_url, &draft.token, &line.line_id, want);
    LineLinks { line_id: &line.line_id, wait: url(Choice::Wait), cancel: url(Choice::Cancel) }
}

/// What a person reads of a body; `None`: it is damaged.
pub fn read(body: &[u8]) -> Option<Readable> {
    #[derive(Deserialize)]
    struct Said {
        subject: String,
        text: String,
        html: String,
    }
    #[derive(Deserialize)]
    struct Body {
        data: Said,
    }
    let Body { data } = serde_json::from_slice(body).ok()?;
    Some(Readable { subject: data.subject, text: Some(data.text), html: Some(data.html) })
}
