//! State databases of the benchmark: fresh ones, and copies of one that is full.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

use sqlx::{AssertSqlSafe, Connection, Row};

use crate::process::postgres_cpu_seconds;
use crate::servers;

/// A state database that nobody else uses.
pub struct State {
    pub url: String,
    file: Option<PathBuf>,
}

impl State {
    pub fn new(engine: &str, folder: &Path, name: &str) -> State {
        static MADE: AtomicUsize = AtomicUsize::new(0);
        let name = format!("{name}-{}", MADE.fetch_add(1, Ordering::Relaxed));
        if engine == "SQLite" {
            let file = folder.join(format!("{name}.db"));
            return State { url: format!("sqlite://{}", file.display()), file: Some(file) };
        }
        State { url: wait_for(servers::lasting_postgres().database()), file: None }
    }

    /// Another with the same in it.
    pub fn copy(&self, engine: &str, folder: &Path) -> State {
        if self.file.is_some() {
            let copy = State::new(engine, folder, "copy");
            // A copy of the file alone would lack what its log still holds.
            let into = format!("vacuum into '{}'", copy.file.as_ref().unwrap().display());
            wait_for(async {
                let mut state = sqlx::SqliteConnection::connect(&self.url).await.unwrap();
                sqlx::query(AssertSqlSafe(into)).execute(&mut state).await.unwrap();
                state.close().await.unwrap();
            });
            to_disk();
            return copy;
        }
        let name = self.url.rsplit('/').next().unwrap();
        let copy = format!("copy_of_{name}");
        let server = servers::lasting_postgres();
        wait_for(async {
            let mut connection = sqlx::PgConnection::connect(&server.url("postgres")).await.unwrap();
            for statement in [
                format!("drop database if exists {copy}"),
                format!("create database {copy} template {name}"),
                "checkpoint".into(),
            ] {
                sqlx::query(AssertSqlSafe(statement)).execute(&mut connection).await.unwrap();
            }
        });
        to_disk();
        State { url: server.url(&copy), file: None }
    }

    /// What its server has taken until now, in seconds of CPU; what is in the program itself is counted there.
    pub fn cpu_seconds(&self) -> f64 {
        if self.file.is_some() { 0.0 } else { postgres_cpu_seconds() }
    }

    /// A benchmark of mails that were not all sent measures nothing.
    pub fn assert_sent(&self, mails: usize) {
        let counted = wait_for(async {
            let count = "select count(*) from sent_log where state = 'sent'";
            if self.file.is_some() {
                let mut state = sqlx::SqliteConnection::connect(&self.url).await.unwrap();
                return sqlx::query(count).fetch_one(&mut state).await.unwrap().get::<i64, _>(0);
            }
            let mut state = sqlx::PgConnection::connect(&self.url).await.unwrap();
            sqlx::query(count).fetch_one(&mut state).await.unwrap().get::<i64, _>(0)
        });
        assert_eq!(counted, mails as i64, "not every mail was sent");
    }
}

/// The benchmark itself waits; only the servers' drivers do not.
pub fn wait_for<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

/// What was copied is on the disk before anything is measured: it would be written meanwhile.
fn to_disk() {
    assert!(Command::new("sync").status().unwrap().success());
}
