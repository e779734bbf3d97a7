//! The two parts of a mail: the letter as text and the letter as HTML.
//!
//! In: a letter. Out: both parts, from `templates/mail/`. The text is set in lines of at most 72 characters, links
//! alone on theirs. Nothing can go wrong but a template that fails to write, which is passed on.

#![expect(
    clippy::inline_always,
    clippy::unnecessary_wraps,
    clippy::unused_self,
    reason = "askama's filters have this form, whatever they do"
)]

use askama::Template;

use super::foreign::length;
use super::letter::Letter;
use super::letter::layout::Density;
use super::letter::line::{Mood, Weight};

/// Short enough to be quoted once or twice without being broken anew.
const LINE_LENGTH: usize = 72;

#[derive(Template)]
#[template(path = "mail/letter.html", whitespace = "minimize")]
struct HtmlPart<'letter> {
    letter: &'letter Letter,
}

#[derive(Template)]
#[template(path = "mail/letter.txt", escape = "none")]
struct TextPart<'letter> {
    letter: &'letter Letter,
}

/// The HTML part; every style that matters is inline.
pub fn html(letter: &Letter) -> Result<String, askama::Error> {
    with_room(&HtmlPart { letter }, 16 * 1024)
}

/// The text part, with `\n` at the end of each line.
pub fn text(letter: &Letter) -> Result<String, askama::Error> {
    let text = with_room(&TextPart { letter }, 4 * 1024)?;
    let mut lines = String::with_capacity(text.len());
    for line in text.lines().map(str::trim_end) {
        // Where the template leaves something out, two empty lines may meet.
        let doubled = line.is_empty() && (lines.is_empty() || lines.ends_with("\n\n"));
        if !doubled {
            lines.push_str(line);
            lines.push('\n');
        }
    }
    lines.truncate(lines.trim_end().len());
    lines.push('\n');
    Ok(lines)
}

/// What a template writes, into `room` bytes if that is enough: a string that grows is copied each time.
fn with_room(template: &impl Template, room: usize) -> Result<String, askama::Error> {
    let mut written = String::with_capacity(room);
    template.render_into(&mut written)?;
    Ok(written)
}

impl Mood {
    /// The class that the dark page colours.
    fn class(self) -> &'static str {
        match self {
            Mood::Good => "good",
            Mood::Caution => "caution",
            Mood::Quiet => "quiet",
        }
    }

    fn style(self) -> &'static str {
        match self {
            Mood::Good => "background:#ddf3e5;color:#14532d",
            Mood::Caution => "background:#fdeecb;color:#6b4200",
            Mood::Quiet => "background:#e8eaee;color:#3a414b",
        }
    }
}

impl Weight {
    /// The class that the dark page colours; none: it is coloured as the letter.
    fn class(self) -> &'static str {
        match self {
            Weight::Plain | Weight::Strong => "",
            Weight::Outdated => "soft",
        }
    }

    /// What follows in a style that has begun.
    fn style(self) -> &'static str {
        match self {
            Weight::Plain => "",
            Weight::Strong => ";font-weight:600",
            Weight::Outdated => ";color:#5b6470;text-decoration:line-through",
        }
    }
}

impl TextPart<'_> {
    fn rule(&self) -> String {
        "-".repeat(LINE_LENGTH)
    }
}

/// What the templates call with `|`.
mod filters {
    use super::{LINE_LENGTH, length, wrap};
    use crate::render::letter::alternatives::Product;
    use crate::render::letter::line::Fact;

    #[askama::filter_fn]
    pub fn wrapped(text: &str, _: &dyn askama::Values, indent: usize) -> askama::Result<String> {
        let indent = " ".repeat(indent);
        Ok(wrap(text, &indent, &indent))
    }

    #[askama::filter_fn]
    pub fn underlined(text: &str, _: &dyn askama::Values) -> askama::Result<String> {
        Ok("=".repeat(length(text).min(LINE_LENGTH)))
    }

    #[askama::filter_fn]
    pub fn labelled(fact: &Fact, _: &dyn askama::Values) -> askama::Result<String> {
        Ok(wrap(&format!("{}: {}", fact.label, fact.value), "  ", "    "))
    }

    #[askama::filter_fn]
    pub fn listed(product: &Product, _: &dyn askama::Values) -> askama::Result<String> {
        let price = product.price.iter().flat_map(|price| [", ", price]).collect::<String>();
        Ok(wrap(&format!("{}{price}", product.name), "* ", "  "))
    }
}

/// Breaks a text at its spaces. A word that is longer than a line stays whole.
fn wrap(text: &str, first_indent: &str, indent: &str) -> String {
    let mut wrapped = first_indent.to_owned();
    let mut used = first_indent.len();
    for (index, word) in text.split(' ').enumerate() {
        let word_length = length(word);
        if index > 0 && used + 1 + word_length > LINE_LENGTH {
            wrapped.push('\n');
            wrapped.push_str(indent);
            used = indent.len();
        } else if index > 0 {
            wrapped.push(' ');
            used += 1;
        }
        wrapped.push_str(word);
        used += word_length;
    }
    wrapped
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use unicode_segmentation::UnicodeSegmentation;

    use super::*;

    #[test]
    fn text_is_broken_at_spaces_and_hangs_below_its_label() {
        let text = "Reason: ".to_owned() + &"the container is late ".repeat(5);
        assert_eq!(
            wrap(text.trim(), "  ", "    "),
            "  Reason: the container is late the container is late the container is\n    \
             late the container is late the container is late"
        );
    }

    proptest! {
        #[test]
        fn wrapping_changes_nothing_but_spaces(words in prop::collection::vec("[a-zé👩]{1,30}", 1..30)) {
            let text = words.join(" ");
            let wrapped = wrap(&text, "  ", "    ");
            prop_assert_eq!(wrapped.split_whitespace().collect::<Vec<_>>(), words);
            prop_assert!(wrapped.lines().all(|line| line.graphemes(true).count() <= LINE_LENGTH));
        }
    }
}
