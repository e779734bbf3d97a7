//! What a customer is told, from the shop's database to her mailbox, with the state on SQLite and on PostgreSQL.

mod calendar;
mod guards;
mod law;
mod recipients;
mod resend;
mod sending;
mod settling;
mod silence;
mod telling;
mod two_channels;
mod webhooks;
