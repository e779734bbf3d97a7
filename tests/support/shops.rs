//! A shop's database on each of the three engines, to be filled by a test and read by the program.

use std::path::Path;
use std::time::Duration;

use backorderd::settings::duration::Span;
use backorderd::settings::orders::{ChoiceSettings, ChoiceStatements, FirstSweep, OrdersSettings};
use backorderd::settings::shop::ShopSettings;
use backorderd::shop::answers::Answers;
use backorderd::shop::{Feeds, Row, SetAside, Shop, ShopError, Which, line::Line};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, MySqlConnection, PgConnection};
use tempfile::TempDir;

use super::servers::{mariadb, postgres};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    Postgres,
    MariaDb,
    Sqlite,
}

/// A fresh database of a shop.
pub struct TestShop {
    pub engine: Engine,
    pub url: String,
    _folder: Option<TempDir>,
}

impl TestShop {
    pub async fn on(engine: Engine) -> TestShop {
        let (url, folder) = match engine {
            Engine::Postgres => (postgres().database().await, None),
            Engine::MariaDb => (mariadb().database().await, None),
            Engine::Sqlite => {
                let folder = tempfile::tempdir().expect("a temporary folder");
                (format!("sqlite://{}/shop.db", folder.path().display()), Some(folder))
            }
        };
        let shop = TestShop { engine, url, _folder: folder };
        if engine == Engine::Sqlite {
            shop.run("pragma user_version = 1").await;
        }
        shop
    }

    /// An SQLite file, which is made when something is first run in it.
    pub fn at_file(file: &Path) -> TestShop {
        TestShop { engine: Engine::Sqlite, url: format!("sqlite://{}", file.display()), _folder: None }
    }

    pub async fn on_every_engine() -> Vec<TestShop> {
        let mut shops = Vec::new();
        for engine in [Engine::Postgres, Engine::MariaDb, Engine::Sqlite] {
            shops.push(TestShop::on(engine).await);
        }
        shops
    }

    /// Runs statements as the shop itself does.
    pub async fn run(&self, statements: &str) {
        self.try_to_run(statements).await.unwrap_or_else(|error| panic!("{:?}: {error}\n{statements}", self.engine));
    }

    pub async fn try_to_run(&self, statements: &str) -> Result<(), sqlx::Error> {
        let statements = sqlx::raw_sql(AssertSqlSafe(statements));
        match self.engine {
            Engine::Postgres => {
                statements.execute(&mut PgConnection::connect(&self.url).await?).await?;
            }
            Engine::MariaDb => {
                statements.execute(&mut MySqlConnection::connect(&self.url).await?).await?;
            }
            Engine::Sqlite => {
                let options: SqliteConnectOptions = self.url.parse()?;
                let options = options.create_if_missing(true).busy_timeout(Duration::from_secs(5));
                statements.execute(&mut options.connect().await?).await?;
            }
        }
        Ok(())
    }

    /// The one column, a text, of each row that a query finds.
    pub async fn texts(&self, query: &str) -> Vec<String> {
        let query = sqlx::AssertSqlSafe(query);
        match self.engine {
            Engine::Postgres => {
                let mut connection = PgConnection::connect(&self.url).await.unwrap();
                sqlx::query_scalar(query).fetch_all(&mut connection).await.unwrap()
            }
            Engine::MariaDb => {
                let mut connection = MySqlConnection::connect(&self.url).await.unwrap();
                sqlx::query_scalar(query).fetch_all(&mut connection).await.unwrap()
            }
            Engine::Sqlite => {
                let mut connection = self.url.parse::<SqliteConnectOptions>().unwrap().connect().await.unwrap();
                sqlx::query_scalar(query).fetch_all(&mut connection).await.unwrap()
            }
        }
    }

    /// The statements for a cancel, by the login of `[orders]` and with this time limit.
    pub fn answers(&self, cancel: &str, limit: Span) -> Answers {
        let sql = ChoiceStatements { cancel: Some(cancel.into()), wait: None };
        let choices = ChoiceSettings { sql, ..ChoiceSettings::default() };
        let orders = OrdersSettings { statement_timeout: limit, ..self.orders() };
        Answers::open(&orders, &choices).unwrap_or_else(|error| panic!("{error}")).expect("a statement")
    }

    /// The settings that read this database.
    pub fn orders(&self) -> OrdersSettings {
        orders(&self.url)
    }

    /// The reader of this database with a feed of lines only.
    pub fn reader(&self, lines: &str) -> Shop {
        self.reader_of(only_lines(lines))
    }

    pub fn reader_of(&self, feeds: Feeds) -> Shop {
        Shop::open(&self.orders(), feeds).expect("the settings are right")
    }

    /// All rows of a feed of lines.
    pub async fn read(&self, lines: &str) -> Result<Seen, ShopError> {
        read(&self.reader(lines), &Which::All).await
    }
}

/// What one look showed.
#[derive(Debug, Default)]
pub struct Seen {
    pub rows: u64,
    pub lines: Vec<Line>,
    pub set_aside: Vec<SetAside>,
}

impl Seen {
    pub fn line_ids(&self) -> Vec<&str> {
        self.lines.iter().map(|line| line.line_id.as_str()).collect()
    }
}

/// Takes one look and keeps all lines of it.
pub async fn read(shop: &Shop, which: &Which) -> Result<Seen, ShopError> {
    let mut seen = Seen::default();
    let mut look = shop.look().await?;
    let rows = look
        .lines::<ShopError>(which, |row| {
            match row {
                Row::Read(line) => seen.lines.push(line),
                Row::SetAside(set_aside) => seen.set_aside.push(set_aside),
            }
            Ok(())
        })
        .await?;
    look.end().await?;
    seen.rows = rows;
    Ok(seen)
}

pub fn only_lines(lines: &str) -> Feeds {
    Feeds { lines: lines.into(), stock: None, alternatives: None, expected: None }
}

pub fn orders(url: &str) -> OrdersSettings {
    OrdersSettings {
        url: url.into(),
        password: None,
        mapping: "custom".into(),
        poll_every: Span::seconds(10),
        sweep_every: Span::minutes(5),
        statement_timeout: Span::seconds(30),
        first_sweep: FirstSweep::Baseline,
        queries: None,
    }
}

pub fn shop_settings() -> ShopSettings {
    ShopSettings {
        name: "Acme Outdoor".into(),
        url: "https://shop.example/".into(),
        support_email: "help@shop.example".into(),
        postal_address: "1 Main Street, Springfield".into(),
        logo_url: None,
        accent: "#0b6e4f".into(),
        time_zone: jiff::tz::TimeZone::get("Europe/Berlin").expect("a zone of the bundled database"),
        locale: "en-US".into(),
        words_dir: None,
    }
}
