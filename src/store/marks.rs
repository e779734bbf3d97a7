//! The marks "in transfer": what is marked when its process dies may have been sent, everything else was not.
//!
//! In: notifications in hand that their connections send next. Out: which of them may be sent, their marks durable. On
//! PostgreSQL a mark is a column of the outbox. On SQLite it is a row in a file beside the state database, because
//! connections wait for it, and in the state database it would wait for whatever batch is being written. Two files are not
//! written in one transaction, so a mark is only made while its lease lasts much longer than it takes to make and to use
//! it: whoever takes over what a dead process left comes after that, and sees it. Who takes a notification away from a
//! worker bars it in that file first: either its mark is there before, or it is marked no more.

use std::collections::HashSet;
use std::time::Duration;

use serde::Serialize;
use tokio::time::Instant;
use uuid::Uuid;

use super::dialect::{Tx, batch, sql, values};
use super::outbox::Claimed;
use super::staff::ids_of;
use super::{Store, StoreError};
use crate::failpoint::{self, Commit, Point};
use crate::settings::duration::Span;

/// So long the lease of what is marked on SQLite must still last. A process that lives prolongs it long before.
const LEFT: Span = Span::seconds(10);
/// A mark that took longer is of no use there. The rest of [`LEFT`] is for whoever sends by it.
const SLOWEST: Duration = Duration::from_secs(8);

/// What is at the end of the name of the file beside an SQLite state database.
pub(super) const FILE: &str = "-marks";
/// The version of what is in it.
pub(super) const FILE_VERSION: i64 = 2;
/// Makes what is in it, and raises its version. Where it is new, nobody knows what is in transfer: everything in hand may
/// be. It begins like this because `begin immediate` would wait for the state database's writer, which may be who asks.
pub(super) const MADE: &str = "begin; \
    create table if not exists marks (id text not null, fence bigint not null); \
    create table if not exists barred (id text not null, fence bigint not null); \
    insert into marks (id, fence) select id, fence from state.outbox \
    where state = 'sending' and (select user_version from pragma_user_version) = 0; \
    pragma user_version = 2; \
    commit";

/// A notification that is about to be transferred.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Mark {
    pub id: Uuid,
    pub fence: i64,
    pub order_row: i64,
    /// The order's revision that the content was checked against.
    pub revision: i64,
}

/// A notification in hand, under its fence.
#[derive(Serialize)]
struct InHand {
    id: Uuid,
    fence: i64,
}

impl Store {
    /// Marks notifications as in transfer, if their lease still holds, their bytes are kept (a server that crashed may
    /// have forgotten them) and nothing of their order changed since they were checked. Returns those that may be sent;
    /// the mark is durable then.
    pub async fn mark(&self, marks: &[Mark]) -> Result<Vec<Uuid>, StoreError> {
        failpoint::reach(Point::Before(Commit::Mark));
        let marked = if self.is_embedded() { self.mark_beside(marks).await } else { self.mark_within(marks).await }?;
        failpoint::reach(Point::After(Commit::Mark));
        Ok(marked)
    }

    /// In the file beside an SQLite state database.
    async fn mark_beside(&self, marks: &[Mark]) -> Result<Vec<Uuid>, StoreError> {
        let began = Instant::now();
        // The joins in the order in which few rows are looked at.
        let mark = sql!("insert into marks (id, fence) select x.id, x.fence from "
            rows(id text, fence bigint, order_row bigint, revision bigint)
            " cross join state.orders o on o.id = x.order_row and o.revision = x.revision "
            "cross join state.outbox on outbox.id = x.id and outbox.fence = x.fence "
            "where " sending(outbox) " and outbox.lease_until > " now " + $2 "
            "and exists (select 1 from state.contents c where c.notification_id = outbox.id) "
            "and not exists (select 1 from barred b where b.id = x.id and b.fence = x.fence) returning id");
        let marked = self.db.marks(mark, vec![batch(marks)?, LEFT.as_micros().into()]).await?;
        if began.elapsed() > SLOWEST {
            return Err(StoreError::Late);
        }
        marked.iter().map(|row| row.id("id")).collect()
    }

    /// In the outbox on PostgreSQL.
    async fn mark_within(&self, marks: &[Mark]) -> Result<Vec<Uuid>, StoreError> {
        let mark = sql!("update outbox set in_transfer = true from "
            rows(id text, fence bigint, order_row bigint, revision bigint)
            " join orders o on o.id = x.order_row and o.revision = x.revision "
            "where outbox.id = x.id and outbox.fence = x.fence and " sending(outbox) " and outbox.lease_until > " now
            " and exists (select 1 from contents c where c.notification_id = outbox.id) returning outbox.id");
        self.db.marks(mark, vec![batch(marks)?]).await?.iter().map(|row| row.id("id")).collect()
    }

    /// Those of `claimed` that are marked under their fences, in a transaction that saw them.
    pub(super) async fn marked(
        &self,
        tx: &mut Tx,
        claimed: impl Iterator<Item = &Claimed>,
    ) -> Result<HashSet<Uuid>, StoreError> {
        let rows: Vec<InHand> = claimed.map(|claimed| InHand { id: claimed.id, fence: claimed.fence }).collect();
        if rows.is_empty() {
            return Ok(HashSet::new());
        }
        let marked = sql!("select x.id from " rows(id text, fence bigint) " join " either("marks", "outbox")
            " m on m.id = x.id and m.fence = x.fence" either("", " and m.in_transfer"));
        let values = vec![batch(&rows)?];
        let rows =
            if self.is_embedded() { self.db.marks(marked, values).await } else { tx.rows(marked, values).await }?;
        rows.iter().map(|row| row.id("id")).collect()
    }

    /// Sees to it that those of `ids` are marked no more that are in hand, not marked, and surely unsent: their ids and
    /// fences. On PostgreSQL none, because there the outbox itself tells.
    async fn bar(&self, ids: &[Uuid]) -> Result<Vec<InHand>, StoreError> {
        if !self.is_embedded() {
            return Ok(Vec::new());
        }
        let bar = sql!("insert into barred (id, fence) select x.id, outbox.fence from " rows(id text)
            " cross join state.outbox on outbox.id = x.id where " sending(outbox) " and outbox.doubts = 0 "
            "and not exists (select 1 from marks m where m.id = x.id and m.fence = outbox.fence) returning id, fence");
        let barred = self.db.marks(bar, vec![ids_of(ids)?]).await?;
        barred.iter().map(|row| Ok(InHand { id: row.id("id")?, fence: row.int("fence")? })).collect()
    }

    /// Takes those of `ids` away from their workers that are not in transfer and surely unsent: they are queued in the
    /// transaction that is returned. Whoever had them in hand finds out when it asks for their marks.
    pub(super) async fn take_from_workers(&self, ids: &[Uuid]) -> Result<Tx, StoreError> {
        let barred = self.bar(ids).await?;
        let mut tx = self.write().await?;
        if self.is_embedded() {
            let take = sql!("update outbox set state = 'queued', owner = null, lease_until = null from "
                rows(id text, fence bigint) " where outbox.id = x.id and outbox.fence = x.fence and " sending(outbox));
            tx.execute(take, vec![batch(&barred)?]).await?;
        } else {
            // Whoever marks or ends one at this moment has it.
            let take = sql!("update outbox set state = 'queued', owner = null, lease_until = null where id in "
                "(select id from outbox where state = 'sending' and not in_transfer and doubts = 0 "
                "and id in (select id from " rows(id text) ") for update skip locked)");
            tx.execute(take, vec![ids_of(ids)?]).await?;
        }
        Ok(tx)
    }

    /// Removes the marks of what is not in hand any more from the file beside an SQLite state database.
    pub async fn forget_marks(&self) -> Result<(), StoreError> {
        if !self.is_embedded() {
            return Ok(());
        }
        let forget = sql!("delete from marks where not exists (select 1 from state.outbox where outbox.id = marks.id "
            "and outbox.fence = marks.fence and " sending(outbox) ")");
        self.db.marks(forget, values![]).await?;
        let forget = sql!("delete from barred where not exists (select 1 from state.outbox where outbox.id = barred.id "
            "and outbox.fence = barred.fence and " sending(outbox) ")");
        self.db.marks(forget, values![]).await.map(drop)
    }
}
