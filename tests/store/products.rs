//! What the feeds say of products: expected dates, stock, alternatives.

use std::collections::BTreeSet;

use backorderd::shop::stock::{Alternative, Expected, Stock};
use backorderd::store::Store;
use backorderd::store::feeds::{Word, ranked};
use rust_decimal::Decimal;

use super::{later, start};
use crate::support::state::State;

fn word(product_key: &str, day: Option<&str>) -> Expected {
    Expected {
        product_key: product_key.into(),
        expected_on: day.map(|day| day.parse().unwrap()),
        reason: day.map(|_| "a ship".into()),
    }
}

async fn day(store: &Store, product_key: &str) -> Option<Option<String>> {
    let words = store.expected_dates().await.unwrap();
    words.get(product_key).map(|word: &Word| word.expected_on.map(|day| day.to_string()))
}

fn known(day: &str) -> Option<Option<String>> {
    Some(Some(day.into()))
}

#[tokio::test]
async fn the_newest_word_about_a_products_arrival_wins() {
    for state in State::on_each_engine() {
        let State { store, .. } = &state.await;
        let feed = |day: &str| [word("LAMP", Some(day))];
        store.record_expected(&feed("2027-02-01"), start(), false).await.unwrap();
        assert_eq!(day(store, "LAMP").await, known("2027-02-01"));
        store.import_dates(&[word("LAMP", Some("2027-03-01"))], later(10)).await.unwrap();
        assert_eq!(day(store, "LAMP").await, known("2027-03-01"));
        store.record_expected(&feed("2027-02-01"), later(20), false).await.unwrap();
        assert_eq!(day(store, "LAMP").await, known("2027-03-01"), "the feed says nothing new");
        store.record_expected(&feed("2027-04-01"), later(30), false).await.unwrap();
        assert_eq!(day(store, "LAMP").await, known("2027-04-01"));
        store.import_dates(&[word("LAMP", Some("2027-03-01"))], later(40)).await.unwrap();
        assert_eq!(day(store, "LAMP").await, known("2027-03-01"), "imported again is said again");
        store.import_dates(&[word("LAMP", None)], later(50)).await.unwrap();
        assert_eq!(day(store, "LAMP").await, Some(None), "nobody knows, and that is the newest word");
    }
}

#[tokio::test]
async fn what_the_feed_says_no_more_is_forgotten_and_what_was_imported_is_not() {
    for state in State::on_each_engine() {
        let State { store, .. } = &state.await;
        store.import_dates(&[word("LAMP", Some("2027-03-01"))], start()).await.unwrap();
        let both = [word("LAMP", Some("2027-02-01")), word("TENT", Some("2027-02-02"))];
        let words = store.record_expected(&both, later(10), false).await.unwrap();
        assert_eq!(words.len(), 2);
        assert_eq!(words["TENT"].reason.as_deref(), Some("a ship"));
        store.record_expected(&[], later(20), false).await.unwrap();
        assert_eq!(day(store, "LAMP").await, known("2027-03-01"));
        assert_eq!(day(store, "TENT").await, None);
    }
}

#[tokio::test]
async fn of_a_product_that_is_named_twice_the_last_word_counts() {
    for state in State::on_each_engine() {
        let State { store, .. } = &state.await;
        let twice = [word("LAMP", Some("2027-02-01")), word("LAMP", Some("2027-02-02"))];
        store.record_expected(&twice, start(), false).await.unwrap();
        assert_eq!(day(store, "LAMP").await, known("2027-02-02"));
    }
}

#[tokio::test]
async fn a_rehearsal_of_expected_dates_keeps_nothing() {
    for state in State::on_each_engine() {
        let State { store, .. } = &state.await;
        let words = store.record_expected(&[word("LAMP", Some("2027-02-01"))], start(), true).await.unwrap();
        assert_eq!(words.len(), 1);
        assert_eq!(day(store, "LAMP").await, None);
    }
}

fn stock(product_key: &str, available: i64) -> Stock {
    Stock {
        product_key: product_key.into(),
        sku: None,
        product_name: Some(format!("The {product_key}")),
        product_url: None,
        image_url: None,
        price: Some(Decimal::new(1250, 2)),
        currency: Some("USD".into()),
        available: available.into(),
        expected_on: None,
    }
}

async fn record_stock(store: &Store, products: &[Stock]) {
    let mut mirror = store.stock_mirror().await.unwrap();
    products.iter().for_each(|product| mirror.see(&product.product_key, product).unwrap());
    store.record_mirror(mirror).await.unwrap();
}

async fn record_alternatives(store: &Store, alternatives: &[(&str, &str, Option<i64>)]) {
    let rows: Vec<Alternative> = alternatives
        .iter()
        .map(|(product, alternative, rank)| Alternative {
            product_key: (*product).into(),
            alternative_key: (*alternative).into(),
            rank: rank.map(Decimal::from),
        })
        .collect();
    let mut mirror = store.alternatives_mirror().await.unwrap();
    ranked(&rows).into_iter().for_each(|(product, keys)| mirror.see(product, &keys).unwrap());
    store.record_mirror(mirror).await.unwrap();
}

async fn offers(store: &Store, product_key: &str) -> Vec<String> {
    let offers = store.offers(&BTreeSet::from([product_key.to_owned()])).await.unwrap();
    offers.get(product_key).into_iter().flatten().map(|stock| stock.product_key.clone()).collect()
}

#[tokio::test]
async fn alternatives_in_stock_are_offered_best_first() {
    for state in State::on_each_engine() {
        let State { store, .. } = &state.await;
        record_stock(store, &[stock("A", 5), stock("B", 0), stock("C", 1), stock("D", -2), stock("E", 9)]).await;
        let ranks = [("LAMP", "E", None), ("LAMP", "A", Some(10)), ("LAMP", "B", Some(1)), ("LAMP", "C", Some(2))];
        record_alternatives(store, &ranks).await;
        assert_eq!(offers(store, "LAMP").await, ["C", "A", "E"]);
        assert_eq!(offers(store, "TENT").await, [""; 0]);

        record_stock(store, &[stock("A", 5), stock("B", 3)]).await;
        assert_eq!(offers(store, "LAMP").await, ["B", "A"], "what the feed holds no more is not offered");
        record_alternatives(store, &[("LAMP", "A", None)]).await;
        assert_eq!(offers(store, "LAMP").await, ["A"]);
        record_alternatives(store, &[]).await;
        assert_eq!(offers(store, "LAMP").await, [""; 0]);
    }
}

#[tokio::test]
async fn of_a_product_that_the_stock_feed_names_twice_the_first_row_counts() {
    for state in State::on_each_engine() {
        let State { store, .. } = &state.await;
        record_alternatives(store, &[("LAMP", "A", None)]).await;
        for _ in 0..2 {
            record_stock(store, &[stock("A", 5), stock("A", 0)]).await;
            assert_eq!(offers(store, "LAMP").await, ["A"]);
        }
    }
}
