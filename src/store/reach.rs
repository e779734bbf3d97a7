//! What a customer's link reaches: the lines of its order, and those that its mails named.
//!
//! In: the id of a link. Out: the order and the lines that may be seen and answered with it, each with its history. A
//! line that went to another order is still reached by the link whose mails named it; one that is another recipient's
//! now is not, whoever had it before.

use std::collections::HashMap;

use jiff::Timestamp;
use rust_decimal::Decimal;
use uuid::Uuid;

use super::choices::{Given, given};
use super::dialect::{Row, Tx, sql, values};
use super::promises::{self, LineKey};
use super::views::{Order, order_of};
use super::{Store, StoreError};
use crate::promise::history::History;
use crate::shop::line::Line;
use crate::watch::standing::Told;

/// Where a link leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link {
    pub order_row: i64,
    /// A fresh link took its place: it acts no more.
    pub retired: bool,
}

/// Everything that a link reaches.
#[derive(Clone, Debug)]
pub struct Reach {
    /// Without its lines.
    pub order: Order,
    /// When a fresh link was last asked for.
    pub fresh_link_at: Option<Timestamp>,
    /// By id.
    pub lines: Vec<Reached>,
}

/// A line that can be seen and answered.
#[derive(Clone, Debug)]
pub struct Reached {
    pub order_row: i64,
    pub line: Line,
    /// The shop shows it no more.
    pub gone: bool,
    pub changed_at: Timestamp,
    pub told: Option<Told>,
    /// The notification that last told news of it, or first showed it; `None`: the baseline did, or nobody.
    pub told_by: Option<Uuid>,
    /// How many mails of this link told news of it.
    pub told_times: i64,
    pub history: History,
    /// Her answers and what became of them, oldest first.
    pub given: Vec<Given>,
}

impl Reached {
    /// Whether something of it is still to come, as far as the shop shows.
    pub fn is_open(&self) -> bool {
        !self.gone && self.line.open() > Decimal::ZERO
    }

    fn key(&self) -> LineKey {
        let (shop_id, line_id) = (self.line.shop_id.clone(), self.line.line_id.clone());
        LineKey { order_row: self.order_row, shop_id, line_id }
    }
}

impl Reach {
    /// When the last of the lines closed; `None`: one is open, or there is none.
    pub fn closed_at(&self) -> Option<Timestamp> {
        if self.lines.iter().any(Reached::is_open) {
            return None;
        }
        // A line that was never seen open has no last look that saw it so.
        self.lines.iter().map(|line| line.history.last_open_at.unwrap_or(line.changed_at)).max()
    }
}

impl Store {
    /// The order behind a link.
    pub async fn link(&self, link_id: Uuid) -> Result<Option<Link>, StoreError> {
        let link = sql!("select id as order_row, false as retired from orders where link_id = $1 "
            "union all select order_row, true as retired from retired_links where link_id = $1");
        let row = self.row(link, values![link_id]).await?;
        row.map(|row| Ok(Link { order_row: row.int("order_row")?, retired: row.bool("retired")? })).transpose()
    }

    /// Whether a mail of this order went out with a link that none of `keys` signed: after a rotation.
    pub async fn has_link_of_another_key(&self, order_row: i64, keys: &[String]) -> Result<bool, StoreError> {
        let used = sql!("select distinct c.link_key from sent_log s join contents c on c.notification_id = s.id "
            "where s.order_row = $1 and s.state in ('sent', 'in_doubt')");
        for row in self.rows(used, values![order_row]).await? {
            if !keys.contains(&row.text("link_key")?) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// What the link of the order `order_row` reaches; `None`: there is no such order, or it has no address.
    pub async fn reach(&self, order_row: i64) -> Result<Option<Reach>, StoreError> {
        let mut tx = self.read().await?;
        reach(&mut tx, order_row, None).await
    }
}

/// What the link of the order `order_row` reaches, or of that the line `line_id` alone.
pub(super) async fn reach(tx: &mut Tx, order_row: i64, line_id: Option<&str>) -> Result<Option<Reach>, StoreError> {
    let head = sql!("select * from orders where id = $1 and recipient <> ''");
    let Some(head) = tx.row(head, values![order_row]).await? else { return Ok(None) };
    let lines = sql!("with named as materialized (select said.value->>'line_id' as line_id from "
        "(select content from sent_log where order_row = $1 and state in ('sent', 'in_doubt') "
        "union all select content from outbox where order_row = $1 and state = 'in_doubt') mail join "
        either("json_each(mail.content, '$.lines')", "jsonb_array_elements(mail.content::jsonb->'lines')") " said on true), "
        "reached as (select l.shop_id, l.line_id from orders k join orders o on o.shop_id = k.shop_id "
        "and o.order_id = k.order_id and o.recipient = k.recipient join lines l on l.order_row = o.id where k.id = $1 "
        "union select l.shop_id, l.line_id from orders k join named n on true join lines l on l.shop_id = k.shop_id "
        "and l.line_id = n.line_id join orders o on o.id = l.order_row and o.recipient = k.recipient where k.id = $1) "
        "select l.order_row, l.snapshot, l.gone, l.changed_at, l.clock, l.backordered_on, l.last_open_at, l.cancelled_at, "
        "l.refunded_at, t.told, coalesce(t.news_by, t.notification_id) as notification_id, b.told as baseline "
        "from reached r join lines l on l.shop_id = r.shop_id and l.line_id = r.line_id join orders o on o.id = l.order_row "
        "left join tellings t on t.shop_id = l.shop_id and t.line_id = l.line_id and t.recipient = o.recipient "
        "left join tellings b on b.shop_id = l.shop_id and b.line_id = l.line_id and b.recipient = '*' "
        "where $2 is null or l.line_id = $2 order by l.line_id");
    let rows = tx.rows(lines, values![order_row, line_id]).await?;
    let told_times = told_times(tx, order_row).await?;
    let mut reached = rows.iter().map(|row| reached_of(row, &told_times)).collect::<Result<Vec<_>, StoreError>>()?;
    let keys: Vec<LineKey> = reached.iter().map(Reached::key).collect();
    let mut lines: HashMap<String, &mut Reached> =
        reached.iter_mut().map(|line| (line.line.line_id.clone(), line)).collect();
    for (_, line_id, notice) in promises::notices(tx, &keys).await? {
        if let Some(line) = lines.get_mut(&line_id) {
            line.history.notices.push(notice);
        }
    }
    for (line_id, given) in given(tx, &keys).await? {
        if let Some(line) = lines.get_mut(&line_id) {
            line.history.answers.push(given.answer);
            line.given.push(given);
        }
    }
    Ok(Some(Reach { order: order_of(&head)?, fresh_link_at: head.maybe_time("fresh_link_at")?, lines: reached }))
}

/// How many mails of the order told news of each line. By itself, because a count for each line would read all mails for
/// each of them.
async fn told_times(tx: &mut Tx, order_row: i64) -> Result<HashMap<String, i64>, StoreError> {
    let told = sql!("select said.value->>'line_id' as line_id, count(*) as times from "
        "(select kind, content, id = news_id as tells from sent_log where order_row = $1 and state in ('sent', 'in_doubt') "
        "union all select kind, content, id = news_id from outbox where order_row = $1 and state = 'in_doubt') mail join "
        either("json_each(mail.content, '$.lines')", "jsonb_array_elements(mail.content::jsonb->'lines')") " said on true "
        "where mail.kind not in ('choice_received', 'choice_refused', 'fresh_link') and mail.tells "
        "and said.value->>'news' <> '[]' group by said.value->>'line_id'");
    let times = |row: &Row| Ok((row.text("line_id")?, row.int("times")?));
    tx.rows(told, values![order_row]).await?.iter().map(times).collect()
}

/// A line without its notices and answers.
fn reached_of(row: &Row, told_times: &HashMap<String, i64>) -> Result<Reached, StoreError> {
    let told: Option<Told> = row.maybe_json("told")?;
    let line: Line = row.json("snapshot")?;
    Ok(Reached {
        order_row: row.int("order_row")?,
        told_times: told_times.get(&line.line_id).copied().unwrap_or_default(),
        line,
        gone: row.bool("gone")?,
        changed_at: row.time("changed_at")?,
        told: told.map_or_else(|| row.maybe_json("baseline"), |told| Ok(Some(told)))?,
        told_by: row.maybe_text("notification_id")?.map(|_| row.id("notification_id")).transpose()?,
        history: promises::history_of(row)?,
        given: Vec::new(),
    })
}
