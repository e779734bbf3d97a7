//! The customer's page, from the link of a mail to the recorded answer, over real HTTP, with the state on SQLite and on
//! PostgreSQL.

mod answering;
mod attacks;
mod browser;
mod connections;
mod handover;
mod hook;
mod links;
mod machines;
mod pages;
mod statement;

use std::ops::Deref;

use backorderd::app::App;
use backorderd::web;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::support::app::{Differing, Mail, TestApp};
use crate::support::http::{Http, Reply};
use crate::support::state::{ENGINES, Engine};

/// Everything but the single facts, where a process says that it serves pages.
const MEMORY: [&str; 18] = [
    "orders",
    "retired_links",
    "lines",
    "tellings",
    "outbox",
    "sent_log",
    "notices",
    "choices",
    "attempts",
    "contents",
    "events",
    "tasks",
    "staff_actions",
    "suppressions",
    "bounces",
    "expected_dates",
    "stock",
    "leases",
];

/// An installation whose pages are served.
pub struct Site {
    pub app: TestApp,
    pub http: Http,
    _serving: JoinSet<()>,
}

impl Deref for Site {
    type Target = TestApp;

    fn deref(&self) -> &TestApp {
        &self.app
    }
}

impl Site {
    pub async fn of(app: TestApp) -> Site {
        let mut serving = JoinSet::new();
        let http = serve(&app.process.app, &mut serving).await;
        Site { app, http, _serving: serving }
    }

    /// One after the other, each with line `A1` told to Ada.
    pub fn on_each_engine() -> [impl Future<Output = Site>; 2] {
        Site::on_each_engine_with(&[])
    }

    pub fn on_each_engine_with(differing: Differing<'_>) -> [impl Future<Output = Site>; 2] {
        ENGINES.map(|engine| Site::on(engine, differing))
    }

    pub async fn on(engine: Engine, differing: Differing<'_>) -> Site {
        let site = Site::of(TestApp::on(engine, differing).await).await;
        site.shop.backorder("A1").await;
        site.tick_all().await;
        site
    }

    /// The page of the newest mail's link.
    pub fn page(&self) -> String {
        page_of(&self.last_mail())
    }

    /// The page of the first mail's link.
    pub fn page_of_first(&self) -> String {
        page_of(&self.mails()[0])
    }

    /// Answers as a script would, without saying what it saw.
    pub async fn answer(&self, line: &str, choice: &str) -> Reply {
        self.http.post(&self.page(), &[("line", line), ("choice", choice)]).await
    }

    /// Answers, and reads the page to which that leads.
    pub async fn answer_and_look(&self, page: &str, fields: &[(&str, &str)]) -> Reply {
        let answered = self.http.post(page, fields).await;
        assert_eq!(answered.status, 303, "{}", answered.body);
        assert!(answered.header("location").starts_with('?'), "{}", answered.header("location"));
        self.http.get(&format!("{page}{}", answered.header("location"))).await
    }

    /// Every row of what the service remembers.
    pub async fn memory(&self) -> Vec<String> {
        let mut rows = Vec::new();
        for table in MEMORY {
            let row = match self.engine {
                Engine::Sqlite => {
                    let columns = self.texts(&format!("select name from pragma_table_info('{table}')")).await;
                    let quoted: Vec<String> = columns.iter().map(|column| format!("quote({column})")).collect();
                    quoted.join(" || ' ' || ")
                }
                Engine::Postgres => "row_to_json(x)::text".to_owned(),
            };
            rows.extend(self.texts(&format!("select '{table} ' || {row} as row from {table} x order by 1")).await);
        }
        rows
    }

    /// Every recorded answer as `line choice quantity state`, oldest first.
    pub async fn answers(&self) -> Vec<String> {
        let all =
            "select line_id || ' ' || choice || ' ' || quantity || ' ' || state from choices order by chosen_at, id";
        self.texts(all).await
    }
}

/// Serves the pages of a process.
pub async fn serve(app: &App, serving: &mut JoinSet<()>) -> Http {
    serve_of(app, false, serving).await
}

/// The same; `watches`: the process watches the shop too.
async fn serve_of(app: &App, watches: bool, serving: &mut JoinSet<()>) -> Http {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let pages = app.web(watches).await.unwrap();
    serving.spawn(web::serve_on(listener, web::router(pages.clone()), pages, app.stopping()));
    Http { address }
}

/// The path of the page behind a mail's links.
pub fn page_of(mail: &Mail) -> String {
    let (_, link) = mail.text.split_once("https://orders.shop.example").expect("a link");
    link.split(['?', '\n', ' ']).next().unwrap().trim().to_owned()
}

/// The value of the form field `seen` for a line.
pub fn seen(page: &Reply, line: &str) -> String {
    let (_, form) = page.body.split_once(&format!("name=\"line\" value=\"{line}\"")).expect("a form");
    form.split("name=\"seen\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned()
}

/// The buttons of a page, as they are read.
pub fn buttons(page: &Reply) -> Vec<String> {
    let buttons = page.body.split("<button").skip(1);
    buttons.map(|button| button.split('>').nth(1).unwrap().split('<').next().unwrap().to_owned()).collect()
}
