//! The letter: every word and link of a mail, in order, before it takes the shape of text or of HTML.
//!
//! In: a draft, and the words of the customer's locale. Out: a [`Letter`], which both parts of the mail print, so that
//! neither can say what the other does not. What can go wrong: a draft without news, or of a kind that has no words.

pub mod alternatives;
pub mod line;
pub mod news;
pub mod subject;
pub mod voice;

use icu_locale::Locale;

use self::alternatives::Replacement;
use self::line::{Entry, Link};
use self::news::Change;
use self::voice::{Value, Voice};
use super::RenderError;
use super::colour::Accent;
use super::draft::{Draft, DraftLine};
use super::foreign::{self, web_address};
use super::words::{Lexicon, Unsayable};
use crate::links;
use crate::outbox::notification::Kind;

/// More news than this is set closely: links in place of buttons, smaller pictures.
const MOST_WIDE_LINES: usize = 10;
const LONGEST_NAME: usize = 100;
const LONGEST_ADDRESS: usize = 300;

/// Every word and link of one mail.
#[derive(Debug)]
pub struct Letter {
    /// Of the words, for `lang`.
    pub language: String,
    /// Of the page, for `dir`: `ltr` or `rtl`.
    pub direction: &'static str,
    pub accent: Accent,
    pub subject: String,
    pub shop_name: String,
    pub shop_url: Option<String>,
    pub logo_url: Option<String>,
    pub order: String,
    pub headline: String,
    pub hello: String,
    pub intro: String,
    pub news: Vec<Entry>,
    /// Whether the news is set closely, because there is so much of it.
    pub close: bool,
    pub also_waiting: String,
    pub waiting: Vec<Entry>,
    /// How many lines there was no room for, in words.
    pub more: Option<String>,
    /// Where those can be answered, if the mail asks.
    pub all_lines: Option<Link>,
    pub alternatives: String,
    pub replacements: Vec<Replacement>,
    pub regards: String,
    pub questions: String,
    pub postal_address: String,
    pub why: String,
}

impl Letter {
    /// Shows up to `most_lines` lines, those with news first, and says how many more there are.
    pub fn write(draft: &Draft, locale: &Locale, lexicon: &Lexicon, most_lines: usize) -> Result<Letter, RenderError> {
        let voice = &Voice::new(lexicon, locale);
        let (news, waiting): (Vec<&DraftLine>, Vec<&DraftLine>) =
            draft.lines.iter().partition(|line| line.news.is_some());
        let naming: Vec<&DraftLine> = news.iter().copied().filter(|line| line.news == Some(draft.kind)).collect();
        let entries = |lines: &[&DraftLine], room: usize| -> Result<Vec<Entry>, RenderError> {
            lines.iter().take(room).map(|line| Entry::of(voice, draft, line)).collect()
        };
        let shop_name = voice.quote(&draft.shop.name, LONGEST_NAME).unwrap_or_default();
        let order_number = foreign::shown(&draft.order_number, LONGEST_NAME).unwrap_or_default();
        let hidden = draft.lines.len().saturating_sub(most_lines);
        Ok(Letter {
            language: voice.language(),
            direction: if voice.right_to_left { "rtl" } else { "ltr" },
            accent: Accent::of(&draft.shop.accent),
            subject: subject::subject(voice, draft, &naming)?,
            shop_url: web_address(&draft.shop.url),
            logo_url: draft.shop.logo_url.as_deref().and_then(web_address),
            order: voice.say("order", &[("order", Value::Text(&order_number))])?,
            headline: headline(voice, draft, &naming)?,
            hello: hello(voice, draft)?,
            intro: intro(voice, draft, &naming)?,
            close: news.len() > MOST_WIDE_LINES,
            news: entries(&news, most_lines)?,
            also_waiting: voice.say("also-waiting", &[])?,
            waiting: entries(&waiting, most_lines.saturating_sub(news.len()))?,
            more: (hidden > 0).then(|| voice.say("more-lines", &[("count", Value::Count(hidden))])).transpose()?,
            all_lines: all_lines(voice, draft, hidden)?,
            alternatives: voice.say("alternatives", &[])?,
            replacements: alternatives::replacements(voice, &draft.lines)?,
            regards: voice.say("regards", &[])?,
            questions: voice
                .say("questions", &[("email", Value::Text(&foreign::one_line(&draft.shop.support_email)))])?,
            postal_address: postal_address(voice, &draft.shop.postal_address),
            why: voice.say("why", &[("shop", Value::Text(&shop_name)), ("order", Value::Text(&order_number))])?,
            shop_name,
        })
    }
}

/// `lines` are those whose news names the mail; here and in [`intro`].
fn headline(voice: &Voice, draft: &Draft, lines: &[&DraftLine]) -> Result<String, RenderError> {
    let count = [("count", Value::Count(lines.len()))];
    let change = [("change", Value::Choice(Change::of_all(lines.iter().copied(), draft.today).word()))];
    let headline = match draft.kind {
        Kind::Backordered => voice.say("headline-backordered", &count),
        Kind::DateChanged => voice.say("headline-date-changed", &change),
        Kind::Overdue => voice.say("headline-overdue", &[]),
        Kind::Restocked => voice.say("headline-restocked", &count),
        Kind::Cancelled => voice.say("headline-cancelled", &[]),
        Kind::StillWaiting => voice.say("headline-still-waiting", &[]),
        kind @ (Kind::ReplyNeeded | Kind::ChoiceReceived | Kind::ChoiceRefused | Kind::FreshLink) => {
            return Err(RenderError::NoWords { kind });
        }
    };
    Ok(headline?)
}

fn intro(voice: &Voice, draft: &Draft, lines: &[&DraftLine]) -> Result<String, RenderError> {
    let change = [("change", Value::Choice(Change::of_all(lines.iter().copied(), draft.today).word()))];
    let intro = match draft.kind {
        Kind::Backordered => voice.say("intro-backordered", &[]),
        Kind::DateChanged => voice.say("intro-date-changed", &change),
        Kind::Overdue => voice.say("intro-overdue", &[]),
        Kind::Restocked => voice.say("intro-restocked", &[]),
        Kind::Cancelled => voice.say("intro-cancelled", &[]),
        Kind::StillWaiting => voice.say("intro-still-waiting", &[]),
        kind @ (Kind::ReplyNeeded | Kind::ChoiceReceived | Kind::ChoiceRefused | Kind::FreshLink) => {
            return Err(RenderError::NoWords { kind });
        }
    };
    Ok(intro?)
}

fn hello(voice: &Voice, draft: &Draft) -> Result<String, Unsayable> {
    match draft.recipient_name.as_deref().and_then(|name| foreign::shown(name, LONGEST_NAME)) {
        Some(name) => voice.say("hello-name", &[("name", Value::Text(&name))]),
        None => voice.say("hello", &[]),
    }
}

fn all_lines(voice: &Voice, draft: &Draft, hidden: usize) -> Result<Option<Link>, Unsayable> {
    if hidden == 0 || !draft.lines.iter().any(|line| line.asks) {
        return Ok(None);
    }
    let url = links::choice_page(&draft.shop.public_url, &draft.token);
    Ok(Some(Link { words: voice.say("all-lines", &[])?, url }))
}

/// On one line, also where the settings have it on several.
fn postal_address(voice: &Voice, address: &str) -> String {
    let parts: Vec<String> = address.lines().map(foreign::one_line).filter(|part| !part.is_empty()).collect();
    voice.quote(&parts.join(", "), LONGEST_ADDRESS).unwrap_or_default()
}
