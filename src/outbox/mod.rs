//! Notifications: what they are, how news becomes one, and when each is due.
pub mod again;
pub mod blame;
pub mod channels;
mod found;
pub mod notification;
pub mod plan;
mod saying;
pub mod schedule;
pub mod stream;
