//! Everything told and answered about one order, for a dispute.
//!
//! In: the order's id or number. Out: its rows, its lines, its notifications and answers. A line that came from another
//! order brings what was told and answered there.

use jiff::Timestamp;
use uuid::Uuid;

use super::choices::ChoiceState;
use super::deadlines::{LineRecord, lines};
use super::dialect::{Row, sql, values};
use super::promises::{LineKey, answer_of};
use super::views::numbers;
use super::{Store, StoreError};
use crate::choice::Answer;

/// An order of the shop, whoever its mails went to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundOrder {
    pub shop_id: String,
    pub order_id: String,
    /// What it was called, the newest name last.
    pub numbers: Vec<String>,
    /// The addresses that it had; without those that were empty.
    pub recipients: Vec<String>,
    pub rows: Vec<i64>,
}

/// An answer, and how far it was carried.
#[derive(Clone, Debug)]
pub struct AnswerRecord {
    pub id: Uuid,
    pub line_id: String,
    pub answer: Answer,
    pub quantity: String,
    pub state: ChoiceState,
    /// Why the shop refused it.
    pub reason: Option<String>,
    /// How far the shop's own statement got; `none`: it has none.
    pub statement: String,
    /// The same of the hook.
    pub hook: String,
    pub last_reply: Option<String>,
    /// When everything that is set up had taken it.
    pub taken_at: Option<Timestamp>,
    /// When that was sure: of a cancel when the feed showed it, or staff said so.
    pub confirmed_at: Option<Timestamp>,
}

impl Store {
    /// The orders of this id or number, by shop and id.
    pub async fn find_orders(&self, shop_id: Option<&str>, order: &str) -> Result<Vec<FoundOrder>, StoreError> {
        let rows = sql!("select o.id, o.shop_id, o.order_id, o.order_number, o.recipient from "
            "(select distinct shop_id, order_id from orders where (order_id = $2 or order_number = $2) "
            "and ($1 is null or shop_id = $1)) f join orders o on o.shop_id = f.shop_id and o.order_id = f.order_id "
            "order by o.shop_id, o.order_id, o.id");
        let mut found: Vec<FoundOrder> = Vec::new();
        for row in self.rows(rows, values![shop_id, order]).await? {
            let (shop_id, order_id) = (row.text("shop_id")?, row.text("order_id")?);
            if found.last().is_none_or(|last| (&last.shop_id, &last.order_id) != (&shop_id, &order_id)) {
                let (numbers, recipients, rows) = (Vec::new(), Vec::new(), Vec::new());
                found.push(FoundOrder { shop_id, order_id, numbers, recipients, rows });
            }
            let Some(order) = found.last_mut() else { continue };
            order.rows.push(row.int("id")?);
            let (number, recipient) = (row.text("order_number")?, row.text("recipient")?);
            order.numbers.retain(|known| *known != number);
            order.numbers.push(number);
            if !recipient.is_empty() && !order.recipients.contains(&recipient) {
                order.recipients.push(recipient);
            }
        }
        Ok(found)
    }

    /// The lines that belong to the order now, by id, also those that the shop shows no more.
    pub async fn lines_of_order(&self, order: &FoundOrder) -> Result<Vec<LineRecord>, StoreError> {
        let mut tx = self.read().await?;
        let keys =
            sql!("select l.order_row, l.shop_id, l.line_id from " rows(n bigint) " join lines l on l.order_row = x.n");
        let key = |row: &Row| {
            Ok(LineKey {
                order_row: row.int("order_row")?,
                shop_id: row.text("shop_id")?,
                line_id: row.text("line_id")?,
            })
        };
        let rows = tx.rows(keys, vec![numbers(order.rows.iter().copied())?]).await?;
        lines(&mut tx, &rows.iter().map(key).collect::<Result<Vec<_>, StoreError>>()?).await
    }

    /// The notifications of the order and of its lines, oldest first, whatever became of them.
    pub async fn told_of_order(&self, order: &FoundOrder) -> Result<Vec<Uuid>, StoreError> {
        let told = sql!("select n.id, n.created_at from " rows(n bigint) " join notifications n on n.order_row = x.n "
            "union select n.id, n.created_at from " rows(n bigint) " join lines l on l.order_row = x.n "
            "join notices s on s.shop_id = l.shop_id and s.line_id = l.line_id join notifications n on n.id = s.notification_id "
            "union select n.id, n.created_at from " rows(n bigint) " join lines l on l.order_row = x.n "
            "join tellings t on t.shop_id = l.shop_id and t.line_id = l.line_id join notifications n on n.id = t.notification_id "
            "order by created_at, id");
        let rows = self.rows(told, vec![numbers(order.rows.iter().copied())?]).await?;
        rows.iter().map(|row| row.id("id")).collect()
    }

    /// The answers given for the order and about its lines, oldest first.
    pub async fn answers_of_order(&self, order: &FoundOrder) -> Result<Vec<AnswerRecord>, StoreError> {
        let answers = sql!("select c.* from " rows(n bigint) " join choices c on c.order_row = x.n "
            "union select c.* from " rows(n bigint) " join lines l on l.order_row = x.n "
            "join choices c on c.shop_id = l.shop_id and c.line_id = l.line_id order by chosen_at, id");
        let rows = self.rows(answers, vec![numbers(order.rows.iter().copied())?]).await?;
        rows.iter().map(answer_record).collect()
    }
}

fn answer_record(row: &Row) -> Result<AnswerRecord, StoreError> {
    Ok(AnswerRecord {
        id: row.id("id")?,
        line_id: row.text("line_id")?,
        answer: answer_of(row)?,
        quantity: row.text("quantity")?,
        state: row.word("state", ChoiceState::of_word)?,
        reason: row.maybe_text("reason")?,
        statement: row.text("statement")?,
        hook: row.text("hook")?,
        last_reply: row.maybe_text("last_reply")?,
        taken_at: row.maybe_time("taken_at")?,
        confirmed_at: row.maybe_time("confirmed_at")?,
    })
}
