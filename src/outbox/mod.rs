//! Notifications: what they are, how news becomes one, and when each is due.
pub mod channels;
mod found;
pub mod notification;
pub mod plan;
pub mod schedule;
