//! "Did you mean": the known word that is nearest to one that is not known.

/// The nearest of `known`, if it is near enough to be a slip of the hand.
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word: Vec<char> = word.to_lowercase().chars().collect();
    // Of a word this long nobody wrote one of ours by a slip; the limit also bounds the work.
    if word.len() > 40 {
        return None;
    }
    let near = known.into_iter().map(|known| {
        let letters: Vec<char> = known.to_lowercase().chars().collect();
        (distance(&word, &letters), letters.len(), known)
    });
    let near = near.filter(|(distance, letters, _)| *distance <= 1.max(letters.min(&word.len()) / 3));
    near.min_by_key(|(distance, _, _)| *distance).map(|(_, _, known)| known)
}

/// How many letters must be put in, left out, replaced or swapped with their neighbour.
fn distance(from: &[char], to: &[char]) -> usize {
    let mut before_last: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=to.len()).collect();
    for (row, ours) in from.iter().enumerate() {
        let mut this = vec![row + 1];
        for (column, theirs) in to.iter().enumerate() {
            let replaced = last[column] + usize::from(ours != theirs);
            let mut least = replaced.min(last[column + 1] + 1).min(this[column] + 1);
            if row > 0 && column > 0 && *ours == to[column - 1] && from[row - 1] == *theirs {
                least = least.min(before_last[column - 1] + 1);
            }
            this.push(least);
        }
        before_last = std::mem::replace(&mut last, this);
    }
    last[to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_hand_finds_the_word_that_was_meant() {
        let keys = ["from", "reply_to", "relays", "dkim"];
        for (written, meant) in [("form", "from"), ("replyto", "reply_to"), ("relay", "relays"), ("DKIM", "dkim")] {
            assert_eq!(nearest(written, keys), Some(meant), "{written}");
        }
    }

    #[test]
    fn a_word_that_is_like_none_finds_none() {
        assert_eq!(nearest("colour", ["from", "reply_to", "relays"]), None);
        assert_eq!(nearest("", ["from"]), None);
        assert_eq!(nearest(&"from".repeat(1000), ["from"]), None);
    }
}
