//! Signed JSON to a receiver, as Standard Webhooks has it: one POST, and what became of it.
//!
//! ```text
//! id, body ─> signature ─> post ─> Outcome { Answered, NotSent, Unknown }
//! ```
//! In: a message with the id that protects the receiver from taking it twice. Out: what the receiver answered, bounded
//! in size and time, or whether the message can have reached it. What an answer means is for the caller to say: nothing
//! is retried here and no redirect is followed.

pub mod message;
mod post;
mod probe;
mod problem;
pub mod retry_after;
pub mod signature;

use jiff::SignedDuration;

pub use post::{Deadlines, Receiver, ReceiverError};

/// What became of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    Answered(Answer),
    /// It never left, for the reason given.
    NotSent {
        problem: String,
    },
    /// The receiver may have it: the answer did not come, for the reason given.
    Unknown {
        problem: String,
    },
}

/// What the receiver answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The status code of HTTP.
    pub status: u16,
    /// How long the receiver wants to be left alone, if it said so.
    pub wait: Option<SignedDuration>,
    /// Its first bytes, at most [`LONGEST_BODY`]; `None`: it broke off.
    pub body: Option<Vec<u8>>,
}

/// So much of an answer is read, and no more.
pub const LONGEST_BODY: usize = 64 * 1024;
