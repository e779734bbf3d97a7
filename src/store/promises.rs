//! The histories of lines, as the law reads them: clocks, accepted notices, answers.
//!
//! In: orders. Out: for each of their lines everything that happened to it. Nothing is decided here. Call it inside the
//! transaction whose state is meant.

use std::collections::HashMap;

use jiff::civil::Date;
use rust_decimal::Decimal;
use uuid::Uuid;

use super::StoreError;
use super::dialect::{Row, Tx, sql};
use super::views;
use crate::choice::{Answer, By, Choice};
use crate::outbox::plan::Content;
use crate::promise::clock::Clock;
use crate::promise::history::History;
use crate::shop::line::RuleSet;

/// Of a line that was recorded before clocks were: nothing is counted, and nothing is held against the shop.
const NO_CLOCK: Clock = Clock { rules: RuleSet::None, promised_by: None, before_install: false };

/// Histories by shop and line.
pub(super) type Histories = HashMap<(String, String), History>;

/// An answer and what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Given {
    pub id: Uuid,
    pub answer: Answer,
    /// The pieces that were open.
    pub quantity: Decimal,
    pub state: ChoiceState,
    /// Why the shop refused it.
    pub reason: Option<String>,
}

/// How far an answer has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChoiceState {
    /// On its way to the shop.
    Open,
    /// The shop has it, or nothing is set up that would carry it there.
    Done,
    Refused,
    /// A newer answer came before it was handed over.
    Dropped,
}

impl ChoiceState {
    pub fn word(self) -> &'static str {
        match self {
            ChoiceState::Open => "open",
            ChoiceState::Done => "done",
            ChoiceState::Refused => "refused",
            ChoiceState::Dropped => "dropped",
        }
    }

    pub fn of_word(word: &str) -> Option<ChoiceState> {
        [ChoiceState::Open, ChoiceState::Done, ChoiceState::Refused, ChoiceState::Dropped]
            .into_iter()
            .find(|state| state.word() == word)
    }
}

/// The history of every line of the orders `rows`.
pub(super) async fn histories(tx: &mut Tx, rows: &[i64]) -> Result<Histories, StoreError> {
    let ids = views::numbers(rows.iter().copied())?;
    let mut histories = HashMap::new();
    let lines = sql!("select l.shop_id, l.line_id, l.clock, l.backordered_on, l.last_open_at, l.cancelled_at, l.refunded_at "
        "from " rows(n bigint) " join lines l on l.order_row = x.n");
    for row in tx.rows(lines, vec![ids.clone()]).await? {
        let clock = row.maybe_json("clock")?.unwrap_or(NO_CLOCK);
        let history = History {
            backordered_on: day(&row, "backordered_on")?,
            last_open_at: row.maybe_time("last_open_at")?,
            cancelled_at: row.maybe_time("cancelled_at")?,
            refunded: row.maybe_time("refunded_at")?.is_some(),
            ..History::new(clock)
        };
        histories.insert(line_of(&row)?, history);
    }
    let notices = sql!("select n.shop_id, n.line_id, n.notice from " rows(n bigint) " join lines l on l.order_row = x.n "
        "join notices n on n.shop_id = l.shop_id and n.line_id = l.line_id order by n.accepted_at, n.notification_id");
    for row in tx.rows(notices, vec![ids]).await? {
        if let Some(history) = histories.get_mut(&line_of(&row)?) {
            history.notices.push(row.json("notice")?);
        }
    }
    for (line, given) in given(tx, rows).await? {
        if let Some(history) = histories.get_mut(&line) {
            history.answers.extend(given.iter().map(|given| given.answer));
        }
    }
    mark_held(tx, rows, &mut histories).await?;
    Ok(histories)
}

/// Every answer about the lines of the orders `rows`, oldest first.
pub(super) async fn given(tx: &mut Tx, rows: &[i64]) -> Result<HashMap<(String, String), Vec<Given>>, StoreError> {
    let choices = sql!("select c.* from " rows(n bigint) " join lines l on l.order_row = x.n "
        "join choices c on c.shop_id = l.shop_id and c.line_id = l.line_id order by c.chosen_at, c.id");
    let mut given: HashMap<_, Vec<Given>> = HashMap::new();
    for row in tx.rows(choices, vec![views::numbers(rows.iter().copied())?]).await? {
        given.entry(line_of(&row)?).or_default().push(given_of(&row)?);
    }
    Ok(given)
}

fn given_of(row: &Row) -> Result<Given, StoreError> {
    let state = row.word("state", ChoiceState::of_word)?;
    let answer = Answer {
        choice: row.word("choice", Choice::of_word)?,
        at: row.time("chosen_at")?,
        by: row.word("made_by", By::of_word)?,
        notice: row.maybe_text("notification_id")?.map(|_| row.id("notification_id")).transpose()?,
        refused: state == ChoiceState::Refused,
    };
    let quantity = row.text("quantity")?;
    let quantity = quantity.parse().map_err(|_| StoreError::Damaged(format!("{quantity:?} is no quantity")))?;
    Ok(Given { id: row.id("id")?, answer, quantity, state, reason: row.maybe_text("reason")? })
}

/// Says of every line that a held notification speaks of it.
async fn mark_held(tx: &mut Tx, rows: &[i64], histories: &mut Histories) -> Result<(), StoreError> {
    let held = sql!("select o.shop_id, b.content from " rows(n bigint) " join orders o on o.id = x.n "
        "join outbox b on b.order_row = o.id where b.state = 'held'");
    for row in tx.rows(held, vec![views::numbers(rows.iter().copied())?]).await? {
        let (shop_id, content): (String, Content) = (row.text("shop_id")?, row.json("content")?);
        for line in content.lines {
            if let Some(history) = histories.get_mut(&(shop_id.clone(), line.line_id)) {
                history.held = true;
            }
        }
    }
    Ok(())
}

fn line_of(row: &Row) -> Result<(String, String), StoreError> {
    Ok((row.text("shop_id")?, row.text("line_id")?))
}

fn day(row: &Row, column: &str) -> Result<Option<Date>, StoreError> {
    let text = row.maybe_text(column)?;
    text.map(|text| text.parse().map_err(|_| StoreError::Damaged(format!("{column} holds {text:?}")))).transpose()
}
