//! Whose fault it is that a relay refuses recipients: theirs, or its own.
//!
//! In: the recipients that relays refused for good since each last took a mail. Out: the relays that are to blame, with
//! whom they refused. No list of addresses is so bad that many in a row are refused alike; an expired password is, and
//! no customer must be barred for it. Pure.

use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;

/// So many recipients in a row that are refused alike are the relay's fault, or that of our login there.
pub const REFUSED_ALIKE: usize = 5;

/// A recipient that a relay refused for good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    pub notification_id: Uuid,
    pub relay: String,
    /// The reply's code and enhanced code.
    pub alike: String,
    pub address: String,
    /// Whether its mail was put back before.
    pub put_back: bool,
}

/// A relay that refuses everybody alike.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Blamed {
    pub relay: String,
    pub alike: String,
    pub addresses: BTreeSet<String>,
    /// The notifications that are still to be put back.
    pub to_put_back: Vec<Uuid>,
}

/// The relays that are to blame for what they refused. An address counts once, however many orders it has.
pub fn blamed(refused: &[Refused]) -> Vec<Blamed> {
    let mut alike: BTreeMap<(&str, &str), Blamed> = BTreeMap::new();
    for one in refused {
        let blamed = alike.entry((&one.relay, &one.alike)).or_insert_with(|| Blamed {
            relay: one.relay.clone(),
            alike: one.alike.clone(),
            ..Blamed::default()
        });
        blamed.addresses.insert(one.address.clone());
        blamed.to_put_back.extend((!one.put_back).then_some(one.notification_id));
    }
    alike.into_values().filter(|blamed| blamed.addresses.len() >= REFUSED_ALIKE).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(number: u128, relay: &str, alike: &str, address: &str) -> Refused {
        Refused {
            notification_id: Uuid::from_u128(number),
            relay: relay.into(),
            alike: alike.into(),
            address: address.into(),
            put_back: false,
        }
    }

    /// One notification each for these customers.
    fn of(customers: std::ops::Range<u128>, relay: &str, alike: &str) -> Vec<Refused> {
        customers.map(|number| refused(number, relay, alike, &format!("c{number}@example.com"))).collect()
    }

    #[test]
    fn the_fifth_that_is_refused_alike_puts_the_blame_on_the_relay() {
        assert_eq!(blamed(&of(0..4, "one", "550")), []);
        let five = blamed(&of(0..5, "one", "550"));
        assert_eq!((five.len(), five[0].relay.as_str(), five[0].alike.as_str()), (1, "one", "550"));
        assert_eq!(five[0].to_put_back, (0..5).map(Uuid::from_u128).collect::<Vec<_>>());
    }

    #[test]
    fn other_words_and_other_relays_count_by_themselves() {
        let mixed = [of(0..4, "one", "550"), of(4..8, "one", "550 5.1.1"), of(8..12, "two", "550")].concat();
        assert_eq!(blamed(&mixed), []);
    }

    #[test]
    fn one_bad_address_with_many_orders_blames_nobody_and_comes_back_with_the_others() {
        let orders: Vec<Refused> = (10..18).map(|number| refused(number, "one", "550", "c0@example.com")).collect();
        assert_eq!(blamed(&orders), []);
        let with_others = [orders, of(1..5, "one", "550")].concat();
        assert_eq!(blamed(&with_others)[0].to_put_back.len(), 12);
    }

    #[test]
    fn what_was_put_back_before_still_speaks_against_the_relay_and_is_not_put_back_twice() {
        let mut all = of(0..5, "one", "550");
        all[..4].iter_mut().for_each(|one| one.put_back = true);
        assert_eq!(blamed(&all)[0].to_put_back, [Uuid::from_u128(4)]);
    }
}
