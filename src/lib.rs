//! backorderd keeps a shop's promise to everyone who waits for a product.
//!
//! ```text
//! order database ─> shop ─> watch ─> outbox ─> deliver ─> relay or receiver ─> customer
//!                             │        │      render ┘ │
//!                             └─ store ┴───────────────┘ <─ bounce <─ what came back
//!                                  │
//!                   staff <─ cli ──┴── web ─> customer's links
//! ```
//! Read the modules in this order; each one's first lines say what comes in, what goes out and what can go wrong.

// A reader that leaves early (`| head`) would make it panic; what commands say goes through `cli::output`.
#![warn(clippy::print_stdout)]

// Who we are and what time it is.
pub mod characters; // what a text of others may not do where it is shown; pure
pub mod clock; // the one home of the system clock and of random identifiers
pub mod failpoint; // where tests kill the process; a release build has none of it
pub mod settings; // one file and the environment -> settings that hold no contradiction
pub mod shell; // a customer's words in a command that staff copy; pure
pub mod trust; // whom we trust on an encrypted connection

// From the shop to the decision.
pub mod outbox; // notifications: their states, how news becomes one, and when each is due; pure
pub mod promise; // what the law makes of a line's history: stages, deadlines, what silence means; pure
pub mod shop; // the merchant's database in our words: feeds are read, answers are written
pub mod watch; // one look: what is news since she was last told? read, compare, judge, record

// From the decision to the customer.
pub mod deliver; // claim, check, render, send, record; relays and our own SMTP connections
pub mod dkim; // a mail's signature, and the key that makes it; pure
pub mod links; // the customers' links: tokens that only the secret can make
pub mod render; // a notification -> subject, text, HTML and the exact bytes

// From the customer back to the shop.
pub mod bounce; // mails that came back: which one it was, and whether the address is bad
pub mod choice; // wait or cancel: what is taken, and how the answer reaches the shop
pub mod webhook; // signed JSON to a receiver, and what became of it

// What lasts, and who looks at it.
pub mod metrics; // what this process did, and what is said of it and of the queue to Prometheus; pure
pub mod store; // the state database on SQLite and PostgreSQL: the only SQL about our own state
pub mod web; // the pages behind the links, and what machines ask

// The program.
pub mod app; // the only place that builds things
pub mod cli; // one file per command
pub mod demo; // a sample shop and a mail catcher, to see it all work
