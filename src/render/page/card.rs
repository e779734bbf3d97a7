//! One line of the order as a card: product, where it stands, days, her answer, what silence means, the buttons.

use super::facts::{AnswerFacts, Became, LineFacts, SilenceFacts, Stands, Wanted};
use super::shell::picture;
use crate::choice::Choice;
use crate::choice::decide::Why;
use crate::render::draft::{DateMeaning, ShopFace};
use crate::render::foreign::{self, web_address};
use crate::render::letter::voice::{Value, Voice};
use crate::render::words::Unsayable;

const LONGEST_NAME: usize = 120;
const LONGEST_REASON: usize = 400;
const LONGEST_ITEM_NUMBER: usize = 40;

/// One line of the order, in words.
#[derive(Debug)]
pub struct Card {
    pub line_id: String,
    pub seen: String,
    pub name: String,
    pub product_url: Option<String>,
    pub image_url: Option<String>,
    pub item_number: Option<String>,
    pub status: String,
    /// The class that colours the status; its words say the same.
    pub mood: &'static str,
    /// Labels with their values.
    pub facts: Vec<(String, String)>,
    /// Whose words these are, and what happens next.
    pub notes: Vec<String>,
    /// What she answered, and what became of it.
    pub answer: Vec<String>,
    /// What silence means, or what she agreed to; and its class.
    pub silence: Option<(&'static str, String)>,
    pub buttons: Vec<Button>,
    /// Whether the link or the form spoke of it.
    pub chosen: bool,
}

/// A button that answers.
#[derive(Debug)]
pub struct Button {
    /// The form's `choice`.
    pub choice: &'static str,
    pub words: String,
    /// The one that stands out.
    pub primary: bool,
    /// It asks first: what it does cannot be undone.
    pub asks_first: bool,
}

impl Card {
    pub fn of(voice: &Voice, shop: &ShopFace, line: &LineFacts, chosen: bool) -> Result<Card, Unsayable> {
        let number = line.sku.as_deref().and_then(|sku| foreign::shown(sku, LONGEST_ITEM_NUMBER));
        let (stands, mood) = standing(line.stands);
        let mut buttons = Vec::new();
        if line.may_wait {
            let words = voice.say("answer-wait", &[])?;
            buttons.push(Button { choice: Choice::Wait.word(), words, primary: true, asks_first: false });
        }
        if line.may_cancel {
            let words = voice.say("answer-cancel", &[])?;
            buttons.push(Button { choice: Choice::Cancel.word(), words, primary: false, asks_first: true });
        }
        Ok(Card {
            line_id: line.line_id.clone(),
            seen: line.seen.clone(),
            name: name(voice, line),
            product_url: line.product_url.as_deref().and_then(web_address),
            image_url: line.image_url.as_deref().and_then(|url| picture(url, &shop.public_url)),
            item_number: number.map(|number| voice.say("item-number", &[("sku", Value::Text(&number))])).transpose()?,
            status: voice.say("page-status", &[("stands", Value::Choice(stands))])?,
            mood,
            facts: facts(voice, line)?,
            notes: notes(voice, line)?,
            answer: line.answer.as_ref().map_or(Ok(Vec::new()), |answer| answered(voice, line, answer))?,
            silence: silence(voice, line.silence)?,
            buttons,
            chosen,
        })
    }

    /// The same with the one question whether she means what the link says.
    pub fn confirming(self, voice: &Voice, line: &LineFacts, choice: Choice) -> Result<Card, Unsayable> {
        let words = voice.say("page-confirm", &[("choice", Value::Choice(choice.word()))])?;
        let button = Button { choice: choice.word(), words, primary: true, asks_first: false };
        let mood = if choice == Choice::Cancel { "caution" } else { "quiet" };
        Ok(Card { silence: Some((mood, meaning(voice, line, choice)?)), buttons: vec![button], chosen: true, ..self })
    }
}

/// The name to show: the product's, else its number, else the line's.
fn name(voice: &Voice, line: &LineFacts) -> String {
    let names = [Some(&line.product_name), line.sku.as_ref(), Some(&line.line_id)];
    let shown = names.into_iter().flatten().find_map(|text| voice.quote(text, LONGEST_NAME));
    shown.unwrap_or_default()
}

fn standing(stands: Stands) -> (&'static str, &'static str) {
    match stands {
        Stands::Waiting => ("waiting", "caution"),
        Stands::Ready => ("ready", "good"),
        Stands::Cancelling => ("cancelling", "quiet"),
        Stands::Shipped => ("shipped", "good"),
        Stands::Cancelled => ("cancelled", "quiet"),
        Stands::Gone => ("gone", "quiet"),
    }
}

fn facts(voice: &Voice, line: &LineFacts) -> Result<Vec<(String, String)>, Unsayable> {
    let (open, short) = (voice.quantity(line.open), voice.quantity(line.short));
    let mut facts = Vec::new();
    let quantity = match line.stands {
        Stands::Waiting if line.short < line.open => {
            voice.say("part", &[("quantity", Value::Text(&short)), ("whole", Value::Text(&open))])?
        }
        Stands::Waiting | Stands::Ready | Stands::Cancelling => open,
        Stands::Shipped | Stands::Cancelled | Stands::Gone => return Ok(facts),
    };
    facts.push((voice.say("label-quantity", &[])?, quantity));
    if line.stands == Stands::Waiting {
        let (meaning, day) = match line.expected_by {
            Some(day) => (date_word(line.meaning), voice.day(day)),
            None => ("unknown", voice.say("date-unknown", &[])?),
        };
        facts.push((voice.say("label-date", &[("meaning", Value::Choice(meaning))])?, day));
    }
    if let Some(reason) = line.reason.as_deref().and_then(|reason| voice.quote(reason, LONGEST_REASON)) {
        facts.push((voice.say("label-reason", &[])?, reason));
    }
    Ok(facts)
}

fn date_word(meaning: DateMeaning) -> &'static str {
    match meaning {
        DateMeaning::Expected => "expected",
        DateMeaning::Shipping => "shipping",
        DateMeaning::Delivery => "delivery",
    }
}

fn notes(voice: &Voice, line: &LineFacts) -> Result<Vec<String>, Unsayable> {
    let mut notes = Vec::new();
    if line.stands == Stands::Ready {
        notes.push(voice.say("page-next-ready", &[])?);
    }
    if let Some(told_on) = line.told_on.filter(|_| line.stands == Stands::Waiting) {
        let day = voice.day(told_on);
        let id = if line.told_before { "page-told-newest" } else { "page-told" };
        notes.push(voice.say(id, &[("date", Value::Text(&day))])?);
    }
    Ok(notes)
}

fn answered(voice: &Voice, line: &LineFacts, answer: &AnswerFacts) -> Result<Vec<String>, Unsayable> {
    // Who reads it may live by other clocks than the shop.
    let at = format!("{} {}", voice.moment(answer.at.datetime()), answer.at.strftime("%Z"));
    let choice = Value::Choice(answer.choice.word());
    let mut sentences = vec![voice.say("page-answered", &[("choice", choice), ("at", Value::Text(&at))])?];
    match &answer.became {
        // The status says that it is done.
        Became::Recorded | Became::Taken if line.stands == Stands::Cancelled || answer.choice == Choice::Wait => {}
        Became::Recorded => sentences.push(voice.say("page-cancel-recorded", &[])?),
        Became::Taken => sentences.push(voice.say("page-cancel-taken", &[])?),
        Became::Overtaken => sentences.push(voice.say("page-answer-overtaken", &[])?),
        Became::Refused(reason) => {
            // The shop's sentence may end with its own full stop; ours follows.
            let reason = reason.as_deref().map(|reason| reason.trim_end_matches(['.', ' ']));
            sentences.push(match reason.and_then(|reason| foreign::shown(reason, LONGEST_REASON)) {
                Some(reason) => voice.say("page-answer-refused-because", &[("reason", Value::Text(&reason))])?,
                None => voice.say("page-answer-refused", &[])?,
            });
        }
    }
    Ok(sentences)
}

fn silence(voice: &Voice, silence: SilenceFacts) -> Result<Option<(&'static str, String)>, Unsayable> {
    let mood = match silence {
        SilenceFacts::Cancels(_) | SilenceFacts::Over(_) => "caution",
        _ => "plain",
    };
    let (id, day) = match silence {
        SilenceFacts::Unsaid => return Ok(None),
        SilenceFacts::Nothing => ("page-silence-nothing", None),
        SilenceFacts::Answered => ("page-silence-answered", None),
        SilenceFacts::Consent(day) => ("page-silence-consent", Some(day)),
        SilenceFacts::Cancels(day) => ("page-silence-cancels", Some(day)),
        SilenceFacts::Over(day) => ("page-silence-over", Some(day)),
        SilenceFacts::Agreed(Some(day)) => ("page-agreed-until", Some(day)),
        SilenceFacts::Agreed(None) => ("page-agreed", None),
    };
    Ok(Some((mood, dated(voice, id, day)?)))
}

/// What the choice means for her.
fn meaning(voice: &Voice, line: &LineFacts, choice: Choice) -> Result<String, Unsayable> {
    match (choice, line.wait_agrees_to) {
        (Choice::Cancel, _) => {
            let quantity = voice.quantity(line.open);
            voice.say("page-confirm-what-cancel", &[("quantity", Value::Text(&quantity))])
        }
        (Choice::Wait, None) => voice.say("page-confirm-what-wait", &[]),
        (Choice::Wait, Some(Some(day))) => dated(voice, "page-confirm-what-wait-until", Some(day)),
        (Choice::Wait, Some(None)) => voice.say("page-confirm-what-wait-open", &[]),
    }
}

/// What became of the answer that the link or the form was about, for the head of the page; and its class.
pub fn banner(voice: &Voice, line: &LineFacts, wanted: Wanted) -> Result<Option<(&'static str, String)>, Unsayable> {
    let said = match wanted {
        Wanted::Confirm(_) => return Ok(None),
        Wanted::Recorded(choice) => {
            return Ok(Some(("good", voice.say("page-recorded", &[("choice", Value::Choice(choice.word()))])?)));
        }
        Wanted::NotTaken(Why::Shipped) => voice.say("page-not-taken-shipped", &[])?,
        Wanted::NotTaken(Why::CancelledByShop) => voice.say("page-not-taken-cancelled", &[])?,
        Wanted::NotTaken(Why::Gone) => voice.say("page-not-taken-gone", &[])?,
        Wanted::NotTaken(Why::CancelStands) => voice.say("page-not-taken-cancel-stands", &[])?,
        Wanted::NotTaken(Why::NewerNews) => voice.say("page-not-taken-newer", &[])?,
        Wanted::NotTaken(Why::TooLate) => {
            let last_day = match line.silence {
                SilenceFacts::Over(day) => Some(day),
                _ => None,
            };
            dated(voice, "page-not-taken-late", last_day)?
        }
    };
    Ok(Some(("caution", said)))
}

fn dated(voice: &Voice, id: &'static str, day: Option<jiff::civil::Date>) -> Result<String, Unsayable> {
    let day = day.map(|day| voice.day(day)).unwrap_or_default();
    voice.say(id, &[("date", Value::Text(&day))])
}
