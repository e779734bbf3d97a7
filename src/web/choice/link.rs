//! A token becomes what its page may show.
//!
//! In: the token of an address. Out: an order, or why there is none to see. Nothing here changes anything.

use std::net::IpAddr;

use jiff::Timestamp;

use super::super::Web;
use crate::links;
use crate::render::page::facts::LinkFacts;
use crate::store::StoreError;
use crate::store::reach::{Link, Reach};

/// What a token opens.
pub enum Opened {
    /// It acts on this order.
    Order(Reach),
    /// It acts no more; a fresh one can be sent to the order's address.
    Old {
        reach: Reach,
        /// Whether the order's link itself is too old, and not only its signature or this copy of it.
        outlived: bool,
    },
    /// Nothing of an order is to be seen.
    Closed(LinkFacts),
}

/// Looks a token up, on behalf of `client`.
pub async fn open(web: &Web, token: &str, client: IpAddr, now: Timestamp) -> Result<Opened, StoreError> {
    let (link, signed) = match web.keys.verify(token) {
        Some((link_id, _)) => (web.store.link(link_id).await?, true),
        None if !web.guessing.allows(client, now) => return Ok(Opened::Closed(LinkFacts::Guessing)),
        None => (signed_before_a_rotation(web, token).await?, false),
    };
    let Some(link) = link else { return Ok(Opened::Closed(LinkFacts::Unknown)) };
    let reach = web.store.reach(link.order_row).await?;
    let Some(reach) = reach.filter(|reach| !reach.lines.is_empty()) else {
        // Its lines went to another address, or nobody can be told any more: whoever had it sees nothing of them.
        return Ok(Opened::Closed(LinkFacts::Moved));
    };
    let outlived = has_outlived(&reach, web, now);
    Ok(if signed && !link.retired && !outlived { Opened::Order(reach) } else { Opened::Old { reach, outlived } })
}

/// The link that a token names though no secret of ours made it. Believed only of an order whose mails did go out with
/// a secret that is gone: who knows link ids from elsewhere learns nothing of other orders.
async fn signed_before_a_rotation(web: &Web, token: &str) -> Result<Option<Link>, StoreError> {
    let Some(link_id) = links::named_by(token) else { return Ok(None) };
    let Some(link) = web.store.link(link_id).await? else { return Ok(None) };
    let rotated = web.store.has_link_of_another_key(link.order_row, &web.keys.fingerprints()).await?;
    Ok(rotated.then_some(link))
}

/// Whether the link's life is over: it counts from the day on which the last line closed, or a fresh link was sent.
fn has_outlived(reach: &Reach, web: &Web, now: Timestamp) -> bool {
    let Some(closed_at) = reach.closed_at() else { return false };
    let since = reach.fresh_link_at.map_or(closed_at, |asked_at| asked_at.max(closed_at));
    now >= since + web.settings.web.link_life.signed()
}
