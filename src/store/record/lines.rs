//! Changed and vanished lines, recorded as the shop shows them now, each in its order.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::Serialize;
use uuid::Uuid;

use super::{Batch, EventRow, Recording, TellingRow, record_events};
use crate::clock::Clock;
use crate::shop::line::{Line, RuleSet, Status};
use crate::store::StoreError;
use crate::store::dialect::{Row, Tx, batch, sql};
use crate::store::lines::content_hash;
use crate::store::views::EVERYBODY;
use crate::watch::standing::Told;

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
    /// Kept from when the line was first seen.
    clock: Option<String>,
    /// The first day counts.
    backordered_on: Option<String>,
    last_open_at: Option<i64>,
    cancelled_at: Option<i64>,
}

#[derive(Serialize)]
struct LineKey<'a> {
    shop_id: &'a str,
    line_id: &'a str,
}

fn recipient(line: &Line) -> &str {
    line.customer_email.as_deref().unwrap_or("")
}

fn locale(line: &Line) -> &str {
    line.locale.as_deref().unwrap_or("")
}

/// Shop, order, recipient, locale.
type Place = [String; 4];

fn place(line: &Line) -> Place {
    [&line.shop_id, &line.order_id, recipient(line), locale(line)].map(str::to_owned)
}

/// Where the lines of a batch belong, and how they were recorded before.
pub(super) struct Seen {
    places: HashMap<Place, i64>,
    /// By shop and line.
    before: HashMap<(String, String), (i64, Line)>,
}

impl Seen {
    /// Makes sure that every order of `found` has a row. What is recorded of an order is read once it is locked.
    pub(super) async fn of(tx: &mut Tx, found: &Batch, clock: &Clock) -> Result<Seen, StoreError> {
        let places = make_orders(tx, &found.changed, clock).await?;
        let changed = found.changed.iter().map(|line| LineKey { shop_id: &line.shop_id, line_id: &line.line_id });
        let gone = found.gone.iter().map(|(shop_id, line_id)| LineKey { shop_id, line_id });
        let keys: Vec<LineKey> = changed.chain(gone).collect();
        let known = sql!("select l.shop_id, l.line_id, l.order_row, l.snapshot from " rows(shop_id text, line_id text)
            " join lines l on l.shop_id = x.shop_id and l.line_id = x.line_id");
        let mut before = HashMap::new();
        for row in tx.rows(known, vec![batch(&keys)?]).await? {
            before.insert((row.text("shop_id")?, row.text("line_id")?), (row.int("order_row")?, row.json("snapshot")?));
        }
        Ok(Seen { places, before })
    }

    /// The rows of every order that gains, loses or keeps one of the lines.
    pub(super) fn orders(&self) -> BTreeSet<i64> {
        self.places.values().copied().chain(self.before.values().map(|(row, _)| *row)).collect()
    }

    /// Writes the lines down.
    pub(super) async fn record(&self, tx: &mut Tx, found: &Batch, how: Recording<'_>) -> Result<(), StoreError> {
        if !found.changed.is_empty() {
            self.rename_orders(tx, &found.changed).await?;
            self.record_lines(tx, &found.changed, how).await?;
            if let Some(told) = how.baseline {
                record_baseline(tx, &found.changed, told, how.began).await?;
            }
        }
        if found.gone.is_empty() { Ok(()) } else { vanish(tx, &found.gone, how).await }
    }

    /// The order numbers are those that the shop shows now.
    async fn rename_orders(&self, tx: &mut Tx, lines: &[Line]) -> Result<(), StoreError> {
        #[derive(Serialize)]
        struct Named<'a> {
            id: i64,
            order_number: &'a str,
        }
        let numbers: BTreeMap<i64, &str> =
            lines.iter().filter_map(|line| Some((*self.places.get(&place(line))?, &*line.order_number))).collect();
        let rows: Vec<Named> = numbers.into_iter().map(|(id, order_number)| Named { id, order_number }).collect();
        let rename = sql!("update orders set order_number = x.order_number from " rows(id bigint, order_number text)
            " where orders.id = x.id and orders.order_number <> x.order_number");
        tx.execute(rename, vec![batch(&rows)?]).await.map(drop)
    }

    async fn record_lines(&self, tx: &mut Tx, lines: &[Line], how: Recording<'_>) -> Result<(), StoreError> {
        let mut rows = Vec::with_capacity(lines.len());
        let mut events = Vec::with_capacity(lines.len());
        let mut moved = Vec::new();
        for line in lines {
            let order_row = *self
                .places
                .get(&place(line))
                .ok_or_else(|| StoreError::Damaged("an order that was just recorded is absent".into()))?;
            let known = self.before.get(&(line.shop_id.clone(), line.line_id.clone()));
            let (shop_id, line_id, product_key) = (&*line.shop_id, &*line.line_id, &*line.product_key);
            if known.is_some_and(|(row, _)| *row != order_row) {
                moved.push(LineKey { shop_id, line_id });
            }
            // The fingerprint is that of the line as it was read; the promise is taken once, when it is first seen.
            let content_hash = content_hash(&serde_json::to_vec(line)?);
            let promised_on = known.map_or(line.promised_on, |(_, before)| before.promised_on);
            let snapshot = serde_json::to_string(&Line { promised_on, ..line.clone() })?;
            let open = line.open() > Decimal::ZERO;
            let sight = how.first_sight.map(|sight| sight(line));
            let clock = sight.filter(|(clock, _)| clock.rules != RuleSet::None);
            let backordered_on =
                clock.filter(|_| line.status() == Status::Backordered).map(|(_, today)| today.to_string());
            let clock =
                clock.filter(|_| known.is_none()).map(|(clock, _)| serde_json::to_string(&clock)).transpose()?;
            let was_open = known.is_some_and(|(_, before)| before.open() > Decimal::ZERO);
            let fewer = known.is_some_and(|(_, before)| line.cancelled_qty > before.cancelled_qty) && was_open;
            rows.push(LineRow {
                shop_id,
                line_id,
                order_row,
                content_hash,
                open,
                product_key,
                snapshot,
                clock,
                backordered_on,
                last_open_at: how.last_sweep.filter(|_| was_open && !open).map(Timestamp::as_microsecond),
                cancelled_at: fewer.then_some(how.began.as_microsecond()),
            });
            let detail = match (known, how.baseline) {
                (None, Some(_)) => format!("first seen: {}; the baseline: it counts as told", line.summary()),
                (None, None) => format!("first seen: {}", line.summary()),
                (Some((_, before)), _) => format!("changed: {} (before: {})", line.summary(), before.summary()),
            };
            events.push(EventRow { shop_id, line_id, what: "read", detail });
        }
        let upsert = sql!("insert into lines (shop_id, line_id, order_row, content_hash, open, product_key, first_seen_at, changed_at, snapshot, "
            "clock, backordered_on, last_open_at, cancelled_at) "
            "select x.shop_id, x.line_id, x.order_row, x.content_hash, x.open, x.product_key, $2, $2, x.snapshot, "
            "x.clock, x.backordered_on, x.last_open_at, x.cancelled_at from "
            rows(shop_id text, line_id text, order_row bigint, content_hash bigint, open boolean, product_key text, snapshot text,
                clock text, backordered_on text, last_open_at bigint, cancelled_at bigint)
            " where true on conflict (shop_id, line_id) do update set order_row = excluded.order_row, "
            "content_hash = excluded.content_hash, open = excluded.open, gone = false, put_away = false, product_key = excluded.product_key, "
            "changed_at = excluded.changed_at, snapshot = excluded.snapshot, "
            "backordered_on = case when lines.clock is not null then coalesce(lines.backordered_on, excluded.backordered_on) end, "
            "last_open_at = case when excluded.open then null else coalesce(lines.last_open_at, excluded.last_open_at) end, "
            "cancelled_at = coalesce(lines.cancelled_at, excluded.cancelled_at)");
        tx.execute(upsert, vec![batch(&rows)?, how.began.into()]).await?;
        if !moved.is_empty() {
            // What was planned of it under its old order is not said there any more.
            let unplan = sql!("update tellings set planned = null from " rows(shop_id text, line_id text)
                " where tellings.shop_id = x.shop_id and tellings.line_id = x.line_id");
            tx.execute(unplan, vec![batch(&moved)?]).await?;
        }
        record_events(tx, &events, how.began).await
    }
}

/// Makes sure that every order of `lines` has a row, and tells which.
async fn make_orders(tx: &mut Tx, lines: &[Line], clock: &Clock) -> Result<HashMap<Place, i64>, StoreError> {
    if lines.is_empty() {
        return Ok(HashMap::new());
    }
    let mut orders = BTreeMap::new();
    for line in lines {
        orders.entry(place(line)).or_insert_with(|| OrderRow {
            shop_id: &line.shop_id,
            order_id: &line.order_id,
            recipient: recipient(line),
            locale: locale(line),
            order_number: &line.order_number,
            link_id: clock.new_id(),
        });
    }
    let rows = batch(&orders.values().collect::<Vec<_>>())?;
    let insert = sql!("insert into orders (shop_id, order_id, recipient, locale, order_number, link_id) "
        "select x.shop_id, x.order_id, x.recipient, x.locale, x.order_number, x.link_id from "
        rows(shop_id text, order_id text, recipient text, locale text, order_number text, link_id text)
        " where true on conflict do nothing");
    tx.execute(insert, vec![rows.clone()]).await?;
    let made = sql!("select o.id, o.shop_id, o.order_id, o.recipient, o.locale from "
        rows(shop_id text, order_id text, recipient text, locale text)
        " join orders o on o.shop_id = x.shop_id and o.order_id = x.order_id and o.recipient = x.recipient and o.locale = x.locale");
    let id = |row: &Row| {
        let place = [row.text("shop_id")?, row.text("order_id")?, row.text("recipient")?, row.text("locale")?];
        Ok((place, row.int("id")?))
    };
    tx.rows(made, vec![rows]).await?.iter().map(id).collect()
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

/// Marks lines as gone.
async fn vanish(tx: &mut Tx, gone: &[(String, String)], how: Recording<'_>) -> Result<(), StoreError> {
    let keys: Vec<LineKey> = gone.iter().map(|(shop_id, line_id)| LineKey { shop_id, line_id }).collect();
    // A line that comes back is recorded anew, whatever it says: its fingerprint is forgotten.
    let mark = sql!("update lines set gone = true, content_hash = 0, changed_at = $2, "
        "last_open_at = coalesce(last_open_at, case when open then $3 end), open = false from "
        rows(shop_id text, line_id text) " where lines.shop_id = x.shop_id and lines.line_id = x.line_id");
    let last_sweep = how.last_sweep.map(Timestamp::as_microsecond);
    tx.execute(mark, vec![batch(&keys)?, how.began.into(), last_sweep.into()]).await?;
    let event = |(shop_id, line_id)| EventRow {
        shop_id,
        line_id,
        what: "gone",
        detail: "the shop shows this line no more: mails about it stop".into(),
    };
    let events: Vec<EventRow> = gone.iter().map(|(shop_id, line_id)| event((shop_id, line_id))).collect();
    record_events(tx, &events, how.began).await
}
