//! What every message looks like: its type, a time, and data.
//!
//! In: data that knows how to be JSON, and when what it tells came about. Out: bytes, the same for the same data. Pure.

use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

#[derive(Serialize)]
struct Message<'a, Data> {
    #[serde(rename = "type")]
    kind: &'a str,
    #[serde(serialize_with = "instant")]
    timestamp: Timestamp,
    data: &'a Data,
}

/// The body of the POST. `data` holds texts, numbers, lists and objects of them, and nothing else.
pub fn body(kind: &str, timestamp: Timestamp, data: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(&Message { kind, timestamp, data }).expect("texts and numbers are JSON")
}

/// An instant as every one of ours is written: with microseconds, in UTC.
pub fn instant<S: Serializer>(at: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&format_args!("{at:.6}"))
}

/// A decimal's digits, which are a number in JSON; by way of a binary fraction some would become others.
pub fn number(decimal: Decimal) -> Box<RawValue> {
    RawValue::from_string(decimal.normalize().to_string()).expect("a decimal is JSON")
}
