//! What a notification says of an order: its news, or that its lines still wait.
//!
//! In: the lines with what is new about them. Out: content, if there is something to say. Pure.

use super::found::Found;
use super::notification::Kind;
use super::plan::{Content, ContentLine};

/// All untold news of an order with its other waiting lines; `None`: there is no news.
pub(super) fn news(found: &[Found]) -> Option<Content> {
    let told = |line: &Found| line.changes.iter().map(|change| change.kind).collect();
    let mut lines: Vec<ContentLine> =
        found.iter().filter(|line| !line.changes.is_empty()).map(|line| line.content(told(line))).collect();
    let kind = lines.iter().filter_map(|line| line.news.first()).min().copied()?;
    lines.sort_by_key(|line| line.news.first().copied());
    let unchanged = found.iter().filter(|line| line.changes.is_empty() && line.waits_as_told());
    lines.extend(unchanged.map(|line| line.content(Vec::new())));
    Some(Content { kind, lines, again: false })
}

/// "Still waiting" for every line that waits; `None`: none does.
pub(super) fn still_waiting(found: &[Found]) -> Option<Content> {
    let waiting = found.iter().filter(|line| line.waits_as_told());
    let lines: Vec<ContentLine> = waiting.map(|line| line.content(vec![Kind::StillWaiting])).collect();
    (!lines.is_empty()).then_some(Content { kind: Kind::StillWaiting, lines, again: false })
}
