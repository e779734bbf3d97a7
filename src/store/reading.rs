//! What the state database shows to whoever watches the service, read at every scrape.
//!
//! In: nothing. Out: one [`Reading`]. It asks the outbox, which is small, and indexes; never the sent-log.

use jiff::Timestamp;

use super::dialect::{Row, Tx, sql, values};
use super::facts::fact;
use super::tasks::{self, HeldNotices};
use super::{Store, StoreError};
use crate::outbox::notification::{MAIL, State, WEBHOOK};
use crate::outbox::schedule::Schedules;
use crate::watch::WATCH;

/// What is not finished, what waits, and who watches.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    /// How many notifications are in each state that is not finished.
    pub outbox: Vec<(State, i64)>,
    /// Since when the oldest is due, in hand or not, or will be, or was tried in vain with nobody to take it; by channel.
    pub oldest_due: Vec<(&'static str, Timestamp)>,
    /// In hand, with a lease that has ended.
    pub abandoned: i64,
    /// May have been sent, and goes out once more.
    pub in_doubt: InDoubt,
    pub in_doubt_for_staff: InDoubt,
    pub held_notices: HeldNotices,
    /// How many tasks are written down and open, by kind.
    pub tasks: Vec<(String, i64)>,
    /// When the oldest answer was given that is still on its way to the shop.
    pub oldest_answer: Option<Timestamp>,
    /// What only one process may do, and for how long who does it has it, in microseconds; below 0: nobody.
    pub leases: Vec<(String, i64)>,
    pub webhook_disabled: bool,
    pub sweep_began_at: Option<Timestamp>,
    pub swept_at: Option<Timestamp>,
}

/// Notifications of which nobody knows whether they were sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct InDoubt {
    pub number: i64,
    /// When the oldest became so.
    pub since: Option<Timestamp>,
}

impl Store {
    /// Reads it all.
    pub async fn reading(&self) -> Result<Reading, StoreError> {
        let outbox = self.outbox_counts().await?;
        let held_notices = self.held_notices().await?;
        let mut tx = self.read().await?;
        let mut oldest_due = Vec::new();
        for channel in [MAIL, WEBHOOK] {
            // What nobody could take is due again later and later, through no fault of its own: that counts from its birth.
            // The first row of the index: `min` would be planned as a walk through all of it.
            let due = sql!("select min(since) as since from (select since from (select due_at as since from outbox "
                "where state in ('queued', 'in_doubt') and ready and settled and channel = $1 order by channel, due_at limit 1) d "
                "union all select min(created_at) from outbox "
                "where state = 'queued' and attempts > 0 and charged = 0 and channel = $1 "
                // What is in hand was not sent yet: its worker may be kept waiting.
                "union all select min(due_at) from outbox where state = 'sending' and channel = $1) x");
            let row = tx.row(due, values![channel]).await?;
            oldest_due.extend(row.map_or(Ok(None), |row| row.maybe_time("since"))?.map(|since| (channel, since)));
        }
        let abandoned = sql!("select count(*) as number from outbox where state = 'sending' and lease_until < " now);
        let (abandoned, leases) = (tx.row(abandoned, values![]).await?, leases(&mut tx).await?);
        let in_doubt = in_doubt(&mut tx).await?;
        let (tasks, in_doubt_for_staff) = written_down(&mut tx).await?;
        let answer = sql!("select min(chosen_at) as since from choices "
            "where state = 'open' and (statement = 'waiting' or hook = 'waiting')");
        let answer = tx.row(answer, values![]).await?;
        let [disabled, began, swept] = facts(&mut tx).await?;
        Ok(Reading {
            outbox,
            oldest_due,
            abandoned: abandoned.map_or(Ok(0), |row| row.int("number"))?,
            in_doubt,
            in_doubt_for_staff,
            held_notices,
            tasks,
            oldest_answer: answer.map_or(Ok(None), |row| row.maybe_time("since"))?,
            leases,
            webhook_disabled: disabled.is_some(),
            sweep_began_at: began,
            swept_at: swept,
        })
    }

    /// How many tasks there are that nothing writes down, by kind. It reads lines, so it is not for every scrape.
    pub async fn found_tasks(
        &self,
        schedules: &Schedules,
        now: Timestamp,
    ) -> Result<Vec<(&'static str, usize)>, StoreError> {
        let refunds = self.refunds_due(schedules, now).await?.len();
        let mut tx = self.read().await?;
        let without_address = tasks::without_address(&mut tx).await?.len();
        Ok(vec![("no_address", without_address), ("refund_due", refunds)])
    }
}

/// The mails that go out once more, and since when nobody knows of the oldest.
async fn in_doubt(tx: &mut Tx) -> Result<InDoubt, StoreError> {
    let doubts = sql!("select count(*) as number, (select min(a.ended_at) from outbox o join attempts a "
        "on a.notification_id = o.id where o.state = 'in_doubt' and a.outcome in ('unknown', 'crashed_in_transfer')) as since "
        "from outbox where state = 'in_doubt'");
    let doubts_of = |row: Row| Ok(InDoubt { number: row.int("number")?, since: row.maybe_time("since")? });
    tx.row(doubts, values![]).await?.map_or(Ok(InDoubt::default()), doubts_of)
}

/// The open tasks that are written down, and what those of them say that are about mails in doubt.
async fn written_down(tx: &mut Tx) -> Result<(Vec<(String, i64)>, InDoubt), StoreError> {
    let open = sql!("select kind, count(*) as number, min(created_at) as since from tasks where done_at is null "
        "group by kind order by kind");
    let (mut tasks, mut in_doubt) = (Vec::new(), InDoubt::default());
    for row in tx.rows(open, values![]).await? {
        let (kind, number) = (row.text("kind")?, row.int("number")?);
        if kind == State::InDoubt.word() {
            in_doubt = InDoubt { number, since: row.maybe_time("since")? };
        }
        tasks.push((kind, number));
    }
    Ok((tasks, in_doubt))
}

async fn leases(tx: &mut Tx) -> Result<Vec<(String, i64)>, StoreError> {
    let leases = sql!("select name, until - " now " as remaining from leases order by name");
    let lease = |row: &Row| Ok((row.text("name")?, row.int("remaining")?));
    let mut held = tx.rows(leases, values![]).await?.iter().map(lease).collect::<Result<Vec<_>, StoreError>>()?;
    if held.iter().all(|(name, _)| name != WATCH) {
        held.push((WATCH.to_owned(), 0));
    }
    Ok(held)
}

/// When the receiver said no, when the last sweep began, and when the last accepted one did.
async fn facts(tx: &mut Tx) -> Result<[Option<Timestamp>; 3], StoreError> {
    let known = tx.rows(sql!("select name, value from facts"), values![]).await?;
    let mut found = [None; 3];
    for row in known {
        let name = row.text("name")?;
        let names = [fact::WEBHOOK_DISABLED_AT, fact::SWEEP_BEGAN_AT, fact::SWEPT_AT];
        if let Some(place) = names.iter().position(|known| *known == name) {
            let micros = row.text("value")?.parse().ok();
            found[place] = micros.and_then(|micros| Timestamp::from_microsecond(micros).ok());
        }
    }
    Ok(found)
}
