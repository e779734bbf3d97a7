//! Real database servers for tests: one PostgreSQL and one MariaDB per test process, started when first asked for.
//!
//! In: the servers' own programs, found where Debian puts them or on `PATH`. Out: URLs of fresh, empty databases.
//! Each server has its own data folder, listens on a free port of 127.0.0.1 only and trusts everybody. It is started
//! by a shell that reads a pipe held by the test process: when that process ends, in whatever way, the pipe closes, the
//! shell stops the server and removes the folder. A server that is not installed is a panic that names the package.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::os::unix::{fs::MetadataExt, process::CommandExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use sqlx::{AssertSqlSafe, Connection, MySqlConnection, PgConnection};

/// Starts the server, waits for the end of its own input, then stops the server and removes its folder.
const KEEPER: &str = r#"folder=$1; shift
"$@" </dev/null &
cat >/dev/null
kill -QUIT $! 2>/dev/null
wait $!
rm -rf "$folder""#;

/// The PostgreSQL server of this test process.
pub fn postgres() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(|| Server::start(Engine::Postgres))
}

/// The MariaDB server of this test process.
pub fn mariadb() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(|| Server::start(Engine::MariaDb))
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
    _keeper: Child,
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

    /// The URL of a database of this server, existing or not.
    pub fn url(&self, database: &str) -> String {
        let port = self.port;
        match self.engine {
            Engine::Postgres => format!("postgres://postgres@127.0.0.1:{port}/{database}"),
            Engine::MariaDb => format!("mysql://root@127.0.0.1:{port}/{database}"),
        }
    }

    fn start(engine: Engine) -> Server {
        let folder = tempfile::Builder::new().prefix("backorderd-test-").tempdir().expect("a temporary folder").keep();
        let as_root = fs::metadata(&folder).expect("the folder just made").uid() == 0;
        let port = TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr()).expect("a free port").port();
        let command = match engine {
            Engine::Postgres => prepare_postgres(&folder, port, as_root),
            Engine::MariaDb => prepare_mariadb(&folder, port, as_root),
        };
        let mut keeper = Command::new("sh")
            .args(["-c", KEEPER, "keeper"])
            .arg(&folder)
            .args(command)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            // A Ctrl-C at the terminal shall reach the tests only; the keeper stops the server in order.
            .process_group(0)
            .spawn()
            .expect("sh can be started");
        wait_until_ready(&mut keeper);
        Server { engine, port, databases: AtomicU32::new(0), _keeper: keeper }
    }
}

/// Reads the server's log until it says that it takes connections, and leaves a thread that reads on, so that the
/// server never stalls on a full pipe.
fn wait_until_ready(keeper: &mut Child) {
    let mut log = BufReader::new(keeper.stderr.take().expect("a piped log"));
    let mut seen = String::new();
    while !seen.contains("ready to accept connections") && !seen.contains("ready for connections") {
        let read = log.read_line(&mut seen).expect("the server's log is text");
        assert!(read > 0, "the test server did not start:\n{seen}");
    }
    std::thread::spawn(move || std::io::copy(&mut log, &mut std::io::sink()));
}

/// Creates the data folder and gives the command of the server. PostgreSQL refuses to run as root.
fn prepare_postgres(folder: &Path, port: u16, as_root: bool) -> Vec<String> {
    let programs = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .filter_map(|version| Some(version.ok()?.path().join("bin")))
        .max();
    let as_postgres: Vec<String> = if as_root {
        ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"].map(String::from).into()
    } else {
        Vec::new()
    };
    let with = |program: &str, arguments: &[&str]| -> Vec<String> {
        let program = find(program, programs.clone(), "postgresql");
        as_postgres.iter().cloned().chain([program]).chain(arguments.iter().copied().map(String::from)).collect()
    };
    let data = folder.display().to_string();
    if as_root {
        succeed(&["chown".into(), "postgres".into(), data.clone()]);
    }
    let locale = ["--encoding=UTF8", "--locale=C.UTF-8"];
    succeed(&with("initdb", &["-D", &data, "-U", "postgres", "-A", "trust", "-N", locale[0], locale[1]]));
    let port = port.to_string();
    let mut server = with("postgres", &["-D", &data, "-p", &port, "-h", "127.0.0.1"]);
    for setting in ["unix_socket_directories=", "fsync=off", "max_connections=200", "log_min_messages=log"] {
        server.extend(["-c".into(), setting.into()]);
    }
    server
}

/// Creates the data folder and gives the command of the server. MariaDB changes its user by itself.
fn prepare_mariadb(folder: &Path, port: u16, as_root: bool) -> Vec<String> {
    let data = format!("--datadir={}", folder.display());
    let mut common = vec!["--no-defaults".to_string(), data];
    if as_root {
        succeed(&["chown".into(), "mysql".into(), folder.display().to_string()]);
        common.push("--user=mysql".into());
    }
    let installer = find("mariadb-install-db", None, "mariadb-server");
    let mut install = vec![installer];
    install.extend(common.clone());
    install.extend(["--auth-root-authentication-method=normal".into(), "--skip-test-db".into()]);
    succeed(&install);
    let mut server = vec![find("mariadbd", Some("/usr/sbin".into()), "mariadb-server")];
    server.extend(common);
    server.extend([
        format!("--port={port}"),
        format!("--socket={}/socket", folder.display()),
        format!("--pid-file={}/pid", folder.display()),
        "--bind-address=127.0.0.1".into(),
        "--skip-name-resolve".into(),
        "--innodb-flush-log-at-trx-commit=0".into(),
    ]);
    server
}

/// The path of a program: in `folder`, else on `PATH`.
fn find(program: &str, folder: Option<PathBuf>, package: &str) -> String {
    let path = std::env::var_os("PATH").unwrap_or_default();
    folder
        .into_iter()
        .chain(std::env::split_paths(&path))
        .map(|folder| folder.join(program))
        .find(|file| file.is_file())
        .unwrap_or_else(|| panic!("`{program}` is not installed, and this test needs it: apt-get install {package}"))
        .display()
        .to_string()
}

fn succeed(command: &[String]) {
    let output = Command::new(&command[0]).args(&command[1..]).stdin(Stdio::null()).output();
    let output = output.unwrap_or_else(|error| panic!("{} cannot be started: {error}", command[0]));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?} failed:\n{}\n{said}", String::from_utf8_lossy(&output.stdout));
}

#[tokio::test]
async fn each_test_gets_a_fresh_database_of_a_real_server() {
    for server in [postgres(), mariadb()] {
        let (one, other) = (server.database().await, server.database().await);
        assert_ne!(one, other);
    }
}
