//! Notifications on their way to another state: what a try makes of a row of the outbox.
//!
//! In: what became of claimed notifications. Out: rows that come back to the outbox, or leave it for the sent-log with
//! the task that they leave to staff. Whose lease was lost stays as it is.

use std::collections::HashSet;

use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

use super::StoreError;
use super::dialect::{Tx, Value, batch, sql};
use super::outbox::{Attempt, Fate, Finish};
use super::suppressions::Stream;
use super::tasks::{self, NewTask};
use crate::outbox::notification::State;

/// The outcomes of tries whose process died.
pub(super) const CRASHED: &str = "crashed";
pub(super) const CRASHED_IN_TRANSFER: &str = "crashed_in_transfer";
/// The outcome of a try that nobody answered.
const UNKNOWN: &str = "unknown";

/// Why a notification expired.
pub(super) const TOO_LATE: &str = "its option notice was not sent before the midnight that ended its last day";

/// A row of the outbox on its way to another state.
#[derive(Debug, Serialize)]
pub(super) struct Move {
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
    tells: bool,
    repeatable: bool,
}

/// Whether nobody knows what became of a try.
fn may_have_arrived(attempt: &Attempt) -> bool {
    [UNKNOWN, CRASHED_IN_TRANSFER].contains(&attempt.outcome)
}

pub(super) fn move_of(finish: &Finish, successors: &HashSet<Uuid>, now: Timestamp) -> Move {
    let claimed = &finish.claimed;
    let attempt = finish.attempt.as_ref();
    let reply = attempt.and_then(|attempt| match (attempt.code, attempt.reply.as_deref()) {
        (Some(code), Some(reply)) => Some(format!("{code} {reply}")),
        (Some(code), None) => Some(code.to_string()),
        (None, reply) => reply.map(str::to_owned),
    });
    // Its mail may have been sent before.
    let doubtful = claimed.doubts > 0 && !claimed.is_repeatable();
    let mut row = Move {
        id: claimed.id,
        fence: claimed.fence,
        state: State::Queued.word(),
        leaves: false,
        due_at: None,
        sent_at: None,
        note: None,
        reply,
        tries: i64::from(attempt.is_some()),
        charged: 0,
        doubts: 0,
        crashes: i64::from(attempt.is_some_and(|attempt| [CRASHED, CRASHED_IN_TRANSFER].contains(&attempt.outcome))),
        // Tried again after a try that may have been accepted, and accepted now, or perhaps.
        duplicate: claimed.doubts > 0 && matches!(finish.fate, Fate::Sent | Fate::InDoubt { .. }),
        spared: matches!(finish.fate, Fate::Suppressed { .. }) && Stream::of(&claimed.content) != Stream::OrderNotices,
        tells: claimed.tells(),
        repeatable: claimed.is_repeatable(),
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
        Fate::Failed { note } | Fate::RecipientRefused { note, .. } => {
            (row.state, row.leaves, row.note) = (State::Failed.word(), true, Some(note.clone()));
        }
        Fate::Suppressed { note } => {
            (row.state, row.leaves, row.note) = (State::Suppressed.word(), true, Some(note.clone()));
        }
        Fate::Again { due_at, charged } => {
            (row.due_at, row.charged) = (Some(due_at.as_microsecond()), i64::from(*charged));
            row.doubts = i64::from(attempt.is_some_and(may_have_arrived));
        }
        Fate::Overtaken { note } => {
            (row.state, row.leaves, row.note) = (State::Superseded.word(), true, Some((*note).into()));
        }
        Fate::Expired => {
            (row.state, row.leaves, row.note) = (State::Expired.word(), true, Some(TOO_LATE.into()));
        }
        Fate::Held { note } => (row.state, row.note) = (State::Held.word(), Some(note.clone())),
    }
    if is_unsent(&finish.fate) && !doubtful && successors.contains(&claimed.id) {
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

/// Which of those of `finished` that were not sent have a newer unsent notification of the same order and channel, which
/// no worker takes until the transaction ends. The orders are locked.
pub(super) async fn successors(tx: &mut Tx, finished: &[&Finish]) -> Result<HashSet<Uuid>, StoreError> {
    #[derive(Serialize)]
    struct Id {
        id: Uuid,
    }
    let unsent = finished.iter().filter(|finish| is_unsent(&finish.fate));
    let ids: Vec<Id> = unsent.map(|finish| Id { id: finish.claimed.id }).collect();
    if ids.is_empty() {
        return Ok(HashSet::new());
    }
    let newer = sql!("select o.id from " rows(id text) " join outbox o on o.id = x.id join outbox u "
        "on u.order_row = o.order_row and u.channel = o.channel and u.state in ('queued', 'held') and u.news where o.news "
        "order by u.id" either("", " for update of u"));
    tx.rows(newer, vec![batch(&ids)?]).await?.iter().map(|row| row.id("id")).collect()
}

/// Whether it stays in the outbox as what it was: news of its order may take its place.
fn is_unsent(fate: &Fate) -> bool {
    matches!(fate, Fate::Again { .. } | Fate::Held { .. })
}

/// Moves those rows that are in hand under their fences; returns which are.
pub(super) async fn apply(tx: &mut Tx, moves: &[Move], now: Timestamp) -> Result<HashSet<Uuid>, StoreError> {
    let mut moved = HashSet::with_capacity(moves.len());
    let (leaving, staying): (Vec<&Move>, Vec<&Move>) = moves.iter().partition(|row| row.leaves);
    if !staying.is_empty() {
        let stay = sql!("update outbox set state = x.state, due_at = coalesce(x.due_at, outbox.due_at), attempts = attempts + x.tries, "
            "charged = outbox.charged + x.charged, doubts = outbox.doubts + x.doubts, crashes = outbox.crashes + x.crashes, "
            "last_reply = coalesce(x.reply, last_reply), note = x.note, owner = null, lease_until = null" either("", ", in_transfer = false") " from "
            rows(id text, fence bigint, state text, due_at bigint, note text, reply text, tries bigint, charged bigint, doubts bigint, crashes bigint)
            " where outbox.id = x.id and outbox.fence = x.fence and " sending(outbox) " returning outbox.id");
        let stayed = tx.rows(stay, vec![batch(&staying)?]).await?;
        moved.extend(stayed.iter().map(|row| row.id("id")).collect::<Result<Vec<_>, _>>()?);
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
        let logged = tx.execute(log, vec![rows.clone(), now.into()]).await?;
        let left = if logged == leaving.len() as u64 {
            leaving.iter().map(|row| row.id).collect()
        } else {
            in_hand(tx, rows.clone()).await?
        };
        let leave = sql!("delete from outbox where " sending(outbox) " and (id, fence) in (select id, fence from "
            rows(id text, fence bigint) ")");
        tx.execute(leave, vec![rows]).await?;
        let leaving = leaving.into_iter().filter(|row| left.contains(&row.id));
        tasks::add(tx, &leaving.filter_map(task).collect::<Vec<_>>(), now).await?;
        moved.extend(left);
    }
    Ok(moved)
}

/// Which of `moves` are in hand under their fences.
async fn in_hand(tx: &mut Tx, moves: Value) -> Result<HashSet<Uuid>, StoreError> {
    let in_hand = sql!("select o.id from " rows(id text, fence bigint)
        " join outbox o on o.id = x.id and o.fence = x.fence where " sending(o));
    tx.rows(in_hand, vec![moves]).await?.iter().map(|row| row.id("id")).collect()
}

/// What failed for good, came too late, may not be sent, or may or may not have been sent, waits for a person; but an
/// update that an address is spared does not.
fn task(row: &Move) -> Option<NewTask> {
    let reason = row.note.clone().or_else(|| row.reply.clone()).unwrap_or_default();
    let state = State::of_word(row.state)?;
    match (state, row.repeatable) {
        // The one by which she is told says the same.
        (State::Expired, _) if !row.tells => None,
        (State::Suppressed, _) if row.spared => None,
        (State::Failed, true) => {
            let mend = "see why the receiver does not take it; it is not sent again";
            Some(NewTask {
                mend: format!("see `backorderd show {}`; {mend}", row.id),
                ..task_of(state, row.id, reason)?
            })
        }
        _ => task_of(state, row.id, reason),
    }
}

/// The task that a notification which ended in `state` leaves to staff.
pub(super) fn task_of(state: State, id: Uuid, reason: String) -> Option<NewTask> {
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
