//! The recorded lines, as a sweep needs them for its comparison: few bytes a line, whatever their number.

use std::hash::{DefaultHasher, Hash, Hasher};

use super::dialect::{sql, values};
use super::{Store, StoreError};

/// A line's identity in few bytes. Two lines of one shop share one with a chance of 1 in 2^128.
pub type Key = u128;

/// The key of a line.
pub fn key(shop_id: &str, line_id: &str) -> Key {
    let half = |salt: u8| {
        let mut hasher = DefaultHasher::new();
        (salt, shop_id, line_id).hash(&mut hasher);
        u128::from(hasher.finish())
    };
    half(0) << 64 | half(1)
}

/// A fingerprint of what a line says; equal lines have equal ones. Another version of the program may compute others:
/// then every line is recorded once more, which changes nothing.
pub fn content_hash(content: &[u8]) -> i64 {
    let mut hasher = DefaultHasher::new();
    content.hash(&mut hasher);
    hasher.finish().cast_signed()
}

/// Every recorded line that the shop still shows, sorted by key.
#[derive(Debug, Default)]
pub struct Known {
    keys: Vec<Key>,
    /// The lowest bit says whether the line is open; it takes the place of the hash's own.
    hashes: Vec<i64>,
    seen: Vec<bool>,
    pub open: usize,
}

/// What a read line is to the recorded ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    New,
    Changed,
    Same,
    /// The key was seen before in this read.
    Twice,
}

impl Known {
    fn of(mut lines: Vec<(Key, i64, bool)>) -> Known {
        lines.sort_unstable_by_key(|line| line.0);
        let open = lines.iter().filter(|line| line.2).count();
        Known {
            keys: lines.iter().map(|line| line.0).collect(),
            hashes: lines.iter().map(|line| line.1 & !1 | i64::from(line.2)).collect(),
            seen: vec![false; lines.len()],
            open,
        }
    }

    pub fn len(&self) -> usize {
        self.keys.len()
    }

    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Compares a line that was read; `None` as hash: it could not be read, and counts as unchanged.
    pub fn compare(&mut self, key: Key, hash: Option<i64>) -> Comparison {
        let Ok(at) = self.keys.binary_search(&key) else { return Comparison::New };
        match hash {
            _ if std::mem::replace(&mut self.seen[at], true) => Comparison::Twice,
            Some(hash) if hash & !1 != self.hashes[at] & !1 => Comparison::Changed,
            _ => Comparison::Same,
        }
    }

    /// Every line that was open and is absent from the read counts as lost.
    pub fn lost(&self) -> usize {
        self.seen.iter().zip(&self.hashes).filter(|(seen, hash)| !**seen && **hash & 1 == 1).count()
    }

    /// The keys that the read did not hold.
    pub fn unseen(&self) -> impl Iterator<Item = Key> {
        self.seen.iter().zip(&self.keys).filter(|(seen, _)| !**seen).map(|(_, key)| *key)
    }
}

impl Store {
    /// Every recorded line that the shop still shows.
    pub async fn known_lines(&self) -> Result<Known, StoreError> {
        let mut lines = Vec::new();
        let all = sql!("select shop_id, line_id, content_hash, open from lines where not gone");
        self.db
            .each(all, values![], |row| {
                lines.push((
                    key(&row.text("shop_id")?, &row.text("line_id")?),
                    row.int("content_hash")?,
                    row.bool("open")?,
                ));
                Ok(())
            })
            .await?;
        Ok(Known::of(lines))
    }

    /// The identities behind `keys` (sorted), for lines that vanished: shop, line, order.
    pub async fn lines_of_keys(&self, keys: &[Key]) -> Result<Vec<(String, String, String)>, StoreError> {
        let mut found = Vec::new();
        if keys.is_empty() {
            return Ok(found);
        }
        let all = sql!(
            "select l.shop_id, l.line_id, o.order_id from lines l join orders o on o.id = l.order_row where not l.gone"
        );
        self.db
            .each(all, values![], |row| {
                let line = (row.text("shop_id")?, row.text("line_id")?, row.text("order_id")?);
                if keys.binary_search(&key(&line.0, &line.1)).is_ok() {
                    found.push(line);
                }
                Ok(())
            })
            .await?;
        Ok(found)
    }

    /// The fingerprints of the lines named by shop and line, for a poll that reads few.
    pub async fn known_lines_among(&self, lines: &[(String, String)]) -> Result<Known, StoreError> {
        #[derive(serde::Serialize)]
        struct LineKey<'a> {
            shop_id: &'a str,
            line_id: &'a str,
        }
        let keys: Vec<LineKey> = lines.iter().map(|(shop_id, line_id)| LineKey { shop_id, line_id }).collect();
        let named = sql!("select l.shop_id, l.line_id, l.content_hash, l.open from " rows(shop_id text, line_id text)
            " join lines l on l.shop_id = x.shop_id and l.line_id = x.line_id where not l.gone");
        let known = |row: &super::dialect::Row| {
            Ok((key(&row.text("shop_id")?, &row.text("line_id")?), row.int("content_hash")?, row.bool("open")?))
        };
        let rows = self.rows(named, vec![super::dialect::batch(&keys)?]).await?;
        Ok(Known::of(rows.iter().map(known).collect::<Result<_, StoreError>>()?))
    }

    /// The rows of orders that a look has to visit though none of their lines changed: those that have not settled,
    /// and, on a sweep, those that the calendar has something for at `calendar`.
    pub async fn orders_to_look_at(&self, calendar: Option<jiff::Timestamp>) -> Result<Vec<i64>, StoreError> {
        let due = sql!("select id from orders where unsettled_since is not null union "
            "select id from orders where look_at <= $1");
        let rows = self.rows(due, values![calendar.map_or(i64::MIN, jiff::Timestamp::as_microsecond)]).await?;
        rows.iter().map(|row| row.int("id")).collect()
    }

    /// When the last of the orders that have not settled will have, if nothing more changes; `None`: all have.
    pub async fn settles_at(
        &self,
        settle: crate::settings::duration::Span,
    ) -> Result<Option<jiff::Timestamp>, StoreError> {
        let last = sql!("select max(changed_at) as changed_at from orders where unsettled_since is not null");
        let changed_at = self.row(last, values![]).await?.map_or(Ok(None), |row| row.maybe_time("changed_at"))?;
        Ok(changed_at.map(|changed_at| changed_at + settle.signed()))
    }

    /// The line ids of all orders that have not settled, for a poll that has to read them whole.
    pub async fn unsettled_lines(&self) -> Result<Vec<String>, StoreError> {
        let lines = sql!("select l.line_id from lines l join orders o on o.id = l.order_row "
            "where o.unsettled_since is not null and not l.gone");
        let rows = self.rows(lines, values![]).await?;
        rows.iter().map(|row| row.text("line_id")).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_compared_by_its_fingerprint_and_seen_once() {
        let mut known = Known::of(vec![(key("", "b"), 20, true), (key("", "a"), 10, true), (key("", "c"), 30, false)]);
        assert_eq!(known.compare(key("", "a"), Some(10)), Comparison::Same);
        assert_eq!(known.compare(key("", "a"), Some(10)), Comparison::Twice);
        assert_eq!(known.compare(key("", "b"), Some(99)), Comparison::Changed);
        assert_eq!(known.compare(key("other", "b"), Some(20)), Comparison::New);
        assert_eq!((known.open, known.lost()), (2, 0), "a closed line that is absent is no loss");
        assert_eq!(known.unseen().collect::<Vec<_>>(), [key("", "c")]);
    }

    #[test]
    fn a_row_that_cannot_be_read_counts_as_present() {
        let mut known = Known::of(vec![(key("", "a"), 10, true)]);
        assert_eq!(known.compare(key("", "a"), None), Comparison::Same);
        assert_eq!(known.lost(), 0);
    }
}
