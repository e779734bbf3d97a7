//! What goes over a connection: one rendered mail, or what a receiver gets, with everything that its try needs.

use std::sync::Arc;

use super::smtp::envelope::Envelope;
use crate::store::marks::Mark;
use crate::store::outbox::Claimed;

/// A notification that is ready to be sent.
#[derive(Clone, Debug)]
pub struct Job {
    pub claimed: Claimed,
    /// The order's revision that it was checked against.
    pub revision: i64,
    /// A mail's envelope: its sender and recipient.
    pub from: Arc<str>,
    pub to: String,
    /// The exact bytes, with the live link.
    pub bytes: Vec<u8>,
}

impl Job {
    /// A mail's envelope.
    pub fn envelope(&self) -> Envelope<'_> {
        Envelope { from: &self.from, to: &self.to }
    }

    /// What has to be marked before its transfer.
    pub fn mark(&self) -> Mark {
        Mark {
            id: self.claimed.id,
            fence: self.claimed.fence,
            order_row: self.claimed.order_row,
            revision: self.revision,
        }
    }
}
