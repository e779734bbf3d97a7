//! How tries end: what became of each notification, what its recipient was told by it, what staff have to know.
//!
//! In: the fates of what this process had in hand, or the notifications of processes that died. Out: rows that stay in
//! the outbox or leave it for the sent-log, all in one transaction. Who lost the lease changes no state, but the attempt
//! is kept, and so is the evidence that a relay accepted the mail.

use std::collections::HashSet;

use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

use super::dialect::{Tx, batch, sql, values};
use super::outbox::{Attempt, Claimed, Fate, Finish, claimed_of};
use super::suppressions::Stream;
use super::tasks::{self, NewTask};
use super::{Store, StoreError, promises, refusing, views};
use crate::failpoint::Commit;
use crate::outbox::notification::State;
use crate::watch::standing::Told;

/// The outcomes of tries whose process died.
const CRASHED: &str = "crashed";
const CRASHED_IN_TRANSFER: &str = "crashed_in_transfer";

/// Why a notification expired.
pub(super) const TOO_LATE: &str = "its option notice was not sent before the midnight that ended its last day";

impl Store {
    /// Records what became of `finished`, all in one transaction. Returns the orders that are to be planned afresh.
    pub async fn finish(&self, finished: &[Finish], now: Timestamp) -> Result<Vec<i64>, StoreError> {
        if finished.is_empty() {
            return Ok(Vec::new());
        }
        let mut tx = self.write().await?;
        let orders: Vec<i64> = finished.iter().map(|finish| finish.claimed.order_row).collect();
        views::lock(&mut tx, &orders).await?;
        record_attempts(&mut tx, finished).await?;
        let ours = in_hand(&mut tx, finished).await?;
        let (ours, lost): (Vec<&Finish>, Vec<&Finish>) =
            finished.iter().partition(|finish| ours.contains(&finish.claimed.id));
        end(&mut tx, &ours, now).await?;
        accept_late(&mut tx, &lost, now).await?;
        tx.commit_at(Commit::Finish).await?;
        let overtaken = ours.iter().filter(|finish| matches!(finish.fate, Fate::Overtaken { .. } | Fate::Expired));
        Ok(overtaken.map(|finish| finish.claimed.order_row).collect())
    }

    /// Takes back what dead processes had in hand: what was not marked is queued again, what was marked may have been
    /// sent and is in doubt, once more at `again` or for staff. What was being rendered or sent when its process died
    /// three times is held. Returns how many were taken back.
    pub async fn reap(&self, again: Option<Timestamp>, now: Timestamp) -> Result<usize, StoreError> {
        let mut tx = self.write().await?;
        let dead = sql!("select order_row from outbox where state = 'sending' and lease_until < " now " order by id limit 1000");
        let orders: Vec<i64> =
            tx.rows(dead, values![]).await?.iter().map(|row| row.int("order_row")).collect::<Result<_, _>>()?;
        if orders.is_empty() {
            return Ok(0);
        }
        views::lock(&mut tx, &orders).await?;
        // Read again under the lock: another process may have been faster.
        let dead = sql!("select id, order_row, kind, content, fence, created_at, charged, doubts, "
            "exists (select 1 from contents c where c.notification_id = outbox.id) as rendered, "
            "(select a.relay from attempts a where a.notification_id = outbox.id and a.outcome = 'unknown' "
            "order by a.number desc limit 1) as doubted_relay, in_transfer, crashes from " rows(n bigint)
            " join outbox on outbox.order_row = x.n where state = 'sending' and lease_until < " now);
        let mut finished = Vec::with_capacity(orders.len());
        for row in tx.rows(dead, vec![views::numbers(orders.iter().copied())?]).await? {
            let (claimed, marked) = (claimed_of(&row)?, row.bool("in_transfer")?);
            finished.push(if claimed.rendered && !marked {
                waited(claimed, now)
            } else {
                crashed(claimed, marked, row.int("crashes")? + 1, again, now)
            });
        }
        record_attempts(&mut tx, &finished).await?;
        end(&mut tx, &finished.iter().collect::<Vec<_>>(), now).await?;
        tx.commit_at(Commit::Reap).await?;
        Ok(finished.len())
    }
}

/// A notification that was rendered and waited for a connection had no part in the death of its process: it is taken
/// back as if nothing had been. A few deaths in a row would hold a whole queue otherwise.
fn waited(claimed: Claimed, now: Timestamp) -> Finish {
    Finish { claimed, attempt: None, fate: Fate::Again { due_at: now, charged: false } }
}

/// What becomes of a notification whose process died for the `crashes`th time.
fn crashed(claimed: Claimed, marked: bool, crashes: i64, again: Option<Timestamp>, now: Timestamp) -> Finish {
    let often = crashes >= 3;
    let fate = match (marked, often) {
        (true, _) => Fate::InDoubt { again: again.filter(|_| claimed.doubts == 0 && !often) },
        (false, true) => Fate::Held { note: "the process that had it in hand died three times".into() },
        (false, false) => Fate::Again { due_at: now, charged: false },
    };
    let attempt = Attempt {
        started_at: now,
        ended_at: now,
        relay: String::new(),
        outcome: if marked { CRASHED_IN_TRANSFER } else { CRASHED },
        code: None,
        reply: Some("the process that had it in hand died".into()),
    };
    Finish { claimed, attempt: Some(attempt), fate }
}

/// Which of `finished` this process still has in hand.
async fn in_hand(tx: &mut Tx, finished: &[Finish]) -> Result<HashSet<Uuid>, StoreError> {
    #[derive(Serialize)]
    struct Hand {
        id: Uuid,
        fence: i64,
    }
    let hands: Vec<Hand> =
        finished.iter().map(|finish| Hand { id: finish.claimed.id, fence: finish.claimed.fence }).collect();
    let ours = sql!("select o.id from " rows(id text, fence bigint)
        " join outbox o on o.id = x.id and o.fence = x.fence where " sending(o));
    tx.rows(ours, vec![batch(&hands)?]).await?.iter().map(|row| row.id("id")).collect()
}

/// Ends tries of notifications that are in hand.
async fn end(tx: &mut Tx, finished: &[&Finish], now: Timestamp) -> Result<(), StoreError> {
    let successors = successors(tx, finished).await?;
    let moves: Vec<Move> = finished.iter().map(|finish| move_of(finish, &successors, now)).collect();
    apply(tx, &moves, now).await?;
    let (told, other): (Vec<&Finish>, Vec<&Finish>) =
        finished.iter().partition(|finish| matches!(finish.fate, Fate::Sent | Fate::InDoubt { .. }));
    tell(tx, &told, now).await?;
    accept(tx, finished, now).await?;
    refusing::bar(tx, finished, now).await?;
    let overtaken = |finish: &&Finish| {
        let is_news = finish.claimed.kind.is_news() && finish.claimed.doubts == 0;
        is_news && matches!(finish.fate, Fate::Overtaken { .. } | Fate::Expired)
    };
    unplan(tx, &other.into_iter().filter(overtaken).collect::<Vec<_>>(), now).await
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
    /// An update that the address gets no more: nobody waits for it.
    spared: bool,
}

fn move_of(finish: &Finish, successors: &HashSet<Uuid>, now: Timestamp) -> Move {
    let claimed = &finish.claimed;
    let attempt = finish.attempt.as_ref();
    let reply = attempt.and_then(|attempt| Some(format!("{} {}", attempt.code?, attempt.reply.as_deref()?)));
    let doubtful = claimed.doubts > 0;
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
        crashes: i64::from(attempt.is_some_and(|attempt| [CRASHED, CRASHED_IN_TRANSFER].contains(&attempt.outcome))),
        // Tried again after a try that may have been accepted, and accepted now, or perhaps.
        duplicate: doubtful && matches!(finish.fate, Fate::Sent | Fate::InDoubt { .. }),
        spared: matches!(finish.fate, Fate::Suppressed { .. }) && Stream::of(&claimed.content) != Stream::OrderNotices,
    };
    match &finish.fate {
        Fate::Sent => {
            (row.state, row.leaves) = (State::Sent.word(), true);
            row.sent_at = Some(attempt.map_or(now, |attempt| attempt.ended_at).as_microsecond());
        }
        Fate::InDoubt { again } => {
            (row.state, row.leaves) = (State::InDoubt.word(), again.is_none());
            (row.doubts, row.charged) = (1, 1);
            row.due_at = again.map(Timestamp::as_microsecond);
            row.note = Some("it may have been sent: there was no reply to its end".into());
        }
        Fate::Failed { note } | Fate::BadAddress { note } => {
            (row.state, row.leaves, row.note) = (State::Failed.word(), true, Some(note.clone()));
        }
        Fate::Suppressed { note } => {
            (row.state, row.leaves, row.note) = (State::Suppressed.word(), true, Some(note.clone()));
        }
        Fate::Again { due_at, charged } => {
            (row.due_at, row.charged) = (Some(due_at.as_microsecond()), i64::from(*charged));
        }
        Fate::Overtaken { note } => {
            (row.state, row.leaves, row.note) = (State::Superseded.word(), true, Some((*note).into()));
        }
        Fate::Expired => {
            (row.state, row.leaves, row.note) = (State::Expired.word(), true, Some(TOO_LATE.into()));
        }
        Fate::Held { note } => (row.state, row.note) = (State::Held.word(), Some(note.clone())),
    }
    let unsent = matches!(finish.fate, Fate::Again { .. } | Fate::Held { .. });
    if unsent && !doubtful && successors.contains(&claimed.id) {
        (row.state, row.leaves) = (State::Superseded.word(), true);
        row.note = Some("newer news took over its lines".into());
    }
    // What may have been sent once stays in doubt, whatever becomes of the second try, unless that one is accepted.
    if doubtful && !matches!(finish.fate, Fate::Sent) {
        row.state = State::InDoubt.word();
        row.leaves |= matches!(finish.fate, Fate::Held { .. });
    }
    row
}

/// Which of `finished` have a newer unsent notification of the same order and channel.
async fn successors(tx: &mut Tx, finished: &[&Finish]) -> Result<HashSet<Uuid>, StoreError> {
    #[derive(Serialize)]
    struct Id {
        id: Uuid,
    }
    let ids: Vec<Id> = finished.iter().map(|finish| Id { id: finish.claimed.id }).collect();
    let newer = sql!("select o.id from " rows(id text) " join outbox o on o.id = x.id join outbox u "
        "on u.order_row = o.order_row and u.channel = o.channel and u.state in ('queued', 'held') and u.news where o.news");
    tx.rows(newer, vec![batch(&ids)?]).await?.iter().map(|row| row.id("id")).collect()
}

/// Moves rows that are in hand; their fences were looked at.
async fn apply(tx: &mut Tx, moves: &[Move], now: Timestamp) -> Result<(), StoreError> {
    let (leaving, staying): (Vec<&Move>, Vec<&Move>) = moves.iter().partition(|row| row.leaves);
    if !staying.is_empty() {
        let stay = sql!("update outbox set state = x.state, due_at = coalesce(x.due_at, outbox.due_at), attempts = attempts + x.tries, "
            "charged = outbox.charged + x.charged, doubts = outbox.doubts + x.doubts, crashes = outbox.crashes + x.crashes, "
            "last_reply = coalesce(x.reply, last_reply), note = x.note, owner = null, lease_until = null, in_transfer = false from "
            rows(id text, fence bigint, state text, due_at bigint, note text, reply text, tries bigint, charged bigint, doubts bigint, crashes bigint)
            " where outbox.id = x.id and outbox.fence = x.fence and " sending(outbox));
        tx.execute(stay, vec![batch(&staying)?]).await?;
    }
    if !leaving.is_empty() {
        let rows = batch(&leaving)?;
        let log = sql!("insert into sent_log (id, news_id, order_row, channel, kind, kinds, state, content, calendar, released, "
            "created_at, due_at, sent_at, finished_at, attempts, last_reply, note, possible_duplicate) "
            "select o.id, o.news_id, o.order_row, o.channel, o.kind, o.kinds, x.state, o.content, o.calendar, o.released, "
            "o.created_at, o.due_at, x.sent_at, $2, o.attempts + x.tries, coalesce(x.reply, o.last_reply), x.note, "
            "x.duplicate from "
            rows(id text, fence bigint, state text, sent_at bigint, note text, reply text, tries bigint, duplicate boolean)
            " join outbox o on o.id = x.id and o.fence = x.fence where " sending(o));
        tx.execute(log, vec![rows.clone(), now.into()]).await?;
        let leave = sql!("delete from outbox where " sending(outbox) " and (id, fence) in (select id, fence from "
            rows(id text, fence bigint) ")");
        tx.execute(leave, vec![rows]).await?;
        let tasks: Vec<NewTask> = leaving.into_iter().filter_map(task).collect();
        tasks::add(tx, &tasks, now).await?;
    }
    Ok(())
}

/// What failed for good, came too late, may not be sent, or may or may not have been sent, waits for a person; but an
/// update that an address is spared does not.
fn task(row: &Move) -> Option<NewTask> {
    if row.spared && row.state == State::Suppressed.word() {
        return None;
    }
    let reason = row.note.clone().or_else(|| row.reply.clone()).unwrap_or_default();
    task_of(State::of_word(row.state)?, row.id, reason)
}

/// The task that a notification which ended in `state` leaves to staff.
fn task_of(state: State, id: Uuid, reason: String) -> Option<NewTask> {
    let mend = match state {
        State::Failed => {
            "tell the customer by other means, or correct her address in the shop; `backorderd resend` sends it again"
        }
        State::InDoubt => "ask the relay's log or the customer whether it arrived; if not, `backorderd resend` it",
        State::Expired => "a refund may be owed: see `backorderd deadlines`",
        State::Suppressed => {
            "tell the customer by other means, or correct her address in the shop; see `backorderd suppress list`"
        }
        _ => return None,
    };
    Some(NewTask {
        kind: state.word(),
        shop_id: String::new(),
        subject: id.to_string(),
        reason,
        mend: format!("see `backorderd show {id}`; {mend}"),
    })
}

/// Records what accepted notifications said of the law. One in doubt does not count.
async fn accept(tx: &mut Tx, finished: &[&Finish], now: Timestamp) -> Result<(), StoreError> {
    let sent = finished.iter().filter(|finish| matches!(finish.fate, Fate::Sent) && finish.claimed.kind.is_news());
    let accepted: Vec<_> = sent
        .map(|finish| {
            let at = finish.attempt.as_ref().map_or(now, |attempt| attempt.ended_at);
            (finish.claimed.id, finish.claimed.order_row, &finish.claimed.content, at)
        })
        .collect();
    promises::accept(tx, &accepted).await
}

/// A relay's acceptance that came after the lease had ended: the mail is sent, unless another process has it in hand.
/// What it tells was told when it was taken back, because it was in transfer.
async fn accept_late(tx: &mut Tx, lost: &[&Finish], now: Timestamp) -> Result<(), StoreError> {
    let sent = lost.iter().filter(|finish| matches!(finish.fate, Fate::Sent));
    let moves: Vec<Move> = sent.map(|finish| move_of(finish, &HashSet::new(), now)).collect();
    if moves.is_empty() {
        return Ok(());
    }
    let rows = batch(&moves)?;
    let take = sql!("update outbox set state = 'sending', fence = x.fence from " rows(id text, fence bigint)
        " where outbox.id = x.id and outbox.state in ('queued', 'in_doubt', 'held') and not exists (select 1 from outbox s "
        "where s.order_row = outbox.order_row and s.channel = outbox.channel and s.state = 'sending')");
    tx.execute(take, vec![rows.clone()]).await?;
    apply(tx, &moves, now).await?;
    accept(tx, lost, now).await?;
    let settle = sql!("update sent_log set state = 'sent', sent_at = x.sent_at, note = null, last_reply = coalesce(x.reply, last_reply) from "
        rows(id text, sent_at bigint, reply text) " where sent_log.id = x.id and sent_log.state = 'in_doubt'");
    tx.execute(settle, vec![rows.clone()]).await?;
    let done = sql!("update tasks set done_at = $2 where done_at is null and kind = 'in_doubt' and subject in (select id from "
        rows(id text) ")");
    tx.execute(done, vec![rows, now.into()]).await.map(drop)
}

/// Ends notifications that nobody has in hand.
pub(super) async fn end_unsent(
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
        "created_at, due_at, finished_at, attempts, last_reply, note, possible_duplicate) "
        "select o.id, o.news_id, o.order_row, o.channel, o.kind, o.kinds, $2, o.content, o.calendar, o.released, o.created_at, "
        "o.due_at, $3, o.attempts, o.last_reply, x.note, false from " rows(id text, note text)
        " join outbox o on o.id = x.id where o.state in ('queued', 'held')");
    tx.execute(log, vec![rows.clone(), state.word().into(), now.into()]).await?;
    let leave =
        sql!("delete from outbox where state in ('queued', 'held') and id in (select id from " rows(id text) ")");
    tx.execute(leave, vec![rows]).await?;
    let tasks: Vec<NewTask> = ended.iter().filter_map(|(id, note)| task_of(state, *id, (*note).into())).collect();
    tasks::add(tx, &tasks, now).await
}

/// Records what she was told by `finished`, and that her order is to be looked at again: her clock starts anew.
async fn tell(tx: &mut Tx, finished: &[&Finish], now: Timestamp) -> Result<(), StoreError> {
    #[derive(Serialize)]
    struct ToldRow<'a> {
        id: Uuid,
        order_row: i64,
        line_id: &'a str,
        told: String,
    }
    let mut waiting = Vec::new();
    // What answers her tells no news.
    let news = finished.iter().map(|finish| &finish.claimed).filter(|claimed| claimed.kind.is_news());
    for Claimed { id, order_row, content, .. } in news {
        for line in &content.lines {
            // Whoever gets a mail about a line was told, by this one or before, that it waits.
            let told = Told { standing: line.standing.clone(), at: now, waited: true };
            let told = serde_json::to_string(&told)?;
            waiting.push(ToldRow { id: *id, order_row: *order_row, line_id: &line.line_id, told });
        }
    }
    // Two mails about one line that moved may have ended together; one statement may touch a row only once.
    while !waiting.is_empty() {
        let mut seen = HashSet::new();
        let (now_told, later): (Vec<_>, Vec<_>) = waiting.into_iter().partition(|row| seen.insert(row.line_id));
        let rows = batch(&now_told)?;
        let upsert = sql!("insert into tellings (shop_id, line_id, recipient, told, notification_id) "
            "select o.shop_id, x.line_id, o.recipient, x.told, x.id from " rows(id text, order_row bigint, line_id text, told text)
            " join orders o on o.id = x.order_row where true on conflict (shop_id, line_id, recipient) "
            "do update set told = excluded.told, notification_id = excluded.notification_id");
        tx.execute(upsert, vec![rows.clone()]).await?;
        let quiet = sql!("update orders set quiet_since = $2, look_at = $2, revision = revision + 1 "
            "where id in (select order_row from " rows(order_row bigint) ")");
        tx.execute(quiet, vec![rows, now.into()]).await?;
        waiting = later;
    }
    Ok(())
}

/// Forgets that the news of `overtaken` was planned: it told nothing, so what is still news is to be told by another.
/// If nobody plans it at once, the next sweep does.
async fn unplan(tx: &mut Tx, overtaken: &[&Finish], now: Timestamp) -> Result<(), StoreError> {
    #[derive(Serialize)]
    struct Untold<'a> {
        order_row: i64,
        line_id: &'a str,
    }
    let mut rows = Vec::new();
    for Claimed { order_row, content, .. } in overtaken.iter().map(|finish| &finish.claimed) {
        rows.extend(content.lines.iter().map(|line| Untold { order_row: *order_row, line_id: &line.line_id }));
    }
    if rows.is_empty() {
        return Ok(());
    }
    let rows = batch(&rows)?;
    let forget = sql!("update tellings set planned = null from " rows(order_row bigint, line_id text)
        " join orders o on o.id = x.order_row "
        "where tellings.shop_id = o.shop_id and tellings.line_id = x.line_id and tellings.recipient = o.recipient");
    tx.execute(forget, vec![rows.clone()]).await?;
    let look = sql!("update orders set look_at = $2 where id in (select order_row from " rows(order_row bigint) ")");
    tx.execute(look, vec![rows, now.into()]).await.map(drop)
}

async fn record_attempts(tx: &mut Tx, finished: &[Finish]) -> Result<(), StoreError> {
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
    let tried = finished.iter().filter_map(|finish| Some((finish.claimed.id, finish.attempt.as_ref()?)));
    let rows: Vec<AttemptRow> = tried
        .map(|(id, attempt)| AttemptRow {
            id,
            started_at: attempt.started_at.as_microsecond(),
            ended_at: attempt.ended_at.as_microsecond(),
            relay: &attempt.relay,
            outcome: attempt.outcome,
            code: attempt.code,
            reply: attempt.reply.as_deref(),
        })
        .collect();
    if rows.is_empty() {
        return Ok(());
    }
    let insert = sql!("insert into attempts (notification_id, number, started_at, ended_at, relay, outcome, code, reply) "
        "select x.id, 1 + (select count(*) from attempts a where a.notification_id = x.id), x.started_at, x.ended_at, "
        "x.relay, x.outcome, x.code, x.reply from "
        rows(id text, started_at bigint, ended_at bigint, relay text, outcome text, code bigint, reply text)
        " where true on conflict do nothing");
    tx.execute(insert, vec![batch(&rows)?]).await.map(drop)
}
