//! `proof ORDER`: the file for a dispute.

use std::os::unix::fs::PermissionsExt;

use std::fmt::Write as _;

use sha2::{Digest, Sha256};

use super::{Order, SHIPS_AT_ONCE, empty, words};
use crate::support::app::{Mail, TestApp};
use crate::support::smtp_server::{Act, At};
use crate::support::state::ENGINES;

/// What `proof` prints.
async fn proof(app: &TestApp, order: &str) -> String {
    let ran = app.run(&["proof", order]).await.good();
    ran.words().to_owned()
}

fn sha256(mail: &Mail) -> String {
    Sha256::digest(&mail.bytes).iter().fold(String::new(), |mut digits, byte| {
        write!(digits, "{byte:02x}").unwrap();
        digits
    })
}

/// Whether each of these stands after the one before it.
#[track_caller]
fn in_this_order(text: &str, parts: &[&str]) {
    let mut rest = text;
    for part in parts {
        let (_, after) = rest.split_once(part).unwrap_or_else(|| panic!("\"{part}\" is missing after: {text}"));
        rest = after;
    }
}

/// She was told of January 15 at the second try, chose to wait, and cancelled in December.
async fn told_and_answered(order: &Order) {
    order.relay.once(At::RcptTo, Act::Say("450 4.2.0 greylisted"));
    order.waits("2026-11-23", Some("2027-01-15")).await;
    order.advance("2m");
    order.deliver().await;
    for (day, choice) in [("2026-11-24", "wait"), ("2026-12-10", "cancel")] {
        order.looks_at(&format!("{day}T10:00")).await;
        order.answer("A1", choice).await;
        order.hands_over().await;
        order.advance("1m");
        order.deliver().await;
    }
    assert_eq!(order.kinds(), ["backordered", "choice_received", "choice_received"]);
}

#[tokio::test]
async fn us_18_it_holds_the_order_each_notice_with_its_content_each_answer_and_where_the_line_stands() {
    for order in Order::on_each_engine() {
        let order = order.await;
        told_and_answered(&order).await;
        order.run(&["refunded", "A1"]).await.good();
        let proof = proof(&order, "S1").await;
        let ids: Vec<String> = order.entries().await.iter().map(|entry| entry.id.to_string()).collect();
        in_this_order(
            &proof,
            &[
                "Proof of order S1\n=================\n",
                "shop          Acme Outdoor",
                "addresses     ada@example.com",
                "1. The order's 1 line, as the shop showed them until 2026-12-10 10:00:00 -05:00",
                "Line A1",
                "product       Lamp A1",
                "payment       paid",
                "ships to      US",
                "ordered       2026-11-02 15:00:00 -05:00",
                "delay rules   us-ftc (United States, 16 CFR Part 435; days are those of shipment)",
                "promised by   2026-12-02 (nothing was stated)",
                "answer        cancel",
                "2026-11-23 10:02:30 -05:00  first_long: first notice, of more than 30 days beyond the promise\n      \
                 expected by 2027-01-15, silence cancels after 2027-01-01\n      notification ",
                "staff: the refund was made",
                "2. What the customer was told: 3 notifications",
                "2.1 backordered, sent",
                &ids[0],
                "Tries",
                "450 4.2.0 greylisted",
                "250 2.0.0 queued",
                "SHA-256 of the bytes: ",
                "2.2 choice_received, sent",
                "2.3 choice_received, sent",
                "3. What was answered: 2 answers",
                "3.1 wait",
                "given         2026-11-24 10:00:00 -05:00",
                "by            the customer",
                &format!("to            notification {}", ids[0]),
                "3.2 cancel",
                "given         2026-12-10 10:00:00 -05:00",
                "became        handed over; the shop has not shown yet that it is done",
            ],
        );
        let said = words(&proof.replace("    | ", ""));
        for mail in order.mails() {
            assert!(proof.contains(&sha256(&mail)), "of the bytes that the relay got");
            assert!(proof.contains(&format!("Subject: {}", mail.subject)), "{}", mail.subject);
            let first = mail.text.lines().next().unwrap();
            assert!(said.contains(&words(first)), "{first}");
        }
        assert!(said.contains("If you do not answer by January 1, 2027 and it has not shipped by then"), "{said}");
    }
}

#[tokio::test]
async fn its_links_are_dead() {
    for order in Order::on_each_engine() {
        let order = order.await;
        told_and_answered(&order).await;
        let token = order.page().rsplit('/').next().unwrap().to_owned();
        assert!(token.len() > 20 && order.mails()[0].text.contains(&token), "{token}");
        let proof = proof(&order, "S1").await;
        assert!(!proof.contains(&token), "a live token");
        let (_, dead) = proof.split_once("https://orders.shop.example/choice/").expect("a link");
        let dead = dead.split(['?', '\n']).next().unwrap();
        assert_eq!(order.http.get(&format!("/choice/{dead}")).await.status, 404);
    }
}

#[tokio::test]
async fn it_can_be_written_into_a_file_and_never_over_one() {
    for order in Order::on_each_engine() {
        let order = order.await;
        order.waits("2026-11-23", Some("2027-01-15")).await;
        let said = order.run(&["proof", "S1", "--out", "proof.txt"]).await.good();
        assert_eq!(said.words(), "the proof of order S1 is written to proof.txt\n");
        let written = std::fs::read_to_string(order.path("proof.txt")).unwrap();
        let mode = std::fs::metadata(order.path("proof.txt")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "it holds addresses and answers");
        let made =
            |proof: &str| proof.lines().filter(|line| !line.starts_with("  made ")).collect::<Vec<_>>().join("\n");
        assert_eq!(made(&written), made(&proof(&order, "S1").await));
        std::fs::write(order.path("proof.txt"), "what was proven before").unwrap();
        let refused = order.run(&["proof", "S1", "--out", "proof.txt"]).await;
        assert!(refused.failed(1).contains("proof.txt"), "{}", refused.stderr);
        assert_eq!(std::fs::read_to_string(order.path("proof.txt")).unwrap(), "what was proven before");
    }
}

#[tokio::test]
async fn an_order_is_found_by_its_id_or_its_number_and_an_unknown_one_is_said() {
    for engine in ENGINES {
        let site = empty(engine, SHIPS_AT_ONCE).await;
        for (line_id, order, number) in [("A1", "1", "N7"), ("A2", "2", "1"), ("A3", "3", "N8"), ("A4", "4", "N8")] {
            site.shop.line(line_id).order(order).put().await;
            site.shop.set(line_id, &format!("order_number = '{number}'")).await;
        }
        site.tick_all().await;
        assert!(proof(&site, "N7").await.contains("order id      1\n"));
        let by_id = site.run(&["proof", "1"]).await.good();
        assert!(by_id.words().contains("order id      1\n"), "an id is meant first");
        assert!(by_id.stderr.contains("another order has the number 1"), "{}", by_id.stderr);
        let ambiguous = site.run(&["proof", "N8"]).await;
        assert!(ambiguous.failed(1).contains("several orders have the number N8; write the id of one: 3, 4"));
        let unknown = site.run(&["proof", "S9", "--out", "nothing.txt"]).await;
        assert!(unknown.failed(1).contains("backorderd: order S9 is not known"), "{}", unknown.stderr);
        assert!(!site.path("nothing.txt").exists());
    }
}

#[tokio::test]
async fn the_order_of_one_shop_is_not_mixed_with_that_of_another() {
    let shops = [SHIPS_AT_ONCE, &[("shops.BERLIN.name", "Acme Berlin"), ("shops.BOSTON.name", "Acme Boston")]];
    for engine in ENGINES {
        let site = empty(engine, &shops.concat()).await;
        for (shop, email) in [("BERLIN", "bea@example.com"), ("BOSTON", "bob@example.com")] {
            let row = format!(
                "insert into order_lines (line_id, order_id, customer_email, product_key, product_name, ordered_qty, \
                 short_qty, shop_id) values ('1', '7', '{email}', 'P', 'Lamp', '1', '1', '{shop}')"
            );
            site.shop.run(&row).await;
        }
        site.tick_all().await;
        let several = site.run(&["proof", "7"]).await;
        assert!(several.failed(1).contains("several shops have an order 7: BERLIN, BOSTON; name one with --shop"));
        let one = site.run(&["proof", "7", "--shop", "BOSTON"]).await.good();
        assert!(one.words().contains("Acme Boston (BOSTON)"), "{}", one.words());
        assert!(one.words().contains("bob@example.com") && !one.words().contains("bea@example.com"));
    }
}

#[tokio::test]
async fn what_was_told_and_answered_of_a_line_moves_with_it_and_stays_with_the_old_order() {
    for order in Order::on_each_engine() {
        let order = order.await;
        told_and_answered(&order).await;
        order.shop.set("A1", "order_id = 'S2'").await;
        order.tick_all().await;
        for id in ["S1", "S2"] {
            let proof = proof(&order, id).await;
            assert!(proof.contains(&sha256(&order.mails()[0])), "{id}: {proof}");
            assert!(proof.contains("3. What was answered: 2 answers"), "{id}: {proof}");
        }
        assert!(proof(&order, "S2").await.contains("Line A1"));
    }
}

#[tokio::test]
async fn what_was_never_sent_is_in_it_with_the_reason() {
    for order in Order::on_each_engine() {
        let order = order.await;
        order.advance_to("2026-12-04T10:00");
        order.sweep().await;
        order.waits("2026-12-05", Some("2026-12-20")).await;
        let proof = proof(&order, "S1").await;
        in_this_order(
            &proof,
            &[
                "refund due    by 2026-12-14",
                "look at       notice_late (a notice was accepted too late, or the line went short only after the promise)",
                "2.1 backordered, held",
                "notice_late: ",
                "It was never tried.",
            ],
        );
    }
}

#[tokio::test]
async fn an_answer_that_the_shop_refused_is_not_passed_over_where_the_line_stands() {
    for order in Order::on_each_engine() {
        let order = order.await;
        order.waits("2026-11-23", Some("2026-12-20")).await;
        assert!(proof(&order, "S1").await.contains("\n  answer        none\n"));
        order.answer("A1", "cancel").await;
        order.in_state("update choices set state = 'refused', reason = 'it is on the truck'").await;
        let proof = proof(&order, "S1").await;
        let said = "\n  answer        none that stands; part 3 has what was answered\n";
        assert!(proof.contains(said), "{proof}");
    }
}

#[tokio::test]
async fn a_long_history_is_whole() {
    const MAILS: usize = 60;
    let often = [SHIPS_AT_ONCE, &[("updates.date_mails_per_week", "0")]].concat();
    for engine in ENGINES {
        let order = Order::taken(engine, "DE", &often).await;
        for number in 0..MAILS {
            let day = jiff::civil::date(2027, 1, 1).saturating_add(jiff::Span::new().days(number as i64));
            order.shop.set("A1", &format!("short_qty = 2, expected_on = '{day}'")).await;
            order.tick_all().await;
        }
        assert_eq!(order.mails().len(), MAILS);
        let proof = proof(&order, "S1").await;
        assert!(proof.contains(&format!("2. What the customer was told: {MAILS} notifications")));
        for (number, mail) in (1..).zip(order.mails()) {
            let (_, from_there) = proof.split_once(&format!("\n2.{number} ")).expect("its place");
            assert!(from_there.contains(&sha256(&mail)), "{number}");
        }
    }
}
