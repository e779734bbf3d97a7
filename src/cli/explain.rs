//! `backorderd explain LINE_ID`: why this line did or did not get mail.
//!
//! In: a line's id. Out: what was read of it, what was decided, what became of each notification that spoke of it, by
//! time; and one sentence on how things stand now. What can go wrong: nobody knows the line, or several shops have it.

use std::fmt::Write as _;
use std::process::ExitCode;

use anyhow::bail;
use clap::Args;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;
use uuid::Uuid;

use super::General;
use super::output::{instant, json_lines, minute, named, print, second};
use crate::app::App;
use crate::outbox::channels;
use crate::outbox::notification::State;
use crate::shop::line::Status;
use crate::store::log::LogEntry;
use crate::store::views::Order;
use crate::watch::standing::{Standing, Told};

#[derive(Debug, Args)]
pub struct ExplainArguments {
    /// The order line's id, as the shop's database has it.
    line_id: String,
    /// The line of this shop, where several are in one database.
    #[arg(long, value_name = "SHOP_ID")]
    shop: Option<String>,
    /// One JSON object a line.
    #[arg(long)]
    json: bool,
}

/// Something that happened to the line or to a notification about it.
#[derive(Debug)]
struct Step {
    at: Timestamp,
    /// `read`, `decided`, `gone`; `made`, `tried`, `bounced`, `staff` or a state for a notification.
    what: String,
    detail: String,
    notification_id: Option<Uuid>,
}

#[derive(Serialize)]
struct StepObject<'a> {
    at: String,
    what: &'a str,
    detail: &'a str,
    notification_id: Option<Uuid>,
}

impl ExplainArguments {
    pub async fn run(self, general: &General) -> anyhow::Result<ExitCode> {
        let app = general.recorded_app().await?;
        let (shop_id, order_row) = place(&app, self.shop.as_deref(), &self.line_id).await?;
        let zone = app.settings.shop(&shop_id).shop.time_zone;
        let told = app.store.told_of_line(&shop_id, &self.line_id).await?;
        let mut steps = Vec::new();
        for event in app.store.events(Some(&shop_id), &self.line_id).await? {
            steps.push(Step { at: event.at, what: event.what, detail: event.detail, notification_id: None });
        }
        for (entry, finished_at) in &told {
            steps.extend(of_notification(&app, entry, *finished_at, &zone).await?);
        }
        // Stable: what was recorded together stays in its order.
        steps.sort_by_key(|step| step.at);
        let now = app.clock.now();
        let orders = app.store.orders(&[order_row], channels::telling(app.settings.delivery.channel), now).await?;
        let standing = how_it_stands(&self.line_id, orders.first(), &told, now, &zone);
        steps.push(Step { at: now, what: "now".into(), detail: standing, notification_id: None });
        print(if self.json { json_lines(steps.iter().map(object))? } else { words(&steps, &zone) })?;
        Ok(ExitCode::SUCCESS)
    }
}

/// The line's shop and the row of its order.
pub async fn place(app: &App, shop_id: Option<&str>, line_id: &str) -> anyhow::Result<(String, i64)> {
    let mut places = app.store.orders_of_line(shop_id, line_id).await?;
    if places.len() > 1 {
        let mut shops: Vec<&str> = places.iter().map(|(shop_id, _)| &**shop_id).collect();
        shops.sort_unstable();
        bail!("several shops have a line {line_id}: {}; name one with --shop", named(&shops));
    }
    if let Some(place) = places.pop() {
        return Ok(place);
    }
    let subject = format!("lines line {line_id}");
    if let Some(task) = app.store.tasks().await?.into_iter().find(|task| task.subject == subject) {
        bail!("line {line_id} was never recorded, because its row is set aside: {}; {}", task.reason, task.mend);
    }
    bail!(
        "line {line_id} is not known: no sweep has read it. It is the feed's `line_id` that counts; \
         `backorderd check` shows some, and `backorderd run --once` sweeps now"
    );
}

/// What became of a notification, from its making to its end.
async fn of_notification(
    app: &App,
    entry: &LogEntry,
    finished_at: Option<Timestamp>,
    zone: &TimeZone,
) -> anyhow::Result<Vec<Step>> {
    let step = |at, what: &str, detail| Step { at, what: what.into(), detail, notification_id: Some(entry.id) };
    let made = format!("{} to {}: {}", entry.kind.word(), entry.recipient, entry.id);
    let mut steps = vec![step(entry.created_at, "made", made)];
    for attempt in app.store.attempts(entry.id).await? {
        let through = if attempt.relay.is_empty() { String::new() } else { format!(" through {}", attempt.relay) };
        let code = attempt.code.map(|code| format!("{code} ")).unwrap_or_default();
        let reply = attempt.reply.unwrap_or_default();
        let detail = format!("try {}{through}: {}, {code}{reply}", attempt.number, attempt.outcome);
        steps.push(step(attempt.ended_at, "tried", detail));
    }
    let last = steps.last().map_or(entry.created_at, |last| last.at);
    for bounce in app.store.bounces(entry.id).await? {
        steps.push(step(bounce.at, "bounced", bounce.in_words()));
    }
    for action in app.store.staff_actions(entry.id).await? {
        steps.push(step(action.at, "staff", action.in_words()));
    }
    let note = entry.note.as_deref().filter(|_| entry.state != State::Sent);
    let detail = match (entry.state, note) {
        (State::Queued, _) => format!("due {}", minute(entry.due_at, zone)),
        (State::Sent, _) => format!("{} was told", entry.recipient),
        (_, note) => note.unwrap_or_default().to_owned(),
    };
    // Its end comes after its tries; what came back, and what staff did, may follow.
    steps.push(step(entry.sent_at.or(finished_at).unwrap_or(last).max(last), entry.state.word(), detail));
    steps.sort_by_key(|step| step.at);
    Ok(steps)
}

/// One sentence: what she was told, and what is to come.
fn how_it_stands(
    line_id: &str,
    order: Option<&Order>,
    entries: &[(LogEntry, Option<Timestamp>)],
    now: Timestamp,
    zone: &TimeZone,
) -> String {
    let view = order.and_then(|order| order.view.lines.iter().find(|view| view.line.line_id == line_id));
    let (Some(order), Some(view)) = (order, view) else {
        return "the shop shows this line no more, so no mail speaks of it".into();
    };
    let stands = in_words(&Standing::of(&view.line, now.to_zoned(zone.clone()).date()));
    let so = |told: &Told| match in_words(&told.standing) {
        told if told == stands => "so".to_owned(),
        told => format!("that it {told}"),
    };
    let Some(recipient) = &order.view.recipient else {
        return format!("it {stands}; the line has no e-mail address, so nobody can be told");
    };
    let told = entries
        .iter()
        .rev()
        .find(|(entry, _)| matches!(entry.state, State::Sent | State::InDoubt) && entry.recipient == *recipient);
    let told = match (told, &view.told) {
        (Some((entry, _)), Some(told)) => {
            let perhaps = if entry.state == State::InDoubt { "may have been" } else { "was" };
            format!("{recipient} {perhaps} told {} on {}", so(told), minute(told.at, zone))
        }
        (None, Some(told)) => {
            format!("since the first sweep, on {}, {recipient} counts as told {}", minute(told.at, zone), so(told))
        }
        (_, None) => format!("{recipient} was never told anything of it"),
    };
    format!("it {stands}; {told}; {}", to_come(entries, zone))
}

/// What of the notifications about the line is not finished.
fn to_come(entries: &[(LogEntry, Option<Timestamp>)], zone: &TimeZone) -> String {
    let unfinished = entries.iter().rev().find(|(_, finished_at)| finished_at.is_none());
    let Some((entry, _)) = unfinished else { return "nothing is queued".into() };
    let kind = entry.kind.word();
    match entry.state {
        State::Held => format!("a {kind} mail is held: {}", entry.note.as_deref().unwrap_or("staff decide")),
        State::Sending => format!("a {kind} mail is on its way"),
        State::InDoubt => format!("that {kind} mail goes out once more, due {}", minute(entry.due_at, zone)),
        _ => format!("a {kind} mail is queued, due {}", minute(entry.due_at, zone)),
    }
}

fn in_words(standing: &Standing) -> String {
    let (open, short) = (standing.open, standing.short);
    match standing.status {
        Status::Backordered => {
            let day = standing.expected_on.map_or("no date known".into(), |day| format!("expected {day}"));
            format!("waits ({short} of {open} short, {day})")
        }
        Status::Ready => "is ready".into(),
        Status::Shipped => "has shipped".into(),
        Status::Cancelled => "is cancelled".into(),
    }
}

fn object(step: &Step) -> StepObject<'_> {
    StepObject { at: instant(step.at), what: &step.what, detail: &step.detail, notification_id: step.notification_id }
}

fn words(steps: &[Step], zone: &TimeZone) -> String {
    let mut words = String::new();
    for step in steps {
        // Writing to a String cannot fail.
        let _ = writeln!(words, "{}  {:<10}  {}", second(step.at, zone), step.what, step.detail);
    }
    words
}
