//! Addresses that a relay refused for good, when it was told them.
//!
//! In: tries that ended so. Out: each address barred from the stream of its mail, in the transaction of those ends.

use jiff::Timestamp;

use super::dialect::{Tx, sql};
use super::outbox::{Fate, Finish};
use super::suppressions::{self, Source, Stream, Suppression};
use super::{StoreError, views};

/// Bars the addresses that a relay refused for good, each from the stream of the mail that showed it.
pub(super) async fn bar(tx: &mut Tx, finished: &[&Finish], now: Timestamp) -> Result<(), StoreError> {
    let bad = |finish: &&&Finish| matches!(finish.fate, Fate::BadAddress { .. });
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
