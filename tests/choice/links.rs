//! Which links act, on what, and until when; and how somebody gets a fresh one.

use backorderd::links::LinkKeys;
use backorderd::outbox::notification::State;
use futures_util::future::join_all;
use tokio::task::JoinSet;
use uuid::Uuid;

use super::{Site, buttons, page_of, serve};
use crate::support::app::TestApp;
use crate::support::staff::by;

const FRESH: &str = "Send a fresh link";

#[tokio::test]
async fn looking_burns_nothing_however_often_and_whatever_looks() {
    for site in Site::on_each_engine() {
        let site = site.await;
        let page = site.page();
        let before = site.memory().await;
        let queries = [
            "",
            "?line=A1&want=wait",
            "?line=A1&want=cancel",
            "?line=A1&choice=cancel",
            "?fresh=1",
            "?line=%00&want=x",
        ];
        for _ in 0..10 {
            let looks = (0..100).map(|number| {
                let method = if number % 3 == 0 { "HEAD" } else { "GET" };
                let path = format!("{page}{}", queries[number % queries.len()]);
                let http = site.http;
                async move { http.request(method, &path, "user-agent: SafeLinks\r\n", "").await.status }
            });
            assert!(join_all(looks).await.into_iter().all(|status| status == 200));
        }
        assert_eq!(site.memory().await, before);
        assert_eq!(site.answer("A1", "wait").await.status, 303);
        assert_eq!(site.answers().await, ["A1 wait 2 done"]);
    }
}

#[tokio::test]
async fn a_link_of_a_mail_shows_the_one_choice_to_confirm() {
    for site in Site::on_each_engine() {
        let site = site.await;
        site.shop.backorder("A2").await;
        site.tick_all().await;
        let page = site.page();
        let cancel = site.http.get(&format!("{page}?line=A2&want=cancel")).await;
        assert!(cancel.words().contains("Cancel this item? Lamp A2"), "{}", cancel.words());
        assert!(!cancel.words().contains("Lamp A1"));
        assert_eq!(buttons(&cancel), ["Yes, cancel this item"]);
        let wait = site.http.get(&format!("{page}?line=A1&want=wait")).await;
        assert!(wait.words().contains("Wait for this item? Lamp A1"), "{}", wait.words());
        assert_eq!(buttons(&wait), ["Yes, I will wait"]);
        // On the whole order's page a cancel is a question first: its button only looks.
        let whole = site.http.get(&page).await;
        let asks = whole.body.matches(r#"name="choice" value="cancel""#).count();
        assert_eq!((asks, whole.body.matches(r#"formmethod="get""#).count()), (2, 2));
        let asked = site.http.get(&format!("{page}?line=A2&seen=x&choice=cancel")).await;
        assert_eq!(buttons(&asked), ["Yes, cancel this item"]);
    }
}

#[tokio::test]
async fn a_mangled_link_still_shows_the_order() {
    for site in Site::on_each_engine() {
        let site = site.await;
        for query in [
            "?line=A1&want=stay",
            "?line=nothing&want=cancel",
            "?want=cancel",
            "?line=A1&line=A2",
            "?%ff%fe=%00",
            "?&&&==",
        ] {
            let page = site.http.get(&format!("{}{query}", site.page())).await;
            assert_eq!(page.status, 200, "{query}");
            assert_eq!(buttons(&page).len(), 2, "{query}");
        }
    }
}

#[tokio::test]
async fn a_wrong_token_leads_nowhere_and_who_guesses_is_told_to_stop() {
    for site in Site::on_each_engine() {
        let site = site.await;
        let guess = |number: u32| format!("/choice/{number:044}");
        let from = |client: &str| format!("x-forwarded-for: {client}\r\n");
        for number in 0..20 {
            let page = site.http.get_with(&guess(number), &from("198.51.100.7")).await;
            assert_eq!(page.status, 404);
            assert!(page.words().contains("This link leads nowhere"));
        }
        let told = site.http.get_with(&guess(20), &from("198.51.100.7")).await;
        assert_eq!(told.status, 429);
        assert!(told.words().contains("Too many wrong links"));
        let posted =
            site.http.post_with(&guess(21), &from("198.51.100.7"), &[("line", "A1"), ("choice", "cancel")]).await;
        assert_eq!(posted.status, 429);
        // Neither another client nor a right link is concerned.
        assert_eq!(site.http.get_with(&guess(22), &from("203.0.113.9")).await.status, 404);
        assert_eq!(site.http.get_with(&site.page(), &from("198.51.100.7")).await.status, 200);
        site.advance("1m");
        assert_eq!(site.http.get_with(&guess(23), &from("198.51.100.7")).await.status, 404);
        assert_eq!(site.answers().await, [""; 0]);
    }
}

#[tokio::test]
async fn a_link_acts_on_the_lines_of_its_order_and_on_no_others() {
    for site in Site::on_each_engine() {
        let site = site.await;
        let first = site.page();
        site.shop.line("B1").order("S2").put().await;
        site.shop.line("C1").order("S3").email(Some("bob@example.com")).put().await;
        site.tick_all().await;
        for line in ["B1", "C1", "none", "", "A1' or '1'='1", "%", "a1"] {
            for choice in ["wait", "cancel"] {
                assert_eq!(site.http.post(&first, &[("line", line), ("choice", choice)]).await.status, 404, "{line}");
            }
            assert!(
                !site
                    .http
                    .get(&format!("{first}?line={line}&want=cancel").replace([' ', '%'], "+"))
                    .await
                    .body
                    .contains("B1")
            );
        }
        assert_eq!(site.answers().await, [""; 0]);
        let page = site.http.get(&first).await;
        assert!(page.words().contains("Lamp A1") && !page.words().contains("Lamp B1"));
    }
}

#[tokio::test]
async fn a_line_that_moved_to_another_order_is_answered_by_the_links_that_named_it() {
    for site in Site::on_each_engine() {
        let site = site.await;
        let first = site.page();
        site.shop.set("A1", "order_id = 'S9'").await;
        site.shop.line("B1").order("S9").put().await;
        site.tick_all().await;
        let page = site.http.get(&first).await;
        assert!(page.words().contains("Lamp A1") && !page.words().contains("Lamp B1"), "{}", page.words());
        assert_eq!(site.http.post(&first, &[("line", "B1"), ("choice", "cancel")]).await.status, 404);
        let after = site.answer_and_look(&first, &[("line", "A1"), ("choice", "cancel")]).await;
        assert!(after.words().contains("you cancel this item"));
        let received =
            site.texts("select o.order_id from outbox b join orders o on o.id = b.order_row where not b.news").await;
        assert_eq!(received, ["S9"], "it is acknowledged where the line is now");
    }
}

#[tokio::test]
async fn the_links_of_an_address_that_the_order_no_longer_has_stop_acting() {
    for site in Site::on_each_engine() {
        let site = site.await;
        let adas = site.page();
        site.answer("A1", "wait").await;
        site.in_state("delete from outbox where kind = 'choice_received'").await;
        site.shop.set("A1", "customer_email = 'bob@example.com'").await;
        site.tick_all().await;
        let bobs = site.page();
        assert_ne!(adas, bobs);
        for reply in [
            site.http.get(&adas).await,
            site.http.post(&adas, &[("line", "A1"), ("choice", "cancel")]).await,
            site.http.post(&adas, &[("fresh", "1")]).await,
        ] {
            assert_eq!(reply.status, 410);
            assert!(reply.words().contains("This link is no longer used") && !reply.words().contains("Lamp"));
            assert_eq!(buttons(&reply), [""; 0]);
        }
        // What Ada answered stays the line's; Bob was told by another mail, and is asked again.
        let page = site.http.get(&bobs).await;
        assert!(page.words().contains("You chose to wait, on"), "{}", page.words());
        site.answer("A1", "cancel").await;
        assert_eq!(site.answers().await, ["A1 wait 2 done", "A1 cancel 2 open"]);
        // Nobody can be told any more.
        site.shop.set("A1", "customer_email = null").await;
        site.sweep().await;
        assert_eq!(site.http.get(&bobs).await.status, 410);
    }
}

#[tokio::test]
async fn a_locale_that_changes_leaves_every_link_alive() {
    for site in Site::on_each_engine() {
        let site = site.await;
        let before = site.page();
        site.shop.set("A1", "locale = 'de-DE'").await;
        site.shop.expect("A1", "2027-04-01").await;
        site.tick_all().await;
        assert_ne!(site.page(), before);
        assert_eq!(site.http.get(&before).await.status, 200);
        site.http.post(&before, &[("line", "A1"), ("choice", "cancel")]).await;
        assert_eq!(site.answers().await, ["A1 cancel 2 open"]);
    }
}

/// Ships the line and lets its links grow too old.
async fn outlive(site: &Site) {
    site.shop.backorder("Z9").await;
    site.shop.set("A1", "shipped_qty = 2, short_qty = 0").await;
    site.shop.set("Z9", "order_id = 'S9', customer_email = 'zoe@example.com'").await;
    site.sweep().await;
    site.advance("29d");
    assert_eq!(site.http.get(&site.page_of_first()).await.status, 200);
    site.advance("1d 1m");
}

async fn link_of(site: &TestApp, order_id: &str) -> Uuid {
    site.texts(&format!("select link_id from orders where order_id = '{order_id}'")).await[0].parse().unwrap()
}

#[tokio::test]
async fn an_old_link_offers_a_fresh_one_once_an_hour() {
    for site in Site::on_each_engine_with(&[("delivery.quiet_hours", "11:00-10:00")]) {
        let site = site.await;
        let old = site.page();
        outlive(&site).await;
        let page = site.http.get(&old).await;
        assert_eq!((page.status, buttons(&page)), (410, vec![FRESH.to_owned()]));
        assert!(!page.words().contains("Lamp") && !page.words().contains("S1"), "{}", page.words());
        assert_eq!(site.http.post(&old, &[("line", "A1"), ("choice", "cancel")]).await.status, 410);
        let first = link_of(&site, "S1").await;
        let sent = site.answer_and_look(&old, &[("fresh", "1")]).await;
        assert_eq!(sent.status, 410);
        assert!(sent.words().contains("A fresh link is on its way"));
        assert_eq!(buttons(&sent), [""; 0]);
        join_all((0..20).map(|_| site.http.post(&old, &[("fresh", "1")]))).await;
        let entry = site.entries().await.pop().unwrap();
        assert_eq!((entry.kind.word(), entry.state, entry.due_at), ("fresh_link", State::Queued, site.now()));
        assert!(site.store.hold(&[entry.id], &by(), site.now()).await.unwrap().is_empty());
        let made = async || site.log().await.iter().filter(|entry| entry.starts_with("fresh_link")).count();
        assert_eq!(made().await, 1);
        // The fresh one acts, and the old one does not come to life again.
        let second = link_of(&site, "S1").await;
        assert_ne!(first, second);
        let keys = site.process.app.link_keys().await.unwrap();
        let fresh = format!("/choice/{}", keys.sign(second));
        assert_eq!(site.http.get(&fresh).await.status, 200);
        assert_eq!(site.http.get(&old).await.status, 410);
        site.advance("59m 59s");
        site.http.post(&old, &[("fresh", "1")]).await;
        assert_eq!(made().await, 1);
        site.advance("1s");
        assert_eq!(buttons(&site.http.get(&old).await), [FRESH]);
        site.http.post(&old, &[("fresh", "1")]).await;
        assert_eq!(made().await, 2);
        assert_eq!(link_of(&site, "S1").await, second, "it is alive, and sent once more");
        // It lives for thirty days from then.
        site.advance("29d");
        assert_eq!(site.http.get(&fresh).await.status, 200);
        site.advance("1d 1m");
        assert_eq!(site.http.get(&fresh).await.status, 410);
    }
}

#[tokio::test]
async fn an_order_with_an_open_line_keeps_its_link_for_as_long_as_it_takes() {
    for site in Site::on_each_engine() {
        let site = site.await;
        let page = site.page();
        site.advance("400d");
        assert_eq!(site.http.get(&page).await.status, 200);
        assert_eq!(site.http.post(&page, &[("fresh", "1")]).await.header("location"), "?");
        assert_eq!(site.log().await, ["backordered sent"], "a link that acts needs no other");
    }
}

#[tokio::test]
async fn after_a_rotation_old_links_act_until_their_key_is_gone_and_then_offer_a_fresh_one() {
    for site in Site::on_each_engine() {
        let site = site.await;
        let old = site.page();
        let secret = std::fs::read_to_string(site.path("link-secret")).unwrap();
        let new_secret = LinkKeys::create().unwrap();
        let mut serving = JoinSet::new();
        std::fs::write(site.path("link-secret"), format!("{new_secret}{secret}")).unwrap();
        let both = site.another_process(&[]).await;
        let http = serve(&both.app, &mut serving).await;
        assert_eq!(http.get(&old).await.status, 200);
        std::fs::write(site.path("link-secret"), &new_secret).unwrap();
        let alone = site.another_process(&[]).await;
        let http = serve(&alone.app, &mut serving).await;
        let page = http.get(&old).await;
        assert_eq!((page.status, buttons(&page)), (410, vec![FRESH.to_owned()]));
        assert_eq!(http.post(&old, &[("line", "A1"), ("choice", "cancel")]).await.status, 410);
        assert_eq!(site.answers().await, [""; 0]);
        let link = link_of(&site, "S1").await;
        assert_eq!(http.post(&old, &[("fresh", "1")]).await.status, 303);
        assert_eq!(site.log().await, ["backordered sent", "fresh_link queued"]);
        assert_eq!(link_of(&site, "S1").await, link);
        let fresh = format!("/choice/{}", LinkKeys::parse(&new_secret).unwrap().sign(link));
        assert_eq!(http.get(&fresh).await.status, 200);
        // A token that nobody's key ever signed names the order too, and is believed no more than a stranger's.
        site.shop.line("B1").order("S2").put().await;
        alone.sweep().await.unwrap();
        let never_told = link_of(&site, "S2").await;
        let forged = LinkKeys::parse(&"x".repeat(40)).unwrap().sign(never_told);
        assert_eq!(http.get(&format!("/choice/{forged}")).await.status, 404);
    }
}

#[tokio::test]
async fn kept_mails_show_the_link_that_they_were_sent_with() {
    for site in Site::on_each_engine() {
        let site = site.await;
        let mail = site.last_mail();
        let id = site.entries().await[0].id;
        outlive(&site).await;
        site.http.post(&page_of(&mail), &[("fresh", "1")]).await;
        let kept = site.store.contents(&[id]).await.unwrap().remove(&id).unwrap();
        let keys = site.process.app.link_keys().await.unwrap();
        assert_eq!(backorderd::deliver::prepare::live_bytes(&kept, &keys), Some(mail.bytes));
    }
}
