//! What a notification says of an order as it is recorded now, for those who only look.
//!
//! In: an order and a content. Out: a draft for rendering, whose links lead nowhere.

use uuid::Uuid;

use crate::app::App;
use crate::deliver::compose::{self, Surroundings};
use crate::links::dummy::dummy;
use crate::outbox::plan::Content;
use crate::outbox::schedule::Schedules;
use crate::render::draft::Draft;
use crate::store::views::Order;

/// The draft of `content` about `order`, with a dead link.
pub async fn draft(app: &App, order: &Order, id: Uuid, content: &Content) -> anyhow::Result<Draft> {
    let schedules = Schedules::new(&app.settings);
    let offers = app.store.offers(&compose::products_that_need_offers(order, &app.settings)).await?;
    let references = app.store.threads(&[order.row]).await?.into_iter().map(|(_, message_id)| message_id).collect();
    let around = Surroundings {
        settings: &app.settings,
        schedule: schedules.of(&order.shop_id),
        offers: &offers,
        references,
        token: dummy(""),
        now: app.clock.now(),
    };
    Ok(compose::compose(id, content, order, around))
}
