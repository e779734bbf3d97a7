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

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use axum::Form;
use axum::extract::rejection::{FormRejection, QueryRejection};
use axum::extract::{ConnectInfo, Path, Query, State};
use axum::http::{Extensions, HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

use self::facts::{order_facts, recorded};
use self::link::Opened;
use super::Web;
use crate::choice::Choice;
use crate::choice::decide::{Asked, Seen, decide};
use crate::links;
use crate::outbox::notification::{MAIL, WEBHOOK};
use crate::promise::case::Case;
use crate::render::RenderError;
use crate::render::page::facts::{LinkFacts, Setting};
use crate::settings::delivery::Channels;
use crate::store::StoreError;
use crate::store::choices::{Answering, Asking, Ways};
use crate::store::reach::Reach;

/// After a fresh link was sent, its page says so for as long as no other can be asked for.
const FRESH: SignedDuration = SignedDuration::from_hours(1);

/// What a link of a mail preselects, or what the form was about that led here.
#[derive(Debug, Default, Deserialize)]
pub struct Preselected {
    line: Option<String>,
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

/// Why a page cannot be shown; the log has the details.
#[derive(Debug, thiserror::Error)]
enum PageError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Render(#[from] RenderError),
}

/// GET and HEAD: shows the order behind a link.
pub async fn show(
    State(web): State<Arc<Web>>,
    Path(token): Path<String>,
    preselected: Result<Query<Preselected>, QueryRejection>,
    headers: HeaderMap,
    extensions: Extensions,
) -> Response {
    // A link that was mangled on its way still shows the order.
    let preselected = preselected.map(|Query(preselected)| preselected).unwrap_or_default();
    let client = client(&headers, &extensions);
    web.shown(&token, &preselected, client).await.unwrap_or_else(|error| web.failure(&error))
}

/// POST: records an answer, or sends a fresh link.
pub async fn answer(
    State(web): State<Arc<Web>>,
    Path(token): Path<String>,
    headers: HeaderMap,
    extensions: Extensions,
    form: Result<Form<Sent>, FormRejection>,
) -> Response {
    let client = client(&headers, &extensions);
    let answered = match form {
        _ if !is_own(&headers, &web.settings.web.public_url) => {
            web.link_page(StatusCode::FORBIDDEN, "", &LinkFacts::Form)
        }
        Ok(Form(sent)) => web.answered(&token, &sent, client).await,
        Err(rejection) => web.link_page(rejection.status(), "", &LinkFacts::Form),
    };
    answered.unwrap_or_else(|error| web.failure(&error))
}

impl Web {
    async fn shown(&self, token: &str, preselected: &Preselected, client: IpAddr) -> Result<Response, PageError> {
        let now = self.clock.now();
        match link::open(self, token, client, now).await? {
            Opened::Order(reach) => {
                let setting = self.setting(&reach.order.shop_id, &reach.order.locale);
                let facts = order_facts(self, &reach, preselected, now);
                let page = self.renderers.of(&reach.order.shop_id).order_page(&setting, &facts)?;
                Ok(Html(page).into_response())
            }
            closed => self.closed(&closed, now),
        }
    }

    /// The page of a link that does not act.
    fn closed(&self, opened: &Opened, now: Timestamp) -> Result<Response, PageError> {
        match opened {
            Opened::Order(reach) | Opened::Old { reach, .. } => {
                let fresh = reach.fresh_link_at.is_some_and(|asked_at| now < asked_at + FRESH);
                let facts = if fresh { LinkFacts::FreshSent } else { LinkFacts::Old };
                self.link_page_of(StatusCode::GONE, reach, &facts)
            }
            Opened::Closed { shop_id, facts } => {
                let status = match facts {
                    LinkFacts::Guessing => StatusCode::TOO_MANY_REQUESTS,
                    LinkFacts::Moved => StatusCode::GONE,
                    _ => StatusCode::NOT_FOUND,
                };
                self.link_page(status, shop_id, facts)
            }
        }
    }

    async fn answered(&self, token: &str, sent: &Sent, client: IpAddr) -> Result<Response, PageError> {
        let now = self.clock.now();
        let opened = link::open(self, token, client, now).await?;
        let reach = match (opened, &sent.fresh) {
            (Opened::Order(_), Some(_)) => return Ok(see_other("?")),
            (Opened::Order(reach), None) => reach,
            (Opened::Old { reach, outlived }, Some(_)) => {
                let asking = self.asking(&reach, now);
                self.store.fresh_link(reach.order.row, outlived, asking).await?;
                return Ok(see_other("?"));
            }
            (closed, _) => return self.closed(&closed, now),
        };
        let (Some(line_id), Some(choice)) = (&sent.line, sent.choice.as_deref().and_then(Choice::of_word)) else {
            return self.link_page_of(StatusCode::BAD_REQUEST, &reach, &LinkFacts::Form);
        };
        let calendar = self.calendar(&reach.order.shop_id);
        let asked = Asked { choice, seen: Seen::of_field(sent.seen.as_deref()) };
        let answering = Answering {
            order_row: reach.order.row,
            line_id,
            choice,
            ways: self.ways(choice),
            settle: self.schedules.of(&reach.order.shop_id).settle,
        };
        let decided = self.store.answer(answering, self.asking(&reach, now), |line| {
            decide(asked, recorded(line, &Case::new(&line.history, &line.line, now, calendar)))
        });
        match decided.await? {
            Some(_) => Ok(see_other(&links::answered(line_id, choice, sent.seen.as_deref()))),
            None => self.link_page_of(StatusCode::NOT_FOUND, &reach, &LinkFacts::Form),
        }
    }

    fn asking(&self, reach: &Reach, now: Timestamp) -> Asking<'_> {
        let channels: &[&str] = match self.settings.delivery.channel {
            Channels::Mail => &[MAIL],
            Channels::Webhook => &[WEBHOOK],
            Channels::Both => &[MAIL, WEBHOOK],
        };
        Asking { clock: &self.clock, now, today: self.schedules.of(&reach.order.shop_id).today(now), channels }
    }

    /// What is set up to carry this choice to the shop.
    fn ways(&self, choice: Choice) -> Ways {
        let choices = &self.settings.choices;
        let statement = match choice {
            Choice::Wait => &choices.sql.wait,
            Choice::Cancel => &choices.sql.cancel,
        };
        Ways { statement: statement.is_some(), hook: choices.hook_url.is_some() }
    }

    fn link_page_of(&self, status: StatusCode, reach: &Reach, facts: &LinkFacts) -> Result<Response, PageError> {
        let setting = self.setting(&reach.order.shop_id, &reach.order.locale);
        let page = self.renderers.of(&reach.order.shop_id).link_page(&setting, facts)?;
        Ok((status, Html(page)).into_response())
    }

    /// For somebody whose language is not known: in the shop's.
    fn link_page(&self, status: StatusCode, shop_id: &str, facts: &LinkFacts) -> Result<Response, PageError> {
        let page = self.renderers.of(shop_id).link_page(&self.setting(shop_id, ""), facts)?;
        Ok((status, Html(page)).into_response())
    }

    fn setting(&self, shop_id: &str, locale: &str) -> Setting {
        let shop = crate::deliver::compose::face(&self.settings, shop_id);
        let locale = match locale {
            "" => self.settings.shop(shop_id).shop.locale,
            locale => locale.to_owned(),
        };
        Setting { shop, locale }
    }

    /// Something of ours failed: the log has the details, the customer gets a number that leads there.
    fn failure(&self, error: &PageError) -> Response {
        let incident = self.clock.random_id();
        tracing::error!(%incident, %error, "a page failed");
        let facts = LinkFacts::Failed { incident: incident.to_string() };
        self.link_page(StatusCode::INTERNAL_SERVER_ERROR, "", &facts).unwrap_or_else(|error| {
            tracing::error!(%incident, %error, "the page that says so failed too");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        })
    }
}

/// 303 to `query` of the same page, whatever a proxy in front of us calls it.
fn see_other(query: &str) -> Response {
    // It is percent-encoded throughout.
    let location = HeaderValue::from_str(query).unwrap_or(HeaderValue::from_static("?"));
    (StatusCode::SEE_OTHER, [(header::LOCATION, location)]).into_response()
}

/// Who asks. What a proxy says of it counts only if the proxy is on this machine; of several addresses the last is the
/// one that it saw itself.
fn client(headers: &HeaderMap, extensions: &Extensions) -> IpAddr {
    let peer = extensions.get::<ConnectInfo<SocketAddr>>().map_or(Ipv4Addr::LOCALHOST.into(), |peer| peer.0.ip());
    let forwarded = headers.get_all("x-forwarded-for").iter().next_back().and_then(|value| value.to_str().ok());
    let forwarded = forwarded.and_then(|value| value.rsplit(',').next()?.trim().parse().ok());
    forwarded.filter(|_: &IpAddr| peer.to_canonical().is_loopback()).unwrap_or(peer)
}

/// Whether a form is our own page's, or of something that says nothing of itself. Our pages tell no referrer, so that
/// browsers give the origin of their forms as `null`.
fn is_own(headers: &HeaderMap, public_url: &str) -> bool {
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or_default());
    match (text("sec-fetch-site"), text("origin")) {
        (Some(site), _) => site == "same-origin" || site == "none",
        (None, None | Some("null")) => true,
        (None, Some(origin)) => {
            let of_host = origin.split_once("://").map(|(_, host)| host) == text("host");
            of_host || public_url == origin || public_url.strip_prefix(origin).is_some_and(|rest| rest.starts_with('/'))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_str(value).unwrap())).collect()
    }

    #[test]
    fn a_form_of_another_site_is_known_by_what_the_browser_says() {
        let table: [(&[(&str, &str)], bool); 10] = [
            (&[], true),
            (&[("origin", "null")], true),
            (&[("origin", "https://orders.shop.example"), ("host", "127.0.0.1:8080")], true),
            (&[("origin", "http://127.0.0.1:8080"), ("host", "127.0.0.1:8080")], true),
            (&[("origin", "https://orders.shop.example.evil"), ("host", "127.0.0.1:8080")], false),
            (&[("origin", "https://evil.example"), ("host", "orders.shop.example")], false),
            (&[("sec-fetch-site", "same-origin"), ("origin", "null")], true),
            (&[("sec-fetch-site", "none")], true),
            (&[("sec-fetch-site", "same-site"), ("origin", "null")], false),
            (&[("sec-fetch-site", "cross-site")], false),
        ];
        for (pairs, own) in table {
            for public_url in ["https://orders.shop.example", "https://orders.shop.example/wait"] {
                assert_eq!(is_own(&headers(pairs), public_url), own, "{pairs:?}");
            }
        }
    }

    #[test]
    fn a_client_is_who_connects_unless_a_proxy_on_this_machine_says_who_it_is() {
        let from = |peer: &str| {
            let mut extensions = Extensions::new();
            extensions.insert(ConnectInfo::<SocketAddr>(peer.parse().unwrap()));
            extensions
        };
        let forwarded = headers(&[("x-forwarded-for", "10.1.1.1, 203.0.113.7")]);
        let table = [
            ("198.51.100.4:999", HeaderMap::new(), "198.51.100.4"),
            ("198.51.100.4:999", forwarded.clone(), "198.51.100.4"),
            ("127.0.0.1:999", forwarded.clone(), "203.0.113.7"),
            ("[::1]:999", forwarded, "203.0.113.7"),
            ("127.0.0.1:999", headers(&[("x-forwarded-for", "unknown")]), "127.0.0.1"),
        ];
        for (peer, headers, expected) in table {
            assert_eq!(client(&headers, &from(peer)), expected.parse::<IpAddr>().unwrap(), "{peer} {headers:?}");
        }
    }
}
