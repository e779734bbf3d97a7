//! What reading the settings has found out: what is wrong, what should be looked at, which keys there are.

use std::cell::RefCell;
use std::path::PathBuf;

use super::nearest::nearest;
use super::problem::{Place, Problem};

/// All that reading the settings has found out so far.
pub(super) struct Reading {
    /// Where relative paths begin.
    folder: PathBuf,
    problems: RefCell<Vec<Problem>>,
    warnings: RefCell<Vec<String>>,
    /// Every key that was asked for, with its section.
    known: RefCell<Vec<(String, &'static str)>>,
    unknown: RefCell<Vec<Unknown>>,
}

/// A key that no section knows.
pub(super) struct Unknown {
    pub section: String,
    pub key: String,
    pub place: Place,
    pub is_table: bool,
    /// The keys that its section knows.
    pub suggestions: Vec<&'static str>,
}

impl Reading {
    pub fn new(folder: PathBuf, problems: Vec<Problem>) -> Reading {
        Reading {
            folder,
            problems: RefCell::new(problems),
            warnings: RefCell::default(),
            known: RefCell::default(),
            unknown: RefCell::default(),
        }
    }

    pub fn warn(&self, text: String) {
        self.warnings.borrow_mut().push(text);
    }

    pub fn problem(&self, place: &Place, key: String, what: impl Into<String>) {
        self.problems.borrow_mut().push(Problem { place: place.clone(), key, what: what.into() });
    }

    /// Whether something is wrong with the key of this whole `path`.
    pub fn is_wrong(&self, path: &str) -> bool {
        self.problems.borrow().iter().any(|problem| problem.key == path)
    }

    /// Notes the keys that `section` has.
    pub fn know(&self, section: &str, keys: &[&'static str]) {
        self.known.borrow_mut().extend(keys.iter().map(|key| (section.to_owned(), *key)));
    }

    pub fn unknown(&self, unknown: Unknown) {
        self.unknown.borrow_mut().push(unknown);
    }

    /// `path` from the settings file's folder, if it is relative.
    pub fn resolve(&self, path: &str) -> PathBuf {
        self.folder.join(path)
    }

    /// The warnings, and the problems in the order of the file, then of the environment.
    pub fn finish(self) -> (Vec<String>, Vec<Problem>) {
        let known = self.known.into_inner();
        let mut problems = self.problems.into_inner();
        problems.extend(self.unknown.into_inner().into_iter().map(|unknown| unknown.problem(&known)));
        problems.sort_by(|one, other| one.place.cmp(&other.place));
        (self.warnings.into_inner(), problems)
    }

    /// Every key of the settings that was asked for, as `(section, key)`.
    #[cfg(test)]
    pub fn known(&self) -> Vec<(String, &'static str)> {
        self.known.borrow().clone()
    }
}

impl Unknown {
    fn problem(self, known: &[(String, &'static str)]) -> Problem {
        let elsewhere = known.iter().find(|(section, key)| *key == self.key && *section != self.section);
        let mend = match (nearest(&self.key, self.suggestions.iter().copied()), elsewhere) {
            (Some(near), _) => format!("did you mean `{near}`?"),
            (None, Some((section, _))) if !section.is_empty() => format!("it belongs to {}", header(section)),
            _ if self.suggestions.is_empty() => "take it out".to_owned(),
            _ => format!("known here: {}", self.suggestions.join(", ")),
        };
        let what = if self.is_table { "unknown section" } else { "unknown key" };
        Problem {
            place: self.place,
            key: join(&self.section, &self.key.escape_debug().to_string()),
            what: format!("{what}; {mend}"),
        }
    }
}

/// A section as the file begins it: `[delivery]`, or `[[mail.relays]]` for `mail.relays[0]`.
fn header(section: &str) -> String {
    section.split_once('[').map_or_else(|| format!("[{section}]"), |(list, _)| format!("[[{list}]]"))
}

/// The whole path of a key.
pub(super) fn join(section: &str, key: &str) -> String {
    if section.is_empty() { key.to_owned() } else { format!("{section}.{key}") }
}
