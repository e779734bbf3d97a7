//! The inbox beside the sample shop: every mail that the catcher took, as a list, as JSON, and opened.
//!
//! In: the catcher's [`Inbox`]. Out: pages. A mail may come from any program on this machine, so its HTML is shown only
//! in a frame of its own that runs no script and knows nothing of the page around it; its links open in new windows.

use std::sync::Arc;

use askama::Template;
use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::caught::{Caught, Inbox};
use super::state::{DemoState, page};
use crate::render::mime;

/// In bytes, of a mail's source that is shown.
const MOST_SOURCE: usize = 256 * 1024;

/// What a mail's own HTML may do: be looked at, and open its links in windows that are free of these limits.
const FRAME_POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'unsafe-inline'; img-src http: https: data:; frame-ancestors 'self'; \
     sandbox allow-popups allow-popups-to-escape-sandbox",
);

/// A mail in the list.
#[derive(Debug, Serialize)]
pub(super) struct Listed {
    pub id: u64,
    pub from: String,
    pub to: Vec<String>,
    pub subject: String,
    pub received_at: Timestamp,
    /// From `X-Backorderd-Kind`; `None`: somebody else's mail.
    pub kind: Option<String>,
}

impl Listed {
    fn of(mail: &Caught) -> Listed {
        Listed {
            id: mail.id,
            from: mail.from.clone(),
            to: mail.to.clone(),
            subject: mail.subject.clone(),
            received_at: mail.received_at,
            kind: mime::header(&mail.raw, "x-backorderd-kind"),
        }
    }

    pub fn recipients(&self) -> String {
        self.to.join(", ")
    }

    /// As a page without its script writes it; with it, in the reader's own zone.
    pub fn clock_time(&self) -> String {
        self.received_at.strftime("%H:%M:%S UTC").to_string()
    }

    /// The kind in words.
    pub fn kind_words(&self) -> String {
        self.kind.as_deref().unwrap_or("mail").replace('_', " ")
    }
}

/// What of a mail is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum View {
    #[default]
    Html,
    Text,
    Source,
}

/// A mail that is open.
pub(super) struct Opened {
    pub mail: Listed,
    pub view: View,
    /// The text or the source, as `view` says; `None`: the HTML, which has an address of its own.
    pub words: Option<String>,
    /// Where the other views are: to be followed by a view's name.
    pub link: String,
}

impl Opened {
    /// `link`: see [`Opened::link`].
    pub fn of(mail: &Caught, view: View, link: String) -> Opened {
        // A mail without HTML has only its text to show.
        let view = if view == View::Html && mail.html.is_none() { View::Text } else { view };
        let words = match view {
            View::Html => None,
            View::Text => Some(mail.text.clone().unwrap_or_else(|| "This mail has no text part.".to_owned())),
            View::Source => Some(source(&mail.raw)),
        };
        Opened { mail: Listed::of(mail), view, words, link }
    }

    /// The views and whether each is the one that is shown.
    pub fn tabs(&self) -> [(&'static str, &'static str, bool); 3] {
        [("html", "Mail", View::Html), ("text", "Text", View::Text), ("source", "Source", View::Source)]
            .map(|(name, words, view)| (name, words, view == self.view))
    }
}

/// The list, newest first.
pub(super) fn listed(inbox: &Inbox) -> Vec<Listed> {
    inbox.list().iter().map(|mail| Listed::of(mail)).collect()
}

#[derive(Template)]
#[template(path = "demo/inbox.html")]
struct InboxPage {
    mails: Vec<Listed>,
    /// Where a mail opens: to be followed by its id.
    open_at: &'static str,
    /// 0: none, for ids begin at 1.
    open_id: u64,
}

#[derive(Template)]
#[template(path = "demo/mail.html")]
struct MailPage {
    opened: Option<Opened>,
}

#[derive(Deserialize)]
pub(super) struct Wanted {
    #[serde(default)]
    view: View,
}

pub(super) async fn list(State(state): State<DemoState>) -> Response {
    page(StatusCode::OK, &InboxPage { mails: listed(&state.inbox), open_at: "/inbox/", open_id: 0 })
}

pub(super) async fn json(State(state): State<DemoState>) -> Json<Vec<Listed>> {
    Json(listed(&state.inbox))
}

pub(super) async fn open(
    State(state): State<DemoState>,
    Path(id): Path<u64>,
    Query(wanted): Query<Wanted>,
) -> Response {
    let opened = state.inbox.get(id).map(|mail| Opened::of(&mail, wanted.view, format!("/inbox/{id}?view=")));
    let status = if opened.is_some() { StatusCode::OK } else { StatusCode::NOT_FOUND };
    page(status, &MailPage { opened })
}

/// The mail's own HTML, for the frame.
pub(super) async fn html(State(state): State<DemoState>, Path(id): Path<u64>) -> Response {
    let mail: Option<Arc<Caught>> = state.inbox.get(id);
    match mail.as_ref().and_then(|mail| mail.html.as_deref()) {
        Some(html) => ([(header::CONTENT_SECURITY_POLICY, FRAME_POLICY)], Html(in_new_windows(html))).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

/// Lets every link open in a new window: the frame is no place for a page.
fn in_new_windows(html: &str) -> String {
    const BASE: &str = "<base target=\"_blank\">";
    let lower = html.to_ascii_lowercase();
    let head = lower.match_indices("<head").find_map(|(at, _)| {
        let rest = &lower[at + "<head".len()..];
        rest.starts_with(['>', ' ', '\r', '\n'])
            .then(|| rest.find('>').map(|end| at + "<head".len() + end + 1))
            .flatten()
    });
    match head {
        Some(at) => format!("{}{BASE}{}", &html[..at], &html[at..]),
        None => format!("{BASE}{html}"),
    }
}

fn source(raw: &[u8]) -> String {
    match raw.get(..MOST_SOURCE) {
        Some(beginning) => format!("{}\n[... the rest is left out]", String::from_utf8_lossy(beginning)),
        None => String::from_utf8_lossy(raw).into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_open_in_new_windows_whatever_the_head_looks_like() {
        let table = [
            ("<html><HEAD lang=x><title>", "<html><HEAD lang=x><base target=\"_blank\"><title>"),
            ("<head>\n<body><header>", "<head><base target=\"_blank\">\n<body><header>"),
            ("<header>Hi</header>", "<base target=\"_blank\"><header>Hi</header>"),
            ("<head", "<base target=\"_blank\"><head"),
            ("<p>Grüße", "<base target=\"_blank\"><p>Grüße"),
        ];
        for (html, expected) in table {
            assert_eq!(in_new_windows(html), expected);
        }
    }
}
