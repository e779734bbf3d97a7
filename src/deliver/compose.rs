//! A claimed notification becomes a draft: the order as it is recorded, in the words that rendering takes.
//!
//! In: the order and what the notification says of it, the shop's settings, the alternatives in stock, the thread. Out:
//! a [`Draft`]. Before that, [`check`] asks whether it may be said at all. Pure.

use std::collections::{BTreeSet, HashMap};

use jiff::Timestamp;

use crate::outbox::notification::Kind;
use crate::outbox::plan::{Circumstances, Content, ContentLine, LineView, Look, by_id, wanted};
use crate::outbox::schedule::Schedule;
use crate::render::draft::{Draft, DraftAlternative, DraftLine, ShopFace};
use crate::settings::Settings;
use crate::shop::line::Status;
use crate::shop::stock::Stock;
use crate::store::outbox::Claimed;
use crate::store::views::Order;
use crate::watch::standing::Standing;

/// More mails than these are not named in `References`.
const MOST_REFERENCES: usize = 10;
/// More alternatives than these help nobody.
const MOST_ALTERNATIVES: usize = 3;

/// Whether a claimed notification may be sent now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Check {
    Send,
    /// What it says no longer holds.
    Overtaken(&'static str),
    /// It is too late for the option notice in it.
    Expired,
    /// The customer sleeps until then.
    Quiet(Timestamp),
}

/// Holds what a notification says against the order as it is recorded now.
pub fn check(claimed: &Claimed, order: &Order, schedule: &Schedule, now: Timestamp) -> Check {
    if order.view.recipient.is_none() {
        return Check::Overtaken("the order has no e-mail address any more");
    }
    if !claimed.kind.is_news() {
        // She asked for it, or answered: it holds whatever the shop does, and quiet hours do not concern it.
        return Check::Send;
    }
    let view = by_id(&order.view.lines);
    let view_of = |line: &ContentLine| view(&line.line_id);
    let told = |line: &ContentLine| view_of(line).is_some_and(|view| view.told_by == Some(claimed.news_id));
    let is_told = claimed.content.lines.iter().all(told);
    // Of a notice that she got by mail in time, the receiver hears whenever it can.
    let echoes = !claimed.tells() && is_told;
    if !echoes && claimed.content.expires_at().is_some_and(|midnight| midnight <= now) {
        return Check::Expired;
    }
    let in_doubt = claimed.doubts > 0 && !claimed.is_repeatable();
    if in_doubt || echoes {
        // She may have been told already: what counts is that it is still true, and that nothing newer was told.
        let today = schedule.today(now);
        let holds = |line: &ContentLine| view_of(line).map(|view| Standing::of(&view.line, today) == line.standing);
        if !is_told || !claimed.content.lines.iter().all(|line| holds(line) == Some(true)) {
            return Check::Overtaken("overtaken by news");
        }
        if in_doubt {
            return Check::Send;
        }
    } else {
        let at = Circumstances { look: Look::Recheck, began: now, schedule };
        if wanted(&order.view, &claimed.content, at).as_ref() != Some(&claimed.content) {
            return Check::Overtaken("overtaken by news");
        }
    }
    // Quiet hours yield to a legal deadline.
    let quiet_until = schedule.after_quiet_hours(now);
    let until = claimed.content.leave_by().map_or(quiet_until, |leave_by| quiet_until.min(leave_by));
    if until > now { Check::Quiet(until) } else { Check::Send }
}

/// The products whose alternatives a mail may show.
pub fn products_that_need_offers(order: &Order, settings: &Settings) -> BTreeSet<String> {
    let lines = order.view.lines.iter().filter(|view| may_offer(view, settings));
    lines.map(|view| view.line.product_key.clone()).collect()
}

/// What a mail needs beside the order itself.
#[derive(Debug)]
pub struct Surroundings<'a> {
    pub settings: &'a Settings,
    pub schedule: &'a Schedule,
    pub offers: &'a HashMap<String, Vec<Stock>>,
    /// Earlier `Message-ID`s of the order, oldest first.
    pub references: Vec<String>,
    /// The live token of the order's link.
    pub token: String,
    pub now: Timestamp,
}

/// Writes the draft of one notification.
pub fn compose(id: uuid::Uuid, content: &Content, order: &Order, around: Surroundings) -> Draft {
    let view = by_id(&order.view.lines);
    let line = |said: &ContentLine| Some(draft_line(said, content.kind, view(&said.line_id)?, &around));
    let face = face(around.settings, &order.shop_id);
    let skip = around.references.len().saturating_sub(MOST_REFERENCES);
    Draft {
        notification_id: id,
        kind: content.kind,
        shop: face,
        locale: order.locale.clone(),
        recipient_email: order.recipient.clone(),
        recipient_name: order.view.lines.iter().find_map(|view| view.line.customer_name.clone()),
        order_number: order.order_number.clone(),
        lines: content.lines.iter().filter_map(line).collect(),
        date: around.now,
        today: around.schedule.today(around.now),
        zone: around.schedule.zone.clone(),
        references: around.references.iter().skip(skip).cloned().collect(),
        token: around.token,
    }
}

/// The shop as the customers of `shop_id` see it.
pub fn face(settings: &Settings, shop_id: &str) -> ShopFace {
    let view = settings.shop(shop_id);
    ShopFace {
        name: view.shop.name,
        url: view.shop.url,
        support_email: view.shop.support_email,
        postal_address: view.shop.postal_address,
        logo_url: view.shop.logo_url,
        accent: view.shop.accent,
        mail_from: view.mail_from.unwrap_or_default(),
        mail_reply_to: view.reply_to,
        public_url: view.public_url,
    }
}

fn draft_line(said: &ContentLine, kind: Kind, view: &LineView, around: &Surroundings) -> DraftLine {
    let line = &view.line;
    let waits = said.standing.status == Status::Backordered;
    let offers = around.offers.get(&line.product_key).filter(|_| waits && may_offer(view, around.settings));
    // A mail that answers her is no notice: it gives the day as it is known now.
    let terms = if kind.is_news() { said.terms.clone() } else { view.facts(around.now, around.schedule) };
    // What the shop expected then, told in the same days as now.
    let told = |day| around.schedule.calendar().told(day, terms.rules);
    DraftLine {
        line_id: line.line_id.clone(),
        product_name: line.product_name.clone(),
        product_url: line.product_url.clone(),
        image_url: line.image_url.clone(),
        sku: line.sku.clone(),
        news: said.news.first().copied(),
        quantity: said.quantity,
        open: said.standing.open,
        short: said.standing.short,
        status: said.standing.status,
        previously_expected_by: said.previous_expected_on.map(told),
        reason: line.delay_reason.clone().filter(|_| waits),
        terms,
        answer: said.answer.clone(),
        silent_until: said.silent_until,
        alternatives: offers.into_iter().flatten().take(MOST_ALTERNATIVES).map(alternative).collect(),
    }
}

fn alternative(stock: &Stock) -> DraftAlternative {
    DraftAlternative {
        product_name: stock.product_name.clone().unwrap_or_else(|| stock.product_key.clone()),
        product_url: stock.product_url.clone(),
        image_url: stock.image_url.clone(),
        price: stock.price,
        currency: stock.currency.clone(),
    }
}

/// Whether the rule set that the line stands under lets its mails show alternatives.
fn may_offer(view: &LineView, settings: &Settings) -> bool {
    settings.rules.alternatives.contains(&view.history.clock.rules)
}
