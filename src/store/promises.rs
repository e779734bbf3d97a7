//! What the delay rules count from: each line's clock, what was told of the law and accepted, what was answered.
//!
//! In: accepted notifications. Out: the histories of lines. The clock is frozen when a line is first recorded; see
//! `record`.

use jiff::{Timestamp, civil::Date};
use serde::Serialize;
use uuid::Uuid;

use super::StoreError;
use super::dialect::{Row, Tx, batch, sql};
use crate::choice::{Answer, By, Choice};
use crate::outbox::plan::Content;
use crate::promise::clock::Clock;
use crate::promise::history::{History, Notice};
use crate::shop::line::RuleSet;

/// What a line that was recorded without a clock stands under.
const NO_CLOCK: Clock = Clock { rules: RuleSet::None, promised_by: None, before_install: false };

/// The history of a row of `lines`, without its notices and answers.
pub(super) fn history_of(row: &Row) -> Result<History, StoreError> {
    let day = |text: String| {
        text.parse::<Date>().map_err(|_| StoreError::Damaged(format!("backordered_on holds \"{text}\"")))
    };
    Ok(History {
        backordered_on: row.maybe_text("backordered_on")?.map(day).transpose()?,
        last_open_at: row.maybe_time("last_open_at")?,
        cancelled_at: row.maybe_time("cancelled_at")?,
        refunded: row.maybe_int("refunded_at")?.is_some(),
        ..History::new(row.maybe_json("clock")?.unwrap_or(NO_CLOCK))
    })
}

/// What belongs to one line of an order: the order's row, the line's id.
pub(super) type OfLine<T> = (i64, String, T);

/// A line whose notices and answers are asked for.
#[derive(Clone, Serialize)]
pub(super) struct LineKey {
    pub order_row: i64,
    pub shop_id: String,
    pub line_id: String,
}

/// The accepted notices of `lines`, oldest first.
pub(super) async fn notices(tx: &mut Tx, lines: &[LineKey]) -> Result<Vec<OfLine<Notice>>, StoreError> {
    if lines.is_empty() {
        return Ok(Vec::new());
    }
    let notices = sql!("select x.order_row, x.line_id, n.notice from " rows(order_row bigint, shop_id text, line_id text)
        // One look for each line, so that no plan made while there are none reads all of them later.
        " left join notices n on n.shop_id = x.shop_id and n.line_id = x.line_id "
        "where coalesce(n.notice, '') <> '' order by n.accepted_at, n.notification_id");
    let notice = |row: &Row| Ok((row.int("order_row")?, row.text("line_id")?, row.json("notice")?));
    tx.rows(notices, vec![batch(lines)?]).await?.iter().map(notice).collect()
}

/// The answers about `lines`, oldest first.
pub(super) async fn answers(tx: &mut Tx, lines: &[LineKey]) -> Result<Vec<OfLine<Answer>>, StoreError> {
    if lines.is_empty() {
        return Ok(Vec::new());
    }
    let answers = sql!("select x.order_row, x.line_id, c.choice, c.chosen_at, c.made_by, c.notification_id, c.state, c.taken_at "
        "from " rows(order_row bigint, shop_id text, line_id text)
        " join choices c on c.shop_id = x.shop_id and c.line_id = x.line_id order by c.chosen_at, c.id");
    let answer = |row: &Row| Ok((row.int("order_row")?, row.text("line_id")?, answer_of(row)?));
    tx.rows(answers, vec![batch(lines)?]).await?.iter().map(answer).collect()
}

/// The answer in a row of `choices`.
pub(super) fn answer_of(row: &Row) -> Result<Answer, StoreError> {
    Ok(Answer {
        choice: row.word("choice", Choice::of_word)?,
        at: row.time("chosen_at")?,
        by: row.word("made_by", By::of_word)?,
        notice: row.maybe_text("notification_id")?.map(|_| row.id("notification_id")).transpose()?,
        refused: row.text("state")? == "refused",
        taken: row.maybe_int("taken_at")?.is_some(),
    })
}

/// Records what the accepted notification `id` said of the law, line by line: once, whenever its acceptance is learned.
pub(super) async fn accept(tx: &mut Tx, accepted: &[(Uuid, i64, &Content, Timestamp)]) -> Result<(), StoreError> {
    #[derive(Serialize)]
    struct NoticeRow<'a> {
        order_row: i64,
        line_id: &'a str,
        id: Uuid,
        accepted_at: i64,
        notice: String,
    }
    let mut rows = Vec::new();
    for (id, order_row, content, at) in accepted {
        for line in content.lines.iter().filter(|line| line.terms.rules != RuleSet::None) {
            let late = line.expires_at.is_some_and(|midnight| *at >= midnight);
            rows.push(NoticeRow {
                order_row: *order_row,
                line_id: &line.line_id,
                id: *id,
                accepted_at: at.as_microsecond(),
                notice: serde_json::to_string(&Notice::of(&line.terms, *id, *at, late))?,
            });
        }
    }
    if rows.is_empty() {
        return Ok(());
    }
    let insert = sql!("insert into notices (shop_id, line_id, notification_id, accepted_at, notice) "
        "select o.shop_id, x.line_id, x.id, x.accepted_at, "
        // It came back before its acceptance is recorded: a first try that may have been sent was, or the report was fast.
        "case when exists (select 1 from bounces b where b.notification_id = x.id and b.kind in ('hard', 'undelivered')) then "
        either("json_set(x.notice, '$.bounced', json('true'))", "jsonb_set(x.notice::jsonb, '{bounced}', 'true')::text")
        " else x.notice end from " rows(order_row bigint, line_id text, id text, accepted_at bigint, notice text)
        " join orders o on o.id = x.order_row where true on conflict do nothing");
    tx.execute(insert, vec![batch(&rows)?]).await.map(drop)
}
