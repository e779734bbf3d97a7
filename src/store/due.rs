//! Whether there is anything to do: one small question, so that a process that has nothing to do does next to nothing.
//!
//! In: the time. Out: yes or no. A "yes" may be too much: then the claim that follows finds nothing.

use jiff::Timestamp;

use super::dialect::{sql, values};
use super::{Store, StoreError};

impl Store {
    /// Whether anything of `channel` may be claimed at `now`, taken over from the dead, or put back.
    pub async fn is_due(&self, channel: &str, now: Timestamp) -> Result<bool, StoreError> {
        let due = sql!("select (exists (select 1 from outbox where state in ('queued', 'in_doubt') and ready and settled "
            "and channel = $1 and due_at <= $2) "
            "or exists (select 1 from outbox" either(" indexed by outbox_one_in_hand", "")
            " where state = 'sending' and lease_until < " now ") "
            "or exists (select 1 from refusals where not put_back)) as due");
        let row = self.row(due, values![channel, now]).await?;
        row.map_or(Ok(false), |row| row.bool("due"))
    }

    /// Whether any answer is to be handed over at `now`, or was in the hands of a process that died.
    pub async fn is_answer_due(&self, now: Timestamp) -> Result<bool, StoreError> {
        let due = sql!("select (exists (select 1 from choices where state = 'open' and (statement = 'waiting' or hook = 'waiting') "
            "and due_at <= $1 and owner is null) or exists (select 1 from choices where owner is not null and lease_until < " now ")) as due");
        let row = self.row(due, values![now]).await?;
        row.map_or(Ok(false), |row| row.bool("due"))
    }
}
