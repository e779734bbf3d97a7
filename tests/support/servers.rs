//! Real database servers for tests: one PostgreSQL and one MariaDB per test process, started when first asked for.
//!
//! In: the servers' own programs, found where Debian puts them or on `PATH`. Out: URLs of fresh, empty databases.
//! A test that stops its server has one of its own.
//! Each server has its own data folder, listens on a free port of 127.0.0.1 only and trusts everybody (but the
//! PostgreSQL role `by_password`, if a test makes one). It is started by a shell that reads a pipe held by the test
//! process: when that process ends, in whatever way, the pipe closes, the shell stops the server and removes the
//! folder. A server that is not installed is a panic that names the package.

#![expect(clippy::disallowed_methods, reason = "a test machine is known by its environment")]

use std::ffi::OsString;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::os::unix::{fs::MetadataExt, process::CommandExt};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use sqlx::{AssertSqlSafe, Connection, MySqlConnection, PgConnection};
use tokio::sync::watch;

/// The keeper's beginning: a folder for the server's own user, and the promise to remove everything, even when nobody
/// reads the log any more.
const PREPARE: &str = r#"
trap '' PIPE
trap 'rm -rf "$folder"' EXIT
install_failed() { cat "$folder/log" >&2; exit 1; }
chmod 755 "$folder" && mkdir "$folder/data" && chown "$owner" "$folder/data" || exit
"#;

/// Creates a cluster. PostgreSQL refuses to run as root, so `$as_owner` may name another user.
const POSTGRES: &str = r#"
$as_owner initdb -D "$folder/data" -U postgres -A trust -N --encoding=UTF8 --locale=C.UTF-8 \
    >"$folder/log" 2>&1 || install_failed
echo 'host all by_password 127.0.0.1/32 scram-sha-256' | cat - "$folder/data/pg_hba.conf" >"$folder/hba"
start() {
    $as_owner postgres -D "$folder/data" -p "$port" -h 127.0.0.1 -c unix_socket_directories= \
        -c hba_file="$folder/hba" -c fsync="$fsync" -c max_connections=200 -c log_min_messages=log </dev/null &
}
"#;

/// The same for MariaDB, which changes to `$owner` by itself.
const MARIADB: &str = r#"
mariadb-install-db --no-defaults --datadir="$folder/data" --user="$owner" \
    --auth-root-authentication-method=normal --skip-test-db >"$folder/log" 2>&1 || install_failed
start() {
    mariadbd --no-defaults --datadir="$folder/data" --user="$owner" --port="$port" --bind-address=127.0.0.1 \
        --socket="$folder/data/socket" --pid-file="$folder/data/pid" --skip-name-resolve \
        --innodb-flush-log-at-trx-commit=0 </dev/null &
}
"#;

/// The keeper's end: starts the server, and until the end of its own input stops it by the signal that a line names
/// and starts it again at the next line. Then it stops the server.
/// Signals that come before the server has set them up are lost on it, so there may be several; the data is not kept.
const KEEP: &str = r#"
start
while read -r signal; do
    kill -s "$signal" $!
    wait $!
    echo "the server has stopped" >&2
    read -r _ || break
    start
done
for signal in $stop; do kill -s "$signal" $! 2>/dev/null; done
wait $!
"#;

/// The PostgreSQL server of this test process.
pub fn postgres() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(|| Server::start(Engine::Postgres, "off"))
}

/// A PostgreSQL server that writes through to the disk, for benchmarks.
#[allow(dead_code, reason = "no test has use for it")]
pub fn lasting_postgres() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(|| Server::start(Engine::Postgres, "on"))
}

/// A PostgreSQL server that a test has for itself, to stop and start it.
pub fn own_postgres() -> Server {
    Server::start(Engine::Postgres, "off")
}

/// The MariaDB server of this test process.
pub fn mariadb() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(|| Server::start(Engine::MariaDb, "off"))
}

#[derive(Clone, Copy)]
enum Engine {
    Postgres,
    MariaDb,
}

/// A running server; it stops when this is dropped or the process ends.
pub struct Server {
    engine: Engine,
    port: u16,
    databases: AtomicU32,
    /// Holds the pipe that keeps the server alive.
    keeper: Child,
    /// What its log has said since it was started.
    said: watch::Receiver<String>,
}

/// How a PostgreSQL server is stopped.
#[derive(Clone, Copy, Debug)]
pub enum Stop {
    /// Ends every connection, and what they do, in order.
    Fast,
    /// Ends at once, as in a crash: what was not flushed is forgotten.
    Immediate,
}

impl Server {
    /// Creates an empty database that no other test uses, and gives its URL, whose user may do everything.
    pub async fn database(&self) -> String {
        let name = format!("test_{}", self.databases.fetch_add(1, Ordering::Relaxed));
        match self.engine {
            Engine::Postgres => {
                let mut connection = PgConnection::connect(&self.url("postgres")).await.expect("PostgreSQL answers");
                let create = AssertSqlSafe(format!("create database {name}"));
                sqlx::query(create).execute(&mut connection).await.expect("a database can be created");
            }
            Engine::MariaDb => {
                let mut connection = MySqlConnection::connect(&self.url("mysql")).await.expect("MariaDB answers");
                let create = AssertSqlSafe(format!("create database {name} character set utf8mb4"));
                sqlx::query(create).execute(&mut connection).await.expect("a database can be created");
            }
        }
        self.url(&name)
    }

    /// Stops a server of the test's own, until [`Server::start_again`].
    pub async fn stop(&mut self, how: Stop) {
        let signal = match how {
            Stop::Fast => "INT",
            Stop::Immediate => "QUIT",
        };
        self.order(signal, |said| said.contains("the server has stopped")).await;
    }

    /// Starts it again, with its data and at its port.
    pub async fn start_again(&mut self) {
        self.order("", is_ready).await;
    }

    /// Gives the keeper a line, and waits until the log says what is to come of it.
    async fn order(&mut self, line: &str, done: impl Fn(&str) -> bool) {
        let before = self.said.borrow().len();
        writeln!(self.keeper.stdin.as_mut().expect("a piped input"), "{line}").expect("the keeper reads");
        self.said.wait_for(|said| done(&said[before..])).await.expect("the server's log");
    }

    /// The URL of a database of this server, existing or not.
    pub fn url(&self, database: &str) -> String {
        let port = self.port;
        match self.engine {
            Engine::Postgres => format!("postgres://postgres@127.0.0.1:{port}/{database}"),
            Engine::MariaDb => format!("mysql://root@127.0.0.1:{port}/{database}"),
        }
    }

    /// `fsync`: whether PostgreSQL writes through to the disk; tests are faster without.
    fn start(engine: Engine, fsync: &str) -> Server {
        let folder = tempfile::Builder::new().prefix("backorderd-test-").tempdir().expect("a temporary folder").keep();
        let as_root = fs::metadata(&folder).expect("the folder just made").uid() == 0;
        let port = TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr()).expect("a free port").port();
        let (script, owner, stop, path) = match engine {
            // TERM ends it before its signals are set up, QUIT also while clients are connected.
            Engine::Postgres => {
                (POSTGRES, "postgres", "TERM QUIT", path_with("postgres", postgres_folder(), "postgresql"))
            }
            Engine::MariaDb => {
                (MARIADB, "mysql", "KILL", path_with("mariadbd", Some("/usr/sbin".into()), "mariadb-server"))
            }
        };
        let owner = if as_root { owner.to_string() } else { std::env::var("USER").expect("the user's name") };
        let as_owner = format!("setpriv --reuid={owner} --regid={owner} --clear-groups");
        let mut keeper = Command::new("sh")
            .args(["-c", &[PREPARE, script, KEEP].concat()])
            .env("PATH", path)
            .env("folder", &folder)
            .env("port", port.to_string())
            .env("owner", &owner)
            .env("stop", stop)
            .env("fsync", fsync)
            .env("as_owner", if as_root { &as_owner } else { "" })
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            // A Ctrl-C at the terminal shall reach the tests only; the keeper stops the server in order.
            .process_group(0)
            .spawn()
            .expect("sh can be started");
        let said = wait_until_ready(&mut keeper);
        Server { engine, port, databases: AtomicU32::new(0), keeper, said }
    }
}

/// Reads the server's log until it says that it takes connections, and leaves a thread that reads on, so that the
/// server never stalls on a full pipe.
fn wait_until_ready(keeper: &mut Child) -> watch::Receiver<String> {
    let mut log = BufReader::new(keeper.stderr.take().expect("a piped log"));
    let mut seen = String::new();
    while !is_ready(&seen) {
        let read = log.read_line(&mut seen).expect("the server's log is text");
        assert!(read > 0, "the test server did not start:\n{seen}");
    }
    let (saying, said) = watch::channel(seen);
    std::thread::spawn(move || {
        for line in log.lines().map_while(Result::ok) {
            saying.send_modify(|said| *said += &(line + "\n"));
        }
    });
    said
}

fn is_ready(log: &str) -> bool {
    log.contains("ready to accept connections") || log.contains("ready for connections")
}

/// Debian keeps the programs of each version in a folder of its own; the newest is taken.
fn postgres_folder() -> Option<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten();
    versions.filter_map(|version| Some(version.ok()?.path().join("bin"))).max()
}

/// `PATH` with `folder` before it, on which `program` was found.
fn path_with(program: &str, folder: Option<PathBuf>, package: &str) -> OsString {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders: Vec<PathBuf> = folder.into_iter().chain(std::env::split_paths(&path)).collect();
    let found = folders.iter().any(|folder| folder.join(program).is_file());
    assert!(found, "`{program}` is not installed, and this test needs it: apt-get install {package}");
    std::env::join_paths(folders).expect("what was split can be joined")
}

#[tokio::test]
async fn each_test_gets_a_fresh_database_of_a_real_server() {
    for server in [postgres(), mariadb()] {
        let (one, other) = (server.database().await, server.database().await);
        assert_ne!(one, other);
    }
}
