//! The pages behind the links of the mails, in the customer's words.
//!
//! In: [`facts`], and the words of her locale. Out: HTML that needs no script and loads nothing but pictures. What can go
//! wrong: words that cannot be said, or a template that fails to write; only a fault of ours can cause either.

mod card;
pub mod facts;
mod shell;

use askama::Template;

use self::card::{Card, banner};
use self::facts::{LinkFacts, OrderFacts, Setting, Stands, Wanted};
use self::shell::Shell;
use super::draft::ShopFace;
use super::foreign;
use super::letter::voice::{Value, Voice};
use super::{RenderError, Renderer, locale_of};

const LONGEST_NUMBER: usize = 100;

/// A page, ready to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    pub html: String,
    /// Its `Content-Security-Policy`.
    pub policy: String,
}

#[derive(Template)]
#[template(path = "pages/choice.html", whitespace = "minimize")]
struct OrderPage {
    shell: Shell,
    order: String,
    headline: String,
    intro: Option<String>,
    /// Its class and its words.
    banner: Option<(&'static str, String)>,
    open: Vec<Card>,
    closed_title: String,
    closed: Vec<Card>,
    /// Leads from one line to the whole order.
    back: Option<String>,
}

#[derive(Template)]
#[template(path = "pages/link.html", whitespace = "minimize")]
struct LinkPage {
    shell: Shell,
    headline: String,
    text: String,
    /// The button that asks for a fresh link.
    fresh: Option<String>,
}

impl Renderer {
    /// The page of an order; or, where the link asks for one answer, that one line to confirm.
    pub fn order_page(&self, setting: &Setting, facts: &OrderFacts) -> Result<Page, RenderError> {
        let locale = locale_of(&setting.locale);
        let voice = Voice::new(self.words.of(&locale), &locale);
        let spoken_of = facts.spoken_of.as_ref().and_then(|of| Some((of.line, facts.lines.get(of.line)?, of.wanted)));
        let confirms = match spoken_of {
            Some((_, line, Some(Wanted::Confirm(choice)))) => Some((line, choice)),
            _ => None,
        };
        let mut page = OrderPage::whole(&voice, &setting.shop, facts)?;
        if let Some((_, line, Some(wanted))) = spoken_of {
            page.banner = banner(&voice, line, wanted)?;
        }
        if let Some((line, choice)) = confirms {
            page.headline = voice.say("page-headline-confirm", &[("choice", Value::Choice(choice.word()))])?;
            page.intro = None;
            page.open = vec![Card::of(&voice, &setting.shop, line, true)?.confirming(&voice, line, choice)?];
            page.closed.clear();
            page.back = Some(voice.say("page-back", &[])?);
        }
        let pictures = page.open.iter().chain(&page.closed).filter_map(|card| card.image_url.as_ref());
        Ok(Page { policy: page.shell.policy(pictures), html: page.render()? })
    }

    /// A page that shows nothing of an order.
    pub fn link_page(&self, setting: &Setting, facts: &LinkFacts) -> Result<Page, RenderError> {
        let locale = locale_of(&setting.locale);
        let voice = Voice::new(self.words.of(&locale), &locale);
        let (headline, text) = match facts {
            LinkFacts::Old => ("page-link-old", "page-link-old-text"),
            LinkFacts::FreshSent => ("page-link-sent", "page-link-sent-text"),
            LinkFacts::Moved => ("page-link-moved", "page-link-moved-text"),
            LinkFacts::Unknown => ("page-unknown", "page-unknown-text"),
            LinkFacts::Guessing => ("page-guessing", "page-guessing-text"),
            LinkFacts::Form => ("page-form", "page-form-text"),
            LinkFacts::Failed { .. } => ("page-failed", "page-failed-text"),
        };
        let incident = if let LinkFacts::Failed { incident } = facts { incident } else { "" };
        let page = LinkPage {
            shell: Shell::of(&voice, &setting.shop)?,
            headline: voice.say(headline, &[])?,
            text: voice.say(text, &[("incident", Value::Text(incident))])?,
            fresh: (*facts == LinkFacts::Old).then(|| voice.say("page-link-fresh", &[])).transpose()?,
        };
        Ok(Page { policy: page.shell.policy([].iter()), html: page.render()? })
    }
}

impl OrderPage {
    fn whole(voice: &Voice, shop: &ShopFace, facts: &OrderFacts) -> Result<OrderPage, RenderError> {
        let chosen = facts.spoken_of.as_ref().map(|of| of.line);
        let (mut open, mut closed) = (Vec::new(), Vec::new());
        for (place, line) in facts.lines.iter().enumerate() {
            let card = Card::of(voice, shop, line, chosen == Some(place))?;
            match line.stands {
                Stands::Waiting | Stands::Ready | Stands::Cancelling => open.push(card),
                Stands::Shipped | Stands::Cancelled | Stands::Gone => closed.push(card),
            }
        }
        let number = |stands| facts.lines.iter().filter(|line| line.stands == stands).count();
        let headline = match (number(Stands::Waiting), number(Stands::Ready)) {
            (0, 0) => voice.say("page-headline-closed", &[])?,
            (0, ready) => voice.say("headline-restocked", &[("count", Value::Count(ready))])?,
            (waiting, _) => voice.say("page-headline-waiting", &[("count", Value::Count(waiting))])?,
        };
        let asks = facts.lines.iter().any(|line| line.may_wait);
        let intro = match (asks, open.is_empty()) {
            (true, _) => Some(voice.say("page-intro", &[])?),
            (false, true) => Some(voice.say("page-intro-closed", &[])?),
            (false, false) => None,
        };
        let order_number = foreign::shown(&facts.order_number, LONGEST_NUMBER).unwrap_or_default();
        Ok(OrderPage {
            shell: Shell::of(voice, shop)?,
            order: voice.say("order", &[("order", Value::Text(&order_number))])?,
            headline,
            intro,
            banner: None,
            open,
            closed_title: voice.say("page-closed", &[])?,
            closed,
            back: None,
        })
    }
}
