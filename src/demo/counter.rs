//! The sample shop as its page shows it: the shelf, the orders, and what was done last.
//!
//! In: the shop's tables. Out: [`Counter`], all of one moment, worded for people.

use jiff::civil::Date;
use sqlx::query_as;

use super::actions::written;
use super::shop::{DemoError, DemoShop};

/// Orders that the page shows, newest first.
const MOST_ORDERS: i64 = 20;

/// Everything on the counter.
#[derive(Debug)]
pub(super) struct Counter {
    pub products: Vec<Product>,
    pub customers: Vec<Customer>,
    pub orders: Vec<Order>,
    pub last: Option<Entry>,
}

#[derive(Debug)]
pub(super) struct Product {
    pub sku: String,
    pub name: String,
    pub price: String,
    pub on_hand: i64,
    /// On hand and promised to nobody.
    pub free: i64,
    /// Pieces that customers wait for.
    pub waiting: i64,
    pub expected_on: Option<Date>,
}

#[derive(Debug)]
pub(super) struct Customer {
    pub id: i64,
    pub name: String,
    pub locale: String,
}

#[derive(Debug)]
pub(super) struct Order {
    pub id: i64,
    pub customer: String,
    pub locale: String,
    pub lines: Vec<Line>,
}

#[derive(Debug)]
pub(super) struct Line {
    pub id: i64,
    pub product: String,
    pub ordered: i64,
    pub shipped: i64,
    pub cancelled: i64,
    pub open: i64,
    pub short: i64,
    pub expected_on: Option<Date>,
    pub answer: Option<String>,
}

/// What was done last, and who hears of it.
#[derive(Debug)]
pub(super) struct Entry {
    pub done: String,
    /// Empty: nobody.
    pub told: String,
    pub why_nobody: String,
}

impl DemoShop {
    /// Everything that the page shows.
    pub(super) async fn counter(&self) -> Result<Counter, DemoError> {
        let mut tx = self.pool.begin().await?;
        let last: Option<(String, String, String)> =
            query_as("select done, told, why_nobody from diary order by id desc limit 1")
                .fetch_optional(&mut *tx)
                .await?;
        let customers: Vec<(i64, String, String)> =
            query_as("select id, name, locale from customers order by id").fetch_all(&mut *tx).await?;
        let products: Vec<ProductRow> = query_as(
            "select p.sku, p.name, p.price_cents, p.on_hand, coalesce(sum(v.open_qty), 0),
                    coalesce(sum(v.short_qty), 0), p.expected_on
             from products p left join coverage v on v.sku = p.sku
             group by p.sku order by p.rowid",
        )
        .fetch_all(&mut *tx)
        .await?;
        let orders: Vec<(i64, String, String)> = query_as(
            "select o.id, c.name, c.locale from orders o join customers c on c.id = o.customer_id
             where o.put_away = 0 order by o.id desc limit $1",
        )
        .bind(MOST_ORDERS)
        .fetch_all(&mut *tx)
        .await?;
        let oldest = orders.last().map_or(0, |(id, ..)| *id);
        let lines: Vec<LineRow> = query_as(
            "select l.order_id, l.id, p.name, l.ordered_qty, l.shipped_qty, l.cancelled_qty, v.open_qty,
                    v.short_qty, p.expected_on, l.answer
             from order_lines l join coverage v on v.line_id = l.id join products p on p.sku = l.sku
             where l.order_id >= $1 order by l.id",
        )
        .bind(oldest)
        .fetch_all(&mut *tx)
        .await?;
        let lines = lines.into_iter().map(line).collect::<Result<Vec<_>, DemoError>>()?;
        Ok(Counter {
            products: products.into_iter().map(product).collect::<Result<_, _>>()?,
            customers: customers.into_iter().map(|(id, name, locale)| Customer { id, name, locale }).collect(),
            orders: with_lines(orders, lines),
            last: last.map(|(done, told, why_nobody)| Entry { done, told, why_nobody }),
        })
    }
}

impl Line {
    /// Where it stands: the word and, for the style sheet, the class.
    pub fn status(&self) -> (&'static str, &'static str) {
        match self {
            Line { open: 0, shipped: 1.., .. } => ("shipped", "done"),
            Line { open: 0, .. } => ("cancelled", "cancelled"),
            Line { short: 1.., .. } => ("on backorder", "backordered"),
            _ => ("ready", "ready"),
        }
    }

    /// The open pieces that can leave now.
    pub fn covered(&self) -> i64 {
        self.open - self.short
    }

    /// Everything about the quantities that the status does not say; empty: nothing.
    pub fn details(&self) -> String {
        let mut parts = Vec::new();
        if self.short > 0 && self.short < self.ordered {
            parts.push(format!("{} short", self.short));
        }
        if self.shipped > 0 && self.shipped < self.ordered {
            parts.push(format!("{} shipped", self.shipped));
        }
        if self.cancelled > 0 && self.cancelled < self.ordered {
            parts.push(format!("{} cancelled", self.cancelled));
        }
        if self.short > 0 {
            parts.push(self.expected_on.map_or("no date known".into(), |day| format!("expected {}", written(day))));
        }
        parts.join(", ")
    }
}

type ProductRow = (String, String, i64, i64, i64, i64, Option<String>);
type LineRow = (i64, i64, String, i64, i64, i64, i64, i64, Option<String>, Option<String>);

fn product(row: ProductRow) -> Result<Product, DemoError> {
    let (sku, name, cents, on_hand, open, waiting, expected_on) = row;
    Ok(Product {
        sku,
        name,
        price: format!("${}.{:02}", cents / 100, cents % 100),
        on_hand,
        free: (on_hand - open).max(0),
        waiting,
        expected_on: date(expected_on)?,
    })
}

/// A line, with its order.
fn line(row: LineRow) -> Result<(i64, Line), DemoError> {
    let (order, id, product, ordered, shipped, cancelled, open, short, expected_on, answer) = row;
    let expected_on = date(expected_on)?;
    Ok((order, Line { id, product, ordered, shipped, cancelled, open, short, expected_on, answer }))
}

fn with_lines(orders: Vec<(i64, String, String)>, lines: Vec<(i64, Line)>) -> Vec<Order> {
    let mut orders: Vec<Order> =
        orders.into_iter().map(|(id, customer, locale)| Order { id, customer, locale, lines: Vec::new() }).collect();
    for (order, line) in lines {
        if let Some(order) = orders.iter_mut().find(|known| known.id == order) {
            order.lines.push(line);
        }
    }
    orders
}

fn date(text: Option<String>) -> Result<Option<Date>, DemoError> {
    Ok(text.map(|text| text.parse()).transpose()?)
}
