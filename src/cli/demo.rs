//! `backorderd demo`: the whole thing with nothing to install.
//!
//! A sample shop in SQLite, a mail catcher on a loopback port, and the real service between them, in a folder that is
//! temporary unless `--data` names one. Ends with a signal.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use clap::Args;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::output::say;
use super::run::{Signals, ends_early};
use crate::app::App;
use crate::clock::Clock;
use crate::demo::catcher::Catcher;
use crate::demo::pages::router;
use crate::demo::settings::{SETTINGS_FILE, SHOP_FILE, settings_text};
use crate::demo::shop::DemoShop;
use crate::demo::state::DemoState;
use crate::settings::Settings;
use crate::web;

/// More mails than these are forgotten, the oldest first.
const MAILS_KEPT: usize = 500;

#[derive(Debug, Args)]
pub struct DemoArguments {
    /// Where its pages are.
    #[arg(long, default_value = "127.0.0.1:8025", value_name = "ADDRESS")]
    listen: SocketAddr,
    /// Keep the shop and the sent-log in this folder; without it they end with the demo.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
}

impl DemoArguments {
    pub async fn run(self) -> anyhow::Result<ExitCode> {
        let temporary = tempfile::tempdir()?;
        let folder = self.data.as_deref().unwrap_or(temporary.path());
        std::fs::create_dir_all(folder).with_context(|| format!("{} cannot be made", folder.display()))?;
        let listener =
            TcpListener::bind(self.listen).await.with_context(|| format!("{} cannot be bound", self.listen))?;
        let address = listener.local_addr()?;
        let mut parts = JoinSet::new();
        let app = start(folder, listener, &mut parts).await?;
        Signals::heard()?.stop(&app);
        say(address, folder, self.data.is_some());

        let ended_early = ends_early(app.stopping(), &mut parts).await;
        anyhow::ensure!(!ended_early, "a part of the demo ended by itself; see the log above");
        // Nothing of a demo is worth waiting for; the parts end with the process.
        parts.shutdown().await;
        app.store.close().await;
        Ok(ExitCode::SUCCESS)
    }
}

/// Starts the shop, the catcher, and the service between them.
async fn start(folder: &Path, listener: TcpListener, parts: &mut JoinSet<()>) -> anyhow::Result<App> {
    let clock = Clock::System;
    let shop = DemoShop::open(&folder.join(SHOP_FILE), clock.now()).await?;
    let catcher_clock = clock.clone();
    let catcher = Catcher::bind(([127, 0, 0, 1], 0).into(), MAILS_KEPT, Arc::new(move || catcher_clock.now())).await?;
    let (smtp, inbox) = (catcher.address()?, catcher.inbox());
    let settings_file = folder.join(SETTINGS_FILE);
    // Written anew each time: the catcher's port is another.
    std::fs::write(&settings_file, settings_text(smtp, &format!("http://{}", listener.local_addr()?)))?;
    let app = App::open(Settings::load(&settings_file, std::iter::empty())?, clock.clone()).await?;

    let pages = app.web(true).await?;
    let routes = router(DemoState { shop, inbox, clock, settings_file }).merge(web::router(pages.clone()));
    let (watcher, carrier, delivery) = (app.watcher()?, app.carrier()?, app.delivery().await?);
    parts.spawn(catcher.run());
    parts.spawn(web::serve_on(listener, routes, pages, app.stopping()));
    parts.spawn(async move { Box::pin(watcher.run()).await });
    parts.spawn(async move { carrier.run().await });
    parts.spawn(async move { delivery.run().await });
    Ok(app)
}

fn say(address: SocketAddr, folder: &Path, kept: bool) {
    say!("The demo runs. Open these in a browser:\n");
    say!("  http://{address}/         the shop, and the mails its customers get");
    say!("  http://{address}/inbox    the inbox alone\n");
    say!("Nothing leaves this machine: every mail goes to a catcher inside the demo.");
    let settings = folder.join(SETTINGS_FILE);
    say!("The sent-log, while it runs: backorderd log --config {}", settings.display());
    say!("{}", if kept { "Ctrl-C ends it; the folder stays." } else { "Ctrl-C ends it, and nothing is left." });
}
