//! One look at the shop's database: every feed read as a stream, in the snapshot of one moment.
//!
//! In: an open connection and the feeds' queries. Out: row by row what the shop says, never more than a row in memory.
//! After an error the look is spent: drop it and take another.

use std::sync::Arc;
use std::time::Duration;

use futures_util::TryStreamExt;
use futures_util::stream::BoxStream;
use sqlx::{ColumnIndex, Database, Decode, Type};

use super::cell::{Cell, Fault};
use super::error::ShopError;
use super::feeds::{Feed, Feeds};
use super::line::Line;
use super::row::{Fed, Row, read, set_aside};
use super::select::{Filter, Which, probe, select, sql};
use super::source::{Connection, Source};
use super::stock::{Alternative, Expected, Stock};
use crate::settings::duration::Span;

/// A server ends a statement by itself at the limit; this much later we do not wait for its word any longer.
const GRACE: Duration = Duration::from_secs(5);

/// One read-only snapshot of the shop's database.
pub struct Look {
    source: Arc<Source>,
    feeds: Arc<Feeds>,
    connection: Connection,
    /// For each statement.
    limit: Span,
}

impl Look {
    pub(super) async fn begin(source: Arc<Source>, feeds: Arc<Feeds>, limit: Span) -> Result<Look, ShopError> {
        let connection = source.connect_to_read(limit).await?;
        Ok(Look { source, feeds, connection, limit })
    }

    /// Shows every line that `which` asks for to `see`, and says how many rows there were. An error of `see` ends it.
    pub async fn lines<E: From<ShopError>>(
        &mut self,
        which: &Which,
        see: impl FnMut(Row<Line>) -> Result<(), E>,
    ) -> Result<u64, E> {
        self.feed(which, see).await
    }

    /// The same for the stock of the products; no rows where there is no such feed.
    pub async fn stock<E: From<ShopError>>(&mut self, see: impl FnMut(Row<Stock>) -> Result<(), E>) -> Result<u64, E> {
        self.feed(&Which::All, see).await
    }

    pub async fn alternatives<E: From<ShopError>>(
        &mut self,
        see: impl FnMut(Row<Alternative>) -> Result<(), E>,
    ) -> Result<u64, E> {
        self.feed(&Which::All, see).await
    }

    pub async fn expected<E: From<ShopError>>(
        &mut self,
        see: impl FnMut(Row<Expected>) -> Result<(), E>,
    ) -> Result<u64, E> {
        self.feed(&Which::All, see).await
    }

    /// Whether the lines tell when they changed, so that [`Which::Changed`] spares anything.
    pub async fn has_updated_at(&mut self) -> Result<bool, ShopError> {
        let feeds = Arc::clone(&self.feeds);
        let seen =
            self.within_limit(Feed::Lines, async |look: &mut Look| look.columns(Feed::Lines, &feeds.lines).await);
        Ok(find(&seen.await?, "updated_at").is_some())
    }

    /// Ends the snapshot and leaves the server in good order.
    pub async fn end(self) -> Result<(), ShopError> {
        let place = self.source.place();
        self.connection.close().await.map_err(|error| ShopError::away(&place, &error))
    }

    async fn feed<T: Fed<N>, const N: usize, E: From<ShopError>>(
        &mut self,
        which: &Which,
        mut see: impl FnMut(Row<T>) -> Result<(), E>,
    ) -> Result<u64, E> {
        let feeds = Arc::clone(&self.feeds);
        let Some(query) = feeds.query(T::FEED) else { return Ok(0) };
        self.within_limit(T::FEED, async |look: &mut Look| look.stream(query, which, &mut see).await).await
    }

    /// Lets `reading` go on for as long as the statement may take, and ends the statement after that.
    async fn within_limit<V, E: From<ShopError>>(
        &mut self,
        feed: Feed,
        reading: impl AsyncFnOnce(&mut Look) -> Result<V, E>,
    ) -> Result<V, E> {
        let limit = match self.connection {
            Connection::Sqlite(..) => self.limit.duration(),
            Connection::Postgres(_) | Connection::MySql(_) => self.limit.duration() + GRACE,
        };
        if let Ok(read) = tokio::time::timeout(limit, reading(self)).await {
            read
        } else {
            self.connection.cut_off();
            Err(ShopError::TooSlow { feed, limit: self.limit }.into())
        }
    }

    async fn stream<T: Fed<N>, const N: usize, E: From<ShopError>>(
        &mut self,
        query: &str,
        which: &Which,
        see: &mut impl FnMut(Row<T>) -> Result<(), E>,
    ) -> Result<u64, E> {
        let engine = self.source.engine();
        let seen = self.columns(T::FEED, query).await?;
        let columns = chosen::<T, N>(&seen)?;
        let updated_at = find(&seen, "updated_at");
        let filter = Filter::of(which, updated_at);
        let clause = match (&filter, updated_at, find(&seen, "line_id")) {
            (Some(filter), Some(updated_at), Some(line_id)) => filter.clause(engine, updated_at, line_id),
            _ => String::new(),
        };
        let statement = sql(select(engine, query, &columns, &clause));
        let since = filter.as_ref().map(|filter| filter.since_text(engine));
        let also = filter.as_ref().map_or(&[][..], |filter| filter.also);

        let source = Arc::clone(&self.source);
        let limit = self.limit;
        let fail = |error: sqlx::Error| ShopError::of_statement(&error, T::FEED, limit, &source.place());
        match &mut self.connection {
            Connection::Postgres(connection) => {
                let mut query = sqlx::query::<sqlx::Postgres>(statement).persistent(false);
                if let Some(since) = since {
                    query = query.bind(since).bind(also);
                }
                drain::<sqlx::Postgres, T, N, E>(query.fetch(connection), see, fail).await
            }
            Connection::MySql(connection) => {
                let mut query = sqlx::query::<sqlx::MySql>(statement).persistent(false);
                if let Some(since) = since {
                    query = also.iter().fold(query.bind(since), sqlx::query::Query::bind);
                }
                drain::<sqlx::MySql, T, N, E>(query.fetch(connection), see, fail).await
            }
            Connection::Sqlite(connection, _) => {
                let mut query = sqlx::query::<sqlx::Sqlite>(statement).persistent(false);
                if let Some(since) = since {
                    query = query.bind(since).bind(serde_json::Value::from(also).to_string());
                }
                drain::<sqlx::Sqlite, T, N, E>(query.fetch(connection), see, fail).await
            }
        }
    }

    /// The names of the columns that a feed's query gives, as the database spells them.
    async fn columns(&mut self, feed: Feed, query: &str) -> Result<Vec<String>, ShopError> {
        let statement = sql(probe(self.source.engine(), query));
        let names = match &mut self.connection {
            // By the simple protocol: the driver would ask for types that it does not know, such as enums and `citext`,
            // and lose its unnamed statement over that.
            Connection::Postgres(connection) => {
                sqlx::raw_sql(statement).fetch_one(connection).await.map(|row| names(&row))
            }
            Connection::MySql(connection) => {
                sqlx::query(statement).persistent(false).fetch_one(connection).await.map(|row| names(&row))
            }
            Connection::Sqlite(connection, _) => {
                sqlx::query(statement).persistent(false).fetch_one(connection).await.map(|row| names(&row))
            }
        };
        names.map_err(|error| ShopError::of_statement(&error, feed, self.limit, &self.source.place()))
    }
}

/// Shows row after row to `see`.
async fn drain<DB: Database, T: Fed<N>, const N: usize, E: From<ShopError>>(
    mut rows: BoxStream<'_, Result<DB::Row, sqlx::Error>>,
    see: &mut impl FnMut(Row<T>) -> Result<(), E>,
    fail: impl Fn(sqlx::Error) -> ShopError,
) -> Result<u64, E>
where
    usize: ColumnIndex<DB::Row>,
    for<'row> &'row str: Decode<'row, DB> + Type<DB>,
{
    let mut count = 0;
    while let Some(row) = rows.try_next().await.map_err(&fail)? {
        count += 1;
        see(row_of::<DB, T, N>(&row, count))?;
    }
    Ok(count)
}

fn row_of<DB: Database, T: Fed<N>, const N: usize>(row: &DB::Row, count: u64) -> Row<T>
where
    usize: ColumnIndex<DB::Row>,
    for<'row> &'row str: Decode<'row, DB> + Type<DB>,
{
    use sqlx::Row as _;
    let mut fault = None;
    let cells: [Cell<'_>; N] = std::array::from_fn(|index| {
        let column = T::COLUMNS[index].name;
        let text = row.try_get::<Option<&str>, usize>(index).unwrap_or_else(|_| {
            fault = Some(Fault(format!("{column} is no text in UTF-8; mend its bytes, or cast it in the query")));
            None
        });
        Cell { column, text }
    });
    match fault {
        None => read(count, cells),
        Some(fault) => Row::SetAside(set_aside::<T, N>(count, &cells, fault)),
    }
}

fn names<R: sqlx::Row>(row: &R) -> Vec<String> {
    use sqlx::Column as _;
    row.columns().iter().map(|column| column.name().to_string()).collect()
}

/// For each column of the feed its spelling in the query; a required one that is absent is an error.
fn chosen<T: Fed<N>, const N: usize>(seen: &[String]) -> Result<[Option<&str>; N], ShopError> {
    let absent = T::COLUMNS.iter().find(|column| column.required && find(seen, column.name).is_none());
    if let Some(column) = absent {
        return Err(ShopError::MissingColumn { feed: T::FEED, column: column.name, seen: seen.to_vec() });
    }
    Ok(T::COLUMNS.each_ref().map(|column| find(seen, column.name)))
}

fn find<'seen>(seen: &'seen [String], column: &str) -> Option<&'seen str> {
    seen.iter().map(String::as_str).find(|name| name.eq_ignore_ascii_case(column))
}
