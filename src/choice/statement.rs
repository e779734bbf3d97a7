//! The statements of `[choices.sql]`: an answer is written into the shop's database.
//!
//! In: an answer. Out: what the shop's database said: rows changed takes it, no row leaves it unconfirmed, a constraint or
//! a trigger refuses it, anything else is tried again. The words of a failure are the database's, for staff and the log.

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use super::carrier::Way;
use super::handover::{Outgoing, Reply};
use crate::shop::answers::{Answers, Outcome, Values};

/// The way through the shop's own statements.
pub struct Statement {
    pub answers: Answers,
}

impl Way for Statement {
    fn carry<'a>(&'a self, answer: &'a Outgoing) -> BoxFuture<'a, Reply> {
        async {
            let carried = self.answers.carry(&values(answer)).await;
            carried.map_or_else(|| no_longer_set(answer), reply)
        }
        .boxed()
    }
}

fn values(answer: &Outgoing) -> Values<'_> {
    Values {
        choice_id: answer.id,
        order_id: &answer.order_id,
        line_id: &answer.line_id,
        choice: answer.choice.word(),
        quantity: answer.quantity,
        chosen_at: answer.chosen_at,
        by: answer.by.word(),
    }
}

/// The settings have changed since she answered.
fn no_longer_set(answer: &Outgoing) -> Reply {
    Reply::Failed { problem: format!("choices.sql.{} is not set any more", answer.choice.word()), wait: None }
}

fn reply(outcome: Outcome) -> Reply {
    match outcome {
        Outcome::Changed(_) => Reply::Taken,
        Outcome::Untouched => Reply::Untouched,
        Outcome::Refused { reason } => Reply::Refused { reason },
        Outcome::Failed { problem } => Reply::Failed { problem, wait: None },
    }
}
