//! The unit of telling: one notification is one mail (or one webhook) about one order. Where both are set, one piece of
//! news makes two of them, with states of their own, joined by the id of the mail.
//!
//! ```text
//!             amended while it settles
//!                  ┌──┐
//! news ─> queued ──┴──┴─> sending ─> sent
//!          │ ▲  │            ├─────> failed        refused for good, or given up; queued again if the relay is to blame
//!     hold │ │  │            ├─────> in_doubt      may have been sent; once more, or staff decide
//!          ▼ │release        └─────> queued        refused for now: comes back by the ladder; a webhook also if it is in doubt
//!         held  └──> superseded · suppressed · expired · withdrawn
//! ```

use serde::{Deserialize, Serialize};

/// What a notification is about; of the news it carries, the first in this order names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    ReplyNeeded,
    Backordered,
    DateChanged,
    Overdue,
    Restocked,
    Cancelled,
    StillWaiting,
    /// Acknowledges an answer; it never says that the shop has done it.
    ChoiceReceived,
    /// The shop refused an answer.
    ChoiceRefused,
    /// A new link, asked for on the page of an old one.
    FreshLink,
}

impl Kind {
    /// Every kind, in the order in which they name a notification.
    pub const ALL: [Kind; 10] = [
        Kind::ReplyNeeded,
        Kind::Backordered,
        Kind::DateChanged,
        Kind::Overdue,
        Kind::Restocked,
        Kind::Cancelled,
        Kind::StillWaiting,
        Kind::ChoiceReceived,
        Kind::ChoiceRefused,
        Kind::FreshLink,
    ];

    /// The word used in the log, in tables, headers and templates.
    pub fn word(self) -> &'static str {
        match self {
            Kind::ReplyNeeded => "reply_needed",
            Kind::Backordered => "backordered",
            Kind::DateChanged => "date_changed",
            Kind::Overdue => "overdue",
            Kind::Restocked => "restocked",
            Kind::Cancelled => "cancelled",
            Kind::StillWaiting => "still_waiting",
            Kind::ChoiceReceived => "choice_received",
            Kind::ChoiceRefused => "choice_refused",
            Kind::FreshLink => "fresh_link",
        }
    }

    /// Whether the calendar brings it, and not a change in the shop.
    pub fn is_of_the_calendar(self) -> bool {
        matches!(self, Kind::ReplyNeeded | Kind::Overdue | Kind::StillWaiting)
    }

    /// Whether it tells news of the shop. The others answer the customer, and overtake nothing.
    pub fn is_news(self) -> bool {
        !matches!(self, Kind::ChoiceReceived | Kind::ChoiceRefused | Kind::FreshLink)
    }

    /// The kind of this word, if there is one.
    pub fn of_word(word: &str) -> Option<Kind> {
        Kind::ALL.into_iter().find(|kind| kind.word() == word)
    }
}

/// The channels, as the outbox names them.
pub const MAIL: &str = "mail";
pub const WEBHOOK: &str = "webhook";

/// Where a notification stands. Exactly the words of the sent-log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    Queued,
    Sending,
    Sent,
    InDoubt,
    Failed,
    Held,
    Suppressed,
    Superseded,
    Expired,
    Withdrawn,
}

impl State {
    pub const ALL: [State; 10] = [
        State::Queued,
        State::Sending,
        State::Sent,
        State::InDoubt,
        State::Failed,
        State::Held,
        State::Suppressed,
        State::Superseded,
        State::Expired,
        State::Withdrawn,
    ];

    pub fn word(self) -> &'static str {
        match self {
            State::Queued => "queued",
            State::Sending => "sending",
            State::Sent => "sent",
            State::InDoubt => "in_doubt",
            State::Failed => "failed",
            State::Held => "held",
            State::Suppressed => "suppressed",
            State::Superseded => "superseded",
            State::Expired => "expired",
            State::Withdrawn => "withdrawn",
        }
    }

    pub fn of_word(word: &str) -> Option<State> {
        State::ALL.into_iter().find(|state| state.word() == word)
    }
}
