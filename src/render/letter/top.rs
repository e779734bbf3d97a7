//! The top of the letter: headline, greeting, what it is about, and the line that mail readers show in their lists.
//!
//! In: a draft, and the lines whose news names it. Out: sentences. Nothing can go wrong but words that cannot be said.

use jiff::civil::Date;

use super::law::Notice;
use super::news::{Change, answers, shared};
use super::voice::{Value, Voice};
use crate::outbox::notification::Kind;
use crate::promise::terms::Silence;
use crate::render::draft::{Draft, DraftLine};
use crate::render::foreign;
use crate::render::words::Unsayable;

const LONGEST_NAME: usize = 100;

/// `lines` are those whose news names the mail; here and in [`intro`].
pub fn headline(voice: &Voice, draft: &Draft, lines: &[&DraftLine]) -> Result<String, Unsayable> {
    if owes_refund(lines) {
        return voice.say("headline-refund-owed", &[]);
    }
    let count = [("count", Value::Count(lines.len()))];
    let change = [("change", Value::Choice(Change::of_all(lines.iter().copied(), draft.today).word()))];
    let choice = [("choice", Value::Choice(answers(lines.iter().copied())))];
    match draft.kind {
        Kind::ReplyNeeded => {
            let day = answer_by(lines).map(|day| voice.day(day));
            let known = if day.is_some() { "dated" } else { "mixed" };
            let date = day.unwrap_or_default();
            voice.say("headline-reply-needed", &[("when", Value::Choice(known)), ("date", Value::Text(&date))])
        }
        Kind::Backordered => voice.say("headline-backordered", &count),
        Kind::DateChanged => voice.say("headline-date-changed", &change),
        Kind::Overdue => voice.say("headline-overdue", &[]),
        Kind::Restocked => voice.say("headline-restocked", &count),
        Kind::Cancelled => voice.say("headline-cancelled", &[]),
        Kind::StillWaiting => voice.say("headline-still-waiting", &[]),
        Kind::ChoiceReceived => voice.say("headline-choice-received", &choice),
        Kind::ChoiceRefused => voice.say("headline-choice-refused", &choice),
        Kind::FreshLink => voice.say("headline-fresh-link", &[]),
    }
}

pub fn intro(voice: &Voice, draft: &Draft, lines: &[&DraftLine]) -> Result<String, Unsayable> {
    if owes_refund(lines) {
        return voice.say("intro-refund-owed", &[]);
    }
    let change = [("change", Value::Choice(Change::of_all(lines.iter().copied(), draft.today).word()))];
    let mut intro = vec![match draft.kind {
        Kind::ReplyNeeded => voice.say("intro-reply-needed", &[]),
        Kind::Backordered => voice.say("intro-backordered", &[]),
        Kind::DateChanged => voice.say("intro-date-changed", &change),
        Kind::Overdue => voice.say("intro-overdue", &[]),
        Kind::Restocked => voice.say("intro-restocked", &[]),
        Kind::Cancelled => voice.say("intro-cancelled", &[]),
        Kind::StillWaiting => voice.say("intro-still-waiting", &[]),
        Kind::ChoiceReceived => voice.say("intro-choice-received", &[]),
        Kind::ChoiceRefused => voice.say("intro-choice-refused", &[]),
        Kind::FreshLink => voice.say("intro-fresh-link", &[]),
    }?];
    let asks =
        draft.kind.is_news() && draft.kind != Kind::ReplyNeeded && draft.lines.iter().any(|line| line.terms.asks);
    if asks {
        intro.push(voice.say("choose-below", &[])?);
    }
    Ok(voice.paragraph(&intro))
}

pub fn hello(voice: &Voice, draft: &Draft) -> Result<String, Unsayable> {
    match draft.recipient_name.as_deref().and_then(|name| foreign::shown(name, LONGEST_NAME)) {
        Some(name) => voice.say("hello-name", &[("name", Value::Text(&name))]),
        None => voice.say("hello", &[]),
    }
}

/// What is shown beside the subject in a list of mails: what happens if she does nothing, where something does.
pub fn preview(voice: &Voice, draft: &Draft, intro: &str) -> Result<String, Unsayable> {
    let counts = draft.lines.iter().filter(|line| line.terms.silence != Silence::NoEffect);
    // What ends first.
    let line = counts.min_by_key(|line| (line.terms.cancels_after.is_none(), line.terms.cancels_after));
    let notice = line.map(|line| Notice::of(voice, line, draft.today)).transpose()?;
    Ok(notice.and_then(|notice| notice.silence).unwrap_or_else(|| intro.to_owned()))
}

/// Whether a refund is owed for all of these lines: then that is the news, and not when they may come after all.
pub fn owes_refund(lines: &[&DraftLine]) -> bool {
    shared(lines.iter().map(|line| line.terms.refund_owed)) == Some(true)
}

/// The last day to answer, if all of these lines have the same.
pub fn answer_by(lines: &[&DraftLine]) -> Option<Date> {
    shared(lines.iter().map(|line| line.terms.cancels_after)).flatten()
}
