//! What waits for a person: each with the reason and the mend.
//!
//! Some tasks are written down when they come up (a row that cannot be read, a refused sweep, a mail that failed) and
//! end when staff say so or the cause is gone. Others are what the other tables show (held notifications, mails that a
//! relay does not take from us, lines without an address, refunds that are due) and end by themselves.

use std::collections::HashSet;

use jiff::Timestamp;
use serde::Serialize;

use super::deadlines::Listed;
use super::dialect::{Row, Tx, batch, sql, values};
use super::{Store, StoreError, confirming, views};
use crate::outbox::notification::MAIL;
use crate::outbox::schedule::Schedules;
use crate::promise::calendar::add_days;
use crate::shell::quoted;
use crate::shop::line::{Line, Status};

/// Something that waits for a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Task {
    /// A number where staff can end it themselves.
    pub id: String,
    pub kind: String,
    pub shop_id: String,
    /// The line, order or notification that it is about.
    pub subject: String,
    pub reason: String,
    pub mend: String,
    pub since: Timestamp,
    /// A legal notice in it is too late from this midnight on.
    #[serde(skip)]
    pub too_late_at: Option<Timestamp>,
}

impl Task {
    /// The order in which staff see tasks: what ends with a midnight first, then the oldest.
    pub fn rank(&self) -> impl Ord + use<> {
        (self.too_late_at.is_none(), self.too_late_at, self.since)
    }
}

/// Legal notices that are held.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HeldNotices {
    pub number: i64,
    /// The midnight from which the first of them is too late.
    pub too_late_at: Option<Timestamp>,
}

/// A task to be written down.
#[derive(Clone, Debug, Serialize)]
pub struct NewTask {
    pub kind: &'static str,
    pub shop_id: String,
    pub subject: String,
    pub reason: String,
    pub mend: String,
}

impl Store {
    /// Writes tasks down; one that is open already gets the newest reason. Of the kinds in `whole`, what is not among
    /// `tasks` has ended.
    pub async fn record_tasks(&self, tasks: &[NewTask], whole: &[&str], now: Timestamp) -> Result<(), StoreError> {
        let end = sql!("update tasks set done_at = $2 where done_at is null and kind in ($3, $4) and (kind, shop_id, subject) not in "
            "(select kind, shop_id, subject from " rows(kind text, shop_id text, subject text) ")");
        // Two kinds at a time; a lone one is named twice.
        let ends = whole.chunks(2).map(|kinds| {
            let (one, other) = (kinds[0], kinds[kinds.len() - 1]);
            Ok((end, vec![batch(tasks)?, now.into(), one.into(), other.into()]))
        });
        let ends = ends.collect::<Result<Vec<_>, StoreError>>()?;
        if tasks.is_empty() {
            // As most sweeps go: each says all that it has to say by itself.
            for (end, values) in ends {
                self.alone(end, values).await?;
            }
            return Ok(());
        }
        let mut tx = self.write().await?;
        add(&mut tx, tasks, now).await?;
        for (end, values) in ends {
            tx.execute(end, values).await?;
        }
        tx.commit().await
    }

    /// Ends tasks by their numbers; returns those that were open. An answer that such a task asked staff to carry out is
    /// done then.
    pub async fn end_tasks(&self, ids: &[i64], now: Timestamp) -> Result<Vec<i64>, StoreError> {
        let mut tx = self.write().await?;
        let numbers = views::numbers(ids.iter().copied())?;
        let open = sql!("select kind, shop_id, subject from tasks where done_at is null and id in (select n from " rows(n bigint) ")");
        let rows = tx.rows(open, vec![numbers.clone()]).await?;
        let lines = rows.iter().filter_map(|row| confirming::line_of_task(row).transpose());
        let lines = lines.collect::<Result<Vec<_>, _>>()?;
        // Orders are locked first, by whoever writes.
        let orders = confirming::orders_of(&mut tx, &lines).await?;
        views::lock(&mut tx, &orders).await?;
        confirming::done_by_staff(&mut tx, &lines, now).await?;
        let end = sql!("update tasks set done_at = $2 where done_at is null and id in (select n from " rows(n bigint) ") returning id");
        let rows = tx.rows(end, vec![numbers, now.into()]).await?;
        tx.commit().await?;
        rows.iter().map(|row| row.int("id")).collect()
    }

    /// Everything that waits for a person but refunds; legal notices that are held first, then the oldest.
    pub async fn tasks(&self) -> Result<Vec<Task>, StoreError> {
        let mut tx = self.read().await?;
        let open = sql!("select t.id, t.kind, t.shop_id, t.subject, t.reason, t.mend, t.created_at, "
            "case when t.kind in ('failed', 'suppressed', 'bounced') then (select min(said.value->>'expires_at') from sent_log s join "
            either("json_each(s.content, '$.lines')", "jsonb_array_elements(s.content::jsonb->'lines')")
            " said on true where s.id = t.subject) end as too_late_at from tasks t where t.done_at is null order by t.id");
        let mut tasks = tx.rows(open, values![]).await?.iter().map(task_of).collect::<Result<Vec<_>, _>>()?;
        tasks.extend(held(&mut tx).await?);
        tasks.extend(refused(&mut tx).await?);
        tasks.extend(without_address(&mut tx).await?);
        tasks.sort_by_key(Task::rank);
        Ok(tasks)
    }

    /// The refunds that are due, each until it is made.
    pub async fn refunds_due(&self, schedules: &Schedules, now: Timestamp) -> Result<Vec<Task>, StoreError> {
        let mut tasks = Vec::new();
        self.deadlines(None, schedules, now, |listed| tasks.extend(refund_due(&listed, schedules))).await?;
        tasks.sort_by_key(Task::rank);
        Ok(tasks)
    }

    /// The held notifications that hold a legal notice.
    pub async fn held_notices(&self) -> Result<HeldNotices, StoreError> {
        let held = sql!("select count(distinct b.id) as number, min(said.value->>'expires_at') as too_late_at from outbox b join "
            either("json_each(b.content, '$.lines')", "jsonb_array_elements(b.content::jsonb->'lines')") " said on true "
            "where b.state = 'held' and said.value->>'expires_at' is not null");
        let row = self.row(held, values![]).await?;
        let held = |row: Row| Ok(HeldNotices { number: row.int("number")?, too_late_at: midnight(&row)? });
        row.map_or(Ok(HeldNotices::default()), held)
    }
}

/// Writes tasks down inside another fact's transaction.
pub(super) async fn add(tx: &mut Tx, tasks: &[NewTask], now: Timestamp) -> Result<(), StoreError> {
    if tasks.is_empty() {
        return Ok(());
    }
    // Two bad rows of one product are one task; one statement may touch a row only once.
    let mut seen = HashSet::new();
    let tasks: Vec<&NewTask> =
        tasks.iter().filter(|task| seen.insert((task.kind, &task.shop_id, &task.subject))).collect();
    let insert = sql!("insert into tasks (kind, shop_id, subject, reason, mend, created_at) "
        "select x.kind, x.shop_id, x.subject, x.reason, x.mend, $2 from "
        rows(kind text, shop_id text, subject text, reason text, mend text)
        " where true on conflict (kind, shop_id, subject) where done_at is null do update set reason = excluded.reason, mend = excluded.mend");
    tx.execute(insert, vec![batch(&tasks)?, now.into()]).await.map(drop)
}

fn task_of(row: &Row) -> Result<Task, StoreError> {
    Ok(Task {
        id: row.int("id")?.to_string(),
        kind: row.text("kind")?,
        shop_id: row.text("shop_id")?,
        subject: row.text("subject")?,
        reason: row.text("reason")?,
        mend: row.text("mend")?,
        since: row.time("created_at")?,
        too_late_at: midnight(row)?,
    })
}

/// The midnight in a row, as content has it: without fractions, so that the least text is the first.
fn midnight(row: &Row) -> Result<Option<Timestamp>, StoreError> {
    let instant = |text: String| text.parse().map_err(|_| StoreError::Damaged(format!("{text} is no instant")));
    row.maybe_text("too_late_at")?.map(instant).transpose()
}

/// Held notifications; those held for one reason are one task, however many there are, and those with legal notices
/// are another.
async fn held(tx: &mut Tx) -> Result<Vec<Task>, StoreError> {
    let held = sql!("select min(h.id) as id, h.shop_id, h.note, count(*) as number, min(h.created_at) as since, "
        "min(h.too_late_at) as too_late_at from (select b.id, o.shop_id, coalesce(b.note, 'held by staff') as note, b.created_at, "
        "(select min(said.value->>'expires_at') from "
        either("json_each(b.content, '$.lines')", "jsonb_array_elements(b.content::jsonb->'lines')")
        " said) as too_late_at from outbox b join orders o on o.id = b.order_row where b.state = 'held') h "
        "group by h.shop_id, h.note, h.too_late_at is null");
    let task = |row: &Row| {
        let (id, number) = (row.text("id")?, row.int("number")?);
        let one = number == 1;
        Ok(Task {
            id: format!("held:{id}"),
            kind: "held".into(),
            shop_id: row.text("shop_id")?,
            subject: if one { id.clone() } else { format!("{number} notifications") },
            reason: row.text("note")?,
            mend: if one {
                format!("look at it with `backorderd show {id}`, then `backorderd release {id}` or `withdraw {id}`")
            } else {
                "look at them with `backorderd log --state held`, then `backorderd release --all` or `withdraw --all`"
                    .into()
            },
            since: row.time("since")?,
            too_late_at: midnight(row)?,
        })
    };
    tx.rows(held, values![]).await?.iter().map(task).collect()
}

/// So many tries that were refused for our sake, and not charged, are worth a person's look.
const REFUSED_OFTEN: i64 = 5;

/// Mails that a relay refuses for our sake again and again, so that nothing is charged to them; those that it refuses in
/// the same words are one task.
async fn refused(tx: &mut Tx) -> Result<Vec<Task>, StoreError> {
    let refused = sql!("select min(b.id) as id, o.shop_id, b.last_reply, count(*) as number, min(b.created_at) as since "
        "from outbox b join orders o on o.id = b.order_row where b.state = 'queued' and b.attempts >= $1 and b.charged = 0 "
        "and b.channel = $2 and b.last_reply like '5%' group by o.shop_id, b.last_reply");
    let task = |row: &Row| {
        let (id, number) = (row.text("id")?, row.int("number")?);
        Ok(Task {
            id: format!("refused:{id}"),
            kind: "relay_refuses".into(),
            shop_id: row.text("shop_id")?,
            subject: if number == 1 { id.clone() } else { format!("{number} notifications") },
            reason: format!("the relay does not take it from us, and it is tried again: {}", row.text("last_reply")?),
            mend: format!(
                "ask whoever runs the relay; if it will never take it, tell the customer by other means and \
                 `backorderd withdraw {id}`"
            ),
            since: row.time("since")?,
            too_late_at: None,
        })
    };
    tx.rows(refused, values![REFUSED_OFTEN, MAIL]).await?.iter().map(task).collect()
}

/// The task of a line whose refund is due.
fn refund_due(listed: &Listed, schedules: &Schedules) -> Option<Task> {
    let (line, refund) = (&listed.deadline, listed.refund?);
    let eve = add_days(refund.vested_on, -1);
    let shop = if listed.shop_id.is_empty() { String::new() } else { format!(" --shop {}", quoted(&listed.shop_id)) };
    Some(Task {
        id: format!("refund:{}", line.line_id),
        kind: "refund_due".into(),
        reason: format!(
            "a refund for line {} of order {} is due by {}, because {}",
            line.line_id,
            line.order_number,
            refund.due_by,
            refund.reason.in_words()
        ),
        mend: format!(
            "send the money back the way it was paid, then `backorderd refunded {}{shop}`; the feed's `refunded_at` ends it too",
            quoted(&line.line_id)
        ),
        since: schedules.of(&listed.shop_id).calendar().end(eve),
        shop_id: listed.shop_id.clone(),
        subject: line.line_id.clone(),
        too_late_at: None,
    })
}

/// Lines on backorder whose customer cannot be told.
pub(super) async fn without_address(tx: &mut Tx) -> Result<Vec<Task>, StoreError> {
    let mut tasks = Vec::new();
    let lines = sql!("select l.snapshot, l.changed_at from orders o join lines l on l.order_row = o.id "
        "where o.recipient = '' and l.open and not l.gone");
    tx.each(lines, values![], |row| {
        let line: Line = row.json("snapshot")?;
        if line.status() == Status::Backordered {
            tasks.push(Task {
                id: format!("address:{}", line.line_id),
                kind: "no_address".into(),
                reason: format!("line {} of order {} waits and has no e-mail address", line.line_id, line.order_number),
                mend: "tell the customer by other means, or enter her address in the shop".into(),
                shop_id: line.shop_id,
                subject: line.line_id,
                since: row.time("changed_at")?,
                too_late_at: None,
            });
        }
        Ok(())
    })
    .await?;
    Ok(tasks)
}
