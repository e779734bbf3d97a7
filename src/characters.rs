//! What no text of others may do where it is shown: turn the direction of what stands around it.
//!
//! In: a character. Out: whether it is to be left out. Pure.

/// Embeddings, overrides and isolates of the bidirectional algorithm, and its invisible marks (UAX #9).
pub fn turns_direction(character: char) -> bool {
    matches!(character, '\u{200e}' | '\u{200f}' | '\u{61c}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}
