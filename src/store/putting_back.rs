//! Mails put back into the queue, because the relay that refused them for good turns out to be at fault itself.
//!
//! In: the refusals that were counted as tries ended, by whichever process. Out: the failed mails queued again, as if
//! nothing had been: their addresses barred no more, what was suppressed for that queued too, the tasks ended. It looks
//! at the state database alone, so that it holds with many processes, and after a crash the next one does it. What
//! newer news took the place of meanwhile is superseded, and its order planned afresh.

use std::collections::{BTreeSet, HashMap, HashSet};

use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

use super::dialect::{Row, Tx, batch, sql, values};
use super::ending::unplan;
use super::log::LogEntry;
use super::resend::{entries, revive};
use super::staff::ids_of;
use super::suppressions::Stream;
use super::{Store, StoreError, views};
use crate::outbox::blame::{Blamed, Refused, blamed};
use crate::outbox::notification::State;

/// What was put back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PutBack {
    /// Queued again.
    pub queued: Vec<Uuid>,
    /// The orders that are to be planned afresh.
    pub overtaken: Vec<i64>,
}

impl Store {
    /// Puts back what the relays in `blamed` refused, all of them.
    pub async fn put_back(&self, blamed: &[Blamed], now: Timestamp) -> Result<PutBack, StoreError> {
        let refused: Vec<Uuid> = blamed.iter().flat_map(|blamed| blamed.to_put_back.iter().copied()).collect();
        let mut back = PutBack::default();
        if refused.is_empty() {
            return Ok(back);
        }
        let mut tx = self.write().await?;
        let mut ids = refused.clone();
        ids.extend(barred_for(&mut tx, &refused).await?);
        let rows: BTreeSet<i64> = entries(&mut tx, &ids).await?.iter().map(|entry| entry.order_row).collect();
        let rows: Vec<i64> = rows.into_iter().collect();
        views::lock(&mut tx, &rows).await?;
        // Read again under the lock: another process may have been faster.
        let ended = entries(&mut tx, &ids).await?;
        let ended: Vec<&LogEntry> =
            ended.iter().filter(|entry| matches!(entry.state, State::Failed | State::Suppressed)).collect();
        let (queued, overtaken) = part(&ended, &unsent(&mut tx, &rows).await?);
        back.queued = queued.iter().map(|entry| entry.id).collect();
        back.overtaken = overtaken.iter().map(|entry| entry.order_row).collect();
        for was in [State::Failed, State::Suppressed] {
            revive(&mut tx, &back.queued, was, State::Queued, now).await?;
        }
        supersede(&mut tx, &overtaken, now).await?;
        settle(&mut tx, &refused, &ids, now).await?;
        tx.commit().await?;
        Ok(back)
    }

    /// The relays that are to blame for what they refused since they last took a mail, found now or before.
    pub async fn blamed(&self) -> Result<Vec<Blamed>, StoreError> {
        let refusals = sql!("select * from refusals order by refused_at, notification_id");
        let refused = |row: &Row| {
            Ok(Refused {
                notification_id: row.id("notification_id")?,
                relay: row.text("relay")?,
                alike: row.text("alike")?,
                address: row.text("address")?,
                put_back: row.bool("put_back")?,
            })
        };
        let refused =
            self.rows(refusals, values![]).await?.iter().map(refused).collect::<Result<Vec<_>, StoreError>>()?;
        Ok(blamed(&refused))
    }
}

/// The order notices that were suppressed because `refused` had barred their address.
async fn barred_for(tx: &mut Tx, refused: &[Uuid]) -> Result<Vec<Uuid>, StoreError> {
    let suppressed = sql!("select t.subject from " rows(id text)
        " join suppressions b on b.notification_id = x.id and b.source = 'refusal' and b.stream = $2 "
        "join tasks t on t.kind = 'suppressed' and t.done_at is null and t.created_at >= b.since "
        "join sent_log s on s.id = t.subject join orders o on o.id = s.order_row and lower(trim(o.recipient)) = b.address");
    let rows = tx.rows(suppressed, vec![ids_of(refused)?, Stream::OrderNotices.word().into()]).await?;
    rows.iter().map(|row| row.id("subject")).collect()
}

/// The orders and channels that have news which was not sent yet.
async fn unsent(tx: &mut Tx, rows: &[i64]) -> Result<HashSet<(i64, String)>, StoreError> {
    let unsent = sql!("select o.order_row, o.channel from " rows(n bigint) " join outbox o on o.order_row = x.n "
        "where o.state in ('queued', 'held') and o.news");
    let rows = tx.rows(unsent, vec![views::numbers(rows.iter().copied())?]).await?;
    rows.iter().map(|row| Ok((row.int("order_row")?, row.text("channel")?))).collect()
}

/// Parts what can be queued again from what newer news took the place of: of one order and channel one piece of news
/// waits to be sent. `ended` has the newest first.
fn part<'a>(ended: &[&'a LogEntry], unsent: &HashSet<(i64, String)>) -> (Vec<&'a LogEntry>, Vec<&'a LogEntry>) {
    let mut newest: HashMap<(i64, &str), Uuid> = HashMap::new();
    ended.iter().copied().partition(|entry| {
        let place = (entry.order_row, &*entry.channel);
        let newest = *newest.entry(place).or_insert(entry.id) == entry.id;
        !entry.kind.is_news() || (newest && !unsent.contains(&(entry.order_row, entry.channel.clone())))
    })
}

/// What newer news took the place of told nothing: it is still to be told.
async fn supersede(tx: &mut Tx, overtaken: &[&LogEntry], now: Timestamp) -> Result<(), StoreError> {
    if overtaken.is_empty() {
        return Ok(());
    }
    let ids: Vec<Uuid> = overtaken.iter().map(|entry| entry.id).collect();
    let supersede =
        sql!("update sent_log set state = 'superseded', note = $2 where id in (select id from " rows(id text) ")");
    tx.execute(supersede, vec![ids_of(&ids)?, "newer news took its place".into()]).await?;
    unplan(tx, overtaken.iter().map(|entry| (entry.order_row, &entry.content)), now).await
}

/// Ends what followed from the refusals: the bars, and the tasks of all that came back.
async fn settle(tx: &mut Tx, refused: &[Uuid], all: &[Uuid], now: Timestamp) -> Result<(), StoreError> {
    #[derive(Serialize)]
    struct Subject {
        subject: Uuid,
    }
    let unbar = sql!("delete from suppressions where source = 'refusal' and notification_id in (select id from " rows(id text) ")");
    tx.execute(unbar, vec![ids_of(refused)?]).await?;
    let subjects: Vec<Subject> = all.iter().map(|subject| Subject { subject: *subject }).collect();
    let done = sql!("update tasks set done_at = $2 where done_at is null and kind in ('failed', 'suppressed') "
        "and subject in (select subject from " rows(subject text) ")");
    tx.execute(done, vec![batch(&subjects)?, now.into()]).await?;
    let note = sql!("update refusals set put_back = true where notification_id in (select id from " rows(id text) ")");
    tx.execute(note, vec![ids_of(refused)?]).await.map(drop)
}
