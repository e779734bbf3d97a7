//! `backorderd run --dry-run`: says who would be told what; writes and sends nothing.

use std::process::ExitCode;

use super::General;
use super::output::{count, lines_read, say};
use crate::app::App;
use crate::clock::Clock;
use crate::store::Store;
use crate::watch::rehearsal::{Rehearsed, WouldTell};

pub async fn run(general: &General) -> anyhow::Result<ExitCode> {
    let settings = general.settings()?;
    let password = settings.state.password.as_ref().map(|password| password.expose().to_owned());
    // Where nothing was ever recorded, nothing is made: an empty state in a temporary folder takes its place.
    let folder = tempfile::tempdir()?;
    let url = if Store::exists(&settings.state.url, password.as_deref()).await? {
        settings.state.url.clone()
    } else {
        format!("sqlite://{}", folder.path().join("state.db").display())
    };
    let app = App::open_at(&url, settings, Clock::System).await?;
    let rehearsed = app.watcher()?.rehearse().await?;
    app.store.close().await;
    say(&rehearsed);
    Ok(ExitCode::SUCCESS)
}

fn say(rehearsed: &Rehearsed) {
    rehearsed.would_tell.iter().for_each(say_one);
    let looked = &rehearsed.looked;
    say!(
        "dry run: {}, {} new or changed, {} set aside; {} would be made; nothing was written or sent",
        lines_read(looked.lines),
        looked.changed,
        looked.set_aside,
        count(rehearsed.would_tell.len(), "mail", "mails")
    );
    if looked.baseline {
        say!("the first sweep is silent (orders.first_sweep = \"baseline\"): what it finds counts as told");
    }
}

fn say_one(would: &WouldTell) {
    say!("{}  order {}  {}", would.recipient, would.order_number, would.content.kind.word());
    for said in &would.content.lines {
        let product = would.lines.iter().find(|line| line.line_id == said.line_id).map(|line| &*line.product_name);
        let news: Vec<&str> = said.news.iter().map(|kind| kind.word()).collect();
        let news = if news.is_empty() { "unchanged".to_owned() } else { news.join(", ") };
        let expected = said.standing.expected_on.map(|day| format!(", expected {day}")).unwrap_or_default();
        say!("    {news}: {} x {}{expected}", said.quantity, product.unwrap_or(&said.line_id));
    }
}
