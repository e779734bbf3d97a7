//! Answers, recorded the moment they are given, with the mail that acknowledges them; and fresh links.
//!
//! In: what a customer asked on her page, and the pure decision about it. Out: the answer on its way to the shop, and
//! an acknowledgement on its way to her, all in one transaction. What can go wrong: the link does not reach the line;
//! then nothing happens.

use jiff::{SignedDuration, Timestamp, civil::Date};
use uuid::Uuid;

use super::dialect::{Row, Tx, batch, sql, values};
use super::promises::{LineKey, answer_of};
use super::reach::{Reach, Reached, reach};
use super::record::{EventRow, record_events};
use super::{Store, StoreError, views};
use crate::choice::decide::Decision;
use crate::choice::{Answer, By, Choice};
use crate::clock::Clock;
use crate::outbox::notification::{Kind, State};
use crate::outbox::plan::{Answered, Content, ContentLine};
use crate::promise::terms::Terms;
use crate::shop::line::Status;
use crate::watch::standing::Standing;

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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ways {
    /// `[choices.sql]` has a statement for this choice.
    pub statement: bool,
    pub hook: bool,
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
    /// On its way to the shop.
    Open,
    /// The shop has it, or nothing is set up that would carry it there.
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
        drop_older(&mut tx, &line).await?;
        insert(&mut tx, &line, answering, notice, asking).await?;
        let grow = sql!("update orders set revision = revision + 1 where id = $1");
        tx.execute(grow, values![line.order_row]).await?;
        acknowledge(&mut tx, &line, answering, asking).await?;
        let to = notice.map_or_else(|| "no notification".to_owned(), |notice| notice.to_string());
        let detail = format!(
            "the customer answered {} for {} open, to {to}",
            answering.choice.word(),
            line.line.open().normalize()
        );
        let (shop_id, line_id) = (&*line.line.shop_id, &*line.line.line_id);
        record_events(&mut tx, &[EventRow { shop_id, line_id, what: "answered", detail }], asking.now).await?;
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
        let content = Content { kind: Kind::FreshLink, lines: waiting(&found, asking.today) };
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

/// Older answers about the line that were not handed over yet are not handed over any more. One that is being handed
/// over at this moment ends as it ends.
async fn drop_older(tx: &mut Tx, line: &Reached) -> Result<(), StoreError> {
    let older = sql!("update choices set state = $3 where shop_id = $1 and line_id = $2 and state = 'open' "
        "and (owner is null or lease_until < " now ")");
    let dropped = ChoiceState::Dropped.word();
    tx.execute(older, values![&line.line.shop_id, &line.line.line_id, dropped]).await.map(drop)
}

async fn insert(
    tx: &mut Tx,
    line: &Reached,
    Answering { choice, ways, .. }: Answering<'_>,
    notice: Option<Uuid>,
    asking: Asking<'_>,
) -> Result<(), StoreError> {
    let word = |is_set_up: bool| if is_set_up { "waiting" } else { "none" };
    // A wait asks nothing of the shop; a cancel with no way to carry it waits for a person, or for the feed.
    let complete = choice == Choice::Wait && !ways.statement && !ways.hook;
    let state = if complete { ChoiceState::Done } else { ChoiceState::Open };
    let insert = sql!("insert into choices (id, shop_id, line_id, order_row, choice, quantity, chosen_at, made_by, "
        "notification_id, state, statement, hook, due_at, taken_at) "
        "values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $7, $13)");
    let values = values![
        asking.clock.new_id(),
        &line.line.shop_id,
        &line.line.line_id,
        line.order_row,
        choice.word(),
        line.line.open().normalize().to_string(),
        asking.now,
        By::Customer.word(),
        notice.map(|notice| notice.to_string()),
        state.word(),
        word(ways.statement),
        word(ways.hook),
        complete.then_some(asking.now),
    ];
    tx.execute(insert, values).await.map(drop)
}

/// Adds the answer to the order's acknowledgement that nobody has begun to send, or makes one.
async fn acknowledge(
    tx: &mut Tx,
    line: &Reached,
    Answering { choice, settle, .. }: Answering<'_>,
    asking: Asking<'_>,
) -> Result<(), StoreError> {
    let answered = Answered { choice, at: asking.now, refused_because: None };
    let said = ContentLine { answer: Some(answered), ..said(line, vec![Kind::ChoiceReceived], asking.today) };
    let mut news_id = None;
    for channel in asking.channels {
        if !amend(tx, line.order_row, channel, &said, asking.now).await? {
            let content = Content { kind: Kind::ChoiceReceived, lines: vec![said.clone()] };
            make(tx, line.order_row, channel, &content, asking.now + settle, &mut news_id, asking).await?;
        }
    }
    Ok(())
}

/// Adds to the acknowledgement that waits for more answers; `false`: there is none, or somebody has begun to send it.
async fn amend(
    tx: &mut Tx,
    order_row: i64,
    channel: &str,
    said: &ContentLine,
    now: Timestamp,
) -> Result<bool, StoreError> {
    // Locked, so that nobody takes it from here on; who had it in hand until now may have rendered it.
    let waiting = sql!("select id, content from outbox where order_row = $1 and channel = $2 and kind = $3 and state = $4 "
        "and attempts = 0 and due_at > $5 order by id desc limit 1" lock);
    let of_order = values![order_row, channel, Kind::ChoiceReceived.word(), State::Queued.word(), now];
    let Some(row) = tx.row(waiting, of_order).await? else { return Ok(false) };
    let mut content: Content = row.json("content")?;
    content.lines.retain(|line| line.line_id != said.line_id);
    content.lines.push(said.clone());
    let amend = sql!("update outbox set content = $2 where id = $1 "
        "and not exists (select 1 from contents c where c.notification_id = outbox.id)");
    let amended = tx.execute(amend, values![row.id("id")?, serde_json::to_string(&content)?]).await?;
    Ok(amended > 0)
}

/// Makes a notification that answers her. The flood guard does not count it. Those of several channels are joined by
/// the id of the first.
async fn make(
    tx: &mut Tx,
    order_row: i64,
    channel: &str,
    content: &Content,
    due_at: Timestamp,
    news_id: &mut Option<Uuid>,
    asking: Asking<'_>,
) -> Result<(), StoreError> {
    let id = asking.clock.new_id();
    let news_id = *news_id.get_or_insert(id);
    let kind = content.kind.word();
    let insert = sql!("insert into outbox (id, news_id, order_row, channel, kind, kinds, state, content, settled, ready, news, calendar, "
        "created_at, due_at) values ($1, $2, $3, $4, $5, $6, $7, $8, true, true, false, true, $9, $10)");
    let values = values![
        id,
        news_id,
        order_row,
        channel,
        kind,
        format!(" {kind} "),
        State::Queued.word(),
        serde_json::to_string(content)?,
        asking.now,
        due_at,
    ];
    tx.execute(insert, values).await.map(drop)
}

/// The lines of the order that wait, as a mail shows them that tells no news of them.
fn waiting(found: &Reach, today: Date) -> Vec<ContentLine> {
    let of_order = found.lines.iter().filter(|line| line.order_row == found.order.row && !line.gone);
    of_order
        .filter(|line| line.line.status() == Status::Backordered)
        .map(|line| said(line, Vec::new(), today))
        .collect()
}

fn said(line: &Reached, news: Vec<Kind>, today: Date) -> ContentLine {
    let standing = Standing::of(&line.line, today);
    ContentLine {
        line_id: line.line.line_id.clone(),
        quantity: if news.is_empty() { standing.short } else { standing.open },
        news,
        previous_expected_on: line.told.as_ref().and_then(|told| told.standing.expected_on),
        standing,
        terms: Terms::default(),
        expires_at: None,
        answer: None,
    }
}
