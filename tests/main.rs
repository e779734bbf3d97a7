//! The tests from the outside, in one binary: `support` first, then one file per station of the way.
mod support;

mod shop;
mod shop_mappings;
