//! What one look found, recorded: lines, orders, plans, notifications and events of whole orders in one transaction.
//!
//! In: the changed and vanished lines of a batch of orders, and the pure decision about each order. Out: how many
//! orders were looked at and what became of their notifications. Replaying a batch changes nothing: a line that is
//! recorded as it is, is no change, and a notification is planned once for a difference.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

use super::dialect::{Tx, batch, sql, values};
use super::lines::content_hash;
use super::views::{self, EVERYBODY, Order};
use super::{Store, StoreError};
use crate::clock::Clock;
use crate::outbox::notification::State;
use crate::outbox::plan::{Action, Plan, Telling};
use crate::settings::duration::Span;
use crate::shop::line::Line;
use crate::watch::standing::Told;

/// A batch of whole orders: every changed line of an order is in the same batch.
#[derive(Debug, Default)]
pub struct Batch {
    /// New or changed lines, each with a locale.
    pub changed: Vec<Line>,
    /// Lines that the shop shows no more, by shop and line.
    pub gone: Vec<(String, String)>,
    /// Orders to visit though none of their lines changed.
    pub rows: Vec<i64>,
}

/// How a batch is recorded.
#[derive(Clone, Copy)]
pub struct Recording<'a> {
    pub clock: &'a Clock,
    /// When the read began.
    pub began: Timestamp,
    pub channel: &'a str,
    /// Whether new notifications may leave at once; a sweep's wait for [`Store::finish_look`].
    pub ready: bool,
    /// The watcher that records; once another one holds the lease, nothing is recorded. `None`: no lease is needed.
    pub watcher: Option<&'a str>,
    /// Decide as always, and keep nothing.
    pub rehearsal: bool,
    /// The very first sweep: what it finds counts as told.
    pub baseline: Option<&'a (dyn Fn(&Line, Timestamp) -> Told + Sync)>,
}

/// How the end of a look is recorded.
#[derive(Clone, Copy, Debug)]
pub struct FloodGuard {
    /// Notifications made since then count together.
    pub since: Timestamp,
    /// 0: no limit.
    pub limit: u32,
}

impl Store {
    /// Records a batch. `decide` is asked for each order that has a changed or vanished line or was named; it must be
    /// pure, and sees `touched` set where a line changed.
    pub async fn record(
        &self,
        found: &Batch,
        how: Recording<'_>,
        mut decide: impl FnMut(&mut Order) -> Plan,
    ) -> Result<u64, StoreError> {
        let mut tx = self.write().await?;
        if let Some(watcher) = how.watcher {
            let lease = sql!("select owner from leases where name = 'watch' and owner = $1" lock);
            tx.row(lease, values![watcher]).await?.ok_or(StoreError::LeaseLost)?;
        }
        let mut touched = record_lines(&mut tx, found, how).await?;
        touched.extend(vanish(&mut tx, &found.gone, how.began).await?);
        let rows: Vec<i64> = touched.iter().chain(&found.rows).copied().collect::<BTreeSet<_>>().into_iter().collect();
        views::lock(&mut tx, &rows).await?;
        let mut orders = views::load(&mut tx, &rows, how.channel, how.began).await?;
        let mut plans = Vec::with_capacity(orders.len());
        for order in &mut orders {
            order.view.touched = touched.contains(&order.row);
            plans.push(decide(order));
        }
        if !how.rehearsal {
            record_plans(&mut tx, &orders, &plans, how).await?;
            tx.commit().await?;
        }
        Ok(orders.len() as u64)
    }

    /// Ends a look: what it planned may leave, unless there is too much of it. Returns how many are held as a flood.
    pub async fn finish_look(&self, guard: FloodGuard) -> Result<u64, StoreError> {
        let mut tx = self.write().await?;
        let mut held = 0;
        if guard.limit > 0 {
            let count = sql!("select (select count(*) from outbox where created_at >= $1 and not calendar and not released) + "
                "(select count(*) from sent_log where created_at >= $1 and not calendar and not released "
                "and state <> 'superseded') as made");
            let made = tx.row(count, values![guard.since]).await?.map_or(Ok(0), |row| row.int("made"))?;
            if made > i64::from(guard.limit) {
                let hold = sql!("update outbox set state = 'held', ready = true, note = $2 "
                    "where created_at >= $1 and not calendar and not released and state = 'queued'");
                let note = format!("a flood: {made} notifications at once, the limit is {}", guard.limit);
                held = tx.execute(hold, values![guard.since, note]).await?;
            }
        }
        tx.execute(sql!("update outbox set ready = true where not ready"), values![]).await?;
        tx.commit().await?;
        Ok(held)
    }
}

#[derive(Serialize)]
struct OrderRow<'a> {
    shop_id: &'a str,
    order_id: &'a str,
    recipient: &'a str,
    locale: &'a str,
    order_number: &'a str,
    link_id: Uuid,
}

#[derive(Serialize)]
struct LineRow<'a> {
    shop_id: &'a str,
    line_id: &'a str,
    order_row: i64,
    content_hash: i64,
    open: bool,
    product_key: &'a str,
    snapshot: String,
}

#[derive(Serialize)]
struct LineKey<'a> {
    shop_id: &'a str,
    line_id: &'a str,
}

#[derive(Serialize)]
struct TellingRow<'a> {
    shop_id: &'a str,
    line_id: &'a str,
    recipient: &'a str,
    telling: Option<String>,
}

#[derive(Serialize)]
struct EventRow<'a> {
    shop_id: &'a str,
    line_id: &'a str,
    what: &'static str,
    detail: String,
}

fn recipient(line: &Line) -> &str {
    line.customer_email.as_deref().unwrap_or("")
}

fn locale(line: &Line) -> &str {
    line.locale.as_deref().unwrap_or("")
}

/// Writes the changed lines down and returns the rows of every order that gained, lost or kept one of them.
async fn record_lines(tx: &mut Tx, found: &Batch, how: Recording<'_>) -> Result<BTreeSet<i64>, StoreError> {
    if found.changed.is_empty() {
        return Ok(BTreeSet::new());
    }
    let places = record_orders(tx, &found.changed, how.clock).await?;
    let keys: Vec<LineKey> =
        found.changed.iter().map(|line| LineKey { shop_id: &line.shop_id, line_id: &line.line_id }).collect();
    let mut before = HashMap::new();
    let known = sql!("select l.shop_id, l.line_id, l.order_row, l.snapshot from " rows(shop_id text, line_id text)
        " join lines l on l.shop_id = x.shop_id and l.line_id = x.line_id");
    for row in tx.rows(known, vec![batch(&keys)?]).await? {
        let line: Line = row.json("snapshot")?;
        before.insert((row.text("shop_id")?, row.text("line_id")?), (row.int("order_row")?, line));
    }

    let mut touched = BTreeSet::new();
    let mut rows = Vec::with_capacity(found.changed.len());
    let mut events = Vec::with_capacity(found.changed.len());
    for line in &found.changed {
        let order_row = *places
            .get(&(&line.shop_id, &line.order_id, recipient(line), locale(line)))
            .ok_or_else(|| StoreError::Damaged("an order that was just recorded is absent".into()))?;
        let known = before.get(&(line.shop_id.clone(), line.line_id.clone()));
        touched.insert(order_row);
        touched.extend(known.map(|(row, _)| *row));
        // The fingerprint is that of the line as it was read; the promise is taken once, when it is first seen.
        let content_hash = content_hash(&serde_json::to_vec(line)?);
        let promised_on = known.map_or(line.promised_on, |(_, before)| before.promised_on);
        let snapshot = serde_json::to_string(&Line { promised_on, ..line.clone() })?;
        events.push(EventRow {
            shop_id: &line.shop_id,
            line_id: &line.line_id,
            what: "read",
            detail: match (known, how.baseline) {
                (None, Some(_)) => format!("first seen: {}; the baseline: it counts as told", line.summary()),
                (None, None) => format!("first seen: {}", line.summary()),
                (Some((_, before)), _) => format!("changed: {} (before: {})", line.summary(), before.summary()),
            },
        });
        let (shop_id, line_id, product_key) = (&*line.shop_id, &*line.line_id, &*line.product_key);
        let open = line.open() > rust_decimal::Decimal::ZERO;
        rows.push(LineRow { shop_id, line_id, order_row, content_hash, open, product_key, snapshot });
    }
    let upsert = sql!("insert into lines (shop_id, line_id, order_row, content_hash, open, product_key, first_seen_at, changed_at, snapshot) "
        "select x.shop_id, x.line_id, x.order_row, x.content_hash, x.open, x.product_key, $2, $2, x.snapshot from "
        rows(shop_id text, line_id text, order_row bigint, content_hash bigint, open boolean, product_key text, snapshot text)
        " where true on conflict (shop_id, line_id) do update set order_row = excluded.order_row, "
        "content_hash = excluded.content_hash, open = excluded.open, gone = false, product_key = excluded.product_key, "
        "changed_at = excluded.changed_at, snapshot = excluded.snapshot");
    tx.execute(upsert, vec![batch(&rows)?, how.began.into()]).await?;
    if let Some(told) = how.baseline {
        record_baseline(tx, &found.changed, told, how.began).await?;
    }
    record_events(tx, &events, how.began).await?;
    Ok(touched)
}

type Place<'a> = (&'a String, &'a String, &'a str, &'a str);

/// Makes sure that every order of `lines` has a row, and tells which.
async fn record_orders<'a>(
    tx: &mut Tx,
    lines: &'a [Line],
    clock: &Clock,
) -> Result<HashMap<Place<'a>, i64>, StoreError> {
    let mut orders = BTreeMap::new();
    for line in lines {
        let place: Place = (&line.shop_id, &line.order_id, recipient(line), locale(line));
        orders.entry(place).or_insert_with(|| OrderRow {
            shop_id: &line.shop_id,
            order_id: &line.order_id,
            recipient: recipient(line),
            locale: locale(line),
            order_number: &line.order_number,
            link_id: clock.new_id(),
        });
    }
    let upsert = sql!("insert into orders (shop_id, order_id, recipient, locale, order_number, link_id) "
        "select x.shop_id, x.order_id, x.recipient, x.locale, x.order_number, x.link_id from "
        rows(shop_id text, order_id text, recipient text, locale text, order_number text, link_id text)
        " where true on conflict (shop_id, order_id, recipient, locale) do update set order_number = excluded.order_number "
        "returning id, shop_id, order_id, recipient, locale");
    let mut ids = HashMap::with_capacity(orders.len());
    for row in tx.rows(upsert, vec![batch(&orders.values().collect::<Vec<_>>())?]).await? {
        let place = (row.text("shop_id")?, row.text("order_id")?, row.text("recipient")?, row.text("locale")?);
        ids.insert(place, row.int("id")?);
    }
    let id = |place: &Place<'a>| {
        let (shop_id, order_id, recipient, locale) = *place;
        ids.get(&(shop_id.clone(), order_id.clone(), recipient.to_owned(), locale.to_owned())).copied()
    };
    Ok(orders.keys().filter_map(|place| Some((*place, id(place)?))).collect())
}

async fn record_baseline(
    tx: &mut Tx,
    lines: &[Line],
    told: &(dyn Fn(&Line, Timestamp) -> Told + Sync),
    began: Timestamp,
) -> Result<(), StoreError> {
    let mut rows = Vec::with_capacity(lines.len());
    for line in lines {
        let telling = Some(serde_json::to_string(&told(line, began))?);
        rows.push(TellingRow { shop_id: &line.shop_id, line_id: &line.line_id, recipient: EVERYBODY, telling });
    }
    let upsert = sql!("insert into tellings (shop_id, line_id, recipient, told) "
        "select x.shop_id, x.line_id, x.recipient, x.telling from "
        rows(shop_id text, line_id text, recipient text, telling text)
        " where true on conflict (shop_id, line_id, recipient) do update set told = excluded.told");
    tx.execute(upsert, vec![batch(&rows)?]).await.map(drop)
}

/// Marks lines as gone; returns the rows of their orders.
async fn vanish(tx: &mut Tx, gone: &[(String, String)], began: Timestamp) -> Result<Vec<i64>, StoreError> {
    if gone.is_empty() {
        return Ok(Vec::new());
    }
    let keys: Vec<LineKey> = gone.iter().map(|(shop_id, line_id)| LineKey { shop_id, line_id }).collect();
    // A line that comes back is recorded anew, whatever it says: its fingerprint is forgotten.
    let mark = sql!("update lines set gone = true, open = false, content_hash = 0, changed_at = $2 from "
        rows(shop_id text, line_id text)
        " where lines.shop_id = x.shop_id and lines.line_id = x.line_id returning lines.order_row");
    let rows = tx.rows(mark, vec![batch(&keys)?, began.into()]).await?;
    let event = |(shop_id, line_id)| EventRow {
        shop_id,
        line_id,
        what: "gone",
        detail: "the shop shows this line no more: mails about it stop".into(),
    };
    let events: Vec<EventRow> = gone.iter().map(|(shop_id, line_id)| event((shop_id, line_id))).collect();
    record_events(tx, &events, began).await?;
    rows.iter().map(|row| row.int("order_row")).collect()
}

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
    content: String,
    settled: bool,
    calendar: bool,
    due_at: i64,
}

/// Writes down what was decided about each order.
async fn record_plans(tx: &mut Tx, orders: &[Order], plans: &[Plan], how: Recording<'_>) -> Result<(), StoreError> {
    let mut rows = Vec::with_capacity(plans.len());
    let (mut made, mut amended, mut superseded) = (Vec::new(), Vec::new(), Vec::new());
    let (mut planned, mut events) = (Vec::new(), Vec::new());
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
            (Action::Supersede, Some(unsent)) => superseded.push((unsent.id, "nothing was left to tell")),
            (Action::Amend(telling), Some(unsent)) => amended.push(new_row(unsent.id, order, telling)?),
            (Action::Settle { due_at }, Some(unsent)) => {
                let telling = Telling {
                    content: unsent.content.clone(),
                    settled: true,
                    held: unsent.held,
                    due_at: *due_at,
                    calendar: false,
                };
                amended.push(new_row(unsent.id, order, &telling)?);
            }
            _ => {}
        }
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
    record_notifications(tx, &made, &amended, &superseded, how).await?;
    if !planned.is_empty() {
        let upsert = sql!("insert into tellings (shop_id, line_id, recipient, planned) "
            "select x.shop_id, x.line_id, x.recipient, x.telling from "
            rows(shop_id text, line_id text, recipient text, telling text)
            " where true on conflict (shop_id, line_id, recipient) do update set planned = excluded.planned");
        tx.execute(upsert, vec![batch(&planned)?]).await?;
    }
    record_events(tx, &events, how.began).await
}

fn new_row(id: Uuid, order: &Order, telling: &Telling) -> Result<NewRow, StoreError> {
    let news = telling.content.lines.iter().flat_map(|line| &line.news).collect::<BTreeSet<_>>();
    Ok(NewRow {
        id,
        order_row: order.row,
        kind: telling.content.kind.word(),
        kinds: news.iter().fold(String::from(" "), |kinds, kind| kinds + kind.word() + " "),
        state: if telling.held { State::Held.word() } else { State::Queued.word() },
        content: serde_json::to_string(&telling.content)?,
        settled: telling.settled,
        calendar: telling.calendar,
        due_at: telling.due_at.as_microsecond(),
    })
}

async fn record_notifications(
    tx: &mut Tx,
    made: &[NewRow],
    amended: &[NewRow],
    superseded: &[(Uuid, &'static str)],
    how: Recording<'_>,
) -> Result<(), StoreError> {
    // What is superseded leaves before its successor comes: an order has one unsent notification.
    super::outbox::finish_unsent(tx, superseded, State::Superseded, how.began).await?;
    if !made.is_empty() {
        let insert = sql!("insert into outbox (id, news_id, order_row, channel, kind, kinds, state, content, settled, ready, calendar, created_at, due_at) "
            "select x.id, x.id, x.order_row, $2, x.kind, x.kinds, x.state, x.content, x.settled, $3, x.calendar, $4, x.due_at from "
            rows(id text, order_row bigint, kind text, kinds text, state text, content text, settled boolean, calendar boolean, due_at bigint));
        tx.execute(insert, vec![batch(made)?, how.channel.into(), how.ready.into(), how.began.into()]).await?;
    }
    if !amended.is_empty() {
        let amend = sql!("update outbox set kind = x.kind, kinds = x.kinds, content = x.content, settled = x.settled, due_at = x.due_at from "
            rows(id text, kind text, kinds text, content text, settled boolean, due_at bigint)
            " where outbox.id = x.id and outbox.state in ('queued', 'held')");
        tx.execute(amend, vec![batch(amended)?]).await?;
    }
    Ok(())
}

async fn record_events(tx: &mut Tx, events: &[EventRow<'_>], at: Timestamp) -> Result<(), StoreError> {
    if events.is_empty() {
        return Ok(());
    }
    let insert = sql!("insert into events (shop_id, line_id, at, what, detail) "
        "select x.shop_id, x.line_id, $2, x.what, x.detail from "
        rows(shop_id text, line_id text, what text, detail text));
    tx.execute(insert, vec![batch(events)?, at.into()]).await.map(drop)
}

/// How far back notifications count together for the flood guard.
pub fn flood_window(began: Timestamp, sweep_every: Span) -> Timestamp {
    began - sweep_every.signed()
}
