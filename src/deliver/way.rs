//! The ways out, and whether each is open.
//!
//! In: the time. Out: whether a notification of this way could leave now, and when it is worth while to ask again.

use jiff::Timestamp;

use super::Delivery;
use super::receiver::AT_ONCE;
use crate::outbox::channels;
use crate::outbox::notification::{MAIL, WEBHOOK};
use crate::store::StoreError;
use crate::store::facts::fact;

/// A way out. Each has workers of its own, so that neither waits for the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Way {
    Mail,
    Webhook,
}

impl Way {
    /// The word in the outbox.
    pub fn channel(self) -> &'static str {
        match self {
            Way::Mail => MAIL,
            Way::Webhook => WEBHOOK,
        }
    }
}

impl Delivery {
    /// The ways that are set up; mails first, since she is told by them.
    pub(super) fn ways(&self) -> Vec<Way> {
        let set = channels::every(self.settings.delivery.channel);
        [Way::Mail, Way::Webhook].into_iter().filter(|way| set.contains(&way.channel())).collect()
    }

    /// How many notifications leave at once.
    pub(super) fn workers(&self, way: Way) -> usize {
        match way {
            Way::Mail => self.relays.workers(),
            Way::Webhook => AT_ONCE,
        }
    }

    /// Whether a notification could leave at `now`.
    pub(super) fn is_open(&self, way: Way, now: Timestamp) -> bool {
        match way {
            Way::Mail => self.relays.any_open(now),
            Way::Webhook => self.receiver.as_ref().is_some_and(|station| station.is_open(now)),
        }
    }

    /// When it is worth while to ask again.
    pub(super) fn ask_again_at(&self, way: Way, now: Timestamp) -> Timestamp {
        match (way, &self.receiver) {
            (Way::Webhook, Some(station)) => station.ask_again_at(now),
            _ => self.relays.ask_again_at(self.relays.places(), now),
        }
    }

    /// Whether anything may be claimed at `now`. While nobody can be asked, what is queued stays queued; and after a 410
    /// it does so until staff say otherwise.
    pub(super) async fn may_claim(&self, way: Way, now: Timestamp) -> Result<bool, StoreError> {
        if let (Way::Webhook, Some(station)) = (way, &self.receiver) {
            station.is_gone(self.store.fact(fact::WEBHOOK_DISABLED_AT).await?.is_some());
        }
        Ok(self.is_open(way, now))
    }
}
