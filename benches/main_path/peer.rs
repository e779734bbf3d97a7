//! Postfix's `smtp-sink`, which takes every mail, and `smtp-source`, the peer that sends as fast as it can.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::Instant;

/// A running sink; it ends with this.
pub struct Sink {
    sink: Child,
    pub port: u16,
}

impl Drop for Sink {
    fn drop(&mut self) {
        let _ = self.sink.kill();
        let _ = self.sink.wait();
    }
}

impl Sink {
    pub fn start() -> Sink {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut command = Command::new(postfix("smtp-sink"));
        // As root it wants to become somebody else.
        if fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0) {
            command.args(["-u", "nobody"]);
        }
        let sink = command.args([&format!("127.0.0.1:{port}"), "1000"]).spawn().unwrap();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            std::thread::yield_now();
        }
        Sink { sink, port }
    }

    /// How many mails a second `smtp-source` sends to it.
    pub fn source(&self, connections: usize, bytes: usize, mails: usize) -> f64 {
        let started = Instant::now();
        let status = Command::new(postfix("smtp-source"))
            .args(["-d", "-s", &connections.to_string(), "-l", &bytes.to_string(), "-m", &mails.to_string()])
            .arg(format!("127.0.0.1:{}", self.port))
            .status()
            .unwrap();
        assert!(status.success());
        mails as f64 / started.elapsed().as_secs_f64()
    }
}

fn postfix(program: &str) -> PathBuf {
    let found =
        ["/usr/sbin", "/usr/bin"].iter().map(|folder| Path::new(folder).join(program)).find(|path| path.exists());
    found.unwrap_or_else(|| panic!("{program} is missing; on Debian: apt-get install postfix"))
}
