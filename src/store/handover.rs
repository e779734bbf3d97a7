//! Answers on their way to the shop: claimed under a lease, carried way by way, retried until the shop has them.
//!
//! ```text
//! open ─claim─> in hand ─┬─ every way took it, or changed nothing ─> done
//!   ▲                    ├─ a way refused it ─────────────────────> refused
//!   └── tried again ─────┴─ a newer answer came meanwhile ────────> dropped
//! ```
//! Of one line at most one answer is in hand, the oldest first. Each way's word is a transaction of its own: who dies
//! between two ways repeats only the second. Leases use the database's clock, and a claim carries a fence: who comes
//! with an older one has lost the answer and changes nothing. A hand-over may be repeated, it is never left out. What
//! becomes of an answer that was handed over is in [`super::confirming`].

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use uuid::Uuid;

use super::choices::{Asking, ChoiceState};
use super::confirming::{self, AboutLine};
use super::dialect::{Row, Tx, batch, sql, values};
use super::record::{EventRow, record_events};
use super::{Store, StoreError, acknowledging, matters, tasks, views};
use crate::characters::turns_direction;
use crate::choice::handover::{Outgoing, Reply, Through};
use crate::choice::{By, Choice};
use crate::settings::duration::Span;

/// After so long without success staff are told.
const PATIENCE: SignedDuration = SignedDuration::from_hours(24);
/// More of what the shop's side says is not kept.
const LONGEST_WORDS: usize = 500;

/// An answer that this process has in hand.
#[derive(Clone, Debug)]
pub struct Carried {
    pub answer: Outgoing,
    /// The order in which its line is now.
    pub order_row: i64,
    pub fence: i64,
    /// Earlier tries.
    pub attempts: i64,
    /// The ways that have not said their word yet.
    pub waiting: Vec<Through>,
}

/// How what a way said is recorded.
#[derive(Clone, Copy, Debug)]
pub struct Hearing<'a> {
    /// For the mail that tells her of a refusal.
    pub asking: Asking<'a>,
    /// When staff see an answer that is handed over now, unless it is confirmed by then.
    pub confirm_by: Timestamp,
}

impl Store {
    /// Takes up to `limit` answers that are due at `now`. Until `lease` ends, by the database's clock, nobody else gets
    /// them.
    pub async fn claim_answers(
        &self,
        owner: &str,
        now: Timestamp,
        limit: usize,
        lease: Span,
    ) -> Result<Vec<Carried>, StoreError> {
        let mut tx = self.write().await?;
        drop_left_behind(&mut tx).await?;
        // Differs because PostgreSQL has many claimers at once and SQLite has one writer. An older answer is open only
        // while somebody has it in hand: a newer one took the place of every other when it was given.
        let claim = sql!("update choices set owner = $1, lease_until = " now " + $2, fence = fence + 1 "
            "where id in (select c.id from choices c where c.state = 'open' and (c.statement = 'waiting' or c.hook = 'waiting') "
            "and c.due_at <= $3 and (c.owner is null or c.lease_until < " now ") "
            "and not exists (select 1 from choices o where o.shop_id = c.shop_id and o.line_id = c.line_id "
            "and o.state = 'open' and (o.chosen_at, o.id) < (c.chosen_at, c.id)) "
            "order by c.due_at, c.id limit $4" either("", " for update skip locked") ") returning id");
        let rows = match tx.rows(claim, values![owner, lease.as_micros(), now, limit as i64]).await {
            // Another process claims the other answer of a line at this moment: next time.
            Err(StoreError::Database(sqlx::Error::Database(error))) if error.is_unique_violation() => {
                return Ok(Vec::new());
            }
            rows => rows?,
        };
        let ids: Vec<Id> = rows.iter().map(|row| Ok(Id { id: row.id("id")? })).collect::<Result<_, StoreError>>()?;
        let claimed = sql!("select c.*, o.id as row, o.order_id, o.order_number, o.recipient from " rows(id text)
            " join choices c on c.id = x.id join lines l on l.shop_id = c.shop_id and l.line_id = c.line_id "
            "join orders o on o.id = l.order_row order by c.due_at, c.id");
        let rows = if ids.is_empty() { Vec::new() } else { tx.rows(claimed, vec![batch(&ids)?]).await? };
        tx.commit().await?;
        rows.iter().map(carried_of).collect()
    }

    /// Prolongs every lease of `owner`.
    pub async fn keep_answers(&self, owner: &str, lease: Span) -> Result<(), StoreError> {
        // Differs because SQLite has one writer. What is being recorded at this moment needs no longer lease.
        let prolong = sql!("update choices set lease_until = " now " + $2 where id in "
            "(select id from choices where owner = $1" either("", " for update skip locked") ")");
        self.alone(prolong, values![owner, lease.as_micros()]).await.map(drop)
    }

    /// Records what one way said. What the answer is now; `None`: somebody else has it in hand, or nobody needs it any
    /// more, and nothing was changed.
    pub async fn record_reply(
        &self,
        carried: &Carried,
        through: Through,
        reply: &Reply,
        hearing: Hearing<'_>,
    ) -> Result<Option<ChoiceState>, StoreError> {
        let mut tx = self.write().await?;
        views::lock(&mut tx, &[carried.order_row]).await?;
        let in_hand = sql!("select statement, hook from choices where id = $1 and fence = $2 and state = 'open'" lock);
        let Some(row) = tx.row(in_hand, values![carried.answer.id, carried.fence]).await? else { return Ok(None) };
        let verdict = Verdict::of(&row, through, reply)?;
        write_down(&mut tx, carried, &verdict, hearing).await?;
        follow_up(&mut tx, carried, &verdict, hearing.asking).await?;
        tx.commit().await?;
        Ok(Some(verdict.state))
    }

    /// Lets go of an answer that some way could not take: it is due again at `due_at`. After a day staff are told.
    pub async fn retry_answer(&self, carried: &Carried, due_at: Timestamp, now: Timestamp) -> Result<(), StoreError> {
        let mut tx = self.write().await?;
        let problem = let_go(&mut tx, carried, due_at, 1).await?;
        if let Some(problem) = problem.filter(|_| now >= carried.answer.chosen_at + PATIENCE) {
            tasks::add(&mut tx, &[matters::not_handed_over(&carried.answer, &problem)], now).await?;
        }
        tx.commit().await
    }

    /// Gives an answer back that this process does not carry on: it is due at once, for whoever takes it.
    pub async fn give_back_answer(&self, carried: &Carried, now: Timestamp) -> Result<(), StoreError> {
        let mut tx = self.write().await?;
        let_go(&mut tx, carried, now, 0).await?;
        tx.commit().await
    }

    /// Whether any process, dead or alive, has answers in hand.
    pub async fn any_answer_in_hand(&self) -> Result<bool, StoreError> {
        let one = sql!("select 1 as one from choices where owner is not null limit 1");
        Ok(self.row(one, values![]).await?.is_some())
    }
}

#[derive(Serialize)]
struct Id {
    id: Uuid,
}

/// Answers whose process died while a newer one came: they are not handed over any more.
async fn drop_left_behind(tx: &mut Tx) -> Result<(), StoreError> {
    let drop_them = sql!("update choices set state = 'dropped', owner = null, lease_until = null where id in "
        "(select c.id from choices c where c.owner is not null and c.lease_until < " now " and exists "
        "(select 1 from choices n where n.shop_id = c.shop_id and n.line_id = c.line_id and n.state <> 'dropped' "
        "and (n.chosen_at, n.id) > (c.chosen_at, c.id))" either("", " for update skip locked") ")");
    tx.execute(drop_them, values![]).await.map(drop)
}

/// Takes an answer out of this process's hand, and the last problem with it; `None`: it was not in it any more, or a
/// newer answer has taken its place.
async fn let_go(tx: &mut Tx, carried: &Carried, due_at: Timestamp, tries: i64) -> Result<Option<String>, StoreError> {
    // Against a newer answer that is being given at this moment.
    views::lock(tx, &[carried.order_row]).await?;
    let back = sql!("update choices set owner = null, lease_until = null, due_at = $3, attempts = attempts + $4, "
        "state = case when exists (select 1 from choices n where n.shop_id = choices.shop_id and n.line_id = choices.line_id "
        "and n.state <> 'dropped' and (n.chosen_at, n.id) > (choices.chosen_at, choices.id)) then 'dropped' else 'open' end "
        "where id = $1 and fence = $2 and state = 'open' returning state, coalesce(last_reply, '') as problem");
    let row = tx.row(back, values![carried.answer.id, carried.fence, due_at, tries]).await?;
    let Some(row) = row.filter(|_| tries > 0) else { return Ok(None) };
    if row.text("state")? == ChoiceState::Open.word() { row.text("problem").map(Some) } else { Ok(None) }
}

/// She and staff are told that the shop refused; the line stands as if she had not answered, and its mails resume. What
/// nobody asked for but silence is no matter of hers.
async fn refuse(tx: &mut Tx, carried: &Carried, reason: &str, asking: Asking<'_>) -> Result<(), StoreError> {
    let answer = &carried.answer;
    tasks::add(tx, &[matters::refused(answer, reason)], asking.now).await?;
    if answer.by != By::Silence {
        acknowledging::refuse(tx, carried.order_row, answer, reason, asking).await?;
    }
    confirming::look_again(tx, &[AboutLine::of(answer)], asking.now).await
}

/// An answer after what one way said.
struct Verdict {
    /// As their columns hold them.
    statement: String,
    hook: String,
    state: ChoiceState,
    /// What was said, for people.
    words: String,
    /// Why it was refused.
    reason: Option<String>,
}

impl Verdict {
    /// `row` holds what both ways had said before.
    fn of(row: &Row, through: Through, reply: &Reply) -> Result<Verdict, StoreError> {
        let way = through.words();
        let (word, words) = match reply {
            Reply::Taken => (Some("taken"), format!("{way} took it")),
            Reply::Untouched => (Some("untouched"), format!("{way} changed no row: not confirmed")),
            Reply::Refused { reason } => (Some("refused"), format!("{way} refused it: {}", kept(reason))),
            // It has not said its last word.
            Reply::Failed { problem, .. } => (None, format!("{way} failed: {}", kept(problem))),
        };
        let now = |of: Through, column| match word {
            Some(word) if of == through => Ok(word.to_owned()),
            _ => row.text(column),
        };
        let (statement, hook) = (now(Through::Statement, "statement")?, now(Through::Hook, "hook")?);
        let (state, reason) = match reply {
            Reply::Refused { reason } => (ChoiceState::Refused, Some(kept(reason))),
            _ if [&*statement, &*hook].contains(&"waiting") => (ChoiceState::Open, None),
            _ => (ChoiceState::Done, None),
        };
        Ok(Verdict { statement, hook, state, words, reason })
    }

    /// Whether every way that is set up took it.
    fn is_taken(&self) -> bool {
        self.state == ChoiceState::Done && ![&*self.statement, &*self.hook].contains(&"untouched")
    }
}

/// Writes down what the answer is now.
async fn write_down(tx: &mut Tx, carried: &Carried, verdict: &Verdict, hearing: Hearing<'_>) -> Result<(), StoreError> {
    let now = hearing.asking.now;
    let taken = verdict.is_taken().then_some(now);
    let record = sql!("update choices set statement = $2, hook = $3, state = $4, last_reply = $5, reason = $6, "
        "taken_at = $7, confirmed_at = $8, due_at = coalesce($9, due_at), "
        "attempts = attempts + case when $4 = 'open' then 0 else 1 end, "
        "owner = case when $4 = 'open' then owner end, lease_until = case when $4 = 'open' then lease_until end "
        "where id = $1");
    let values = values![
        carried.answer.id,
        &verdict.statement,
        &verdict.hook,
        verdict.state.word(),
        &verdict.words,
        verdict.reason.clone(),
        taken,
        taken.filter(|_| carried.answer.choice == Choice::Wait),
        (verdict.state == ChoiceState::Done).then_some(hearing.confirm_by),
    ];
    tx.execute(record, values).await?;
    let (shop_id, line_id) = (&*carried.answer.shop_id, &*carried.answer.line_id);
    let event = EventRow { shop_id, line_id, what: "hand-over", detail: verdict.words.clone() };
    record_events(tx, &[event], now).await
}

/// What follows from the end of a hand-over for staff, for her, and for the mails of the line.
async fn follow_up(tx: &mut Tx, carried: &Carried, verdict: &Verdict, asking: Asking<'_>) -> Result<(), StoreError> {
    let line = [AboutLine::of(&carried.answer)];
    if verdict.state != ChoiceState::Open {
        confirming::end_tasks_of_lines(tx, &[matters::NOT_HANDED_OVER], &line, asking.now).await?;
    }
    if let Some(reason) = &verdict.reason {
        refuse(tx, carried, reason, asking).await?;
    } else if carried.answer.by == By::Silence && verdict.is_taken() {
        // Now she can be told.
        confirming::look_again(tx, &line, asking.now).await?;
    }
    Ok(())
}

/// What the shop's side said, on one line and not too long; marks that would turn the words around it are gone.
fn kept(words: &str) -> String {
    let words: Vec<&str> = words
        .split(|c: char| c.is_whitespace() || c.is_control() || turns_direction(c))
        .filter(|word| !word.is_empty())
        .collect();
    words.join(" ").chars().take(LONGEST_WORDS).collect()
}

fn carried_of(row: &Row) -> Result<Carried, StoreError> {
    let mut waiting = Vec::new();
    for (column, through) in [("statement", Through::Statement), ("hook", Through::Hook)] {
        if row.text(column)? == "waiting" {
            waiting.push(through);
        }
    }
    Ok(Carried {
        answer: outgoing_of(row)?,
        order_row: row.int("row")?,
        fence: row.int("fence")?,
        attempts: row.int("attempts")?,
        waiting,
    })
}

/// An answer in a row of `choices` with its line's order.
pub(super) fn outgoing_of(row: &Row) -> Result<Outgoing, StoreError> {
    let quantity = row.text("quantity")?;
    Ok(Outgoing {
        id: row.id("id")?,
        shop_id: row.text("shop_id")?,
        order_id: row.text("order_id")?,
        order_number: row.text("order_number")?,
        line_id: row.text("line_id")?,
        choice: row.word("choice", Choice::of_word)?,
        quantity: quantity.parse().map_err(|_| StoreError::Damaged(format!("quantity holds \"{quantity}\"")))?,
        chosen_at: row.time("chosen_at")?,
        by: row.word("made_by", By::of_word)?,
        notification_id: row.maybe_text("notification_id")?.map(|_| row.id("notification_id")).transpose()?,
        customer_email: row.text("recipient")?,
    })
}
