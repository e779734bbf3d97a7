//! The merchant's side: the shop's order database, read only, in our words.
pub mod line;
pub mod stock;
