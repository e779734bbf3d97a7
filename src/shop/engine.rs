//! The three kinds of database that a shop may have, and what differs between them in the text of a statement.
//!
//! In: a URL, a column, an operator's query. Out: pieces of SQL. Pure.

use std::fmt;

use super::error::ShopError;
use super::pieces::{Kind, pieces};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Engine {
    Postgres,
    /// And MariaDB.
    MySql,
    Sqlite,
}

impl Engine {
    /// By the scheme of the URL, of which nothing is repeated in the error: a password may stand in it.
    pub fn of(url: &str) -> Result<Engine, ShopError> {
        match url.split_once(':').map(|(scheme, _)| scheme) {
            Some("postgres" | "postgresql") => Ok(Engine::Postgres),
            Some("mysql" | "mariadb") => Ok(Engine::MySql),
            Some("sqlite") => Ok(Engine::Sqlite),
            _ => Err(ShopError::Settings(
                "[orders] url must begin with postgres://, mysql:// (MariaDB too) or sqlite://".into(),
            )),
        }
    }

    /// A column of the wrapped query `q`, as the database itself spelled it, as text.
    pub fn text_of(self, column: &str) -> String {
        let column = self.quoted(column);
        match self {
            Engine::Postgres => format!("q.{column}::text"),
            Engine::MySql => format!("cast(q.{column} as char character set utf8mb4)"),
            Engine::Sqlite => format!("cast(q.{column} as text)"),
        }
    }

    pub fn quoted(self, name: &str) -> String {
        match self {
            Engine::MySql => format!("`{}`", name.replace('`', "``")),
            Engine::Postgres | Engine::Sqlite => format!("\"{}\"", name.replace('"', "\"\"")),
        }
    }

    /// The query without the semicolon at its end, after which comments may stand; with it the query cannot be wrapped.
    pub fn without_end(self, query: &str) -> &str {
        let (mut end, mut at) = (0, 0);
        for piece in pieces(self, query) {
            at += piece.text.len();
            if piece.text != ";" && !matches!(piece.kind, Kind::Blank | Kind::Comment) {
                end = at;
            }
        }
        &query[..end]
    }
}

impl fmt::Display for Engine {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Engine::Postgres => "PostgreSQL",
            Engine::MySql => "MySQL or MariaDB",
            Engine::Sqlite => "SQLite",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_semicolon_at_the_end_goes_and_everything_else_stays() {
        let table = [
            ("select 1", "select 1"),
            ("select 1;", "select 1"),
            ("select 1 ; ; \n", "select 1"),
            ("select 1; -- the lines; all of them", "select 1"),
            ("select 1 /* ; */ ;", "select 1"),
            ("select 1; /* open", "select 1"),
            ("select ';' -- x", "select ';'"),
            ("select 'it''s;'", "select 'it''s;'"),
            ("select '--' ; ", "select '--'"),
            ("-- first\nselect 1;", "-- first\nselect 1"),
            ("select \"a;b\";", "select \"a;b\""),
            ("select 'ä;ö';", "select 'ä;ö'"),
            ("select 1; select 2;", "select 1; select 2"),
            ("", ""),
            (";", ""),
        ];
        for (query, expected) in table {
            for engine in [Engine::Postgres, Engine::MySql, Engine::Sqlite] {
                assert_eq!(engine.without_end(query), expected, "{engine}: {query}");
            }
        }
        assert_eq!(Engine::MySql.without_end(r"select 'it\'s'; # done"), r"select 'it\'s'");
        assert_eq!(Engine::Postgres.without_end("select a #> '{b}';"), "select a #> '{b}'");
    }

    #[test]
    fn an_unknown_scheme_is_an_error_that_repeats_nothing_of_the_url() {
        let error = Engine::of("oracle://reader:tiger@db/shop").unwrap_err().to_string();
        assert!(error.contains("postgres://") && !error.contains("tiger"), "{error}");
    }
}
