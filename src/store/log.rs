//! The sent-log as staff read it: notifications with their orders, attempts and events.

use jiff::Timestamp;
use uuid::Uuid;

use super::dialect::{Row, Value, sql, values};
use super::{Store, StoreError};
use crate::outbox::notification::{Kind, State};
use crate::outbox::plan::Content;

/// What to show of the sent-log. What is `None` does not narrow it.
#[derive(Clone, Debug, Default)]
pub struct LogFilter {
    /// The order's id or number.
    pub order: Option<String>,
    pub email: Option<String>,
    /// A `product_key` or an SKU.
    pub product: Option<String>,
    /// Finds any news that a notification carries.
    pub kind: Option<Kind>,
    /// One of these; empty: any.
    pub states: Vec<State>,
    pub since: Option<Timestamp>,
    /// Not included.
    pub until: Option<Timestamp>,
    pub shop_id: Option<String>,
    pub channel: Option<String>,
    pub limit: i64,
}

/// One notification of the sent-log.
#[derive(Clone, Debug)]
pub struct LogEntry {
    pub id: Uuid,
    pub news_id: Uuid,
    pub kind: Kind,
    pub state: State,
    pub channel: String,
    pub order_row: i64,
    pub order_id: String,
    pub order_number: String,
    pub shop_id: String,
    pub recipient: String,
    pub locale: String,
    pub content: Content,
    pub created_at: Timestamp,
    pub due_at: Timestamp,
    pub sent_at: Option<Timestamp>,
    pub attempts: i64,
    pub last_reply: Option<String>,
    pub note: Option<String>,
    pub subject: Option<String>,
    pub message_id: Option<String>,
    pub possible_duplicate: bool,
}

/// One try of a notification.
#[derive(Clone, Debug)]
pub struct AttemptEntry {
    pub number: i64,
    pub started_at: Timestamp,
    pub ended_at: Timestamp,
    pub relay: String,
    pub outcome: String,
    pub code: Option<i64>,
    pub reply: Option<String>,
}

/// Something that was read or decided about a line.
#[derive(Clone, Debug)]
pub struct Event {
    pub at: Timestamp,
    pub what: String,
    pub detail: String,
}

impl LogFilter {
    /// What stands for `$1` to `$9` in a statement that is filtered.
    fn values(&self) -> Vec<Value> {
        let states = self.states.iter().fold(String::from(" "), |words, state| words + state.word() + " ");
        values![
            self.order.clone(),
            self.email.clone(),
            self.product.clone(),
            self.kind.map(Kind::word),
            Some(states).filter(|_| !self.states.is_empty()),
            self.since,
            self.until,
            self.shop_id.clone(),
            self.channel.clone(),
        ]
    }
}

/// A statement about the notifications that a filter lets through: what is selected of them, and what follows.
macro_rules! filtered {
    ($select:literal, $rest:literal) => {
        sql!($select "from notifications n join orders o on o.id = n.order_row "
            "where ($1 is null or o.order_id = $1 or o.order_number = $1) and ($2 is null or lower(o.recipient) = lower($2)) "
            "and ($3 is null or exists (select 1 from lines l join "
            either("json_each(n.content, '$.lines')", "jsonb_array_elements(n.content::jsonb->'lines')")
            " said on l.line_id = said.value->>'line_id' where l.shop_id = o.shop_id "
            "and (l.product_key = $3 or " either("l.snapshot->>'sku'", "l.snapshot::jsonb->>'sku'") " = $3))) "
            "and ($4 is null or n.kinds like '% ' || $4 || ' %') and ($5 is null or $5 like '% ' || n.state || ' %') "
            "and ($6 is null or n.created_at >= $6) and ($7 is null or n.created_at < $7) and ($8 is null or o.shop_id = $8) "
            "and ($9 is null or n.channel = $9)"
            $rest)
    };
}

impl Store {
    /// The notifications that `filter` lets through, newest first.
    pub async fn log(&self, filter: &LogFilter) -> Result<Vec<LogEntry>, StoreError> {
        let entries = filtered!(
            "select n.*, o.order_id, o.order_number, o.shop_id, o.recipient, o.locale ",
            " order by n.created_at desc, n.id desc limit $10"
        );
        let mut values = filter.values();
        values.push(filter.limit.into());
        self.rows(entries, values).await?.iter().map(entry_of).collect()
    }

    /// The ids of all notifications that `filter` lets through, oldest first. Its limit does not count.
    pub async fn chosen(&self, filter: &LogFilter) -> Result<Vec<Uuid>, StoreError> {
        let ids = filtered!("select n.id ", " order by n.created_at, n.id");
        self.rows(ids, filter.values()).await?.iter().map(|row| row.id("id")).collect()
    }

    /// One notification.
    pub async fn notification(&self, id: Uuid) -> Result<Option<LogEntry>, StoreError> {
        let entry = sql!("select n.*, o.order_id, o.order_number, o.shop_id, o.recipient, o.locale "
            "from notifications n join orders o on o.id = n.order_row where n.id = $1");
        self.row(entry, values![id]).await?.as_ref().map(entry_of).transpose()
    }

    /// The notifications whose ids begin with `prefix`, at most `limit` of them; none if it is no beginning of an id.
    pub async fn notifications_like(&self, prefix: &str, limit: i64) -> Result<Vec<LogEntry>, StoreError> {
        let Some((first, last)) = id_range(prefix) else { return Ok(Vec::new()) };
        let entries = sql!("select n.*, o.order_id, o.order_number, o.shop_id, o.recipient, o.locale "
            "from notifications n join orders o on o.id = n.order_row where n.id >= $1 and n.id <= $2 order by n.id limit $3");
        self.rows(entries, values![first, last, limit]).await?.iter().map(entry_of).collect()
    }

    /// Every notification that spoke of a line, oldest first, each with when it was finished.
    pub async fn told_of_line(
        &self,
        shop_id: &str,
        line_id: &str,
    ) -> Result<Vec<(LogEntry, Option<Timestamp>)>, StoreError> {
        // The line's order may have rows for other addresses; and the line may have come from another order.
        let entries = sql!("select n.*, o.order_id, o.order_number, o.shop_id, o.recipient, o.locale, s.finished_at "
            "from notifications n join orders o on o.id = n.order_row left join sent_log s on s.id = n.id "
            "where n.order_row in (select o.id from lines l join orders c on c.id = l.order_row "
            "join orders o on o.shop_id = c.shop_id and o.order_id = c.order_id where l.shop_id = $1 and l.line_id = $2 "
            "union select t.order_row from tellings l join notifications t on t.id = l.notification_id "
            "where l.shop_id = $1 and l.line_id = $2) order by n.created_at, n.id");
        let mut told = Vec::new();
        for row in self.rows(entries, values![shop_id, line_id]).await? {
            let entry = entry_of(&row)?;
            if entry.content.lines.iter().any(|line| line.line_id == line_id) {
                told.push((entry, row.maybe_time("finished_at")?));
            }
        }
        Ok(told)
    }

    /// The tries of a notification, in order.
    pub async fn attempts(&self, id: Uuid) -> Result<Vec<AttemptEntry>, StoreError> {
        let attempts = sql!("select * from attempts where notification_id = $1 order by number");
        let entry = |row: &Row| {
            Ok(AttemptEntry {
                number: row.int("number")?,
                started_at: row.time("started_at")?,
                ended_at: row.time("ended_at")?,
                relay: row.text("relay")?,
                outcome: row.text("outcome")?,
                code: row.maybe_int("code")?,
                reply: row.maybe_text("reply")?,
            })
        };
        self.rows(attempts, values![id]).await?.iter().map(entry).collect()
    }

    /// Everything recorded about a line, oldest first; with several shops of one line id, those of `shop_id`.
    pub async fn events(&self, shop_id: Option<&str>, line_id: &str) -> Result<Vec<Event>, StoreError> {
        let events =
            sql!("select at, what, detail from events where line_id = $2 and ($1 is null or shop_id = $1) order by id");
        let event = |row: &Row| Ok(Event { at: row.time("at")?, what: row.text("what")?, detail: row.text("detail")? });
        self.rows(events, values![shop_id, line_id]).await?.iter().map(event).collect()
    }

    /// The order row that a line belongs to, with its shop; several if several shops have a line of this id.
    pub async fn orders_of_line(&self, shop_id: Option<&str>, line_id: &str) -> Result<Vec<(String, i64)>, StoreError> {
        let orders = sql!("select shop_id, order_row from lines where line_id = $2 and ($1 is null or shop_id = $1)");
        let place = |row: &Row| Ok((row.text("shop_id")?, row.int("order_row")?));
        self.rows(orders, values![shop_id, line_id]).await?.iter().map(place).collect()
    }

    /// The `Message-ID`s of what was sent about each of `orders`, oldest first, for the thread of their next mail.
    pub async fn threads(&self, orders: &[i64]) -> Result<Vec<(i64, String)>, StoreError> {
        // Two questions for each order, so that no plan made while the log is empty reads all of it later.
        let sent = sql!("select s.order_row, (select c.message_id from contents c where c.notification_id = s.id) as message_id "
            "from " rows(n bigint) " left join sent_log s on s.order_row = x.n and s.state in ('sent', 'in_doubt') "
            "where coalesce(s.id, '') <> '' order by s.finished_at");
        let rows = self.rows(sent, vec![super::views::numbers(orders.iter().copied())?]).await?;
        let mut mails = Vec::with_capacity(rows.len());
        for row in rows {
            if let Some(message_id) = row.maybe_text("message_id")? {
                mails.push((row.int("order_row")?, message_id));
            }
        }
        Ok(mails)
    }

    /// How many notifications stand in each state of the outbox, and when the oldest that is due became due.
    pub async fn outbox_counts(&self) -> Result<Vec<(State, i64)>, StoreError> {
        let counts = sql!("select state, count(*) as number from outbox group by state");
        let count = |row: &Row| Ok((row.word("state", State::of_word)?, row.int("number")?));
        self.rows(counts, values![]).await?.iter().map(count).collect()
    }
}

/// The lowest and the highest id that begin with `prefix`, whatever order of letters the database has.
fn id_range(prefix: &str) -> Option<(String, String)> {
    const LOWEST: &str = "00000000-0000-0000-0000-000000000000";
    const HIGHEST: &str = "ffffffff-ffff-ffff-ffff-ffffffffffff";
    let prefix = prefix.to_ascii_lowercase();
    let fits =
        |(at, letter): (usize, char)| letter.is_ascii_hexdigit() && !is_hyphen(at) || letter == '-' && is_hyphen(at);
    let is_prefix = !prefix.is_empty() && prefix.len() <= LOWEST.len() && prefix.chars().enumerate().all(fits);
    is_prefix.then(|| (format!("{prefix}{}", &LOWEST[prefix.len()..]), format!("{prefix}{}", &HIGHEST[prefix.len()..])))
}

/// Whether an id has a hyphen at this place.
fn is_hyphen(at: usize) -> bool {
    matches!(at, 8 | 13 | 18 | 23)
}

pub(super) fn entry_of(row: &Row) -> Result<LogEntry, StoreError> {
    Ok(LogEntry {
        id: row.id("id")?,
        news_id: row.id("news_id")?,
        kind: row.word("kind", Kind::of_word)?,
        state: row.word("state", State::of_word)?,
        channel: row.text("channel")?,
        order_row: row.int("order_row")?,
        order_id: row.text("order_id")?,
        order_number: row.text("order_number")?,
        shop_id: row.text("shop_id")?,
        recipient: row.text("recipient")?,
        locale: row.text("locale")?,
        content: row.json("content")?,
        created_at: row.time("created_at")?,
        due_at: row.time("due_at")?,
        sent_at: row.maybe_time("sent_at")?,
        attempts: row.int("attempts")?,
        last_reply: row.maybe_text("last_reply")?,
        note: row.maybe_text("note")?,
        subject: row.maybe_text("subject")?,
        message_id: row.maybe_text("message_id")?,
        possible_duplicate: row.bool("possible_duplicate")?,
    })
}

#[cfg(test)]
mod tests {
    use super::id_range;

    #[test]
    fn a_beginning_of_an_id_is_a_range_of_ids_and_nothing_else_is() {
        let range = |prefix| id_range(prefix).map(|(first, last)| format!("{first} {last}"));
        let of_nine = "01935abc-0000-0000-0000-000000000000 01935abc-ffff-ffff-ffff-ffffffffffff";
        assert_eq!(range("01935ABC-").as_deref(), Some(of_nine));
        assert_eq!(range("01935abc").as_deref(), Some(of_nine));
        let whole = "01935abc-0000-7000-8000-000000000001";
        assert_eq!(range(whole), Some(format!("{whole} {whole}")));
        for none in ["", "01935abcd", "0193-", "x", "ä", "01935abc-0000-7000-8000-0000000000012"] {
            assert_eq!(range(none), None, "{none}");
        }
    }
}
