//! Everything seen from the outside, in one binary.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails, and the panic names the line")]

mod commands;
mod demo;
mod render;
mod settings;
mod shop;
mod shop_mappings;
mod smtp;
mod store;
mod support;
