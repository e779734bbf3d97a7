//! The demonstration: what `backorderd demo` needs beside the service itself.
//!
//! ```text
//! pages ─> shop (SQLite) ─> the service, by `settings` ─> catcher ─> inbox ─> pages
//! ```
//! The service watches the sample shop and mails to the catcher just as it would with a merchant's database and relay;
//! nothing in it knows of the demonstration.

mod actions;
mod assets;
pub mod catcher;
pub mod caught;
mod counter;
mod inbox;
mod orders;
pub mod pages;
mod sample;
pub mod settings;
pub mod shop;
pub mod state;
mod told;

pub use actions::{Action, MOST_PIECES};
