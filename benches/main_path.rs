//! The main path under load, each figure beside its limit: memory of a sweep of 100,000 lines, and the rate of 20,000
//! mails beside Postfix's own `smtp-source` against the same `smtp-sink`, in one run.
//!
//! Run it by `./task bench`. It needs Postfix's `smtp-sink` and `smtp-source` (Debian: `postfix`) and PostgreSQL.

#![expect(clippy::unwrap_used, reason = "a benchmark that cannot go on stops, and the panic names the line")]

#[path = "../tests/support/servers.rs"]
#[allow(dead_code, reason = "only one of the servers is needed here")]
mod servers;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use sqlx::{Connection, Executor};

const LINES: usize = 100_000;
const MAILS: usize = 20_000;
const CONNECTIONS: usize = 8;

/// How long a command took, and the most memory that it held.
struct Measured {
    seconds: f64,
    peak_mb: f64,
}

#[tokio::main]
async fn main() {
    // `cargo test` builds benchmarks and runs them with this argument; nothing is measured then.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    for engine in ["SQLite", "PostgreSQL"] {
        sweeps(engine, folder.path()).await;
    }
    println!();
    for engine in ["SQLite", "PostgreSQL"] {
        mails(engine, folder.path()).await;
    }
}

/// The state database's URL, empty.
async fn state(engine: &str, folder: &Path, name: &str) -> String {
    match engine {
        "SQLite" => format!("sqlite://{}", folder.join(format!("{name}.db")).display()),
        _ => servers::lasting_postgres().database().await,
    }
}

/// A first sweep and an unchanged one of a shop with many backordered lines.
async fn sweeps(engine: &str, folder: &Path) {
    let shop = folder.join("sweeps-shop.db");
    if !shop.exists() {
        fill_shop(&shop, LINES).await;
    }
    let state = state(engine, folder, "sweeps").await;
    let settings = settings(&folder.join(format!("sweeps-{engine}")), &shop, &state, "baseline", 2500);
    for name in ["first sweep (baseline)", "unchanged sweep"] {
        let Measured { seconds, peak_mb } = run(&settings, &["run", "--once", "--only", "watch"]);
        println!("{engine:10}  {name:24} {LINES} lines: {seconds:6.2} s, {peak_mb:5.1} MB at most (limit 100 MB)");
    }
}

/// Many queued mails to a sink, and the same number by `smtp-source` beside it.
async fn mails(engine: &str, folder: &Path) {
    let shop = folder.join("mails-shop.db");
    if !shop.exists() {
        fill_shop(&shop, MAILS).await;
    }
    let (_sink, port) = sink();
    let state = state(engine, folder, "mails").await;
    let settings = settings(&folder.join(format!("mails-{engine}")), &shop, &state, "notify", port);
    let queued = run(&settings, &["run", "--once", "--only", "watch"]);
    let peer = Instant::now();
    let source = Command::new(postfix("smtp-source"))
        .args([
            "-d",
            "-s",
            &CONNECTIONS.to_string(),
            "-l",
            "8192",
            "-m",
            &MAILS.to_string(),
            &format!("127.0.0.1:{port}"),
        ])
        .status()
        .unwrap();
    assert!(source.success());
    let peer = MAILS as f64 / peer.elapsed().as_secs_f64();
    let sent = run(&settings, &["run", "--once", "--only", "deliver"]);
    let rate = MAILS as f64 / sent.seconds;
    println!(
        "{engine:10}  {MAILS} mails planned in {:5.2} s ({:.1} MB); sent in {:5.2} s, {rate:7.0}/s, {:.1} MB at most; \
         smtp-source {peer:7.0}/s; ratio {:.2} (at least 0.30)",
        queued.seconds,
        queued.peak_mb,
        sent.seconds,
        sent.peak_mb,
        rate / peer,
    );
}

/// Runs the program and watches its memory.
fn run(settings: &Path, arguments: &[&str]) -> Measured {
    let started = Instant::now();
    let mut child = Command::new(env!("CARGO_BIN_EXE_backorderd"))
        .args(arguments)
        .args(["--config", settings.to_str().unwrap()])
        .env("RUST_LOG", "error")
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let mut peak_mb: f64 = 0.0;
    let status = loop {
        if let Some(peak) = peak_of(&child) {
            peak_mb = peak_mb.max(peak);
        }
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    assert!(status.success(), "backorderd {arguments:?} failed");
    Measured { seconds: started.elapsed().as_secs_f64(), peak_mb }
}

/// The peak of a process's resident memory (VmHWM), in MB.
fn peak_of(child: &Child) -> Option<f64> {
    let status = fs::read_to_string(format!("/proc/{}/status", child.id())).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    let kilobytes: f64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kilobytes / 1024.0)
}

/// Ends the sink with the benchmark.
struct Sink(Child);

impl Drop for Sink {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn sink() -> (Sink, u16) {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut command = Command::new(postfix("smtp-sink"));
    // As root it wants to become somebody else.
    if fs::metadata("/proc/self").is_ok_and(|process| std::os::unix::fs::MetadataExt::uid(&process) == 0) {
        command.args(["-u", "nobody"]);
    }
    let sink = Sink(command.args([&format!("127.0.0.1:{port}"), "1000"]).spawn().unwrap());
    while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
        std::thread::yield_now();
    }
    (sink, port)
}

fn postfix(program: &str) -> PathBuf {
    let found =
        ["/usr/sbin", "/usr/bin"].iter().map(|folder| Path::new(folder).join(program)).find(|path| path.exists());
    found.unwrap_or_else(|| panic!("{program} is missing; on Debian: apt-get install postfix"))
}

fn settings(folder: &Path, shop: &Path, state: &str, first_sweep: &str, port: u16) -> PathBuf {
    let text = format!(
        r#"
[shop]
name = "Bench"
url = "https://shop.example"
support_email = "help@shop.example"
postal_address = "1 Main Street"
time_zone = "America/New_York"
[state]
url = "{state}"
[orders]
url = "sqlite://{shop}"
mapping = "custom"
first_sweep = "{first_sweep}"
[orders.queries]
lines = "select * from lines"
[mail]
from = "Bench <orders@shop.example>"
[[mail.relays]]
url = "smtp://127.0.0.1:{port}?tls=none"
max_connections = {CONNECTIONS}
max_messages = 100000
[delivery]
settle = "0s"
max_per_sweep = 0
[web]
public_url = "https://orders.shop.example"
secret_file = "secret"
"#,
        shop = shop.display(),
    );
    fs::create_dir(folder).unwrap();
    let file = folder.join("backorderd.toml");
    fs::write(&file, text).unwrap();
    file
}

/// A shop whose every line waits; one line an order.
async fn fill_shop(file: &Path, lines: usize) {
    let url = format!("sqlite://{}?mode=rwc", file.display());
    let mut shop = sqlx::SqliteConnection::connect(&url).await.unwrap();
    let schema = "create table lines (line_id text primary key, order_id text, order_number text, customer_email text, \
        customer_name text, locale text, ship_to_country text, product_key text, sku text, product_name text, ordered_qty int, \
        short_qty int, unit_price text, currency text, ordered_at text, expected_on text)";
    shop.execute(schema).await.unwrap();
    let rows = format!(
        "with recursive n(i) as (select 1 union all select i + 1 from n where i < {lines}) insert into lines select 'L' || i, \
         'S' || i, 'S' || printf('%06d', i), 'customer' || i || '@example.com', 'Customer Number ' || i, 'en-US', 'US', \
         'P' || (i % 5000), 'SKU-' || (i % 5000), 'Camp stove, model ' || (i % 5000), 2, 2, '49.90', 'USD', \
         '2026-11-01T10:00:00Z', '2027-02-10' from n"
    );
    shop.execute(sqlx::AssertSqlSafe(rows)).await.unwrap();
    shop.close().await.unwrap();
}
