//! Lines to which the same notice applies stand together, and the notice is said once, above them.
//!
//! In: entries in their order. Out: groups in the order of their first lines. Nothing can go wrong but words that cannot
//! be said.

use super::law::Notice;
use super::line::Entry;
use super::voice::{Value, Voice};
use crate::render::words::Unsayable;

/// Lines that stand together.
#[derive(Debug, Default)]
pub struct Group {
    pub shared: Option<Shared>,
    pub entries: Vec<Entry>,
}

/// A notice that holds for each line of its group.
#[derive(Debug)]
pub struct Shared {
    /// For how many lines it holds.
    pub scope: String,
    pub notice: Notice,
}

/// A line that is alone with its notice keeps it.
pub fn grouped(voice: &Voice, entries: Vec<Entry>) -> Result<Vec<Group>, Unsayable> {
    let mut groups: Vec<Group> = Vec::new();
    for entry in entries {
        match groups.iter_mut().find(|group| group.entries[0].notice == entry.notice) {
            Some(group) => group.entries.push(entry),
            None => groups.push(Group { shared: None, entries: vec![entry] }),
        }
    }
    for group in &mut groups {
        group.share(voice)?;
    }
    Ok(groups)
}

impl Group {
    fn share(&mut self, voice: &Voice) -> Result<(), Unsayable> {
        let count = self.entries.len();
        if count == 1 || self.entries[0].notice.is_empty() {
            return Ok(());
        }
        let scope = voice.say("shared-notice", &[("count", Value::Count(count))])?;
        let mut notices = self.entries.iter_mut().map(|entry| std::mem::take(&mut entry.notice));
        self.shared = notices.next().map(|notice| Shared { scope, notice });
        notices.for_each(drop);
        Ok(())
    }
}
