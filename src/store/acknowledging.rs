//! The notifications that answer her: acknowledgements, refusals, fresh links. They tell no news of the shop.
//!
//! In: what she asked, or what the shop said to it. Out: a notification in the outbox, made in the transaction of the
//! fact that it speaks of.

use jiff::{Timestamp, civil::Date};
use uuid::Uuid;

use super::StoreError;
use super::choices::{Answering, Asking};
use super::dialect::{Tx, sql, values};
use super::reach::{Reach, Reached, reach};
use crate::choice::handover::Outgoing;
use crate::outbox::notification::{Kind, State};
use crate::outbox::plan::{Answered, Content, ContentLine};
use crate::promise::terms::Terms;
use crate::shop::line::Status;
use crate::watch::standing::Standing;

/// Adds the answer to the order's acknowledgement that nobody has begun to send, or makes one.
pub(super) async fn acknowledge(
    tx: &mut Tx,
    line: &Reached,
    Answering { choice, settle, .. }: Answering<'_>,
    asking: Asking<'_>,
) -> Result<(), StoreError> {
    let answered = Answered { choice, at: asking.now, refused_because: None };
    let said = ContentLine { answer: Some(answered), ..said(line, vec![Kind::ChoiceReceived], asking.today) };
    let mut news_id = None;
    for channel in asking.channels {
        // What is due may be in somebody's hand already; until then it waits for more answers.
        if !amend(tx, line.order_row, channel, &said, Some(asking.now)).await? {
            let content = Content { kind: Kind::ChoiceReceived, lines: vec![said.clone()], again: false };
            make(tx, line.order_row, channel, &content, asking.now + settle, &mut news_id, asking).await?;
        }
    }
    Ok(())
}

/// Tells her that the shop refused her answer, and why; not before the mail that acknowledges it. Refusals of one order
/// share a mail until somebody begins to send it. If the order of the line has no address any more, nobody can be told.
pub(super) async fn refuse(
    tx: &mut Tx,
    order_row: i64,
    answer: &Outgoing,
    reason: &str,
    asking: Asking<'_>,
) -> Result<(), StoreError> {
    let reach = reach(tx, order_row, Some(&answer.line_id)).await?;
    let Some(line) = reach.and_then(|mut reach| reach.lines.pop()) else { return Ok(()) };
    let answered = Answered { choice: answer.choice, at: answer.chosen_at, refused_because: Some(reason.to_owned()) };
    let said = ContentLine {
        answer: Some(answered),
        quantity: answer.quantity,
        ..said(&line, vec![Kind::ChoiceRefused], asking.today)
    };
    let mut news_id = None;
    for channel in asking.channels {
        if amend(tx, order_row, channel, &said, None).await? {
            continue;
        }
        let content = Content { kind: Kind::ChoiceRefused, lines: vec![said.clone()], again: false };
        let waiting = sql!("select max(due_at) as due_at from outbox where order_row = $1 and channel = $2 and kind = $3 "
            "and state = $4");
        let received = values![order_row, *channel, Kind::ChoiceReceived.word(), State::Queued.word()];
        let received = tx.row(waiting, received).await?.map_or(Ok(None), |row| row.maybe_time("due_at"))?;
        let due_at = received.map_or(asking.now, |received| received.max(asking.now));
        make(tx, order_row, channel, &content, due_at, &mut news_id, asking).await?;
    }
    Ok(())
}

/// Adds to what answers her in the same way and waits to be sent, if it is due `after`; `false`: there is none, or
/// somebody has begun to send it.
async fn amend(
    tx: &mut Tx,
    order_row: i64,
    channel: &str,
    said: &ContentLine,
    after: Option<Timestamp>,
) -> Result<bool, StoreError> {
    // Locked, so that nobody takes it from here on; who had it in hand until now may have rendered it.
    let waiting = sql!("select id, content from outbox where order_row = $1 and channel = $2 and kind = $3 and state = $4 "
        "and attempts = 0 and ($5 is null or due_at > $5) order by id desc limit 1" lock);
    let kind = said.news.first().map_or("", |kind| kind.word());
    let of_order = values![order_row, channel, kind, State::Queued.word(), after];
    let Some(row) = tx.row(waiting, of_order).await? else { return Ok(false) };
    let mut content: Content = row.json("content")?;
    // Each refusal has a reason of its own; of what she answered, the last word counts.
    if content.kind == Kind::ChoiceRefused && content.lines.iter().any(|line| line.line_id == said.line_id) {
        return Ok(false);
    }
    content.lines.retain(|line| line.line_id != said.line_id);
    content.lines.push(said.clone());
    let amend = sql!("update outbox set content = $2 where id = $1 "
        "and not exists (select 1 from contents c where c.notification_id = outbox.id)");
    let amended = tx.execute(amend, values![row.id("id")?, serde_json::to_string(&content)?]).await?;
    Ok(amended > 0)
}

/// Makes a notification that answers her. The flood guard does not count it. Those of several channels are joined by
/// the id of the first.
pub(super) async fn make(
    tx: &mut Tx,
    order_row: i64,
    channel: &str,
    content: &Content,
    due_at: Timestamp,
    news_id: &mut Option<Uuid>,
    asking: Asking<'_>,
) -> Result<(), StoreError> {
    let id = asking.clock.new_id();
    let news_id = *news_id.get_or_insert(id);
    let kind = content.kind.word();
    let insert = sql!("insert into outbox (id, news_id, order_row, channel, kind, kinds, state, content, settled, ready, news, calendar, "
        "created_at, due_at) values ($1, $2, $3, $4, $5, $6, $7, $8, true, true, false, true, $9, $10)");
    let values = values![
        id,
        news_id,
        order_row,
        channel,
        kind,
        format!(" {kind} "),
        State::Queued.word(),
        serde_json::to_string(content)?,
        asking.now,
        due_at,
    ];
    tx.execute(insert, values).await.map(drop)
}

/// The lines of the order that wait, as a mail shows them that tells no news of them.
pub(super) fn waiting(found: &Reach, today: Date) -> Vec<ContentLine> {
    let of_order = found.lines.iter().filter(|line| line.order_row == found.order.row && !line.gone);
    of_order
        .filter(|line| line.line.status() == Status::Backordered)
        .map(|line| said(line, Vec::new(), today))
        .collect()
}

pub(super) fn said(line: &Reached, news: Vec<Kind>, today: Date) -> ContentLine {
    let standing = Standing::of(&line.line, today);
    ContentLine {
        line_id: line.line.line_id.clone(),
        quantity: if news.is_empty() { standing.short } else { standing.open },
        news,
        previous_expected_on: line.told.as_ref().and_then(|told| told.standing.expected_on),
        standing,
        terms: Terms::default(),
        expires_at: None,
        answer: None,
        silent_until: None,
    }
}
