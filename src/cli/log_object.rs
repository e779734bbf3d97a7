//! The sent-log for scripts: a notification as the object that the outside relies on, its keys in their order.

use serde::Serialize;
use uuid::Uuid;

use super::output::instant;
use crate::store::log::{AttemptEntry, LogEntry};

/// One notification; instants are RFC 3339 in UTC.
#[derive(Debug, Serialize)]
pub struct LogObject<'a> {
    id: Uuid,
    kind: &'static str,
    state: &'static str,
    order_id: &'a str,
    order_number: &'a str,
    shop_id: &'a str,
    recipient: &'a str,
    /// Those with news.
    lines: Vec<&'a str>,
    locale: &'a str,
    created_at: String,
    due_at: String,
    sent_at: Option<String>,
    attempts: i64,
    last_reply: Option<&'a str>,
    subject: Option<&'a str>,
    /// With its angle brackets, as it stands in the header.
    message_id: Option<&'a str>,
    channel: &'a str,
    news_id: Uuid,
    possible_duplicate: bool,
}

impl<'a> LogObject<'a> {
    pub fn of(entry: &'a LogEntry) -> LogObject<'a> {
        let lines = entry.content.lines.iter().filter(|line| !line.news.is_empty());
        LogObject {
            id: entry.id,
            kind: entry.kind.word(),
            state: entry.state.word(),
            order_id: &entry.order_id,
            order_number: &entry.order_number,
            shop_id: &entry.shop_id,
            recipient: &entry.recipient,
            lines: lines.map(|line| &*line.line_id).collect(),
            locale: &entry.locale,
            created_at: instant(entry.created_at),
            due_at: instant(entry.due_at),
            sent_at: entry.sent_at.map(instant),
            attempts: entry.attempts,
            last_reply: entry.last_reply.as_deref(),
            subject: entry.subject.as_deref(),
            message_id: entry.message_id.as_deref(),
            channel: &entry.channel,
            news_id: entry.news_id,
            possible_duplicate: entry.possible_duplicate,
        }
    }
}

/// One notification with its tries and what it says.
#[derive(Debug, Serialize)]
pub struct ShowObject<'a> {
    #[serde(flatten)]
    pub log: LogObject<'a>,
    pub attempt_list: Vec<AttemptObject<'a>>,
    /// With dead links; `None`: not rendered yet.
    pub text: Option<&'a str>,
    pub html: Option<&'a str>,
}

/// One try of a notification.
#[derive(Debug, Serialize)]
pub struct AttemptObject<'a> {
    number: i64,
    started_at: String,
    ended_at: String,
    channel: &'a str,
    relay: &'a str,
    outcome: &'a str,
    code: Option<i64>,
    reply: Option<&'a str>,
}

impl<'a> AttemptObject<'a> {
    pub fn of(attempt: &'a AttemptEntry, channel: &'a str) -> AttemptObject<'a> {
        AttemptObject {
            number: attempt.number,
            started_at: instant(attempt.started_at),
            ended_at: instant(attempt.ended_at),
            channel,
            relay: &attempt.relay,
            outcome: &attempt.outcome,
            code: attempt.code,
            reply: attempt.reply.as_deref(),
        }
    }
}
