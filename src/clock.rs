//! Time and chance: the one home of the system clock and of random identifiers.
//!
//! Every instant in the program is a value that came from a [`Clock`]; leases alone use the state database's clock.

use std::sync::{Arc, Mutex};

use jiff::{SignedDuration, Timestamp, civil::Date, tz::TimeZone};
use uuid::{ContextV7, Uuid};

/// Counts identifiers made within one millisecond, so that they too come in order: neighbours in time are then
/// neighbours in the state database's indexes.
static SEQUENCE: Mutex<ContextV7> = Mutex::new(ContextV7::new());

/// Tells what time it is. A test clock stands still until it is advanced.
#[derive(Clone, Debug)]
pub enum Clock {
    System,
    Test(Arc<Mutex<Timestamp>>),
}

impl Clock {
    /// A clock that stands at `now`.
    pub fn at(now: Timestamp) -> Clock {
        Clock::Test(Arc::new(Mutex::new(now)))
    }

    /// Now, cut to whole microseconds, which is what the state database keeps.
    #[expect(clippy::disallowed_methods, reason = "the one home of the system clock")]
    pub fn now(&self) -> Timestamp {
        let now = match self {
            Clock::System => Timestamp::now(),
            Clock::Test(now) => *now.lock().unwrap_or_else(std::sync::PoisonError::into_inner),
        };
        Timestamp::from_microsecond(now.as_microsecond()).unwrap_or(now)
    }

    /// Moves a test clock; the system's clock stays as it is.
    pub fn advance(&self, by: SignedDuration) {
        if let Clock::Test(now) = self {
            let mut now = now.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            *now = now.saturating_add(by).unwrap_or(*now);
        }
    }

    /// A new identifier, in the order of this clock's time (RFC 9562, version 7).
    pub fn new_id(&self) -> Uuid {
        let now = self.now();
        let seconds = u64::try_from(now.as_second()).unwrap_or(0);
        let nanoseconds = u32::try_from(now.subsec_nanosecond()).unwrap_or(0);
        Uuid::new_v7(uuid::Timestamp::from_unix(&SEQUENCE, seconds, nanoseconds))
    }

    /// A new identifier that tells nothing, not even its time (version 4).
    #[expect(clippy::disallowed_methods, reason = "the one home of random identifiers")]
    pub fn random_id(&self) -> Uuid {
        Uuid::new_v4()
    }
}

/// The day of `at` in `zone`.
pub fn day(at: Timestamp, zone: &TimeZone) -> Date {
    at.to_zoned(zone.clone()).date()
}
