//! What a customer is told, from the shop's database to her mailbox, with the state on SQLite and on PostgreSQL.

mod calendar;
mod changed_channel;
mod clock;
mod guards;
mod how_others_failed;
mod law;
mod recipients;
mod relays;
mod resend;
mod sending;
mod settling;
mod shop_away;
mod silence;
mod telling;
mod two_channels;
mod webhooks;
