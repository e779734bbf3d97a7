//! `backorderd refunded LINE_ID...`: staff made the refunds of these lines; they leave the list.
//!
//! In: lines. Out: a sentence for each. A line that nobody knows, or of which no refund is due, changes nothing, and
//! the exit code is 1; the others are recorded.

use std::process::ExitCode;

use clap::Args;

use super::General;
use super::explain::place;
use super::output::{minute, say};
use crate::app::App;
use crate::outbox::schedule::Schedules;
use crate::store::deadlines::Refunding;

#[derive(Debug, Args)]
pub struct RefundedArguments {
    /// Order lines, by the ids that the shop's database has.
    #[arg(required = true, value_name = "LINE_ID")]
    line_ids: Vec<String>,
    /// Lines of this shop, where several are in one database.
    #[arg(long, value_name = "SHOP_ID")]
    shop: Option<String>,
}

impl RefundedArguments {
    pub async fn run(self, general: &General) -> anyhow::Result<ExitCode> {
        let app = general.recorded_app().await?;
        let mut code = ExitCode::SUCCESS;
        for line_id in &self.line_ids {
            match self.refunded(&app, line_id).await {
                Ok(done) => say!("{done}"),
                Err(refusal) => {
                    eprintln!("backorderd: {refusal:#}");
                    code = ExitCode::FAILURE;
                }
            }
        }
        Ok(code)
    }

    async fn refunded(&self, app: &App, line_id: &str) -> anyhow::Result<String> {
        let (shop_id, _) = place(app, self.shop.as_deref(), line_id).await?;
        let schedules = Schedules::new(&app.settings);
        match app.store.refunded(&shop_id, line_id, &schedules, app.clock.now()).await? {
            Refunding::Recorded(refund) => {
                Ok(format!("line {line_id}: the refund that was due by {} is made", refund.due_by))
            }
            Refunding::Before(at) => {
                let at = minute(at, &schedules.of(&shop_id).zone);
                Ok(format!("line {line_id}: that its refund is made was recorded before, on {at}"))
            }
            Refunding::NotDue => anyhow::bail!(
                "line {line_id}: no refund is due, so nothing was recorded; `backorderd deadlines` lists what is"
            ),
        }
    }
}
