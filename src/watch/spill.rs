//! Changed lines wait here until the whole feed was seen: in memory while they are few, in a temporary file when not.
//!
//! In: lines in the order in which they are read. Out: whole orders, batch by batch, but for those that have too many
//! lines to be read at once. Beside the file itself a line costs 32 bytes, so a first sweep of a million lines stays
//! small.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{Read, Seek, SeekFrom, Write};

use crate::shop::line::Line;
use crate::store::lines::Key;

/// Below this, nothing is written to a file.
const IN_MEMORY: usize = 4 << 20;

/// What waits to be recorded.
#[derive(Debug)]
pub struct Spill {
    file: tempfile::SpooledTempFile,
    end: u64,
    entries: Vec<Entry>,
    /// Lines that vanished: shop, line. Their entries' offsets count down from the top.
    gone: Vec<(String, String)>,
    /// Whether taking has begun, to which nothing is added.
    sorted: bool,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    /// Equal for the lines of one order.
    order: u64,
    key: Key,
    offset: u64,
}

/// Lines of whole orders, changed and vanished.
#[derive(Debug, Default)]
pub struct Orders {
    pub changed: Vec<Line>,
    pub gone: Vec<(String, String)>,
}

impl Default for Spill {
    fn default() -> Self {
        Self::new()
    }
}

impl Spill {
    pub fn new() -> Spill {
        let file = tempfile::spooled_tempfile(IN_MEMORY);
        Spill { file, end: 0, entries: Vec::new(), gone: Vec::new(), sorted: false }
    }

    /// How many lines changed or vanished.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Adds a changed line; `json` is the line itself.
    pub fn push(&mut self, line: &Line, key: Key, json: &[u8]) -> std::io::Result<()> {
        self.entries.push(Entry { order: of_order(&line.shop_id, &line.order_id), key, offset: self.end });
        let length = u32::try_from(json.len()).map_err(std::io::Error::other)?;
        self.file.write_all(&length.to_le_bytes())?;
        self.file.write_all(json)?;
        self.end += 4 + u64::from(length);
        Ok(())
    }

    /// Adds a line that vanished.
    pub fn push_gone(&mut self, shop_id: String, line_id: String, order_id: &str, key: Key) {
        let offset = u64::MAX - self.gone.len() as u64;
        self.entries.push(Entry { order: of_order(&shop_id, order_id), key, offset });
        self.gone.push((shop_id, line_id));
    }

    /// A line that was read twice, which is an error.
    pub fn twice(&mut self) -> std::io::Result<Option<Line>> {
        self.entries.sort_unstable_by_key(|entry| entry.key);
        let twice = self.entries.windows(2).find(|pair| pair[0].key == pair[1].key).map(|pair| pair[1]);
        twice.map(|twice| self.read(twice)).transpose()
    }

    /// Leaves out every order of which more than `most` lines changed: the first of its lines, and how many they are.
    /// Comes before the lines that vanished.
    pub fn leave_out_crowded(&mut self, most: usize) -> std::io::Result<Vec<(Line, usize)>> {
        self.entries.sort_unstable_by_key(|entry| (entry.order, entry.offset));
        let orders = self.entries.chunk_by(|one, other| one.order == other.order);
        let crowded: HashMap<u64, (Entry, usize)> =
            orders.filter(|lines| lines.len() > most).map(|lines| (lines[0].order, (lines[0], lines.len()))).collect();
        if !crowded.is_empty() {
            self.entries.retain(|entry| !crowded.contains_key(&entry.order));
        }
        crowded.into_values().map(|(first, lines)| Ok((self.read(first)?, lines))).collect()
    }

    /// Puts each order's lines together.
    fn sort(&mut self) {
        self.sorted = true;
        self.entries.sort_unstable_by_key(|entry| (entry.order, entry.offset));
        // Orders in the sequence of the feed, which is mostly that of their ids: neighbours then share pages in the
        // state database's indexes. The last comes first, because they are taken from the end.
        for order in self.entries.chunk_by_mut(|one, other| one.order == other.order) {
            let first = order[0].offset;
            for entry in order {
                entry.order = u64::MAX - first;
            }
        }
        self.entries.sort_unstable_by_key(|entry| (entry.order, entry.offset));
    }

    /// The next whole orders with together at least `lines` lines, or what is left; `None`: nothing is.
    pub fn take(&mut self, lines: usize) -> std::io::Result<Option<Orders>> {
        if !self.sorted {
            self.sort();
        }
        let mut from = self.entries.len().saturating_sub(lines);
        while from > 0 && self.entries[from - 1].order == self.entries.get(from).map_or(0, |entry| entry.order) {
            from -= 1;
        }
        if self.entries.is_empty() {
            return Ok(None);
        }
        let mut orders = Orders::default();
        for entry in self.entries.split_off(from) {
            match self.gone.get(usize::try_from(u64::MAX - entry.offset).unwrap_or(usize::MAX)) {
                Some(gone) => orders.gone.push(gone.clone()),
                None => orders.changed.push(self.read(entry)?),
            }
        }
        Ok(Some(orders))
    }

    fn read(&mut self, entry: Entry) -> std::io::Result<Line> {
        self.file.seek(SeekFrom::Start(entry.offset))?;
        let mut length = [0; 4];
        self.file.read_exact(&mut length)?;
        let mut json = vec![0; u32::from_le_bytes(length) as usize];
        self.file.read_exact(&mut json)?;
        Ok(serde_json::from_slice(&json)?)
    }
}

/// Equal for the lines of one order.
pub fn of_order(shop_id: &str, order_id: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    (shop_id, order_id).hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::lines::key;
    use rust_decimal::Decimal;

    fn line(order_id: &str, line_id: &str) -> Line {
        Line {
            shop_id: String::new(),
            line_id: line_id.into(),
            order_id: order_id.into(),
            order_number: order_id.into(),
            customer_email: None,
            customer_name: None,
            locale: None,
            ship_to_country: None,
            product_key: "P".into(),
            sku: None,
            product_name: "Product".into(),
            product_url: None,
            image_url: None,
            ordered_qty: Decimal::ONE,
            shipped_qty: Decimal::ZERO,
            cancelled_qty: Decimal::ZERO,
            short_qty: Decimal::ONE,
            unit_price: None,
            currency: None,
            ordered_at: None,
            promised_on: None,
            expected_on: None,
            delay_reason: None,
            payment: crate::shop::line::Payment::Paid,
            shipped_at: None,
            refunded_at: None,
            rules: None,
            updated_at: None,
        }
    }

    fn spill(lines: &[(&str, &str)]) -> Spill {
        let mut spill = Spill::new();
        for (order_id, line_id) in lines {
            let line = line(order_id, line_id);
            spill.push(&line, key("", line_id), &serde_json::to_vec(&line).unwrap()).unwrap();
        }
        spill
    }

    #[test]
    fn orders_come_whole_and_in_the_sequence_of_the_feed() {
        let mut spill = spill(&[("A", "a1"), ("B", "b1"), ("C", "c1"), ("A", "a2"), ("C", "c2")]);
        spill.push_gone(String::new(), "a3".into(), "A", key("", "a3"));
        let mut taken = Vec::new();
        while let Some(orders) = spill.take(1).unwrap() {
            let changed: Vec<String> = orders.changed.into_iter().map(|line| line.line_id).collect();
            taken.push((changed.join(" "), orders.gone.len()));
        }
        assert_eq!(taken, [("a1 a2".to_owned(), 1), ("b1".to_owned(), 0), ("c1 c2".to_owned(), 0)]);
    }

    #[test]
    fn a_line_that_was_read_twice_is_found_whatever_its_orders() {
        let twice = spill(&[("A", "a1"), ("B", "b1"), ("C", "a1")]).twice().unwrap();
        assert_eq!(twice.map(|line| line.line_id), Some("a1".into()));
    }

    #[test]
    fn an_order_of_too_many_lines_is_left_out_and_no_other() {
        let mut spill = spill(&[("A", "a1"), ("B", "b1"), ("A", "a2"), ("B", "b2"), ("A", "a3")]);
        let crowded = spill.leave_out_crowded(2).unwrap();
        assert_eq!(crowded, [(line("A", "a1"), 3)]);
        spill.push_gone(String::new(), "b3".into(), "B", key("", "b3"));
        let orders = spill.take(1).unwrap().unwrap();
        assert_eq!((orders.changed, orders.gone.len()), (vec![line("B", "b1"), line("B", "b2")], 1));
        assert!(spill.take(1).unwrap().is_none());
    }

    #[test]
    fn lines_survive_the_way_through_the_file() {
        let mut spill = spill(&[("A", "a1"), ("A", "a2")]);
        assert_eq!(spill.take(100).unwrap().unwrap().changed, [line("A", "a1"), line("A", "a2")]);
        assert!(spill.take(100).unwrap().is_none());
    }
}
