//! Orders planned afresh between two looks, from what is recorded.
//!
//! In: the orders whose notification was overtaken, or whose answer the shop refused. Out: what is to be told of them
//! now. Nothing is read, so nothing settles, and what the calendar brings waits for a sweep.

use crate::clock::Clock;
use crate::outbox::plan::{Circumstances, Look, plan};
use crate::outbox::schedule::Schedules;
use crate::settings::delivery::Channels;
use crate::store::record::{Batch, Recording};
use crate::store::views::Order;
use crate::store::{Store, StoreError};

/// Plans the orders of `rows`.
pub async fn recheck(
    store: &Store,
    schedules: &Schedules,
    clock: &Clock,
    channels: Channels,
    rows: Vec<i64>,
) -> Result<(), StoreError> {
    let began = clock.now();
    let how = Recording::without_look(clock, began, channels);
    let found = Batch { rows, ..Batch::default() };
    let decide = |order: &mut Order| {
        let schedule = schedules.of(&order.shop_id);
        plan(&order.view, Circumstances { look: Look::Recheck, began, schedule })
    };
    store.record(&found, how, decide).await.map(drop)
}
