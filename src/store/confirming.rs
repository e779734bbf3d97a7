//! Answers that were handed over: what shows that they were done, and what becomes of those that nothing shows.
//!
//! In: the lines of a look, what staff say, and the time. Out: confirmed answers, ended tasks, new ones. A cancel is
//! confirmed by the feed alone, however far it was carried: nothing of the line is open any more and fewer pieces are
//! wanted than when it was given. What shipped is not cancelled, and a line that is gone shows nothing.

use std::collections::HashMap;

use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::Serialize;
use uuid::Uuid;

use super::dialect::{Row, Tx, batch, sql, values};
use super::ending::end_unsent;
use super::handover::outgoing_of;
use super::record::{EventRow, record_events};
use super::{Store, StoreError, matters, tasks, views};
use crate::choice::handover::Outgoing;
use crate::outbox::notification::State;
use crate::outbox::plan::Content;
use crate::shop::line::Line;

/// More of them at once wait for the next sweep.
const UNCONFIRMED: i64 = 1000;

/// The line that an answer, a task or an event is about.
#[derive(Clone, Serialize)]
pub(super) struct AboutLine {
    shop_id: String,
    line_id: String,
}

impl AboutLine {
    pub(super) fn of(answer: &Outgoing) -> AboutLine {
        AboutLine { shop_id: answer.shop_id.clone(), line_id: answer.line_id.clone() }
    }
}

impl Store {
    /// Puts before staff what was handed over and not confirmed in time, by a sweep that began at `began`. A wait is
    /// only of interest while something is open.
    pub async fn review_answers(&self, began: Timestamp) -> Result<(), StoreError> {
        let mut tx = self.write().await?;
        let late = sql!("select c.*, o.order_id, o.order_number, o.recipient from choices c "
            "join lines l on l.shop_id = c.shop_id and l.line_id = c.line_id join orders o on o.id = l.order_row "
            "where c.state = 'done' and c.confirmed_at is null and c.due_at <= $1 and (c.choice = 'cancel' or l.open) "
            "and not exists (select 1 from tasks t where t.kind = $2 and t.shop_id = c.shop_id and t.subject = c.line_id "
            "and t.done_at is null) order by c.due_at, c.id limit $3");
        let rows = tx.rows(late, values![began, matters::UNCONFIRMED, UNCONFIRMED]).await?;
        let answers = rows.iter().map(outgoing_of).collect::<Result<Vec<_>, _>>()?;
        tasks::add(&mut tx, &answers.iter().map(matters::unconfirmed).collect::<Vec<_>>(), began).await?;
        tx.commit().await
    }
}

/// Confirms the cancels that the lines of a look show to be done. Their orders are locked.
pub(super) async fn confirm(tx: &mut Tx, lines: &[Line], now: Timestamp) -> Result<(), StoreError> {
    #[derive(Serialize)]
    struct Shown {
        id: Uuid,
    }
    let closed: HashMap<(&str, &str), &Line> = lines
        .iter()
        .filter(|line| line.open() == Decimal::ZERO)
        .map(|line| ((&*line.shop_id, &*line.line_id), line))
        .collect();
    if closed.is_empty() {
        return Ok(());
    }
    let keys: Vec<AboutLine> = closed
        .keys()
        .map(|(shop_id, line_id)| AboutLine { shop_id: (*shop_id).to_owned(), line_id: (*line_id).to_owned() })
        .collect();
    let unconfirmed = sql!("select c.id, c.shop_id, c.line_id, c.wanted from " rows(shop_id text, line_id text)
        " join choices c on c.shop_id = x.shop_id and c.line_id = x.line_id "
        "where c.choice = 'cancel' and c.confirmed_at is null and c.state <> 'dropped' "
        // Who chose to wait after a refusal did not ask for what the shop does now.
        "and not exists (select 1 from choices n where n.shop_id = c.shop_id and n.line_id = c.line_id "
        "and n.choice = 'wait' and n.state <> 'dropped' and (n.chosen_at, n.id) > (c.chosen_at, c.id))");
    let (mut shown, mut ended) = (Vec::new(), Vec::new());
    for row in tx.rows(unconfirmed, vec![batch(&keys)?]).await? {
        let (shop_id, line_id, wanted) = (row.text("shop_id")?, row.text("line_id")?, wanted(&row)?);
        if closed.get(&(&*shop_id, &*line_id)).is_some_and(|line| line.wanted() < wanted) {
            shown.push(Shown { id: row.id("id")? });
            ended.push(AboutLine { shop_id, line_id });
        }
    }
    if shown.is_empty() {
        return Ok(());
    }
    // Whoever carries one at this moment comes too late to change anything.
    let confirm = sql!("update choices set state = 'done', confirmed_at = $2, taken_at = coalesce(taken_at, $2), "
        "owner = null, lease_until = null, fence = fence + 1 where id in (select id from " rows(id text) ")");
    tx.execute(confirm, vec![batch(&shown)?, now.into()]).await?;
    withdraw_refusals(tx, &ended, now).await?;
    end_tasks_of_lines(tx, &matters::ALL, &ended, now).await?;
    say(tx, &ended, "the shop shows the cancel: it is done", now).await
}

/// A refusal that nobody was told yet holds no longer.
async fn withdraw_refusals(tx: &mut Tx, ended: &[AboutLine], now: Timestamp) -> Result<(), StoreError> {
    let queued = sql!("select distinct b.id, b.content, l.shop_id from " rows(shop_id text, line_id text)
        " join lines l on l.shop_id = x.shop_id and l.line_id = x.line_id join outbox b on b.order_row = l.order_row "
        "where b.kind = 'choice_refused' and b.state in ('queued', 'held') order by b.id");
    let mut withdrawn = Vec::new();
    for row in tx.rows(queued, vec![batch(ended)?]).await? {
        let (id, shop_id, mut content) = (row.id("id")?, row.text("shop_id")?, row.json::<Content>("content")?);
        let refused = content.lines.len();
        content.lines.retain(|line| !ended.iter().any(|end| end.shop_id == shop_id && end.line_id == line.line_id));
        if content.lines.is_empty() {
            withdrawn.push((id, "the shop did cancel it"));
        } else if content.lines.len() < refused {
            let amend = sql!("update outbox set content = $2 where id = $1");
            tx.execute(amend, values![id, serde_json::to_string(&content)?]).await?;
            // If it was rendered for a try that failed, it says too much.
            tx.execute(sql!("delete from contents where notification_id = $1"), values![id]).await?;
        }
    }
    end_unsent(tx, &withdrawn, State::Superseded, now).await
}

/// Staff ended tasks of kinds that are ended by doing what the answer says: it is done.
pub(super) async fn done_by_staff(tx: &mut Tx, ended: &[AboutLine], now: Timestamp) -> Result<(), StoreError> {
    let done = sql!("update choices set state = 'done', confirmed_at = $2, taken_at = coalesce(taken_at, $2) from "
        rows(shop_id text, line_id text) " where choices.shop_id = x.shop_id and choices.line_id = x.line_id "
        "and confirmed_at is null and (state = 'done' or state = 'open' and statement = 'none' and hook = 'none') "
        "returning choices.shop_id, choices.line_id");
    let mut lines = Vec::new();
    for row in tx.rows(done, vec![batch(ended)?, now.into()]).await? {
        lines.push(AboutLine { shop_id: row.text("shop_id")?, line_id: row.text("line_id")? });
    }
    look_again(tx, &lines, now).await?;
    say(tx, &lines, "staff said that it is done", now).await
}

/// The rows of the orders that the lines are in.
pub(super) async fn orders_of(tx: &mut Tx, lines: &[AboutLine]) -> Result<Vec<i64>, StoreError> {
    let orders = sql!("select distinct l.order_row from " rows(shop_id text, line_id text)
        " join lines l on l.shop_id = x.shop_id and l.line_id = x.line_id");
    tx.rows(orders, vec![batch(lines)?]).await?.iter().map(|row| row.int("order_row")).collect()
}

/// The orders of the lines are to be decided afresh: by whoever comes first, at the latest by the next sweep.
pub(super) async fn look_again(tx: &mut Tx, lines: &[AboutLine], now: Timestamp) -> Result<(), StoreError> {
    let orders = orders_of(tx, lines).await?;
    let look =
        sql!("update orders set revision = revision + 1, look_at = $2 where id in (select n from " rows(n bigint) ")");
    tx.execute(look, vec![views::numbers(orders)?, now.into()]).await.map(drop)
}

/// Ends tasks of these kinds about these lines.
pub(super) async fn end_tasks_of_lines(
    tx: &mut Tx,
    kinds: &[&str],
    lines: &[AboutLine],
    now: Timestamp,
) -> Result<(), StoreError> {
    let end = sql!("update tasks set done_at = $2 where done_at is null and kind = $3 and (shop_id, subject) in "
        "(select shop_id, line_id from " rows(shop_id text, line_id text) ")");
    for kind in kinds {
        tx.execute(end, vec![batch(lines)?, now.into(), (*kind).into()]).await?;
    }
    Ok(())
}

/// The line that a task of one of the kinds is about which staff end by doing what the answer says.
pub(super) fn line_of_task(row: &Row) -> Result<Option<AboutLine>, StoreError> {
    let kind = row.text("kind")?;
    let by_doing = matters::ENDED_BY_DOING.contains(&&*kind);
    let line = AboutLine { shop_id: row.text("shop_id")?, line_id: row.text("subject")? };
    Ok(by_doing.then_some(line))
}

async fn say(tx: &mut Tx, lines: &[AboutLine], words: &str, now: Timestamp) -> Result<(), StoreError> {
    let event = |line| {
        let AboutLine { shop_id, line_id }: &AboutLine = line;
        EventRow { shop_id, line_id, what: "confirmed", detail: words.to_owned() }
    };
    record_events(tx, &lines.iter().map(event).collect::<Vec<_>>(), now).await
}

fn wanted(row: &Row) -> Result<Decimal, StoreError> {
    let wanted = row.text("wanted")?;
    wanted.parse().map_err(|_| StoreError::Damaged(format!("wanted holds \"{wanted}\"")))
}
