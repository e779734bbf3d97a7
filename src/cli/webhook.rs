//! `backorderd webhook enable`: the receiver that answered 410 gets notifications again.
//!
//! In: the state database. Out: what waited is due; the task is done. What can go wrong: it answers 410 again.

use std::process::ExitCode;

use clap::Subcommand;
use jiff::Timestamp;

use super::General;
use super::output::say;

#[derive(Debug, Subcommand)]
pub enum WebhookCommand {
    /// Send notifications again after the receiver answered 410.
    Enable,
}

impl WebhookCommand {
    pub async fn run(self, general: &General) -> anyhow::Result<ExitCode> {
        let WebhookCommand::Enable = self;
        let app = general.recorded_app().await?;
        if app.store.enable_webhook(app.clock.now()).await? {
            say!("the webhook is enabled: what waited is sent");
        } else {
            say!("the webhook was not disabled");
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// That notifications wait, and the mend.
pub fn waits(since: Timestamp) -> String {
    let since = since.strftime("%Y-%m-%d %H:%M UTC");
    format!(
        "the receiver answered 410 on {since}, so notifications wait; mend it, then run `backorderd webhook enable`"
    )
}
