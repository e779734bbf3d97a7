//! A sweep whose record is thrown away: who would be told what.
//!
//! In: the shop's feeds and what is recorded of them. Out: what would be told. Every transaction is rolled back. News is
//! taken as settled: one wants to see what would be said, not that it would be said in half a minute.

use jiff::SignedDuration;

use super::intake::Intake;
use super::{LINES_PER_COMMIT, Looked, WatchError, Watcher};
use crate::outbox::plan::{Circumstances, Content, Look, plan};
use crate::outbox::schedule::Schedule;
use crate::settings::orders::FirstSweep;
use crate::shop::line::Line;
use crate::store::choices::Ways;
use crate::store::facts::fact;
use crate::store::record::{Batch, Recording};
use crate::store::views::Order;

/// One notification that would be made.
#[derive(Clone, Debug)]
pub struct WouldTell {
    pub order_number: String,
    pub recipient: String,
    pub content: Content,
    /// The lines of the order, for their products.
    pub lines: Vec<Line>,
}

/// What a rehearsal saw.
#[derive(Debug)]
pub struct Rehearsed {
    pub looked: Looked,
    pub would_tell: Vec<WouldTell>,
}

impl Watcher {
    /// Looks at the shop, decides, and records nothing.
    pub async fn rehearse(&self) -> Result<Rehearsed, WatchError> {
        let began = self.clock.now();
        let mut intake = Intake::sweep(&self.store, &self.settings, &self.lines_read).await?;
        let mut look = self.shop.look().await?;
        intake.read_dates(&mut look, began, true).await?;
        intake.read_all_lines(&mut look).await?;
        look.end().await?;
        intake.end()?;

        let first = self.store.fact(fact::BASELINE_AT).await?.is_none();
        let baseline = first && self.settings.orders.first_sweep == FirstSweep::Baseline;
        let mut looked = Looked { lines: intake.rows, set_aside: intake.set_aside(), baseline, ..Looked::default() };
        let mut found = self.judge(intake, false, &mut looked).await?;
        let mut would_tell = Vec::new();
        if baseline {
            return Ok(Rehearsed { looked, would_tell });
        }
        let first_sight = self.first_sight(began, first);
        let how = Recording {
            clock: &self.clock,
            began,
            channels: self.settings.delivery.channel,
            ready: false,
            watcher: None,
            rehearsal: true,
            first_sight: Some(&first_sight),
            last_sweep: self.last_sweep().await?,
            ways: Ways::default(),
            baseline: None,
        };
        let mut decide = |order: &mut Order| {
            let schedule = Schedule { settle: SignedDuration::ZERO, ..self.schedules.of(&order.shop_id).clone() };
            let plan = plan(&order.view, Circumstances { look: Look::Sweep, began, schedule: &schedule });
            if let Some(telling) = plan.action.telling() {
                would_tell.push(WouldTell {
                    order_number: order.order_number.clone(),
                    recipient: order.recipient.clone(),
                    content: telling.content.clone(),
                    lines: order.view.lines.iter().map(|view| view.line.clone()).collect(),
                });
            }
            plan
        };
        while let Some(orders) = found.take(LINES_PER_COMMIT)? {
            let batch = Batch { changed: orders.changed, gone: orders.gone, rows: Vec::new() };
            looked.orders += self.store.record(&batch, how, &mut decide).await?;
        }
        for rows in self.store.orders_to_look_at(Some(began)).await?.chunks(LINES_PER_COMMIT) {
            let batch = Batch { rows: rows.to_vec(), ..Batch::default() };
            looked.orders += self.store.record(&batch, how, &mut decide).await?;
        }
        Ok(Rehearsed { looked, would_tell })
    }
}
