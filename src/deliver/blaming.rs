//! A relay that refuses one recipient after the other alike is at fault itself: it rests, and what it refused comes back.
//!
//! In: what all processes together counted in the state database. Out: the relay rests, mails are queued again. What can
//! go wrong is the state database; then the next look does it.

use tracing::{error, warn};

use super::{Delivered, Delivery};
use crate::watch::recheck::recheck;

impl Delivery {
    /// Puts back what relays refused that are to blame for it; returns how many mails are queued again.
    pub(super) async fn put_back(&self) -> usize {
        let now = self.clock.now();
        let back = match self.store.put_back(now).await {
            Ok(back) => back,
            Err(error) => {
                error!(%error, "what a relay at fault had refused could not be put back; it is tried again");
                return 0;
            }
        };
        for blamed in &back.blamed {
            let place = self.relays.place_of(&blamed.relay);
            let Some(station) = place.and_then(|place| self.relays.all().get(place)) else { continue };
            station.is_blamed(blamed);
            if !blamed.to_put_back.is_empty() {
                warn!(
                    relay = blamed.relay,
                    reply = blamed.alike,
                    recipients = blamed.addresses.len(),
                    mails = back.queued.len(),
                    "the relay refuses everybody alike: it rests, nobody is barred, and the mails are queued again"
                );
                station.fails(now);
            }
        }
        let channels = self.settings.delivery.channel;
        if !back.overtaken.is_empty()
            && let Err(error) = recheck(&self.store, &self.schedules, &self.clock, channels, back.overtaken).await
        {
            error!(%error, "overtaken orders could not be planned afresh; the next sweep does it");
        }
        back.queued.len()
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
