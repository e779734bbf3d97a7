//! Recipients that a relay refused for good, when it was told them.
//!
//! In: tries that ended so. Out: each bad address barred from the stream of its mail, in the transaction of those ends;
//! and the refusals in a row, which [`super::putting_back`] looks at.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

use super::dialect::{Tx, batch, sql};
use super::outbox::{Fate, Finish};
use super::suppressions::{self, Source, Stream, Suppression};
use super::{StoreError, views};
use crate::outbox::notification::MAIL;

/// Bars the addresses that a relay refused for good, each from the stream of the mail that showed it.
pub(super) async fn bar(tx: &mut Tx, finished: &[&Finish], now: Timestamp) -> Result<(), StoreError> {
    let bad = |finish: &&&Finish| matches!(finish.fate, Fate::RecipientRefused { bad_address: true, .. });
    let refused: Vec<&&Finish> = finished.iter().filter(bad).collect();
    if refused.is_empty() {
        return Ok(());
    }
    let recipients = sql!("select id, recipient from orders where id in (select n from " rows(n bigint) ")");
    let rows =
        tx.rows(recipients, vec![views::numbers(refused.iter().map(|finish| finish.claimed.order_row))?]).await?;
    let mut barred = Vec::with_capacity(refused.len());
    for row in rows {
        let (order_row, address) = (row.int("id")?, row.text("recipient")?);
        for finish in refused.iter().filter(|finish| finish.claimed.order_row == order_row) {
            let reply = finish.attempt.as_ref().and_then(|attempt| attempt.reply.clone()).unwrap_or_default();
            let code = finish.attempt.as_ref().and_then(|attempt| attempt.code);
            barred.push(Suppression {
                address: address.clone(),
                stream: Stream::of(&finish.claimed.content),
                reason: code.map_or_else(|| reply.clone(), |code| format!("{code} {reply}")),
                source: Source::Refusal,
                who: None,
                since: now,
                notification_id: Some(finish.claimed.id),
            });
        }
    }
    suppressions::add(tx, &barred).await.map(drop)
}

/// Counts the recipients that each relay refused for good since it last took a mail. The last thing in a transaction:
/// who waits for another's count holds nothing that the other needs.
pub(super) async fn count(tx: &mut Tx, finished: &[&Finish], now: Timestamp) -> Result<(), StoreError> {
    #[derive(Serialize)]
    struct Took<'a> {
        relay: &'a str,
    }
    #[derive(Serialize)]
    struct RefusalRow<'a> {
        id: Uuid,
        order_row: i64,
        relay: &'a str,
        alike: &'a str,
    }
    let (mut took, mut refused) = (BTreeSet::new(), Vec::new());
    let mails = finished.iter().filter(|finish| finish.claimed.channel == MAIL);
    for (finish, attempt) in mails.filter_map(|finish| Some((finish, finish.attempt.as_ref()?))) {
        let (claimed, relay) = (&finish.claimed, attempt.relay.as_str());
        match &finish.fate {
            Fate::Sent => {
                took.insert(relay);
                refused.retain(|row: &RefusalRow| row.relay != relay);
            }
            Fate::RecipientRefused { alike, .. } => {
                refused.push(RefusalRow { id: claimed.id, order_row: claimed.order_row, relay, alike });
            }
            _ => {}
        }
    }
    if !took.is_empty() {
        let forget = sql!("delete from refusals where relay in (select relay from " rows(relay text) ")");
        tx.execute(forget, vec![batch(&took.into_iter().map(|relay| Took { relay }).collect::<Vec<_>>())?]).await?;
    }
    if !refused.is_empty() {
        let count = sql!("insert into refusals (notification_id, relay, alike, address, refused_at) "
            "select x.id, x.relay, x.alike, lower(trim(o.recipient)), $2 from "
            rows(id text, order_row bigint, relay text, alike text) " join orders o on o.id = x.order_row where true "
            "on conflict (notification_id) do update set relay = excluded.relay, alike = excluded.alike, "
            "address = excluded.address, refused_at = excluded.refused_at, put_back = false");
        tx.execute(count, vec![batch(&refused)?, now.into()]).await?;
    }
    Ok(())
}
