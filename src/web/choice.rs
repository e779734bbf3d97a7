//! `/choice/{token}`: the customer's waiting lines and her answers.
//!
//! In: a link of a mail, or a form of its page. Out: pages; a form is answered with 303 to the page, which says what
//! became of it. GET and HEAD change nothing, whoever looks, and however often: neither a mail scanner nor a script on
//! this page can act, because only a form acts. A form sent again does nothing.
//!
//! The token is the only leave to act. It stands in the address, in no cookie, so a page of another site that makes a
//! visitor's browser send a form here has to know the token, and who knows it needs no visitor. What the browser says
//! of the form's origin is looked at all the same; it costs nothing, and a form that comes from elsewhere is no form
//! that she saw.

mod facts;
mod link;
mod page;
pub(super) mod visitor;

use std::sync::Arc;

use axum::Form;
use axum::extract::rejection::{FormRejection, PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use serde::Deserialize;

use self::facts::{order_facts, recorded};
use self::link::Opened;
use self::page::PageError;
use self::visitor::Visitor;
use super::Web;
use crate::choice::Choice;
use crate::choice::decide::{Asked, Seen, decide};
use crate::links;
use crate::outbox::channels;
use crate::promise::case::Case;
use crate::render::page::facts::LinkFacts;
use crate::store::choices::{Answering, Asking, Ways};
use crate::store::reach::Reach;

/// What a link of a mail preselects, or what the form was about that led here.
#[derive(Debug, Default, Deserialize)]
pub struct Preselected {
    line: Option<String>,
    /// The page's own button that asks to confirm sends it as the form's field.
    #[serde(alias = "choice")]
    want: Option<String>,
    seen: Option<String>,
}

/// The forms of the pages: an answer, or the wish for a fresh link.
#[derive(Debug, Deserialize)]
pub struct Sent {
    line: Option<String>,
    choice: Option<String>,
    seen: Option<String>,
    fresh: Option<String>,
}

/// GET and HEAD: shows the order behind a link.
pub async fn show(
    State(web): State<Arc<Web>>,
    token: Result<Path<String>, PathRejection>,
    preselected: Result<Query<Preselected>, QueryRejection>,
    visitor: Visitor,
) -> Response {
    // A link that was mangled on its way still shows the order.
    let preselected = preselected.map(|Query(preselected)| preselected).unwrap_or_default();
    let shown = web.shown(&text(token), &preselected, &visitor).await;
    shown.unwrap_or_else(|error| web.failure(&error, &visitor))
}

/// POST: records an answer, or sends a fresh link.
pub async fn answer(
    State(web): State<Arc<Web>>,
    token: Result<Path<String>, PathRejection>,
    visitor: Visitor,
    form: Result<Form<Sent>, FormRejection>,
) -> Response {
    let answered = match form {
        _ if !visitor.sends_our_form(&web.settings.web.public_url) => {
            web.link_page(StatusCode::FORBIDDEN, None, &LinkFacts::Form, &visitor)
        }
        Ok(Form(sent)) => web.answered(&text(token), &sent, &visitor).await,
        Err(rejection) => web.link_page(rejection.status(), None, &LinkFacts::Form, &visitor),
    };
    answered.unwrap_or_else(|error| web.failure(&error, &visitor))
}

/// Every other address: most likely a link that was cut off.
pub async fn nowhere(State(web): State<Arc<Web>>, visitor: Visitor) -> Response {
    let page = web.link_page(StatusCode::NOT_FOUND, None, &LinkFacts::Unknown, &visitor);
    page.unwrap_or_else(|error| web.failure(&error, &visitor))
}

/// What is no text is no token of ours.
fn text(token: Result<Path<String>, PathRejection>) -> String {
    token.map(|Path(token)| token).unwrap_or_default()
}

impl Web {
    async fn shown(&self, token: &str, preselected: &Preselected, visitor: &Visitor) -> Result<Response, PageError> {
        let now = self.clock.now();
        match link::open(self, token, visitor.address, now).await? {
            Opened::Order(reach) => {
                let facts = order_facts(self, &reach, preselected, now);
                self.order_page(&reach, &facts, visitor)
            }
            closed => self.closed(&closed, visitor, now),
        }
    }

    async fn answered(&self, token: &str, sent: &Sent, visitor: &Visitor) -> Result<Response, PageError> {
        let now = self.clock.now();
        let reach = match (link::open(self, token, visitor.address, now).await?, &sent.fresh) {
            (Opened::Order(reach), None) => reach,
            (Opened::Order(_), Some(_)) => return Ok(see_other("?")),
            (Opened::Old { reach, outlived }, Some(_)) => {
                self.store.fresh_link(reach.order.row, outlived, self.asking(&reach, now)).await?;
                return Ok(see_other("?"));
            }
            (closed, _) => return self.closed(&closed, visitor, now),
        };
        let (Some(line_id), Some(choice)) = (&sent.line, sent.choice.as_deref().and_then(Choice::of_word)) else {
            return self.link_page(StatusCode::BAD_REQUEST, Some(&reach.order), &LinkFacts::Form, visitor);
        };
        let calendar = self.calendar(&reach.order.shop_id);
        let asked = Asked { choice, seen: Seen::of_field(sent.seen.as_deref()) };
        let answering = Answering {
            order_row: reach.order.row,
            line_id,
            choice,
            ways: Ways::of(choice, &self.settings.choices),
            settle: self.schedules.of(&reach.order.shop_id).settle,
        };
        let decided = self.store.answer(answering, self.asking(&reach, now), |line| {
            decide(asked, recorded(line, &Case::new(&line.history, &line.line, now, calendar)))
        });
        match decided.await? {
            Some(_) => Ok(see_other(&links::answered(line_id, choice, asked.seen.to_field().as_deref()))),
            None => self.link_page(StatusCode::NOT_FOUND, Some(&reach.order), &LinkFacts::Form, visitor),
        }
    }

    fn asking(&self, reach: &Reach, now: Timestamp) -> Asking<'_> {
        let channels = channels::every(self.settings.delivery.channel);
        Asking { clock: &self.clock, now, today: self.schedules.of(&reach.order.shop_id).today(now), channels }
    }
}

/// 303 to `query` of the same page, whatever a proxy in front of us calls it.
fn see_other(query: &str) -> Response {
    // It is percent-encoded throughout.
    let location = HeaderValue::from_str(query).unwrap_or(HeaderValue::from_static("?"));
    (StatusCode::SEE_OTHER, [(header::LOCATION, location)]).into_response()
}
