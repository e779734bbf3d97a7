//! The shop's database and what its feeds hold.
//!
//! In: `[orders]`. Out: for each feed its rows, what they come to, what is wrong with them, how long it took; of the
//! lines some samples. Memory holds 16 bytes a line, to find the ids that come twice, and 16 an order, to find those of
//! too many lines.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::{Duration, Instant};

use indicatif::ProgressBar;

use super::Report;
use crate::settings::Settings;
use crate::shop::line::{Line, RuleSet, Status};
use crate::shop::{Feed, Feeds, Look, Row, SetAside, Shop, ShopError, Which};
use crate::store::lines::{Key, key};
use crate::watch::MOST_LINES;
use crate::watch::spill::of_order;

const WHAT: &str = "orders database";
/// So many lines, reasons and ids are shown.
const SHOWN: usize = 3;
/// How often the counter on the terminal moves on, in rows.
const TICK: u64 = 1_000;

pub async fn check(settings: &Settings, report: &mut Report) {
    let shop = match open(settings) {
        Ok(shop) => shop,
        Err(error) => return report.error(WHAT, error.to_string()),
    };
    match shop.0.look().await {
        Ok(look) => {
            report.ok(WHAT, "connected; the feeds only read it");
            end(look, report).await;
        }
        Err(error) => return report.error(WHAT, error.to_string()),
    }
    let (shop, feeds) = shop;
    let mut slowest: Option<(Feed, Duration)> = None;
    for feed in present(&feeds) {
        let began = Instant::now();
        // Each feed has a look of its own, because one that failed is spent.
        let checked = match shop.look().await {
            Ok(mut look) => {
                let read = read(feed, &mut look, settings, report).await;
                end(look, report).await;
                read
            }
            Err(error) => Err(error),
        };
        match checked {
            Ok(()) if slowest.is_none_or(|(_, longest)| began.elapsed() > longest) => {
                slowest = Some((feed, began.elapsed()));
            }
            Ok(()) => {}
            Err(error) => report.error(&name(feed), error.to_string()),
        }
    }
    if let Some((feed, took)) = slowest {
        let rest = 10.0 * took.as_secs_f64();
        let words = format!("{feed}, {}; the next poll waits at least ten times as long ({rest:.1} s)", seconds(took));
        report.ok("slowest query", words);
    }
}

fn open(settings: &Settings) -> Result<(Shop, Feeds), ShopError> {
    let feeds = Feeds::load(&settings.orders, &settings.shop)?;
    Ok((Shop::open(&settings.orders, feeds.clone())?, feeds))
}

fn present(feeds: &Feeds) -> Vec<Feed> {
    let optional = [
        (Feed::Stock, feeds.stock.is_some()),
        (Feed::Alternatives, feeds.alternatives.is_some()),
        (Feed::Expected, feeds.expected.is_some()),
    ];
    let optional = optional.into_iter().filter(|(_, present)| *present).map(|(feed, _)| feed);
    std::iter::once(Feed::Lines).chain(optional).collect()
}

async fn end(look: Look, report: &mut Report) {
    if let Err(error) = look.end().await {
        report.warning(WHAT, error.to_string());
    }
}

/// Reads one feed whole and says what it holds.
async fn read(feed: Feed, look: &mut Look, settings: &Settings, report: &mut Report) -> Result<(), ShopError> {
    let began = Instant::now();
    let progress = ProgressBar::new_spinner().with_message(format!("reading {feed}"));
    let mut aside = Aside::default();
    let mut lines = Lines::default();
    let rows = match feed {
        Feed::Lines => {
            look.lines(&Which::All, |row| {
                lines.rows += 1;
                if lines.rows % TICK == 0 {
                    progress.set_message(format!("reading {feed}: {} rows", lines.rows));
                    progress.tick();
                }
                aside.or(row, |line| lines.see(&line, settings));
                Ok(())
            })
            .await
        }
        Feed::Stock => {
            look.stock(|row| {
                aside.or(row, drop);
                Ok(())
            })
            .await
        }
        Feed::Alternatives => {
            look.alternatives(|row| {
                aside.or(row, drop);
                Ok(())
            })
            .await
        }
        Feed::Expected => {
            look.expected(|row| {
                aside.or(row, drop);
                Ok(())
            })
            .await
        }
    };
    progress.finish_and_clear();
    let name = name(feed);
    let took = seconds(began.elapsed());
    let rows = rows?;
    match feed {
        Feed::Lines => lines.say(&name, &took, report),
        Feed::Stock | Feed::Alternatives | Feed::Expected => report.ok(&name, format!("{} in {took}", number_of(rows))),
    }
    aside.say(&name, report);
    Ok(())
}

fn name(feed: Feed) -> String {
    format!("feed {feed}")
}

fn number_of(rows: u64) -> String {
    if rows == 1 { "1 row".into() } else { format!("{rows} rows") }
}

fn seconds(took: Duration) -> String {
    format!("{:.2} s", took.as_secs_f64())
}

/// The rows that cannot be read.
#[derive(Default)]
struct Aside {
    number: u64,
    first: Vec<SetAside>,
}

impl Aside {
    /// Counts a row that is set aside, or lets the other one be seen.
    fn or<T>(&mut self, row: Row<T>, see: impl FnOnce(T)) {
        match row {
            Row::Read(read) => see(read),
            Row::SetAside(aside) => {
                self.number += 1;
                if self.first.len() < SHOWN {
                    self.first.push(aside);
                }
            }
        }
    }

    fn say(&self, name: &str, report: &mut Report) {
        if self.number == 0 {
            return;
        }
        report.warning(name, format!("{} set aside because they cannot be read; the first:", number_of(self.number)));
        for aside in &self.first {
            let id = aside.line_id.as_ref().or(aside.product_key.as_ref());
            let id = id.map(|id| format!(" ({id})")).unwrap_or_default();
            report.warning(name, format!("row {}{id}: {}", aside.row, aside.reason));
        }
    }
}

/// What the lines come to.
#[derive(Default)]
struct Lines {
    rows: u64,
    by_status: BTreeMap<&'static str, u64>,
    without_address: u64,
    /// On backorder and without a date.
    without_date: u64,
    /// On backorder under a law, and nothing says why.
    without_reason: u64,
    /// On backorder, and nothing says which law it stands under.
    without_country: u64,
    /// On backorder under a law whose clock has nothing to count from.
    without_clock: u64,
    default_rules: RuleSet,
    keys: HashSet<Key>,
    doubled: u64,
    first_doubled: Vec<String>,
    /// How many lines each order has.
    orders: HashMap<u64, usize>,
    crowded: u64,
    first_crowded: Vec<String>,
    /// Lines that wait are what an operator wants to see; others are shown if there are too few of those.
    waiting_samples: Vec<String>,
    other_samples: Vec<String>,
}

impl Lines {
    fn see(&mut self, line: &Line, settings: &Settings) {
        let status = line.status();
        *self.by_status.entry(word(status)).or_default() += 1;
        let waits = status == Status::Backordered;
        self.without_address += u64::from(line.customer_email.is_none());
        self.without_date += u64::from(waits && line.expected_on.is_none());
        self.without_reason += u64::from(waits && is_without_reason(line, settings));
        self.without_country += u64::from(waits && line.rules.is_none() && line.ship_to_country.is_none());
        let no_day = line.ordered_at.is_none() && line.promised_on.is_none();
        self.without_clock += u64::from(waits && no_day && rules(line, settings) != RuleSet::None);
        self.default_rules = settings.rules.default;
        if !self.keys.insert(key(&line.shop_id, &line.line_id)) {
            self.doubled += 1;
            if self.first_doubled.len() < SHOWN && !self.first_doubled.contains(&line.line_id) {
                self.first_doubled.push(line.line_id.clone());
            }
        }
        let lines = self.orders.entry(of_order(&line.shop_id, &line.order_id)).or_default();
        *lines += 1;
        if *lines == MOST_LINES + 1 {
            self.crowded += 1;
            if self.first_crowded.len() < SHOWN {
                self.first_crowded.push(line.order_id.clone());
            }
        }
        let samples = if waits { &mut self.waiting_samples } else { &mut self.other_samples };
        if samples.len() < SHOWN {
            samples.push(sample(line));
        }
    }

    fn say(&self, name: &str, took: &str, report: &mut Report) {
        let counts: Vec<String> = self.by_status.iter().map(|(word, number)| format!("{number} {word}")).collect();
        let counts = if counts.is_empty() { String::new() } else { format!(": {}", counts.join(", ")) };
        report.ok(name, format!("{} in {took}{counts}", number_of(self.rows)));
        if self.rows == 0 {
            report.warning(name, "it is empty; if the shop has open orders, mend the query or the login's rights");
        }
        if self.doubled > 0 {
            let ids = self.first_doubled.join(", ");
            let words = format!(
                "{} with a line_id that another row has too ({ids}), so sweeps are refused; \
                 mend the query so that each order line is one row",
                number_of(self.doubled)
            );
            report.error(name, words);
        }
        if self.crowded > 0 {
            let (number, ids) = (self.crowded, self.first_crowded.join(", "));
            let (orders, customers) =
                if number == 1 { ("order has", "its customer is") } else { ("orders have", "their customers are") };
            let words = format!(
                "{number} {orders} more than {MOST_LINES} lines ({ids}), and {customers} told nothing; if such an order \
                 is more than one, let order_id be the order's id"
            );
            report.warning(name, words);
        }
        if self.without_address > 0 {
            let words = "without a customer_email, so nobody can be told; those that wait are listed by `tasks`";
            report.warning(name, format!("{} {words}", number_of(self.without_address)));
        }
        if self.without_date > 0 {
            report.ok(name, format!("{} on backorder without an expected date", number_of(self.without_date)));
        }
        self.say_what_the_law_wants(name, report);
        for sample in self.waiting_samples.iter().chain(&self.other_samples).take(SHOWN) {
            report.ok(name, format!("sample: {sample}"));
        }
    }

    /// What the delay rules need and the feed does not give.
    fn say_what_the_law_wants(&self, name: &str, report: &mut Report) {
        let by_default = format!(
            "on backorder without a ship_to_country or rules, and so under [rules] default, which is {}; let the \
             feed give ship_to_country",
            self.default_rules.word()
        );
        let without = [
            (self.without_country, &*by_default),
            (
                self.without_clock,
                "on backorder under us-ftc, uk or eu with neither ordered_at nor promised_on, so no deadline is known; \
                 let the feed give one of them",
            ),
            (
                self.without_reason,
                "on backorder under us-ftc, uk or eu without a delay_reason, and [rules] reason is empty: when such a \
                 date is unknown or passes, there is no reason to tell; write [rules] reason, or let the feed give \
                 delay_reason",
            ),
        ];
        for (number, words) in without.into_iter().filter(|(number, _)| *number > 0) {
            report.warning(name, format!("{} {words}", number_of(number)));
        }
    }
}

/// Whether the law may want a reason that nobody has given. A date that is known may pass, and is unknown then.
fn is_without_reason(line: &Line, settings: &Settings) -> bool {
    rules(line, settings) != RuleSet::None && line.delay_reason.is_none() && settings.rules.reason.is_none()
}

fn rules(line: &Line, settings: &Settings) -> RuleSet {
    line.rules.unwrap_or_else(|| settings.rules_for(line.ship_to_country.as_deref()))
}

fn word(status: Status) -> &'static str {
    match status {
        Status::Backordered => "backordered",
        Status::Ready => "ready",
        Status::Shipped => "shipped",
        Status::Cancelled => "cancelled",
    }
}

fn sample(line: &Line) -> String {
    let shop = if line.shop_id.is_empty() { String::new() } else { format!(" of shop {}", line.shop_id) };
    let email = line.customer_email.as_deref().map_or_else(|| "no address".to_owned(), masked);
    format!(
        "line {} of order {}{shop}, {} ({}), {email}: {}",
        line.line_id,
        line.order_number,
        line.product_name,
        line.product_key,
        line.summary()
    )
}

/// An address of which nobody can be guessed.
fn masked(email: &str) -> String {
    let (local, domain) = email.rsplit_once('@').unwrap_or((email, ""));
    format!("{}***@{domain}", local.chars().next().unwrap_or_default())
}
