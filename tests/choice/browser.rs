//! The page in a real browser that runs no script: on a phone and on a desk, by day and by night.

use std::path::Path;
use std::sync::Arc;

use backorderd::app::App;
use backorderd::clock::Clock;
use backorderd::demo::catcher::Catcher;
use backorderd::demo::pages::router;
use backorderd::demo::settings::{SETTINGS_FILE, SHOP_FILE, settings_text};
use backorderd::demo::shop::DemoShop;
use backorderd::demo::state::DemoState;
use backorderd::settings::Settings;
use backorderd::web;
use jiff::SignedDuration;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::{Site, page_of};
use crate::support::app::TestApp;
use crate::support::browser::{Browser, Window};
use crate::support::state::Engine;

const PHONE: Window = Window { width: 360, height: 720, dark: false };
const DESK: Window = Window { width: 1280, height: 800, dark: false };
/// Where pictures of the pages are left, to be looked at.
const PICTURES: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/pages");

/// Shows a page in every window, takes its picture, and asserts that it fits and that nothing was forbidden.
fn look(browser: &mut Browser, address: &str, name: &str) {
    for (window, words) in [
        (PHONE, "phone"),
        (Window { dark: true, ..PHONE }, "phone-dark"),
        (DESK, "desk"),
        (Window { dark: true, ..DESK }, "desk-dark"),
    ] {
        browser.show_in(window);
        browser.visit(address);
        browser.picture(&Path::new(PICTURES).join(format!("{name}-{words}.png")));
        let (width, _) = browser.size();
        assert!(width <= f64::from(window.width), "{name} on a {words} is {width} wide");
        let complaints: Vec<String> = browser.complaints();
        assert!(
            complaints.iter().all(|complaint| complaint.contains("Failed to load resource")),
            "{name}: {complaints:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_click_in_the_mail_of_the_demo_changes_the_shop() {
    let folder = TempDir::new().unwrap();
    let clock = Clock::at("2027-01-04T17:00:00Z".parse().unwrap());
    let shop = DemoShop::open(&folder.path().join(SHOP_FILE), clock.now()).await.unwrap();
    let catcher_clock = clock.clone();
    let catcher = Catcher::bind(([127, 0, 0, 1], 0).into(), 100, Arc::new(move || catcher_clock.now())).await.unwrap();
    let (smtp, inbox) = (catcher.address().unwrap(), catcher.inbox());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let home = format!("http://{}", listener.local_addr().unwrap());
    let settings_file = folder.path().join(SETTINGS_FILE);
    std::fs::write(&settings_file, settings_text(smtp, &home)).unwrap();
    let app = App::open(Settings::load(&settings_file, std::iter::empty()).unwrap(), clock.clone()).await.unwrap();
    let pages = app.web(false).await.unwrap();
    let demo = router(DemoState { shop, inbox: inbox.clone(), clock: clock.clone(), settings_file });
    let mut running = JoinSet::new();
    running.spawn(catcher.run());
    running.spawn(web::serve_on(listener, demo.merge(web::router(pages.clone())), pages, app.stopping()));
    let (watcher, delivery) = (app.watcher().unwrap(), app.delivery().await.unwrap());
    assert!(watcher.has_lease().await);
    for _ in 0..2 {
        watcher.sweep().await.unwrap();
        clock.advance(SignedDuration::from_millis(1_500));
    }
    assert!(delivery.tick().await.unwrap().all_accepted());

    let mut browser = Browser::open();
    let jonas = |to: &[String]| to == ["jonas.weber@example.org"];
    let mail = inbox.list().into_iter().find(|mail| jonas(&mail.to)).expect("a mail");
    browser.show_in(Window { dark: true, ..PHONE });
    browser.visit(&format!("{home}/inbox/{}/html", mail.id));
    let link = browser.attribute("a[href*='want=cancel']", "href");
    browser.click_to_new_window("a[href*='want=cancel']");
    assert_eq!(browser.address(), link);
    look(&mut browser, &link, "demo-confirm");
    assert_eq!(standing(&mut browser, &home), "on backorder", "looking changes nothing");
    browser.show_in(Window { dark: true, ..PHONE });
    browser.visit(&link);
    browser.click("button[value=cancel]");
    assert!(browser.html().contains("Sie stornieren diesen Artikel"), "{}", browser.html());
    let recorded = browser.address();
    look(&mut browser, &recorded, "demo-recorded");

    let carrier = app.carrier().unwrap();
    assert_eq!(carrier.tick().await.unwrap().taken, 1);
    clock.advance(SignedDuration::from_secs(60));
    watcher.sweep().await.unwrap();
    assert!(delivery.tick().await.unwrap().all_accepted());
    assert_eq!(standing(&mut browser, &home), "cancelled");
    look(&mut browser, &home, "demo-changed");
    let page = browser.html();
    assert!(page.contains("Jonas Weber cancelled ") && page.contains("customer: cancel"), "{page}");
    let told: Vec<String> =
        inbox.list().into_iter().filter(|mail| jonas(&mail.to)).map(|mail| mail.subject.clone()).collect();
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told[0].starts_with("Bestellung 1003: Antwort eingegangen"), "{told:?}");
    look(&mut browser, &recorded, "demo-done");
}

/// How the last line of the demonstration's newest order stands, on its page.
fn standing(browser: &mut Browser, home: &str) -> String {
    browser.visit(home);
    let page = browser.html();
    let (_, orders) = page.split_once("id=\"orders\"").expect("orders");
    let (_, chip) = orders.split_once("<span class=\"chip ").expect("a line");
    chip.split(['>', '<']).nth(1).expect("a word").to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_fits_a_phone_and_a_desk_by_day_and_by_night() {
    let site = Site::of(
        TestApp::on(Engine::Sqlite, &[("rules.reason", "the maker is late"), ("shop.accent", "#ffd400")]).await,
    )
    .await;
    let names = [
        "Alpine tent for two with a very long name that goes on and on, in moss green, with poles, pegs and a footprint",
        "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaftskapitänsmütze",
        "🏕️👨‍👩‍👧‍👦 Family tent 🔥🔥🔥 ⛺️",
        "כיריים לקמפינג עם שני מבערים",
        "https://example.com/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        "Lantern",
        "Kettle",
    ];
    for (number, name) in names.iter().enumerate() {
        site.shop.line(&format!("A{number}")).put().await;
        site.shop
            .set(
                &format!("A{number}"),
                &format!("product_name = '{name}', ship_to_country = 'US', ordered_at = '2027-01-12T09:00:00-05:00'"),
            )
            .await;
    }
    site.shop.set("A1", "expected_on = null, delay_reason = 'The container is still on its way from the factory; the port is closed because of a storm.'").await;
    site.tick_all().await;
    site.shop.set("A5", "shipped_qty = 2, short_qty = 0").await;
    site.shop.set("A6", "short_qty = 0").await;
    site.sweep().await;
    site.answer("A2", "wait").await;
    site.answer("A3", "cancel").await;
    let page = format!("http://{}{}", site.http.address, page_of(&site.mails()[0]));
    let mut browser = Browser::open();
    look(&mut browser, &page, "order");
    look(&mut browser, &format!("{page}?line=A1&want=wait"), "confirm-wait");
    look(&mut browser, &format!("{page}?line=A5&want=cancel"), "shipped");
    look(&mut browser, &format!("http://{}/choice/nothing", site.http.address), "unknown");
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_that_run_from_right_to_left_and_german_ones_fit_too() {
    let site = Site::of(TestApp::on(Engine::Sqlite, &[("shop.accent", "#b3261e")]).await).await;
    for (line, order, locale) in [("H1", "S1", "he-IL"), ("D1", "S2", "de-DE")] {
        site.shop.line(line).order(order).put().await;
        site.shop.set(line, &format!("locale = '{locale}', ship_to_country = 'DE'")).await;
    }
    site.tick_all().await;
    let mut browser = Browser::open();
    for (mail, name) in site.mails().iter().zip(["one", "other"]) {
        look(&mut browser, &format!("http://{}{}", site.http.address, page_of(mail)), &format!("locale-{name}"));
    }
}
