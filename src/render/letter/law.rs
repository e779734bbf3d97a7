//! What the law has the mail say about one line: what she may do, and what her silence means.
//!
//! In: the line's terms, and nothing else of it. Out: a [`Notice`]. Only `us-ftc` gives silence a meaning (US-7, US-8,
//! US-12); under `uk`, `eu` and `none` it changes nothing, whatever else the terms say (EU-5). Nothing can go wrong but
//! words that cannot be said.

use jiff::civil::Date;

use super::news::still_to_come;
use super::voice::{Value, Voice};
use crate::promise::terms::{Silence, Terms};
use crate::render::draft::DraftLine;
use crate::render::words::Unsayable;
use crate::shop::line::RuleSet;

/// What the law has the mail say about one line. Empty where it asks for nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Notice {
    /// What she may do, or what is owed to her.
    pub first: Option<String>,
    /// What it means if she does not answer.
    pub silence: Option<String>,
    /// Whether it means that her order ends, so that nobody may overlook it.
    pub silence_cancels: bool,
    /// What else she has to know, sentence by sentence.
    pub more: Vec<String>,
}

impl Notice {
    pub fn of(voice: &Voice, line: &DraftLine, today: Date) -> Result<Notice, Unsayable> {
        let expected_by = still_to_come(line, today);
        match line.terms.rules {
            RuleSet::UsFtc if line.terms.refund_owed => refund_owed(voice),
            RuleSet::UsFtc => united_states(voice, &line.terms, expected_by),
            RuleSet::Uk | RuleSet::Eu | RuleSet::None => elsewhere(voice, &line.terms, expected_by),
        }
    }

    pub fn is_empty(&self) -> bool {
        *self == Notice::default()
    }
}

/// No option was offered in time: the facts and the refund, no wait, nothing about silence (US-15).
fn refund_owed(voice: &Voice) -> Result<Notice, Unsayable> {
    let more = vec![voice.say("refund-because", &[])?, voice.say("nothing-to-do", &[])?];
    Ok(Notice { first: Some(voice.say("refund-owed", &[])?), more, ..Notice::default() })
}

fn united_states(voice: &Voice, terms: &Terms, expected_by: Option<Date>) -> Result<Notice, Unsayable> {
    let mut notice = Notice { silence_cancels: terms.silence == Silence::Cancels, ..Notice::default() };
    let is_choice = terms.stage.is_option() || terms.silence != Silence::NoEffect;
    if terms.asks {
        // The right to cancel, the refund, and the new day or that none can be given (US-5).
        notice.first = Some(match (is_choice, expected_by) {
            (true, Some(day)) => dated(voice, "offer-dated", day)?,
            (true, None) => voice.say("offer-undated", &[])?,
            (false, _) => voice.say("offer-still", &[])?,
        });
        if is_choice && expected_by.is_none() {
            notice.more.push(voice.say("wait-undated", &[])?);
        }
        notice.more.push(voice.say("costs-nothing", &[])?);
    }
    notice.silence = match (terms.silence, terms.expected_by, terms.cancels_after) {
        (Silence::Consent, Some(day), _) => Some(dated(voice, "silence-consent", day)?),
        (Silence::Cancels, _, Some(last_day)) => Some(dated(voice, "silence-cancels", last_day)?),
        _ if terms.asks => Some(voice.say("silence-as-told", &[])?),
        _ => None,
    };
    Ok(notice)
}

fn elsewhere(voice: &Voice, terms: &Terms, expected_by: Option<Date>) -> Result<Notice, Unsayable> {
    if !terms.asks {
        return Ok(Notice::default());
    }
    // What was agreed stays agreed (EU-5).
    let agreed = terms.promised_by.filter(|agreed| expected_by.is_none_or(|day| day > *agreed));
    let silence = match agreed {
        Some(agreed) => dated(voice, "silence-nothing-agreed", agreed)?,
        None => voice.say("silence-nothing", &[])?,
    };
    Ok(Notice { first: Some(voice.say("ask", &[])?), silence: Some(silence), ..Notice::default() })
}

fn dated(voice: &Voice, id: &'static str, day: Date) -> Result<String, Unsayable> {
    voice.say(id, &[("date", Value::Text(&voice.day(day)))])
}
