//! What she answered, as the mail about it keeps it: content, date and time, and the shop's reason if it refused.
//!
//! In: a line with an answer. Out: facts and sentences. None of them says that the shop has carried it out. Nothing can
//! go wrong but words that cannot be said.

use super::line::{Fact, Weight};
use super::news;
use super::voice::{Value, Voice};
use crate::choice::Choice;
use crate::outbox::notification::Kind;
use crate::promise::terms::Silence;
use crate::render::draft::{Draft, DraftLine};
use crate::render::words::Unsayable;
use crate::shop::line::RuleSet;

/// Whether the mail acknowledges the line's answer and asks nothing more about it.
///
/// Terms that offer a choice, or by which silence still counts, are said all the same.
pub fn is_settled(line: &DraftLine) -> bool {
    let is_acknowledged = line.news == Some(Kind::ChoiceReceived) && line.answer.is_some();
    is_acknowledged && !line.terms.stage.is_option() && line.terms.silence == Silence::NoEffect
}

/// What follows from the answer: a cancel is taken care of, and until the line ships a wait may become one.
pub fn next(voice: &Voice, line: &DraftLine) -> Result<Option<String>, Unsayable> {
    let id = match (news::answer(line), line.terms.rules) {
        (Some(Choice::Cancel), _) => "next-cancel-received",
        (Some(Choice::Wait), RuleSet::UsFtc) if line.terms.asks => "offer-still",
        (Some(Choice::Wait), _) if line.terms.asks => "may-still-cancel",
        _ => return Ok(None),
    };
    voice.say(id, &[]).map(Some)
}

/// The answer, when it arrived, and why it was refused.
pub fn facts(voice: &Voice, draft: &Draft, line: &DraftLine, longest: usize) -> Result<Vec<Fact>, Unsayable> {
    let Some(answer) = &line.answer else { return Ok(Vec::new()) };
    let choice = Value::Choice(answer.choice.word());
    let at = answer.at.to_zoned(draft.zone.clone());
    let mut facts = vec![
        fact(voice.say("label-answer", &[])?, voice.say("answered", &[("choice", choice)])?, Weight::Strong),
        fact(voice.say("label-answered-at", &[])?, voice.moment_in_zone(&at), Weight::Strong),
    ];
    if let Some(reason) = answer.refused_because.as_deref().and_then(|reason| voice.quote(reason, longest)) {
        facts.push(fact(voice.say("label-refused-because", &[])?, reason, Weight::Plain));
    }
    Ok(facts)
}

fn fact(label: String, value: String, weight: Weight) -> Fact {
    Fact { label, value, weight }
}
