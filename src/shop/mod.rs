//! The merchant's side: the shop's order database, in our words. It is only read, but for the operator's own statements.
//!
//! In: `[orders]`. Out: a [`Look`] at one moment of the database, whose feeds come row by row as [`line::Line`],
//! [`stock::Stock`] ... A row that cannot be read is set aside by itself; anything else that goes wrong is one
//! [`ShopError`], which says whether a person must mend something. What customers answered is written there by
//! [`answers`], and by nothing else.
//!
//! ```text
//! feeds (which queries) ─> select (wrapped: all text) ─> source (one snapshot) ─> look (stream) ─> row ─> cell
//! an answer ─> answers (parameters bound, one transaction) ─> what the shop's database says to it
//! ```

pub mod answers;
mod begin;
mod cell;
mod engine;
mod error;
mod feeds;
pub mod line;
mod look;
mod pieces;
mod row;
mod select;
mod source;
pub mod stock;

use std::sync::Arc;

pub use error::ShopError;
pub use feeds::{Feed, Feeds, mappings};
pub use look::Look;
pub use row::{Row, SetAside};
pub use select::Which;

use crate::settings::duration::Span;
use crate::settings::orders::OrdersSettings;
use source::Source;

/// The shop's database, and what is read from it. Nothing is connected until a look is taken.
#[derive(Clone)]
pub struct Shop {
    source: Arc<Source>,
    feeds: Arc<Feeds>,
    statement_timeout: Span,
}

impl Shop {
    /// Reads the URL and the password; what is wrong with them is an error that names the key and the mend.
    pub fn open(orders: &OrdersSettings, feeds: Feeds) -> Result<Shop, ShopError> {
        if orders.statement_timeout.is_zero() {
            return Err(ShopError::Settings("[orders] statement_timeout must be at least \"1s\"".into()));
        }
        Ok(Shop {
            source: Arc::new(Source::of(orders)?),
            feeds: Arc::new(feeds),
            statement_timeout: orders.statement_timeout,
        })
    }

    /// One read-only snapshot of the shop's database, for all feeds of one sweep.
    pub async fn look(&self) -> Result<Look, ShopError> {
        Look::begin(Arc::clone(&self.source), Arc::clone(&self.feeds), self.statement_timeout).await
    }
}
