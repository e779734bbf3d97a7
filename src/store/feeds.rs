//! What the feeds say of products: stock, alternatives, and expected dates with the time of their word.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::LazyLock;

use jiff::{Timestamp, civil::Date};
use serde::Serialize;

use super::dialect::{Tx, batch, sql, values};
use super::lines::content_hash;
use super::{Store, StoreError};
use crate::shop::stock::{Alternative, Expected, Stock};

/// Where a word about an expected date comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The shop's `expected` feed.
    Feed,
    /// The supplier's list, by `dates import`.
    Import,
}

impl Source {
    fn word(self) -> &'static str {
        match self {
            Source::Feed => "feed",
            Source::Import => "import",
        }
    }
}

/// What is known of a product's next arrival.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    pub expected_on: Option<Date>,
    pub reason: Option<String>,
}

#[derive(Serialize)]
struct DateRow<'a> {
    product_key: &'a str,
    expected_on: Option<String>,
    reason: Option<&'a str>,
}

#[derive(Debug, Serialize)]
struct ContentRow {
    product_key: String,
    content_hash: i64,
    content: String,
}

/// A feed of products against what is recorded of it; holds what changed, and no more.
#[derive(Debug)]
pub struct Mirror {
    table: &'static Table,
    /// What is recorded and was not seen yet.
    known: HashMap<String, i64>,
    seen: HashSet<String>,
    changed: Vec<ContentRow>,
}

impl Mirror {
    /// Takes in a product's content; the first of one key counts.
    pub fn see(&mut self, product_key: &str, content: &impl Serialize) -> Result<(), StoreError> {
        if !self.seen.insert(product_key.to_owned()) {
            return Ok(());
        }
        let content = serde_json::to_string(content)?;
        let content_hash = content_hash(content.as_bytes());
        if self.known.remove(product_key) != Some(content_hash) {
            self.changed.push(ContentRow { product_key: product_key.to_owned(), content_hash, content });
        }
        Ok(())
    }
}

/// The alternatives of each product in the order of their rank, as they are recorded.
pub fn ranked(alternatives: &[Alternative]) -> HashMap<&str, Vec<&str>> {
    let mut lists: HashMap<&str, BTreeSet<_>> = HashMap::new();
    for alternative in alternatives {
        let list = lists.entry(&alternative.product_key).or_default();
        // Without a rank it comes last.
        list.insert((alternative.rank.is_none(), alternative.rank, &*alternative.alternative_key));
    }
    lists.into_iter().map(|(product, list)| (product, list.into_iter().map(|(_, _, key)| key).collect())).collect()
}

#[derive(Serialize)]
struct Key<'a> {
    product_key: &'a str,
}

impl Store {
    /// Records imported dates; a product's newer word replaces its older one.
    pub async fn import_dates(&self, dates: &[Expected], now: Timestamp) -> Result<(), StoreError> {
        let mut tx = self.write().await?;
        record_dates(&mut tx, Source::Import, dates, now).await?;
        tx.commit().await
    }

    /// Records the whole `expected` feed: what it says anew is a word of `now`, what it says no more is forgotten. Returns
    /// the newest word about each product; in a rehearsal, nothing is kept.
    pub async fn record_expected(
        &self,
        dates: &[Expected],
        now: Timestamp,
        rehearsal: bool,
    ) -> Result<HashMap<String, Word>, StoreError> {
        let mut tx = self.write().await?;
        record_dates(&mut tx, Source::Feed, dates, now).await?;
        let keys: Vec<Key> = dates.iter().map(|date| Key { product_key: &date.product_key }).collect();
        let forget = sql!("delete from expected_dates where source = 'feed' and product_key not in (select product_key from "
            rows(product_key text) ")");
        tx.execute(forget, vec![batch(&keys)?]).await?;
        let words = newest_words(&mut tx).await?;
        if !rehearsal {
            tx.commit().await?;
        }
        Ok(words)
    }

    /// The newest word about each product.
    pub async fn expected_dates(&self) -> Result<HashMap<String, Word>, StoreError> {
        newest_words(&mut self.read().await?).await
    }

    /// What is recorded of the stock, to compare a whole `stock` feed with.
    pub async fn stock_mirror(&self) -> Result<Mirror, StoreError> {
        self.mirror(&STOCK).await
    }

    /// What is recorded of the alternatives, to compare a whole `alternatives` feed with.
    pub async fn alternatives_mirror(&self) -> Result<Mirror, StoreError> {
        self.mirror(&ALTERNATIVES).await
    }

    async fn mirror(&self, table: &'static Table) -> Result<Mirror, StoreError> {
        let mut mirror = Mirror { table, known: HashMap::new(), seen: HashSet::new(), changed: Vec::new() };
        self.db
            .each(table.all, values![], |row| {
                mirror.known.insert(row.text("product_key")?, row.int("content_hash")?);
                Ok(())
            })
            .await?;
        Ok(mirror)
    }

    /// Records what a whole feed changed; what it holds no more is forgotten.
    pub async fn record_mirror(&self, mirror: Mirror) -> Result<(), StoreError> {
        let gone: Vec<Key> = mirror.known.keys().map(|product_key| Key { product_key }).collect();
        if mirror.changed.is_empty() && gone.is_empty() {
            return Ok(());
        }
        let mut tx = self.write().await?;
        for rows in mirror.changed.chunks(1000) {
            tx.execute(mirror.table.upsert, vec![batch(rows)?]).await?;
        }
        for keys in gone.chunks(1000) {
            tx.execute(mirror.table.delete, vec![batch(keys)?]).await?;
        }
        tx.commit().await
    }

    /// For each of `products` the alternatives that are in stock, best first.
    pub async fn offers(&self, products: &BTreeSet<String>) -> Result<HashMap<String, Vec<Stock>>, StoreError> {
        let mut tx = self.read().await?;
        let lists = sql!("select a.product_key, a.content from " rows(product_key text)
            " join alternatives a on a.product_key = x.product_key");
        let keys: Vec<Key> = products.iter().map(|product_key| Key { product_key }).collect();
        let mut wanted: Vec<(String, Vec<String>)> = Vec::new();
        for row in tx.rows(lists, vec![batch(&keys)?]).await? {
            wanted.push((row.text("product_key")?, row.json("content")?));
        }
        let keys: BTreeSet<&String> = wanted.iter().flat_map(|(_, keys)| keys).collect();
        let keys: Vec<Key> = keys.into_iter().map(|product_key| Key { product_key }).collect();
        let mut stock = HashMap::new();
        let in_stock = sql!("select s.product_key, s.content from " rows(product_key text)
            " join stock s on s.product_key = x.product_key");
        for row in tx.rows(in_stock, vec![batch(&keys)?]).await? {
            let content: Stock = row.json("content")?;
            if content.available > rust_decimal::Decimal::ZERO {
                stock.insert(row.text("product_key")?, content);
            }
        }
        let offers = |keys: Vec<String>| keys.iter().filter_map(|key| stock.get(key).cloned()).collect();
        Ok(wanted.into_iter().map(|(product, keys)| (product, offers(keys))).collect())
    }
}

/// The statements of a table that mirrors a feed.
#[derive(Debug)]
struct Table {
    all: super::dialect::Sql,
    upsert: super::dialect::Sql,
    delete: super::dialect::Sql,
}

macro_rules! mirror {
    ($table:literal) => {
        Table {
            all: sql!("select product_key, content_hash from " $table),
            upsert: sql!("insert into " $table " (product_key, content_hash, content) select x.product_key, x.content_hash, x.content from "
                rows(product_key text, content_hash bigint, content text) " where true on conflict (product_key) "
                "do update set content_hash = excluded.content_hash, content = excluded.content"),
            delete: sql!("delete from " $table " where product_key in (select product_key from " rows(product_key text) ")"),
        }
    };
}

static STOCK: LazyLock<Table> = LazyLock::new(|| mirror!("stock"));
static ALTERNATIVES: LazyLock<Table> = LazyLock::new(|| mirror!("alternatives"));

async fn record_dates(tx: &mut Tx, source: Source, dates: &[Expected], now: Timestamp) -> Result<(), StoreError> {
    for dates in dates.chunks(1000) {
        // A product named twice in one list: the last word of it counts.
        let rows: HashMap<&str, DateRow> = dates.iter().map(|date| (&*date.product_key, date_row(date))).collect();
        let upsert = sql!("insert into expected_dates (source, product_key, expected_on, reason, said_at) "
            "select $2, x.product_key, x.expected_on, x.reason, $3 from " rows(product_key text, expected_on text, reason text)
            " where true on conflict (source, product_key) do update set expected_on = excluded.expected_on, "
            "reason = excluded.reason, said_at = excluded.said_at "
            "where $2 = 'import' or expected_dates.expected_on is distinct from excluded.expected_on "
            "or expected_dates.reason is distinct from excluded.reason");
        tx.execute(upsert, vec![batch(&rows.values().collect::<Vec<_>>())?, source.word().into(), now.into()]).await?;
    }
    Ok(())
}

async fn newest_words(tx: &mut Tx) -> Result<HashMap<String, Word>, StoreError> {
    let mut words = HashMap::new();
    let all = sql!("select product_key, expected_on, reason from expected_dates order by said_at, source desc");
    tx.each(all, values![], |row| {
        let expected_on = row.maybe_text("expected_on")?.and_then(|day| day.parse().ok());
        words.insert(row.text("product_key")?, Word { expected_on, reason: row.maybe_text("reason")? });
        Ok(())
    })
    .await?;
    Ok(words)
}

fn date_row(date: &Expected) -> DateRow<'_> {
    DateRow {
        product_key: &date.product_key,
        expected_on: date.expected_on.map(|day| day.to_string()),
        reason: date.reason.as_deref(),
    }
}
