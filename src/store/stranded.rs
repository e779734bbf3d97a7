//! Notifications that wait for a channel that the settings do not name any more: no process takes them.
//!
//! In: the channels that are set. Out: how many wait for each other one. [`super::resend`] takes them to a channel that is
//! set.

use serde::Serialize;

use super::dialect::{Row, batch, sql};
use super::{Store, StoreError};

/// What waits for a channel that is not set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stranded {
    pub channel: String,
    /// By which the customer was to be told.
    pub telling: i64,
    /// That went out beside another one, which tells her.
    pub beside: i64,
    /// That may have been sent.
    pub doubted: i64,
}

#[derive(Serialize)]
struct Set<'a> {
    channel: &'a str,
}

impl Store {
    /// What waits for a channel that is none of `set`.
    pub async fn stranded(&self, set: &[&str]) -> Result<Vec<Stranded>, StoreError> {
        let stranded = sql!("select o.channel, count(case when o.state <> 'in_doubt' and o.id = o.news_id then 1 end) as telling, "
            "count(case when o.state <> 'in_doubt' and o.id <> o.news_id then 1 end) as beside, "
            "count(case when o.state = 'in_doubt' then 1 end) as doubted from outbox o "
            "where o.state in ('queued', 'held', 'in_doubt') and o.channel not in (select channel from "
            rows(channel text) ") group by o.channel order by o.channel");
        let set: Vec<Set> = set.iter().map(|channel| Set { channel }).collect();
        let of_channel = |row: &Row| {
            Ok(Stranded {
                channel: row.text("channel")?,
                telling: row.int("telling")?,
                beside: row.int("beside")?,
                doubted: row.int("doubted")?,
            })
        };
        self.rows(stranded, vec![batch(&set)?]).await?.iter().map(of_channel).collect()
    }
}
