//! Mails that came back, recorded: what it was, whose address is barred by it, what staff have to know.
//!
//! In: what came back, with the names it has for its notification. Out: whether it is known, and what followed. The same
//! word about one notification is recorded once, and what it brings about follows once however many words come, so that
//! reports and events may come any number of times, and in any order with the relay's own answer. The address that is
//! barred is the notification's own, whatever the report says.

use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

use super::dialect::{Row, Tx, batch, sql, values};
use super::log::{LogEntry, entry_of};
use super::suppressions::{self, Source, Stream, Suppression};
use super::tasks::{self, NewTask};
use super::{Store, StoreError};
use crate::bounce::{Name, Returned, Verdict};
use crate::outbox::notification::{MAIL, State};
use crate::shell::quoted;

/// What became of what came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Taken {
    /// No notification has such a name.
    Unknown,
    /// It was recorded before.
    Before(Uuid),
    Recorded {
        id: Uuid,
        /// The stream that its address is barred from now.
        barred: Option<Stream>,
    },
}

impl Taken {
    pub fn id(&self) -> Option<Uuid> {
        match self {
            Taken::Unknown => None,
            Taken::Before(id) | Taken::Recorded { id, .. } => Some(*id),
        }
    }
}

/// Something that came back of a notification.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bounce {
    pub at: Timestamp,
    pub verdict: Verdict,
    /// Empty: nobody was named.
    pub recipient: String,
    pub reason: String,
    /// What brought it: `report`, or a provider.
    pub source: String,
}

impl Bounce {
    /// As in "came back (hard): 5.1.1 no such user".
    pub fn in_words(&self) -> String {
        let what = match self.verdict {
            Verdict::Complaint => "was complained about",
            Verdict::Soft => "is late",
            Verdict::Hard | Verdict::Undelivered => "came back",
        };
        let (word, reason, source) = (self.verdict.word(), &self.reason, &self.source);
        format!("{what} ({word}, by {source}): {reason}")
    }
}

impl Store {
    /// Records what came back, `source` being what brought it.
    pub async fn record_bounce(&self, returned: &Returned, source: &str, now: Timestamp) -> Result<Taken, StoreError> {
        let mut tx = self.write().await?;
        let Some(entry) = named(&mut tx, &returned.names).await? else { return Ok(Taken::Unknown) };
        let insert = sql!("insert into bounces (notification_id, kind, recipient, reason, at, source) "
            "values ($1, $2, $3, $4, $5, $6) on conflict do nothing");
        let recipient = returned.recipient.clone().unwrap_or_default();
        let bounce = values![entry.id, returned.verdict.word(), recipient, &returned.reason, now, source];
        let another = sql!("select 1 as one from bounces where notification_id = $1 and kind = $2 limit 1");
        let is_first = tx.row(another, values![entry.id, returned.verdict.word()]).await?.is_none();
        if returned.verdict.is_a_loss() {
            // A second try may have been accepted since it was marked.
            mark_notices(&mut tx, &entry).await?;
        }
        if tx.execute(insert, bounce).await? == 0 {
            tx.commit().await?;
            return Ok(Taken::Before(entry.id));
        }
        let mut barred = None;
        // Other words for the same bar nothing again that staff took off the list.
        if is_first {
            barred = bar(&mut tx, &entry, returned, now).await?;
            if let Some(task) = task(&entry, returned, barred) {
                tasks::add(&mut tx, &[task], now).await?;
            }
        }
        tx.commit().await?;
        Ok(Taken::Recorded { id: entry.id, barred })
    }

    /// What came back of a notification, oldest first.
    pub async fn bounces(&self, id: Uuid) -> Result<Vec<Bounce>, StoreError> {
        let bounces = sql!("select * from bounces where notification_id = $1 order by at, kind, reason");
        let bounce = |row: &Row| {
            Ok(Bounce {
                at: row.time("at")?,
                verdict: row.word("kind", Verdict::of_word)?,
                recipient: row.text("recipient")?,
                reason: row.text("reason")?,
                source: row.text("source")?,
            })
        };
        self.rows(bounces, values![id]).await?.iter().map(bounce).collect()
    }
}

/// The first notification that is known by one of `names`.
async fn named(tx: &mut Tx, names: &[Name]) -> Result<Option<LogEntry>, StoreError> {
    let entry = sql!("select n.*, o.order_id, o.order_number, o.shop_id, o.recipient, o.locale "
        "from notifications n join orders o on o.id = n.order_row where n.id = $1");
    for name in names {
        let Some(row) = tx.row(entry, values![name.id]).await? else { continue };
        let entry = entry_of(&row)?;
        let ours = entry.message_id.as_deref().map(|ours| ours.trim_matches(['<', '>']).to_lowercase());
        let is_it = name.message_id.as_ref().is_none_or(|theirs| ours.as_deref() == Some(&*theirs.to_lowercase()));
        // What no relay was ever given cannot come back, whoever says so.
        let was_tried = entry.attempts > 0 || matches!(entry.state, State::Sending | State::Sent | State::InDoubt);
        if is_it && was_tried && entry.channel == MAIL {
            return Ok(Some(entry));
        }
    }
    Ok(None)
}

/// Bars the address where that follows; returns the stream.
async fn bar(tx: &mut Tx, entry: &LogEntry, returned: &Returned, now: Timestamp) -> Result<Option<Stream>, StoreError> {
    let stream = Stream::of(&entry.content);
    let source = match returned.verdict {
        Verdict::Hard => Source::Bounce,
        // Nobody can opt out of what may be owed by law.
        Verdict::Complaint if stream != Stream::OrderNotices => Source::Complaint,
        _ => return Ok(None),
    };
    let barred = Suppression {
        address: entry.recipient.clone(),
        stream,
        reason: returned.reason.clone(),
        source,
        who: None,
        since: now,
        notification_id: Some(entry.id),
    };
    suppressions::add(tx, &[barred]).await?;
    Ok(Some(stream))
}

/// Marks what the notification said of the law as bounced: it was accepted and counts, and staff see it (US-19).
async fn mark_notices(tx: &mut Tx, entry: &LogEntry) -> Result<(), StoreError> {
    #[derive(Serialize)]
    struct Said<'a> {
        shop_id: &'a str,
        line_id: &'a str,
    }
    let lines = entry.content.lines.iter();
    let said: Vec<Said> = lines.map(|line| Said { shop_id: &entry.shop_id, line_id: &line.line_id }).collect();
    let mark = sql!("update notices set notice = "
        either("json_set(notice, '$.bounced', json('true'))", "jsonb_set(notice::jsonb, '{bounced}', 'true')::text")
        " where notification_id = $2 and (shop_id, line_id) in (select shop_id, line_id from "
        rows(shop_id text, line_id text) ")");
    tx.execute(mark, vec![batch(&said)?, entry.id.into()]).await.map(drop)
}

/// What staff have to know: she did not get an order notice, or calls it unwanted.
fn task(entry: &LogEntry, returned: &Returned, barred: Option<Stream>) -> Option<NewTask> {
    let LogEntry { id, order_number, recipient, .. } = entry;
    let (kind, what) = match returned.verdict {
        Verdict::Hard | Verdict::Undelivered => ("bounced", "came back"),
        Verdict::Complaint => ("complaint", "was called unwanted by its recipient"),
        Verdict::Soft => return None,
    };
    if Stream::of(&entry.content) != Stream::OrderNotices {
        return None;
    }
    let mail = entry.kind.word();
    let address = quoted(recipient);
    let mend = match (kind, barred) {
        ("complaint", _) => format!(
            "talk to the customer, then end the task; order notices go on, as the law may owe them; `backorderd suppress add \
             {address} --stream updates` spares her the rest"
        ),
        (_, None) => format!(
            "tell the customer by other means, or correct her address in the shop, then end the task; `backorderd resend \
             {id}` sends it again"
        ),
        (_, Some(stream)) => format!(
            "tell the customer by other means, or correct her address in the shop, then end the task; if the address is right, \
             `backorderd suppress remove {address} --stream {}` and `backorderd resend {id}`",
            stream.word()
        ),
    };
    Some(NewTask {
        kind,
        shop_id: entry.shop_id.clone(),
        subject: id.to_string(),
        reason: format!("the {mail} mail of order {order_number} to {recipient} {what}: {}", returned.reason),
        mend,
    })
}
