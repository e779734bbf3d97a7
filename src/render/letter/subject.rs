//! The subject: which order, which product, what happened. No price, no praise, one line that a phone can show.

use super::news::{answers, meaning, shared, still_to_come, whole};
use super::top::{answer_by, owes_refund};
use super::voice::{Value, Voice};
use crate::outbox::notification::Kind;
use crate::render::draft::{Draft, DraftLine};
use crate::render::foreign;
use crate::render::{RenderError, words::Unsayable};

/// What most mail readers show; a header line (RFC 5322) has 78 characters too.
const LONGEST: usize = 78;
/// A product's name is not cut below this, even if the subject then grows too long.
const SHORTEST_NAME: usize = 16;
const LONGEST_NAME: usize = 60;
const LONGEST_ORDER_NUMBER: usize = 40;

/// `lines` are those whose news names the mail.
pub fn subject(voice: &Voice, draft: &Draft, lines: &[&DraftLine]) -> Result<String, RenderError> {
    let news = match draft.kind {
        Kind::ReplyNeeded => "news-reply-needed",
        Kind::Backordered => "news-backordered",
        Kind::DateChanged => "news-date-changed",
        Kind::Overdue => "news-overdue",
        Kind::Restocked => "news-restocked",
        Kind::Cancelled => "news-cancelled",
        Kind::StillWaiting => "news-still-waiting",
        Kind::ChoiceReceived => "news-choice-received",
        Kind::ChoiceRefused => "news-choice-refused",
        // It is about the whole order, also about one in which nothing waits any more.
        Kind::FreshLink => return Ok(about_order(voice, draft, &voice.say("news-fresh-link", &[])?)?),
    };
    let first = lines.first().ok_or(RenderError::NoNews)?;
    let news = if owes_refund(lines) { "news-refund-owed" } else { news };
    let choice = answers(lines.iter().copied());
    let (when, date) = when(voice, draft, lines);
    let say = |name: &str| -> Result<String, Unsayable> {
        let product = if lines.len() == 1 { with_part(voice, first, name)? } else { name.to_owned() };
        let told = voice.say(
            news,
            &[
                ("product", Value::Text(&product)),
                ("more", Value::Count(lines.len() - 1)),
                ("when", Value::Choice(when)),
                ("date", Value::Text(&date)),
                ("choice", Value::Choice(choice)),
            ],
        )?;
        about_order(voice, draft, &told)
    };
    let name = super::line::name(first, LONGEST_NAME);
    let whole = say(&name)?;
    let excess = foreign::length(&whole).saturating_sub(LONGEST);
    if excess == 0 {
        return Ok(whole);
    }
    let room = foreign::length(&name).saturating_sub(excess).max(SHORTEST_NAME);
    Ok(say(&foreign::shortened(&name, room))?)
}

fn about_order(voice: &Voice, draft: &Draft, news: &str) -> Result<String, Unsayable> {
    let order = foreign::shown(&draft.order_number, LONGEST_ORDER_NUMBER).unwrap_or_default();
    voice.say("subject", &[("order", Value::Text(&order)), ("news", Value::Text(news))])
}

fn with_part(voice: &Voice, line: &DraftLine, name: &str) -> Result<String, Unsayable> {
    let Some(whole) = whole(line) else {
        return Ok(name.to_owned());
    };
    let (quantity, whole) = (voice.quantity(line.quantity), voice.quantity(whole));
    let variables = [("product", name), ("quantity", &quantity), ("whole", &whole)];
    voice.say("part-of-product", &variables.map(|(name, text)| (name, Value::Text(text))))
}

/// The word that messages choose by, and the day, if all lines share one.
fn when(voice: &Voice, draft: &Draft, lines: &[&DraftLine]) -> (&'static str, String) {
    if draft.kind == Kind::ReplyNeeded {
        return answer_by(lines).map_or(("mixed", String::new()), |day| ("dated", voice.day(day)));
    }
    let days = lines.iter().map(|line| still_to_come(line, draft.today).map(|day| (day, meaning(line))));
    match shared(days) {
        None => ("mixed", String::new()),
        Some(None) => ("unknown", String::new()),
        Some(Some((day, meaning))) => (meaning, voice.day(day)),
    }
}
