//! `backorderd proof ORDER`: everything told and answered about an order, in one file for a dispute.
//!
//! In: an order's id or number. Out: plain text in UTF-8, because it prints as it is, everywhere and in years to come;
//! a mail's HTML says nothing that its text does not. It is written part by part, so a long history needs no memory.
//! What can go wrong: nobody knows the order, or its name fits several.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::Args;
use jiff::{Timestamp, tz::TimeZone};

use super::General;
use super::output::{named, print, say};
use super::proof_words;
use super::show::readable;
use crate::app::App;
use crate::deliver::packing::unpack;
use crate::deliver::prepare::live_bytes;
use crate::links::LinkKeys;
use crate::outbox::schedule::Schedules;
use crate::store::outbox::Kept;
use crate::store::proof::FoundOrder;
use proof_words::Said;

#[derive(Debug, Args)]
pub struct ProofArguments {
    /// The order's id or number.
    order: String,
    /// The order of this shop, where several are in one database.
    #[arg(long, value_name = "SHOP_ID")]
    shop: Option<String>,
    /// Write it into this new file.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// Where the parts go.
enum Paper {
    Stdout,
    File(BufWriter<File>),
}

impl Paper {
    fn open(out: Option<&Path>) -> anyhow::Result<Paper> {
        let Some(out) = out else { return Ok(Paper::Stdout) };
        // What was proven once is not written over; it holds addresses and what was answered, so it is its owner's alone.
        let file = File::options()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(out)
            .with_context(|| format!("{} cannot be made", out.display()))?;
        Ok(Paper::File(BufWriter::new(file)))
    }

    fn write(&mut self, words: &str) -> std::io::Result<()> {
        match self {
            Paper::Stdout => print(words),
            Paper::File(file) => file.write_all(words.as_bytes()),
        }
    }

    fn end(self) -> std::io::Result<()> {
        match self {
            Paper::Stdout => Ok(()),
            Paper::File(file) => file.into_inner().map_err(std::io::IntoInnerError::into_error)?.sync_all(),
        }
    }
}

impl ProofArguments {
    pub async fn run(self, general: &General) -> anyhow::Result<ExitCode> {
        let app = general.recorded_app().await?;
        let order = find(&app, self.shop.as_deref(), &self.order).await?;
        let keys = app.link_keys().await?;
        let mut paper = Paper::open(self.out.as_deref())?;
        let now = app.clock.now();
        let zone = app.settings.shop(&order.shop_id).shop.time_zone;
        paper.write(&proof_words::head(&order, &app.settings, now, &zone))?;
        lines(&app, &order, now, &zone, &mut paper).await?;
        notifications(&app, &order, &keys, &zone, &mut paper).await?;
        let answers = app.store.answers_of_order(&order).await?;
        paper.write(&proof_words::answers(&answers, &zone))?;
        paper.end()?;
        if let Some(out) = &self.out {
            say!("the proof of order {} is written to {}", self.order, out.display());
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// The one order that is meant. Within a shop an id names one order alone, whatever number another has.
async fn find(app: &App, shop_id: Option<&str>, order: &str) -> anyhow::Result<FoundOrder> {
    let mut found = app.store.find_orders(shop_id, order).await?;
    let mut shops: Vec<&str> = found.iter().map(|found| &*found.shop_id).collect();
    shops.dedup();
    if shops.len() > 1 {
        bail!("several shops have an order {order}: {}; name one with --shop", named(&shops));
    }
    if let Some(by_id) = found.iter().position(|found| found.order_id == order) {
        if found.len() > 1 {
            eprintln!("backorderd: another order has the number {order}; this is the one whose id it is");
        }
        return Ok(found.swap_remove(by_id));
    }
    if found.len() > 1 {
        let ids: Vec<&str> = found.iter().map(|found| &*found.order_id).collect();
        bail!("several orders have the number {order}; write the id of one: {}", ids.join(", "));
    }
    found.pop().with_context(|| {
        format!("order {order} is not known: no sweep has read it; `backorderd check` shows some of the feed")
    })
}

/// Each line: what was read of it, and where it stands before the law.
async fn lines(
    app: &App,
    order: &FoundOrder,
    now: Timestamp,
    zone: &TimeZone,
    paper: &mut Paper,
) -> anyhow::Result<()> {
    let schedules = Schedules::new(&app.settings);
    let seen_at = app.store.seen_at(now).await?;
    let lines = app.store.lines_of_order(order).await?;
    paper.write(&proof_words::lines_head(lines.len(), seen_at, zone))?;
    for line in &lines {
        let case = line.case(&schedules, seen_at);
        paper.write(&proof_words::line(line, &case, zone))?;
        let events = app.store.events(Some(&order.shop_id), &line.line.line_id).await?;
        paper.write(&proof_words::events(&events, zone))?;
    }
    Ok(())
}

/// Each notification: what became of it, every try, and what it said.
async fn notifications(
    app: &App,
    order: &FoundOrder,
    keys: &LinkKeys,
    zone: &TimeZone,
    paper: &mut Paper,
) -> anyhow::Result<()> {
    let ids = app.store.told_of_order(order).await?;
    paper.write(&proof_words::notifications_head(ids.len()))?;
    for (number, id) in (1..).zip(&ids) {
        let Some(entry) = app.store.notification(*id).await? else { continue };
        let attempts = app.store.attempts(*id).await?;
        let kept = app.store.contents(&[*id]).await?.remove(id);
        let said = kept.as_ref().map(|kept| said(kept, &entry.channel, keys)).transpose()?;
        paper.write(&proof_words::notification(number, &entry, &attempts, said.as_ref(), zone))?;
        let (bounces, actions) = (app.store.bounces(*id).await?, app.store.staff_actions(*id).await?);
        paper.write(&proof_words::afterwards(&bounces, &actions, zone))?;
    }
    Ok(())
}

/// What is kept of a notification, with dead links, and the fingerprint of its live bytes.
fn said(kept: &Kept, channel: &str, keys: &LinkKeys) -> anyhow::Result<Said> {
    let hidden = unpack(kept).context("what is kept of a notification is damaged")?;
    let text = readable(kept, channel)?.text.unwrap_or_default();
    Ok(Said::of(&hidden, text, live_bytes(kept, keys).as_deref()))
}
