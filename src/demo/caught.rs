//! The mails that the demo's mail server caught, the newest of them, for the inbox page to show.
//!
//! In: mails as they came. Out: the same, read. What is kept is bounded in number and in bytes.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;

use crate::render::mime;

/// In bytes, of all mails that are kept; beyond it the oldest go.
const MAX_KEPT: usize = 100 * 1024 * 1024;

/// A mail that was caught.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caught {
    /// From 1, in order of arrival.
    pub id: u64,
    pub received_at: Timestamp,
    /// As in the envelope.
    pub from: String,
    pub to: Vec<String>,
    pub subject: String,
    pub text: Option<String>,
    pub html: Option<String>,
    /// Byte for byte as sent.
    pub raw: Vec<u8>,
}

/// The mails that were caught.
pub struct Inbox {
    keep: usize,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    /// Oldest first.
    mails: VecDeque<Arc<Caught>>,
    bytes: usize,
    last_id: u64,
}

impl Inbox {
    /// One that keeps so many mails.
    pub(super) fn new(keep: usize) -> Inbox {
        Inbox { keep, kept: Mutex::default() }
    }

    /// All that are kept, newest first.
    pub fn list(&self) -> Vec<Arc<Caught>> {
        self.kept().mails.iter().rev().cloned().collect()
    }

    pub fn get(&self, id: u64) -> Option<Arc<Caught>> {
        self.kept().mails.iter().find(|mail| mail.id == id).cloned()
    }

    /// Throws all mails away; ids go on where they were.
    pub fn clear(&self) {
        let mut kept = self.kept();
        kept.mails.clear();
        kept.bytes = 0;
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps a mail; answers its id.
    pub(super) fn add(&self, received_at: Timestamp, from: String, to: Vec<String>, raw: Vec<u8>) -> u64 {
        let mime::Readable { subject, text, html } = mime::read(&raw);
        let mut kept = self.kept();
        kept.last_id += 1;
        kept.bytes += raw.len();
        let id = kept.last_id;
        kept.mails.push_back(Arc::new(Caught { id, received_at, from, to, subject, text, html, raw }));
        while kept.mails.len() > self.keep || kept.bytes > MAX_KEPT {
            match kept.mails.pop_front() {
                Some(oldest) => kept.bytes -= oldest.raw.len(),
                None => break,
            }
        }
        id
    }
}
