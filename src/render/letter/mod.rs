//! The letter: every word and link of a mail, in order, before it takes the shape of text or of HTML.
//!
//! In: a draft, the words of the customer's locale, and how much room there is. Out: a [`Letter`], which both parts of
//! the mail print, so that neither can say what the other does not. What happened and her choice come first,
//! alternatives last. What can go wrong: a draft without news.

pub mod alternatives;
pub mod answer;
pub mod group;
pub mod law;
pub mod layout;
pub mod line;
pub mod news;
pub mod subject;
pub mod top;
pub mod voice;

use icu_locale::Locale;

use self::alternatives::Replacement;
use self::group::{Group, grouped};
use self::layout::{Density, Layout};
use self::line::{Entry, Link};
use self::voice::{Value, Voice};
use super::RenderError;
use super::colour::Accent;
use super::draft::{Draft, DraftLine};
use super::foreign::{self, web_address};
use super::words::{Lexicon, Unsayable};
use crate::links;
use crate::outbox::notification::Kind;

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
    pub density: Density,
    pub subject: String,
    /// For the list of mails; it says nothing that the letter does not.
    pub preview: String,
    pub shop_name: String,
    pub shop_url: Option<String>,
    pub logo_url: Option<String>,
    pub order: String,
    pub headline: String,
    pub hello: String,
    pub intro: String,
    /// What the whole letter is about, where that is a link.
    pub button: Option<Link>,
    pub news: Vec<Group>,
    pub also_waiting: String,
    pub waiting: Vec<Group>,
    /// How many lines there was no room for, in words.
    pub more: Option<String>,
    /// Where the whole order and her answers can be seen.
    pub page: Option<Link>,
    pub alternatives: String,
    pub replacements: Vec<Replacement>,
    pub regards: String,
    pub questions: String,
    pub postal_address: String,
    pub why: String,
}

impl Letter {
    /// Shows as many lines as the layout has room for, those with news first, and says how many more there are.
    pub fn write(draft: &Draft, locale: &Locale, lexicon: &Lexicon, layout: Layout) -> Result<Letter, RenderError> {
        let voice = &Voice::new(lexicon, locale);
        let naming: Vec<&DraftLine> = draft.lines.iter().filter(|line| line.news == Some(draft.kind)).collect();
        let shown = layout.shown(draft);
        let (news, waiting): (Vec<&DraftLine>, Vec<&DraftLine>) =
            shown.iter().copied().partition(|line| line.news.is_some());
        let groups = |lines: Vec<&DraftLine>| -> Result<Vec<Group>, Unsayable> {
            let entries = lines.into_iter().map(|line| Entry::of(voice, draft, line, layout.density));
            grouped(voice, entries.collect::<Result<_, _>>()?)
        };
        let shop_name = voice.quote(&draft.shop.name, LONGEST_NAME).unwrap_or_default();
        let order_number = foreign::shown(&draft.order_number, LONGEST_NAME).unwrap_or_default();
        let hidden = draft.lines.len().saturating_sub(shown.len());
        let intro = top::intro(voice, draft, &naming)?;
        // Only what tells news may recommend something, and only where there is room for what matters.
        let may_recommend = draft.kind.is_news() && layout.density != Density::Dense;
        Ok(Letter {
            language: voice.language(),
            direction: if voice.right_to_left { "rtl" } else { "ltr" },
            accent: Accent::of(&draft.shop.accent),
            density: layout.density,
            subject: subject::subject(voice, draft, &naming)?,
            preview: top::preview(voice, draft, &intro)?,
            shop_url: web_address(&draft.shop.url),
            logo_url: draft.shop.logo_url.as_deref().and_then(web_address),
            order: voice.say("order", &[("order", Value::Text(&order_number))])?,
            headline: top::headline(voice, draft, &naming)?,
            hello: top::hello(voice, draft)?,
            intro,
            button: (draft.kind == Kind::FreshLink).then(|| page(voice, draft, "see-order")).transpose()?,
            news: groups(news)?,
            also_waiting: voice.say("also-waiting", &[])?,
            waiting: groups(waiting)?,
            more: (hidden > 0).then(|| voice.say("more-lines", &[("count", Value::Count(hidden))])).transpose()?,
            page: link_below(voice, draft, hidden)?,
            alternatives: voice.say("alternatives", &[])?,
            replacements: if may_recommend { alternatives::replacements(voice, &draft.lines)? } else { Vec::new() },
            regards: voice.say("regards", &[])?,
            questions: voice
                .say("questions", &[("email", Value::Text(&foreign::one_line(&draft.shop.support_email)))])?,
            postal_address: postal_address(voice, &draft.shop.postal_address),
            why: voice.say("why", &[("shop", Value::Text(&shop_name)), ("order", Value::Text(&order_number))])?,
            shop_name,
        })
    }
}

/// The link to the whole order, where she answered, or where a letter that asks has no room for all of it.
fn link_below(voice: &Voice, draft: &Draft, hidden: usize) -> Result<Option<Link>, Unsayable> {
    let answered = matches!(draft.kind, Kind::ChoiceReceived | Kind::ChoiceRefused);
    let asks = draft.lines.iter().any(|line| line.terms.asks);
    match (answered, hidden > 0 && asks) {
        (true, _) => page(voice, draft, "see-answers").map(Some),
        (false, true) => page(voice, draft, "all-lines").map(Some),
        (false, false) => Ok(None),
    }
}

fn page(voice: &Voice, draft: &Draft, words: &'static str) -> Result<Link, Unsayable> {
    Ok(Link { words: voice.say(words, &[])?, url: links::choice_page(&draft.shop.public_url, &draft.token) })
}

/// On one line, also where the settings have it on several.
fn postal_address(voice: &Voice, address: &str) -> String {
    let parts: Vec<String> = address.lines().map(foreign::one_line).filter(|part| !part.is_empty()).collect();
    voice.quote(&parts.join(", "), LONGEST_ADDRESS).unwrap_or_default()
}
