//! Whether the links in the mails lead anywhere: customers click them at any hour, so somebody has to serve the pages.

use crate::store::facts::fact;
use crate::store::{Store, StoreError};
use jiff::Timestamp;

/// What is wrong, and the mend.
pub const WARNING: &str =
    "no process served the pages for a day, so the links in the mails are dead; run `backorderd run --only web`";

/// Whether mails with links were sent and nobody serves their pages.
pub async fn are_dead(store: &Store, now: Timestamp) -> Result<bool, StoreError> {
    Ok(crate::web::is_unseen(store, now).await? && store.fact(fact::LINK_SECRET).await?.is_some())
}
