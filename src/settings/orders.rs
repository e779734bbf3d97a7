//! `[orders]` and `[choices]`: the shop's database, what is read from it and how answers go back.

use std::path::PathBuf;

use super::database::{self, Login};
use super::duration::Span;
use super::nearest::nearest;
use super::receiver::ReceiverSettings;
use super::secret::Secret;
use super::section::Section;
use crate::shop::{answers, mappings};

const DEFAULT_MAPPING: &str = "odoo-18";

/// The mapping whose queries stand in the settings.
pub const CUSTOM: &str = "custom";

/// `[orders]`.
#[derive(Clone, Debug)]
pub struct OrdersSettings {
    pub url: String,
    pub password: Option<Secret>,
    /// One of [`mappings`], or [`CUSTOM`].
    pub mapping: String,
    pub poll_every: Span,
    pub sweep_every: Span,
    pub statement_timeout: Span,
    pub first_sweep: FirstSweep,
    /// There with, and only with, the mapping [`CUSTOM`].
    pub queries: Option<QuerySettings>,
}

/// What the very first sweep makes of lines that are already on backorder.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FirstSweep {
    #[default]
    Baseline,
    Notify,
}

/// `[orders.queries]`, with `mapping = "custom"`.
#[derive(Clone, Debug)]
pub struct QuerySettings {
    pub lines: Query,
    pub stock: Option<Query>,
    pub alternatives: Option<Query>,
    pub expected: Option<Query>,
}

/// A query, written in place or kept in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Query {
    Text(String),
    /// Could be read and was not empty when the settings were loaded.
    File {
        file: PathBuf,
    },
}

/// `[choices]`.
#[derive(Clone, Debug)]
pub struct ChoiceSettings {
    /// `hook_url` and `hook_secret`.
    pub hook: Option<ReceiverSettings>,
    pub confirm_within: Span,
    /// Another login for the statements; `None`: that of `[orders]`.
    pub url: Option<String>,
    pub password: Option<Secret>,
    pub sql: ChoiceStatements,
}

/// `[choices.sql]`.
#[derive(Clone, Debug, Default)]
pub struct ChoiceStatements {
    pub cancel: Option<String>,
    pub wait: Option<String>,
}

impl Default for ChoiceSettings {
    fn default() -> ChoiceSettings {
        ChoiceSettings {
            hook: None,
            confirm_within: Span::days(2),
            url: None,
            password: None,
            sql: ChoiceStatements::default(),
        }
    }
}

impl OrdersSettings {
    pub(super) fn read(mut section: Section<'_>) -> Option<OrdersSettings> {
        let Login { url, password } = database::login(&mut section, database::ORDERS);
        if url.is_none() {
            section.missing("url", "write url = \"postgres://reader@host/shop\"");
        }
        let mapping = section.text("mapping", mapping);
        let poll_every = section.span("poll_every", Span::seconds(1)).unwrap_or(Span::seconds(10));
        let sweep_every = section.span("sweep_every", Span::seconds(1)).unwrap_or(Span::minutes(5));
        if poll_every > sweep_every {
            let what = "longer than sweep_every, which reads more; make it at most as long";
            section.contradiction("poll_every", "sweep_every", what);
        }
        let statement_timeout = section.span("statement_timeout", Span::seconds(1));
        let first_sweep =
            section.one_of("first_sweep", &[("baseline", FirstSweep::Baseline), ("notify", FirstSweep::Notify)]);
        let queries = section.table("queries");
        let custom = mapping.as_deref() == Some(CUSTOM);
        if custom && queries.is_none() {
            section.missing("queries", "mapping = \"custom\" needs [orders.queries] with lines = \"select ...\"");
        } else if !custom && queries.is_some() {
            let what = "only mapping = \"custom\" has queries of its own; set that, or take [orders.queries] out";
            section.contradiction("queries", "mapping", what);
        }
        let queries = queries.map(QuerySettings::read);
        section.close();
        Some(OrdersSettings {
            url: url?,
            password,
            mapping: mapping.unwrap_or_else(|| DEFAULT_MAPPING.to_owned()),
            poll_every,
            sweep_every,
            statement_timeout: statement_timeout.unwrap_or(Span::seconds(30)),
            first_sweep: first_sweep.unwrap_or_default(),
            queries: match queries {
                Some(queries) => Some(queries?),
                None => None,
            },
        })
    }
}

impl QuerySettings {
    fn read(mut section: Section<'_>) -> Option<QuerySettings> {
        let lines = query(&mut section, "lines");
        if lines.is_none() {
            section.missing("lines", "write lines = \"select ...\" or lines = { file = \"lines.sql\" }");
        }
        let stock = query(&mut section, "stock");
        let alternatives = query(&mut section, "alternatives");
        let expected = query(&mut section, "expected");
        section.close();
        Some(QuerySettings { lines: lines?, stock, alternatives, expected })
    }
}

impl ChoiceSettings {
    /// Whether any answer is carried to the shop.
    pub fn reach_the_shop(&self) -> bool {
        self.hook.is_some() || self.sql.cancel.is_some() || self.sql.wait.is_some()
    }

    /// `orders_url` is what the statements are for where this section has no URL of its own.
    pub(super) fn read(mut section: Section<'_>, orders_url: Option<&str>) -> ChoiceSettings {
        let hook = ReceiverSettings::hook(&mut section);
        let confirm_within = section.span("confirm_within", Span::seconds(1));
        let Login { url, password } = database::login(&mut section, database::ORDERS);
        let mut statements = section.table_or_empty("sql");
        let database = if url.is_none() && !section.is_wrong("url") { orders_url } else { url.as_deref() };
        let sql = ChoiceStatements {
            cancel: statement(&mut statements, "cancel", database),
            wait: statement(&mut statements, "wait", database),
        };
        statements.close();
        section.close();
        let confirm_within = confirm_within.unwrap_or(ChoiceSettings::default().confirm_within);
        ChoiceSettings { hook, confirm_within, url, password, sql }
    }
}

/// Statements for the database of this URL; where that is wrong itself, nothing is known of them yet.
fn statement(section: &mut Section<'_>, key: &'static str, database: Option<&str>) -> Option<String> {
    let reading = section.reading;
    section.text(key, |text| {
        let Some(warning) = database.map(|url| answers::examine(url, text)).transpose()?.flatten() else {
            return Ok(text.to_owned());
        };
        reading.warn(format!("choices.sql.{key}: {warning}"));
        Ok(text.to_owned())
    })
}

fn mapping(text: &str) -> Result<String, String> {
    let known = || mappings().chain([CUSTOM]);
    if known().any(|known| known == text) {
        return Ok(text.to_owned());
    }
    let all = known().map(|known| format!("\"{known}\"")).collect::<Vec<_>>().join(", ");
    Err(match nearest(text, known()) {
        Some(near) => format!("there is no mapping {text:?}, but {all}; did you mean \"{near}\"?"),
        None => format!("there is no mapping {text:?}, but {all}; for another platform write \"custom\""),
    })
}

fn query(section: &mut Section<'_>, key: &'static str) -> Option<Query> {
    if !section.is_table(key) {
        return section.text(key, |text| Ok(Query::Text(text.to_owned())));
    }
    let mut kept = section.table(key)?;
    let file = kept.readable_file("file");
    if file.is_none() {
        kept.missing("file", "write { file = \"lines.sql\" }");
    }
    kept.close();
    Some(Query::File { file: file? })
}
