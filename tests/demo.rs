//! The demonstration from the outside: a browser's requests go in, feeds change, and mails that the real service sent
//! stand in the inbox. The clock is a test's, so nothing here waits.

use std::net::SocketAddr;
use std::sync::Arc;

use backorderd::app::App;
use backorderd::clock::Clock;
use backorderd::demo::Action;
use backorderd::demo::catcher::Catcher;
use backorderd::demo::caught::Inbox;
use backorderd::demo::pages::router;
use backorderd::demo::settings::{SETTINGS_FILE, SHOP_FILE, settings_text};
use backorderd::demo::shop::{DemoError, DemoShop};
use backorderd::demo::state::DemoState;
use backorderd::settings::Settings;
use backorderd::shop::answers::{Answers, Outcome, Values};
use backorderd::shop::line::{Line, Status};
use backorderd::shop::stock::{Alternative, Stock};
use backorderd::shop::{Row, Shop, ShopError, Which};
use jiff::SignedDuration;
use jiff::civil::{Date, date};
use rust_decimal::Decimal;
use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use uuid::Uuid;

/// A day in winter, noon in the shop.
const NOON: &str = "2027-01-04T17:00:00Z";
const TODAY: Date = date(2027, 1, 4);

/// The demonstration without a terminal: shop, catcher, pages, and settings for the service.
struct Demo {
    folder: TempDir,
    clock: Clock,
    shop: DemoShop,
    inbox: Arc<Inbox>,
    web: SocketAddr,
    _running: JoinSet<()>,
}

impl Demo {
    async fn open() -> Demo {
        let clock = Clock::at(NOON.parse().unwrap());
        let folder = tempfile::tempdir().unwrap();
        let shop = DemoShop::open(&folder.path().join(SHOP_FILE), clock.now()).await.unwrap();
        let now = clock.clone();
        let catcher = Catcher::bind(([127, 0, 0, 1], 0).into(), 100, Arc::new(move || now.now())).await.unwrap();
        let (smtp, inbox) = (catcher.address().unwrap(), catcher.inbox());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let web = listener.local_addr().unwrap();
        let settings_file = folder.path().join(SETTINGS_FILE);
        std::fs::write(&settings_file, settings_text(smtp, &format!("http://{web}"))).unwrap();
        let pages = router(DemoState { shop: shop.clone(), inbox: inbox.clone(), clock: clock.clone(), settings_file });
        let mut running = JoinSet::new();
        running.spawn(catcher.run());
        running.spawn(async move { axum::serve(listener, pages).await.unwrap() });
        Demo { folder, clock, shop, inbox, web, _running: running }
    }

    fn settings(&self) -> Settings {
        Settings::load(&self.folder.path().join(SETTINGS_FILE), std::iter::empty()).unwrap()
    }

    async fn act(&self, action: Action) {
        self.shop.act(&action, self.clock.now()).await.unwrap();
    }

    /// The lines, as the service reads them, oldest first.
    async fn lines(&self) -> Vec<Line> {
        let mut lines = Vec::new();
        let mut look = self.reader().look().await.unwrap();
        look.lines::<ShopError>(&Which::All, |row| {
            lines.push(read(row));
            Ok(())
        })
        .await
        .unwrap();
        look.end().await.unwrap();
        lines.sort_by_key(|line| line.line_id.parse::<u64>().unwrap());
        lines
    }

    async fn stock(&self) -> Vec<Stock> {
        let mut stock = Vec::new();
        let mut look = self.reader().look().await.unwrap();
        look.stock::<ShopError>(|row| {
            stock.push(read(row));
            Ok(())
        })
        .await
        .unwrap();
        look.end().await.unwrap();
        stock
    }

    async fn alternatives(&self) -> Vec<Alternative> {
        let mut alternatives = Vec::new();
        let mut look = self.reader().look().await.unwrap();
        look.alternatives::<ShopError>(|row| {
            alternatives.push(read(row));
            Ok(())
        })
        .await
        .unwrap();
        look.end().await.unwrap();
        alternatives
    }

    fn reader(&self) -> Shop {
        let settings = self.settings();
        let feeds = backorderd::shop::Feeds::load(&settings.orders, &settings.shop).unwrap();
        Shop::open(&settings.orders, feeds).unwrap()
    }

    /// The short pieces of each line of a product, oldest first.
    async fn short(&self, sku: &str) -> Vec<i64> {
        let lines = self.lines().await;
        lines.iter().filter(|line| line.product_key == sku).map(|line| whole(line.short_qty)).collect()
    }

    async fn newest_line(&self) -> Line {
        self.lines().await.pop().unwrap()
    }

    async fn get(&self, path: &str) -> Answer {
        self.ask(&format!("GET {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", self.web)).await
    }

    async fn post(&self, path: &str, form: &str) -> Answer {
        self.post_with(path, form, "Sec-Fetch-Site: same-origin").await
    }

    async fn post_with(&self, path: &str, form: &str, header: &str) -> Answer {
        let length = form.len();
        self.ask(&format!(
            "POST {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n{header}\r\n\
             Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {length}\r\n\r\n{form}",
            self.web
        ))
        .await
    }

    async fn ask(&self, request: &str) -> Answer {
        let mut stream = TcpStream::connect(self.web).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        Answer { status: head[9..12].parse().unwrap(), head: head.to_ascii_lowercase(), body: body.to_owned() }
    }
}

struct Answer {
    status: u16,
    /// In lower case.
    head: String,
    body: String,
}

fn read<T>(row: Row<T>) -> T {
    match row {
        Row::Read(read) => read,
        Row::SetAside(set_aside) => panic!("the sample shop's own row was set aside: {}", set_aside.reason),
    }
}

fn whole(quantity: Decimal) -> i64 {
    quantity.try_into().unwrap()
}

fn order(customer: i64, sku: &str, quantity: i64) -> Action {
    Action::Order { customer, sku: sku.to_owned(), quantity }
}

fn receive(sku: &str, quantity: i64) -> Action {
    Action::Receive { sku: sku.to_owned(), quantity }
}

#[tokio::test]
async fn the_service_reads_the_sample_shop_like_any_other() {
    let demo = Demo::open().await;
    let lines = demo.lines().await;
    let told: Vec<_> = lines
        .iter()
        .map(|line| (&*line.line_id, &*line.order_number, &*line.product_key, whole(line.short_qty), line.expected_on))
        .collect();
    assert_eq!(
        told,
        [
            ("1", "1001", "TNT-320", 1, Some(date(2027, 1, 20))),
            ("2", "1001", "LAN-110", 0, None),
            ("3", "1002", "KTL-012", 0, None),
            ("4", "1003", "BAG-700", 2, None),
        ]
    );
    let bag = &lines[3];
    assert_eq!(bag.customer_email.as_deref(), Some("jonas.weber@example.org"));
    assert_eq!((bag.locale.as_deref(), bag.ship_to_country.as_deref()), (Some("de-DE"), Some("DE")));
    assert_eq!((bag.unit_price, bag.currency.as_deref()), (Some("219.00".parse().unwrap()), Some("USD")));
    assert_eq!(bag.promised_on, Some(date(2027, 1, 9)));
    assert_eq!(bag.ordered_at, Some(demo.clock.now()));
    assert_eq!(bag.image_url, Some(format!("http://{}/demo/picture/BAG-700.svg", demo.web)));
    assert!(bag.delay_reason.is_some());

    let stock = demo.stock().await;
    let available = |sku: &str| whole(stock.iter().find(|row| row.product_key == sku).unwrap().available);
    assert_eq!((available("BAG-700"), available("LAN-110"), available("STV-200")), (-2, 10, 1));
    let alternatives = demo.alternatives().await;
    assert!(alternatives.iter().all(|row| stock.iter().any(|stock| stock.product_key == row.alternative_key)));
    assert!(alternatives.iter().any(|row| row.product_key == "STV-200" && row.alternative_key == "BRN-090"));
}

#[tokio::test]
async fn stock_goes_to_who_ordered_first() {
    let demo = Demo::open().await;
    // What is done, and the short pieces of each line of the stove after it; one stove is on the shelf.
    let steps = [
        (order(1, "STV-200", 2), &[1][..]),
        (order(2, "STV-200", 3), &[1, 3]),
        (order(3, "STV-200", 1), &[1, 3, 1]),
        (receive("STV-200", 2), &[0, 2, 1]),
        (Action::Ship { line: 5 }, &[0, 2, 1]),
        (Action::Ship { line: 6 }, &[0, 2, 1]),
        (Action::Cancel { line: 6, quantity: 1 }, &[0, 1, 1]),
        (receive("STV-200", 1), &[0, 0, 1]),
        (Action::Cancel { line: 6, quantity: 1 }, &[0, 0, 0]),
        (Action::PutOnBackorder { line: 7 }, &[0, 0, 1]),
        (order(4, "STV-200", 1), &[0, 0, 1, 1]),
        (receive("STV-200", 99), &[0, 0, 0, 0]),
        (Action::PutOnBackorder { line: 7 }, &[0, 0, 1, 1]),
    ];
    for (action, short) in steps {
        demo.act(action.clone()).await;
        assert_eq!(demo.short("STV-200").await, short, "after {action:?}");
    }
    let lines = demo.lines().await;
    let statuses: Vec<Status> = lines[4..].iter().map(Line::status).collect();
    assert_eq!(statuses, [Status::Shipped, Status::Shipped, Status::Backordered, Status::Backordered]);
    assert!(lines[4].shipped_at.is_some() && lines[6].shipped_at.is_none());
}

#[tokio::test]
async fn every_button_of_the_page_changes_what_the_service_reads() {
    let demo = Demo::open().await;
    let pressed = async |path: &str, form: &str| {
        let answer = demo.post(path, form).await;
        assert_eq!(answer.status, 303, "{path} {form}: {}", answer.body);
        assert!(answer.head.contains("location: /\r\n"), "{}", answer.head);
        demo.newest_line().await
    };
    let line = pressed("/demo/order", "quantity=2&sku=STV-200&customer=1").await;
    assert_eq!((line.order_number.as_str(), line.status(), whole(line.short_qty)), ("1004", Status::Backordered, 1));
    assert_eq!(line.expected_on, Some(date(2027, 1, 25)));
    let line = pressed("/demo/date", "sku=STV-200&day=2027-02-10").await;
    assert_eq!(line.expected_on, Some(date(2027, 2, 10)));
    let line = pressed("/demo/no-date", "sku=STV-200&day=2027-02-10").await;
    assert_eq!(line.expected_on, None);
    let line = pressed("/demo/receive", "sku=STV-200&quantity=1").await;
    assert_eq!(line.status(), Status::Ready);
    let line = pressed("/demo/put-on-backorder", "line=5").await;
    assert_eq!(whole(line.short_qty), 2);
    let line = pressed("/demo/cancel", "line=5&quantity=1").await;
    assert_eq!((whole(line.cancelled_qty), whole(line.short_qty)), (1, 1));
    pressed("/demo/receive", "sku=STV-200&quantity=1").await;
    let line = pressed("/demo/ship", "line=5").await;
    assert_eq!((line.status(), whole(line.shipped_qty)), (Status::Shipped, 1));
}

#[tokio::test]
async fn what_the_shop_cannot_do_is_said_and_changes_nothing() {
    let demo = Demo::open().await;
    let before = demo.lines().await;
    let table = [
        ("/demo/order", "quantity=0&sku=STV-200&customer=1", 422, "Between 1 and 99 pieces"),
        ("/demo/order", "quantity=100&sku=STV-200&customer=1", 422, "Between 1 and 99 pieces"),
        ("/demo/order", "quantity=1&sku=NONE&customer=1", 422, "does not sell this"),
        ("/demo/order", "quantity=1&sku=STV-200&customer=77", 422, "not known here"),
        ("/demo/order", "quantity=many&sku=STV-200&customer=1", 422, "quantity"),
        ("/demo/date", "sku=STV-200&day=2027-01-03", 422, "from today on"),
        ("/demo/date", "sku=STV-200&day=2099-01-03", 422, "from today on"),
        ("/demo/date", "sku=STV-200&day=tomorrow", 422, "day"),
        ("/demo/receive", "sku=STV-200&quantity=-3", 422, "Between 1 and 99 pieces"),
        ("/demo/put-on-backorder", "line=4", 422, "all of it waits already"),
        ("/demo/cancel", "line=4&quantity=3", 422, "Between 1 and 2 pieces"),
        ("/demo/cancel", "line=99&quantity=1", 422, "Nothing of this line is open"),
        ("/demo/ship", "line=4", 422, "nothing to ship"),
    ];
    for (path, form, status, words) in table {
        let answer = demo.post(path, form).await;
        assert_eq!(answer.status, status, "{path} {form}");
        assert!(answer.body.contains(words), "{path} {form}: {}", answer.body);
    }
    assert_eq!(demo.lines().await, before);
    let refused = demo.shop.act(&Action::Ship { line: 4 }, demo.clock.now()).await;
    assert!(matches!(refused, Err(DemoError::Refused(_))), "{refused:?}");
    demo.act(Action::MoveDate { sku: "STV-200".to_owned(), day: Some(TODAY) }).await;
}

#[tokio::test]
async fn a_form_of_another_site_is_refused() {
    let demo = Demo::open().await;
    let before = demo.lines().await;
    for header in ["Sec-Fetch-Site: cross-site", "Sec-Fetch-Site: same-site", "Origin: http://elsewhere.example"] {
        let answer = demo.post_with("/demo/reset", "", header).await;
        assert_eq!(answer.status, 403, "{header}");
    }
    assert_eq!(demo.lines().await, before);
    let own = format!("Origin: http://{}", demo.web);
    assert_eq!(demo.post_with("/demo/reset", "", &own).await.status, 303);
}

#[tokio::test]
async fn starting_over_ships_the_old_lines_and_brings_new_ones() {
    let demo = Demo::open().await;
    demo.act(order(1, "STV-200", 5)).await;
    demo.act(receive("STV-200", 9)).await;
    demo.act(Action::MoveDate { sku: "BAG-700".to_owned(), day: Some(date(2027, 3, 1)) }).await;
    demo.post("/demo/reset", "").await;
    let lines = demo.lines().await;
    let (old, new) = lines.split_at(5);
    assert!(old.iter().all(|line| line.status() == Status::Shipped));
    let waiting: Vec<_> = new.iter().map(|line| (&*line.line_id, &*line.product_key, line.status())).collect();
    assert_eq!(
        waiting,
        [
            ("6", "TNT-320", Status::Backordered),
            ("7", "LAN-110", Status::Ready),
            ("8", "KTL-012", Status::Ready),
            ("9", "BAG-700", Status::Backordered),
        ]
    );
    assert_eq!(new[3].expected_on, None);
    let stove = demo.stock().await.into_iter().find(|row| row.product_key == "STV-200").unwrap();
    assert_eq!(whole(stove.available), 1);
    let page = demo.get("/").await.body;
    assert!(page.contains("Order 1005") && !page.contains("Order 1001"), "{page}");
}

#[tokio::test]
async fn a_shop_that_is_opened_again_is_as_it_was_left() {
    let demo = Demo::open().await;
    demo.act(order(1, "STV-200", 2)).await;
    let left = demo.lines().await;
    DemoShop::open(&demo.folder.path().join(SHOP_FILE), demo.clock.now()).await.unwrap();
    assert_eq!(demo.lines().await, left);
}

#[tokio::test]
async fn pages_are_whole_and_keep_to_themselves() {
    let demo = Demo::open().await;
    let home = demo.get("/").await;
    assert_eq!(home.status, 200);
    for words in ["Order two camp stoves", "Camp stove, two burners", "Order 1003", "on backorder", "No mail yet"] {
        assert!(home.body.contains(words), "{words}");
    }
    assert!(home.body.contains("Sam Okafor and Jonas Weber are told by mail"), "{}", home.body);
    for header in ["default-src 'none'", "cache-control: no-store", "nosniff", "frame-ancestors 'none'"] {
        assert!(home.head.contains(header), "{header}: {}", home.head);
    }
    assert!(!home.body.contains("<style") && !home.body.contains(" style=") && !home.body.contains(" onclick"));
    let table = [
        ("/inbox", 200, "text/html"),
        ("/inbox.json", 200, "application/json"),
        ("/inbox/1", 404, "text/html"),
        ("/inbox/1/html", 404, ""),
        ("/inbox/x", 400, ""),
        ("/?mail=7", 200, "text/html"),
        ("/demo/demo.css", 200, "text/css"),
        ("/demo/demo.js", 200, "text/javascript"),
        ("/demo/picture/STV-200.svg", 200, "image/svg+xml"),
        ("/demo/picture/NONE.svg", 404, ""),
        ("/demo/reset", 405, ""),
    ];
    for (path, status, kind) in table {
        let answer = demo.get(path).await;
        assert_eq!(answer.status, status, "{path}");
        assert!(answer.head.contains(kind), "{path}: {}", answer.head);
    }
}

#[tokio::test]
async fn the_page_says_when_no_mail_is_to_come() {
    let demo = Demo::open().await;
    let quiet = [
        ("/demo/order", "quantity=1&sku=LAN-110&customer=1", "ordering what is in stock tells nobody"),
        ("/demo/receive", "sku=LAN-110&quantity=5", "nobody was waiting for it"),
        ("/demo/date", "sku=LAN-110&day=2027-05-01", "nobody waits for it"),
        ("/demo/cancel", "line=2&quantity=2", "nobody had been told of it"),
        ("/demo/ship", "line=3", "the shop itself says when it ships"),
    ];
    for (path, form, words) in quiet {
        demo.post(path, form).await;
        let page = demo.get("/").await.body;
        assert!(page.contains("No mail, on purpose") && page.contains(words), "{path}: {page}");
    }
}

#[tokio::test]
async fn mails_travel_from_the_shop_through_the_service_into_the_inbox() {
    let demo = Demo::open().await;
    let service = Service::of(&demo).await;
    service.turn().await;
    let mut started = demo.kinds().await;
    started.sort_unstable();
    assert_eq!(started, ["jonas.weber@example.org backordered", "sam.okafor@example.com backordered"]);

    let steps = [
        (order(1, "LAN-110", 1), None),
        (order(1, "STV-200", 2), Some("maya.torres@example.com backordered")),
        (
            Action::MoveDate { sku: "STV-200".into(), day: Some(date(2027, 2, 10)) },
            Some("maya.torres@example.com date_changed"),
        ),
        (Action::MoveDate { sku: "STV-200".into(), day: None }, Some("maya.torres@example.com date_changed")),
        (receive("STV-200", 5), Some("maya.torres@example.com restocked")),
        (Action::Ship { line: 6 }, None),
        (Action::Cancel { line: 4, quantity: 2 }, Some("jonas.weber@example.org cancelled")),
    ];
    for (action, mail) in steps {
        let before = demo.inbox.list().len();
        demo.act(action.clone()).await;
        let page = demo.get("/").await.body;
        service.turn().await;
        let mails = demo.kinds().await;
        assert_eq!(mails[before..], mail.map(str::to_owned).into_iter().collect::<Vec<_>>(), "{action:?}");
        assert_eq!(page.contains("No mail, on purpose"), mail.is_none(), "the page says what will happen: {action:?}");
        assert_eq!(page.contains("told by mail"), mail.is_some(), "the page says what will happen: {action:?}");
    }
}

#[tokio::test]
async fn a_mail_opens_as_page_text_and_source_and_cannot_act() {
    let demo = Demo::open().await;
    Service::of(&demo).await.turn().await;
    // Two mails went out side by side: either may have come first.
    let mails = demo.inbox.list();
    let id = mails.iter().find(|mail| mail.to == ["sam.okafor@example.com"]).unwrap().id;
    let frame = demo.get(&format!("/inbox/{id}/html")).await;
    assert!(frame.head.contains("sandbox allow-popups") && frame.head.contains("default-src 'none'"), "{}", frame.head);
    assert!(!frame.head.contains("allow-scripts") && !frame.head.contains("allow-same-origin"));
    assert!(frame.body.contains("<base target=\"_blank\">"));
    assert!(frame.body.contains(&format!("http://{}/demo/picture/TNT-320.svg", demo.web)), "{}", frame.body);
    for (path, words) in [
        ("/inbox/ID", "<iframe src=\"/inbox/ID/html\" sandbox=\"allow-popups allow-popups-to-escape-sandbox\""),
        ("/?mail=ID", "<iframe src=\"/inbox/ID/html\""),
        ("/inbox/ID?view=text", "Ridge tent for two"),
        ("/inbox/ID?view=source", "X-Backorderd-Kind: backordered"),
        ("/?mail=ID&view=source", "X-Backorderd-Kind: backordered"),
        ("/inbox", "href=\"/inbox/ID\""),
        ("/", "href=\"/?mail=ID\""),
    ] {
        let (path, words) = (path.replace("ID", &id.to_string()), words.replace("ID", &id.to_string()));
        let answer = demo.get(&path).await;
        assert_eq!(answer.status, 200, "{path}");
        assert!(answer.body.contains(&words), "{path}: {}", answer.body);
    }
    demo.post("/demo/reset", "").await;
    assert_eq!(demo.get("/inbox.json").await.body, "[]");
}

#[tokio::test]
async fn an_answer_reaches_the_shop_once_however_often_it_is_handed_over() {
    let demo = Demo::open().await;
    let settings = demo.settings();
    let answers = Answers::open(&settings.orders, &settings.choices).unwrap().unwrap();
    let carried = async |id: u128, choice: &str, line_id: &str| {
        let (quantity, chosen_at) = (2.into(), demo.clock.now());
        let choice_id = Uuid::from_u128(id);
        let values = Values { choice_id, order_id: "1003", line_id, choice, quantity, chosen_at, by: "customer" };
        answers.carry(&values).await.unwrap()
    };
    assert_eq!(demo.newest_line().await.line_id, "4");
    for _ in 0..2 {
        assert!(matches!(carried(1, "wait", "4").await, Outcome::Changed(_)));
        let page = demo.get("/").await.body;
        assert!(page.contains("customer: wait") && page.contains("Jonas Weber agreed to wait for "), "{page}");
    }
    for _ in 0..2 {
        assert!(matches!(carried(2, "cancel", "4").await, Outcome::Changed(_)));
        assert_eq!(demo.newest_line().await.status(), Status::Cancelled);
        assert_eq!(demo.newest_line().await.cancelled_qty, 2.into());
    }
    let page = demo.get("/").await.body;
    assert!(page.contains("Jonas Weber cancelled ") && page.contains("The answer is acknowledged by mail."), "{page}");
    demo.act(order(1, "LAN-110", 2)).await;
    demo.act(Action::Ship { line: 5 }).await;
    let refused = carried(3, "cancel", "5").await;
    assert!(matches!(refused, Outcome::Refused { .. }), "{refused:?}");
}

impl Demo {
    /// Recipient and kind of every mail, oldest first, by `/inbox.json`.
    async fn kinds(&self) -> Vec<String> {
        let list: Vec<Value> = serde_json::from_str(&self.get("/inbox.json").await.body).unwrap();
        let words = |mail: &Value| {
            assert!(mail["id"].is_u64() && mail["subject"].is_string() && mail["received_at"].is_string(), "{mail}");
            format!("{} {}", mail["to"][0].as_str().unwrap(), mail["kind"].as_str().unwrap())
        };
        list.iter().rev().map(words).collect()
    }
}

/// The service itself, on the demonstration's settings.
struct Service {
    app: App,
}

impl Service {
    async fn of(demo: &Demo) -> Service {
        Service { app: App::open(demo.settings(), demo.clock.clone()).await.unwrap() }
    }

    /// What the service does within three seconds: look, let settle, look again, send.
    async fn turn(&self) {
        // Before the first sweep, as `run` does it: the link secret is made for an empty state database.
        let delivery = self.app.delivery().await.unwrap();
        let watcher = self.app.watcher().unwrap();
        assert!(watcher.has_lease().await);
        for _ in 0..2 {
            watcher.sweep().await.unwrap();
            self.app.clock.advance(SignedDuration::from_millis(1_500));
        }
        let delivered = delivery.tick().await.unwrap();
        assert!(delivered.all_accepted(), "{delivered:?}");
    }
}
