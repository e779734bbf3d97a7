//! When it is fair to take over what others have in hand: not right after the state database was away.
//!
//! In: how calls of the state database went. Out: whether a lease that ended means that its owner died. While nobody
//! can reach the database nobody can prolong a lease, so all of them end; who comes back first leaves the others the
//! time to prolong theirs. Otherwise every outage would throw doubt on what living processes have in transfer.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::store::StoreError;

/// Longer than a living process takes to prolong its leases again.
const GRACE: Duration = Duration::from_secs(10);

/// What this process knows of the state database's last failure.
#[derive(Debug, Default)]
pub struct Takeover {
    failed_at: Mutex<Option<Instant>>,
}

impl Takeover {
    /// Hears how a call went, and hands its result on.
    pub fn heard<T>(&self, result: Result<T, StoreError>) -> Result<T, StoreError> {
        if result.is_err() {
            self.fails_at(Instant::now());
        }
        result
    }

    /// Whether others had time enough to prolong their leases.
    pub fn is_fair(&self) -> bool {
        self.is_fair_at(Instant::now())
    }

    fn fails_at(&self, now: Instant) {
        *self.failed_at.lock().unwrap_or_else(PoisonError::into_inner) = Some(now);
    }

    fn is_fair_at(&self, now: Instant) -> bool {
        let failed_at = *self.failed_at.lock().unwrap_or_else(PoisonError::into_inner);
        failed_at.is_none_or(|failed_at| now.duration_since(failed_at) >= GRACE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_a_failure_others_get_ten_seconds_to_come_back() {
        let takeover = Takeover::default();
        takeover.heard(Ok(())).unwrap();
        assert!(takeover.is_fair());
        takeover.heard(Err::<(), _>(StoreError::LeaseLost)).unwrap_err();
        takeover.heard(Ok(())).unwrap();
        assert!(!takeover.is_fair(), "the database answers again, and the others may not know it yet");
        let now = Instant::now();
        takeover.fails_at(now);
        assert!(!takeover.is_fair_at(now + GRACE / 2));
        assert!(takeover.is_fair_at(now + GRACE));
    }
}
