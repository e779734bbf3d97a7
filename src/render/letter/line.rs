//! One line of the order as an entry of the letter: product, what happened, days, what happens next, her choice.

use jiff::civil::Date;

use super::answer;
use super::law::Notice;
use super::layout::Density;
use super::news::{Change, is_waiting, meaning, still_missing, still_to_come, whole};
use super::voice::{Value, Voice};
use crate::choice::Choice;
use crate::links;
use crate::outbox::notification::Kind;
use crate::promise::terms::Silence;
use crate::render::draft::{Draft, DraftLine};
use crate::render::foreign::{self, web_address};
use crate::render::words::Unsayable;
use crate::shop::line::Status;

const LONGEST_NAME: usize = 120;
const LONGEST_REASON: usize = 400;
/// Where there is little room.
const LONGEST_DENSE: usize = 60;
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
    /// What happens next; empty where the notice says it.
    pub next: String,
    /// What the law has us say; empty where it is said above the group.
    pub notice: Notice,
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

/// The links by which she chooses.
#[derive(Debug)]
pub struct Question {
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
    pub fn of(voice: &Voice, draft: &Draft, line: &DraftLine, density: Density) -> Result<Entry, Unsayable> {
        let (status, mood) = status(voice, draft, line)?;
        let number = line.sku.as_deref().and_then(|sku| foreign::shown(sku, LONGEST_ITEM_NUMBER));
        let answered = answer::is_settled(line);
        let entry = Entry {
            name: foreign::isolated(&name(line, LONGEST_NAME), voice.right_to_left),
            product_url: line.product_url.as_deref().and_then(web_address),
            image_url: line.image_url.as_deref().and_then(web_address),
            item_number: number.map(|number| voice.say("item-number", &[("sku", Value::Text(&number))])).transpose()?,
            status,
            mood,
            facts: facts(voice, draft, line, density)?,
            next: voice.paragraph(&next(voice, draft, line)?),
            notice: if answered { Notice::default() } else { Notice::of(voice, line, draft.today)? },
            question: if answered { None } else { question(voice, draft, line)? },
        };
        Ok(if density == Density::Dense { entry.dense(voice, line) } else { entry })
    }

    /// What cannot be left out: the product, the facts, what the law has us say, and the links.
    fn dense(self, voice: &Voice, line: &DraftLine) -> Entry {
        Entry {
            name: foreign::isolated(&name(line, LONGEST_DENSE), voice.right_to_left),
            product_url: None,
            image_url: None,
            item_number: None,
            next: String::new(),
            ..self
        }
    }
}

fn status(voice: &Voice, draft: &Draft, line: &DraftLine) -> Result<(String, Mood), Unsayable> {
    let (id, mood) = match line.news {
        Some(Kind::ReplyNeeded) => ("status-reply-needed", Mood::Caution),
        Some(Kind::Backordered) => ("status-backordered", Mood::Caution),
        Some(Kind::DateChanged) => {
            let change = Change::of(line, draft.today);
            let mood = if matches!(change, Change::Earlier | Change::Known) { Mood::Good } else { Mood::Caution };
            return Ok((voice.say("status-date-changed", &[("change", Value::Choice(change.word()))])?, mood));
        }
        Some(Kind::Overdue) => ("status-overdue", Mood::Caution),
        Some(Kind::Restocked) => ("status-restocked", Mood::Good),
        Some(Kind::Cancelled) => ("status-cancelled", Mood::Quiet),
        Some(Kind::ChoiceReceived) => ("status-choice-received", Mood::Good),
        Some(Kind::ChoiceRefused) => ("status-choice-refused", Mood::Caution),
        Some(Kind::StillWaiting | Kind::FreshLink) | None => match line.status {
            Status::Backordered => ("status-waiting", Mood::Quiet),
            Status::Ready => ("status-restocked", Mood::Good),
            Status::Shipped => ("status-shipped", Mood::Good),
            Status::Cancelled => ("status-cancelled", Mood::Quiet),
        },
    };
    Ok((voice.say(id, &[])?, mood))
}

fn facts(voice: &Voice, draft: &Draft, line: &DraftLine, density: Density) -> Result<Vec<Fact>, Unsayable> {
    let has_room = density != Density::Dense;
    let longest = if has_room { LONGEST_REASON } else { LONGEST_DENSE };
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
    if let Some(before) = outdated_day(draft, line).filter(|_| has_room) {
        add(voice.say("label-previous-date", &[])?, voice.day(before), Weight::Outdated);
    }
    if is_waiting(line) {
        let (meaning, value) = match still_to_come(line, draft.today) {
            Some(day) => (meaning(line), voice.day(day)),
            None => ("unknown", voice.say("date-unknown", &[])?),
        };
        add(voice.say("label-date", &[("meaning", Value::Choice(meaning))])?, value, Weight::Strong);
    }
    // Why the day is unknown is a part of the notice (US-6).
    let reason = line.terms.reason.as_deref().or(line.reason.as_deref());
    if let Some(reason) = reason.and_then(|reason| voice.quote(reason, longest)) {
        add(voice.say("label-reason", &[])?, reason, Weight::Plain);
    }
    // The notice names it too.
    let is_last_day = line.terms.silence == Silence::Cancels && has_room;
    if let Some(last_day) = line.terms.cancels_after.filter(|_| is_last_day) {
        add(voice.say("label-answer-by", &[])?, voice.day(last_day), Weight::Strong);
    }
    facts.extend(answer::facts(voice, draft, line, longest)?);
    Ok(facts)
}

/// The day she was told before, where the news is that it holds no longer.
fn outdated_day(draft: &Draft, line: &DraftLine) -> Option<Date> {
    let moved = matches!(line.news, Some(Kind::DateChanged | Kind::Overdue));
    line.previously_expected_by.filter(|before| moved && Some(*before) != still_to_come(line, draft.today))
}

fn next(voice: &Voice, draft: &Draft, line: &DraftLine) -> Result<Vec<String>, Unsayable> {
    let mut next = Vec::new();
    match line.news {
        Some(Kind::Restocked) => next.push(voice.say("next-restocked", &[])?),
        Some(Kind::Cancelled) => {
            if let Some(last_day) = line.silent_until {
                let date = voice.day(last_day);
                next.push(voice.say("next-cancelled-unanswered", &[("date", Value::Text(&date))])?);
            }
            next.push(voice.say("next-cancelled", &[])?);
        }
        Some(Kind::ChoiceRefused | Kind::FreshLink) => next.extend(as_it_stands(voice, line)?),
        _ => {}
    }
    // Who is owed a refund is not asked to wait, and where silence cancels, nothing is promised but what the notice says.
    let comes = !line.terms.refund_owed && line.terms.silence != Silence::Cancels;
    if is_waiting(line) && comes {
        let known = still_to_come(line, draft.today).is_some();
        next.push(voice.say(waits(still_missing(line).is_some(), known), &[])?);
    }
    if answer::is_settled(line) {
        next.extend(answer::next(voice, line)?);
    }
    if has_nothing_to_do(line) {
        next.push(voice.say("nothing-to-do", &[])?);
    }
    Ok(next)
}

fn waits(is_rest: bool, is_known: bool) -> &'static str {
    match (is_rest, is_known) {
        (true, true) => "next-rest-dated",
        (true, false) => "next-rest-undated",
        (false, true) => "next-dated",
        (false, false) => "next-undated",
    }
}

/// Where the line stands, for a mail that does not tell it as news.
fn as_it_stands(voice: &Voice, line: &DraftLine) -> Result<Vec<String>, Unsayable> {
    let ids: &[&'static str] = match (line.news, line.status) {
        (Some(Kind::ChoiceRefused), Status::Backordered) => &["next-stands"],
        (Some(Kind::ChoiceRefused), Status::Ready) => &["next-stands", "next-restocked"],
        (_, Status::Ready) => &["next-restocked"],
        (_, Status::Shipped) => &["next-shipped"],
        (Some(Kind::ChoiceRefused), Status::Cancelled) => &["next-cancelled"],
        _ => &[],
    };
    ids.iter().map(|id| voice.say(id, &[])).collect()
}

/// What came in, or what still comes within the time promised (US-3).
fn has_nothing_to_do(line: &DraftLine) -> bool {
    let terms = &line.terms;
    let in_time = terms.promised_by.zip(terms.expected_by).is_some_and(|(promised, expected)| expected <= promised);
    let is_told = line.news.is_some_and(Kind::is_news);
    !terms.asks && (line.news == Some(Kind::Restocked) || is_told && is_waiting(line) && in_time)
}

fn question(voice: &Voice, draft: &Draft, line: &DraftLine) -> Result<Option<Question>, Unsayable> {
    if !line.terms.asks {
        return Ok(None);
    }
    let url = |want| links::choice(&draft.shop.public_url, &draft.token, &line.line_id, want);
    Ok(Some(Question {
        wait: Link { words: voice.say("answer-wait", &[])?, url: url(Choice::Wait) },
        cancel: Link { words: voice.say("answer-cancel", &[])?, url: url(Choice::Cancel) },
    }))
}
