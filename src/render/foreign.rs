//! Text that others wrote, made fit to stand in a mail: names, reasons, numbers, addresses of pages.
//!
//! In: anything, ten thousand characters of it if need be. Out: one line without control characters, short enough to
//! be shown, in its own direction; or a web address, if it is one. Nothing can go wrong. HTML is escaped by the
//! templates, headers are encoded by `mail`.

use unicode_segmentation::UnicodeSegmentation;

use crate::characters::turns_direction;

const ISOLATE: char = '\u{2068}';
const ISOLATE_END: char = '\u{2069}';
const ELLIPSIS: char = '…';
/// Addresses beyond this are not followed by every mail reader.
const LONGEST_ADDRESS: usize = 2_000;

/// One line: every run of white space is one space, control characters are gone.
///
/// Marks that turn the direction of the text go too: left open, they would turn the words around them.
pub fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len().min(256));
    for word in text.split(|character: char| character.is_whitespace() || character.is_control()) {
        let start = line.len();
        if !line.is_empty() {
            line.push(' ');
        }
        let before = line.len();
        line.extend(word.chars().filter(|character| !turns_direction(*character)));
        if line.len() == before {
            line.truncate(start);
        }
    }
    line
}

/// How many characters a reader counts in one line.
pub fn length(line: &str) -> usize {
    if line.is_ascii() { line.len() } else { line.graphemes(true).count() }
}

/// At most `longest` characters as a reader counts them, cut after a word where one ends in the last third.
pub fn shortened(text: &str, longest: usize) -> String {
    if text.len() <= longest {
        return text.to_owned();
    }
    let Some((cut, _)) = text.grapheme_indices(true).nth(longest) else {
        return text.to_owned();
    };
    let room = text.grapheme_indices(true).nth(longest.saturating_sub(1)).map_or(0, |(at, _)| at);
    let least = text.grapheme_indices(true).nth(longest * 2 / 3).map_or(0, |(at, _)| at);
    let at_word = text[..cut].rfind(' ').filter(|at| *at >= least && *at <= room);
    let kept = text[..at_word.unwrap_or(room)].trim_end_matches([' ', ',', ';', ':', '-', '(']);
    format!("{kept}{ELLIPSIS}")
}

/// One line of at most `longest` characters; `None`: there is nothing to show.
pub fn shown(text: &str, longest: usize) -> Option<String> {
    let line = shortened(&one_line(text), longest);
    (!line.is_empty()).then_some(line)
}

/// Text that may run in another direction than what is around it, kept from turning that around.
pub fn isolated(text: &str, around_is_right_to_left: bool) -> String {
    if around_is_right_to_left || text.chars().any(runs_right_to_left) {
        format!("{ISOLATE}{text}{ISOLATE_END}")
    } else {
        text.to_owned()
    }
}

/// An `http` or `https` address that can stand in HTML and in text alike; `None`: it is none.
pub fn web_address(text: &str) -> Option<String> {
    let text = text.trim();
    let scheme = text.split_once("://")?.0.to_ascii_lowercase();
    if !matches!(scheme.as_str(), "http" | "https") || text.len() > LONGEST_ADDRESS {
        return None;
    }
    let mut address = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            character if character.is_control() || turns_direction(character) => return None,
            // A reader of plain text would end the link here.
            ' ' | '"' | '<' | '>' | '\'' | '`' | '\\' | '{' | '}' | '|' | '^' => {
                address.push_str(&format!("%{:02X}", u32::from(character)));
            }
            character if character.is_whitespace() => return None,
            character => address.push(character),
        }
    }
    Some(address)
}

/// The blocks of the scripts that are written from right to left.
fn runs_right_to_left(character: char) -> bool {
    matches!(character, '\u{590}'..='\u{8ff}' | '\u{fb1d}'..='\u{fdff}' | '\u{fe70}'..='\u{feff}' | '\u{10800}'..='\u{10fff}' | '\u{1e800}'..='\u{1efff}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn one_line_has_no_control_characters_and_no_turned_direction() {
        let cases = [
            ("  Camp\r\n stove\t2 ", "Camp stove 2"),
            ("a\0b\u{7f}c", "a b c"),
            ("left \u{202e}right", "left right"),
            ("\u{2067} \u{2069}", ""),
            ("שלום", "שלום"),
        ];
        for (text, expected) in cases {
            assert_eq!(one_line(text), expected);
        }
    }

    #[test]
    fn text_is_cut_after_a_word_or_else_between_characters() {
        let cases = [
            ("Camp stove", 10, "Camp stove"),
            ("Camp stove, two burners", 14, "Camp stove…"),
            ("Campingkocherzubehör", 8, "Camping…"),
            ("👨‍👩‍👧👨‍👩‍👧👨‍👩‍👧", 2, "👨‍👩‍👧…"),
            ("abc", 1, "…"),
            ("", 0, ""),
        ];
        for (text, longest, expected) in cases {
            assert_eq!(shortened(text, longest), expected);
        }
    }

    #[test]
    fn only_web_addresses_are_links() {
        assert_eq!(
            web_address(" https://shop.example/a b?q=\"x\" "),
            Some("https://shop.example/a%20b?q=%22x%22".into())
        );
        assert_eq!(web_address("HTTP://shop.example/ü"), Some("HTTP://shop.example/ü".into()));
        for text in
            ["javascript:alert(1)", "data:image/png;base64,AA", "//shop.example", "https://a\r\nb", "", "shop.example"]
        {
            assert_eq!(web_address(text), None, "{text}");
        }
    }

    #[test]
    fn text_of_the_other_direction_is_isolated() {
        assert_eq!(isolated("Kocher", false), "Kocher");
        assert_eq!(isolated("כיריים", false), "\u{2068}כיריים\u{2069}");
        assert_eq!(isolated("Kocher", true), "\u{2068}Kocher\u{2069}");
    }

    proptest! {
        #[test]
        fn what_is_shown_fits(text in ".{0,200}", longest in 1..60usize) {
            let shown = shown(&text, longest).unwrap_or_default();
            prop_assert!(shown.graphemes(true).count() <= longest);
            prop_assert!(!shown.chars().any(char::is_control));
        }
    }
}
