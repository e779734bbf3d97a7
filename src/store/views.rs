//! Orders as the planner and delivery see them: lines, what was told, what is unsent.

use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use uuid::Uuid;

use super::dialect::{Row, Tx, batch, sql};
use super::promises::{self, LineKey};
use super::{Store, StoreError};
use crate::outbox::plan::{LineView, OrderView, Planned, Unsent};
use crate::promise::history::History;
use crate::shop::line::{Line, RuleSet};
use crate::watch::standing::Told;

/// The baseline's recipient: everybody.
pub(super) const EVERYBODY: &str = "*";
const WEEK: SignedDuration = SignedDuration::from_hours(7 * 24);

/// An order as it is recorded.
#[derive(Clone, Debug)]
pub struct Order {
    pub row: i64,
    pub shop_id: String,
    pub order_id: String,
    pub order_number: String,
    /// Empty: nobody can be told.
    pub recipient: String,
    pub locale: String,
    /// What its link is bound to.
    pub link_id: Uuid,
    /// Grows whenever anything changes that a mail of this order was decided from.
    pub revision: i64,
    pub view: OrderView,
}

/// A number in a batch.
#[derive(Serialize)]
pub(super) struct Number {
    pub n: i64,
}

pub(super) fn numbers(numbers: impl IntoIterator<Item = i64>) -> Result<super::dialect::Value, StoreError> {
    batch(&numbers.into_iter().map(|n| Number { n }).collect::<Vec<_>>())
}

impl Store {
    /// The orders of `rows` as they are now, for notifications of `channel`.
    pub async fn orders(&self, rows: &[i64], channel: &str, now: Timestamp) -> Result<Vec<Order>, StoreError> {
        let mut tx = self.read().await?;
        load(&mut tx, rows, channel, now).await
    }

    /// The orders of `rows` with their lines and what was told of them, and without what only planning asks for.
    pub async fn orders_with_lines(&self, rows: &[i64]) -> Result<Vec<Order>, StoreError> {
        let mut tx = self.read().await?;
        Ok(with_lines(&mut tx, rows).await?.orders)
    }
}

/// Orders by their rows.
struct Orders {
    orders: Vec<Order>,
    places: HashMap<i64, usize>,
}

impl Orders {
    /// The order that a row of another table belongs to.
    fn of(&mut self, row: &Row) -> Result<&mut Order, StoreError> {
        let place = self.places.get(&row.int("order_row")?).copied();
        place.map(|place| &mut self.orders[place]).ok_or_else(|| StoreError::Damaged("a line without its order".into()))
    }

    /// The history of a line; `None`: the shop shows it no more.
    fn history(&mut self, order_row: i64, line_id: &str) -> Option<&mut History> {
        let place = *self.places.get(&order_row)?;
        let lines = self.orders[place].view.lines.iter_mut();
        lines.filter(|line| line.line.line_id == line_id).map(|line| &mut line.history).next()
    }
}

/// Loads all that an order is planned from; inside a transaction that writes, call [`lock`] first.
pub(super) async fn load(tx: &mut Tx, rows: &[i64], channel: &str, now: Timestamp) -> Result<Vec<Order>, StoreError> {
    let ids = numbers(rows.iter().copied())?;
    let mut orders = with_lines(tx, rows).await?;
    let unsent = sql!("select o.order_row, o.id, o.released, o.settled, o.due_at, o.content, "
        "case when o.state = 'held' then coalesce(o.note, 'held by staff') end as held "
        // A join would be planned while the queue is empty, as a look at each notification for each order.
        "from outbox o where o.order_row" among(n bigint) " and o.channel = $2 and o.state in ('queued', 'held') and o.news");
    for row in tx.rows(unsent, vec![ids.clone(), channel.into()]).await? {
        let unsent = Unsent {
            id: row.id("id")?,
            held: row.maybe_text("held")?,
            released: row.bool("released")?,
            settled: row.bool("settled")?,
            due_at: row.time("due_at")?,
            content: row.json("content")?,
        };
        orders.of(&row)?.view.unsent = Some(unsent);
    }
    let date_mails = sql!("select s.order_row, s.sent_at from " rows(n bigint) " join sent_log s on s.order_row = x.n "
        "where s.kind = 'date_changed' and s.state in ('sent', 'in_doubt') and s.sent_at > $2 and s.id = s.news_id order by s.sent_at");
    for row in tx.rows(date_mails, vec![ids, (now - WEEK).into()]).await? {
        orders.of(&row)?.view.date_mails.push(row.time("sent_at")?);
    }
    Ok(orders.orders)
}

async fn with_lines(tx: &mut Tx, rows: &[i64]) -> Result<Orders, StoreError> {
    let ids = numbers(rows.iter().copied())?;
    let mut orders = Orders { orders: Vec::with_capacity(rows.len()), places: HashMap::with_capacity(rows.len()) };
    let all = sql!("select o.* from " rows(n bigint) " join orders o on o.id = x.n order by o.id");
    for row in tx.rows(all, vec![ids.clone()]).await? {
        let order = order_of(&row)?;
        orders.places.insert(order.row, orders.orders.len());
        orders.orders.push(order);
    }
    let (mut answered, mut under_rules) = (Vec::new(), Vec::new());
    let lines = sql!("select l.order_row, l.snapshot, l.clock, l.backordered_on, l.last_open_at, l.cancelled_at, l.refunded_at, "
        "t.told, t.planned, t.notification_id, b.told as baseline, "
        "exists (select 1 from choices c where c.shop_id = l.shop_id and c.line_id = l.line_id) as answered "
        "from " rows(n bigint) " join orders o on o.id = x.n join lines l on l.order_row = o.id "
        "left join tellings t on t.shop_id = l.shop_id and t.line_id = l.line_id and t.recipient = o.recipient "
        "left join tellings b on b.shop_id = l.shop_id and b.line_id = l.line_id and b.recipient = '*' "
        "where not l.gone order by l.order_row, l.line_id");
    for row in tx.rows(lines, vec![ids.clone()]).await? {
        let told: Option<Told> = row.maybe_json("told")?;
        let told = told.map_or_else(|| row.maybe_json("baseline"), |told| Ok(Some(told)))?;
        let told_by = row.maybe_text("notification_id")?.map(|_| row.id("notification_id")).transpose()?;
        let planned: Option<Planned> = row.maybe_json("planned")?;
        let line: Line = row.json("snapshot")?;
        let history = promises::history_of(&row)?;
        let order_row = row.int("order_row")?;
        let key = || LineKey { order_row, shop_id: line.shop_id.clone(), line_id: line.line_id.clone() };
        if row.bool("answered")? {
            answered.push(key());
        }
        if history.clock.rules != RuleSet::None {
            under_rules.push(key());
        }
        orders.of(&row)?.view.lines.push(LineView { line, told, told_by, planned, history });
    }
    for (row, line_id, notice) in promises::notices(tx, &under_rules).await? {
        if let Some(history) = orders.history(row, &line_id) {
            history.notices.push(notice);
        }
    }
    for (row, line_id, answer) in promises::answers(tx, &answered).await? {
        if let Some(history) = orders.history(row, &line_id) {
            history.answers.push(answer);
        }
    }
    Ok(orders)
}

/// Locks the orders of `rows` until the transaction ends, and the unsent news of them, so that no worker takes it
/// meanwhile.
pub(super) async fn lock(tx: &mut Tx, rows: &[i64]) -> Result<(), StoreError> {
    lock_orders(tx, rows).await?;
    if let Tx::Postgres(_) = tx {
        // Ordered by an expression, so that no index of ids is walked through for it.
        let unsent = sql!("select id from outbox where order_row" among(n bigint)
            " and state in ('queued', 'held') and news order by id || ''" lock);
        tx.rows(unsent, vec![numbers(rows.iter().copied())?]).await?;
    }
    Ok(())
}

/// Locks the orders of `rows` until the transaction ends, in the order of their ids, so that two writers never wait for
/// each other.
pub(super) async fn lock_orders(tx: &mut Tx, rows: &[i64]) -> Result<(), StoreError> {
    // Differs because SQLite's one writer needs no row locks.
    if let Tx::Postgres(_) = tx {
        let orders = sql!("select id from orders where id in (select n from " rows(n bigint) ") order by id" lock);
        tx.execute(orders, vec![numbers(rows.iter().copied())?]).await?;
    }
    Ok(())
}

pub(super) fn order_of(row: &Row) -> Result<Order, StoreError> {
    let recipient = row.text("recipient")?;
    Ok(Order {
        row: row.int("id")?,
        shop_id: row.text("shop_id")?,
        order_id: row.text("order_id")?,
        order_number: row.text("order_number")?,
        locale: row.text("locale")?,
        link_id: row.id("link_id")?,
        revision: row.int("revision")?,
        view: OrderView {
            recipient: Some(recipient.clone()).filter(|recipient| !recipient.is_empty()),
            changed_at: row.maybe_time("changed_at")?,
            unsettled_since: row.maybe_time("unsettled_since")?,
            quiet_since: row.maybe_time("quiet_since")?,
            look_at: row.maybe_time("look_at")?,
            lines: Vec::new(),
            unsent: None,
            date_mails: Vec::new(),
            touched: false,
        },
        recipient,
    })
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_baseline_speaks_to_everybody_in_statements_too() {
        assert_eq!(super::EVERYBODY, "*", "the statement in `with_lines` spells it out");
    }
}
