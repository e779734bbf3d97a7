//! The channels that are set, as the outbox names them: by which one she is told, and which get the same news beside it.
//!
//! In: `delivery.channel`. Out: words. Pure.

use super::notification::{MAIL, WEBHOOK};
use crate::settings::delivery::Channels;

/// Every channel; the first is the one by which she is told.
pub fn every(channels: Channels) -> &'static [&'static str] {
    match channels {
        Channels::Mail => &[MAIL],
        Channels::Webhook => &[WEBHOOK],
        Channels::Both => &[MAIL, WEBHOOK],
    }
}

/// The channel by which she is told.
pub fn telling(channels: Channels) -> &'static str {
    match channels {
        Channels::Mail | Channels::Both => MAIL,
        Channels::Webhook => WEBHOOK,
    }
}

/// The channels that get the same news, and by which she is not told.
pub fn beside(channels: Channels) -> &'static [&'static str] {
    match channels {
        Channels::Mail | Channels::Webhook => &[],
        Channels::Both => &[WEBHOOK],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_channel_that_tells_and_those_beside_it_are_all() {
        for channels in [Channels::Mail, Channels::Webhook, Channels::Both] {
            let (first, others) = every(channels).split_first().unwrap();
            assert_eq!((*first, others), (telling(channels), beside(channels)), "{channels:?}");
        }
    }
}
