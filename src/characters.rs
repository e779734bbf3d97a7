//! What no text of others may do where it is shown: turn the direction of what stands around it, move a terminal's
//! cursor, or begin a line.
//!
//! In: a character or a text. Out: whether it is to be left out, or the text without harm. Pure.

/// Embeddings, overrides and isolates of the bidirectional algorithm, and its invisible marks (UAX #9).
pub fn turns_direction(character: char) -> bool {
    matches!(character, '\u{200e}' | '\u{200f}' | '\u{61c}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// The text on one line; what would move a cursor or turn its direction is a replacement character.
pub fn harmless(text: &str) -> String {
    let moves = |letter: char| letter.is_control() || turns_direction(letter);
    text.chars().map(|letter| if moves(letter) { char::REPLACEMENT_CHARACTER } else { letter }).collect()
}

#[cfg(test)]
mod tests {
    use super::harmless;

    #[test]
    fn no_text_begins_a_line_or_moves_a_cursor() {
        assert_eq!(harmless("a\u{1b}[2Jb\nc\u{202e}d"), "a\u{fffd}[2Jb\u{fffd}c\u{fffd}d");
        assert_eq!(harmless("Grüße 1/2"), "Grüße 1/2");
    }
}
