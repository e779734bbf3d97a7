//! What staff do to notifications that are not in transfer: let them go, hold them back, withdraw them.
//!
//! In: the ids that staff chose, and who they are. Out: those that it was done to; one that was sent meanwhile is not
//! among them. Each method does all of it in one transaction, and writes down who did it; see [`super::resend`] for what
//! is sent again.

use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

use super::dialect::{Row, Tx, Value, batch, sql, values};
use super::ending::{end_doubted, end_unsent};
use super::{Store, StoreError};
use crate::outbox::notification::State;

/// Who acts, and what she meant. One command is one of these, however many transactions it takes.
#[derive(Clone, Debug)]
pub struct By {
    pub action_id: Uuid,
    /// The login name.
    pub who: String,
    /// Ids or a filter, as it was typed.
    pub chosen_by: String,
}

/// Something that staff did to a notification.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StaffAction {
    pub at: Timestamp,
    pub who: String,
    /// `held`, `released`, `withdrawn` or `resent`.
    pub what: String,
    pub chosen_by: String,
    /// The new notification that says it again.
    pub made: Option<Uuid>,
}

impl StaffAction {
    /// As in "held by ada (--kind backordered)".
    pub fn in_words(&self) -> String {
        let made = self.made.map(|id| format!("; made {id}")).unwrap_or_default();
        format!("{} by {} ({}){made}", self.what, self.who, self.chosen_by)
    }
}

#[derive(Serialize)]
struct Id {
    id: Uuid,
}

pub(super) fn ids_of(ids: &[Uuid]) -> Result<Value, StoreError> {
    batch(&ids.iter().map(|id| Id { id: *id }).collect::<Vec<_>>())
}

impl Store {
    /// Lets held notifications go, due at once. The flood guard does not count them again, nor do crashes count that they
    /// were held for.
    pub async fn release(&self, ids: &[Uuid], by: &By, now: Timestamp) -> Result<Vec<Uuid>, StoreError> {
        let mut tx = self.write().await?;
        lock(&mut tx, ids).await?;
        let released = release(&mut tx, ids, now).await?;
        write_down(&mut tx, "released", &done(&released), by, now).await?;
        tx.commit().await?;
        Ok(released)
    }

    /// Holds queued notifications back until staff decide, also those that a worker has in hand and does not transfer yet.
    /// A fresh link that a customer asked for is not held.
    pub async fn hold(&self, ids: &[Uuid], by: &By, now: Timestamp) -> Result<Vec<Uuid>, StoreError> {
        let mut tx = self.take_from_workers(ids).await?;
        lock(&mut tx, ids).await?;
        let hold = sql!("update outbox set state = 'held', note = $2 "
            "where state = 'queued' and kind <> 'fresh_link' and id in (select id from " rows(id text) ") returning id");
        let rows = tx.rows(hold, vec![ids_of(ids)?, "held by staff".into()]).await?;
        let held = rows.iter().map(|row| row.id("id")).collect::<Result<Vec<_>, _>>()?;
        write_down(&mut tx, "held", &done(&held), by, now).await?;
        tx.commit().await?;
        Ok(held)
    }

    /// Leaves mails in doubt to staff: they are not tried once more by themselves.
    pub async fn hold_doubted(&self, ids: &[Uuid], by: &By, now: Timestamp) -> Result<Vec<Uuid>, StoreError> {
        let mut tx = self.write().await?;
        let left = end_doubted(&mut tx, ids, now).await?;
        write_down(&mut tx, "held", &done(&left), by, now).await?;
        tx.commit().await?;
        Ok(left)
    }

    /// Those of `ids` that are in doubt and go out once more by themselves.
    pub async fn doubted(&self, ids: &[Uuid]) -> Result<Vec<Uuid>, StoreError> {
        let doubted = sql!("select o.id from " rows(id text) " join outbox o on o.id = x.id where o.state = 'in_doubt' order by o.id");
        self.rows(doubted, vec![ids_of(ids)?]).await?.iter().map(|row| row.id("id")).collect()
    }

    /// Ends queued and held notifications unsent, and those that a worker has in hand and does not transfer yet; the
    /// sent-log says by whom.
    pub async fn withdraw(&self, ids: &[Uuid], by: &By, now: Timestamp) -> Result<Vec<Uuid>, StoreError> {
        let mut tx = self.take_from_workers(ids).await?;
        let unsent = sql!("select id from outbox where state in ('queued', 'held') "
            "and id in (select id from " rows(id text) ") order by id" lock);
        let rows = tx.rows(unsent, vec![ids_of(ids)?]).await?;
        let ended = rows.iter().map(|row| row.id("id")).collect::<Result<Vec<_>, _>>()?;
        let noted: Vec<(Uuid, &'static str)> = ended.iter().map(|id| (*id, "withdrawn by staff")).collect();
        end_unsent(&mut tx, &noted, State::Withdrawn, now).await?;
        write_down(&mut tx, "withdrawn", &done(&ended), by, now).await?;
        tx.commit().await?;
        Ok(ended)
    }

    /// What staff did to a notification, oldest first; to the one that was sent again, and to the one that was made.
    pub async fn staff_actions(&self, id: Uuid) -> Result<Vec<StaffAction>, StoreError> {
        let actions = sql!("select at, who, what, chosen_by, made from staff_actions where notification_id = $1 "
            "order by at, action_id");
        let action = |row: &Row| {
            Ok(StaffAction {
                at: row.time("at")?,
                who: row.text("who")?,
                what: row.text("what")?,
                chosen_by: row.text("chosen_by")?,
                made: row.maybe_text("made")?.map(|_| row.id("made")).transpose()?,
            })
        };
        self.rows(actions, values![id]).await?.iter().map(action).collect()
    }
}

/// Two commands at once take their rows in one order, so that none waits for the other.
async fn lock(tx: &mut Tx, ids: &[Uuid]) -> Result<(), StoreError> {
    let rows = sql!("select id from outbox where state <> 'sending' and id in (select id from " rows(id text) ") order by id" lock);
    tx.rows(rows, vec![ids_of(ids)?]).await.map(drop)
}

/// Lets held ones go inside another fact's transaction.
pub(super) async fn release(tx: &mut Tx, ids: &[Uuid], now: Timestamp) -> Result<Vec<Uuid>, StoreError> {
    let release = sql!("update outbox set state = 'queued', released = true, crashes = 0, due_at = $2, note = null "
        "where state = 'held' and id in (select id from " rows(id text) ") returning id");
    let rows = tx.rows(release, vec![ids_of(ids)?, now.into()]).await?;
    rows.iter().map(|row| row.id("id")).collect()
}

/// Notifications to which something was done that made no other.
pub(super) fn done(ids: &[Uuid]) -> Vec<(Uuid, Option<Uuid>)> {
    ids.iter().map(|id| (*id, None)).collect()
}

/// Writes down what was done to each notification, and the one that it made.
pub(super) async fn write_down(
    tx: &mut Tx,
    what: &str,
    done: &[(Uuid, Option<Uuid>)],
    by: &By,
    now: Timestamp,
) -> Result<(), StoreError> {
    #[derive(Serialize)]
    struct Done {
        id: Uuid,
        made: Option<Uuid>,
    }
    if done.is_empty() {
        return Ok(());
    }
    let rows: Vec<Done> = done.iter().map(|(id, made)| Done { id: *id, made: *made }).collect();
    let insert = sql!("insert into staff_actions (notification_id, action_id, at, who, what, chosen_by, made) "
        "select x.id, $2, $3, $4, $5, $6, x.made from " rows(id text, made text) " where true on conflict do nothing");
    let values = vec![
        batch(&rows)?,
        by.action_id.into(),
        now.into(),
        by.who.clone().into(),
        what.into(),
        by.chosen_by.clone().into(),
    ];
    tx.execute(insert, values).await.map(drop)
}
