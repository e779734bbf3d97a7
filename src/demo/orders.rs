//! Filling the sample shop: its shelves, its customers, its orders.
//!
//! In: the samples. Out: rows. Orders are numbered on and never deleted, so that no line is taken for one that was told
//! of before.

use jiff::{Timestamp, ToSpan};
use sqlx::{query, query_scalar};

use super::sample;
use super::shop::{DemoError, Tx, today};

/// The sample orders' numbers begin here.
const FIRST_ORDER: i64 = 1001;
/// What the shop promises everybody who orders, whether it has the goods or not; in days.
const PROMISED_WITHIN: i32 = 5;

/// Puts products, stock and dates as they are on the first day, and customers.
pub(super) async fn stock_up(tx: &mut Tx<'_>, now: Timestamp) -> Result<(), DemoError> {
    let today = today(now)?;
    for product in &sample::PRODUCTS {
        query(
            "insert into products (sku, name, price_cents, on_hand, expected_on, delay_reason)
             values ($1, $2, $3, $4, $5, $6)
             on conflict (sku) do update set on_hand = $4, expected_on = $5, delay_reason = $6",
        )
        .bind(product.sku)
        .bind(product.name)
        .bind(product.price_cents)
        .bind(product.on_hand)
        .bind(product.expected_on(today).map(|day| day.to_string()))
        .bind(product.delay_reason)
        .execute(&mut **tx)
        .await?;
    }
    for product in &sample::PRODUCTS {
        for (rank, alternative) in (1i64..).zip(product.alternatives) {
            query("insert into alternatives (sku, alternative_sku, rank) values ($1, $2, $3) on conflict do nothing")
                .bind(product.sku)
                .bind(alternative)
                .bind(rank)
                .execute(&mut **tx)
                .await?;
        }
    }
    for customer in &sample::CUSTOMERS {
        query("insert into customers (id, name, email, locale, country) values ($1, $2, $3, $4, $5) on conflict do nothing")
            .bind(customer.id)
            .bind(customer.name)
            .bind(customer.email)
            .bind(customer.locale)
            .bind(customer.country)
            .execute(&mut **tx)
            .await?;
    }
    Ok(())
}

/// Takes the orders that a new shop begins with.
pub(super) async fn take_sample_orders(tx: &mut Tx<'_>, now: Timestamp) -> Result<(), DemoError> {
    for order in &sample::ORDERS {
        take_order(tx, order.customer, order.lines, now).await?;
    }
    Ok(())
}

/// Writes an order of these products and quantities.
pub(super) async fn take_order(
    tx: &mut Tx<'_>,
    customer: i64,
    lines: &[(&str, i64)],
    now: Timestamp,
) -> Result<(), DemoError> {
    let newest: Option<i64> = query_scalar("select max(id) from orders").fetch_one(&mut **tx).await?;
    let order = newest.map_or(FIRST_ORDER, |newest| newest + 1);
    query("insert into orders (id, customer_id, ordered_at) values ($1, $2, $3)")
        .bind(order)
        .bind(customer)
        .bind(now.to_string())
        .execute(&mut **tx)
        .await?;
    for (sku, quantity) in lines {
        query("insert into order_lines (order_id, sku, ordered_qty, promised_on) values ($1, $2, $3, $4)")
            .bind(order)
            .bind(sku)
            .bind(quantity)
            .bind(today(now)?.saturating_add(PROMISED_WITHIN.days()).to_string())
            .execute(&mut **tx)
            .await?;
    }
    Ok(())
}
