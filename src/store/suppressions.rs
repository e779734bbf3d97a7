//! Addresses that get no mail of a stream: what bounced or was refused for good, and what staff entered.
//!
//! In: addresses, in any letters; they are kept and compared in small ones. Out: what is barred, and why. A corrected
//! address in the shop is another address.

use std::collections::HashMap;

use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

use super::dialect::{Row, Tx, batch, sql, values};
use super::{Store, StoreError};
pub use crate::outbox::stream::Stream;

/// What barred an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// A report that came back after a relay had taken the mail.
    Bounce,
    /// A relay, when it was told the address.
    Refusal,
    Complaint,
    Staff,
}

impl Source {
    pub fn word(self) -> &'static str {
        match self {
            Source::Bounce => "bounce",
            Source::Refusal => "refusal",
            Source::Complaint => "complaint",
            Source::Staff => "staff",
        }
    }

    pub fn of_word(word: &str) -> Option<Source> {
        let all = [Source::Bounce, Source::Refusal, Source::Complaint, Source::Staff];
        all.into_iter().find(|source| source.word() == word)
    }
}

/// An address that gets no mail of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suppression {
    pub address: String,
    pub stream: Stream,
    pub reason: String,
    pub source: Source,
    /// The login name, where staff did it.
    pub who: Option<String>,
    pub since: Timestamp,
    /// The one that bounced or was refused.
    pub notification_id: Option<Uuid>,
}

impl Store {
    /// Bars addresses; one that is barred already keeps its first reason. Returns how many were not.
    pub async fn suppress(&self, barred: &[Suppression]) -> Result<u64, StoreError> {
        let mut tx = self.write().await?;
        let added = add(&mut tx, barred).await?;
        tx.commit().await?;
        Ok(added)
    }

    /// Takes addresses off the list, of these streams; returns what was on it.
    pub async fn unsuppress(&self, addresses: &[String], streams: &[Stream]) -> Result<Vec<Suppression>, StoreError> {
        let mut keys = Vec::new();
        for address in addresses {
            keys.extend(streams.iter().map(|stream| Key { address: folded(address), stream: stream.word() }));
        }
        let take = sql!("delete from suppressions where (address, stream) in (select address, stream from "
            rows(address text, stream text) ") returning *");
        self.alone(take, vec![batch(&keys)?]).await?.iter().map(suppression_of).collect()
    }

    /// The list, by address. What is `None` does not narrow it.
    pub async fn suppressions(
        &self,
        address: Option<&str>,
        stream: Option<Stream>,
    ) -> Result<Vec<Suppression>, StoreError> {
        let list = sql!("select * from suppressions where ($1 is null or address = $1) and ($2 is null or stream = $2) "
            "order by address, stream");
        let values = values![address.map(folded), stream.map(Stream::word)];
        self.rows(list, values).await?.iter().map(suppression_of).collect()
    }

    /// Which of `addresses` get no mail of which stream, and why.
    pub async fn barred(&self, addresses: &[&str]) -> Result<HashMap<(String, Stream), String>, StoreError> {
        #[derive(Serialize)]
        struct Address {
            address: String,
        }
        let rows: Vec<Address> = addresses.iter().map(|address| Address { address: folded(address) }).collect();
        let barred = sql!("select s.* from " rows(address text) " join suppressions s on s.address = x.address");
        let found = self.rows(barred, vec![batch(&rows)?]).await?;
        let entry = |row: &Row| suppression_of(row).map(|found| ((found.address, found.stream), found.reason));
        found.iter().map(entry).collect()
    }
}

#[derive(Serialize)]
struct Key {
    address: String,
    stream: &'static str,
}

/// An address as it is kept and compared.
pub fn folded(address: &str) -> String {
    address.trim().to_lowercase()
}

/// Why `address` gets no mail of `stream`; `None`: it does.
pub(super) async fn barred(tx: &mut Tx, address: &str, stream: Stream) -> Result<Option<String>, StoreError> {
    let barred = sql!("select reason from suppressions where address = $1 and stream = $2");
    let row = tx.row(barred, values![folded(address), stream.word()]).await?;
    row.map(|row| row.text("reason")).transpose()
}

/// Bars addresses inside another fact's transaction.
pub(super) async fn add(tx: &mut Tx, barred: &[Suppression]) -> Result<u64, StoreError> {
    #[derive(Serialize)]
    struct Barred<'a> {
        address: String,
        stream: &'static str,
        reason: &'a str,
        source: &'static str,
        who: Option<&'a str>,
        since: i64,
        notification_id: Option<Uuid>,
    }
    if barred.is_empty() {
        return Ok(0);
    }
    let mut rows: Vec<Barred> = barred
        .iter()
        .map(|barred| Barred {
            address: folded(&barred.address),
            stream: barred.stream.word(),
            reason: &barred.reason,
            source: barred.source.word(),
            who: barred.who.as_deref(),
            since: barred.since.as_microsecond(),
            notification_id: barred.notification_id,
        })
        .collect();
    // Two workers at once take the same addresses in one order, so that neither waits for the other.
    rows.sort_by(|one, other| (&one.address, one.stream).cmp(&(&other.address, other.stream)));
    let insert = sql!("insert into suppressions (address, stream, reason, source, who, since, notification_id) "
        "select x.address, x.stream, x.reason, x.source, x.who, x.since, x.notification_id from "
        rows(address text, stream text, reason text, source text, who text, since bigint, notification_id text)
        " where true on conflict do nothing");
    tx.execute(insert, vec![batch(&rows)?]).await
}

fn suppression_of(row: &Row) -> Result<Suppression, StoreError> {
    Ok(Suppression {
        address: row.text("address")?,
        stream: row.word("stream", Stream::of_word)?,
        reason: row.text("reason")?,
        source: row.word("source", Source::of_word)?,
        who: row.maybe_text("who")?,
        since: row.time("since")?,
        notification_id: row.maybe_text("notification_id")?.map(|_| row.id("notification_id")).transpose()?,
    })
}
