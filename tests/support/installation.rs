//! A whole installation in a temporary folder: a shop in SQLite, a settings file, a state database, and the real
//! program run as an operator runs it.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, ChildStdout, Command, Stdio};

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions};
use tempfile::TempDir;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::smtp_server::SmtpServer;

/// The shop's own table, whose columns are named as the feed's.
const SHOP: &str = "\
create table order_lines (line_id text primary key, order_id text, order_number text, customer_email text, \
    customer_name text, locale text, product_key text, sku text, product_name text, ordered_qty integer, \
    shipped_qty integer default 0, cancelled_qty integer default 0, short_qty integer, expected_on text, \
    delay_reason text);\
create table dates (product_key text, expected_on text, reason text);";

/// What a command did.
#[derive(Debug)]
pub struct Ran {
    /// -1: a signal ended it.
    pub code: i32,
    pub signal: Option<i32>,
    pub stdout: Vec<u8>,
    pub stderr: String,
}

impl Ran {
    /// What it printed, as text.
    pub fn words(&self) -> &str {
        std::str::from_utf8(&self.stdout).unwrap()
    }

    /// One JSON object a line.
    pub fn objects(&self) -> Vec<serde_json::Value> {
        self.words().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// The same command, which is to have ended well.
    #[track_caller]
    pub fn good(self) -> Ran {
        assert_eq!(self.code, 0, "{}\n{}", self.words(), self.stderr);
        self
    }

    /// The same command, which is to have failed, and what it said.
    #[track_caller]
    pub fn failed(&self, code: i32) -> &str {
        assert_eq!(self.code, code, "{}\n{}", self.words(), self.stderr);
        &self.stderr
    }
}

/// An installation of the program, gone when this is dropped.
pub struct Installation {
    folder: TempDir,
    pub smtp: SmtpServer,
}

impl Installation {
    /// With a relay that takes every mail, where news is told at first sight.
    pub async fn new() -> Installation {
        Installation::with_relay(SmtpServer::scripted(Vec::new()).await).await
    }

    pub async fn with_relay(smtp: SmtpServer) -> Installation {
        let installation = Installation { folder: tempfile::tempdir().unwrap(), smtp };
        installation.in_shop(SHOP).await;
        installation.set("", "");
        installation
    }

    /// Writes the settings with `lines` put right below `[section]`; an empty section changes nothing.
    pub fn set(&self, section: &str, lines: &str) {
        let settings = format!(
            r#"
[shop]
name = "Acme Outdoor"
url = "https://shop.example"
support_email = "help@shop.example"
postal_address = "1 Main Street, Springfield"
time_zone = "America/New_York"
[state]
[orders]
url = "sqlite://shop.db"
mapping = "custom"
first_sweep = "notify"
[orders.queries]
lines = "select * from order_lines"
expected = "select * from dates"
[mail]
from = "Acme Outdoor <orders@shop.example>"
[[mail.relays]]
url = "{}"
[delivery]
settle = "0s"
[web]
public_url = "https://orders.shop.example"
secret_file = "link-secret"
"#,
            self.smtp.url()
        );
        let settings = if section.is_empty() {
            settings
        } else {
            assert!(settings.contains(&format!("{section}\n")), "{section}");
            settings.replacen(&format!("{section}\n"), &format!("{section}\n{lines}\n"), 1)
        };
        std::fs::write(self.path("backorderd.toml"), settings).unwrap();
    }

    /// A file of the installation.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Runs statements in the shop's database, as the shop does.
    pub async fn in_shop(&self, statements: &str) {
        self.run_sql("shop.db", statements).await;
    }

    /// Runs statements in the state database, for what would take days to come about.
    pub async fn in_state(&self, statements: &str) {
        self.run_sql("backorderd.db", statements).await;
    }

    async fn run_sql(&self, file: &str, statements: &str) {
        let options = SqliteConnectOptions::new().filename(self.path(file)).create_if_missing(true);
        let mut connection = options.connect().await.unwrap();
        sqlx::raw_sql(AssertSqlSafe(statements.to_owned())).execute(&mut connection).await.unwrap();
    }

    /// A line of order `order` that waits for `short` lamps, ordered by `email` (`null` or in quotes).
    pub async fn waiting_line(&self, line_id: &str, order: &str, email: &str) {
        self.in_shop(&format!(
            "insert into order_lines (line_id, order_id, order_number, customer_email, customer_name, locale, \
             product_key, sku, product_name, ordered_qty, short_qty, expected_on) values ('{line_id}', '{order}', \
             'S{order}', {email}, 'Ada', 'en-US', 'LAMP', 'HL-400', 'Head lamp', 2, 2, '2027-02-10')"
        ))
        .await;
    }

    /// Runs the program with this installation's settings.
    pub async fn run(&self, arguments: &[&str]) -> Ran {
        self.run_with_input(arguments, "").await
    }

    /// The same with something on standard input, which is no terminal.
    pub async fn run_with_input(&self, arguments: &[&str], input: &str) -> Ran {
        let mut running = self.start(arguments, &[]);
        // A command that reads nothing may have closed it. Dropped, it is at its end.
        let _ = running.child.stdin.take().unwrap().write_all(input.as_bytes());
        running.ended().await
    }

    /// Starts the program with these variables beside the settings file, and leaves it running.
    pub fn start(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Running {
        start_in(self.folder(), arguments, variables)
    }
}

/// Starts the program in the folder of a settings file.
pub fn start_in(folder: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Running {
    // To write more than its limit is an error to it, as on a full disk, and not its end.
    let mut command = Command::new("sh");
    command.args(["-c", r#"trap '' XFSZ; exec "$0" "$@""#, env!("CARGO_BIN_EXE_backorderd")]);
    command.args(arguments).current_dir(folder).env_remove("RUST_LOG").env_remove("BACKORDERD_CONFIG");
    command.envs(variables.iter().copied());
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let (saying, said) = watch::channel(String::new());
    let output = Output::Coming(all_of(child.stdout.take().unwrap(), child.stderr.take().unwrap(), saying));
    Running { child, output, said }
}

/// A command that may not have ended yet; dropped, it is killed.
pub struct Running {
    child: Child,
    output: Output,
    /// What it has said on standard error so far.
    said: watch::Receiver<String>,
}

enum Output {
    Coming(JoinHandle<Vec<u8>>),
    Whole(Vec<u8>),
}

impl Running {
    /// Ends it as `kill -9` does; one that has ended by itself stays as it is.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
    }

    /// Asks it to end, as an init system does.
    pub fn terminate(&self) {
        self.signal("TERM");
    }

    /// Sends it this signal.
    pub fn signal(&self, signal: &str) {
        let mut kill = Command::new("kill");
        kill.args(["-s", signal, &self.child.id().to_string()]);
        assert!(kill.status().unwrap().success());
    }

    /// Lets it write no file beyond so many bytes, as a full disk does; `None`: there is room.
    pub fn leave_room(&self, bytes: Option<u64>) {
        let bytes = bytes.map_or("unlimited".into(), |bytes| bytes.to_string());
        let mut limit = Command::new("prlimit");
        limit.arg(format!("--pid={}", self.child.id())).arg(format!("--fsize={bytes}:"));
        assert!(limit.status().unwrap().success());
    }

    /// Waits until it says this on standard error; what it said before does not count.
    pub async fn says(&self, words: &str) {
        let mut said = self.said.clone();
        let before = said.borrow().len();
        let found = said.wait_for(|said| said[before..].contains(words)).await;
        assert!(found.is_ok(), "it never said {words:?}");
    }

    /// Waits until it has said everything, which is when it ends.
    pub async fn silent(&mut self) {
        if let Output::Coming(coming) = &mut self.output {
            self.output = Output::Whole(coming.await.unwrap());
        }
    }

    /// Waits for its end.
    pub async fn ended(mut self) -> Ran {
        self.silent().await;
        let status = self.child.wait().unwrap();
        let Output::Whole(stdout) = &mut self.output else { unreachable!("it is silent") };
        Ran {
            code: status.code().unwrap_or(-1),
            signal: status.signal(),
            stdout: std::mem::take(stdout),
            stderr: self.said.borrow().clone(),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Everything that comes through both pipes, so that the program never waits for a full one.
fn all_of(mut stdout: ChildStdout, stderr: ChildStderr, saying: watch::Sender<String>) -> JoinHandle<Vec<u8>> {
    tokio::task::spawn_blocking(move || {
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let mut stderr = BufReader::new(stderr);
                let mut line = String::new();
                while stderr.read_line(&mut line).unwrap() > 0 {
                    saying.send_modify(|said| *said += &line);
                    line.clear();
                }
            });
            let mut all = Vec::new();
            stdout.read_to_end(&mut all).unwrap();
            all
        })
    })
}
