//! The two engines behind one face: the only place where SQLite and PostgreSQL differ in form.
//!
//! A statement is written once with [`sql!`]; where the engines need different words, the statement says so in place:
//! `now` (the database's clock in microseconds), `lock` (row locks, where there is more than one writer),
//! `rows(name type, ...)` (the rows of the [`batch`] that is `$1`, as table `x`), `among(name type)` (whether what stands
//! before it is in its only column: no join, whose order a planner could choose wrongly), `sending(row)` (whether a row of the outbox,
//! named by its id, is in hand; written so that no planner takes the index of all that is) and
//! `either("sqlite", "postgres")`.
//! Values go in as [`Value`], rows come out as [`Row`]; no sqlx type leaves this folder.
//!
//! Instants are whole microseconds since 1970 in a BIGINT on both engines. PostgreSQL has a type of its own for them,
//! but then every batch in JSON, every comparison and every test would exist in two versions; one text is worth more
//! than a nicer look in `psql` (`to_timestamp(due_at / 1e6)` shows it there).

mod batch;
mod beside;
mod block;
mod db;
mod pool;
mod rows;
mod tx;
mod value;

pub use batch::batch;
pub use beside::Beside;
pub use db::{Db, file_of};
pub use rows::Row;
pub use tx::Tx;
pub use value::Value;

/// One statement in both dialects.
#[derive(Clone, Copy, Debug)]
pub struct Sql {
    pub sqlite: &'static str,
    pub postgres: &'static str,
    /// The columns of its `rows(...)`, each an array in `postgres`.
    pub columns: &'static [Column],
}

/// A column of a [`batch`]: its name, and its type in the words of PostgreSQL.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    pub name: &'static str,
    pub kind: &'static str,
}

impl Sql {
    /// A script of several statements.
    pub const fn script(sqlite: &'static str, postgres: &'static str) -> Sql {
        Sql { sqlite, postgres, columns: &[] }
    }
}

/// Writes a [`Sql`]: string literals are copied, the words between them are explained at the head of this file.
macro_rules! sql {
    (@sqlite [$($done:tt)*]) => { concat!($($done)*) };
    (@sqlite [$($done:tt)*] $text:literal $($rest:tt)*) => { sql!(@sqlite [$($done)* $text,] $($rest)*) };
    (@sqlite [$($done:tt)*] now $($rest:tt)*) => {
        sql!(@sqlite [$($done)* "cast(unixepoch('subsec') * 1000000 as integer)",] $($rest)*)
    };
    (@sqlite [$($done:tt)*] lock $($rest:tt)*) => { sql!(@sqlite [$($done)*] $($rest)*) };
    (@sqlite [$($done:tt)*] sending($row:ident) $($rest:tt)*) => {
        sql!(@sqlite [$($done)* "(", stringify!($row), ".state || '') = 'sending'",] $($rest)*)
    };
    (@sqlite [$($done:tt)*] either($sqlite:literal, $postgres:literal) $($rest:tt)*) => {
        sql!(@sqlite [$($done)* $sqlite,] $($rest)*)
    };
    (@sqlite [$($done:tt)*] rows($head:ident $head_type:ident $(, $name:ident $type:ident)*) $($rest:tt)*) => {
        sql!(@sqlite [$($done)* "(select value->>'", stringify!($head), "' as ", stringify!($head)
            $(, ", value->>'", stringify!($name), "' as ", stringify!($name))*, " from jsonb_each($1)) as x",] $($rest)*)
    };
    (@sqlite [$($done:tt)*] among($name:ident $type:ident) $($rest:tt)*) => {
        sql!(@sqlite [$($done)* " in (select value->>'", stringify!($name), "' from jsonb_each($1))",] $($rest)*)
    };
    (@postgres [$($done:tt)*]) => { concat!($($done)*) };
    (@postgres [$($done:tt)*] $text:literal $($rest:tt)*) => { sql!(@postgres [$($done)* $text,] $($rest)*) };
    (@postgres [$($done:tt)*] now $($rest:tt)*) => {
        sql!(@postgres [$($done)* "(extract(epoch from clock_timestamp()) * 1000000)::bigint",] $($rest)*)
    };
    (@postgres [$($done:tt)*] lock $($rest:tt)*) => { sql!(@postgres [$($done)* " for update",] $($rest)*) };
    (@postgres [$($done:tt)*] sending($row:ident) $($rest:tt)*) => {
        sql!(@postgres [$($done)* "(", stringify!($row), ".state || '') = 'sending'",] $($rest)*)
    };
    (@postgres [$($done:tt)*] either($sqlite:literal, $postgres:literal) $($rest:tt)*) => {
        sql!(@postgres [$($done)* $postgres,] $($rest)*)
    };
    (@postgres [$($done:tt)*] rows($head:ident $head_type:ident $(, $name:ident $type:ident)*) $($rest:tt)*) => {
        sql!(@postgres [$($done)* "unnest($", stringify!($head), "::", stringify!($head_type), "[]"
            $(, ", $", stringify!($name), "::", stringify!($type), "[]")*, ") as x(", stringify!($head)
            $(, ", ", stringify!($name))*, ")",] $($rest)*)
    };
    (@postgres [$($done:tt)*] among($name:ident $type:ident) $($rest:tt)*) => {
        sql!(@postgres [$($done)* " = any($", stringify!($name), "::", stringify!($type), "[])",] $($rest)*)
    };
    (@columns) => { &[] };
    (@columns rows($($name:ident $type:ident),*) $($rest:tt)*) => {
        &[$($crate::store::dialect::Column { name: stringify!($name), kind: stringify!($type) }),*]
    };
    (@columns among($name:ident $type:ident) $($rest:tt)*) => {
        &[$crate::store::dialect::Column { name: stringify!($name), kind: stringify!($type) }]
    };
    (@columns $other:tt $($rest:tt)*) => { sql!(@columns $($rest)*) };
    ($($all:tt)*) => {{
        static COLUMNS: &[$crate::store::dialect::Column] = sql!(@columns $($all)*);
        static POSTGRES: std::sync::LazyLock<String> = std::sync::LazyLock::new(|| {
            $crate::store::dialect::numbered(sql!(@postgres [] $($all)*), COLUMNS)
        });
        $crate::store::dialect::Sql { sqlite: sql!(@sqlite [] $($all)*), postgres: &POSTGRES, columns: COLUMNS }
    }};
}
pub(super) use sql;

/// The values of one statement, in order.
macro_rules! values {
    ($($value:expr),* $(,)?) => { vec![$($crate::store::dialect::Value::from($value)),*] };
}
pub(super) use values;

/// A statement of PostgreSQL with its places numbered: a column's array, written `$name`, by its position, and the values
/// after the batch, `$2` and on, behind the last array.
pub(super) fn numbered(text: &str, columns: &[Column]) -> String {
    let mut numbered = String::with_capacity(text.len());
    let mut parts = text.split('$');
    numbered += parts.next().unwrap_or_default();
    for part in parts {
        let end = part.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(part.len());
        let (place, rest) = part.split_at(end);
        let number = match place.parse::<usize>() {
            Ok(number) if columns.is_empty() => number,
            Ok(number) => number - 1 + columns.len(),
            Err(_) => 1 + columns.iter().position(|column| column.name == place).expect("rows(...) named this column"),
        };
        numbered += &format!("${number}{rest}");
    }
    numbered
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_arrays_of_a_batch_come_before_the_other_values() {
        let sql = sql!("select $3, $2 from " rows(id text, n bigint) " union select $10 from " rows(id text, n bigint));
        assert_eq!(
            sql.postgres,
            "select $4, $3 from unnest($1::text[], $2::bigint[]) as x(id, n) \
             union select $11 from unnest($1::text[], $2::bigint[]) as x(id, n)"
        );
        let sql = sql!("select 1 where n" among(n bigint) " and id = $2");
        assert_eq!(sql.postgres, "select 1 where n = any($1::bigint[]) and id = $2");
        assert_eq!(sql.sqlite, "select 1 where n in (select value->>'n' from jsonb_each($1)) and id = $2");
        assert_eq!(sql!("select $1 where $2 = " now).postgres.matches('$').count(), 2);
    }
}
