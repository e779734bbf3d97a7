//! A fresh, empty state database on each engine.

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
