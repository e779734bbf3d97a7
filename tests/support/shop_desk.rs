//! The desk of a shop: orders are taken, stock comes in, dates move; all in its own database.

use std::path::Path;
use std::time::Duration;

use backorderd::clock::Clock;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePool, SqlitePoolOptions};
use sqlx::{AssertSqlSafe, ConnectOptions};

use super::app::ADA;

const TABLES: &str = "
    create table order_lines (
        line_id text not null, order_id text not null, customer_email text, customer_name text, locale text,
        product_key text not null, product_name text not null, ordered_qty text not null, shipped_qty text,
        cancelled_qty text, short_qty text not null, expected_on text, updated_at text,
        ordered_at text, promised_on text, ship_to_country text, delay_reason text, payment text, shipped_at text,
        refunded_at text, shop_id text, order_number text
    );
    create table stock (product_key text not null, product_name text, available text not null);
    create table alternatives (product_key text not null, alternative_key text not null, rank integer);
    create table expected (product_key text not null, expected_on text, reason text);
";

/// The shop's side of a test.
pub struct ShopDesk {
    url: String,
    pool: SqlitePool,
    clock: Clock,
}

impl ShopDesk {
    pub async fn open(folder: &Path, clock: Clock) -> ShopDesk {
        let url = format!("sqlite://{}/shop.db", folder.display());
        let options: SqliteConnectOptions = url.parse().unwrap();
        let options = options.create_if_missing(true).busy_timeout(Duration::from_secs(5)).disable_statement_logging();
        let pool = SqlitePoolOptions::new().max_connections(1).connect_with(options).await.unwrap();
        let shop = ShopDesk { url, pool, clock };
        shop.run(TABLES).await;
        shop
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    /// An order line, two lamps for Ada, both short, expected on February 10; put it in with [`NewLine::put`].
    pub fn line(&self, line_id: &str) -> NewLine<'_> {
        NewLine {
            shop: self,
            line_id: line_id.into(),
            order: "S1".into(),
            email: Some(ADA.into()),
            product: format!("Lamp {line_id}"),
            ordered: 2,
            short: 2,
            expected: Some("2027-02-10".into()),
        }
    }

    /// Puts in a line as [`ShopDesk::line`] makes it.
    pub async fn backorder(&self, line_id: &str) {
        self.line(line_id).put().await;
    }

    /// Changes a line: `set("A1", "short_qty = 0")`.
    pub async fn set(&self, line_id: &str, what: &str) {
        let now = self.clock.now();
        self.run(&format!("update order_lines set {what}, updated_at = '{now}' where line_id = '{line_id}'")).await;
    }

    /// Its expected day moves.
    pub async fn expect(&self, line_id: &str, day: &str) {
        self.set(line_id, &format!("expected_on = '{day}'")).await;
    }

    pub async fn delete(&self, line_id: &str) {
        self.run(&format!("delete from order_lines where line_id = '{line_id}'")).await;
    }

    pub async fn run(&self, statements: &str) {
        sqlx::raw_sql(AssertSqlSafe(statements)).execute(&self.pool).await.unwrap();
    }
}

/// An order line before it is in the shop's database.
pub struct NewLine<'a> {
    shop: &'a ShopDesk,
    line_id: String,
    order: String,
    email: Option<String>,
    product: String,
    ordered: u32,
    short: u32,
    expected: Option<String>,
}

impl NewLine<'_> {
    pub fn order(self, order: &str) -> Self {
        NewLine { order: order.into(), ..self }
    }

    pub fn email(self, email: Option<&str>) -> Self {
        NewLine { email: email.map(str::to_owned), ..self }
    }

    pub fn ordered(self, ordered: u32) -> Self {
        NewLine { ordered, ..self }
    }

    pub fn short(self, short: u32) -> Self {
        NewLine { short, ..self }
    }

    pub fn expected(self, day: Option<&str>) -> Self {
        NewLine { expected: day.map(str::to_owned), ..self }
    }

    pub async fn put(self) {
        let text = |value: Option<&str>| value.map_or("null".to_owned(), |value| format!("'{value}'"));
        let insert = format!(
            "insert into order_lines (line_id, order_id, customer_email, product_key, product_name, ordered_qty, short_qty, \
             expected_on, updated_at) values ('{}', '{}', {}, 'P-{}', '{}', '{}', '{}', {}, '{}')",
            self.line_id,
            self.order,
            text(self.email.as_deref()),
            self.line_id,
            self.product,
            self.ordered,
            self.short,
            text(self.expected.as_deref()),
            self.shop.clock.now(),
        );
        self.shop.run(&insert).await;
    }
}
