//! What a customer can be spared, by kind: wishes, periodic updates, order notices. Suppression is per stream.
//!
//! In: what a notification says. Out: its stream. Nobody can opt out of order notices, which may be owed by law (M-6):
//! only a bounce, a refusal or staff bar an address from them. Pure.

use super::notification::Kind;
use super::plan::Content;

/// Kinds of mail that an address is barred from together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stream {
    /// "It is back", for those who asked to be told.
    Wishes,
    /// What comes every so often and says nothing new.
    Updates,
    /// Everything else about an order.
    OrderNotices,
}

impl Stream {
    pub const ALL: [Stream; 3] = [Stream::Wishes, Stream::Updates, Stream::OrderNotices];

    /// The stream of a notification. One that holds an option notice is owed, whatever names it.
    pub fn of(content: &Content) -> Stream {
        match content.kind {
            Kind::StillWaiting if content.expires_at().is_none() => Stream::Updates,
            _ => Stream::OrderNotices,
        }
    }

    /// The word used in commands and tables.
    pub fn word(self) -> &'static str {
        match self {
            Stream::Wishes => "wishes",
            Stream::Updates => "updates",
            Stream::OrderNotices => "order_notices",
        }
    }

    /// As in "gets no ...".
    pub fn in_words(self) -> &'static str {
        match self {
            Stream::Wishes => "wishes",
            Stream::Updates => "updates",
            Stream::OrderNotices => "order notices",
        }
    }

    pub fn of_word(word: &str) -> Option<Stream> {
        Stream::ALL.into_iter().find(|stream| stream.word() == word)
    }
}
