//! The warning that notifications wait for a channel which `delivery.channel` does not name any more.
//!
//! In: the state database, the channels that are set. Out: a sentence for each other channel, with the mend.

use super::output::count;
use crate::outbox::channels;
use crate::settings::delivery::Channels;
use crate::store::stranded::Stranded;
use crate::store::{Store, StoreError};

/// What there is to warn of.
pub async fn warnings(store: &Store, set: Channels) -> Result<Vec<String>, StoreError> {
    let stranded = store.stranded(channels::every(set)).await?;
    Ok(stranded.iter().map(|stranded| in_words(stranded, channels::telling(set))).collect())
}

/// As in "3 notifications wait for the channel mail, which ...".
fn in_words(stranded: &Stranded, telling: &str) -> String {
    let Stranded { channel, telling: telling_ones, beside, doubted } = stranded;
    let number = count((telling_ones + beside + doubted) as usize, "notification waits", "notifications wait");
    let mut mends = Vec::new();
    if *telling_ones > 0 {
        mends.push(format!("`backorderd resend --channel {channel}` tells their news by {telling} instead"));
    }
    if telling_ones + beside > 0 {
        mends.push(format!("`backorderd withdraw --channel {channel}` ends them unsent"));
    }
    if *doubted > 0 {
        let verb = if *doubted == 1 { "is" } else { "are" };
        mends
            .push(format!("`backorderd hold --channel {channel}` leaves to staff what is in doubt ({doubted} {verb})"));
    }
    format!("{number} for the channel {channel}, which delivery.channel does not name: {}", mends.join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_waits_is_counted_and_each_kind_has_its_mend() {
        let words = |telling, beside, doubted| {
            in_words(&Stranded { channel: "mail".into(), telling, beside, doubted }, "webhook")
        };
        assert_eq!(
            words(2, 0, 0),
            "2 notifications wait for the channel mail, which delivery.channel does not name: `backorderd resend \
             --channel mail` tells their news by webhook instead; `backorderd withdraw --channel mail` ends them unsent"
        );
        assert_eq!(
            words(0, 1, 0),
            "1 notification waits for the channel mail, which delivery.channel does not name: `backorderd withdraw \
             --channel mail` ends them unsent"
        );
        assert!(words(0, 0, 2).ends_with("`backorderd hold --channel mail` leaves to staff what is in doubt (2 are)"));
    }
}
