//! The hook of `[choices]`: an answer goes to the shop as a signed POST.
//!
//! In: an answer. Out: what the shop said: 2xx takes it, 409 refuses it, anything else is tried again. An answer that
//! is tried again comes with the same `webhook-id`, so that the shop need not take it twice.

mod message;
mod verdict;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use super::carrier::Way;
use super::handover::{Outgoing, Reply};
use crate::webhook::Receiver;

/// The way through the hook.
pub struct Hook {
    pub receiver: Receiver,
}

impl Way for Hook {
    fn carry<'a>(&'a self, answer: &'a Outgoing) -> BoxFuture<'a, Reply> {
        let posted = async { self.receiver.post(&answer.id.to_string(), message::of(answer)).await };
        posted.map(verdict::of).boxed()
    }
}
