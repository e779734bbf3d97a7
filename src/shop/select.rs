//! The statements that are really sent: the operator's query, wrapped so that each column comes as text.
//!
//! In: a feed's query and the columns it has. Out: SQL. Pure, but for [`sql`], the one place where a text that was put
//! together at run time becomes a statement.

use jiff::Timestamp;
use sqlx::AssertSqlSafe;

use super::engine::Engine;

/// Which lines to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Which {
    /// Every line of the feed.
    All,
    /// Those whose `updated_at` is not before `since`, and those of the given line ids; never less, at times more.
    /// Every line where the feed has no `updated_at`.
    Changed { since: Timestamp, also: Vec<String> },
}

/// Above this many ids it is cheaper, and safe in every database, to read all lines.
const MOST_IDS: usize = 10_000;

/// A select that always gives one row of NULLs, whose columns are those of the query; the query itself is not run.
/// (A statement that was only prepared would tell the same, but poolers mix up the names of prepared statements.)
pub(super) fn probe(engine: Engine, query: &str) -> String {
    let query = engine.without_end(query);
    format!("select q.* from (select 1 as one) o left join (select * from (\n{query}\n) w limit 0) q on 1 = 1")
}

/// Selects `columns` of the query as text, in their order; `None` is a column that the query does not have.
pub(super) fn select(engine: Engine, query: &str, columns: &[Option<&str>], filter: &str) -> String {
    let list: Vec<String> =
        columns.iter().map(|column| column.map_or("null".into(), |name| engine.text_of(name))).collect();
    format!("select {} from (\n{}\n) q{filter}", list.join(", "), engine.without_end(query))
}

/// The values of a filter, in the order of its parameters.
pub(super) struct Filter<'which> {
    pub since: Timestamp,
    pub also: &'which [String],
}

impl<'which> Filter<'which> {
    /// The filter that `which` asks for, if it can be had; `updated_at` is that column as the database spells it.
    pub fn of(which: &'which Which, updated_at: Option<&str>) -> Option<Filter<'which>> {
        match which {
            Which::Changed { since, also } if updated_at.is_some() && also.len() <= MOST_IDS => {
                Some(Filter { since: *since, also })
            }
            _ => None,
        }
    }

    /// differs because each database has its own types of instants and its own way to pass a list
    pub fn clause(&self, engine: Engine, updated_at: &str, line_id: &str) -> String {
        let id = engine.text_of(line_id);
        let changed = engine.quoted(updated_at);
        match engine {
            Engine::Postgres => {
                format!(" where q.{changed}::timestamptz >= $1::text::timestamptz or {id} = any($2)")
            }
            Engine::MySql if self.also.is_empty() => format!(" where q.{changed} >= ?"),
            Engine::MySql => {
                format!(" where q.{changed} >= ? or {id} in (?{})", ", ?".repeat(self.also.len() - 1))
            }
            // As text, instants of SQLite compare only where all are written alike.
            Engine::Sqlite => {
                format!(" where julianday(q.{changed}) >= julianday(?1) or {id} in (select value from json_each(?2))")
            }
        }
    }

    /// `since` as the database writes instants.
    pub fn since_text(&self, engine: Engine) -> String {
        match engine {
            Engine::MySql => self.since.strftime("%Y-%m-%d %H:%M:%S%.6f").to_string(),
            Engine::Postgres | Engine::Sqlite => self.since.to_string(),
        }
    }
}

/// Lets a text pass as a statement. Audited: it holds the operator's own query or statement, column names that equal
/// ones we know up to case, names of types as PostgreSQL spells them, and constants of this module and [`Engine`]; every
/// other value is bound. What a query could do beyond reading is stopped by the read-only transaction.
pub(super) fn sql(text: String) -> AssertSqlSafe<String> {
    AssertSqlSafe(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_come_as_text_in_the_feeds_order_and_absent_ones_as_null() {
        let columns = [Some("line_id"), None, Some("Sku")];
        let table = [
            (Engine::Postgres, "select q.\"line_id\"::text, null, q.\"Sku\"::text from (\nselect 1\n) q"),
            (
                Engine::MySql,
                "select cast(q.`line_id` as char character set utf8mb4), null, \
                 cast(q.`Sku` as char character set utf8mb4) from (\nselect 1\n) q",
            ),
            (Engine::Sqlite, "select cast(q.\"line_id\" as text), null, cast(q.\"Sku\" as text) from (\nselect 1\n) q"),
        ];
        for (engine, expected) in table {
            assert_eq!(select(engine, "select 1; -- x", &columns, ""), expected);
        }
    }

    #[test]
    fn a_filter_needs_the_column_and_a_list_that_the_databases_take() {
        let which = |ids: usize| Which::Changed { since: Timestamp::UNIX_EPOCH, also: vec!["7".into(); ids] };
        assert!(Filter::of(&Which::All, Some("updated_at")).is_none());
        assert!(Filter::of(&which(1), None).is_none());
        assert!(Filter::of(&which(MOST_IDS), Some("updated_at")).is_some());
        assert!(Filter::of(&which(MOST_IDS + 1), Some("updated_at")).is_none());
    }
}
