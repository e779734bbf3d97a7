//! What kept mails are packed with. A dictionary is recorded once and never changed.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::dialect::{Row, Tx, sql, values};
use super::views::numbers;
use super::{Store, StoreError};

impl Store {
    /// Keeps a dictionary, unless it is known; its number.
    pub async fn keep_dictionary(&self, bytes: &[u8]) -> Result<i64, StoreError> {
        let fingerprint = Sha256::digest(bytes).iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"));
        let mut tx = self.write().await?;
        let known = sql!("select number from dictionaries where fingerprint = $1");
        if let Some(row) = tx.row(known, values![&fingerprint]).await? {
            return row.int("number");
        }
        // Another process may be keeping it at this moment.
        let keep = sql!("insert into dictionaries (fingerprint, bytes) values ($1, $2) "
            "on conflict (fingerprint) do update set fingerprint = excluded.fingerprint returning number");
        let row = tx.row(keep, values![&fingerprint, bytes.to_vec()]).await?;
        let number = row.ok_or_else(|| StoreError::Damaged("a dictionary without its number".into()))?.int("number")?;
        tx.commit().await?;
        Ok(number)
    }
}

/// The dictionaries of these rows of `contents`, by number.
pub(super) async fn of(tx: &mut Tx, rows: &[Row]) -> Result<HashMap<i64, Arc<[u8]>>, StoreError> {
    let named = rows.iter().map(|row| row.maybe_int("dictionary")).collect::<Result<BTreeSet<_>, _>>()?;
    let wanted = sql!("select d.number, d.bytes from " rows(n bigint) " join dictionaries d on d.number = x.n");
    let found = tx.rows(wanted, vec![numbers(named.into_iter().flatten())?]).await?;
    found.iter().map(|row| Ok((row.int("number")?, row.bytes("bytes")?.into()))).collect()
}
