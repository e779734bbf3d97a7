//! A relay that refuses one recipient after the other alike is at fault itself: it rests, and what it refused comes back.
//!
//! In: what all processes together counted in the state database. Out: the relay rests, mails are queued again. What can
//! go wrong is the state database; then the next look does it.

use jiff::Timestamp;
use tracing::{error, warn};

use super::{Delivered, Delivery};
use crate::outbox::blame::Blamed;
use crate::store::StoreError;
use crate::watch::recheck::recheck;

impl Delivery {
    /// Puts back what relays refused that are to blame for it; returns how many mails are queued again.
    pub(super) async fn put_back(&self) -> usize {
        self.try_to_put_back().await.unwrap_or_else(|error| {
            error!(%error, "what a relay at fault had refused could not be put back; it is tried again");
            0
        })
    }

    async fn try_to_put_back(&self) -> Result<usize, StoreError> {
        let now = self.clock.now();
        let blamed = self.store.blamed().await?;
        // They rest before anything is queued again, so that nobody takes it to them at once.
        for blamed in &blamed {
            self.blame(blamed, now);
        }
        let back = self.store.put_back(&blamed, now).await?;
        if !back.overtaken.is_empty() {
            recheck(&self.store, &self.schedules, &self.clock, self.settings.delivery.channel, back.overtaken).await?;
        }
        Ok(back.queued.len())
    }

    /// Lets a relay rest that turns out to be at fault; of one that was blamed before, only that is known.
    fn blame(&self, blamed: &Blamed, now: Timestamp) {
        let place = self.relays.place_of(&blamed.relay);
        let Some(station) = place.and_then(|place| self.relays.all().get(place)) else { return };
        station.is_blamed(blamed);
        if !blamed.to_put_back.is_empty() {
            warn!(
                relay = blamed.relay,
                reply = blamed.alike,
                recipients = blamed.addresses.len(),
                mails = blamed.to_put_back.len(),
                "the relay refuses everybody alike: it rests, nobody is barred, and the mails are queued again"
            );
            station.fails(now);
        }
    }
}

impl Delivered {
    /// So many of those that had failed come back.
    pub(super) fn come_back(&mut self, mails: usize) {
        let mails = mails.min(self.failed);
        self.failed -= mails;
        self.deferred += mails;
    }
}
