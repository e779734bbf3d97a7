//! Says a message in the customer's words, with days and numbers as her locale writes them.
//!
//! In: a message's id and its variables. Out: one sentence that keeps its own direction, also where the page runs the
//! other way (English words for a locale that is written from right to left).

use std::rc::Rc;

use fluent_bundle::{FluentArgs, FluentValue};
use icu_locale::{Locale, LocaleDirectionality};
use jiff::Zoned;
use jiff::civil::{Date, DateTime};
use rust_decimal::Decimal;

use crate::render::figures::Figures;
use crate::render::foreign;
use crate::render::words::{Lexicon, Unsayable};

/// The value of a variable.
pub enum Value<'text> {
    /// Text that may run in any direction: names, days, numbers.
    Text(&'text str),
    /// One of the words that a message chooses by; never shown.
    Choice(&'static str),
    Count(usize),
}

pub struct Voice<'words> {
    lexicon: &'words Lexicon,
    figures: Rc<Figures>,
    /// Whether the customer's page runs from right to left.
    pub right_to_left: bool,
    words_right_to_left: bool,
}

impl<'words> Voice<'words> {
    pub fn new(lexicon: &'words Lexicon, locale: &Locale) -> Voice<'words> {
        let directions = LocaleDirectionality::new_common();
        Voice {
            lexicon,
            figures: Figures::of(locale),
            right_to_left: directions.is_right_to_left(&locale.id),
            words_right_to_left: directions.is_right_to_left(&lexicon.language),
        }
    }

    /// The language of the words, for readers that speak them aloud.
    pub fn language(&self) -> String {
        self.lexicon.language.to_string()
    }

    pub fn say(&self, id: &'static str, variables: &[(&'static str, Value)]) -> Result<String, Unsayable> {
        let mut values = FluentArgs::with_capacity(variables.len());
        for (name, value) in variables {
            let value: FluentValue = match value {
                Value::Text(text) => foreign::isolated(text, self.words_right_to_left).into(),
                Value::Choice(word) => (*word).into(),
                Value::Count(count) => (*count).into(),
            };
            values.set(*name, value);
        }
        let sentence = self.lexicon.say(id, &values)?;
        Ok(if self.right_to_left == self.words_right_to_left { sentence } else { foreign::isolated(&sentence, true) })
    }

    /// Sentences one after the other, in the direction of their words.
    pub fn paragraph(&self, sentences: &[String]) -> String {
        let paragraph = sentences.join(" ");
        let runs_across = sentences.len() > 1 && self.right_to_left != self.words_right_to_left;
        if runs_across { foreign::isolated(&paragraph, true) } else { paragraph }
    }

    /// Text of others that stands alone on the page.
    pub fn quote(&self, text: &str, longest: usize) -> Option<String> {
        foreign::shown(text, longest).map(|text| foreign::isolated(&text, self.right_to_left))
    }

    pub fn day(&self, day: Date) -> String {
        self.figures.day(day)
    }

    pub fn moment(&self, moment: DateTime) -> String {
        self.figures.moment(moment)
    }

    pub fn moment_in_zone(&self, moment: &Zoned) -> String {
        self.figures.moment_in_zone(moment)
    }

    pub fn quantity(&self, quantity: Decimal) -> String {
        self.figures.quantity(quantity)
    }

    pub fn price(&self, price: Decimal, currency: &str) -> String {
        self.figures.price(price, currency)
    }
}
