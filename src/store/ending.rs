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
use super::moves::{CRASHED, CRASHED_IN_TRANSFER, Move, apply, move_of, successors, task_of};
use super::outbox::{Attempt, Claimed, Fate, Finish, claimed_of};
use super::staff::ids_of;
use super::tasks::{self, NewTask};
use super::{Store, StoreError, promises, refusing, views};
use crate::failpoint::Commit;
use crate::outbox::notification::State;
use crate::outbox::plan::Content;
use crate::watch::standing::Told;

impl Store {
    /// Records what became of `finished`, all in one transaction. Returns the orders that are to be planned afresh.
    pub async fn finish(&self, finished: &[Finish], now: Timestamp) -> Result<Vec<i64>, StoreError> {
        if finished.is_empty() {
            return Ok(Vec::new());
        }
        let mut tx = self.write().await?;
        let orders: Vec<i64> = finished.iter().map(|finish| finish.claimed.order_row).collect();
        views::lock_orders(&mut tx, &orders).await?;
        record_attempts(&mut tx, finished).await?;
        let ours = end(&mut tx, &finished.iter().collect::<Vec<_>>(), now).await?;
        let (ours, lost): (Vec<&Finish>, Vec<&Finish>) =
            finished.iter().partition(|finish| ours.contains(&finish.claimed.id));
        accept_late(&mut tx, &lost, now).await?;
        refusing::count(&mut tx, &ours, now).await?;
        tx.commit_at(Commit::Finish).await?;
        let overtaken = ours.iter().filter(|finish| matches!(finish.fate, Fate::Overtaken { .. } | Fate::Expired));
        Ok(overtaken.map(|finish| finish.claimed.order_row).collect())
    }

    /// Takes back what dead processes had in hand: what was not marked is queued again, what was marked may have been
    /// sent and is in doubt, once more at `again` or for staff. What was being rendered or sent when its process died
    /// three times is held. Returns how many were taken back.
    pub async fn reap(&self, again: Option<Timestamp>, now: Timestamp) -> Result<usize, StoreError> {
        let mut tx = self.write().await?;
        let dead = sql!("select order_row from outbox" either(" indexed by outbox_one_in_hand", "")
            " where state = 'sending' and lease_until < " now " limit 1000");
        let orders: Vec<i64> =
            tx.rows(dead, values![]).await?.iter().map(|row| row.int("order_row")).collect::<Result<_, _>>()?;
        if orders.is_empty() {
            return Ok(0);
        }
        views::lock_orders(&mut tx, &orders).await?;
        // Read again under the lock: another process may have been faster.
        let dead = sql!("select id, news_id, order_row, channel, kind, content, fence, created_at, attempts, charged, doubts, "
            "exists (select 1 from contents c where c.notification_id = outbox.id) as rendered, "
            "(select a.relay from attempts a where a.notification_id = outbox.id and a.outcome = 'unknown' "
            "order by a.number desc limit 1) as doubted_relay, crashes from " rows(n bigint)
            " join outbox on outbox.order_row = x.n where state = 'sending' and lease_until < " now);
        let rows = tx.rows(dead, vec![views::numbers(orders.iter().copied())?]).await?;
        let dead = rows.iter().map(|row| Ok((claimed_of(row)?, row.int("crashes")? + 1)));
        let dead = dead.collect::<Result<Vec<_>, StoreError>>()?;
        let marked = self.marked(&mut tx, dead.iter().map(|(claimed, _)| claimed)).await?;
        let mut finished = Vec::with_capacity(dead.len());
        for (claimed, crashes) in dead {
            let marked = marked.contains(&claimed.id);
            finished.push(if claimed.rendered && !marked {
                waited(claimed, now)
            } else {
                crashed(claimed, marked, crashes, again, now)
            });
        }
        record_attempts(&mut tx, &finished).await?;
        end(&mut tx, &finished.iter().collect::<Vec<_>>(), now).await?;
        tx.commit_at(Commit::Reap).await?;
        Ok(finished.len())
    }

    /// Gives back what `owner`, who lives, has in hand and never marked, as if nothing had been: the state database
    /// failed on the way, and nobody died. Returns how many were given back.
    pub async fn give_back(&self, owner: &str, now: Timestamp) -> Result<usize, StoreError> {
        let mut tx = self.write().await?;
        let dropped = sql!("select order_row from outbox where state = 'sending' and owner = $1");
        let orders: Vec<i64> =
            tx.rows(dropped, values![owner]).await?.iter().map(|row| row.int("order_row")).collect::<Result<_, _>>()?;
        views::lock(&mut tx, &orders).await?;
        // Read again under the lock: another process may have taken it over.
        let dropped = sql!("select id, news_id, order_row, channel, kind, content, fence, created_at, attempts, charged, doubts, "
            "false as rendered, null as doubted_relay from outbox where state = 'sending' and owner = $1");
        let dropped = tx.rows(dropped, values![owner]).await?;
        let dropped = dropped.iter().map(claimed_of).collect::<Result<Vec<_>, StoreError>>()?;
        let marked = self.marked(&mut tx, dropped.iter()).await?;
        let dropped = dropped.into_iter().filter(|claimed| !marked.contains(&claimed.id));
        let dropped: Vec<Finish> = dropped.map(|claimed| waited(claimed, now)).collect();
        end(&mut tx, &dropped.iter().collect::<Vec<_>>(), now).await?;
        tx.commit().await?;
        Ok(dropped.len())
    }
}

/// A notification that was rendered and waited for a connection had no part in the death of its process: it is taken
/// back as if nothing had been, and so is what a living process could not go on with. A few deaths in a row, or a full
/// disk, would hold a whole queue otherwise.
fn waited(claimed: Claimed, now: Timestamp) -> Finish {
    Finish { claimed, attempt: None, fate: Fate::Again { due_at: now, charged: false } }
}

/// What becomes of a notification whose process died for the `crashes`th time. What may have been sent is in doubt,
/// but not what goes to a receiver: that comes again, and its id protects the receiver.
fn crashed(claimed: Claimed, marked: bool, crashes: i64, again: Option<Timestamp>, now: Timestamp) -> Finish {
    let often = crashes >= 3;
    let fate = match (marked, often) {
        (true, _) if !claimed.is_repeatable() => {
            Fate::InDoubt { again: again.filter(|_| claimed.doubts == 0 && !often) }
        }
        (_, true) => Fate::Held { note: "the process that had it in hand died three times".into() },
        (_, false) => Fate::Again { due_at: now, charged: false },
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

/// Ends tries of those of `finished` that are in hand; returns which are.
async fn end(tx: &mut Tx, finished: &[&Finish], now: Timestamp) -> Result<HashSet<Uuid>, StoreError> {
    let successors = successors(tx, finished).await?;
    let moves: Vec<Move> = finished.iter().map(|finish| move_of(finish, &successors, now)).collect();
    let ours = apply(tx, &moves, now).await?;
    let finished: Vec<&Finish> = finished.iter().copied().filter(|finish| ours.contains(&finish.claimed.id)).collect();
    let (told, other): (Vec<&Finish>, Vec<&Finish>) =
        finished.iter().partition(|finish| matches!(finish.fate, Fate::Sent | Fate::InDoubt { .. }));
    tell(tx, &told, now).await?;
    accept(tx, &finished, now).await?;
    refusing::bar(tx, &finished, now).await?;
    let overtaken = |finish: &&Finish| {
        let claimed = &finish.claimed;
        let untold = claimed.doubts == 0 || claimed.is_repeatable();
        claimed.kind.is_news()
            && claimed.tells()
            && untold
            && matches!(finish.fate, Fate::Overtaken { .. } | Fate::Expired)
    };
    let overtaken = other.into_iter().filter(overtaken).map(|finish| &finish.claimed);
    unplan(tx, overtaken.map(|claimed| (claimed.order_row, &claimed.content)), now).await?;
    Ok(ours)
}

/// Records what accepted notifications said of the law. One in doubt does not count.
async fn accept(tx: &mut Tx, finished: &[&Finish], now: Timestamp) -> Result<(), StoreError> {
    let counts = |claimed: &Claimed| claimed.kind.is_news() && claimed.tells();
    let sent = finished.iter().filter(|finish| matches!(finish.fate, Fate::Sent) && counts(&finish.claimed));
    let accepted: Vec<_> = sent
        .map(|finish| {
            let at = finish.attempt.as_ref().map_or(now, |attempt| attempt.ended_at);
            (finish.claimed.id, finish.claimed.order_row, &finish.claimed.content, at)
        })
        .collect();
    promises::accept(tx, &accepted).await
}

/// A relay's acceptance that came after the lease had ended: the mail is sent, unless another process has it in hand.
/// What a mail tells was told when it was taken back, because it was in transfer; what a receiver was sent tells now.
async fn accept_late(tx: &mut Tx, lost: &[&Finish], now: Timestamp) -> Result<(), StoreError> {
    let sent = lost.iter().filter(|finish| matches!(finish.fate, Fate::Sent));
    let moves: Vec<Move> = sent.map(|finish| move_of(finish, &HashSet::new(), now)).collect();
    if moves.is_empty() {
        return Ok(());
    }
    let rows = batch(&moves)?;
    let take = sql!("update outbox set state = 'sending', fence = x.fence from " rows(id text, fence bigint)
        " where outbox.id = x.id and outbox.state in ('queued', 'in_doubt', 'held') and not exists (select 1 from outbox s "
        "where s.order_row = outbox.order_row and s.channel = outbox.channel and s.state = 'sending') returning outbox.id");
    let taken = tx.rows(take, vec![rows.clone()]).await?;
    let taken: HashSet<Uuid> = taken.iter().map(|row| row.id("id")).collect::<Result<_, _>>()?;
    apply(tx, &moves, now).await?;
    let untold = |finish: &&Finish| taken.contains(&finish.claimed.id) && finish.claimed.is_repeatable();
    tell(tx, &lost.iter().copied().filter(untold).collect::<Vec<_>>(), now).await?;
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

/// Leaves those of `ids` to staff that are in doubt and were to be tried once more.
pub(super) async fn end_doubted(tx: &mut Tx, ids: &[Uuid], now: Timestamp) -> Result<Vec<Uuid>, StoreError> {
    let doubted = sql!("select id, note from outbox where state = 'in_doubt' and id in (select id from " rows(id text) ") "
        "order by id" lock);
    let rows = tx.rows(doubted, vec![ids_of(ids)?]).await?;
    let doubted = rows.iter().map(|row| row.id("id")).collect::<Result<Vec<_>, _>>()?;
    let log = sql!("insert into sent_log (id, news_id, order_row, channel, kind, kinds, state, content, calendar, released, "
        "created_at, due_at, finished_at, attempts, last_reply, note, possible_duplicate) "
        "select o.id, o.news_id, o.order_row, o.channel, o.kind, o.kinds, o.state, o.content, o.calendar, o.released, "
        "o.created_at, o.due_at, $2, o.attempts, o.last_reply, o.note, false from " rows(id text)
        " join outbox o on o.id = x.id");
    tx.execute(log, vec![ids_of(&doubted)?, now.into()]).await?;
    let leave = sql!("delete from outbox where id in (select id from " rows(id text) ")");
    tx.execute(leave, vec![ids_of(&doubted)?]).await?;
    let mut tasks = Vec::with_capacity(rows.len());
    for row in &rows {
        tasks.extend(task_of(State::InDoubt, row.id("id")?, row.maybe_text("note")?.unwrap_or_default()));
    }
    tasks::add(tx, &tasks, now).await?;
    Ok(doubted)
}

/// Records what she was told by `finished`, and that her order is to be looked at again: her clock starts anew.
async fn tell(tx: &mut Tx, finished: &[&Finish], now: Timestamp) -> Result<(), StoreError> {
    #[derive(Serialize)]
    struct ToldRow<'a> {
        id: Uuid,
        order_row: i64,
        line_id: &'a str,
        told: String,
        is_news: bool,
    }
    let mut waiting = Vec::new();
    // What answers her tells no news, and what goes out beside another tells nothing.
    let tells = |claimed: &&Claimed| claimed.kind.is_news() && claimed.tells();
    let news = finished.iter().map(|finish| &finish.claimed).filter(tells);
    for Claimed { id, order_row, content, .. } in news {
        for line in &content.lines {
            // Whoever gets a mail about a line was told, by this one or before, that it waits.
            let told = Told { standing: line.standing.clone(), at: now, waited: true };
            let told = serde_json::to_string(&told)?;
            // A line that is shown unchanged beside others' news is no news, and what she answered stands.
            let is_news = !line.news.is_empty() || line.terms.stage.is_option();
            waiting.push(ToldRow { id: *id, order_row: *order_row, line_id: &line.line_id, told, is_news });
        }
    }
    // Two mails about one line that moved may have ended together; one statement may touch a row only once.
    while !waiting.is_empty() {
        let mut seen = HashSet::new();
        let (now_told, later): (Vec<_>, Vec<_>) = waiting.into_iter().partition(|row| seen.insert(row.line_id));
        let rows = batch(&now_told)?;
        let upsert = sql!("insert into tellings (shop_id, line_id, recipient, told, notification_id, news_by) "
            "select o.shop_id, x.line_id, o.recipient, x.told, x.id, case when x.is_news then x.id end from "
            rows(id text, order_row bigint, line_id text, told text, is_news boolean)
            " join orders o on o.id = x.order_row where true on conflict (shop_id, line_id, recipient) "
            "do update set told = excluded.told, notification_id = excluded.notification_id, "
            "news_by = coalesce(excluded.news_by, tellings.news_by, tellings.notification_id)");
        tx.execute(upsert, vec![rows.clone()]).await?;
        let quiet = sql!("update orders set quiet_since = $2, look_at = $2, revision = revision + 1 from "
            rows(order_row bigint) " where orders.id = x.order_row");
        tx.execute(quiet, vec![rows, now.into()]).await?;
        waiting = later;
    }
    Ok(())
}

/// Forgets that the news of `overtaken` was planned: it told nothing, so what is still news is to be told by another.
/// If nobody plans it at once, the next sweep does.
pub(super) async fn unplan<'a>(
    tx: &mut Tx,
    overtaken: impl Iterator<Item = (i64, &'a Content)>,
    now: Timestamp,
) -> Result<(), StoreError> {
    #[derive(Serialize)]
    struct Untold<'a> {
        order_row: i64,
        line_id: &'a str,
    }
    let mut rows = Vec::new();
    for (order_row, content) in overtaken {
        rows.extend(content.lines.iter().map(|line| Untold { order_row, line_id: &line.line_id }));
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
        // Recorded before, if the answer to the commit was lost.
        " where (select 1 from attempts a where a.notification_id = x.id and a.started_at = x.started_at "
        "and a.ended_at = x.ended_at and a.outcome = x.outcome limit 1) is null on conflict do nothing");
    tx.execute(insert, vec![batch(&rows)?]).await.map(drop)
}
