//! Pages as responses: in the customer's words, with the status and the policy that belong to them.
//!
//! In: what a page is to say, and who asks. Out: a response. What can go wrong: the state database, or words; then a
//! page says so without a detail, and the log has it under the same number.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use jiff::{SignedDuration, Timestamp};

use super::super::Web;
use super::link::Opened;
use super::visitor::Visitor;
use crate::deliver::compose::face;
use crate::render::RenderError;
use crate::render::page::Page;
use crate::render::page::facts::{LinkFacts, OrderFacts, Setting};
use crate::store::StoreError;
use crate::store::reach::Reach;
use crate::store::views::Order;

/// After a fresh link was sent, its page says so for as long as no other can be asked for.
const FRESH: SignedDuration = SignedDuration::from_hours(1);

/// Why a page cannot be shown.
#[derive(Debug, thiserror::Error)]
pub enum PageError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Render(#[from] RenderError),
}

impl Web {
    /// The page of an order.
    pub(super) fn order_page(
        &self,
        reach: &Reach,
        facts: &OrderFacts,
        visitor: &Visitor,
    ) -> Result<Response, PageError> {
        let order = &reach.order;
        let setting = self.setting(&order.shop_id, &order.locale, visitor);
        let page = self.renderers.of(&order.shop_id).order_page(&setting, facts)?;
        Ok(response(StatusCode::OK, page))
    }

    /// The page of a link that does not act.
    pub(super) fn closed(&self, opened: &Opened, visitor: &Visitor, now: Timestamp) -> Result<Response, PageError> {
        match opened {
            Opened::Order(reach) | Opened::Old { reach, .. } => {
                let fresh = reach.fresh_link_at.is_some_and(|asked_at| now < asked_at + FRESH);
                let facts = if fresh { LinkFacts::FreshSent } else { LinkFacts::Old };
                self.link_page(StatusCode::GONE, Some(&reach.order), &facts, visitor)
            }
            Opened::Closed(facts) => {
                let status = match facts {
                    LinkFacts::Guessing => StatusCode::TOO_MANY_REQUESTS,
                    LinkFacts::Moved => StatusCode::GONE,
                    _ => StatusCode::NOT_FOUND,
                };
                self.link_page(status, None, facts, visitor)
            }
        }
    }

    /// A page that shows nothing of an order, in the words of `order`'s customer if there is one.
    pub(super) fn link_page(
        &self,
        status: StatusCode,
        order: Option<&Order>,
        facts: &LinkFacts,
        visitor: &Visitor,
    ) -> Result<Response, PageError> {
        let (shop_id, locale) = order.map_or(("", ""), |order| (&order.shop_id, &order.locale));
        let page = self.renderers.of(shop_id).link_page(&self.setting(shop_id, locale, visitor), facts)?;
        Ok(response(status, page))
    }

    /// Something of ours failed: the log has the details, the customer gets a number that leads there.
    pub(super) fn failure(&self, error: &PageError, visitor: &Visitor) -> Response {
        let incident = self.clock.random_id();
        tracing::error!(%incident, %error, "a page failed");
        let facts = LinkFacts::Failed { incident: incident.to_string() };
        self.link_page(StatusCode::INTERNAL_SERVER_ERROR, None, &facts, visitor).unwrap_or_else(|error| {
            tracing::error!(%incident, %error, "the page that says so failed too");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        })
    }

    /// The shop, and the locale: the customer's; where nobody knows it, one that the visitor reads; else the shop's.
    fn setting(&self, shop_id: &str, locale: &str, visitor: &Visitor) -> Setting {
        let renderer = self.renderers.of(shop_id);
        let read = || visitor.languages.iter().find(|language| renderer.speaks(language)).cloned();
        let locale = match locale {
            "" => read().unwrap_or_else(|| self.settings.shop(shop_id).shop.locale),
            locale => locale.to_owned(),
        };
        Setting { shop: face(&self.settings, shop_id), locale }
    }
}

fn response(status: StatusCode, page: Page) -> Response {
    let policy = HeaderValue::from_str(&page.policy).unwrap_or(HeaderValue::from_static("default-src 'none'"));
    (status, [(header::CONTENT_SECURITY_POLICY, policy)], Html(page.html)).into_response()
}
