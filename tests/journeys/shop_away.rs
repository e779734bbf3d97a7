//! The shop's database goes away and comes back: meanwhile nothing is told, afterwards what is true then, once.

use std::path::{Path, PathBuf};

use backorderd::store::facts::fact;
use backorderd::watch::WatchError;

use crate::support::app::{ADA, TestApp};
use crate::support::shops::{Engine as ShopEngine, TestShop};
use crate::support::state::Engine;
use crate::support::wire::Wire;

/// What every engine understands.
const TABLES: &str = "
    create table order_lines (line_id varchar(20) primary key, order_id varchar(20), customer_email varchar(80),
        product_key varchar(20), product_name varchar(20), ordered_qty integer, short_qty integer,
        shipped_qty integer, expected_on varchar(20));
    create table stock (product_key varchar(20), product_name varchar(20), available integer);
    create table alternatives (product_key varchar(20), alternative_key varchar(20), \"rank\" integer);
    create table expected (product_key varchar(20), expected_on varchar(20), reason varchar(20));";

/// Between us and the shop.
enum Way {
    /// A server is reached over a wire.
    Wire(Wire),
    /// A file is there, or lies elsewhere.
    File(PathBuf),
}

impl Way {
    /// The way to a shop, and the URL by which it leads there.
    async fn to(shop: &TestShop) -> (Way, String) {
        if let Some(file) = shop.url.strip_prefix("sqlite://") {
            return (Way::File(file.into()), shop.url.clone());
        }
        let server = shop.url.split(['@', '/']).find(|part| part.contains("127.0.0.1")).unwrap();
        let wire = Wire::to(server.parse().unwrap()).await;
        let url = shop.url.replace(server, &wire.address.to_string());
        (Way::Wire(wire), url)
    }

    fn cut(&self) {
        match self {
            Way::Wire(wire) => wire.cut(),
            Way::File(file) => std::fs::rename(file, elsewhere(file)).unwrap(),
        }
    }

    fn mend(&self) {
        match self {
            Way::Wire(wire) => wire.mend(),
            Way::File(file) => std::fs::rename(elsewhere(file), file).unwrap(),
        }
    }
}

fn elsewhere(file: &Path) -> PathBuf {
    file.with_extension("elsewhere")
}

/// A line of an order of its own.
fn line(line_id: &str) -> String {
    format!(
        "insert into order_lines values ('{line_id}', 'S{line_id}', '{ADA}', 'LAMP', 'Lamp', 2, 2, 0, '2027-02-10');"
    )
}

#[tokio::test]
async fn for_an_hour_nothing_is_told_and_then_the_newest_state_of_each_line_once() {
    for engine in [ShopEngine::Sqlite, ShopEngine::Postgres, ShopEngine::MariaDb] {
        let shop = TestShop::on(engine).await;
        let quotes = if engine == ShopEngine::MariaDb { TABLES.replace('"', "`") } else { TABLES.into() };
        shop.run(&quotes).await;
        let (way, url) = Way::to(&shop).await;
        let app = TestApp::on(Engine::Sqlite, &[("orders.url", &url)]).await;
        shop.run(&["A1", "A2", "A3", "A4"].map(line).concat()).await;
        app.tick_all().await;
        assert_eq!(app.mails().len(), 4, "{engine:?}");
        let swept_at = app.store.fact_number(fact::SWEPT_AT).await.unwrap();

        way.cut();
        for _ in 0..12 {
            app.advance("5m");
            assert!(matches!(app.try_sweep().await, Err(WatchError::Shop(_))), "{engine:?}");
            app.deliver().await;
        }
        assert_eq!(app.mails().len(), 4, "{engine:?}: nobody knows anything new");
        assert_eq!(app.store.fact_number(fact::SWEPT_AT).await.unwrap(), swept_at, "the state says since when");

        way.mend();
        let meanwhile = "update order_lines set expected_on = '2027-03-01' where line_id = 'A1';
            update order_lines set expected_on = '2027-04-15' where line_id = 'A1';
            update order_lines set short_qty = 0 where line_id = 'A2';
            update order_lines set short_qty = 0, shipped_qty = 2 where line_id = 'A3';";
        shop.run(&(meanwhile.to_owned() + &line("A5"))).await;
        app.tick_all().await;
        let mut told = app.kinds().split_off(4);
        told.sort();
        assert_eq!(told, ["backordered", "date_changed", "restocked"], "{engine:?}");
        assert!(app.mails().iter().any(|mail| mail.text.contains("April 15, 2027")), "{engine:?}");
        app.tick_all().await;
        assert_eq!((app.mails().len(), app.tasks().await.len()), (7, 0), "{engine:?}: each once, and none is held");
    }
}

#[tokio::test]
async fn no_reminder_is_sent_of_what_nobody_could_look_at() {
    let shop = TestShop::on(ShopEngine::Sqlite).await;
    shop.run(TABLES).await;
    let (way, url) = Way::to(&shop).await;
    let app = TestApp::on(Engine::Sqlite, &[("orders.url", &url)]).await;
    shop.run(&["A1", "A2"].map(line).concat()).await;
    app.tick_all().await;
    way.cut();
    // Two weeks are what a reminder waits for; the expected day is past too.
    for _ in 0..40 {
        app.advance("1d");
        assert!(app.try_sweep().await.is_err());
        app.deliver().await;
    }
    assert_eq!(app.mails().len(), 2);
    way.mend();
    shop.run("update order_lines set short_qty = 0, shipped_qty = 2 where line_id = 'A1'").await;
    app.tick_all().await;
    assert_eq!(app.kinds().split_off(2), ["overdue"], "the other one has shipped");
}
