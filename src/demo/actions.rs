//! What can be done in the sample shop, one function each.
//!
//! In: an [`Action`] and a transaction. Out: the changed tables, and what was done in words for the diary. What cannot be
//! done is [`DemoError::Refused`], and then nothing has changed.

use jiff::{Timestamp, ToSpan, civil::Date};
use sqlx::{query, query_as, query_scalar};

use super::orders::take_order;
use super::shop::{DemoError, Tx, today};

/// The most pieces in one go: a demonstration is no warehouse.
pub const MOST_PIECES: i64 = 99;
/// Dates further away are slips of the finger.
const FURTHEST_DATE: i32 = 2 * 365;

/// What can be done in the shop. Products go by SKU, lines and customers by id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// A customer orders, whatever the stock.
    Order { customer: i64, sku: String, quantity: i64 },
    /// The pieces on the shelf for this line turn out to be damaged; lines after it lose theirs too.
    PutOnBackorder { line: i64 },
    /// The supplier names another day for a product, or (`None`) none any more.
    MoveDate { sku: String, day: Option<Date> },
    /// A delivery comes in; it fills the oldest waiting line first.
    Receive { sku: String, quantity: i64 },
    /// The shop cancels open pieces of a line, waiting ones before covered ones.
    Cancel { line: i64, quantity: i64 },
    /// All covered pieces of a line leave the house.
    Ship { line: i64 },
}

impl Action {
    /// Does it; the words say what was done.
    pub(super) async fn carry_out(&self, tx: &mut Tx<'_>, now: Timestamp) -> Result<String, DemoError> {
        match self {
            Action::Order { customer, sku, quantity } => order(tx, *customer, sku, *quantity, now).await,
            Action::PutOnBackorder { line } => put_on_backorder(tx, *line).await,
            Action::MoveDate { sku, day } => move_date(tx, sku, *day, now).await,
            Action::Receive { sku, quantity } => receive(tx, sku, *quantity).await,
            Action::Cancel { line, quantity } => cancel(tx, *line, *quantity).await,
            Action::Ship { line } => ship(tx, *line, now).await,
        }
    }

    /// Silence is on purpose, and looks like a fault if nobody says so.
    pub(super) fn why_nobody(&self) -> &'static str {
        match self {
            Action::Order { .. } => "No mail, on purpose: ordering what is in stock tells nobody.",
            Action::MoveDate { .. } => "No mail, on purpose: nobody waits for it, or the day is the one they know.",
            Action::Receive { .. } => "No mail, on purpose: nobody was waiting for it.",
            Action::Cancel { .. } => "No mail, on purpose: this line was not waiting, so nobody had been told of it.",
            Action::Ship { .. } => "No mail, on purpose: the shop itself says when it ships.",
            Action::PutOnBackorder { .. } => "",
        }
    }
}

async fn order(tx: &mut Tx<'_>, customer: i64, sku: &str, quantity: i64, now: Timestamp) -> Result<String, DemoError> {
    let pieces = pieces(quantity)?;
    let name: Option<String> =
        query_scalar("select name from customers where id = $1").bind(customer).fetch_optional(&mut **tx).await?;
    let name = name.ok_or_else(|| refused("This customer is not known here."))?;
    let product = product_name(tx, sku).await?;
    take_order(tx, customer, &[(sku, pieces)], now).await?;
    Ok(format!("{name} ordered {pieces} × {product}."))
}

async fn put_on_backorder(tx: &mut Tx<'_>, line: i64) -> Result<String, DemoError> {
    let line = open_line(tx, line).await?;
    if line.covered() == 0 {
        return Err(refused("No piece on the shelf is meant for this line: all of it waits already."));
    }
    // What the older lines of this product need may stay on the shelf.
    query(
        "update products set on_hand = min(on_hand, coalesce(
             (select sum(open_qty) from coverage where sku = $1 and line_id < $2), 0))
         where sku = $1",
    )
    .bind(&line.sku)
    .bind(line.id)
    .execute(&mut **tx)
    .await?;
    Ok(format!("{} for order {} turned out to be damaged.", line.product, line.order))
}

async fn move_date(tx: &mut Tx<'_>, sku: &str, day: Option<Date>, now: Timestamp) -> Result<String, DemoError> {
    let product = product_name(tx, sku).await?;
    let today = today(now)?;
    if day.is_some_and(|day| day < today || day > today.saturating_add(FURTHEST_DATE.days())) {
        return Err(refused("Choose a day from today on, within two years."));
    }
    // A reason belongs to the delivery that it was given for; a supplier with a date needs none.
    query("update products set expected_on = $2, delay_reason = iif($2 is null, delay_reason, null) where sku = $1")
        .bind(sku)
        .bind(day.map(|day| day.to_string()))
        .execute(&mut **tx)
        .await?;
    Ok(match day {
        Some(day) => format!("{product} is now expected on {}.", written(day)),
        None => format!("Nobody knows any more when {product} comes in."),
    })
}

async fn receive(tx: &mut Tx<'_>, sku: &str, quantity: i64) -> Result<String, DemoError> {
    let pieces = pieces(quantity)?;
    let product = product_name(tx, sku).await?;
    query("update products set on_hand = on_hand + $2 where sku = $1")
        .bind(sku)
        .bind(pieces)
        .execute(&mut **tx)
        .await?;
    Ok(format!("{pieces} × {product} came in; the oldest order is served first."))
}

async fn cancel(tx: &mut Tx<'_>, line: i64, quantity: i64) -> Result<String, DemoError> {
    let line = open_line(tx, line).await?;
    if !(1..=line.open).contains(&quantity) {
        return Err(refused(format!("Between 1 and {} pieces of this line can be cancelled.", line.open)));
    }
    query("update order_lines set cancelled_qty = cancelled_qty + $2 where id = $1")
        .bind(line.id)
        .bind(quantity)
        .execute(&mut **tx)
        .await?;
    Ok(format!("The shop cancelled {quantity} × {} of order {}.", line.product, line.order))
}

async fn ship(tx: &mut Tx<'_>, line: i64, now: Timestamp) -> Result<String, DemoError> {
    let line = open_line(tx, line).await?;
    let pieces = line.covered();
    if pieces == 0 {
        return Err(refused("There is nothing to ship: all of this line waits for stock."));
    }
    query("update products set on_hand = on_hand - $2 where sku = $1")
        .bind(&line.sku)
        .bind(pieces)
        .execute(&mut **tx)
        .await?;
    query("update order_lines set shipped_qty = shipped_qty + $2, shipped_at = $3 where id = $1")
        .bind(line.id)
        .bind(pieces)
        .bind(now.to_string())
        .execute(&mut **tx)
        .await?;
    Ok(format!("{pieces} × {} of order {} left the house.", line.product, line.order))
}

/// A line of which something is open.
struct OpenLine {
    id: i64,
    order: i64,
    sku: String,
    product: String,
    open: i64,
    short: i64,
}

impl OpenLine {
    /// The open pieces that lie on the shelf.
    fn covered(&self) -> i64 {
        self.open - self.short
    }
}

async fn open_line(tx: &mut Tx<'_>, id: i64) -> Result<OpenLine, DemoError> {
    let found: Option<(i64, String, String, i64, i64)> = query_as(
        "select l.order_id, l.sku, p.name, v.open_qty, v.short_qty
         from order_lines l join coverage v on v.line_id = l.id join products p on p.sku = l.sku
         where l.id = $1 and v.open_qty > 0",
    )
    .bind(id)
    .fetch_optional(&mut **tx)
    .await?;
    let (order, sku, product, open, short) = found.ok_or_else(|| refused("Nothing of this line is open any more."))?;
    Ok(OpenLine { id, order, sku, product, open, short })
}

async fn product_name(tx: &mut Tx<'_>, sku: &str) -> Result<String, DemoError> {
    let name: Option<String> =
        query_scalar("select name from products where sku = $1").bind(sku).fetch_optional(&mut **tx).await?;
    name.ok_or_else(|| refused("The shop does not sell this."))
}

fn pieces(quantity: i64) -> Result<i64, DemoError> {
    match (1..=MOST_PIECES).contains(&quantity) {
        true => Ok(quantity),
        false => Err(refused(format!("Between 1 and {MOST_PIECES} pieces at once, please."))),
    }
}

fn refused(words: impl Into<String>) -> DemoError {
    DemoError::Refused(words.into())
}

/// A day as the page writes it.
pub(super) fn written(day: Date) -> String {
    day.strftime("%b %-d, %Y").to_string()
}
