//! Answers, recorded the moment they are given, with the mail that acknowledges them; and fresh links.
//!
//! In: what a customer asked on her page, and the pure decision about it; or what her silence means. Out: the answer on
//! its way to the shop, and an acknowledgement on its way to her, all in one transaction. What can go wrong: the link
//! does not reach the line; then nothing happens. How an answer goes on to the shop is in [`super::handover`].

use jiff::{SignedDuration, Timestamp, civil::Date};
use rust_decimal::Decimal;
use serde::Serialize;
use uuid::Uuid;

use super::acknowledging::{acknowledge, make, waiting};
use super::dialect::{Row, Tx, batch, sql, values};
use super::promises::{LineKey, answer_of};
use super::reach::{Reached, reach};
use super::record::{EventRow, record_events};
use super::{Store, StoreError, matters, tasks, views};
use crate::choice::decide::Decision;
use crate::choice::handover::Outgoing;
use crate::choice::{Answer, By, Choice};
use crate::clock::Clock;
use crate::outbox::notification::Kind;
use crate::outbox::plan::Content;
use crate::settings::orders::ChoiceSettings;
use crate::shop::line::Line;

/// Who asks for a fresh link has to wait so long for another.
const BETWEEN_FRESH_LINKS: SignedDuration = SignedDuration::from_hours(1);

/// An answer that a customer gives.
#[derive(Clone, Copy, Debug)]
pub struct Answering<'a> {
    /// Whose link she uses.
    pub order_row: i64,
    pub line_id: &'a str,
    pub choice: Choice,
    pub ways: Ways,
    /// Answers of one order within this time share one acknowledgement.
    pub settle: SignedDuration,
}

/// How what she asked is recorded.
#[derive(Clone, Copy, Debug)]
pub struct Asking<'a> {
    pub clock: &'a Clock,
    pub now: Timestamp,
    /// The day in the shop.
    pub today: Date,
    /// Each gets a notification of its own.
    pub channels: &'a [&'static str],
}

/// What carries an answer to the shop.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ways {
    /// `[choices.sql]` has a statement for this choice.
    pub statement: bool,
    pub hook: bool,
}

impl Ways {
    /// What is set up to carry `choice`.
    pub fn of(choice: Choice, settings: &ChoiceSettings) -> Ways {
        let statement = match choice {
            Choice::Wait => &settings.sql.wait,
            Choice::Cancel => &settings.sql.cancel,
        };
        Ways { statement: statement.is_some(), hook: settings.hook.is_some() }
    }

    fn any(self) -> bool {
        self.statement || self.hook
    }
}

/// An answer and what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Given {
    pub answer: Answer,
    pub state: ChoiceState,
    /// Why the shop refused it.
    pub reason: Option<String>,
}

/// How far an answer has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChoiceState {
    /// On its way to the shop, or, with nothing set up that would carry it there, to staff.
    Open,
    /// Handed over; or seen to be done, by the feed or by staff.
    Done,
    Refused,
    /// A newer answer came before it was handed over.
    Dropped,
}

impl ChoiceState {
    pub fn word(self) -> &'static str {
        match self {
            ChoiceState::Open => "open",
            ChoiceState::Done => "done",
            ChoiceState::Refused => "refused",
            ChoiceState::Dropped => "dropped",
        }
    }

    pub fn of_word(word: &str) -> Option<ChoiceState> {
        let all = [ChoiceState::Open, ChoiceState::Done, ChoiceState::Refused, ChoiceState::Dropped];
        all.into_iter().find(|state| state.word() == word)
    }
}

impl Store {
    /// Records an answer about a line that the link reaches, if `decide` takes it; it must be pure. `None`: the link
    /// does not reach the line.
    pub async fn answer(
        &self,
        answering: Answering<'_>,
        asking: Asking<'_>,
        decide: impl FnOnce(&Reached) -> Decision,
    ) -> Result<Option<Decision>, StoreError> {
        let mut tx = self.write().await?;
        let Some(found) = line(&mut tx, answering).await? else { return Ok(None) };
        views::lock(&mut tx, &[found.order_row]).await?;
        // Read again under the lock: a look may have moved the line, or another click answered.
        let line = line(&mut tx, answering).await?.filter(|line| line.order_row == found.order_row);
        let Some(line) = line else { return Ok(None) };
        let decision = decide(&line);
        let Decision::Taken { notice } = decision else { return Ok(Some(decision)) };
        let Answering { choice, ways, .. } = answering;
        let new =
            NewAnswer::of(&line.line, line.order_row, choice, By::Customer, notice, ways, (asking.clock, asking.now));
        record_answers(&mut tx, &[new], asking.now).await?;
        let grow = sql!("update orders set revision = revision + 1 where id = $1");
        tx.execute(grow, values![line.order_row]).await?;
        acknowledge(&mut tx, &line, answering, asking).await?;
        tx.commit().await?;
        Ok(Some(decision))
    }

    /// Sends a fresh link to the order's address, unless one was asked for within the hour. `new`: the link that the
    /// order has is too old; another takes its place, so that the old one stays dead. `false`: not yet again.
    pub async fn fresh_link(&self, order_row: i64, new: bool, asking: Asking<'_>) -> Result<bool, StoreError> {
        let mut tx = self.write().await?;
        views::lock(&mut tx, &[order_row]).await?;
        let ask = sql!("update orders set fresh_link_at = $2, revision = revision + 1 "
            "where id = $1 and recipient <> '' and coalesce(fresh_link_at, 0) <= $3");
        let asked = tx.execute(ask, values![order_row, asking.now, asking.now - BETWEEN_FRESH_LINKS]).await?;
        let found = if asked == 0 { None } else { reach(&mut tx, order_row, None).await? };
        let Some(found) = found else { return Ok(false) };
        if new {
            let retire =
                sql!("insert into retired_links (link_id, order_row) select link_id, id from orders where id = $1");
            tx.execute(retire, values![order_row]).await?;
            let renew = sql!("update orders set link_id = $2 where id = $1");
            tx.execute(renew, values![order_row, asking.clock.new_id()]).await?;
        }
        let content = Content { kind: Kind::FreshLink, lines: waiting(&found, asking.today), again: false };
        let mut news_id = None;
        for channel in asking.channels {
            make(&mut tx, order_row, channel, &content, asking.now, &mut news_id, asking).await?;
        }
        tx.commit().await?;
        Ok(true)
    }
}

/// Every answer about `lines` with the line's id, oldest first.
pub(super) async fn given(tx: &mut Tx, lines: &[LineKey]) -> Result<Vec<(String, Given)>, StoreError> {
    if lines.is_empty() {
        return Ok(Vec::new());
    }
    let choices = sql!("select c.* from " rows(order_row bigint, shop_id text, line_id text)
        " join choices c on c.shop_id = x.shop_id and c.line_id = x.line_id order by c.chosen_at, c.id");
    let given = |row: &Row| {
        let state = row.word("state", ChoiceState::of_word)?;
        let given = Given { answer: answer_of(row)?, state, reason: row.maybe_text("reason")? };
        Ok((row.text("line_id")?, given))
    };
    tx.rows(choices, vec![batch(lines)?]).await?.iter().map(given).collect()
}

/// The line that is answered; `None`: the link does not reach it.
async fn line(tx: &mut Tx, answering: Answering<'_>) -> Result<Option<Reached>, StoreError> {
    // No text of PostgreSQL holds this character, so no line has it in its id.
    if answering.line_id.contains('\0') {
        return Ok(None);
    }
    let reach = reach(tx, answering.order_row, Some(answering.line_id)).await?;
    Ok(reach.and_then(|mut reach| reach.lines.pop()))
}

/// An answer that is to be recorded.
pub(super) struct NewAnswer {
    order_row: i64,
    /// The pieces ordered and not cancelled.
    wanted: Decimal,
    ways: Ways,
    outgoing: Outgoing,
}

impl NewAnswer {
    /// About all that is open of `line`.
    pub(super) fn of(
        line: &Line,
        order_row: i64,
        choice: Choice,
        by: By,
        notice: Option<Uuid>,
        ways: Ways,
        (clock, now): (&Clock, Timestamp),
    ) -> NewAnswer {
        let outgoing = Outgoing {
            id: clock.new_id(),
            shop_id: line.shop_id.clone(),
            order_id: line.order_id.clone(),
            order_number: line.order_number.clone(),
            line_id: line.line_id.clone(),
            choice,
            quantity: line.open().normalize(),
            chosen_at: now,
            by,
            notification_id: notice,
            customer_email: line.customer_email.clone().unwrap_or_default(),
        };
        NewAnswer { order_row, wanted: line.wanted().normalize(), ways, outgoing }
    }

    /// A wait asks nothing of the shop; a cancel with no way to carry it waits for a person, or for the feed.
    fn is_complete(&self) -> bool {
        self.outgoing.choice == Choice::Wait && !self.ways.any()
    }

    fn is_for_staff(&self) -> bool {
        self.outgoing.choice == Choice::Cancel && !self.ways.any()
    }

    fn event(&self) -> EventRow<'_> {
        let Outgoing { shop_id, line_id, choice, quantity, by, notification_id, .. } = &self.outgoing;
        let to = notification_id.map_or_else(|| "no notification".to_owned(), |notice| notice.to_string());
        let who = match by {
            By::Customer => "the customer",
            By::Silence => "silence",
            By::Staff => "staff, for the customer,",
        };
        let detail = format!("{who} answered {} for {quantity} open, to {to}", choice.word());
        EventRow { shop_id, line_id, what: "answered", detail }
    }
}

/// Records answers, each in the place of the older ones of its line that were not handed over yet. What nothing is set
/// up for is put before staff at once.
pub(super) async fn record_answers(tx: &mut Tx, new: &[NewAnswer], now: Timestamp) -> Result<(), StoreError> {
    #[derive(Serialize)]
    struct AnswerRow<'a> {
        id: Uuid,
        shop_id: &'a str,
        line_id: &'a str,
        order_row: i64,
        choice: &'a str,
        quantity: String,
        wanted: String,
        made_by: &'a str,
        notification_id: Option<Uuid>,
        state: &'a str,
        statement: &'a str,
        hook: &'a str,
        complete: bool,
    }
    if new.is_empty() {
        return Ok(());
    }
    let word = |is_set_up: bool| if is_set_up { "waiting" } else { "none" };
    let rows: Vec<AnswerRow> = new
        .iter()
        .map(|new| {
            let state = if new.is_complete() { ChoiceState::Done } else { ChoiceState::Open };
            AnswerRow {
                id: new.outgoing.id,
                shop_id: &new.outgoing.shop_id,
                line_id: &new.outgoing.line_id,
                order_row: new.order_row,
                choice: new.outgoing.choice.word(),
                quantity: new.outgoing.quantity.to_string(),
                wanted: new.wanted.to_string(),
                made_by: new.outgoing.by.word(),
                notification_id: new.outgoing.notification_id,
                state: state.word(),
                statement: word(new.ways.statement),
                hook: word(new.ways.hook),
                complete: new.is_complete(),
            }
        })
        .collect();
    let rows = batch(&rows)?;
    // One that is being handed over at this moment ends as it ends.
    let older = sql!("update choices set state = 'dropped', owner = null, lease_until = null from "
        rows(shop_id text, line_id text) " where choices.shop_id = x.shop_id and choices.line_id = x.line_id "
        "and state = 'open' and (owner is null or lease_until < " now ")");
    tx.execute(older, vec![rows.clone()]).await?;
    let insert = sql!("insert into choices (id, shop_id, line_id, order_row, choice, quantity, wanted, chosen_at, made_by, "
        "notification_id, state, statement, hook, due_at, taken_at, confirmed_at) "
        "select x.id, x.shop_id, x.line_id, x.order_row, x.choice, x.quantity, x.wanted, $2, x.made_by, x.notification_id, "
        "x.state, x.statement, x.hook, $2, case when x.complete then $2 end, case when x.complete then $2 end from "
        rows(id text, shop_id text, line_id text, order_row bigint, choice text, quantity text, wanted text, made_by text,
            notification_id text, state text, statement text, hook text, complete boolean));
    tx.execute(insert, vec![rows, now.into()]).await?;
    record_events(tx, &new.iter().map(NewAnswer::event).collect::<Vec<_>>(), now).await?;
    let for_staff = new.iter().filter(|new| new.is_for_staff());
    let tasks: Vec<_> = for_staff.map(|new| matters::to_do(&new.outgoing)).collect();
    tasks::add(tx, &tasks, now).await
}
