//! An installation whose processes die: started, killed, brought to rest, judged by its mailbox and its sent-log.
//!
//! A shop of orders with expected dates that only move on. In the end every customer's last mail has to name the newest
//! date, whatever died on the way, unless the log says openly that nobody knows whether it arrived.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use backorderd::outbox::notification::State;
use backorderd::store::Store;
use jiff::ToSpan;
use jiff::civil::{Date, date};
use serde_json::Value;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, PgConnection};
use tempfile::TempDir;

use crate::support::app::Mail;
use crate::support::installation::{Installation, Ran, Running};
use crate::support::state::{Engine, in_transfer, place};

/// A deadly signal's number: the one that no process can answer.
const SIGKILL: i32 = 9;
const FIRST_DATE: Date = date(2027, 2, 10);
/// More runs, or tries, than these mean that it never comes to rest.
const MOST_RUNS: usize = 10;
/// Mails that did not come by then will never come.
const PATIENCE: Duration = Duration::from_mins(3);

pub struct Fleet {
    pub engine: Engine,
    pub installation: Installation,
    pub store: Store,
    /// What is set in the environment beside what every process has.
    pub differing: Vec<(&'static str, String)>,
    pub state_url: String,
    /// The newest expected date of each order, by its number.
    dates: BTreeMap<u32, Date>,
    state_folder: Option<TempDir>,
}

/// What the mailbox and the sent-log show.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Judged {
    pub mails: usize,
    /// Orders of which the newest date neither arrived nor is before staff.
    pub lost: usize,
    /// Orders of which nobody knows whether the newest date arrived, and the log says so.
    pub in_doubt: usize,
    /// Mails that came a second time.
    pub doubles: usize,
    /// Notifications that the log shows as possibly doubled.
    pub flagged: usize,
}

impl Fleet {
    pub async fn on(engine: Engine) -> Fleet {
        let (state_url, state_folder) = place(engine).await;
        let mut fleet = Fleet::at(engine, state_url).await;
        fleet.state_folder = state_folder;
        fleet
    }

    /// One whose state database is here.
    pub async fn at(engine: Engine, state_url: String) -> Fleet {
        let installation = Installation::new().await;
        let store = Store::open(&state_url, None).await.unwrap();
        let differing = Vec::new();
        Fleet { engine, installation, store, differing, state_url, dates: BTreeMap::new(), state_folder: None }
    }

    /// Puts orders of `lines` lines each into the shop.
    pub async fn order(&mut self, orders: u32, lines: u32) {
        let first = self.dates.len() as u32;
        let mut rows = Vec::new();
        for order in first..first + orders {
            self.dates.insert(order, FIRST_DATE);
            for line in 0..lines {
                rows.push(format!(
                    "('{order}-{line}', '{order}', 'S{order}', 'customer{order}@example.com', 'Ada', 'en-US', \
                     'LAMP', 'HL-400', 'Head lamp', 2, 2, '{FIRST_DATE}')"
                ));
            }
        }
        let insert = "insert into order_lines (line_id, order_id, order_number, customer_email, customer_name, \
            locale, product_key, sku, product_name, ordered_qty, short_qty, expected_on) values";
        self.installation.in_shop(&format!("{insert} {}", rows.join(", "))).await;
    }

    /// Moves the expected dates of these orders on by a day.
    pub async fn move_dates(&mut self, orders: impl IntoIterator<Item = u32>) {
        let mut statements = String::new();
        for order in orders {
            let date = self.dates.get_mut(&order).unwrap();
            *date += 1.day();
            statements += &format!("update order_lines set expected_on = '{date}' where order_id = '{order}';");
        }
        self.installation.in_shop(&statements).await;
    }

    pub fn orders(&self) -> u32 {
        self.dates.len() as u32
    }

    /// Starts a process, which may be told to die at a point.
    pub fn start(&self, arguments: &[&str], failpoint: Option<&str>) -> Running {
        let mut variables = vec![
            ("BACKORDERD__STATE__URL", self.state_url.as_str()),
            ("BACKORDERD__MAIL__RELAYS__0__MAX_CONNECTIONS", "2"),
            ("BACKORDERD__DELIVERY__MAX_PER_SWEEP", "0"),
            ("BACKORDERD__UPDATES__DATE_MAILS_PER_WEEK", "0"),
        ];
        variables.extend(self.differing.iter().map(|(key, value)| (*key, value.as_str())));
        variables.extend(failpoint.map(|point| ("BACKORDERD_FAILPOINT", point)));
        self.installation.start(arguments, &variables)
    }

    /// Puts orders of one line each into the shop, and their notifications into the outbox.
    pub async fn queue(&mut self, orders: u32) {
        self.order(orders, 1).await;
        self.run(&["run", "--once", "--only", "watch"]).await.good();
    }

    /// Asks these processes to end, which they do well.
    pub async fn end(&self, running: Vec<Running>) {
        running.iter().for_each(Running::terminate);
        for one in running {
            one.ended().await.good();
        }
    }

    /// Nobody died: every order's mail came once and is sent, and no try is of unknown end.
    pub async fn judge_as_if_nothing_had_been(&self) {
        let judged = self.judge().await;
        let whole = Judged { mails: self.orders() as usize, ..Judged::default() };
        assert_eq!(judged, whole);
        let crashes = "select cast(count(*) as text) from attempts where outcome like 'crashed%'";
        assert_eq!(self.in_state(crashes).await.as_deref(), Some("0"), "nobody died");
    }

    pub async fn run(&self, arguments: &[&str]) -> Ran {
        self.start(arguments, None).ended().await
    }

    /// A pass of a process that dies at `point`; how many mails were in transfer then.
    pub async fn die_at(&self, point: &str) -> usize {
        let ran = self.start(&["run", "--once"], Some(point)).ended().await;
        assert!(killed(&ran), "at {point}:\n{}", ran.stderr);
        self.in_transfer().await
    }

    /// How many mails are marked as in transfer.
    pub async fn in_transfer(&self) -> usize {
        in_transfer(self.engine, &self.state_url, "true").await.len()
    }

    /// Lets processes take over what the dead ones left, until nothing is to be done any more. The leases end, and the
    /// retries are due, at once instead of in half a minute. Gives how many were held and had to be released by staff.
    pub async fn come_to_rest(&self) -> usize {
        let mut last = String::new();
        let mut released = 0;
        for _ in 0..MOST_RUNS {
            self.expire_leases().await;
            self.make_due().await;
            last = self.run(&["run", "--once"]).await.stderr;
            if self.store.outbox_counts().await.unwrap().is_empty() {
                return released;
            }
            released += self.release_held().await;
        }
        panic!("{:?} after {MOST_RUNS} runs: {last}", self.store.outbox_counts().await.unwrap());
    }

    /// Ends every lease, as half a minute does. Where a living process is at the same rows, PostgreSQL may turn one of
    /// the two away.
    pub async fn expire_leases(&self) {
        let mut tries = 0;
        while let Err(error) = self.store.expire_leases().await {
            tries += 1;
            assert!(tries < MOST_RUNS, "{error}");
        }
    }

    /// Lets go what is held, as staff do; gives how many.
    pub async fn release_held(&self) -> usize {
        let held = self.store.outbox_counts().await.unwrap().into_iter().find(|(state, _)| *state == State::Held);
        if held.is_some() {
            self.run(&["release", "--all", "--yes"]).await.good();
        }
        held.map_or(0, |(_, number)| number as usize)
    }

    /// Makes every retry due.
    pub async fn make_due(&self) {
        self.in_state("update outbox set due_at = 0 where state in ('queued', 'in_doubt')").await;
    }

    /// Runs a statement in the state database; gives the first column of its first row, a text, if it has rows.
    pub async fn in_state(&self, statement: &str) -> Option<String> {
        let statement = AssertSqlSafe(statement.to_owned());
        match self.engine {
            Engine::Sqlite => {
                let mut connection = self.state_file().connect().await.unwrap();
                sqlx::query_scalar(statement).fetch_optional(&mut connection).await.unwrap()
            }
            Engine::Postgres => {
                let mut connection = PgConnection::connect(&self.state_url).await.unwrap();
                sqlx::query_scalar(statement).fetch_optional(&mut connection).await.unwrap()
            }
        }
    }

    /// The state database's file, for another program.
    pub fn state_file(&self) -> SqliteConnectOptions {
        self.state_url.parse().unwrap()
    }

    /// Lets no row into a table of the state database any more, as a full disk does that still has room for updates.
    pub async fn fill(&self, table: &str) {
        let fill = match self.engine {
            Engine::Sqlite => format!(
                "create trigger no_room before insert on {table} begin select raise(abort, 'database or disk is full'); end"
            ),
            Engine::Postgres => format!("alter table {table} add constraint no_room check (false) not valid"),
        };
        self.in_state(&fill).await;
    }

    /// There is room again.
    pub async fn make_room(&self, table: &str) {
        let make_room = match self.engine {
            Engine::Sqlite => "drop trigger no_room".to_owned(),
            Engine::Postgres => format!("alter table {table} drop constraint no_room"),
        };
        self.in_state(&make_room).await;
    }

    /// Waits until so many mails are there; not forever.
    pub async fn has(&self, mails: u32) {
        let arrived = tokio::time::timeout(PATIENCE, self.installation.smtp.has(mails as usize)).await;
        let there = self.installation.smtp.count();
        assert!(arrived.is_ok(), "only {there} of {mails} mails: {:?}", self.store.outbox_counts().await);
    }

    /// Waits until the living have done all there is to do now.
    pub async fn until_all_is_sent_or_in_doubt(&self) {
        let done = async {
            while self.store.outbox_counts().await.unwrap().iter().any(|(state, _)| *state != State::InDoubt) {}
        };
        assert!(tokio::time::timeout(PATIENCE, done).await.is_ok(), "{:?}", self.store.outbox_counts().await);
    }

    /// What holds of every mail and every entry of the log is asserted; what may differ is counted.
    pub async fn judge(&self) -> Judged {
        let log = self.run(&["log", "--json", "--limit", "1000000"]).await.good().objects();
        let mails: Vec<Mail> = self.installation.smtp.mails().into_iter().map(Mail::from).collect();
        let entries: BTreeMap<&str, &Value> =
            log.iter().filter_map(|entry| Some((entry["message_id"].as_str()?, entry))).collect();
        let flagged = |entry: &Value| entry["possible_duplicate"] == true;

        let mut judged = Judged {
            mails: mails.len(),
            flagged: log.iter().filter(|entry| flagged(entry)).count(),
            ..Judged::default()
        };
        let mut firsts = BTreeMap::<&str, &Mail>::new();
        let mut told = BTreeMap::<&str, Date>::new();
        let mut doubled = BTreeSet::new();
        for mail in &mails {
            let entry = entries[mail.id.as_str()];
            let dates = dates_of(mail);
            assert_eq!(dates.len(), 1, "the lines of an order move together: {}", mail.text);
            let before = told.insert(&mail.to, dates[0]);
            assert!(
                before.is_none_or(|before| before <= dates[0]),
                "{} was told {before:?} and then {dates:?}",
                mail.to
            );
            if let Some(first) = firsts.insert(&mail.id, mail) {
                assert!(doubled.insert(&mail.id), "{} came more than twice", mail.id);
                assert!(flagged(entry), "{} came twice and is not flagged: {entry}", mail.id);
                // The Message-ID and the Date are among the bytes.
                assert_eq!(first.bytes, mail.bytes);
                judged.doubles += 1;
            }
            let state = entry["state"].as_str().unwrap();
            assert!(["sent", "in_doubt"].contains(&state), "{} arrived and is {state}", mail.id);
        }
        for entry in &log {
            let state = entry["state"].as_str().unwrap();
            assert!(["sent", "in_doubt", "superseded"].contains(&state), "nothing is left: {entry}");
            let arrived = entry["message_id"].as_str().is_some_and(|id| firsts.contains_key(id));
            assert!(state != "sent" || arrived, "it is sent, and nobody has it: {entry}");
        }
        for (order, date) in &self.dates {
            if told.get(format!("customer{order}@example.com").as_str()) == Some(date) {
                continue;
            }
            // The log comes newest first.
            let newest = log.iter().find(|entry| entry["order_id"] == order.to_string().as_str());
            match newest.map(|entry| &entry["state"]) {
                Some(state) if state == "in_doubt" => judged.in_doubt += 1,
                _ => judged.lost += 1,
            }
        }
        judged
    }
}

/// Whether a process was killed, rather than ended by itself.
pub fn killed(ran: &Ran) -> bool {
    ran.signal == Some(SIGKILL)
}

/// The expected dates that a mail names.
fn dates_of(mail: &Mail) -> Vec<Date> {
    let expected = mail.text.lines().filter_map(|line| line.trim().strip_prefix("Expected: "));
    let mut dates: Vec<Date> = expected.map(|text| Date::strptime("%B %d, %Y", text).unwrap()).collect();
    dates.dedup();
    dates
}

/// It says its engine when the test that holds it fails.
impl Drop for Fleet {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("this was on {:?}", self.engine);
        }
    }
}
