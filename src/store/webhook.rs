//! Whether the receiver of notifications wants any: a 410 says no, staff say yes again.
//!
//! In: the one or the other. Out: a fact that every process reads before it claims, and a task for as long as it stands.

use jiff::Timestamp;

use super::dialect::{sql, values};
use super::facts::fact;
use super::tasks::{self, NewTask};
use super::{Store, StoreError};

/// The receiver answered 410.
const DISABLED: &str = "webhook_disabled";

impl Store {
    /// The receiver, `host:port`, wants no more. When it said so first counts.
    pub async fn disable_webhook(&self, receiver: &str, now: Timestamp) -> Result<(), StoreError> {
        let mut tx = self.write().await?;
        let disable = sql!("insert into facts (name, value) values ($1, $2) on conflict (name) do nothing");
        let when = now.as_microsecond().to_string();
        tx.execute(disable, values![fact::WEBHOOK_DISABLED_AT, when]).await?;
        let task = NewTask {
            kind: DISABLED,
            shop_id: String::new(),
            subject: receiver.to_owned(),
            reason: "the receiver answered 410: it wants no more notifications, and they wait".into(),
            mend: "mend the receiver, or webhook.url, then run `backorderd webhook enable`".into(),
        };
        tasks::add(&mut tx, &[task], now).await?;
        tx.commit().await
    }

    /// The receiver gets notifications again. `false`: it had not been disabled.
    pub async fn enable_webhook(&self, now: Timestamp) -> Result<bool, StoreError> {
        let mut tx = self.write().await?;
        let enabled = tx.execute(sql!("delete from facts where name = $1"), values![fact::WEBHOOK_DISABLED_AT]).await?;
        let done = sql!("update tasks set done_at = $2 where done_at is null and kind = $1");
        tx.execute(done, values![DISABLED, now]).await?;
        tx.commit().await?;
        Ok(enabled > 0)
    }

    /// Since when the receiver wants no more; `None`: it gets what is due.
    pub async fn webhook_disabled_at(&self) -> Result<Option<Timestamp>, StoreError> {
        let at = self.fact_number(fact::WEBHOOK_DISABLED_AT).await?;
        Ok(at.and_then(|at| Timestamp::from_microsecond(at).ok()))
    }
}
