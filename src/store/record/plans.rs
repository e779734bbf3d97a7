//! What was decided about each order, recorded: the order's times, its notification, what is planned of each line.
//!
//! The decision is about the notification of the channel by which she is told. What goes out beside it follows it for as
//! long as it is unsent: it is made, amended and ended with it.

use std::collections::{BTreeSet, HashMap};

use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

use super::{EventRow, Recording, TellingRow, record_events};
use crate::choice::{By, Choice};
use crate::outbox::channels;
use crate::outbox::notification::State;
use crate::outbox::plan::{Action, Plan, Silent, Telling};
use crate::store::choices::{NewAnswer, record_answers};
use crate::store::dialect::{Tx, batch, sql};
use crate::store::views::Order;
use crate::store::{StoreError, ending, moves, views};

const TAKEN_OVER: &str = "newer news took over its lines";
const NOTHING_LEFT: &str = "nothing was left to tell";

#[derive(Serialize)]
struct OrderPlan {
    id: i64,
    changed_at: Option<i64>,
    unsettled_since: Option<i64>,
    quiet_since: Option<i64>,
    look_at: Option<i64>,
    grown: i64,
}

#[derive(Clone, Serialize)]
struct NewRow {
    id: Uuid,
    /// The id of the one by which she is told.
    news_id: Uuid,
    order_row: i64,
    channel: &'static str,
    kind: &'static str,
    kinds: String,
    state: &'static str,
    note: Option<String>,
    content: String,
    settled: bool,
    calendar: bool,
    released: bool,
    due_at: i64,
}

/// Writes down what was decided about each order.
pub(in crate::store) async fn record(
    tx: &mut Tx,
    orders: &[Order],
    plans: &[Plan],
    how: Recording<'_>,
) -> Result<(), StoreError> {
    let mut rows = Vec::with_capacity(plans.len());
    let (mut made, mut amended) = (Vec::new(), Vec::new());
    let (mut superseded, mut expired, mut ended) = (Vec::new(), Vec::new(), Vec::new());
    let (mut planned, mut events) = (Vec::new(), Vec::new());
    let mut silent = Vec::new();
    let micros = |at: Option<Timestamp>| at.map(Timestamp::as_microsecond);
    for (order, plan) in orders.iter().zip(plans) {
        rows.push(OrderPlan {
            id: order.row,
            changed_at: micros(plan.changed_at),
            unsettled_since: micros(plan.unsettled_since),
            quiet_since: micros(plan.quiet_since),
            look_at: micros(plan.look_at),
            grown: i64::from(order.view.touched || plan.action != Action::Keep),
        });
        let unsent = order.view.unsent.as_ref();
        match (&plan.action, unsent) {
            (Action::Create(telling), _) => {
                ended.push((order.row, TAKEN_OVER));
                made.extend(new_rows(order, telling, how)?);
            }
            (Action::Replace(telling), Some(unsent)) => {
                ended.push((order.row, TAKEN_OVER));
                superseded.push((unsent.id, TAKEN_OVER));
                made.extend(new_rows(order, telling, how)?);
            }
            (Action::Expire(telling), Some(unsent)) => {
                ended.push((order.row, TAKEN_OVER));
                expired.push((unsent.id, moves::TOO_LATE));
                if let Some(telling) = telling {
                    made.extend(new_rows(order, telling, how)?);
                }
            }
            (Action::Supersede, Some(unsent)) => {
                ended.push((order.row, NOTHING_LEFT));
                superseded.push((unsent.id, NOTHING_LEFT));
            }
            (Action::Amend(telling), Some(unsent)) => amended.push(amended_row(unsent.id, order, telling)?),
            (Action::Settle { due_at }, Some(unsent)) => {
                let telling = Telling {
                    content: unsent.content.clone(),
                    settled: true,
                    held: unsent.held.clone(),
                    due_at: *due_at,
                };
                amended.push(amended_row(unsent.id, order, &telling)?);
            }
            _ => {}
        }
        silent.extend(plan.silent.iter().filter_map(|silent| answer_of_silence(order, silent, how)));
        for ((line, after), because) in order.view.lines.iter().zip(&plan.planned).zip(&plan.because) {
            let (shop_id, line_id) = (&*line.line.shop_id, &*line.line.line_id);
            if *after != line.planned {
                let telling = after.as_ref().map(serde_json::to_string).transpose()?;
                planned.push(TellingRow { shop_id, line_id, recipient: &order.recipient, telling });
            }
            if let Some(detail) = because.clone() {
                events.push(EventRow { shop_id, line_id, what: "decided", detail });
            }
        }
    }
    let update = sql!("update orders set changed_at = x.changed_at, unsettled_since = x.unsettled_since, "
        "quiet_since = x.quiet_since, look_at = x.look_at, revision = revision + x.grown from "
        rows(id bigint, changed_at bigint, unsettled_since bigint, quiet_since bigint, look_at bigint, grown bigint)
        " where orders.id = x.id");
    tx.execute(update, vec![batch(&rows)?]).await?;
    // What ends leaves before its successor comes: an order has one unsent notification on each channel.
    superseded.extend(unsent_beside(tx, &ended, channels::telling(how.channels)).await?);
    ending::end_unsent(tx, &superseded, State::Superseded, how.began).await?;
    ending::end_unsent(tx, &expired, State::Expired, how.began).await?;
    record_notifications(tx, &made, &amended, how).await?;
    if !planned.is_empty() {
        let upsert = sql!("insert into tellings (shop_id, line_id, recipient, planned) "
            "select x.shop_id, x.line_id, x.recipient, x.telling from "
            rows(shop_id text, line_id text, recipient text, telling text)
            " where true on conflict (shop_id, line_id, recipient) do update set planned = excluded.planned");
        tx.execute(upsert, vec![batch(&planned)?]).await?;
    }
    record_events(tx, &events, how.began).await?;
    record_answers(tx, &silent, how.began).await
}

/// The cancel that silence is, of a line of the order.
fn answer_of_silence(order: &Order, silent: &Silent, how: Recording<'_>) -> Option<NewAnswer> {
    let view = order.view.lines.iter().find(|view| view.line.line_id == silent.line_id)?;
    let when = (how.clock, how.began);
    Some(NewAnswer::of(&view.line, order.row, Choice::Cancel, By::Silence, silent.notice, how.ways, when))
}

/// The unsent news of orders on channels by which she is not told, each with why it ends.
async fn unsent_beside(
    tx: &mut Tx,
    ended: &[(i64, &'static str)],
    telling: &'static str,
) -> Result<Vec<(Uuid, &'static str)>, StoreError> {
    if ended.is_empty() {
        return Ok(Vec::new());
    }
    let notes: HashMap<i64, &'static str> = ended.iter().copied().collect();
    let unsent = sql!("select o.id, o.order_row from outbox o where o.order_row" among(n bigint)
        " and o.channel <> $2 and o.state in ('queued', 'held') and o.news");
    let rows = tx.rows(unsent, vec![views::numbers(notes.keys().copied())?, telling.into()]).await?;
    rows.iter()
        .map(|row| Ok((row.id("id")?, notes.get(&row.int("order_row")?).copied().unwrap_or(TAKEN_OVER))))
        .collect()
}

/// A notification for each channel.
fn new_rows(order: &Order, telling: &Telling, how: Recording<'_>) -> Result<Vec<NewRow>, StoreError> {
    let first = new_row(how.clock.new_id(), channels::telling(how.channels), order, telling)?;
    let beside = channels::beside(how.channels).iter().map(|channel| NewRow {
        id: how.clock.new_id(),
        channel,
        ..first.clone()
    });
    Ok(beside.chain([first.clone()]).collect())
}

/// The notification `id`, and what goes out beside it, as they are to be now.
fn amended_row(id: Uuid, order: &Order, telling: &Telling) -> Result<NewRow, StoreError> {
    new_row(id, "", order, telling)
}

fn new_row(id: Uuid, channel: &'static str, order: &Order, telling: &Telling) -> Result<NewRow, StoreError> {
    let news = telling.content.lines.iter().flat_map(|line| &line.news).collect::<BTreeSet<_>>();
    Ok(NewRow {
        id,
        news_id: id,
        order_row: order.row,
        channel,
        kind: telling.content.kind.word(),
        kinds: news.iter().fold(String::from(" "), |kinds, kind| kinds + kind.word() + " "),
        state: if telling.held.is_some() { State::Held.word() } else { State::Queued.word() },
        note: telling.held.clone(),
        content: serde_json::to_string(&telling.content)?,
        settled: telling.settled,
        calendar: telling.content.is_of_the_calendar(),
        released: order.view.unsent.as_ref().is_some_and(|unsent| unsent.released),
        due_at: telling.due_at.as_microsecond(),
    })
}

async fn record_notifications(
    tx: &mut Tx,
    made: &[NewRow],
    amended: &[NewRow],
    how: Recording<'_>,
) -> Result<(), StoreError> {
    if !made.is_empty() {
        // What replaces a released one is released too: an unsent one, or one that was overtaken right before it was
        // sent, which is planned afresh at once and is then the order's newest in the log.
        let insert = sql!("insert into outbox (id, news_id, order_row, channel, kind, kinds, state, note, content, settled, ready, calendar, released, created_at, due_at) "
            "select x.id, x.news_id, x.order_row, x.channel, x.kind, x.kinds, x.state, x.note, x.content, x.settled, $2, x.calendar, "
            "x.released or ($2 and coalesce((select s.released and s.state = 'superseded' from sent_log s "
            "where s.order_row = x.order_row and s.channel = x.channel order by s.created_at desc, s.id desc limit 1), false)), $3, x.due_at from "
            rows(id text, news_id text, order_row bigint, channel text, kind text, kinds text, state text, note text, content text, settled boolean, calendar boolean, released boolean, due_at bigint));
        tx.execute(insert, vec![batch(made)?, how.ready.into(), how.began.into()]).await?;
    }
    if !amended.is_empty() {
        // What staff hold beside it stays held.
        let amend = sql!("update outbox set kind = x.kind, kinds = x.kinds, "
            "state = case when outbox.id <> x.id and outbox.state = 'held' then outbox.state else x.state end, "
            "note = case when outbox.id <> x.id and outbox.state = 'held' then outbox.note else x.note end, "
            "content = x.content, settled = x.settled, calendar = x.calendar, due_at = x.due_at from "
            rows(id text, order_row bigint, kind text, kinds text, state text, note text, content text, settled boolean, calendar boolean, due_at bigint)
            " where outbox.order_row = x.order_row and (outbox.id = x.id or outbox.news_id = x.id) "
            "and outbox.state in ('queued', 'held') and outbox.news");
        tx.execute(amend, vec![batch(amended)?]).await?;
    }
    Ok(())
}
