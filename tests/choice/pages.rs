//! What the pages say, in which words, and what a browser may do with them.

use sha2::{Digest, Sha256};

use super::{Site, buttons, page_of};
use crate::support::app::TestApp;
use crate::support::http::Reply;

const REASON: &[(&str, &str)] = &[("rules.reason", "the maker is late")];
const UNITED_STATES: &str = "ship_to_country = 'US', ordered_at = '2027-01-12T09:00:00-05:00'";
/// What only the rules of the United States say.
const OF_SILENCE: [&str; 3] =
    ["If you do not answer, you agree", "If we do not hear from you", "The last day to answer"];

/// A page for the line `A1`, told as it is expected on `day`, of an order that ships to `country`.
async fn told(site: &Site, country: &str, day: Option<&str>) -> String {
    site.shop.line("A1").expected(day).put().await;
    site.shop.set("A1", &UNITED_STATES.replace("US", country)).await;
    site.tick_all().await;
    site.page()
}

/// Asserts that the page says `words`, and nothing of [`OF_SILENCE`] but what is in them.
#[track_caller]
fn says(page: &Reply, words: &str) {
    let said = page.words();
    assert!(said.contains(words), "{said}");
    let rest = said.replace(words, "");
    assert!(OF_SILENCE.iter().all(|of_silence| !rest.contains(of_silence)), "{said}");
}

#[tokio::test]
async fn silence_that_is_consent_is_said_with_its_day() {
    for app in TestApp::on_each_engine_with(REASON) {
        let site = Site::of(app.await).await;
        let page = told(&site, "US", Some("2027-03-01")).await;
        // Two days of handling; promised by February 11.
        let shown = site.http.get(&page).await;
        says(&shown, "If you do not answer, you agree to wait until March 3, 2027.");
        assert!(shown.words().contains("Ships by March 3, 2027"));
        let confirm = site.http.get(&format!("{page}?line=A1&want=wait")).await;
        says(&confirm, "You agree to wait until March 3, 2027. You may still cancel until it is sent.");
        let after = site.answer_and_look(&page, &[("line", "A1"), ("choice", "wait")]).await;
        says(&after, "You agreed to wait until March 3, 2027. You may still cancel until it is sent.");
        assert_eq!(buttons(&after), ["Cancel this item"]);
    }
}

#[tokio::test]
async fn silence_that_cancels_is_said_with_its_day_and_after_it_a_wait_is_not_taken() {
    for app in TestApp::on_each_engine_with(REASON) {
        let site = Site::of(app.await).await;
        let page = told(&site, "US", None).await;
        let until = "If we do not hear from you by March 13, 2027, and have not sent it by then, this item is cancelled and you get your money back.";
        let shown = site.http.get(&page).await;
        says(&shown, until);
        assert!(shown.words().contains("Reason the maker is late"), "{}", shown.words());
        let confirm = site.http.get(&format!("{page}?line=A1&want=wait")).await;
        says(
            &confirm,
            "You agree to wait although there is no date. You may still cancel at any time until it is sent.",
        );
        site.advance_to("2027-03-13T23:59");
        says(&site.http.get(&page).await, until);
        site.advance("1m");
        let over = "The last day to answer was March 13, 2027. If it was not sent by then, this item is cancelled and you get your money back.";
        let shown = site.http.get(&page).await;
        says(&shown, over);
        assert_eq!(buttons(&shown), ["Cancel this item"]);
        let late = site.answer_and_look(&page, &[("line", "A1"), ("choice", "wait")]).await;
        assert!(late.words().contains("You can no longer choose to wait: the last day to answer was March 13, 2027."));
        assert_eq!(site.answers().await, [""; 0]);
        site.answer_and_look(&page, &[("line", "A1"), ("choice", "cancel")]).await;
        assert_eq!(site.answers().await, ["A1 cancel 2 open"]);
    }
}

#[tokio::test]
async fn who_agreed_to_wait_without_a_day_is_told_so() {
    for app in TestApp::on_each_engine_with(REASON) {
        let site = Site::of(app.await).await;
        let page = told(&site, "US", None).await;
        let after = site.answer_and_look(&page, &[("line", "A1"), ("choice", "wait")]).await;
        says(&after, "You agreed to wait. You may still cancel at any time until it is sent.");
        site.advance_to("2027-03-20T12:00");
        says(&site.http.get(&page).await, "You agreed to wait. You may still cancel at any time until it is sent.");
    }
}

#[tokio::test]
async fn elsewhere_silence_changes_nothing_and_the_page_says_so() {
    for (country, date) in
        [("DE", "Delivery by March 6, 2027"), ("GB", "Delivery by March 6, 2027"), ("CH", "Expected March 1, 2027")]
    {
        for app in TestApp::on_each_engine_with(REASON) {
            let site = Site::of(app.await).await;
            let page = told(&site, country, Some("2027-03-01")).await;
            let shown = site.http.get(&page).await;
            says(
                &shown,
                "You need not answer. If you do not, nothing changes: your order stands, and we keep you informed.",
            );
            assert!(shown.words().contains(date), "{country} {}", shown.words());
            assert_eq!(buttons(&shown), ["I will wait", "Cancel this item"], "{country}");
            site.advance("90d");
            says(&site.http.get(&page).await, "nothing changes");
            let after = site.answer_and_look(&page, &[("line", "A1"), ("choice", "wait")]).await;
            says(&after, "You may still cancel until it is sent.");
        }
    }
}

#[tokio::test]
async fn the_page_speaks_the_customers_language() {
    for site in Site::on_each_engine() {
        let site = site.await;
        site.shop.line("B1").order("S2").put().await;
        site.shop.set("B1", "locale = 'de-DE', ship_to_country = 'DE'").await;
        site.tick_all().await;
        let page = site.http.get_with(&site.page(), "accept-language: en\r\n").await;
        assert!(page.body.contains("<html lang=\"de\" dir=\"ltr\">"), "{}", page.body);
        assert!(page.words().contains("Sie müssen nicht antworten."), "{}", page.words());
        let after = site.answer_and_look(&site.page(), &[("line", "B1"), ("choice", "cancel")]).await;
        assert!(
            after.words().contains("Am 12. Januar 2027 um 10:01 EST haben Sie gewählt, den Artikel zu stornieren."),
            "{}",
            after.words()
        );
    }
}

#[tokio::test]
async fn where_nobody_knows_the_order_the_visitors_language_counts() {
    let site = Site::of(TestApp::on(crate::support::state::ENGINES[0], &[]).await).await;
    let table = [
        ("de-CH, en;q=0.5", "Dieser Link führt nirgendwohin"),
        ("fr, de;q=0.4, en;q=0.3", "Dieser Link führt nirgendwohin"),
        ("fr", "This link leads nowhere"),
        ("", "This link leads nowhere"),
        ("*", "This link leads nowhere"),
        ("deeeeeeeeeeeeeee, <b>, en", "This link leads nowhere"),
    ];
    for (languages, words) in table {
        for path in ["/choice/x", "/choice", "/choice/", "/choice/x/y", "/"] {
            let page = site.http.get_with(path, &format!("accept-language: {languages}\r\n")).await;
            assert_eq!(page.status, 404);
            assert!(page.words().contains(words), "{languages} {path} {}", page.words());
        }
        site.advance("1m");
    }
}

#[tokio::test]
async fn a_browser_may_show_pictures_and_one_style_and_do_nothing_else() {
    for site in Site::on_each_engine_with(&[("shop.logo_url", "https://img.shop.example/logo.svg")]) {
        let site = site.await;
        let page = site.page();
        let post = site.http.post(&page, &[("line", "A1"), ("choice", "wait")]).await;
        let replies = [
            site.http.get(&page).await,
            post,
            site.http.get("/choice/wrong").await,
            site.http.get("/nothing").await,
            site.http.request("PUT", &page, "", "").await,
            site.http.request("HEAD", &page, "", "").await,
        ];
        for reply in replies {
            assert_eq!(reply.header("cache-control"), "no-store");
            assert_eq!(reply.header("referrer-policy"), "no-referrer");
            assert_eq!(reply.header("x-content-type-options"), "nosniff");
            let policy = reply.header("content-security-policy");
            for rule in ["default-src 'none'", "base-uri 'none'", "frame-ancestors 'none'"] {
                assert!(policy.contains(rule), "{} {policy}", reply.status);
            }
            assert!(!policy.contains("unsafe") && !policy.contains('*') && !policy.contains("script-src"), "{policy}");
            for forbidden in ["<script", "javascript:", " style=", " onclick", "<link", "@import", "<iframe"] {
                assert!(!reply.body.contains(forbidden), "{forbidden}");
            }
        }
        let shown = site.http.get(&page).await;
        let style = shown.body.split("<style>").nth(1).unwrap().split("</style>").next().unwrap();
        let fingerprint = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, Sha256::digest(style));
        let policy = shown.header("content-security-policy");
        assert!(policy.contains(&format!("style-src 'sha256-{fingerprint}'")), "{policy}");
        assert!(policy.contains("img-src https://img.shop.example;"), "{policy}");
    }
}

#[tokio::test]
async fn what_the_shop_wrote_is_shown_and_never_obeyed() {
    let evil = r#"<script>alert(1)</script>"><img src=x onerror=alert(2)> {{ 7*7 }} {$date} &amp;"#;
    for site in Site::on_each_engine() {
        let site = site.await;
        let name = evil.replace('\'', "''");
        site.shop.set("A1", &format!("product_name = '{name}', delay_reason = '{name}', expected_on = null")).await;
        site.tick_all().await;
        let page = site.http.get(&site.page()).await;
        assert!(!page.body.contains("<script") && !page.body.contains("<img"), "{}", page.body);
        assert!(
            page.words().contains("<script>alert(1)</script>\"><img src=x onerror=alert(2)> {{ 7*7 }} {$date}"),
            "{}",
            page.words()
        );
        site.answer("A1", "cancel").await;
        site.in_state(&format!("update choices set state = 'refused', reason = '{name}'")).await;
        let page = site.http.get(&site.page()).await;
        assert!(!page.body.contains("<script") && page.words().contains("We could not carry this out: <script>"));
    }
}

#[tokio::test]
async fn an_order_of_many_lines_is_one_page_with_what_waits_first() {
    for app in TestApp::on_each_engine() {
        let site = Site::of(app.await).await;
        for number in 0..120 {
            site.shop.backorder(&format!("L{number:03}")).await;
        }
        site.tick_all().await;
        site.shop.set("L000", "shipped_qty = 2, short_qty = 0").await;
        site.shop.set("L001", "short_qty = 0").await;
        site.sweep().await;
        let page = site.http.get(&page_of(&site.mails()[0])).await;
        assert_eq!(page.body.matches("<article").count(), 120);
        let place = |line: &str| page.words().find(&format!("Lamp {line} ")).unwrap();
        assert!(place("L119") < place("L001") && place("L001") < place("L000"));
        assert!(page.words().contains("118 items of your order are waiting"));
        assert!(page.words().contains("No longer waiting Lamp L000 Sent"), "{}", page.words());
    }
}
