//! What was decided about each order, recorded: the order's times, its notification, what is planned of each line.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

use super::{EventRow, Recording, TellingRow, record_events};
use crate::choice::{By, Choice};
use crate::outbox::notification::State;
use crate::outbox::plan::{Action, Plan, Silent, Telling};
use crate::store::choices::{NewAnswer, record_answers};
use crate::store::dialect::{Tx, batch, sql};
use crate::store::views::Order;
use crate::store::{StoreError, ending};

#[derive(Serialize)]
struct OrderPlan {
    id: i64,
    changed_at: Option<i64>,
    unsettled_since: Option<i64>,
    quiet_since: Option<i64>,
    look_at: Option<i64>,
    grown: i64,
}

#[derive(Serialize)]
struct NewRow {
    id: Uuid,
    order_row: i64,
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
    let (mut superseded, mut expired) = (Vec::new(), Vec::new());
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
            (Action::Create(telling), _) => made.push(new_row(how.clock.new_id(), order, telling)?),
            (Action::Replace(telling), Some(unsent)) => {
                superseded.push((unsent.id, "newer news took over its lines"));
                made.push(new_row(how.clock.new_id(), order, telling)?);
            }
            (Action::Expire(telling), Some(unsent)) => {
                expired.push((unsent.id, ending::TOO_LATE));
                if let Some(telling) = telling {
                    made.push(new_row(how.clock.new_id(), order, telling)?);
                }
            }
            (Action::Supersede, Some(unsent)) => superseded.push((unsent.id, "nothing was left to tell")),
            (Action::Amend(telling), Some(unsent)) => amended.push(new_row(unsent.id, order, telling)?),
            (Action::Settle { due_at }, Some(unsent)) => {
                let telling = Telling {
                    content: unsent.content.clone(),
                    settled: true,
                    held: unsent.held.clone(),
                    due_at: *due_at,
                };
                amended.push(new_row(unsent.id, order, &telling)?);
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
    // What ends leaves before its successor comes: an order has one unsent notification.
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

fn new_row(id: Uuid, order: &Order, telling: &Telling) -> Result<NewRow, StoreError> {
    let news = telling.content.lines.iter().flat_map(|line| &line.news).collect::<BTreeSet<_>>();
    Ok(NewRow {
        id,
        order_row: order.row,
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
            "select x.id, x.id, x.order_row, $2, x.kind, x.kinds, x.state, x.note, x.content, x.settled, $3, x.calendar, "
            "x.released or ($3 and coalesce((select s.released and s.state = 'superseded' from sent_log s "
            "where s.order_row = x.order_row and s.channel = $2 order by s.created_at desc, s.id desc limit 1), false)), $4, x.due_at from "
            rows(id text, order_row bigint, kind text, kinds text, state text, note text, content text, settled boolean, calendar boolean, released boolean, due_at bigint));
        tx.execute(insert, vec![batch(made)?, how.channel.into(), how.ready.into(), how.began.into()]).await?;
    }
    if !amended.is_empty() {
        let amend = sql!("update outbox set kind = x.kind, kinds = x.kinds, state = x.state, note = x.note, content = x.content, "
            "settled = x.settled, calendar = x.calendar, due_at = x.due_at from "
            rows(id text, kind text, kinds text, state text, note text, content text, settled boolean, calendar boolean, due_at bigint)
            " where outbox.id = x.id and outbox.state in ('queued', 'held')");
        tx.execute(amend, vec![batch(amended)?]).await?;
    }
    Ok(())
}
