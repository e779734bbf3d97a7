//! Looking at the shop again and again: one process at a time does, by the watcher's lease.
//!
//! In: the time between looks. Out: looks, counted. A look that fails is logged here, once; the next one tries again. A
//! process that holds no lease asks for it at each round, so that it takes over within 30 s from one that died.

use std::time::Duration;

use tracing::{error, info, warn};

use super::{Looked, WatchError, Watcher};
use crate::settings::duration::Span;

/// How long the watcher's lease holds without renewal, and how often it is renewed.
pub const LEASE: Span = Span::seconds(30);
const RENEWAL: Duration = Duration::from_secs(10);
/// The watcher's lease.
pub const WATCH: &str = "watch";
/// The service's next look waits this many times as long as the last one took.
const REST: u32 = 10;

impl Watcher {
    /// Looks again and again until the process is to stop. A failed look is logged here, once; the next one tries again.
    pub async fn run(&self) {
        let orders = &self.settings.orders;
        let mut swept: Option<tokio::time::Instant> = None;
        loop {
            let started = tokio::time::Instant::now();
            if self.has_lease().await {
                let due = swept.is_none_or(|swept| started >= swept + orders.sweep_every.duration());
                let looking = async { if due { self.sweep().await } else { self.poll().await } };
                let looked = Box::pin(self.renewing(looking)).await;
                let outcome = looked.as_ref().map_or_else(WatchError::word, |_| "accepted");
                self.tally.looked(if due { "sweep" } else { "poll" }, outcome, started.elapsed());
                if due && looked.is_ok() {
                    swept = Some(started);
                }
                say(looked);
            }
            let took = started.elapsed();
            let pause = orders.poll_every.duration().max(took * REST);
            let mut stop = self.stop.clone();
            // An error means that nobody can stop us any more.
            if tokio::time::timeout(pause, stop.wait_for(|stop| *stop)).await.is_ok() {
                break;
            }
        }
        if let Err(error) = self.store.release_lease(WATCH, &self.owner).await {
            warn!(%error, "the watcher's lease could not be given back; it ends by itself");
        }
    }

    /// Takes or renews the watcher's lease.
    pub async fn has_lease(&self) -> bool {
        match self.store.lease(WATCH, &self.owner, LEASE).await {
            Ok(ours) => ours,
            Err(error) => {
                error!(%error, "the watcher's lease could not be taken");
                false
            }
        }
    }

    /// Runs a look while the lease is renewed.
    pub async fn renewing<T>(&self, looking: impl Future<Output = T>) -> T {
        let renewal = async {
            loop {
                tokio::time::sleep(RENEWAL).await;
                self.has_lease().await;
            }
        };
        tokio::select! {
            looked = looking => looked,
            () = renewal => unreachable!("the renewal never ends"),
        }
    }
}

fn say(looked: Result<Looked, WatchError>) {
    match looked {
        Ok(Looked { lines, changed, gone, .. }) if changed + gone > 0 => {
            info!(lines, changed, gone, "looked at the shop");
        }
        Ok(_) => {}
        Err(error) => error!(%error, "a look at the shop failed; the next one tries again"),
    }
}
