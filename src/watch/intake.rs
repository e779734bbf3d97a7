//! What one look takes in: lines compared with what is recorded of them, products, and rows for staff.
//!
//! In: the feeds of one snapshot. Out: the changed lines in a [`Spill`], tasks for rows that cannot be read, the newest
//! `updated_at`. Nothing of it is recorded here but what products say, which no judgement waits for.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};

use jiff::{SignedDuration, Timestamp};

use super::spill::Spill;
use super::{Disbelief, WatchError};
use crate::settings::Settings;
use crate::shop::line::Line;
use crate::shop::stock::{Alternative, Expected};
use crate::shop::{Feed, Look, Row, SetAside, Which};
use crate::store::Store;
use crate::store::feeds::{Word, ranked};
use crate::store::lines::{Comparison, Known, content_hash, key};
use crate::store::tasks::NewTask;

/// Transactions of a shop may commit late, with an `updated_at` of their start: this much is read again.
const OVERLAP: SignedDuration = SignedDuration::from_mins(5);
/// More changes than these are read as a sweep, and more settling lines too.
const MOST_POLLED: usize = 10_000;
const MOST_SETTLING: usize = 1_000;
/// More rows for staff than these are counted, not listed.
const MOST_TASKS: usize = 1_000;
/// Orders are judged and told whole, in memory: of an order with more new or changed lines than these, none is taken in.
pub const MOST_LINES: usize = 2_000;

/// What one look has taken in so far.
pub struct Intake<'a> {
    store: &'a Store,
    settings: &'a Settings,
    progress: &'a AtomicU64,
    pub known: Known,
    pub spill: Spill,
    pub rows: u64,
    pub tasks: Vec<NewTask>,
    unlisted: usize,
    /// A line id that a row gave for the second time.
    doubled: Option<String>,
    dates: HashMap<String, Word>,
    /// The newest `updated_at`.
    pub newest: Option<Timestamp>,
}

impl<'a> Intake<'a> {
    /// For a sweep: against everything that is recorded.
    pub async fn sweep(
        store: &'a Store,
        settings: &'a Settings,
        progress: &'a AtomicU64,
    ) -> Result<Intake<'a>, WatchError> {
        Ok(Intake::against(store.known_lines().await?, store, settings, progress))
    }

    fn against(known: Known, store: &'a Store, settings: &'a Settings, progress: &'a AtomicU64) -> Intake<'a> {
        progress.store(0, Ordering::Relaxed);
        Intake {
            store,
            settings,
            progress,
            known,
            spill: Spill::new(),
            rows: 0,
            tasks: Vec::new(),
            unlisted: 0,
            doubled: None,
            dates: HashMap::new(),
            newest: None,
        }
    }

    /// For a poll: takes in what changed since `since` (microseconds) and the lines of orders that are settling. `None`:
    /// that is so much that a sweep is due, or a settling line has vanished, which only a sweep can judge.
    pub async fn poll(
        store: &'a Store,
        settings: &'a Settings,
        progress: &'a AtomicU64,
        look: &mut Look,
        since: i64,
    ) -> Result<Option<Intake<'a>>, WatchError> {
        let settling = store.unsettled_lines().await?;
        if settling.len() > MOST_SETTLING {
            return Ok(None);
        }
        let since = Timestamp::from_microsecond(since).unwrap_or(Timestamp::UNIX_EPOCH) - OVERLAP;
        let mut read = Vec::new();
        let mut unseen: HashSet<String> = settling.iter().cloned().collect();
        let which = Which::Changed { since, also: settling };
        look.lines(&which, |row| {
            if read.len() <= MOST_POLLED {
                read.push(row);
            }
            Ok::<_, WatchError>(())
        })
        .await?;
        let mut names = Vec::with_capacity(read.len());
        for row in &read {
            match row {
                Row::Read(line) => {
                    unseen.remove(&line.line_id);
                    names.push((line.shop_id.clone(), line.line_id.clone()));
                }
                Row::SetAside(aside) => {
                    unseen.remove(aside.line_id.as_deref().unwrap_or_default());
                }
            }
        }
        if read.len() > MOST_POLLED || !unseen.is_empty() {
            return Ok(None);
        }
        let mut intake = Intake::against(store.known_lines_among(&names).await?, store, settings, progress);
        intake.dates = store.expected_dates().await?;
        for row in read {
            intake.see(row)?;
        }
        Ok(Some(intake))
    }

    /// Takes in the expected dates by product, before the lines that need them.
    pub async fn read_dates(&mut self, look: &mut Look, began: Timestamp, rehearsal: bool) -> Result<(), WatchError> {
        let mut expected: Vec<Expected> = Vec::new();
        look.expected(|row| {
            self.keep(row, &mut expected);
            Ok::<_, WatchError>(())
        })
        .await?;
        self.dates = self.store.record_expected(&expected, began, rehearsal).await?;
        Ok(())
    }

    /// Takes in the stock and the alternatives, for the mails that show them.
    pub async fn read_products(&mut self, look: &mut Look) -> Result<(), WatchError> {
        let mut stock = self.store.stock_mirror().await?;
        look.stock(|row| match row {
            Row::Read(product) => Ok::<_, WatchError>(stock.see(&product.product_key, &product)?),
            Row::SetAside(aside) => {
                self.set_row_aside(&aside);
                Ok(())
            }
        })
        .await?;
        self.store.record_mirror(stock).await?;

        let mut alternatives: Vec<Alternative> = Vec::new();
        look.alternatives(|row| {
            self.keep(row, &mut alternatives);
            Ok::<_, WatchError>(())
        })
        .await?;
        let mut mirror = self.store.alternatives_mirror().await?;
        for (product, keys) in ranked(&alternatives) {
            mirror.see(product, &keys)?;
        }
        Ok(self.store.record_mirror(mirror).await?)
    }

    fn keep<T>(&mut self, row: Row<T>, rows: &mut Vec<T>) {
        match row {
            Row::Read(read) => rows.push(read),
            Row::SetAside(aside) => self.set_row_aside(&aside),
        }
    }

    /// Takes in every line.
    pub async fn read_all_lines(&mut self, look: &mut Look) -> Result<(), WatchError> {
        look.lines(&Which::All, |row| self.see(row)).await.map(drop)
    }

    /// Ends the reading: whether no line came twice, and which orders have too many to be taken in.
    pub fn end(&mut self) -> Result<(), WatchError> {
        let doubled = self.spill.twice()?.map(|line| line.line_id).or(self.doubled.take());
        if let Some(line_id) = doubled {
            return Err(WatchError::NotBelieved(Disbelief::Doubled { line_id }));
        }
        for (line, lines) in self.spill.leave_out_crowded(MOST_LINES)? {
            self.add_task(|| NewTask {
                kind: "set_aside",
                shop_id: line.shop_id.clone(),
                subject: format!("{} order {}", Feed::Lines, line.order_id),
                reason: format!("{lines} lines are new or changed at once; of one order {MOST_LINES} are taken in"),
                mend: "if this is more than one order, let order_id in the feed's query be the order's id; if not, \
                       tell its customer yourself"
                    .into(),
            });
        }
        Ok(())
    }

    fn see(&mut self, row: Row<Line>) -> Result<(), WatchError> {
        self.rows += 1;
        self.progress.store(self.rows, Ordering::Relaxed);
        match row {
            Row::Read(line) => self.see_line(line),
            Row::SetAside(aside) => {
                if let Some(line_id) = &aside.line_id {
                    // It counts as present and keeps what is recorded of it.
                    self.compare(&aside.shop_id, line_id, None);
                }
                self.set_row_aside(&aside);
                Ok(())
            }
        }
    }

    fn see_line(&mut self, mut line: Line) -> Result<(), WatchError> {
        self.newest = self.newest.max(line.updated_at.take());
        if line.locale.is_none() {
            let of_shop = self.settings.shops.get(&line.shop_id).and_then(|shop| shop.locale.as_ref());
            line.locale = Some(of_shop.unwrap_or(&self.settings.shop.locale).clone());
        }
        if let Some(word) = self.dates.get(&line.product_key).filter(|_| line.expected_on.is_none()) {
            line.expected_on = word.expected_on;
            line.delay_reason = line.delay_reason.take().or_else(|| word.reason.clone());
        }
        let json = serde_json::to_vec(&line).map_err(crate::store::StoreError::from)?;
        let hash = content_hash(&json);
        match self.compare(&line.shop_id, &line.line_id, Some(hash)) {
            Comparison::New | Comparison::Changed => {
                self.spill.push(&line, key(&line.shop_id, &line.line_id), &json)?;
            }
            Comparison::Same | Comparison::Twice => {}
        }
        Ok(())
    }

    fn compare(&mut self, shop_id: &str, line_id: &str, hash: Option<i64>) -> Comparison {
        let comparison = self.known.compare(key(shop_id, line_id), hash);
        if comparison == Comparison::Twice {
            self.doubled.get_or_insert_with(|| line_id.to_owned());
        }
        comparison
    }

    /// How many rows, and orders with too many of them, are not taken in.
    pub fn set_aside(&self) -> usize {
        self.tasks.len() + self.unlisted
    }

    fn set_row_aside(&mut self, aside: &SetAside) {
        let named = aside.line_id.as_ref().map(|id| format!("line {id}"));
        // Many lines have one product, and one order may have many lines that cannot be named.
        let of_order = || aside.order_id.as_ref().map(|id| format!("order {id}, row {}", aside.row));
        let of_product = || aside.product_key.as_ref().map(|key| format!("product {key}"));
        let named = named.or_else(|| if aside.feed == Feed::Lines { of_order() } else { of_product() });
        self.add_task(|| NewTask {
            kind: "set_aside",
            shop_id: aside.shop_id.clone(),
            subject: format!("{} {}", aside.feed, named.unwrap_or_else(|| format!("row {}", aside.row))),
            reason: aside.reason.clone(),
            mend: "correct it in the shop or in the feed's query; the next sweep reads it again".into(),
        });
    }

    fn add_task(&mut self, task: impl FnOnce() -> NewTask) {
        if self.tasks.len() < MOST_TASKS {
            self.tasks.push(task());
        } else {
            self.unlisted += 1;
        }
    }
}
