//! The main path under load, each figure beside its limit and a peer: memory of sweeps, and the rate, CPU and memory of
//! delivery beside Postfix's own `smtp-source` against the same `smtp-sink`, in one run.
//!
//! Run it by `./task bench`, or a part of it by `./task bench sweeps|mails|rates|table|idle`. It needs Postfix's `smtp-sink`
//! and `smtp-source` (Debian: `postfix`) and PostgreSQL.

#![expect(clippy::unwrap_used, reason = "a benchmark that cannot go on stops, and the panic names the line")]

#[path = "../../tests/support/servers.rs"]
#[allow(dead_code, reason = "only one of the servers is needed here")]
mod servers;

mod peer;
mod process;
mod shop;
mod state;

use std::path::Path;
use std::time::Duration;

use peer::Sink;
use process::{Measured, idle, run, run_together};
use shop::{Shop, settings};
use state::State;

const LINES: usize = 100_000;
const MAILS: usize = 20_000;
const LARGE_MAILS: usize = 3_000;
/// So many lines make a mail of about 50 KB; one makes the smallest that the templates give.
const LARGE: usize = 22;
const ROUNDS: usize = 5;
const ENGINES: [&str; 2] = ["SQLite", "PostgreSQL"];

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    // `cargo test` builds benchmarks and runs them without this argument; nothing is measured then.
    if !arguments.iter().any(|argument| argument == "--bench") {
        return;
    }
    let parts: Vec<&str> = arguments.iter().map(String::as_str).filter(|argument| !argument.starts_with('-')).collect();
    let wanted = |part: &str| parts.is_empty() || parts.contains(&part);
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    if wanted("sweeps") {
        sweeps(folder);
    }
    if wanted("mails") {
        mails(folder);
    }
    if wanted("rates") {
        rates(folder);
    }
    if wanted("table") {
        table(folder);
    }
    if wanted("idle") {
        idling(folder);
    }
}

/// A first sweep and an unchanged one of a shop with many backordered lines.
fn sweeps(folder: &Path) {
    let shop = Shop::new(folder, LINES, 1);
    for engine in ENGINES {
        let state = State::new(engine, folder, "sweeps");
        let settings = settings(folder, &shop, &state, "baseline", 2500, 8);
        for name in ["first sweep (baseline)", "unchanged sweep"] {
            let Measured { seconds, peak_mb, .. } = run(&settings, &["run", "--once", "--only", "watch"]);
            println!("{engine:10}  {name:24} {LINES} lines: {seconds:6.2} s, {peak_mb:5.1} MB at most (limit 100 MB)");
        }
    }
    println!();
}

/// Memory while very many mails are queued, and the rate beside `smtp-source`.
fn mails(folder: &Path) {
    let shop = Shop::new(folder, LINES, 1);
    for engine in ENGINES {
        let sink = Sink::start();
        let state = State::new(engine, folder, "mails");
        let settings = settings(folder, &shop, &state, "notify", sink.port, 8);
        let planned = run(&settings, &["run", "--once", "--only", "watch"]);
        let sent = run(&settings, &["run", "--once", "--only", "deliver"]);
        println!(
            "{engine:10}  {LINES} mails planned in {:6.2} s ({:5.1} MB), sent in {:6.2} s ({:5.1} MB at most, limit 60 MB)",
            planned.seconds, planned.peak_mb, sent.seconds, sent.peak_mb
        );
    }
    println!();
}

/// One worker with 8 connections beside `smtp-source -d -s 8 -l 8192`, which runs before and after it, again and again: a
/// single round says little on a machine that others share.
fn rates(folder: &Path) {
    let shop = Shop::new(folder, MAILS, 1);
    for (engine, least) in ENGINES.into_iter().zip([0.45, 0.35]) {
        let queued = queued(engine, folder, &shop);
        let mut ratios: Vec<f64> = (0..ROUNDS)
            .map(|_| {
                let sink = Sink::start();
                let before = sink.source(8, 8192, MAILS);
                let sent = Sent::measure(engine, folder, &shop, &queued, &sink, (1, 8));
                let after = sink.source(8, 8192, MAILS);
                let peer_seconds = MAILS as f64 * (1.0 / before + 1.0 / after) / 2.0;
                peer_seconds / sent.seconds
            })
            .collect();
        let rounds: Vec<String> = ratios.iter().map(|ratio| format!("{ratio:.2}")).collect();
        ratios.sort_by(f64::total_cmp);
        println!(
            "{engine:10}  {MAILS} mails over 8 connections, beside smtp-source: {}, median {:.2} (at least {least:.2})",
            rounds.join(" "),
            ratios[ROUNDS / 2]
        );
    }
    println!();
}

/// Engines, sizes, workers and connections, each beside as many connections of `smtp-source`.
fn table(folder: &Path) {
    println!(
        "engine      mail   workers x connections      mails/s  smtp-source  ratio  CPU ms/mail (worker + db)  MB"
    );
    for (lines, mails) in [(1, MAILS), (LARGE, LARGE_MAILS)] {
        let shop = Shop::new(folder, mails, lines);
        for engine in ENGINES {
            let queued = queued(engine, folder, &shop);
            for (workers, connections) in [(1, 1), (1, 8), (1, 32), (4, 1), (4, 8), (4, 32)] {
                let sink = Sink::start();
                let bytes = Shop::mail_bytes(&settings(folder, &shop, &queued, "notify", sink.port, connections));
                let peer = sink.source(workers * connections, bytes, mails);
                let sent = Sent::measure(engine, folder, &shop, &queued, &sink, (workers, connections));
                let rate = mails as f64 / sent.seconds;
                let each = |seconds: f64| seconds * 1000.0 / mails as f64;
                println!(
                    "{engine:10} {:4.0} KB  {workers:7} x {connections:2}              {rate:10.0}  {peer:11.0}  {:5.2}  \
                     {:8.3} ({:.3} + {:.3})     {:7.1}",
                    bytes as f64 / 1024.0,
                    rate / peer,
                    each(sent.own_cpu + sent.database_cpu),
                    each(sent.own_cpu),
                    each(sent.database_cpu),
                    sent.peak_mb,
                );
            }
        }
    }
    println!("ratio: at least 0.30; with 8 connections and one worker 0.45 (SQLite), 0.35 (PostgreSQL)\n");
}

/// A state database in which all mails of a shop are queued.
fn queued(engine: &'static str, folder: &Path, shop: &Shop) -> State {
    let queued = State::new(engine, folder, "queued");
    run(&settings(folder, shop, &queued, "notify", 2500, 8), &["run", "--once", "--only", "watch"]);
    queued
}

/// What it took to send all that was queued.
struct Sent {
    seconds: f64,
    own_cpu: f64,
    database_cpu: f64,
    peak_mb: f64,
}

impl Sent {
    /// Sends a copy of what is queued.
    fn measure(
        engine: &'static str,
        folder: &Path,
        shop: &Shop,
        queued: &State,
        sink: &Sink,
        (workers, connections): (usize, usize),
    ) -> Sent {
        let state = queued.copy(engine, folder);
        let settings = settings(folder, shop, &state, "notify", sink.port, connections);
        let before = state.cpu_seconds();
        let sent = run_together(&settings, &["run", "--once", "--only", "deliver"], workers);
        let database_cpu = state.cpu_seconds() - before;
        state.assert_sent(shop.orders);
        Sent { seconds: sent.seconds, own_cpu: sent.cpu_seconds, database_cpu, peak_mb: sent.peak_mb }
    }
}

/// What a process takes that has nothing to do.
fn idling(folder: &Path) {
    let shop = Shop::new(folder, 100, 1);
    for engine in ENGINES {
        let state = State::new(engine, folder, "idle");
        let settings = settings(folder, &shop, &state, "baseline", 2500, 8);
        let (own, database) = idle(&settings, Duration::from_mins(1), || state.cpu_seconds());
        println!(
            "{engine:10}  idle: {:.3} s of CPU a minute (limit 0.1), {database:.3} s of them in the database",
            own + database
        );
    }
}
