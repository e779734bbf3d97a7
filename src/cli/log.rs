//! `backorderd log`: the sent-log, newest first.

use std::process::ExitCode;

use clap::Args;
use jiff::{Timestamp, civil::Date, tz::TimeZone};

use super::General;
use super::log_object::LogObject;
use super::output::{Listing, json_lines, minute, print};
use crate::outbox::notification::{Kind, State};
use crate::outbox::schedule::Schedules;
use crate::store::log::{LogEntry, LogFilter};

#[derive(Debug, Args)]
pub struct LogArguments {
    /// Of this order: its id or its number.
    #[arg(long, value_name = "ORDER")]
    order: Option<String>,
    /// To this address.
    #[arg(long, value_name = "ADDRESS")]
    email: Option<String>,
    /// That speak of this product: its key or its SKU.
    #[arg(long, value_name = "PRODUCT")]
    product: Option<String>,
    /// That carry news of this kind.
    #[arg(long, value_parser = kind)]
    kind: Option<Kind>,
    /// In this state.
    #[arg(long, value_parser = state)]
    state: Option<State>,
    /// Made on this day or later: YYYY-MM-DD in the shop's zone, or an instant by RFC 3339.
    #[arg(long, value_name = "WHEN", value_parser = when)]
    since: Option<When>,
    /// Made on this day or before it, or before this instant.
    #[arg(long, value_name = "WHEN", value_parser = when)]
    until: Option<When>,
    /// Of this shop, where several are in one database.
    #[arg(long, value_name = "SHOP_ID")]
    shop: Option<String>,
    /// No more than these.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,
    /// One JSON object a line.
    #[arg(long)]
    json: bool,
}

/// A moment as an operator names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum When {
    Day(Date),
    Instant(Timestamp),
}

impl When {
    fn begins(self, zone: &TimeZone) -> anyhow::Result<Timestamp> {
        match self {
            When::Day(day) => Ok(day.to_zoned(zone.clone())?.timestamp()),
            When::Instant(at) => Ok(at),
        }
    }

    fn ends(self, zone: &TimeZone) -> anyhow::Result<Timestamp> {
        match self {
            When::Day(day) => When::Day(day.tomorrow()?).begins(zone),
            When::Instant(at) => Ok(at),
        }
    }
}

impl LogArguments {
    pub async fn run(self, general: &General) -> anyhow::Result<ExitCode> {
        let app = general.recorded_app().await?;
        let zone = app.settings.shop(self.shop.as_deref().unwrap_or_default()).shop.time_zone;
        let filter = LogFilter {
            order: self.order,
            email: self.email,
            product: self.product,
            kind: self.kind,
            state: self.state,
            since: self.since.map(|since| since.begins(&zone)).transpose()?,
            until: self.until.map(|until| until.ends(&zone)).transpose()?,
            shop_id: self.shop,
            limit: i64::from(self.limit),
        };
        let entries = app.store.log(&filter).await?;
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

/// Reads a kind, or says which there are.
pub fn kind(word: &str) -> Result<Kind, String> {
    let words = || Kind::ALL.map(Kind::word).join(", ");
    Kind::of_word(word).ok_or_else(|| format!("there is no such kind; write one of {}", words()))
}

fn state(word: &str) -> Result<State, String> {
    let words = || State::ALL.map(State::word).join(", ");
    State::of_word(word).ok_or_else(|| format!("there is no such state; write one of {}", words()))
}

fn when(text: &str) -> Result<When, String> {
    // An instant begins with a day, and jiff would take it for one.
    let day = text.parse().ok().filter(|_| text.len() == "YYYY-MM-DD".len()).map(When::Day);
    let instant = || text.parse().ok().map(When::Instant);
    day.or_else(instant).ok_or_else(|| "write a day as 2026-11-23, or an instant as 2026-11-23T16:00:00Z".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_whole_in_the_shops_zone_and_an_instant_is_itself() {
        let zone = TimeZone::get("America/New_York").unwrap();
        let span = |text: &str| {
            let when = when(text).unwrap();
            format!("{} {}", when.begins(&zone).unwrap(), when.ends(&zone).unwrap())
        };
        assert_eq!(span("2026-11-23"), "2026-11-23T05:00:00Z 2026-11-24T05:00:00Z");
        assert_eq!(span("2026-11-01"), "2026-11-01T04:00:00Z 2026-11-02T05:00:00Z", "the clock goes back that night");
        assert_eq!(span("2026-11-23T16:00:00+01:00"), "2026-11-23T15:00:00Z 2026-11-23T15:00:00Z");
        for wrong in ["yesterday", "2026-13-01", "2026-11-23T16:00:00", ""] {
            assert!(when(wrong).is_err(), "{wrong}");
        }
    }
}
