//! `backorderd show ID`: one notification, what it says, and every try.
//!
//! In: an id, or the beginning of one. Out: words, JSON, or the exact bytes that were sent. A notification that was
//! never tried has no bytes yet; then it is shown what it would say now.

use std::fmt::Write as _;
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::Args;
use jiff::tz::TimeZone;

use super::General;
use super::draft::draft;
use super::log_object::{AttemptObject, LogObject, ShowObject};
use super::output::{indented, json_lines, print, second};
use crate::app::{self, App};
use crate::deliver::prepare::{self, live_bytes};
use crate::outbox::channels;
use crate::outbox::notification::State;
use crate::render::mime::Readable;
use crate::store::Store;
use crate::store::bounces::Bounce;
use crate::store::log::{AttemptEntry, LogEntry};
use crate::store::outbox::Kept;
use crate::store::staff::StaffAction;

/// So many ids are named where a beginning fits several.
const NAMED: u8 = 5;

#[derive(Debug, Args)]
pub struct ShowArguments {
    /// The notification's id, or a beginning that no other has.
    id: String,
    /// One JSON object, with the tries, the text and the HTML; links in it are dead.
    #[arg(long, conflicts_with = "eml")]
    json: bool,
    /// The exact bytes that were sent, with their live link: the mail, or the body of the webhook.
    #[arg(long)]
    eml: bool,
}

impl ShowArguments {
    pub async fn run(self, general: &General) -> anyhow::Result<ExitCode> {
        let app = general.recorded_app().await?;
        let entry = find(&app.store, &self.id).await?;
        let kept = app.store.contents(&[entry.id]).await?.remove(&entry.id);
        if self.eml {
            let kept = kept.with_context(|| {
                format!("{} has not been rendered yet: that happens when it is first tried", entry.id)
            })?;
            let bytes = live_bytes(&kept, &app.link_keys().await?)
                .context("its bytes cannot be restored: was the link secret changed?")?;
            print(bytes)?;
            return Ok(ExitCode::SUCCESS);
        }
        let attempts = app.store.attempts(entry.id).await?;
        let readable = kept.as_ref().map(|kept| readable(kept, &entry.channel)).transpose()?;
        if self.json {
            print(json_lines([object(&entry, &attempts, readable.as_ref())])?)?;
            return Ok(ExitCode::SUCCESS);
        }
        let zone = app.settings.shop(&entry.shop_id).shop.time_zone;
        let mut words = head(&entry, &zone) + &tries(&attempts, &zone);
        words += &came_back(&app.store.bounces(entry.id).await?, &zone);
        words += &staff(&app.store.staff_actions(entry.id).await?, &zone);
        match readable {
            Some(readable) => {
                words += "\nText (links are dead here; --eml prints the live ones)\n\n";
                words += &indented(&readable.text.unwrap_or_default(), "    ");
            }
            None => words += &would_say(&app, &entry).await?,
        }
        print(words)?;
        Ok(ExitCode::SUCCESS)
    }
}

/// The one notification whose id begins with `prefix`.
pub async fn find(store: &Store, prefix: &str) -> anyhow::Result<LogEntry> {
    let mut found = store.notifications_like(prefix, i64::from(NAMED) + 1).await?;
    if found.len() > 1 {
        let named = usize::from(NAMED);
        let more = if found.len() > named { ", ..." } else { "" };
        let ids: Vec<String> = found.iter().take(named).map(|entry| entry.id.to_string()).collect();
        bail!("several notifications begin with {prefix}: {}{more}; write more of the id", ids.join(", "));
    }
    found.pop().with_context(|| format!("there is no notification {prefix}; `backorderd log` lists them"))
}

/// The parts of what is kept, with dead links.
pub fn readable(kept: &Kept, channel: &str) -> anyhow::Result<Readable> {
    let readable = prepare::read(kept, channel).context("what is kept of it is damaged")?;
    // On its way a mail's lines end with CR and LF (RFC 5322, section 2.3); here they end as they were written.
    let lines = |part: Option<String>| part.map(|part| part.replace("\r\n", "\n"));
    Ok(Readable { text: lines(readable.text), html: lines(readable.html), ..readable })
}

fn object<'a>(entry: &'a LogEntry, attempts: &'a [AttemptEntry], readable: Option<&'a Readable>) -> ShowObject<'a> {
    ShowObject {
        log: LogObject::of(entry),
        attempt_list: attempts.iter().map(|attempt| AttemptObject::of(attempt, &entry.channel)).collect(),
        text: readable.and_then(|readable| readable.text.as_deref()),
        html: readable.and_then(|readable| readable.html.as_deref()),
    }
}

fn head(entry: &LogEntry, zone: &TimeZone) -> String {
    let mut words = format!("Notification {}\n\n", entry.id);
    let mut field = |name: &str, value: &str| {
        let _ = writeln!(words, "  {name:<11} {value}");
    };
    field("state", &state(entry));
    field("kind", entry.kind.word());
    field("channel", &entry.channel);
    field("order", &entry.order_number);
    if entry.order_number != entry.order_id {
        field("order id", &entry.order_id);
    }
    if !entry.shop_id.is_empty() {
        field("shop", &entry.shop_id);
    }
    field("recipient", &entry.recipient);
    field("locale", &entry.locale);
    let said = entry.content.lines.iter().filter(|line| !line.news.is_empty()).map(|line| {
        let news: Vec<&str> = line.news.iter().map(|kind| kind.word()).collect();
        format!("{} ({})", line.line_id, news.join(", "))
    });
    field("lines", &said.collect::<Vec<_>>().join(", "));
    if let Some(subject) = &entry.subject {
        field("subject", subject);
    }
    if let Some(message_id) = &entry.message_id {
        field("message id", message_id);
    }
    field("made", &second(entry.created_at, zone));
    match entry.sent_at {
        Some(sent_at) => field("sent", &second(sent_at, zone)),
        None => field("due", &second(entry.due_at, zone)),
    }
    if let Some(name) = zone.iana_name() {
        field("times in", name);
    }
    words
}

/// The state with its reason.
pub fn state(entry: &LogEntry) -> String {
    let word = entry.state.word();
    let note = entry.note.as_deref().filter(|_| entry.state != State::Sent);
    let doubled = if entry.possible_duplicate { "; it may have arrived twice" } else { "" };
    note.map_or_else(|| format!("{word}{doubled}"), |note| format!("{word}: {note}{doubled}"))
}

fn tries(attempts: &[AttemptEntry], zone: &TimeZone) -> String {
    if attempts.is_empty() {
        return "\nNot tried yet.\n".into();
    }
    let mut words = String::from("\nTries\n\n");
    for attempt in attempts {
        let took = attempt.ended_at.duration_since(attempt.started_at).as_secs_f64();
        let through = if attempt.relay.is_empty() { String::new() } else { format!(" through {}", attempt.relay) };
        let code = attempt.code.map(|code| format!("{code} ")).unwrap_or_default();
        let _ = writeln!(
            words,
            "  {}. {}{through}, {took:.3} s: {}\n     {code}{}",
            attempt.number,
            second(attempt.started_at, zone),
            attempt.outcome,
            attempt.reply.as_deref().unwrap_or_default()
        );
    }
    words
}

/// What came back of it.
fn came_back(bounces: &[Bounce], zone: &TimeZone) -> String {
    let mut words = String::new();
    for bounce in bounces {
        let head = if words.is_empty() { "\nCame back\n\n" } else { "" };
        let _ = writeln!(words, "{head}  {} {}", second(bounce.at, zone), bounce.in_words());
    }
    words
}

/// What staff did to it, and who.
fn staff(actions: &[StaffAction], zone: &TimeZone) -> String {
    let mut words = String::new();
    for action in actions {
        let head = if words.is_empty() { "\nStaff\n\n" } else { "" };
        let _ = writeln!(words, "{head}  {} {}", second(action.at, zone), action.in_words());
    }
    words
}

/// What a notification that was not rendered yet would say.
async fn would_say(app: &App, entry: &LogEntry) -> anyhow::Result<String> {
    if !matches!(entry.state, State::Queued | State::Held | State::Sending) {
        return Ok("\nIt was never rendered, so nothing of it is kept.\n".into());
    }
    let orders =
        app.store.orders(&[entry.order_row], channels::telling(app.settings.delivery.channel), app.clock.now()).await?;
    let order = orders.first().context("its order is not recorded any more")?;
    let draft = draft(app, order, entry.id, &entry.content).await?;
    let said = match app::renderers(&app.settings)?.of(&entry.shop_id).render(&draft) {
        Ok(message) => format!("Subject: {}\n\n{}", message.subject, message.text),
        Err(error) => format!("It cannot be rendered: {error}\n"),
    };
    Ok("\nIt is rendered when it is first tried. Now it would say (links are dead here):\n\n".to_owned()
        + &indented(&said, "    "))
}
