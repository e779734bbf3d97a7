//! Many rows that go into one statement together.
//!
//! In: structs whose fields are texts, whole numbers, truth values or nothing. Out: for PostgreSQL an array for each
//! column, which it takes as they are; for SQLite, which knows no arrays, a JSON array of objects. What can go wrong: a
//! field of another type, which is our mistake and shows in every test of the statement.

use std::sync::Arc;

use serde::ser::{Error as _, Impossible, SerializeMap, SerializeSeq, SerializeStruct};
use serde::{Serialize, Serializer};
use serde_json::Value as Json;
use sqlx::Postgres;
use sqlx::postgres::PgArguments;
use sqlx::query::Query;

use super::Column;
use super::value::Value;
use crate::store::StoreError;

/// The rows of one statement; cheap to clone, since several statements often take the same.
#[derive(Clone, Debug)]
pub struct Batch {
    length: usize,
    columns: Arc<Vec<(&'static str, Cells)>>,
}

/// One column of all rows. Its type is that of its first value; until then it is a number of nulls.
#[derive(Debug)]
enum Cells {
    Null(usize),
    Text(Vec<Option<String>>),
    Int(Vec<Option<i64>>),
    Bool(Vec<Option<bool>>),
}

/// The value of one cell where rows are written as JSON.
#[derive(Serialize)]
#[serde(untagged)]
enum Shown<'a> {
    Text(Option<&'a str>),
    Int(Option<i64>),
    Bool(Option<bool>),
}

/// The rows for `rows(...)`.
pub fn batch<T: Serialize>(rows: &[T]) -> Result<Value, StoreError> {
    let mut columns = Vec::new();
    for (number, row) in rows.iter().enumerate() {
        row.serialize(RowWriter { columns: &mut columns, number, next: 0 })?;
    }
    Ok(Value::Batch(Batch { length: rows.len(), columns: Arc::new(columns) }))
}

impl Batch {
    /// The rows as a JSON array of objects.
    pub fn to_json(&self) -> Result<String, StoreError> {
        Ok(serde_json::to_string(self)?)
    }

    /// Binds an array for each of `columns`.
    pub fn bind<'q>(
        &'q self,
        columns: &[Column],
        mut query: Query<'q, Postgres, PgArguments>,
    ) -> Result<Query<'q, Postgres, PgArguments>, StoreError> {
        for Column { name, kind } in columns {
            let cells = self.columns.iter().find(|(column, _)| column == name).map(|(_, cells)| cells);
            query = match (cells, *kind) {
                (Some(Cells::Text(cells)), "text") => query.bind(&**cells),
                (Some(Cells::Int(cells)), "bigint") => query.bind(&**cells),
                (Some(Cells::Bool(cells)), "boolean") => query.bind(&**cells),
                (Some(Cells::Null(_)) | None, "text") => query.bind(vec![None::<&str>; self.length]),
                (Some(Cells::Null(_)) | None, "bigint") => query.bind(vec![None::<i64>; self.length]),
                (Some(Cells::Null(_)) | None, "boolean") => query.bind(vec![None::<bool>; self.length]),
                (cells, kind) => {
                    return Err(serde_json::Error::custom(format!("{name} is no {kind}: {cells:?}")).into());
                }
            };
        }
        Ok(query)
    }
}

impl Serialize for Batch {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut rows = serializer.serialize_seq(Some(self.length))?;
        for number in 0..self.length {
            rows.serialize_element(&OneRow { columns: &self.columns, number })?;
        }
        rows.end()
    }
}

struct OneRow<'a> {
    columns: &'a [(&'static str, Cells)],
    number: usize,
}

impl Serialize for OneRow<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut row = serializer.serialize_map(Some(self.columns.len()))?;
        for (name, cells) in self.columns {
            row.serialize_entry(name, &cells.shown(self.number))?;
        }
        row.end()
    }
}

impl Cells {
    fn push(&mut self, cell: Json) -> Result<(), serde_json::Error> {
        if let Cells::Null(number) = *self {
            match cell {
                Json::Null => *self = Cells::Null(number + 1),
                Json::Bool(_) => *self = Cells::Bool(vec![None; number]),
                Json::Number(_) => *self = Cells::Int(vec![None; number]),
                _ => *self = Cells::Text(vec![None; number]),
            }
        }
        match (self, cell) {
            (Cells::Null(_), _) => {}
            (Cells::Text(cells), Json::Null) => cells.push(None),
            (Cells::Text(cells), Json::String(text)) => cells.push(Some(text)),
            (Cells::Int(cells), Json::Null) => cells.push(None),
            (Cells::Int(cells), Json::Number(number)) if number.is_i64() => cells.push(number.as_i64()),
            (Cells::Bool(cells), Json::Null) => cells.push(None),
            (Cells::Bool(cells), Json::Bool(bool)) => cells.push(Some(bool)),
            (_, cell) => return Err(serde_json::Error::custom(format!("{cell} fits into no column of a batch"))),
        }
        Ok(())
    }

    fn shown(&self, number: usize) -> Shown<'_> {
        match self {
            Cells::Null(_) => Shown::Text(None),
            Cells::Text(cells) => Shown::Text(cells[number].as_deref()),
            Cells::Int(cells) => Shown::Int(cells[number]),
            Cells::Bool(cells) => Shown::Bool(cells[number]),
        }
    }
}

/// Takes one row apart.
struct RowWriter<'a> {
    columns: &'a mut Vec<(&'static str, Cells)>,
    number: usize,
    next: usize,
}

impl SerializeStruct for RowWriter<'_> {
    type Ok = ();
    type Error = serde_json::Error;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Result<(), Self::Error> {
        let cell = value.serialize(serde_json::value::Serializer)?;
        if self.number == 0 {
            self.columns.push((name, Cells::Null(0)));
        }
        let (_, cells) = self
            .columns
            .get_mut(self.next)
            .filter(|(column, _)| *column == name)
            .ok_or_else(|| Self::Error::custom(format!("{name} is not in every row")))?;
        self.next += 1;
        cells.push(cell)
    }
    fn end(self) -> Result<(), Self::Error> {
        Ok(())
    }
}

/// The methods of a serializer for what is no row.
macro_rules! no_row {
    ($($method:ident($($type:ty),*) -> $result:ty;)*) => {
        $(fn $method(self, $(_: $type),*) -> Result<$result, Self::Error> {
            Err(Self::Error::custom(concat!("a row of a batch is a struct, not what is written with ", stringify!($method))))
        })*
    };
}

impl<'a> Serializer for RowWriter<'a> {
    type Ok = ();
    type Error = serde_json::Error;
    type SerializeStruct = RowWriter<'a>;
    type SerializeSeq = Impossible<(), Self::Error>;
    type SerializeTuple = Impossible<(), Self::Error>;
    type SerializeTupleStruct = Impossible<(), Self::Error>;
    type SerializeTupleVariant = Impossible<(), Self::Error>;
    type SerializeMap = Impossible<(), Self::Error>;
    type SerializeStructVariant = Impossible<(), Self::Error>;

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<RowWriter<'a>, Self::Error> {
        Ok(self)
    }
    fn serialize_some<T: Serialize + ?Sized>(self, row: &T) -> Result<(), Self::Error> {
        row.serialize(self)
    }
    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, row: &T) -> Result<(), Self::Error> {
        row.serialize(self)
    }
    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        row: &T,
    ) -> Result<(), Self::Error> {
        row.serialize(self)
    }
    no_row! {
        serialize_bool(bool) -> ();
        serialize_i8(i8) -> ();
        serialize_i16(i16) -> ();
        serialize_i32(i32) -> ();
        serialize_i64(i64) -> ();
        serialize_u8(u8) -> ();
        serialize_u16(u16) -> ();
        serialize_u32(u32) -> ();
        serialize_u64(u64) -> ();
        serialize_f32(f32) -> ();
        serialize_f64(f64) -> ();
        serialize_char(char) -> ();
        serialize_str(&str) -> ();
        serialize_bytes(&[u8]) -> ();
        serialize_none() -> ();
        serialize_unit() -> ();
        serialize_unit_struct(&'static str) -> ();
        serialize_unit_variant(&'static str, u32, &'static str) -> ();
        serialize_seq(Option<usize>) -> Self::SerializeSeq;
        serialize_tuple(usize) -> Self::SerializeTuple;
        serialize_tuple_struct(&'static str, usize) -> Self::SerializeTupleStruct;
        serialize_tuple_variant(&'static str, u32, &'static str, usize) -> Self::SerializeTupleVariant;
        serialize_map(Option<usize>) -> Self::SerializeMap;
        serialize_struct_variant(&'static str, u32, &'static str, usize) -> Self::SerializeStructVariant;
    }
}
