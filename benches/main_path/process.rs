//! Runs the program and watches what it takes.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// The kernel counts CPU time in these (`sysconf(_SC_CLK_TCK)`, 100 on every Linux).
const TICKS_A_SECOND: f64 = 100.0;
/// How often a process is looked at.
const LOOK: Duration = Duration::from_millis(5);

/// What a command took.
#[derive(Default)]
pub struct Measured {
    pub seconds: f64,
    pub cpu_seconds: f64,
    /// The most memory that it held; of several processes, that of the largest.
    pub peak_mb: f64,
}

pub fn run(settings: &Path, arguments: &[&str]) -> Measured {
    run_together(settings, arguments, 1)
}

/// Runs `processes` of the same at once, until all have ended.
pub fn run_together(settings: &Path, arguments: &[&str], processes: usize) -> Measured {
    let started = Instant::now();
    let mut running: Vec<(Child, f64)> = (0..processes).map(|_| (start(settings, arguments), 0.0)).collect();
    let mut all = Measured::default();
    while !running.is_empty() {
        running.retain_mut(|(child, cpu)| {
            if let Some((seconds, peak_mb)) = taken(child.id()) {
                *cpu = seconds;
                all.peak_mb = all.peak_mb.max(peak_mb);
            }
            let Some(status) = child.try_wait().unwrap() else { return true };
            assert!(status.success(), "backorderd {arguments:?} failed");
            all.cpu_seconds += *cpu;
            false
        });
        std::thread::sleep(LOOK);
    }
    all.seconds = started.elapsed().as_secs_f64();
    all
}

/// The CPU time of a process that runs `time` long and has nothing to do, and that of its `database` meanwhile; without
/// that of its start.
pub fn idle(settings: &Path, time: Duration, database: impl Fn() -> f64) -> (f64, f64) {
    let mut child = start(settings, &["run"]);
    std::thread::sleep(Duration::from_secs(5));
    let before = (taken(child.id()).unwrap().0, database());
    std::thread::sleep(time);
    let after = (taken(child.id()).unwrap().0, database());
    child.kill().unwrap();
    child.wait().unwrap();
    (after.0 - before.0, after.1 - before.1)
}

fn start(settings: &Path, arguments: &[&str]) -> Child {
    Command::new(env!("CARGO_BIN_EXE_backorderd"))
        .args(arguments)
        .args(["--config", settings.to_str().unwrap()])
        .env("RUST_LOG", "error")
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

/// A process's CPU time in seconds, and the peak of its resident memory (VmHWM) in MB; `None`: it has ended.
fn taken(process: u32) -> Option<(f64, f64)> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    let kilobytes: f64 = line.split_whitespace().nth(1)?.parse().ok()?;
    let ticks = Ticks::of(process)?;
    Some((ticks.own / TICKS_A_SECOND, kilobytes / 1024.0))
}

/// What `/proc/PID/stat` says of a process.
struct Ticks {
    name: String,
    parent: u32,
    own: f64,
    /// Of its children that have ended.
    children: f64,
}

impl Ticks {
    fn of(process: u32) -> Option<Ticks> {
        let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
        let (before, after) = stat.rsplit_once(')')?;
        let fields: Vec<&str> = after.split_whitespace().collect();
        let ticks = |field: usize| fields.get(field)?.parse::<f64>().ok();
        Some(Ticks {
            name: before.split_once('(')?.1.to_owned(),
            parent: fields.get(1)?.parse().ok()?,
            own: ticks(11)? + ticks(12)?,
            children: ticks(13)? + ticks(14)?,
        })
    }
}

/// The CPU time of the PostgreSQL server that this process started, in seconds: all its processes, dead or alive.
pub fn postgres_cpu_seconds() -> f64 {
    let processes = fs::read_dir("/proc").unwrap().filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    let postgres: Vec<(u32, Ticks)> = processes
        .filter_map(|process| Some((process, Ticks::of(process)?)))
        .filter(|(_, ticks)| ticks.name == "postgres")
        .collect();
    // The server is the child of the shell that keeps it, and that is ours.
    let ours = |ticks: &Ticks| Ticks::of(ticks.parent).is_some_and(|keeper| keeper.parent == std::process::id());
    let Some((server, ticks)) = postgres.iter().find(|(_, ticks)| ours(ticks)) else { return 0.0 };
    let parts = postgres.iter().filter(|(_, ticks)| ticks.parent == *server).map(|(_, ticks)| ticks.own);
    (ticks.own + ticks.children + parts.sum::<f64>()) / TICKS_A_SECOND
}
