//! The whole program in a test: a shop that the test edits, a state database, a relay, a clock that stands still.
//!
//! In: an engine for the state database and settings that differ from the usual ones. Out: the real watcher and the real
//! delivery, built from a real settings file, one step at a time. Nothing runs by itself and nothing waits for time.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use backorderd::app::App;
use backorderd::choice::carrier::{Carrier, HandedOver, Ways};
use backorderd::clock::Clock;
use backorderd::deliver::{Delivered, Delivery};
use backorderd::render::mime;
use backorderd::settings::Settings;
use backorderd::store::Store;
use backorderd::store::log::{LogEntry, LogFilter};
use backorderd::watch::{Looked, WATCH, WatchError, Watcher};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, PgConnection};
use tempfile::TempDir;

use super::installation::{Ran, start_in};
use super::shop_desk::ShopDesk;
use super::smtp_server::{Received, Shape, SmtpServer};
use super::state::{ENGINES, Engine, in_transfer, mark, place};

/// Ten o'clock on a Tuesday in New York, where the shop is.
pub const START: &str = "2027-01-12T10:00:00-05:00[America/New_York]";
/// Whom orders are for, unless a test says otherwise.
pub const ADA: &str = "ada@example.com";

/// Settings that differ from the usual ones, as in `("delivery.settle", "0s")`.
pub type Differing<'a> = &'a [(&'a str, &'a str)];

/// One installation.
pub struct TestApp {
    pub engine: Engine,
    pub shop: ShopDesk,
    pub relay: SmtpServer,
    pub clock: Clock,
    pub store: Store,
    pub process: Process,
    state_url: String,
    /// The environment that makes the settings differ, for commands.
    variables: Vec<(String, String)>,
    folder: TempDir,
    _state_folder: Option<TempDir>,
}

/// One process of it.
pub struct Process {
    pub app: App,
    pub watcher: Watcher,
    pub delivery: Arc<Delivery>,
}

/// A mail as its reader sees it.
#[derive(Clone, Debug)]
pub struct Mail {
    pub to: String,
    pub kind: String,
    pub order: String,
    pub subject: String,
    pub text: String,
    pub html: String,
    pub id: String,
    pub date: String,
    /// Empty for the first of an order.
    pub in_reply_to: String,
    pub references: String,
    pub bytes: Vec<u8>,
}

impl TestApp {
    /// An installation whose first sweep saw an empty shop.
    pub async fn on(engine: Engine, differing: Differing<'_>) -> TestApp {
        let app = TestApp::untouched(engine, differing).await;
        app.sweep().await;
        app
    }

    /// An installation that has never looked at its shop.
    pub async fn untouched(engine: Engine, differing: Differing<'_>) -> TestApp {
        let folder = tempfile::tempdir().unwrap();
        let (state_url, state_folder) = place(engine).await;
        let clock = Clock::at(START.parse::<jiff::Zoned>().unwrap().timestamp());
        let shop = ShopDesk::open(folder.path(), clock.clone()).await;
        let relay = SmtpServer::start(Shape::default()).await;
        let settings = settings(folder.path(), &shop, &state_url, &[&relay.url()], differing);
        let process = Process::start(settings, clock.clone()).await;
        let store = process.app.store.clone();
        let variables = differing.iter().map(variable).collect();
        TestApp {
            engine,
            shop,
            relay,
            clock,
            store,
            process,
            state_url,
            variables,
            folder,
            _state_folder: state_folder,
        }
    }

    /// One after the other, each made when it is awaited.
    pub fn on_each_engine() -> [impl Future<Output = TestApp>; 2] {
        TestApp::on_each_engine_with(&[])
    }

    pub fn on_each_engine_with(differing: Differing<'_>) -> [impl Future<Output = TestApp>; 2] {
        ENGINES.map(|engine| TestApp::on(engine, differing))
    }

    pub fn untouched_on_each_engine(differing: Differing<'_>) -> [impl Future<Output = TestApp>; 2] {
        ENGINES.map(|engine| TestApp::untouched(engine, differing))
    }

    /// Another process on the same state database.
    pub async fn another_process(&self, differing: Differing<'_>) -> Process {
        self.process_with_relays(&[&self.relay.url()], differing).await
    }

    /// Another process, which has these relays.
    pub async fn process_with_relays(&self, relays: &[&str], differing: Differing<'_>) -> Process {
        let settings = settings(self.folder.path(), &self.shop, &self.state_url, relays, differing);
        Process::start(settings, self.clock.clone()).await
    }

    /// A file of the installation.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Lets time go by. `"30s"`, `"1h 5m"`, `"14d"` (of 24 hours each).
    pub fn advance(&self, by: &str) {
        let span: jiff::Span = by.parse().unwrap();
        let by = span.to_duration(jiff::SpanRelativeTo::days_are_24_hours()).unwrap();
        self.clock.advance(by);
    }

    /// Lets time go by until the clocks in the shop show this: `"2027-02-11T09:00"`.
    pub fn advance_to(&self, local: &str) {
        let local: jiff::civil::DateTime = local.parse().unwrap();
        let zone = TimeZone::get("America/New_York").unwrap();
        let then = zone.to_timestamp(local).unwrap();
        assert!(then >= self.now(), "{local} is past");
        self.clock.advance(then.duration_since(self.now()));
    }

    pub async fn sweep(&self) -> Looked {
        self.try_sweep().await.unwrap()
    }

    pub async fn try_sweep(&self) -> Result<Looked, WatchError> {
        self.process.sweep().await
    }

    pub async fn poll(&self) -> Looked {
        assert!(self.process.watcher.has_lease().await);
        self.process.watcher.poll().await.unwrap()
    }

    pub async fn deliver(&self) -> Delivered {
        self.process.delivery.tick().await.unwrap()
    }

    /// Hands over what is due, on these ways.
    pub async fn hand_over(&self, ways: &Ways) -> HandedOver {
        self.process.carrier(ways.clone()).tick().await.unwrap()
    }

    /// Sweeps, lets everything settle, sweeps again, delivers what is due.
    pub async fn tick_all(&self) -> Delivered {
        self.settle().await;
        self.deliver().await
    }

    /// Sweeps until everything has settled.
    pub async fn settle(&self) {
        self.sweep().await;
        let settle = self.process.app.settings.delivery.settle;
        while let Some(settles_at) = self.store.settles_at(settle).await.unwrap() {
            self.clock.advance(settles_at.duration_since(self.now()).max(SignedDuration::from_secs(1)));
            self.sweep().await;
        }
    }

    /// Every mail that the relay has, in the order in which they came.
    pub fn mails(&self) -> Vec<Mail> {
        self.relay.mails().into_iter().map(Mail::from).collect()
    }

    /// The kind of each mail.
    pub fn kinds(&self) -> Vec<String> {
        self.mails().into_iter().map(|mail| mail.kind).collect()
    }

    /// The last mail of all.
    pub fn last_mail(&self) -> Mail {
        self.mails().pop().expect("a mail")
    }

    /// The sent-log, oldest first.
    pub async fn entries(&self) -> Vec<LogEntry> {
        let mut entries = self.store.log(&LogFilter { limit: 10_000, ..LogFilter::default() }).await.unwrap();
        entries.reverse();
        entries
    }

    /// The sent-log as `kind state`, oldest first.
    pub async fn log(&self) -> Vec<String> {
        let entries = self.entries().await;
        entries.iter().map(|entry| format!("{} {}", entry.kind.word(), entry.state.word())).collect()
    }

    /// Runs a statement in the state database, for what only another part of the program does, or only days bring
    /// about.
    pub async fn in_state(&self, statement: &str) {
        match self.engine {
            Engine::Sqlite => {
                let mut state = self.state_url.parse::<SqliteConnectOptions>().unwrap().connect().await.unwrap();
                sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut state).await.unwrap();
            }
            Engine::Postgres => {
                let mut state = PgConnection::connect(&self.state_url).await.unwrap();
                sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut state).await.unwrap();
            }
        }
    }

    /// The one column, a text, of each row that a query of the state database finds.
    pub async fn texts(&self, query: &str) -> Vec<String> {
        match self.engine {
            Engine::Sqlite => {
                let mut state = self.state_url.parse::<SqliteConnectOptions>().unwrap().connect().await.unwrap();
                sqlx::query_scalar(AssertSqlSafe(query)).fetch_all(&mut state).await.unwrap()
            }
            Engine::Postgres => {
                let mut state = PgConnection::connect(&self.state_url).await.unwrap();
                sqlx::query_scalar(AssertSqlSafe(query)).fetch_all(&mut state).await.unwrap()
            }
        }
    }

    /// The ids of what is in hand and marked as in transfer.
    pub async fn in_transfer(&self) -> Vec<String> {
        in_transfer(self.engine, &self.state_url, "true").await
    }

    /// Marks what is in hand as in transfer.
    pub async fn mark(&self, id: uuid::Uuid) {
        mark(self.engine, &self.state_url, &id.to_string()).await;
    }

    /// Runs a command on this installation as an operator does. Its clock is that of the machine.
    pub async fn run(&self, arguments: &[&str]) -> Ran {
        let variables: Vec<(&str, &str)> = self.variables.iter().map(|(key, value)| (&**key, &**value)).collect();
        start_in(self.folder.path(), arguments, &variables).ended().await
    }

    /// The tasks as `kind subject`.
    pub async fn tasks(&self) -> Vec<String> {
        let tasks = self.store.tasks().await.unwrap();
        tasks.iter().map(|task| format!("{} {}", task.kind, task.subject)).collect()
    }
}

impl Process {
    async fn start(settings: Settings, clock: Clock) -> Process {
        let app = App::open(settings, clock).await.unwrap();
        let watcher = app.watcher().unwrap();
        let delivery = app.delivery().await.unwrap();
        Process { app, watcher, delivery }
    }

    /// Takes the lease, whoever held it, and sweeps.
    pub async fn sweep(&self) -> Result<Looked, WatchError> {
        if !self.watcher.has_lease().await {
            self.app.store.expire_leases().await?;
            assert!(self.watcher.has_lease().await);
        }
        self.watcher.sweep().await
    }

    /// What hands answers over in this process, on these ways.
    pub fn carrier(&self, ways: Ways) -> Arc<Carrier> {
        let carrier = Arc::into_inner(self.app.carrier().unwrap()).unwrap();
        Arc::new(Carrier { ways, ..carrier })
    }

    pub async fn rest(&self) {
        self.app.store.release_lease(WATCH, &self.app.owner).await.unwrap();
    }
}

/// A fault that nobody met means that a test did not do what it says.
impl Drop for TestApp {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("this was on {:?}", self.engine);
        } else {
            assert_eq!(self.relay.faults_left(), 0, "a fault of the relay that nobody met");
        }
    }
}

impl From<Received> for Mail {
    fn from(received: Received) -> Mail {
        let head = String::from_utf8_lossy(&received.bytes).replace("\r\n ", " ");
        let head = head.split("\r\n\r\n").next().unwrap_or_default();
        let header = |name: &str| {
            let found = head.lines().find_map(|line| line.strip_prefix(&format!("{name}: ")));
            found.unwrap_or_default().trim().to_owned()
        };
        let readable = mime::read(&received.bytes);
        Mail {
            to: received.to.join(", "),
            kind: header("X-Backorderd-Kind"),
            order: header("X-Backorderd-Order"),
            subject: readable.subject,
            text: readable.text.unwrap_or_default(),
            html: readable.html.unwrap_or_default(),
            id: header("Message-ID"),
            date: header("Date"),
            in_reply_to: header("In-Reply-To"),
            references: header("References"),
            bytes: received.bytes,
        }
    }
}

fn settings(folder: &Path, shop: &ShopDesk, state: &str, relays: &[&str], differing: Differing<'_>) -> Settings {
    let relays: Vec<String> =
        relays.iter().map(|url| format!("[[mail.relays]]\nurl = \"{url}\"\nmax_connections = 2\n")).collect();
    let text = format!(
        r#"
        [shop]
        name = "Acme Outdoor"
        url = "https://shop.example"
        support_email = "help@shop.example"
        postal_address = "1 Main Street, Springfield"
        time_zone = "America/New_York"
        [state]
        url = "{state}"
        [orders]
        url = "{}"
        mapping = "custom"
        [orders.queries]
        lines = "select * from order_lines"
        stock = "select * from stock"
        alternatives = "select * from alternatives"
        expected = "select * from expected"
        [mail]
        from = "Acme Outdoor <orders@shop.example>"
        {}
        [web]
        public_url = "https://orders.shop.example"
        secret_file = "link-secret"
        "#,
        shop.url(),
        relays.concat(),
    );
    let path = folder.join("backorderd.toml");
    std::fs::write(&path, text).unwrap();
    Settings::load(&path, differing.iter().map(variable)).unwrap_or_else(|error| panic!("{error}"))
}

/// The variable that overrides a key, in capitals, which the id of a shop therefore has too.
fn variable((key, value): &(&str, &str)) -> (String, String) {
    (format!("BACKORDERD__{}", key.to_uppercase().replace('.', "__")), (*value).to_owned())
}
