//! A fresh, empty state database on each engine.

use std::path::Path;

use backorderd::store::Store;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, PgConnection};
use tempfile::TempDir;

use super::servers::postgres;

/// The engines that the state database runs on.
pub const ENGINES: [Engine; 2] = [Engine::Sqlite, Engine::Postgres];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    Sqlite,
    Postgres,
}

/// An opened state database; says its engine when the test that holds it fails.
pub struct State {
    pub engine: Engine,
    pub url: String,
    pub store: Store,
    _folder: Option<TempDir>,
}

impl State {
    pub async fn on(engine: Engine) -> State {
        let (url, folder) = place(engine).await;
        let store = Store::open(&url, None).await.unwrap();
        State { engine, url, store, _folder: folder }
    }

    /// One after the other, each made when it is awaited.
    pub fn on_each_engine() -> [impl Future<Output = State>; 2] {
        ENGINES.map(State::on)
    }

    /// Runs a statement in it, for what only a crash of the server, or only days, bring about.
    pub async fn run(&self, statement: &str) {
        let statement = sqlx::raw_sql(AssertSqlSafe(statement));
        match self.engine {
            Engine::Sqlite => {
                let mut connection = self.url.parse::<SqliteConnectOptions>().unwrap().connect().await.unwrap();
                statement.execute(&mut connection).await.unwrap();
            }
            Engine::Postgres => {
                let mut connection = PgConnection::connect(&self.url).await.unwrap();
                statement.execute(&mut connection).await.unwrap();
            }
        }
    }

    /// Another process's view of the same database.
    pub async fn opened_again(&self) -> Store {
        Store::open(&self.url, None).await.unwrap()
    }
}

impl Drop for State {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("this was on {:?}", self.engine);
        }
    }
}

/// The ids of the notifications in the state database at `url` that are in hand, marked as in transfer, and `which`.
pub async fn in_transfer(engine: Engine, url: &str, which: &str) -> Vec<String> {
    match engine {
        Engine::Sqlite => {
            let state = url.parse::<SqliteConnectOptions>().unwrap();
            let marks = format!("{}-marks", state.get_filename().display());
            if !Path::new(&marks).exists() {
                return Vec::new();
            }
            let mut connection = state.connect().await.unwrap();
            sqlx::query("attach $1 as beside").bind(marks).execute(&mut connection).await.unwrap();
            let ids = format!(
                "select distinct id from outbox join beside.marks using (id, fence) where state = 'sending' and {which}"
            );
            sqlx::query_scalar(AssertSqlSafe(ids)).fetch_all(&mut connection).await.unwrap()
        }
        Engine::Postgres => {
            let mut connection = PgConnection::connect(url).await.unwrap();
            let ids = format!("select id from outbox where in_transfer and state = 'sending' and {which}");
            sqlx::query_scalar(AssertSqlSafe(ids)).fetch_all(&mut connection).await.unwrap()
        }
    }
}

/// Marks the notification `id`, which is in hand, as in transfer.
pub async fn mark(engine: Engine, url: &str, id: &str) {
    match engine {
        Engine::Sqlite => {
            let state = url.parse::<SqliteConnectOptions>().unwrap();
            let marks = format!("{}-marks", state.get_filename().display());
            let mut connection = state.connect().await.unwrap();
            sqlx::query("attach $1 as beside").bind(marks).execute(&mut connection).await.unwrap();
            let mark = "insert into beside.marks (id, fence) select id, fence from outbox where id = $1";
            sqlx::query(mark).bind(id).execute(&mut connection).await.unwrap();
        }
        Engine::Postgres => {
            let mut connection = PgConnection::connect(url).await.unwrap();
            let mark = "update outbox set in_transfer = true where id = $1";
            sqlx::query(mark).bind(id).execute(&mut connection).await.unwrap();
        }
    }
}

/// Where a new database may be made.
pub async fn place(engine: Engine) -> (String, Option<TempDir>) {
    match engine {
        Engine::Postgres => (postgres().database().await, None),
        Engine::Sqlite => {
            let folder = tempfile::tempdir().unwrap();
            (format!("sqlite://{}/state.db", folder.path().display()), Some(folder))
        }
    }
}
