//! Every method of the state database, on SQLite and on PostgreSQL: one suite, so that the two cannot drift apart.

mod due;
mod facts;
mod handover;
mod looks;
mod marks;
mod outbox;
mod products;
mod reading;
mod staff;
mod trouble;
mod webhook;

use backorderd::clock::Clock;
use backorderd::outbox::plan::{Circumstances, Look, Plan, plan};
use backorderd::outbox::schedule::Schedule;
use backorderd::settings::delivery::{Channels, DeliverySettings, UpdateSettings};
use backorderd::settings::duration::Span;
use backorderd::shop::line::{Line, Payment};
use backorderd::store::Store;
use backorderd::store::choices::Ways;
use backorderd::store::marks::Mark;
use backorderd::store::outbox::{Attempt, Claimed, Fate, Finish, Prepared};
use backorderd::store::record::{Batch, FloodGuard, Recording};
use backorderd::store::views::Order;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;
use uuid::Uuid;

const ADA: &str = "ada@example.com";
const MAIL: &str = "mail";
const LEASE: Span = Span::seconds(30);

/// The instant at which these tests begin, in New York ten o'clock on a Tuesday.
fn start() -> Timestamp {
    "2027-01-12T15:00:00Z".parse().unwrap()
}

fn later(seconds: i64) -> Timestamp {
    start() + SignedDuration::from_secs(seconds)
}

/// Two pieces ordered, both short, expected in February.
fn line(line_id: &str, order_id: &str) -> Line {
    Line {
        shop_id: String::new(),
        line_id: line_id.into(),
        order_id: order_id.into(),
        order_number: format!("#{order_id}"),
        customer_email: Some(ADA.into()),
        customer_name: Some("Ada".into()),
        locale: Some("en-US".into()),
        ship_to_country: None,
        product_key: format!("P-{line_id}"),
        sku: Some(format!("SKU-{line_id}")),
        product_name: "Lamp".into(),
        product_url: None,
        image_url: None,
        ordered_qty: Decimal::TWO,
        shipped_qty: Decimal::ZERO,
        cancelled_qty: Decimal::ZERO,
        short_qty: Decimal::TWO,
        unit_price: None,
        currency: None,
        ordered_at: None,
        promised_on: None,
        expected_on: Some("2027-02-10".parse().unwrap()),
        delay_reason: None,
        payment: Payment::Paid,
        shipped_at: None,
        refunded_at: None,
        rules: None,
        updated_at: None,
    }
}

/// The line with another expected day.
fn expected(line: Line, day: &str) -> Line {
    Line { expected_on: Some(day.parse().unwrap()), ..line }
}

/// The line with nothing missing.
fn ready(line: Line) -> Line {
    Line { short_qty: Decimal::ZERO, ..line }
}

fn batch(changed: &[Line]) -> Batch {
    Batch { changed: changed.to_vec(), ..Batch::default() }
}

fn gone(lines: &[&str]) -> Batch {
    Batch { gone: lines.iter().map(|line_id| (String::new(), (*line_id).to_owned())).collect(), ..Batch::default() }
}

/// News settles after `settle` seconds; any number of date mails may go out.
fn schedule(settle: i64) -> Schedule {
    let zone = TimeZone::get("America/New_York").unwrap();
    let schedule =
        Schedule::new(zone, &DeliverySettings::default(), &UpdateSettings::default(), std::sync::Arc::default());
    Schedule { settle: SignedDuration::from_secs(settle), date_mails_per_week: 0, ..schedule }
}

/// The real decision about an order in a sweep.
fn decided(order: &Order, began: Timestamp, settle: i64) -> Plan {
    plan(&order.view, Circumstances { look: Look::Sweep, began, schedule: &schedule(settle) })
}

fn recording(clock: &Clock, began: Timestamp) -> Recording<'_> {
    Recording {
        clock,
        began,
        channels: Channels::Mail,
        ready: true,
        watcher: None,
        rehearsal: false,
        first_sight: None,
        last_sweep: None,
        ways: Ways::default(),
        baseline: None,
    }
}

/// Records a batch by the real decisions.
async fn record(store: &Store, found: &Batch, began: Timestamp, settle: i64) -> u64 {
    let clock = Clock::at(began);
    store.record(found, recording(&clock, began), |order| decided(order, began, settle)).await.unwrap()
}

/// Records lines whose news is told at once.
async fn read(store: &Store, lines: &[Line], began: Timestamp) {
    record(store, &batch(lines), began, 0).await;
}

/// Ends a look that is no flood.
async fn finish_look(store: &Store) {
    assert_eq!(store.finish_look(FloodGuard { since: start(), now: start(), limit: 0 }).await.unwrap(), 0);
}

async fn claim(store: &Store, now: Timestamp) -> Vec<Claimed> {
    store.claim("worker", MAIL, now, 100, LEASE).await.unwrap()
}

async fn claim_one(store: &Store, now: Timestamp) -> Claimed {
    let mut claimed = claim(store, now).await;
    assert_eq!(claimed.len(), 1, "{claimed:?}");
    claimed.remove(0)
}

/// Keeps and marks what was claimed, against the order as it is now; whether it may be sent.
async fn mark(store: &Store, claimed: &Claimed) -> bool {
    store.prepare(&[prepared(claimed)]).await.unwrap();
    let order = order_of(store, claimed.order_row).await;
    let mark = Mark { id: claimed.id, fence: claimed.fence, order_row: order.row, revision: order.revision };
    store.mark(&[mark]).await.unwrap() == [claimed.id]
}

async fn order_of(store: &Store, row: i64) -> Order {
    store.orders(&[row], MAIL, start()).await.unwrap().remove(0)
}

/// The only order there is.
async fn the_order(store: &Store) -> Order {
    order_of(store, 1).await
}

fn prepared(claimed: &Claimed) -> Prepared {
    Prepared {
        id: claimed.id,
        fence: claimed.fence,
        subject: "Your order".into(),
        message_id: Some(format!("<{}@shop.example>", claimed.id)),
        link_id: uuid::Uuid::from_u128(1),
        link_key: "key".into(),
        dictionary: 1,
        message: vec![0, 1, 254, 255],
    }
}

fn attempt(outcome: &'static str, code: u16, at: Timestamp) -> Attempt {
    Attempt {
        started_at: at,
        ended_at: at + SignedDuration::from_secs(1),
        relay: "relay.example:587".into(),
        outcome,
        code: Some(code),
        reply: Some("as it pleases".into()),
    }
}

async fn finish(store: &Store, claimed: &Claimed, fate: Fate, now: Timestamp) -> Vec<i64> {
    let attempt = match fate {
        Fate::Sent => attempt("accepted", 250, now),
        Fate::InDoubt { .. } => Attempt { code: None, ..attempt("unknown", 0, now) },
        _ => attempt("refused", 450, now),
    };
    let finish = Finish { claimed: claimed.clone(), attempt: Some(attempt), fate };
    store.finish(&[finish], now).await.unwrap()
}

/// Reads one line, claims its notification, marks it.
async fn in_transfer(store: &Store) -> Claimed {
    read(store, &[line("A1", "S1")], start()).await;
    let claimed = claim_one(store, start()).await;
    assert!(mark(store, &claimed).await);
    claimed
}

/// Each notification of the log as `kind state`, oldest first.
async fn log(store: &Store) -> Vec<String> {
    let filter = backorderd::store::log::LogFilter { limit: 1000, ..Default::default() };
    let entries = store.log(&filter).await.unwrap();
    entries.iter().rev().map(|entry| format!("{} {}", entry.kind.word(), entry.state.word())).collect()
}

async fn state_of(store: &Store, id: Uuid) -> &'static str {
    store.notification(id).await.unwrap().unwrap().state.word()
}

/// Each task as `kind subject`, in the order in which they came up.
async fn tasks(store: &Store) -> Vec<String> {
    store.tasks().await.unwrap().iter().map(|task| format!("{} {}", task.kind, task.subject)).collect()
}
