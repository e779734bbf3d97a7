//! The queries that read the shop's database: a shipped mapping, or the operator's own.
//!
//! In: `[orders]` and `[shop]`. Out: [`Feeds`], the texts of the queries, in which `:shop_url` and `:time_zone` have
//! become SQL literals. An unknown mapping, one for another database, or an unreadable file is an error with the mend.

use std::fmt;
use std::path::Path;

use super::engine::Engine;
use super::error::ShopError;
use crate::settings::orders::{OrdersSettings, Query};
use crate::settings::shop::ShopSettings;

/// The four things that are read from the shop's database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Feed {
    Lines,
    Stock,
    Alternatives,
    Expected,
}

impl Feed {
    /// The name in the settings, in `check` and for staff.
    pub fn as_str(self) -> &'static str {
        match self {
            Feed::Lines => "lines",
            Feed::Stock => "stock",
            Feed::Alternatives => "alternatives",
            Feed::Expected => "expected",
        }
    }
}

impl fmt::Display for Feed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// The SQL text of each feed; a feed that is absent has no rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Feeds {
    pub lines: String,
    pub stock: Option<String>,
    pub alternatives: Option<String>,
    pub expected: Option<String>,
}

impl Feeds {
    /// The feeds that the settings name.
    pub fn load(orders: &OrdersSettings, shop: &ShopSettings) -> Result<Feeds, ShopError> {
        let feeds = match orders.mapping.as_str() {
            "custom" => Feeds::custom(orders)?,
            name => Feeds::shipped(name, Engine::of(&orders.url)?)?,
        };
        feeds.filled_in(shop)
    }

    pub(super) fn query(&self, feed: Feed) -> Option<&str> {
        match feed {
            Feed::Lines => Some(&self.lines),
            Feed::Stock => self.stock.as_deref(),
            Feed::Alternatives => self.alternatives.as_deref(),
            Feed::Expected => self.expected.as_deref(),
        }
    }

    fn shipped(name: &str, engine: Engine) -> Result<Feeds, ShopError> {
        let Some(mapping) = SHIPPED.iter().find(|mapping| mapping.name == name) else {
            let names: Vec<&str> = mappings().collect();
            return Err(ShopError::Settings(format!(
                "[orders] mapping \"{name}\" is unknown; write one of {}, or \"custom\" with [orders.queries]",
                names.join(", ")
            )));
        };
        if mapping.engine != engine {
            return Err(ShopError::Settings(format!(
                "[orders] mapping \"{name}\" is written for {}, and [orders] url names a {engine} database; \
                 let both speak of the same database, or write mapping = \"custom\"",
                mapping.engine
            )));
        }
        let owned = |text: Option<&str>| text.map(String::from);
        Ok(Feeds {
            lines: mapping.lines.to_string(),
            stock: owned(mapping.stock),
            alternatives: owned(mapping.alternatives),
            expected: None,
        })
    }

    fn custom(orders: &OrdersSettings) -> Result<Feeds, ShopError> {
        let Some(queries) = &orders.queries else {
            return Err(ShopError::Settings(
                "[orders] mapping = \"custom\" needs [orders.queries]; write at least `lines` there".into(),
            ));
        };
        let optional = |feed: Feed, query: &Option<Query>| query.as_ref().map(|query| text_of(feed, query)).transpose();
        Ok(Feeds {
            lines: text_of(Feed::Lines, &queries.lines)?,
            stock: optional(Feed::Stock, &queries.stock)?,
            alternatives: optional(Feed::Alternatives, &queries.alternatives)?,
            expected: optional(Feed::Expected, &queries.expected)?,
        })
    }

    /// Puts the shop's URL and zone in. Values that would need escaping, which differs by database, are refused instead.
    fn filled_in(self, shop: &ShopSettings) -> Result<Feeds, ShopError> {
        let url = shop.url.trim_end_matches('/');
        if url.contains(|letter: char| letter.is_control() || letter == '\'' || letter == '\\') {
            return Err(ShopError::Settings(
                "[shop] url holds a quote, a backslash or a control character; write it as https://shop.example".into(),
            ));
        }
        let zone = shop.time_zone.iana_name().unwrap_or("UTC");
        let fill =
            |text: String| text.replace(":shop_url", &format!("'{url}'")).replace(":time_zone", &format!("'{zone}'"));
        Ok(Feeds {
            lines: fill(self.lines),
            stock: self.stock.map(fill),
            alternatives: self.alternatives.map(fill),
            expected: self.expected.map(fill),
        })
    }
}

fn text_of(feed: Feed, query: &Query) -> Result<String, ShopError> {
    let text = match query {
        Query::Text(text) => text.clone(),
        Query::File { file } => read(feed, file)?,
    };
    if text.trim().is_empty() {
        return Err(ShopError::Settings(format!("[orders.queries] {feed} is empty; write a select, or leave it out")));
    }
    Ok(text)
}

fn read(feed: Feed, file: &Path) -> Result<String, ShopError> {
    std::fs::read_to_string(file).map_err(|error| {
        ShopError::Settings(format!(
            "[orders.queries] {feed}: the file {} cannot be read: {error}; mend the path or its permissions",
            file.display()
        ))
    })
}

/// The names of the mappings that come with the program.
pub fn mappings() -> impl Iterator<Item = &'static str> {
    SHIPPED.iter().map(|mapping| mapping.name)
}

/// A mapping that comes with the program; the README in its folder says what is tested.
struct Mapping {
    name: &'static str,
    engine: Engine,
    lines: &'static str,
    stock: Option<&'static str>,
    alternatives: Option<&'static str>,
}

/// A folder of `mappings/` that holds all queries but `expected`, which no platform has a table for.
macro_rules! shipped {
    ($name:literal, $engine:expr) => {
        Mapping {
            name: $name,
            engine: $engine,
            lines: include_str!(concat!("../../mappings/", $name, "/lines.sql")),
            stock: Some(include_str!(concat!("../../mappings/", $name, "/stock.sql"))),
            alternatives: Some(include_str!(concat!("../../mappings/", $name, "/alternatives.sql"))),
        }
    };
}

const SHIPPED: &[Mapping] = &[
    shipped!("odoo-18", Engine::Postgres),
    shipped!("vendure", Engine::Postgres),
    shipped!("tryton", Engine::Postgres),
    // Medusa knows no alternatives.
    Mapping {
        name: "medusa",
        engine: Engine::Postgres,
        lines: include_str!("../../mappings/medusa/lines.sql"),
        stock: Some(include_str!("../../mappings/medusa/stock.sql")),
        alternatives: None,
    },
    shipped!("oscar", Engine::Postgres),
    shipped!("woocommerce", Engine::MySql),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_folder_of_mappings_is_shipped_under_its_name() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/mappings");
        let entries = std::fs::read_dir(folder).expect("the folder of the mappings").map(|entry| entry.expect("one"));
        let mut folders: Vec<String> = entries
            .filter(|entry| entry.path().is_dir())
            .map(|entry| entry.file_name().to_string_lossy().into_owned())
            .collect();
        folders.sort_unstable();
        let mut names: Vec<&str> = mappings().collect();
        names.sort_unstable();
        assert_eq!(folders, names);
    }
}
