//! Everything seen from the outside, in one binary.
#![allow(
    clippy::pedantic,
    clippy::zero_repeat_side_effects,
    clippy::cloned_ref_to_slice_refs,
    reason = "tests are examples"
)]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails, and the panic names the line")]

mod answers;
mod borders;
mod bounces;
mod choice;
mod commands;
mod demo;
mod dkim;
#[cfg(debug_assertions)] // a release build has no failpoints
mod faults;
mod journeys;
mod law;
mod metrics;
mod model;
mod render;
mod settings;
mod shop;
mod shop_mappings;
mod smtp;
mod spam;
mod staff;
mod store;
mod support;
mod webhook;
