//! Notifications in hand: claimed under a lease and rendered. Then they are [marked](super::marks).
//!
//! Leases use the database's clock; every other time comes in. A claim carries a fence: who comes with an older fence
//! has lost the lease and changes nothing. How a try ends is in [`super::ending`].

use std::collections::HashMap;
use std::sync::Arc;

use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

use super::dialect::{Row, batch, sql, values};
use super::{Store, StoreError, dictionaries};
use crate::failpoint::Commit;
use crate::outbox::notification::{Kind, WEBHOOK};
use crate::outbox::plan::Content;
use crate::settings::duration::Span;

/// A notification that this process has in hand.
#[derive(Clone, Debug)]
pub struct Claimed {
    pub id: Uuid,
    /// The notification by which she is told of the same news.
    pub news_id: Uuid,
    pub order_row: i64,
    pub channel: String,
    pub kind: Kind,
    pub content: Content,
    pub fence: i64,
    pub created_at: Timestamp,
    /// Tries so far.
    pub attempts: i64,
    /// Those that brought the end of the ladder nearer.
    pub charged: i64,
    /// Tries of which nobody knows whether they were accepted.
    pub doubts: i64,
    /// The relay that may have taken it; `None`: there was no such try, or its process died with the answer.
    pub doubted_relay: Option<String>,
    /// Whether it was rendered before; then the same bytes go out again.
    pub rendered: bool,
}

impl Claimed {
    /// Whether she is told by it; what goes out beside it to a receiver tells her nothing.
    pub fn tells(&self) -> bool {
        self.id == self.news_id
    }

    /// Whether it is to be sent again freely when it may have arrived: its id protects a receiver, but no customer.
    pub fn is_repeatable(&self) -> bool {
        self.channel == WEBHOOK
    }
}

/// A rendered mail, or what a receiver gets, that is to be kept before it is sent.
#[derive(Clone, Debug)]
pub struct Prepared {
    pub id: Uuid,
    pub fence: i64,
    pub subject: String,
    /// Of a mail.
    pub message_id: Option<String>,
    /// Its link, and the fingerprint of the key that signed it.
    pub link_id: Uuid,
    pub link_key: String,
    /// The bytes with a dead link, packed with the dictionary of this number.
    pub dictionary: i64,
    pub message: Vec<u8>,
}

/// What is kept of it.
#[derive(Clone, Debug)]
pub struct Kept {
    pub link_id: Uuid,
    pub link_key: String,
    /// What it was packed with; `None`: nothing.
    pub dictionary: Option<Arc<[u8]>>,
    pub message: Vec<u8>,
}

/// One try, for the attempts of a notification.
#[derive(Clone, Debug)]
pub struct Attempt {
    pub started_at: Timestamp,
    pub ended_at: Timestamp,
    pub relay: String,
    /// `accepted`, `refused`, `deferred`, `unknown`, ...
    pub outcome: &'static str,
    pub code: Option<u16>,
    pub reply: Option<String>,
}

/// What becomes of a notification after a try.
#[derive(Clone, Debug)]
pub enum Fate {
    /// The receiver has it.
    Sent,
    /// It may have been sent. Once more at `again`, or, without it, for staff to decide.
    InDoubt {
        again: Option<Timestamp>,
    },
    Failed {
        note: String,
    },
    /// Failed, because the relay refused it for good: its recipient, as a rule.
    RecipientRefused {
        note: String,
        /// The reply's code and enhanced code: many that are refused alike are the relay's fault.
        alike: String,
        /// The address itself is bad: it is barred from the notification's stream.
        bad_address: bool,
    },
    /// The address gets no such mail.
    Suppressed {
        note: String,
    },
    /// It comes back; a charged try brings the end of the ladder nearer.
    Again {
        due_at: Timestamp,
        charged: bool,
    },
    /// Overtaken before it left: the order is to be planned afresh.
    Overtaken {
        note: &'static str,
    },
    /// Too late for the option notice in it: the order is to be planned afresh, and staff are told.
    Expired,
    Held {
        note: String,
    },
}

impl Fate {
    /// The word in metrics: that of the state to which it leads, if that is another.
    pub fn word(&self) -> &'static str {
        match self {
            Fate::Sent => "sent",
            Fate::InDoubt { .. } => "in_doubt",
            Fate::Failed { .. } | Fate::RecipientRefused { .. } => "failed",
            Fate::Suppressed { .. } => "suppressed",
            Fate::Again { .. } => "deferred",
            Fate::Overtaken { .. } => "superseded",
            Fate::Expired => "expired",
            Fate::Held { .. } => "held",
        }
    }
}

/// What became of a claimed notification.
#[derive(Clone, Debug)]
pub struct Finish {
    pub claimed: Claimed,
    pub attempt: Option<Attempt>,
    pub fate: Fate,
}

impl Store {
    /// Takes up to `limit` notifications of `channel` that are due at `now`. Until `lease` ends, by the database's
    /// clock, nobody else gets them. Of one order at most one is in hand.
    pub async fn claim(
        &self,
        owner: &str,
        channel: &str,
        now: Timestamp,
        limit: usize,
        lease: Span,
    ) -> Result<Vec<Claimed>, StoreError> {
        let mut tx = self.write().await?;
        // A claim that a crash of the server forgets was never made: nothing is sent without a mark, which comes later.
        tx.without_wait().await?;
        // Differs because PostgreSQL has many claimers at once and SQLite has one writer.
        let claim = sql!("update outbox set state = 'sending', owner = $1, lease_until = " now " + $2" either("", ", in_transfer = false") ", "
            // Not one more than the last: a server that crashed may have forgotten a claim, and the next one must not
            // get the fence of who still believes in it.
            "fence = " either("max", "greatest") "(fence + 1, " now ") "
            "where id in (select o.id from outbox o where o.state in ('queued', 'in_doubt') and o.ready and o.settled "
            "and o.due_at <= $3 and o.channel = $4 "
            // Three questions for each row, in the order of the index, until there are enough: `not exists` would be
            // planned as a join over the whole backlog.
            "and (select 1 from outbox s where s.order_row = o.order_row and s.channel = o.channel and s.state = 'sending' limit 1) is null "
            // What may have been sent goes before what is newer, if both are due.
            "and (select 1 from outbox d where d.order_row = o.order_row and d.channel = o.channel and d.state = 'in_doubt' "
            "and d.due_at <= $3 and d.id <> o.id and (o.state = 'queued' or (d.created_at, d.id) < (o.created_at, o.id)) limit 1) is null "
            // What answers her goes before the news of her order, if both are due: of one order only one may be in hand.
            // Its state is written so that no planner takes the index of all that is due.
            "and (o.state = 'in_doubt' or (select 1 from outbox a where a.order_row = o.order_row and a.channel = o.channel "
            "and not a.news and (a.state || '') = 'queued' and a.ready and a.settled and a.due_at <= $3 and a.id <> o.id "
            "and (o.news or (a.due_at, a.id) < (o.due_at, o.id)) limit 1) is null) "
            "order by o.due_at, o.id limit $5" either("", " for update skip locked") ") "
            "returning id, news_id, order_row, channel, kind, content, fence, created_at, due_at, attempts, charged, doubts, "
            "exists (select 1 from contents c where c.notification_id = outbox.id) as rendered, "
            "case when doubts > 0 then (select a.relay from attempts a where a.notification_id = outbox.id and a.outcome = 'unknown' "
            "order by a.number desc limit 1) end as doubted_relay");
        let values = values![owner, lease.as_micros(), now, channel, limit as i64];
        let rows = match tx.rows(claim, values).await {
            // Another process claims the other notification of an order at this moment: next time.
            Err(StoreError::Database(sqlx::Error::Database(error))) if error.is_unique_violation() => Vec::new(),
            rows => {
                let rows = rows?;
                tx.commit_at(Commit::Claim).await?;
                rows
            }
        };
        let ranked = |row: &Row| Ok((row.int("due_at")?, claimed_of(row)?));
        let mut claimed = rows.iter().map(ranked).collect::<Result<Vec<_>, StoreError>>()?;
        // Of those that waited for a relay together the least tried one goes first: no bad address is every probe.
        claimed.sort_by_key(|(due_at, claimed)| (*due_at, claimed.attempts, claimed.id));
        Ok(claimed.into_iter().map(|(_, claimed)| claimed).collect())
    }

    /// Prolongs every lease of `owner`. A row that is being marked or finished at this moment is left out: to wait for it
    /// with others in hand could be a deadlock, and its lease outlives several beats.
    pub async fn heartbeat(&self, owner: &str, lease: Span) -> Result<(), StoreError> {
        // Differs because SQLite has one writer.
        let prolong = sql!("update outbox set lease_until = " now " + $2 where id in "
            "(select id from outbox where owner = $1 and state = 'sending'" either("", " for update skip locked") ")");
        self.alone(prolong, values![owner, lease.as_micros()]).await.map(drop)
    }

    /// Keeps rendered mails; the same bytes serve every later try. Who lost the lease keeps nothing.
    pub async fn prepare(&self, prepared: &[Prepared]) -> Result<(), StoreError> {
        #[derive(Serialize)]
        struct PreparedRow<'a> {
            id: Uuid,
            fence: i64,
            subject: &'a str,
            message_id: Option<&'a str>,
            link_id: Uuid,
            link_key: &'a str,
            dictionary: i64,
            /// Where its bytes are in those of the whole batch, counted from 1.
            start: usize,
            length: usize,
        }
        if prepared.is_empty() {
            return Ok(());
        }
        let mut messages = Vec::with_capacity(prepared.iter().map(|mail| mail.message.len()).sum());
        let mut rows = Vec::with_capacity(prepared.len());
        for mail in prepared {
            rows.push(PreparedRow {
                id: mail.id,
                fence: mail.fence,
                subject: &mail.subject,
                message_id: mail.message_id.as_deref(),
                link_id: mail.link_id,
                link_key: &mail.link_key,
                dictionary: mail.dictionary,
                start: messages.len() + 1,
                length: mail.message.len(),
            });
            messages.extend_from_slice(&mail.message);
        }
        let keep = sql!("insert into contents (notification_id, subject, message_id, link_id, link_key, dictionary, message) "
            "select x.id, x.subject, x.message_id, x.link_id, x.link_key, x.dictionary, substr($2, cast(x.start as integer), cast(x.length as integer)) from "
            rows(id text, fence bigint, subject text, message_id text, link_id text, link_key text, dictionary bigint, start bigint, length bigint)
            " join outbox o on o.id = x.id and o.fence = x.fence where true on conflict (notification_id) do update "
            "set subject = excluded.subject, message_id = excluded.message_id, link_id = excluded.link_id, "
            "link_key = excluded.link_key, dictionary = excluded.dictionary, message = excluded.message");
        let mut tx = self.write().await?;
        // The mark comes later, and waits for this too.
        tx.without_wait().await?;
        tx.execute(keep, vec![batch(&rows)?, messages.into()]).await?;
        tx.commit_at(Commit::Prepare).await
    }

    /// What is kept of the mails `ids`.
    pub async fn contents(&self, ids: &[Uuid]) -> Result<HashMap<Uuid, Kept>, StoreError> {
        #[derive(Serialize)]
        struct Id {
            id: Uuid,
        }
        if ids.is_empty() {
            return Ok(HashMap::new());
        }
        let mut tx = self.read().await?;
        let kept = sql!("select c.notification_id, c.link_id, c.link_key, c.dictionary, c.message from " rows(id text)
            " join contents c on c.notification_id = x.id");
        let ids: Vec<Id> = ids.iter().map(|id| Id { id: *id }).collect();
        let rows = tx.rows(kept, vec![batch(&ids)?]).await?;
        let dictionaries = dictionaries::of(&mut tx, &rows).await?;
        let kept = |row: &Row| {
            let dictionary = row.maybe_int("dictionary")?.and_then(|number| dictionaries.get(&number).cloned());
            let (link_id, link_key) = (row.id("link_id")?, row.text("link_key")?);
            Ok((row.id("notification_id")?, Kept { link_id, link_key, dictionary, message: row.bytes("message")? }))
        };
        rows.iter().map(kept).collect()
    }

    /// Ends the lease of everything in hand, as if its processes had died. For tests of take-over.
    pub async fn expire_leases(&self) -> Result<(), StoreError> {
        let mut tx = self.write().await?;
        tx.execute(sql!("update outbox set lease_until = 0 where state = 'sending'"), values![]).await?;
        tx.execute(sql!("update choices set lease_until = 0 where owner is not null"), values![]).await?;
        tx.execute(sql!("update leases set until = 0"), values![]).await?;
        tx.commit().await
    }

    /// Whether any process, dead or alive, has notifications in hand.
    pub async fn any_in_hand(&self) -> Result<bool, StoreError> {
        let one = sql!("select 1 as one from outbox where state = 'sending' limit 1");
        Ok(self.row(one, values![]).await?.is_some())
    }

    /// When the next notification of `channel` is due; `None`: nothing is queued.
    pub async fn next_due(&self, channel: &str) -> Result<Option<Timestamp>, StoreError> {
        let next = sql!(
            "select min(due_at) as due_at from outbox where state in ('queued', 'in_doubt') and ready and settled and channel = $1"
        );
        self.row(next, values![channel]).await?.map_or(Ok(None), |row| row.maybe_time("due_at"))
    }
}

pub(super) fn claimed_of(row: &Row) -> Result<Claimed, StoreError> {
    Ok(Claimed {
        id: row.id("id")?,
        news_id: row.id("news_id")?,
        order_row: row.int("order_row")?,
        channel: row.text("channel")?,
        kind: row.word("kind", Kind::of_word)?,
        content: row.json("content")?,
        fence: row.int("fence")?,
        created_at: row.time("created_at")?,
        attempts: row.int("attempts")?,
        charged: row.int("charged")?,
        doubts: row.int("doubts")?,
        doubted_relay: row.maybe_text("doubted_relay")?,
        rendered: row.bool("rendered")?,
    })
}
