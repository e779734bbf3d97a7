//! A notification becomes a message: subject, text, HTML and the bytes that are sent.
//!
//! ```text
//! draft ─┬─> letter ─┬─> text ─┬─> mail (MIME bytes)
//!  words ┘           └─> HTML ─┘
//! ```
//! In: a [`draft::Draft`], which holds all that is to be said. Out: a [`Message`], and by [`Message::to_mail`] the bytes.
//! Rendering is pure: the same draft gives the same bytes, on every try. What can go wrong: words of a shop that do not
//! load (at the start, with place and mend), a draft without news, an address that cannot stand in a header.

pub mod colour;
pub mod draft;
pub mod figures;
pub mod foreign;
pub mod letter;
pub mod mail;
pub mod mime;
pub mod page;
pub mod parts;
pub mod samples;
pub mod words;

use std::path::Path;

use icu_locale::{Locale, locale};

use self::draft::Draft;
use self::letter::Letter;
use self::letter::layout::Layout;
use self::words::{Unsayable, Words, WordsError};

/// Mail readers cut HTML after 102 KB.
const MOST_HTML_BYTES: usize = 100 * 1024;

/// Writes the messages of one shop.
pub struct Renderer {
    words: Words,
}

/// What a notification says, before it is wrapped for its way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    pub subject: String,
    pub text: String,
    pub html: String,
}

/// Why a draft could not be rendered. None of these heals by trying again.
#[derive(Debug, thiserror::Error)]
pub enum RenderError {
    #[error("none of the lines has the news that the mail is about")]
    NoNews,
    #[error(transparent)]
    Unsayable(#[from] Unsayable),
    #[error("a mail template failed: {0}")]
    Template(#[from] askama::Error),
    /// The address itself is left out, because errors are logged.
    #[error("the {header} address cannot stand in a mail: {problem}")]
    Address { header: &'static str, problem: String },
    #[error("the mail could not be put together: {0}")]
    Assembly(#[from] lettre::error::Error),
}

impl Renderer {
    /// Loads the words: ours, and over them those in the shop's folder, if it has one. Rendering reads no file.
    pub fn new(words_dir: Option<&Path>) -> Result<Renderer, WordsError> {
        Ok(Renderer { words: Words::load(words_dir)? })
    }

    /// The locales that have words of their own, for previews.
    pub fn locales(&self) -> Vec<&str> {
        self.words.locales()
    }

    /// Which of [`Renderer::locales`] has the words for a customer of `locale`.
    pub fn locale_of_words(&self, locale: &str) -> &str {
        self.words.name_of(&locale_of(locale))
    }

    /// Whether there are words in the language of `locale`.
    pub fn speaks(&self, locale: &str) -> bool {
        let language = |locale: &str| locale.parse::<Locale>().ok().map(|locale| locale.id.language);
        let wanted = language(locale);
        wanted.is_some() && self.words.locales().into_iter().any(|known| language(known) == wanted)
    }

    /// Everything that the mail says, in the customer's locale.
    pub fn render(&self, draft: &Draft) -> Result<Message, RenderError> {
        let locale = locale_of(&draft.locale);
        let lexicon = self.words.of(&locale);
        let mut layout = Layout::of(draft);
        loop {
            let letter = Letter::write(draft, &locale, lexicon, layout)?;
            let html = parts::html(&letter)?;
            match layout.tighter(html.len(), MOST_HTML_BYTES).filter(|_| html.len() > MOST_HTML_BYTES) {
                Some(tighter) => layout = tighter,
                None => return Ok(Message { text: parts::text(&letter)?, html, subject: letter.subject }),
            }
        }
    }
}

/// `de_DE` and `de-DE` are the same; what is no locale is read as English, as its words will be.
fn locale_of(locale: &str) -> Locale {
    locale.replace('_', "-").parse().unwrap_or(locale!("en"))
}
