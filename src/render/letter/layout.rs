//! How much room each line of the order gets, so that the whole letter can be seen.
//!
//! In: a draft, and the size of a letter that came out too long. Out: a [`Layout`], tighter each time. A line that asks
//! is never left out: its links may be all she has to answer with.

use crate::render::draft::{Draft, DraftLine};

/// More news than this is set closely.
const MOST_WIDE_LINES: usize = 10;
/// A mail with more lines would not be read; what is left out is counted in it.
const MOST_LINES: usize = 50;

/// How wide the lines are set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Density {
    /// With pictures and buttons.
    Wide,
    /// Small pictures, and links in place of buttons.
    Close,
    /// The name, the day, the links.
    Dense,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    pub density: Density,
    /// How many lines that do not ask are shown.
    most_silent: usize,
}

impl Layout {
    /// The widest that makes sense for this draft.
    pub fn of(draft: &Draft) -> Layout {
        let asking = draft.lines.iter().filter(|line| line.terms.asks).count();
        let news = draft.lines.iter().filter(|line| line.news.is_some()).count();
        let density = match (asking > MOST_LINES, news > MOST_WIDE_LINES) {
            (true, _) => Density::Dense,
            (false, true) => Density::Close,
            (false, false) => Density::Wide,
        };
        Layout { density, most_silent: MOST_LINES.saturating_sub(asking) }
    }

    /// The next tighter one for a letter of so many `bytes`; `None`: there is none.
    pub fn tighter(self, bytes: usize, most_bytes: usize) -> Option<Layout> {
        match (self.density, self.most_silent) {
            (Density::Wide | Density::Close, _) => Some(Layout { density: Density::Dense, ..self }),
            (Density::Dense, 0) => None,
            (Density::Dense, most) => Some(Layout { most_silent: (most * most_bytes / bytes).min(most - 1), ..self }),
        }
    }

    /// The lines that are shown: all that ask, and of the others as many as there is room for.
    pub fn shown(self, draft: &Draft) -> Vec<&DraftLine> {
        let (mut news, mut waiting) = (Vec::new(), Vec::new());
        for line in &draft.lines {
            if line.news.is_some() { news.push(line) } else { waiting.push(line) }
        }
        let mut room = self.most_silent;
        let mut has_room = |line: &&DraftLine| {
            let fits = line.terms.asks || room > 0;
            room = room.saturating_sub(usize::from(!line.terms.asks));
            fits
        };
        news.into_iter().chain(waiting).filter(|line| has_room(line)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::tz::TimeZone;

    use crate::outbox::notification::Kind;
    use crate::render::samples::{Sample, shop_face};

    fn draft(asking: usize, silent: usize) -> Draft {
        let sample = Sample::of(Kind::Backordered);
        let mut draft = sample.draft("en", shop_face(), TimeZone::UTC, "2026-11-23T14:30:00Z".parse().unwrap());
        let line = draft.lines[0].clone();
        let asks = |asks: bool| {
            let mut line = line.clone();
            line.terms.asks = asks;
            line
        };
        draft.lines = std::iter::repeat_n(asks(false), silent).chain(std::iter::repeat_n(asks(true), asking)).collect();
        draft
    }

    #[test]
    fn a_line_that_asks_is_never_left_out() {
        for (asking, silent, shown) in [(3, 4, 7), (60, 0, 60), (60, 60, 60), (10, 60, 50), (0, 60, 50)] {
            let draft = draft(asking, silent);
            let mut layout = Layout::of(&draft);
            assert_eq!(layout.shown(&draft).len(), shown, "{asking} and {silent}");
            let mut steps = 0;
            while let Some(tighter) = layout.tighter(200_000, 100_000) {
                layout = tighter;
                steps += 1;
                let asks = layout.shown(&draft).iter().filter(|line| line.terms.asks).count();
                assert_eq!(asks, asking);
            }
            assert_eq!((layout.density, layout.shown(&draft).len()), (Density::Dense, asking));
            assert!(steps < 10, "{steps}");
        }
    }
}
