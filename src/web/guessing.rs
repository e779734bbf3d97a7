//! How many wrong links one client, and all together, may try in a minute.
//!
//! In: a client's address and the time, for each token that we did not sign. Out: whether the next one is still looked
//! up. Right tokens are never asked about: nobody can lock a customer out by guessing, from her own network or any
//! other. A token holds 136 bits of signature, so the limit guards our work, not the secret. Memory is fixed: clients
//! share a table of counters, and who shares one by chance is only told a little sooner to wait.

use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;

const OF_ONE_CLIENT: u16 = 20;
const OF_ALL: u32 = 600;
const COUNTERS: usize = 4096;

/// Counts wrong tokens.
#[derive(Debug)]
pub struct Guessing {
    /// Nobody can know which clients share a counter.
    places: RandomState,
    minute: Mutex<Minute>,
}

#[derive(Debug)]
struct Minute {
    /// Since 1970.
    number: i64,
    of_all: u32,
    of_clients: Box<[u16]>,
}

impl Default for Guessing {
    fn default() -> Guessing {
        let minute = Minute { number: 0, of_all: 0, of_clients: vec![0; COUNTERS].into() };
        Guessing { places: RandomState::new(), minute: Mutex::new(minute) }
    }
}

impl Guessing {
    /// Counts one more wrong token; whether it may be looked up.
    pub fn allows(&self, client: IpAddr, now: Timestamp) -> bool {
        let place = self.places.hash_one(network(client)) as usize % COUNTERS;
        let mut minute = self.minute.lock().unwrap_or_else(PoisonError::into_inner);
        let number = now.as_second().div_euclid(60);
        if minute.number != number {
            minute.number = number;
            minute.of_all = 0;
            minute.of_clients.fill(0);
        }
        minute.of_all = minute.of_all.saturating_add(1);
        let of_client = &mut minute.of_clients[place];
        *of_client = of_client.saturating_add(1);
        *of_client <= OF_ONE_CLIENT && minute.of_all <= OF_ALL
    }
}

/// One household or machine has a whole /64 of IPv6 to itself.
fn network(client: IpAddr) -> u128 {
    match client.to_canonical() {
        IpAddr::V4(address) => u128::from(address.to_bits()),
        IpAddr::V6(address) => address.to_bits() >> 64 << 64 | 1 << 63,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn client(last: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, last])
    }

    fn tries(guessing: &Guessing, client: IpAddr, at: Timestamp, number: usize) -> usize {
        (0..number).filter(|_| guessing.allows(client, at)).count()
    }

    #[test]
    fn a_client_may_try_a_few_each_minute_and_others_are_not_concerned() {
        let guessing = Guessing::default();
        assert_eq!(tries(&guessing, client(1), at(60), 50), 20);
        assert!(!guessing.allows(client(1), at(119)));
        // Two clients may share a counter; three others hardly ever all do.
        assert!((2..5).any(|other| guessing.allows(client(other), at(119))));
        assert!(guessing.allows(client(1), at(120)));
    }

    #[test]
    fn all_together_may_try_so_many() {
        let guessing = Guessing::default();
        let allowed: usize = (0..=255).map(|last| tries(&guessing, client(last), at(60), 10)).sum();
        assert!(allowed <= 600, "{allowed}");
        assert!(!guessing.allows(IpAddr::from([198, 51, 100, 1]), at(61)));
        assert!(guessing.allows(client(1), at(120)));
    }

    #[test]
    fn addresses_of_one_network_count_together() {
        let guessing = Guessing::default();
        let host = |host: u16| IpAddr::from([0x2001, 0xdb8, 0, 7, 0, 0, 0, host]);
        assert_eq!((0..50).filter(|number| guessing.allows(host(*number), at(60))).count(), 20);
        let mapped: IpAddr = "::ffff:192.0.2.9".parse().unwrap();
        assert_eq!(network(mapped), network(client(9)));
    }
}
