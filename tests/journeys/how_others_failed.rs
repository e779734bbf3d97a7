//! What went wrong elsewhere and is not told of in another file: mails on every save, in the wrong name or language.

use crate::support::app::TestApp;

#[tokio::test]
async fn a_line_that_is_saved_again_and_again_is_no_news() {
    for app in TestApp::on_each_engine() {
        let app = app.await;
        app.shop.backorder("A1").await;
        app.tick_all().await;
        for _ in 0..5 {
            app.advance("1m");
            // The row is written anew, and says the same.
            app.shop.set("A1", "short_qty = 2, delay_reason = '', customer_name = 'Ada'").await;
            app.poll().await;
            app.deliver().await;
            app.tick_all().await;
        }
        assert_eq!(app.kinds(), ["backordered"]);
    }
}

#[tokio::test]
async fn customers_of_two_shops_with_the_same_order_number_are_told_in_the_name_and_language_of_each() {
    let berlin = [
        ("shops.2.name", "Acme Berlin"),
        ("shops.2.locale", "de-DE"),
        ("shops.2.mail_from", "Acme Berlin <berlin@shop.example>"),
        ("shops.2.support_email", "hilfe@shop.example"),
    ];
    for app in TestApp::on_each_engine_with(&berlin) {
        let app = app.await;
        app.shop.backorder("A1").await;
        app.shop.line("B1").email(Some("carl@example.com")).put().await;
        app.shop.set("B1", "shop_id = '2'").await;
        app.tick_all().await;
        assert_eq!(app.mails().len(), 2, "two orders, though they have one number");
        for mail in app.mails() {
            let head = String::from_utf8_lossy(&mail.bytes).into_owned();
            let (from, words, not) = if mail.to == "carl@example.com" {
                ("berlin@shop.example", "hilfe@shop.example", "help@shop.example")
            } else {
                ("orders@shop.example", "help@shop.example", "hilfe@shop.example")
            };
            assert!(head.lines().any(|line| line.starts_with("From: ") && line.contains(from)), "{head}");
            assert!(mail.text.contains(words) && !mail.text.contains(not), "{}", mail.text);
            assert_eq!(mail.text.contains("10. Februar 2027"), from.starts_with("berlin"), "{}", mail.text);
        }
    }
}
