//! The list of deadlines: every line under a rule set that waits or whose refund is due; and refunds that staff made.
//!
//! In: what is recorded of the lines. Out: their places in the list, one after the other. A refund that is due stays in
//! it however long ago the shop showed the line last; what is closed and owes nothing is put away after a while. What ends by a day's end is
//! decided on the last sweep: only that saw what happened until then.

use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp, civil::Date};

use super::dialect::{Row, Tx, batch, sql, values};
use super::facts::fact;
use super::promises::{self, LineKey};
use super::record::{EventRow, record_events};
use super::{Store, StoreError, views};
use crate::outbox::schedule::Schedules;
use crate::promise::case::{Case, Ended};
use crate::promise::deadline::Deadline;
use crate::promise::history::History;
use crate::promise::refund::Refund;
use crate::shop::line::Line;

/// So many lines are held in memory at a time.
const LINES_AT_ONCE: i64 = 500;
/// The shop shows a closed line for 30 days; what it says of it later is not heard.
const CLOSED_FOR: SignedDuration = SignedDuration::from_hours(35 * 24);

/// A line that has a place in the list.
#[derive(Clone, Debug)]
pub struct Listed {
    pub shop_id: String,
    pub deadline: Deadline,
    pub refund: Option<Refund>,
    pub ended: Option<Ended>,
}

impl Listed {
    /// The last day to answer; `None` also once silence has cancelled, as nothing is waited for then.
    pub fn answer_due_by(&self) -> Option<Date> {
        self.deadline.answer_due_by.filter(|_| self.ended != Some(Ended::BySilence))
    }

    /// The earliest of the days that are still to be kept, for a list that names the soonest first.
    pub fn soonest(&self) -> Option<Date> {
        let days = [self.deadline.notice_due_by, self.answer_due_by(), self.deadline.refund_due_by];
        days.into_iter().flatten().min()
    }
}

/// A line with everything that the law counts from.
#[derive(Clone, Debug)]
pub struct LineRecord {
    pub order_row: i64,
    pub line: Line,
    /// The shop shows it no more.
    pub gone: bool,
    pub history: History,
    /// When staff said that the refund was made.
    pub refunded_at: Option<Timestamp>,
}

/// What became of the word that a refund was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refunding {
    Recorded(Refund),
    /// Staff had said so before.
    Before(Timestamp),
    /// No refund was due, so nothing was recorded: a right that arises later is not to be missed.
    NotDue,
}

impl LineRecord {
    /// The line before the law, as far as was seen by `seen_at`.
    pub fn case<'a>(&'a self, schedules: &'a Schedules, seen_at: Timestamp) -> Case<'a> {
        Case::new(&self.history, &self.line, seen_at, schedules.of(&self.line.shop_id).calendar())
    }

    fn listed(&self, schedules: &Schedules, seen_at: Timestamp) -> Option<Listed> {
        let case = self.case(schedules, seen_at);
        let deadline = case.deadline()?;
        Some(Listed { shop_id: self.line.shop_id.clone(), deadline, refund: case.refund(), ended: case.ended() })
    }

    fn key(&self) -> LineKey {
        let (shop_id, line_id) = (self.line.shop_id.clone(), self.line.line_id.clone());
        LineKey { order_row: self.order_row, shop_id, line_id }
    }
}

impl Store {
    /// When the last whole look began, so that it saw what happened until then; `now`, if there was none yet.
    pub async fn seen_at(&self, now: Timestamp) -> Result<Timestamp, StoreError> {
        let swept = self.fact_number(fact::SWEPT_AT).await?;
        Ok(swept.and_then(|micros| Timestamp::from_microsecond(micros).ok()).unwrap_or(now))
    }

    /// Calls `see` with every line in the list, of all shops or of one, by shop and id. Memory does not grow with their
    /// number.
    pub async fn deadlines(
        &self,
        shop_id: Option<&str>,
        schedules: &Schedules,
        now: Timestamp,
        mut see: impl FnMut(Listed),
    ) -> Result<(), StoreError> {
        let seen_at = self.seen_at(now).await?;
        let mut tx = self.read().await?;
        // A line was seen on backorder under a rule set if, and only if, it has the day of that.
        let page = sql!("select order_row, shop_id, line_id from lines where backordered_on is not null and not put_away "
            "and (open or refunded_at is null) and (shop_id, line_id) > ($1, $2) and ($3 is null or shop_id = $3) "
            "order by shop_id, line_id limit $4");
        let (mut after_shop, mut after_line) = (String::new(), String::new());
        loop {
            let rows = tx.rows(page, values![&after_shop, &after_line, shop_id, LINES_AT_ONCE]).await?;
            let keys = rows.iter().map(key_of).collect::<Result<Vec<_>, _>>()?;
            let Some(last) = keys.last() else { return Ok(()) };
            (after_shop, after_line) = (last.shop_id.clone(), last.line_id.clone());
            lines(&mut tx, &keys).await?.iter().filter_map(|line| line.listed(schedules, seen_at)).for_each(&mut see);
        }
    }

    /// Puts away the lines that have been closed for long without a refund that is due: nothing of them falls due any
    /// more, so the list is made without them, however many there are. One that the shop shows changed comes back.
    /// Returns how many it were.
    pub async fn put_away(&self, schedules: &Schedules, now: Timestamp) -> Result<u64, StoreError> {
        let page = sql!("select order_row, shop_id, line_id from lines where backordered_on is not null and not put_away "
            "and not open and changed_at <= $1 and (shop_id, line_id) > ($2, $3) order by shop_id, line_id limit $4");
        let put_away = sql!("update lines set put_away = true from " rows(shop_id text, line_id text)
            " where lines.shop_id = x.shop_id and lines.line_id = x.line_id and not lines.open and lines.changed_at <= $2");
        let closed_by = now - CLOSED_FOR;
        let (mut after, mut number) = ((String::new(), String::new()), 0);
        loop {
            let mut tx = self.write().await?;
            let rows = tx.rows(page, values![closed_by, &after.0, &after.1, LINES_AT_ONCE]).await?;
            let keys = rows.iter().map(key_of).collect::<Result<Vec<_>, _>>()?;
            let Some(last) = keys.last() else { return Ok(number) };
            after = (last.shop_id.clone(), last.line_id.clone());
            let lines = lines(&mut tx, &keys).await?;
            let done = lines.iter().filter(|line| line.case(schedules, now).refund().is_none()).map(LineRecord::key);
            number += tx.execute(put_away, vec![batch(&done.collect::<Vec<_>>())?, closed_by.into()]).await?;
            tx.commit().await?;
        }
    }

    /// Records that staff made the refund of a line, if one is due.
    pub async fn refunded(
        &self,
        shop_id: &str,
        line_id: &str,
        schedules: &Schedules,
        now: Timestamp,
    ) -> Result<Refunding, StoreError> {
        let seen_at = self.seen_at(now).await?;
        let mut tx = self.write().await?;
        let place = sql!("select order_row, shop_id, line_id from lines where shop_id = $1 and line_id = $2");
        let Some(row) = tx.row(place, values![shop_id, line_id]).await? else { return Ok(Refunding::NotDue) };
        let key = key_of(&row)?;
        views::lock(&mut tx, &[key.order_row]).await?;
        let Some(line) = lines(&mut tx, &[key]).await?.pop() else { return Ok(Refunding::NotDue) };
        if let Some(before) = line.refunded_at {
            return Ok(Refunding::Before(before));
        }
        let Some(refund) = line.case(schedules, seen_at).refund() else { return Ok(Refunding::NotDue) };
        let mark = sql!("update lines set refunded_at = $3 where shop_id = $1 and line_id = $2");
        tx.execute(mark, values![shop_id, line_id, now]).await?;
        // A mail that speaks of the refund as owed holds no longer.
        let look = sql!("update orders set look_at = $2, revision = revision + 1 where id = $1");
        tx.execute(look, values![line.order_row, now]).await?;
        let (why, due_by) = (refund.reason.in_words(), refund.due_by);
        let detail = format!("staff: the refund was made; it was due by {due_by}, because {why}");
        record_events(&mut tx, &[EventRow { shop_id, line_id, what: "refunded", detail }], now).await?;
        tx.commit().await?;
        Ok(Refunding::Recorded(refund))
    }
}

fn key_of(row: &Row) -> Result<LineKey, StoreError> {
    Ok(LineKey { order_row: row.int("order_row")?, shop_id: row.text("shop_id")?, line_id: row.text("line_id")? })
}

/// The lines of `keys` with their histories, by shop and id.
pub(super) async fn lines(tx: &mut Tx, keys: &[LineKey]) -> Result<Vec<LineRecord>, StoreError> {
    let all = sql!("select l.order_row, l.snapshot, l.gone, l.first_seen_at, l.clock, l.backordered_on, l.last_open_at, "
        "l.cancelled_at, l.refunded_at from " rows(shop_id text, line_id text)
        " join lines l on l.shop_id = x.shop_id and l.line_id = x.line_id order by l.shop_id, l.line_id");
    let rows = tx.rows(all, vec![batch(keys)?]).await?;
    let mut lines = rows.iter().map(line_of).collect::<Result<Vec<_>, _>>()?;
    // A line may have changed its order since its key was read.
    let keys: Vec<LineKey> = lines.iter().map(LineRecord::key).collect();
    let mut by_key: HashMap<(i64, String), &mut History> = HashMap::with_capacity(lines.len());
    for line in &mut lines {
        by_key.insert((line.order_row, line.line.line_id.clone()), &mut line.history);
    }
    for (order_row, line_id, notice) in promises::notices(tx, &keys).await? {
        if let Some(history) = by_key.get_mut(&(order_row, line_id)) {
            history.notices.push(notice);
        }
    }
    for (order_row, line_id, answer) in promises::answers(tx, &keys).await? {
        if let Some(history) = by_key.get_mut(&(order_row, line_id)) {
            history.answers.push(answer);
        }
    }
    for place in with_held_notice(tx, &keys).await? {
        if let Some(history) = by_key.get_mut(&place) {
            history.held = true;
        }
    }
    Ok(lines)
}

fn line_of(row: &Row) -> Result<LineRecord, StoreError> {
    let line: Line = row.json("snapshot")?;
    let gone = row.bool("gone")?;
    let mut history = promises::history_of(row)?;
    if gone && history.last_open_at.is_none() {
        // It vanished before a whole look was over; it was seen once.
        history.last_open_at = Some(row.time("first_seen_at")?);
    }
    Ok(LineRecord {
        order_row: row.int("order_row")?,
        line,
        gone,
        history,
        refunded_at: row.maybe_time("refunded_at")?,
    })
}

/// The places of the lines whose option notice is held: it alone has a midnight from which it is too late.
async fn with_held_notice(tx: &mut Tx, lines: &[LineKey]) -> Result<Vec<(i64, String)>, StoreError> {
    let held = sql!("select distinct b.order_row, said.value->>'line_id' as line_id from "
        rows(order_row bigint, shop_id text, line_id text)
        " join outbox b on b.order_row = x.order_row and b.state in ('queued', 'held') and b.news join "
        either("json_each(b.content, '$.lines')", "jsonb_array_elements(b.content::jsonb->'lines')") " said on true "
        "where b.state = 'held' and said.value->>'expires_at' is not null");
    let place = |row: &Row| Ok((row.int("order_row")?, row.text("line_id")?));
    tx.rows(held, vec![batch(lines)?]).await?.iter().map(place).collect()
}
