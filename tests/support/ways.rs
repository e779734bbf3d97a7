//! The border to the shop with a script behind it: what the shop's side says to each answer, and what it was asked.

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Arc, Mutex};

use backorderd::choice::carrier::{Way, Ways};
use backorderd::choice::handover::{Outgoing, Reply};
use futures_util::future::BoxFuture;

use super::app::Differing;

/// Both statements are set up.
pub const STATEMENTS: Differing<'static> = &[("choices.sql.cancel", "update a"), ("choices.sql.wait", "update b")];
/// A hook and both statements are set up.
pub const BOTH: Differing<'static> = &[
    ("choices.sql.cancel", "update a"),
    ("choices.sql.wait", "update b"),
    ("choices.hook_url", "https://shop.example/answers"),
    ("choices.hook_secret", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo="),
];

/// A way that says what the test wrote down; what it did not write down is taken.
#[derive(Default)]
pub struct ScriptedWay {
    replies: Mutex<VecDeque<Reply>>,
    asked: Mutex<Vec<Outgoing>>,
    under_way: Mutex<BTreeSet<String>>,
}

impl ScriptedWay {
    pub fn says(replies: impl IntoIterator<Item = Reply>) -> Arc<ScriptedWay> {
        Arc::new(ScriptedWay { replies: Mutex::new(replies.into_iter().collect()), ..ScriptedWay::default() })
    }

    /// Everything that was carried here.
    pub fn asked(&self) -> Vec<Outgoing> {
        self.asked.lock().unwrap().clone()
    }

    /// The same as `choice line by`.
    pub fn heard(&self) -> Vec<String> {
        let words = |answer: Outgoing| format!("{} {} {}", answer.choice.word(), answer.line_id, answer.by.word());
        self.asked().into_iter().map(words).collect()
    }
}

impl Way for ScriptedWay {
    fn carry<'a>(&'a self, answer: &'a Outgoing) -> BoxFuture<'a, Reply> {
        Box::pin(async move {
            let alone = self.under_way.lock().unwrap().insert(answer.line_id.clone());
            assert!(alone, "two answers of one line at once");
            self.asked.lock().unwrap().push(answer.clone());
            // Whoever else is there has its turn.
            for _ in 0..20 {
                tokio::task::yield_now().await;
            }
            self.under_way.lock().unwrap().remove(&answer.line_id);
            self.replies.lock().unwrap().pop_front().unwrap_or(Reply::Taken)
        })
    }
}

pub fn statement(way: &Arc<ScriptedWay>) -> Ways {
    Ways { statement: Some(way.clone()), hook: None }
}

pub fn both(statement: &Arc<ScriptedWay>, hook: &Arc<ScriptedWay>) -> Ways {
    Ways { statement: Some(statement.clone()), hook: Some(hook.clone()) }
}

pub fn refused(reason: &str) -> Reply {
    Reply::Refused { reason: reason.into() }
}

pub fn failed(problem: &str) -> Reply {
    Reply::Failed { problem: problem.into(), wait: None }
}
