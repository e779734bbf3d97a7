//! `backorderd log`: the sent-log, newest first.

use std::process::ExitCode;

use clap::Args;
use jiff::tz::TimeZone;

use super::General;
use super::filter::FilterArguments;
use super::log_object::LogObject;
use super::output::{Listing, json_lines, minute, print};
use crate::outbox::notification::State;
use crate::outbox::schedule::Schedules;
use crate::store::log::LogEntry;

#[derive(Debug, Args)]
pub struct LogArguments {
    #[command(flatten)]
    filter: FilterArguments,
    /// No more than these.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,
    /// One JSON object a line.
    #[arg(long)]
    json: bool,
}

impl LogArguments {
    pub async fn run(self, general: &General) -> anyhow::Result<ExitCode> {
        let app = general.recorded_app().await?;
        let entries = app.store.log(&self.filter.filter(&app, i64::from(self.limit))?).await?;
        if entries.is_empty() {
            eprintln!("no notification in the sent-log is like that");
        } else if self.json {
            print(json_lines(entries.iter().map(LogObject::of))?)?;
        } else {
            print(listing(&entries, &Schedules::new(&app.settings)).to_string())?;
            if entries.len() == self.limit as usize {
                eprintln!("these are the newest {}; there may be more, see --limit", self.limit);
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn listing(entries: &[LogEntry], schedules: &Schedules) -> Listing<4> {
    let mut listing = Listing::new([
        &["time", "id"],
        &["state", "kind"],
        &["order", "recipient"],
        &["subject", "last reply, or why"],
    ]);
    for entry in entries {
        let zone = &schedules.of(&entry.shop_id).zone;
        listing.row(&[
            vec![minute(entry.sent_at.unwrap_or(entry.created_at), zone), entry.id.to_string()],
            vec![entry.state.word().to_owned(), entry.kind.word().to_owned()],
            vec![entry.order_number.clone(), entry.recipient.clone()],
            vec![entry.subject.clone().unwrap_or_else(|| "(not rendered yet)".into()), why(entry, zone)],
        ]);
    }
    listing
}

/// Why it is where it is, in one line.
fn why(entry: &LogEntry, zone: &TimeZone) -> String {
    let note = entry.note.as_deref().filter(|_| entry.state != State::Sent);
    match (note.or(entry.last_reply.as_deref()), entry.state) {
        (None, State::Queued) => format!("due {}", minute(entry.due_at, zone)),
        (Some(last), State::Queued) => format!("again {}: {last}", minute(entry.due_at, zone)),
        (why, _) => why.unwrap_or_default().to_owned(),
    }
}
