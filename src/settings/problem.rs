//! What can be wrong with the settings, in words that an operator can act on.
//!
//! Every problem is one line: where (file and line, or the environment variable), which key, what is wrong and the mend.

use std::fmt;
use std::path::PathBuf;

/// Why there are no settings.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    #[error(
        "cannot read the settings file {}: {source}; write one with `backorderd init`, or name yours with --config",
        file.display()
    )]
    Unreadable { file: PathBuf, source: std::io::Error },
    /// All that is wrong, in the order of the file, then what the environment says.
    #[error("{}", each_on_a_line(file, problems))]
    Wrong { file: PathBuf, problems: Vec<Problem> },
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    pub place: Place,
    /// The whole path, as in `mail.relays[0].url`; empty where the text is no TOML.
    pub key: String,
    /// What is wrong, and the mend.
    pub what: String,
}

/// Where a value was written.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// In the file, but at no line of it: a section that is not there.
    File,
    /// The line in the file, from 1.
    Line(usize),
    /// The name of an environment variable.
    Variable(String),
}

fn each_on_a_line(file: &std::path::Path, problems: &[Problem]) -> String {
    let lines = problems.iter().map(|problem| {
        let place = match &problem.place {
            Place::File => file.display().to_string(),
            Place::Line(line) => format!("{}:{line}", file.display()),
            Place::Variable(name) => name.clone(),
        };
        if problem.key.is_empty() { format!("{place}: {}", problem.what) } else { format!("{place}: {problem}") }
    });
    lines.collect::<Vec<_>>().join("\n")
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.key, self.what)
    }
}
