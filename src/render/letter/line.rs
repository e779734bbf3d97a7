//! One line of the order as an entry of the letter: product, what happened, days, what happens next, her answer.

use super::news::{Change, meaning, still_missing, still_to_come, whole};
use super::voice::{Value, Voice};
use crate::choice::Choice;
use crate::links;
use crate::outbox::notification::Kind;
use crate::render::draft::{Draft, DraftLine};
use crate::render::foreign::{self, web_address};
use crate::render::{RenderError, words::Unsayable};

const LONGEST_NAME: usize = 120;
const LONGEST_REASON: usize = 400;
const LONGEST_ITEM_NUMBER: usize = 40;

/// One line of the order, in words.
#[derive(Debug)]
pub struct Entry {
    pub name: String,
    pub product_url: Option<String>,
    pub image_url: Option<String>,
    pub item_number: Option<String>,
    pub status: String,
    pub mood: Mood,
    pub facts: Vec<Fact>,
    /// What happens next, sentence by sentence.
    pub next: Vec<String>,
    pub question: Option<Question>,
}

/// A label with its value.
#[derive(Debug)]
pub struct Fact {
    pub label: String,
    pub value: String,
    pub weight: Weight,
}

/// How much a fact matters to her.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weight {
    Plain,
    Strong,
    /// It was told before and holds no longer.
    Outdated,
}

/// Her choice between waiting and cancelling.
#[derive(Debug)]
pub struct Question {
    pub text: String,
    pub wait: Link,
    pub cancel: Link,
}

#[derive(Debug)]
pub struct Link {
    pub words: String,
    pub url: String,
}

/// The colour of the status; its words say the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mood {
    Good,
    Caution,
    Quiet,
}

/// The name to show: the product's, else its number, else the line's.
pub fn name(line: &DraftLine, longest: usize) -> String {
    [Some(&line.product_name), line.sku.as_ref(), Some(&line.line_id)]
        .into_iter()
        .flatten()
        .find_map(|text| foreign::shown(text, longest))
        .unwrap_or_default()
}

impl Entry {
    pub fn of(voice: &Voice, draft: &Draft, line: &DraftLine) -> Result<Entry, RenderError> {
        let (status, mood) = status(voice, draft, line)?;
        let number = line.sku.as_deref().and_then(|sku| foreign::shown(sku, LONGEST_ITEM_NUMBER));
        Ok(Entry {
            name: foreign::isolated(&name(line, LONGEST_NAME), voice.right_to_left),
            product_url: line.product_url.as_deref().and_then(web_address),
            image_url: line.image_url.as_deref().and_then(web_address),
            item_number: number.map(|number| voice.say("item-number", &[("sku", Value::Text(&number))])).transpose()?,
            status,
            mood,
            facts: facts(voice, draft, line)?,
            next: next(voice, draft, line)?,
            question: question(voice, draft, line)?,
        })
    }
}

fn status(voice: &Voice, draft: &Draft, line: &DraftLine) -> Result<(String, Mood), RenderError> {
    let (id, mood) = match line.news {
        Some(Kind::Backordered) => ("status-backordered", Mood::Caution),
        Some(Kind::DateChanged) => {
            let change = Change::of(line, draft.today);
            let mood = if matches!(change, Change::Earlier | Change::Known) { Mood::Good } else { Mood::Caution };
            return Ok((voice.say("status-date-changed", &[("change", Value::Choice(change.word()))])?, mood));
        }
        Some(Kind::Overdue) => ("status-overdue", Mood::Caution),
        Some(Kind::Restocked) => ("status-restocked", Mood::Good),
        Some(Kind::Cancelled) => ("status-cancelled", Mood::Quiet),
        Some(Kind::StillWaiting) | None => ("status-waiting", Mood::Quiet),
        Some(kind @ (Kind::ReplyNeeded | Kind::ChoiceReceived | Kind::ChoiceRefused | Kind::FreshLink)) => {
            return Err(RenderError::NoWords { kind });
        }
    };
    Ok((voice.say(id, &[])?, mood))
}

fn facts(voice: &Voice, draft: &Draft, line: &DraftLine) -> Result<Vec<Fact>, Unsayable> {
    let quantity = voice.quantity(line.quantity);
    let meant = match whole(line).map(|whole| voice.quantity(whole)) {
        Some(whole) => voice.say("part", &[("quantity", Value::Text(&quantity)), ("whole", Value::Text(&whole))])?,
        None => quantity,
    };
    let mut facts = vec![Fact { label: voice.say("label-quantity", &[])?, value: meant, weight: Weight::Plain }];
    let mut add = |label, value, weight| facts.push(Fact { label, value, weight });
    if let Some(missing) = still_missing(line) {
        add(voice.say("label-missing", &[])?, voice.quantity(missing), Weight::Plain);
    }
    if let Some(before) = outdated_day(draft, line) {
        add(voice.say("label-previous-date", &[])?, voice.day(before), Weight::Outdated);
    }
    if is_waiting(line) {
        let (meaning, value) = match still_to_come(line, draft.today) {
            Some(day) => (meaning(line), voice.day(day)),
            None => ("unknown", voice.say("date-unknown", &[])?),
        };
        add(voice.say("label-date", &[("meaning", Value::Choice(meaning))])?, value, Weight::Strong);
    }
    if let Some(reason) = line.reason.as_deref().and_then(|reason| voice.quote(reason, LONGEST_REASON)) {
        add(voice.say("label-reason", &[])?, reason, Weight::Plain);
    }
    Ok(facts)
}

/// The day she was told before, where the news is that it holds no longer.
fn outdated_day(draft: &Draft, line: &DraftLine) -> Option<jiff::civil::Date> {
    let moved = matches!(line.news, Some(Kind::DateChanged | Kind::Overdue));
    line.previous_expected_on.filter(|before| moved && Some(*before) != still_to_come(line, draft.today))
}

/// Whether pieces of the line are still to come.
fn is_waiting(line: &DraftLine) -> bool {
    match line.news {
        Some(Kind::Restocked | Kind::Cancelled) => still_missing(line).is_some(),
        _ => true,
    }
}

fn next(voice: &Voice, draft: &Draft, line: &DraftLine) -> Result<Vec<String>, Unsayable> {
    let mut next = Vec::new();
    match line.news {
        Some(Kind::Restocked) => next.push(voice.say("next-restocked", &[])?),
        Some(Kind::Cancelled) => next.push(voice.say("next-cancelled", &[])?),
        _ => {}
    }
    let known = still_to_come(line, draft.today).is_some();
    let is_rest = still_missing(line).is_some();
    let waits = match (is_rest, known) {
        (true, true) => "next-rest-dated",
        (true, false) => "next-rest-undated",
        (false, true) => "next-dated",
        (false, false) => "next-undated",
    };
    if is_waiting(line) {
        next.push(voice.say(waits, &[])?);
    }
    if line.news == Some(Kind::Restocked) && !line.asks {
        next.push(voice.say("nothing-to-do", &[])?);
    }
    Ok(next)
}

fn question(voice: &Voice, draft: &Draft, line: &DraftLine) -> Result<Option<Question>, Unsayable> {
    if !line.asks {
        return Ok(None);
    }
    let url = |want| links::choice(&draft.shop.public_url, &draft.token, &line.line_id, want);
    Ok(Some(Question {
        text: voice.say("ask", &[])?,
        wait: Link { words: voice.say("answer-wait", &[])?, url: url(Choice::Wait) },
        cancel: Link { words: voice.say("answer-cancel", &[])?, url: url(Choice::Cancel) },
    }))
}
