//! Events of mail providers, and those that anybody may send in our own words.
//!
//! In: the JSON that a provider posts. Out: what came back, one after the other, or what is wrong and where. What else
//! a provider tells (deliveries, opened mails) is heard and nothing follows. Pure; nothing is fetched.

mod generic;
mod mailgun;
mod postmark;
mod sendgrid;
mod ses;

use serde_json::Value;

use super::diagnosis::{Said, verdict};
use super::{Returned, Verdict};

/// More events than any provider sends at once.
const MOST_EVENTS: usize = 10_000;

/// Whose words the events are in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Provider {
    Generic,
    Ses,
    Postmark,
    SendGrid,
    Mailgun,
}

/// One event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    Returned(Returned),
    /// A mail came back, and nothing in the event names a notification.
    Unnamed,
    /// Something else.
    Nothing,
    /// The provider wants to know that we asked for its events: a person may open this address.
    Confirm {
        topic: String,
        url: String,
    },
}

/// An event that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {what}")]
pub struct BadEvent {
    /// Such as `[1].type`.
    pub place: String,
    pub what: String,
}

impl Provider {
    pub const ALL: [Provider; 5] =
        [Provider::Generic, Provider::Ses, Provider::Postmark, Provider::SendGrid, Provider::Mailgun];

    pub fn word(self) -> &'static str {
        match self {
            Provider::Generic => "generic",
            Provider::Ses => "ses",
            Provider::Postmark => "postmark",
            Provider::SendGrid => "sendgrid",
            Provider::Mailgun => "mailgun",
        }
    }

    pub fn of_word(word: &str) -> Option<Provider> {
        Provider::ALL.into_iter().find(|provider| provider.word() == word)
    }

    /// Whether what was posted bears the signature of `key`. Mailgun alone signs with a secret that both sides have.
    pub fn is_signed(self, body: &[u8], key: &str) -> bool {
        let Ok(value) = serde_json::from_slice::<Value>(body) else { return false };
        let signed = |event: &Value| self == Provider::Mailgun && mailgun::is_signed(event, key);
        value.as_array().map_or_else(|| signed(&value), |events| events.iter().all(signed))
    }

    /// Reads what was posted: one event, or a list of them. One that is wrong and none counts.
    pub fn read(self, body: &[u8]) -> Result<Vec<Heard>, BadEvent> {
        let value: Value =
            serde_json::from_slice(body).map_err(|error| bad("the body", format!("no JSON: {error}")))?;
        let events = match value {
            Value::Array(events) if events.len() > MOST_EVENTS => {
                return Err(bad("the body", format!("more than {MOST_EVENTS} events; send fewer at once")));
            }
            Value::Array(events) => {
                events.into_iter().enumerate().map(|(n, event)| (format!("[{n}]"), event)).collect()
            }
            event => vec![(String::new(), event)],
        };
        let mut heard = Vec::with_capacity(events.len());
        for (place, event) in &events {
            if !event.is_object() {
                let place = if place.is_empty() { "the body" } else { place };
                return Err(bad(place, "an event is an object: {...}"));
            }
            heard.extend(match self {
                Provider::Generic => vec![generic::read(event, place)?],
                Provider::Ses => ses::read(event, place)?,
                Provider::Postmark => vec![postmark::read(event)],
                Provider::SendGrid => vec![sendgrid::read(event)],
                Provider::Mailgun => vec![mailgun::read(event)],
            });
        }
        Ok(heard)
    }
}

fn bad(place: &str, what: impl Into<String>) -> BadEvent {
    BadEvent { place: place.trim_start_matches('.').to_owned(), what: what.into() }
}

/// The text at a place such as `/mail/messageId`; empty ones are none.
fn text<'a>(event: &'a Value, pointer: &str) -> Option<&'a str> {
    event.pointer(pointer).and_then(Value::as_str).filter(|text| !text.is_empty())
}

/// What the codes say where the provider itself calls it permanent; without codes the provider is believed.
fn permanent(status: Option<&str>, diagnosis: Option<&str>) -> Verdict {
    if status.is_none() && diagnosis.is_none() {
        return Verdict::Hard;
    }
    let said = Said { action: Some("failed"), status, diagnosis, at_recipient: true };
    verdict(said).unwrap_or(Verdict::Undelivered)
}

fn heard(returned: Returned) -> Heard {
    if returned.names.is_empty() { Heard::Unnamed } else { Heard::Returned(returned) }
}
