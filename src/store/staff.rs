//! What staff do to notifications that nobody has in hand: let them go, hold them back, withdraw them.
//!
//! In: the ids that staff chose. Out: those that it was done to; one that was sent meanwhile is not among them. Each
//! method does all of it in one transaction.

use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

use super::dialect::{Value, batch, sql};
use super::ending::end_unsent;
use super::{Store, StoreError};
use crate::outbox::notification::{Kind, State};

/// Which of the notifications that nobody has in hand.
#[derive(Clone, Debug, Default)]
pub struct Unsent {
    /// One of these states.
    pub states: Vec<State>,
    /// Finds any news that a notification carries.
    pub kind: Option<Kind>,
    pub shop_id: Option<String>,
}

#[derive(Serialize)]
struct Id {
    id: Uuid,
}

fn ids_of(ids: &[Uuid]) -> Result<Value, StoreError> {
    batch(&ids.iter().map(|id| Id { id: *id }).collect::<Vec<_>>())
}

impl Store {
    /// The notifications that `which` means, oldest first.
    pub async fn unsent(&self, which: &Unsent) -> Result<Vec<Uuid>, StoreError> {
        #[derive(Serialize)]
        struct InState {
            state: &'static str,
        }
        let states: Vec<InState> = which.states.iter().map(|state| InState { state: state.word() }).collect();
        let mut tx = self.read().await?;
        let unsent = sql!("select b.id from " rows(state text) " join outbox b on b.state = x.state "
            "join orders o on o.id = b.order_row where ($2 is null or b.kinds like '% ' || $2 || ' %') "
            "and ($3 is null or o.shop_id = $3) order by b.created_at, b.id");
        let values = vec![batch(&states)?, which.kind.map(Kind::word).into(), which.shop_id.clone().into()];
        tx.rows(unsent, values).await?.iter().map(|row| row.id("id")).collect()
    }

    /// Lets held notifications go, due at once. The flood guard does not count them again, nor do crashes count that they
    /// were held for.
    pub async fn release(&self, ids: &[Uuid], now: Timestamp) -> Result<Vec<Uuid>, StoreError> {
        let mut tx = self.write().await?;
        let release = sql!("update outbox set state = 'queued', released = true, crashes = 0, due_at = $2, note = null "
            "where state = 'held' and id in (select id from " rows(id text) ") returning id");
        let rows = tx.rows(release, vec![ids_of(ids)?, now.into()]).await?;
        tx.commit().await?;
        rows.iter().map(|row| row.id("id")).collect()
    }

    /// Holds queued notifications back until staff decide.
    pub async fn hold(&self, ids: &[Uuid]) -> Result<Vec<Uuid>, StoreError> {
        let mut tx = self.write().await?;
        let hold = sql!("update outbox set state = 'held', note = $2 "
            "where state = 'queued' and id in (select id from " rows(id text) ") returning id");
        let rows = tx.rows(hold, vec![ids_of(ids)?, "held by staff".into()]).await?;
        tx.commit().await?;
        rows.iter().map(|row| row.id("id")).collect()
    }

    /// Ends queued and held notifications unsent; the sent-log says by whom.
    pub async fn withdraw(&self, ids: &[Uuid], now: Timestamp) -> Result<Vec<Uuid>, StoreError> {
        let mut tx = self.write().await?;
        let unsent = sql!("select id from outbox where state in ('queued', 'held') "
            "and id in (select id from " rows(id text) ") order by id" lock);
        let rows = tx.rows(unsent, vec![ids_of(ids)?]).await?;
        let ended: Vec<(Uuid, &'static str)> =
            rows.iter().map(|row| Ok((row.id("id")?, "withdrawn by staff"))).collect::<Result<_, StoreError>>()?;
        end_unsent(&mut tx, &ended, State::Withdrawn, now).await?;
        tx.commit().await?;
        Ok(ended.into_iter().map(|(id, _)| id).collect())
    }
}
