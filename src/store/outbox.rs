//! Notifications in hand: claimed under a lease, marked before their transfer, finished with what became of them.
//!
//! Leases use the database's clock; every other time comes in. A claim carries a fence: whoever finishes with an older
//! fence has lost the lease and changes no state, but the evidence that a relay accepted the mail is kept all the same.

use std::collections::HashMap;

use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

use super::dialect::{Row, Tx, batch, sql, values};
use super::tasks::{self, NewTask};
use super::views;
use super::{Store, StoreError};
use crate::outbox::notification::{Kind, State};
use crate::outbox::plan::Content;
use crate::settings::duration::Span;
use crate::watch::standing::Told;

/// A notification that this process has in hand.
#[derive(Clone, Debug)]
pub struct Claimed {
    pub id: Uuid,
    pub order_row: i64,
    pub kind: Kind,
    pub content: Content,
    pub fence: i64,
    pub created_at: Timestamp,
    pub first_tried_at: Option<Timestamp>,
    /// Tries that brought the end of the ladder nearer.
    pub charged: i64,
    /// Tries of which nobody knows whether they were accepted.
    pub doubts: i64,
    /// Whether its mail was rendered before; then the same bytes go out again.
    pub rendered: bool,
}

/// A rendered mail that is to be kept before it is sent.
#[derive(Clone, Debug)]
pub struct Prepared {
    pub id: Uuid,
    pub fence: i64,
    pub subject: String,
    pub message_id: String,
    /// Fingerprint of the key that signed its link.
    pub link_key: String,
    /// The bytes with a dead link, compressed.
    pub message: Vec<u8>,
}

/// What is kept of a mail.
#[derive(Clone, Debug)]
pub struct Kept {
    pub link_key: String,
    pub message: Vec<u8>,
}

/// A notification that is about to be transferred.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Mark {
    pub id: Uuid,
    pub fence: i64,
    pub order_row: i64,
    /// The order's revision that the content was checked against.
    pub revision: i64,
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
    /// It comes back; a charged try brings the end of the ladder nearer.
    Again {
        due_at: Timestamp,
        charged: bool,
    },
    /// Overtaken before it left: the order is to be planned afresh.
    Overtaken {
        note: &'static str,
    },
    Held {
        note: String,
    },
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
        // Differs because PostgreSQL has many claimers at once and SQLite has one writer.
        let claim = sql!("update outbox set state = 'sending', owner = $1, lease_until = " now " + $2, fence = fence + 1, in_transfer = false "
            "where id in (select o.id from outbox o where o.state in ('queued', 'in_doubt') and o.ready and o.settled "
            "and o.due_at <= $3 and o.channel = $4 and not exists (select 1 from outbox s "
            "where s.order_row = o.order_row and s.channel = o.channel and s.state = 'sending') "
            "order by o.due_at, o.id limit $5" either("", " for update skip locked") ") "
            "returning id, order_row, kind, content, fence, created_at, first_tried_at, charged, doubts, message_id");
        let values = values![owner, lease.as_micros(), now, channel, limit as i64];
        let rows = tx.rows(claim, values).await?;
        tx.commit().await?;
        let mut claimed = rows.iter().map(claimed_of).collect::<Result<Vec<_>, _>>()?;
        claimed.sort_by_key(|claimed| claimed.id);
        Ok(claimed)
    }

    /// Prolongs every lease of `owner`.
    pub async fn heartbeat(&self, owner: &str, lease: Span) -> Result<(), StoreError> {
        let mut tx = self.write().await?;
        let prolong = sql!("update outbox set lease_until = " now " + $2 where owner = $1 and state = 'sending'");
        tx.execute(prolong, values![owner, lease.as_micros()]).await?;
        tx.commit().await
    }

    /// Keeps rendered mails; the same bytes serve every later try.
    pub async fn prepare(&self, prepared: &[Prepared]) -> Result<(), StoreError> {
        #[derive(Serialize)]
        struct PreparedRow<'a> {
            id: Uuid,
            fence: i64,
            subject: &'a str,
            message_id: &'a str,
            link_key: &'a str,
            message: String,
        }
        if prepared.is_empty() {
            return Ok(());
        }
        let rows: Vec<PreparedRow> = prepared
            .iter()
            .map(|mail| PreparedRow {
                id: mail.id,
                fence: mail.fence,
                subject: &mail.subject,
                message_id: &mail.message_id,
                link_key: &mail.link_key,
                message: hex(&mail.message),
            })
            .collect();
        let rows = batch(&rows)?;
        let mut tx = self.write().await?;
        let name = sql!("update outbox set subject = x.subject, message_id = x.message_id from "
            rows(id text, fence bigint, subject text, message_id text) " where outbox.id = x.id and outbox.fence = x.fence");
        tx.execute(name, vec![rows.clone()]).await?;
        let keep = sql!("insert into contents (notification_id, link_key, message) select x.id, x.link_key, "
            either("unhex(x.message)", "decode(x.message, 'hex')") " from " rows(id text, link_key text, message text)
            " where true on conflict (notification_id) do update set link_key = excluded.link_key, message = excluded.message");
        tx.execute(keep, vec![rows]).await?;
        tx.commit().await
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
        let kept = sql!("select c.notification_id, c.link_key, c.message from " rows(id text)
            " join contents c on c.notification_id = x.id");
        let ids: Vec<Id> = ids.iter().map(|id| Id { id: *id }).collect();
        let rows = tx.rows(kept, vec![batch(&ids)?]).await?;
        let kept = |row: &Row| {
            Ok((row.id("notification_id")?, Kept { link_key: row.text("link_key")?, message: row.bytes("message")? }))
        };
        rows.iter().map(kept).collect()
    }

    /// Marks notifications as in transfer, if their lease still holds and nothing of their order changed since they
    /// were checked. Returns those that may be sent; the mark is durable before the first byte of them leaves.
    pub async fn mark(&self, marks: &[Mark], now: Timestamp) -> Result<Vec<Uuid>, StoreError> {
        let mut tx = self.write().await?;
        let mark = sql!("update outbox set in_transfer = true, first_tried_at = coalesce(first_tried_at, $2) from "
            rows(id text, fence bigint, order_row bigint, revision bigint)
            " join orders o on o.id = x.order_row and o.revision = x.revision "
            "where outbox.id = x.id and outbox.fence = x.fence and outbox.state = 'sending' and outbox.lease_until > " now
            " returning outbox.id");
        let rows = tx.rows(mark, vec![batch(marks)?, now.into()]).await?;
        tx.commit().await?;
        rows.iter().map(|row| row.id("id")).collect()
    }

    /// Records what became of `finished`, all in one transaction. Returns the orders that are to be planned afresh.
    ///
    /// A try whose lease was lost changes no state, but its attempt is kept, and a mail that was accepted was told.
    pub async fn finish(&self, finished: &[Finish], now: Timestamp) -> Result<Vec<i64>, StoreError> {
        let mut tx = self.write().await?;
        let orders: Vec<i64> = finished.iter().map(|finish| finish.claimed.order_row).collect();
        views::lock(&mut tx, &orders).await?;
        let attempts: Vec<(Uuid, &Attempt)> =
            finished.iter().filter_map(|finish| Some((finish.claimed.id, finish.attempt.as_ref()?))).collect();
        record_attempts(&mut tx, &attempts).await?;
        let successors = successors(&mut tx, finished.iter().map(|finish| &finish.claimed)).await?;
        let moves: Vec<Move> = finished.iter().map(|finish| move_of(finish, &successors, now)).collect();
        if apply(&mut tx, &moves, now).await? < moves.len() as u64 {
            // Somebody else took a lease over that this process had lost. What was accepted is sent all the same.
            reclaim(&mut tx, &moves).await?;
            let sent: Vec<Move> = moves.into_iter().filter(|row| row.state == State::Sent.word()).collect();
            apply(&mut tx, &sent, now).await?;
        }
        let told = finished.iter().filter(|finish| matches!(finish.fate, Fate::Sent | Fate::InDoubt { .. }));
        tell(&mut tx, told.map(|finish| (finish.claimed.id, finish.claimed.order_row, &finish.claimed.content)), now)
            .await?;
        tx.commit().await?;
        let overtaken = finished.iter().filter(|finish| matches!(finish.fate, Fate::Overtaken { .. }));
        Ok(overtaken.map(|finish| finish.claimed.order_row).collect())
    }

    /// Takes back what dead processes had in hand: what was not marked is queued again, what was marked may have been
    /// sent and is in doubt, once more at `again` or for staff. What kills its process three times is held. Returns how
    /// many were taken back.
    pub async fn reap(&self, again: Option<Timestamp>, now: Timestamp) -> Result<usize, StoreError> {
        let mut tx = self.write().await?;
        // Differs because only PostgreSQL has several reapers at once.
        let dead = sql!("select id, order_row, kind, content, fence, created_at, first_tried_at, charged, doubts, message_id, "
            "channel, in_transfer, crashes from outbox where state = 'sending' and lease_until < " now
            " order by id limit 1000" either("", " for update skip locked"));
        let rows = tx.rows(dead, values![]).await?;
        let mut attempts = Vec::with_capacity(rows.len());
        let mut finished = Vec::with_capacity(rows.len());
        for row in &rows {
            let (marked, third) = (row.bool("in_transfer")?, row.int("crashes")? >= 2);
            let claimed = claimed_of(row)?;
            attempts.push(Attempt {
                started_at: now,
                ended_at: now,
                relay: String::new(),
                outcome: if marked { "crashed_in_transfer" } else { "crashed" },
                code: None,
                reply: Some("the process that had it in hand died".into()),
            });
            let fate = match (marked, third) {
                (true, _) => Fate::InDoubt { again: again.filter(|_| claimed.doubts == 0 && !third) },
                (false, true) => Fate::Held { note: "the process that had it in hand died three times".into() },
                (false, false) => Fate::Again { due_at: now, charged: false },
            };
            finished.push(Finish { claimed, attempt: None, fate });
        }
        let named: Vec<(Uuid, &Attempt)> = finished.iter().map(|finish| finish.claimed.id).zip(&attempts).collect();
        record_attempts(&mut tx, &named).await?;
        let successors = successors(&mut tx, finished.iter().map(|finish| &finish.claimed)).await?;
        let crashed = |finish: &Finish| Move { crashes: 1, ..move_of(finish, &successors, now) };
        apply(&mut tx, &finished.iter().map(crashed).collect::<Vec<_>>(), now).await?;
        let told = finished.iter().filter(|finish| matches!(finish.fate, Fate::InDoubt { .. }));
        tell(&mut tx, told.map(|finish| (finish.claimed.id, finish.claimed.order_row, &finish.claimed.content)), now)
            .await?;
        tx.commit().await?;
        Ok(finished.len())
    }

    /// Ends the lease of everything in hand, as if its processes had died. For tests of take-over.
    pub async fn expire_leases(&self) -> Result<(), StoreError> {
        let mut tx = self.write().await?;
        tx.execute(sql!("update outbox set lease_until = 0 where state = 'sending'"), values![]).await?;
        tx.execute(sql!("update leases set until = 0"), values![]).await?;
        tx.commit().await
    }

    /// Whether a process other than `owner` has notifications in hand.
    pub async fn in_hand_elsewhere(&self, owner: &str) -> Result<bool, StoreError> {
        let mut tx = self.read().await?;
        let other = sql!("select 1 as one from outbox where state = 'sending' and owner <> $1 limit 1");
        Ok(tx.row(other, values![owner]).await?.is_some())
    }

    /// When the next notification of `channel` is due; `None`: nothing is queued.
    pub async fn next_due(&self, channel: &str) -> Result<Option<Timestamp>, StoreError> {
        let mut tx = self.read().await?;
        let next = sql!(
            "select min(due_at) as due_at from outbox where state in ('queued', 'in_doubt') and ready and settled and channel = $1"
        );
        tx.row(next, values![channel]).await?.map_or(Ok(None), |row| row.maybe_time("due_at"))
    }
}

/// A row of the outbox on its way to another state.
#[derive(Debug, Serialize)]
struct Move {
    id: Uuid,
    fence: i64,
    state: &'static str,
    /// Whether it is finished: then it leaves for the sent-log.
    leaves: bool,
    due_at: Option<i64>,
    sent_at: Option<i64>,
    note: Option<String>,
    reply: Option<String>,
    tries: i64,
    charged: i64,
    doubts: i64,
    crashes: i64,
    duplicate: bool,
}

fn move_of(finish: &Finish, successors: &[Uuid], now: Timestamp) -> Move {
    let claimed = &finish.claimed;
    let attempt = finish.attempt.as_ref();
    let reply = attempt.and_then(|attempt| Some(format!("{} {}", attempt.code?, attempt.reply.as_deref()?)));
    let mut row = Move {
        id: claimed.id,
        fence: claimed.fence,
        state: State::Queued.word(),
        leaves: false,
        due_at: None,
        sent_at: None,
        note: None,
        reply: reply.or_else(|| attempt.and_then(|attempt| attempt.reply.clone())),
        tries: i64::from(attempt.is_some()),
        charged: 0,
        doubts: 0,
        crashes: 0,
        // Tried again after a try that may have been accepted, and accepted now, or perhaps.
        duplicate: claimed.doubts > 0 && matches!(finish.fate, Fate::Sent | Fate::InDoubt { .. }),
    };
    let doubtful = claimed.doubts > 0;
    match &finish.fate {
        Fate::Sent => {
            (row.state, row.leaves) = (State::Sent.word(), true);
            row.sent_at = Some(attempt.map_or(now, |attempt| attempt.ended_at).as_microsecond());
        }
        Fate::InDoubt { again } => {
            (row.state, row.leaves) = (State::InDoubt.word(), again.is_none());
            (row.doubts, row.charged) = (1, 1);
            row.due_at = again.map(Timestamp::as_microsecond);
            row.note = Some("it may have been sent: the connection broke before the relay's reply".into());
        }
        Fate::Failed { note } => {
            (row.state, row.leaves, row.note) = (State::Failed.word(), true, Some(note.clone()));
        }
        Fate::Again { due_at, charged } => {
            (row.due_at, row.charged) = (Some(due_at.as_microsecond()), i64::from(*charged));
        }
        Fate::Overtaken { note } => {
            (row.state, row.leaves, row.note) = (State::Superseded.word(), true, Some((*note).into()));
        }
        Fate::Held { note } => (row.state, row.note) = (State::Held.word(), Some(note.clone())),
    }
    let unsent = matches!(finish.fate, Fate::Again { .. } | Fate::Held { .. });
    if unsent && successors.contains(&claimed.id) {
        (row.state, row.leaves) = (State::Superseded.word(), true);
        row.note = Some("newer news took over its lines".into());
    }
    // What may have been sent once stays in doubt, whatever becomes of the second try, unless that one is accepted.
    if doubtful && !matches!(finish.fate, Fate::Sent) {
        row.state = State::InDoubt.word();
        row.leaves |= matches!(finish.fate, Fate::Failed { .. } | Fate::Held { .. } | Fate::Overtaken { .. });
    }
    row
}

/// Which of `claimed` have a newer unsent notification of the same order and channel.
async fn successors(tx: &mut Tx, claimed: impl Iterator<Item = &Claimed>) -> Result<Vec<Uuid>, StoreError> {
    #[derive(Serialize)]
    struct Id {
        id: Uuid,
    }
    let ids: Vec<Id> = claimed.map(|claimed| Id { id: claimed.id }).collect();
    let newer = sql!("select o.id from " rows(id text) " join outbox o on o.id = x.id join outbox u "
        "on u.order_row = o.order_row and u.channel = o.channel and u.state in ('queued', 'held')");
    tx.rows(newer, vec![batch(&ids)?]).await?.iter().map(|row| row.id("id")).collect()
}

/// Takes rows back that were accepted under a lease that ended, unless another process has them in hand.
async fn reclaim(tx: &mut Tx, moves: &[Move]) -> Result<(), StoreError> {
    let sent: Vec<&Move> = moves.iter().filter(|row| row.state == State::Sent.word()).collect();
    let take = sql!("update outbox set state = 'sending', fence = x.fence from " rows(id text, fence bigint)
        " where outbox.id = x.id and outbox.state in ('queued', 'in_doubt', 'held') and not exists (select 1 from outbox s "
        "where s.order_row = outbox.order_row and s.channel = outbox.channel and s.state = 'sending')");
    tx.execute(take, vec![batch(&sent)?]).await.map(drop)
}

/// Moves rows that are in hand with their fence, and says how many; others are left alone.
async fn apply(tx: &mut Tx, moves: &[Move], now: Timestamp) -> Result<u64, StoreError> {
    let mut moved = 0;
    let (leaving, staying): (Vec<&Move>, Vec<&Move>) = moves.iter().partition(|row| row.leaves);
    if !staying.is_empty() {
        let stay = sql!("update outbox set state = x.state, due_at = coalesce(x.due_at, outbox.due_at), attempts = attempts + x.tries, "
            "charged = outbox.charged + x.charged, doubts = outbox.doubts + x.doubts, crashes = outbox.crashes + x.crashes, "
            "last_reply = coalesce(x.reply, last_reply), note = x.note, owner = null, lease_until = null, in_transfer = false from "
            rows(id text, fence bigint, state text, due_at bigint, note text, reply text, tries bigint, charged bigint, doubts bigint, crashes bigint)
            " where outbox.id = x.id and outbox.fence = x.fence and outbox.state = 'sending'");
        moved += tx.execute(stay, vec![batch(&staying)?]).await?;
    }
    if !leaving.is_empty() {
        let rows = batch(&leaving)?;
        let log = sql!("insert into sent_log (id, news_id, order_row, channel, kind, kinds, state, content, calendar, released, "
            "created_at, due_at, sent_at, finished_at, attempts, last_reply, note, subject, message_id, possible_duplicate) "
            "select o.id, o.news_id, o.order_row, o.channel, o.kind, o.kinds, x.state, o.content, o.calendar, o.released, "
            "o.created_at, o.due_at, x.sent_at, $2, o.attempts + x.tries, coalesce(x.reply, o.last_reply), x.note, "
            "o.subject, o.message_id, x.duplicate from "
            rows(id text, fence bigint, state text, sent_at bigint, note text, reply text, tries bigint, duplicate boolean)
            " join outbox o on o.id = x.id and o.fence = x.fence where o.state = 'sending'");
        tx.execute(log, vec![rows.clone(), now.into()]).await?;
        add_tasks(tx, &leaving, now).await?;
        let leave = sql!("delete from outbox where state = 'sending' and (id, fence) in (select id, fence from "
            rows(id text, fence bigint) ")");
        moved += tx.execute(leave, vec![rows]).await?;
    }
    Ok(moved)
}

/// What failed for good, or may or may not have been sent, waits for a person.
async fn add_tasks(tx: &mut Tx, leaving: &[&Move], now: Timestamp) -> Result<(), StoreError> {
    let task = |row: &&&Move| {
        let failed = row.state == State::Failed.word();
        let reason = row.note.clone().or_else(|| row.reply.clone()).unwrap_or_default();
        (failed || row.state == State::InDoubt.word()).then(|| NewTask {
            kind: if failed { "failed" } else { "in_doubt" },
            shop_id: String::new(),
            subject: row.id.to_string(),
            reason,
            mend: if failed {
                format!(
                    "see `backorderd show {}`; tell the customer by other means, or correct her address in the shop",
                    row.id
                )
            } else {
                format!("see `backorderd show {}`; ask the relay's log or the customer whether it arrived", row.id)
            },
        })
    };
    let tasks: Vec<NewTask> = leaving.iter().filter_map(|row| task(&row)).collect();
    tasks::add(tx, &tasks, now).await
}

/// Ends notifications that nobody has in hand.
pub(super) async fn finish_unsent(
    tx: &mut Tx,
    ended: &[(Uuid, &'static str)],
    state: State,
    now: Timestamp,
) -> Result<(), StoreError> {
    #[derive(Serialize)]
    struct Ended<'a> {
        id: Uuid,
        note: &'a str,
    }
    if ended.is_empty() {
        return Ok(());
    }
    let rows: Vec<Ended> = ended.iter().map(|(id, note)| Ended { id: *id, note }).collect();
    let rows = batch(&rows)?;
    let log = sql!("insert into sent_log (id, news_id, order_row, channel, kind, kinds, state, content, calendar, released, "
        "created_at, due_at, finished_at, attempts, last_reply, note, subject, message_id, possible_duplicate) "
        "select o.id, o.news_id, o.order_row, o.channel, o.kind, o.kinds, $2, o.content, o.calendar, o.released, o.created_at, "
        "o.due_at, $3, o.attempts, o.last_reply, x.note, o.subject, o.message_id, false from " rows(id text, note text)
        " join outbox o on o.id = x.id where o.state in ('queued', 'held')");
    tx.execute(log, vec![rows.clone(), state.word().into(), now.into()]).await?;
    let leave =
        sql!("delete from outbox where state in ('queued', 'held') and id in (select id from " rows(id text) ")");
    tx.execute(leave, vec![rows]).await.map(drop)
}

/// Records what she is told now, and that her order is to be looked at again: her clock starts anew.
async fn tell<'a>(
    tx: &mut Tx,
    told: impl Iterator<Item = (Uuid, i64, &'a Content)>,
    now: Timestamp,
) -> Result<(), StoreError> {
    #[derive(Serialize)]
    struct ToldRow<'a> {
        id: Uuid,
        order_row: i64,
        line_id: &'a str,
        told: String,
    }
    let mut rows = Vec::new();
    for (id, order_row, content) in told {
        for line in &content.lines {
            // Whoever gets a mail about a line was told, by this one or before, that it waits.
            let told = Told { standing: line.standing.clone(), at: now, waited: true };
            rows.push(ToldRow { id, order_row, line_id: &line.line_id, told: serde_json::to_string(&told)? });
        }
    }
    if rows.is_empty() {
        return Ok(());
    }
    let rows = batch(&rows)?;
    let upsert = sql!("insert into tellings (shop_id, line_id, recipient, told, notification_id) "
        "select o.shop_id, x.line_id, o.recipient, x.told, x.id from " rows(id text, order_row bigint, line_id text, told text)
        " join orders o on o.id = x.order_row where true on conflict (shop_id, line_id, recipient) "
        "do update set told = excluded.told, notification_id = excluded.notification_id");
    tx.execute(upsert, vec![rows.clone()]).await?;
    let quiet = sql!("update orders set quiet_since = $2, look_at = $2, revision = revision + 1 "
        "where id in (select order_row from " rows(order_row bigint) ")");
    tx.execute(quiet, vec![rows, now.into()]).await.map(drop)
}

async fn record_attempts(tx: &mut Tx, attempts: &[(Uuid, &Attempt)]) -> Result<(), StoreError> {
    #[derive(Serialize)]
    struct AttemptRow<'a> {
        id: Uuid,
        started_at: i64,
        ended_at: i64,
        relay: &'a str,
        outcome: &'a str,
        code: Option<u16>,
        reply: Option<&'a str>,
    }
    if attempts.is_empty() {
        return Ok(());
    }
    let rows: Vec<AttemptRow> = attempts
        .iter()
        .map(|(id, attempt)| AttemptRow {
            id: *id,
            started_at: attempt.started_at.as_microsecond(),
            ended_at: attempt.ended_at.as_microsecond(),
            relay: &attempt.relay,
            outcome: attempt.outcome,
            code: attempt.code,
            reply: attempt.reply.as_deref(),
        })
        .collect();
    let insert = sql!("insert into attempts (notification_id, number, started_at, ended_at, relay, outcome, code, reply) "
        "select x.id, 1 + (select count(*) from attempts a where a.notification_id = x.id), x.started_at, x.ended_at, "
        "x.relay, x.outcome, x.code, x.reply from "
        rows(id text, started_at bigint, ended_at bigint, relay text, outcome text, code bigint, reply text)
        " where true on conflict do nothing");
    tx.execute(insert, vec![batch(&rows)?]).await.map(drop)
}

fn claimed_of(row: &Row) -> Result<Claimed, StoreError> {
    Ok(Claimed {
        id: row.id("id")?,
        order_row: row.int("order_row")?,
        kind: row.word("kind", Kind::of_word)?,
        content: row.json("content")?,
        fence: row.int("fence")?,
        created_at: row.time("created_at")?,
        first_tried_at: row.maybe_time("first_tried_at")?,
        charged: row.int("charged")?,
        doubts: row.int("doubts")?,
        rendered: row.maybe_text("message_id")?.is_some(),
    })
}

fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |nibble: u8| char::from(DIGITS[usize::from(nibble)]);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}
