//! The operator's own statements: what a customer answered is written into the shop's database.
//!
//! In: `[choices.sql]`, and the values of an answer. Out: whether rows changed, or the shop refused, or it failed and may
//! be tried again. All statements of one answer run in one transaction on a connection of their own; who comes with the
//! same answer twice runs them twice. What can go wrong: the database is away, the login may not write, a lock is taken;
//! a connection that breaks at the commit leaves open whether it was done.
//!
//! ```text
//! parameters (named ─> bound) ─> values (as each engine reads them) ─> writing (one transaction) ─> verdict (of an error)
//! ```

mod parameters;
mod values;
mod verdict;
mod writing;

pub use values::Values;

use super::engine::Engine;
use super::error::ShopError;
use super::source::Source;
use crate::settings::duration::Span;
use crate::settings::orders::{ChoiceSettings, OrdersSettings};
use parameters::{Statement, statements};
use verdict::{Verdict, verdict};
use writing::Writing;

/// What became of an answer in the shop's database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It stands in this many rows.
    Changed(u64),
    /// The statements ran, and there was no row for them.
    Untouched,
    /// A constraint or a trigger said no, in the database's words.
    Refused { reason: String },
    /// Nothing was changed, as far as is known; the words hold the mend.
    Failed { problem: String },
}

/// The statements of `[choices.sql]` and the way to the database that they are for. Nothing is connected until an answer
/// comes.
pub struct Answers {
    source: Source,
    /// For each statement, and for each wait for a lock.
    limit: Span,
    cancel: Option<Vec<Statement>>,
    wait: Option<Vec<Statement>>,
}

/// Whether `text` can be run in the database of `url`, as far as its text tells: what should be looked at, or what is
/// wrong and the mend.
pub fn examine(url: &str, text: &str) -> Result<Option<String>, String> {
    // What is wrong with the URL is said where it stands.
    let Ok(engine) = Engine::of(url) else { return Ok(None) };
    let statements = statements(engine, text)?;
    let does_the_same_for_all = !statements.iter().any(Statement::names_the_answer);
    let warning = "it names no :line_id, :order_id or :choice_id, so it does the same for every answer";
    Ok(does_the_same_for_all.then(|| warning.to_owned()))
}

impl Answers {
    /// `None`: there is no statement for any answer.
    pub fn open(orders: &OrdersSettings, choices: &ChoiceSettings) -> Result<Option<Answers>, ShopError> {
        if choices.sql.cancel.is_none() && choices.sql.wait.is_none() {
            return Ok(None);
        }
        let source = Source::of_answers(orders, choices)?;
        let read = |key: &str, text: &Option<String>| {
            let read = text.as_ref().map(|text| statements(source.engine(), text));
            read.transpose().map_err(|what| ShopError::Settings(format!("choices.sql.{key}: {what}")))
        };
        let (cancel, wait) = (read("cancel", &choices.sql.cancel)?, read("wait", &choices.sql.wait)?);
        Ok(Some(Answers { source, limit: orders.statement_timeout, cancel, wait }))
    }

    /// Runs the statements for an answer; `None`: for this choice there are none.
    pub async fn carry(&self, values: &Values<'_>) -> Option<Outcome> {
        let statements = match values.choice {
            "cancel" => self.cancel.as_ref(),
            "wait" => self.wait.as_ref(),
            _ => None,
        };
        Some(self.run(statements?, values).await)
    }

    async fn run(&self, statements: &[Statement], values: &Values<'_>) -> Outcome {
        let mut writing = match self.begin().await {
            Ok(writing) => writing,
            Err(problem) => return Outcome::Failed { problem },
        };
        for statement in statements {
            if let Err(error) = writing.run(statement, values).await {
                writing.give_up().await;
                return self.outcome_of(&error, Some(statement), "");
            }
        }
        match writing.commit().await {
            Ok(0) => Outcome::Untouched,
            Ok(rows) => Outcome::Changed(rows),
            Err(error) if error.as_database_error().is_some() => self.outcome_of(&error, None, ""),
            Err(error) => self.outcome_of(&error, None, " at the commit, so it may have been done"),
        }
    }

    async fn begin(&self) -> Result<Writing, String> {
        let connection = self.source.connect().await.map_err(|error| error.to_string())?;
        Writing::begin(connection, self.limit).await.map_err(|error| self.problem(&error))
    }

    /// An error that came before any statement.
    fn problem(&self, error: &sqlx::Error) -> String {
        let (Verdict::Refused { reason: problem } | Verdict::Failed { problem }) = verdict(error, self.limit);
        self.at_its_place(&problem)
    }

    fn outcome_of(&self, error: &sqlx::Error, statement: Option<&Statement>, when: &str) -> Outcome {
        match verdict(error, self.limit) {
            Verdict::Refused { reason } => Outcome::Refused { reason },
            Verdict::Failed { problem } => {
                let problem = statement.map_or(problem.clone(), |statement| statement.in_names(&problem));
                Outcome::Failed { problem: self.at_its_place(&(problem + when)) }
            }
        }
    }

    fn at_its_place(&self, problem: &str) -> String {
        format!("the shop's database {}: {problem}", self.source.place())
    }

    /// Connects with the login of the statements; whether that may write where it leads to. Changes nothing.
    pub async fn probe(&self) -> Result<String, String> {
        let mut writing = self.begin().await?;
        let tried = writing.try_to_write().await;
        writing.give_up().await;
        tried.map(|()| self.source.place()).map_err(|error| self.problem(&error))
    }

    /// For each choice that has statements, whether the database understands them and lets the login run them, as far as
    /// it tells without running them; how many there are, or what is wrong.
    pub async fn rehearse(&self) -> Vec<(&'static str, Result<usize, String>)> {
        let mut found = Vec::new();
        for (choice, statements) in [("cancel", &self.cancel), ("wait", &self.wait)] {
            if let Some(statements) = statements {
                found.push((choice, self.rehearse_all(statements).await.map(|()| statements.len())));
            }
        }
        found
    }

    async fn rehearse_all(&self, statements: &[Statement]) -> Result<(), String> {
        let mut writing = self.begin().await?;
        for statement in statements {
            if let Err(error) = writing.rehearse(statement).await {
                writing.give_up().await;
                let (Verdict::Refused { reason: problem } | Verdict::Failed { problem }) = verdict(&error, self.limit);
                return Err(statement.in_names(&problem));
            }
        }
        writing.give_up().await;
        Ok(())
    }
}
