//! `backorderd suppress`: addresses that get no mail of a stream: who is on the list, who is put on it or taken off.
//!
//! In: addresses and streams. Out: the list, whole addresses in it, as staff need them. What a customer may have owed to
//! her by law goes on only if staff say so for order notices by name.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use lettre::Address;
use serde::Serialize;
use uuid::Uuid;

use super::General;
use super::output::{Listing, count, instant, json_lines, minute, print, say};
use crate::app::App;
use crate::characters::turns_direction;
use crate::outbox::stream::Stream;
use crate::settings::environment;
use crate::store::suppressions::{Source, Suppression};

#[derive(Debug, Args)]
pub struct SuppressArguments {
    #[command(subcommand)]
    command: SuppressCommand,
}

#[derive(Debug, Subcommand)]
enum SuppressCommand {
    /// These addresses get no more mail of these streams.
    Add {
        #[arg(required = true, value_name = "ADDRESS", value_parser = address)]
        addresses: Vec<String>,
        /// wishes, updates or order_notices; several with commas.
        #[arg(long, required = true, value_delimiter = ',', value_parser = stream, value_name = "STREAM")]
        stream: Vec<Stream>,
        /// Why, for the list.
        #[arg(long, default_value = "entered by staff")]
        reason: String,
    },
    /// They get mail again.
    Remove {
        #[arg(required = true, value_name = "ADDRESS", value_parser = address)]
        addresses: Vec<String>,
        /// Of these streams alone; default: of all.
        #[arg(long, value_delimiter = ',', value_parser = stream, value_name = "STREAM")]
        stream: Vec<Stream>,
    },
    /// Who gets no mail, and why.
    List {
        /// This address alone.
        #[arg(long, value_name = "ADDRESS")]
        email: Option<String>,
        #[arg(long, value_parser = stream, value_name = "STREAM")]
        stream: Option<Stream>,
        /// One JSON object a line.
        #[arg(long)]
        json: bool,
    },
}

#[derive(Serialize)]
struct SuppressionObject<'a> {
    address: &'a str,
    stream: &'a str,
    reason: &'a str,
    source: &'a str,
    who: Option<&'a str>,
    since: String,
    notification_id: Option<Uuid>,
}

impl SuppressArguments {
    pub async fn run(self, general: &General) -> anyhow::Result<ExitCode> {
        let app = general.recorded_app().await?;
        match self.command {
            SuppressCommand::Add { addresses, stream, reason } => add(&app, &addresses, &stream, &reason).await,
            SuppressCommand::Remove { addresses, stream } => remove(&app, &addresses, &stream).await,
            SuppressCommand::List { email, stream, json } => list(&app, email.as_deref(), stream, json).await,
        }
    }
}

async fn add(app: &App, addresses: &[String], streams: &[Stream], reason: &str) -> anyhow::Result<ExitCode> {
    let who = environment::login_name();
    // One line, as the list shows it.
    let words = reason
        .split(|c: char| c.is_whitespace() || c.is_control() || turns_direction(c))
        .filter(|word| !word.is_empty());
    let reason = words.collect::<Vec<_>>().join(" ");
    let mut barred = Vec::new();
    for address in addresses {
        barred.extend(streams.iter().map(|stream| Suppression {
            address: address.clone(),
            stream: *stream,
            reason: reason.clone(),
            source: Source::Staff,
            who: who.clone(),
            since: app.clock.now(),
            notification_id: None,
        }));
    }
    let added = app.store.suppress(&barred).await?;
    say!("{} added", count(added as usize, "entry", "entries"));
    let known = barred.len() - added as usize;
    if known > 0 {
        say!("{} on the list already, and kept as they are", count(known, "was", "were"));
    }
    if streams.contains(&Stream::OrderNotices) {
        say!("order notices may be owed by law: each that is not sent to these addresses becomes a task");
    }
    Ok(ExitCode::SUCCESS)
}

async fn remove(app: &App, addresses: &[String], streams: &[Stream]) -> anyhow::Result<ExitCode> {
    let streams = if streams.is_empty() { &Stream::ALL[..] } else { streams };
    let removed = app.store.unsuppress(addresses, streams).await?;
    let mut code = ExitCode::SUCCESS;
    for address in addresses {
        let of_it = removed.iter().filter(|removed| removed.address == address.to_lowercase());
        let names: Vec<&str> = of_it.map(|removed| removed.stream.in_words()).collect();
        if names.is_empty() {
            eprintln!("backorderd: {address} is not on the list; `backorderd suppress list` shows who is");
            code = ExitCode::FAILURE;
        } else {
            say!("{address} gets {} again; what was not sent meanwhile: `backorderd resend`", names.join(" and "));
        }
    }
    Ok(code)
}

async fn list(app: &App, email: Option<&str>, stream: Option<Stream>, json: bool) -> anyhow::Result<ExitCode> {
    let list = app.store.suppressions(email, stream).await?;
    if json {
        print(json_lines(list.iter().map(object))?)?;
    } else if list.is_empty() {
        eprintln!("no address is on the list");
    } else {
        let zone = &app.settings.shop.time_zone;
        let mut listing = Listing::new([&["since"], &["address", "stream"], &["source", "who"], &["reason"]]);
        for entry in &list {
            listing.row(&[
                vec![minute(entry.since, zone)],
                vec![entry.address.clone(), entry.stream.word().to_owned()],
                vec![entry.source.word().to_owned(), entry.who.clone().unwrap_or_default()],
                vec![entry.reason.clone()],
            ]);
        }
        print(listing.to_string())?;
    }
    Ok(ExitCode::SUCCESS)
}

fn object(entry: &Suppression) -> SuppressionObject<'_> {
    SuppressionObject {
        address: &entry.address,
        stream: entry.stream.word(),
        reason: &entry.reason,
        source: entry.source.word(),
        who: entry.who.as_deref(),
        since: instant(entry.since),
        notification_id: entry.notification_id,
    }
}

fn stream(word: &str) -> Result<Stream, String> {
    let words = || Stream::ALL.map(Stream::word).join(", ");
    Stream::of_word(word).ok_or_else(|| format!("there is no such stream; write one of {}", words()))
}

fn address(text: &str) -> Result<String, String> {
    match text.trim().parse::<Address>() {
        // The feed takes it in this form only, and another would never be the same.
        Ok(address) if !address.domain().is_ascii() => {
            Err("its domain has other than ASCII letters; give the domain in its xn-- form".into())
        }
        Ok(address) => Ok(address.to_string()),
        Err(_) => Err("this is no mail address; write it as ada@example.com".into()),
    }
}
