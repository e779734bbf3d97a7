//! From the page to the shop's own table and back by the feed: answers that the operator's statements carry.

use backorderd::choice::carrier::HandedOver;

use super::Site;
use crate::support::app::Differing;
use crate::support::installation::Installation;
use crate::support::receiver::{Receiver, Says};
use crate::support::shops::{Engine, TestShop};
use crate::support::state::ENGINES;

const TAKEN: HandedOver = HandedOver { taken: 1, untouched: 0, refused: 0, failed: 0 };
const UNTOUCHED: HandedOver = HandedOver { taken: 0, untouched: 1, refused: 0, failed: 0 };
const REFUSED: HandedOver = HandedOver { taken: 0, untouched: 0, refused: 1, failed: 0 };
const FAILED: HandedOver = HandedOver { taken: 0, untouched: 0, refused: 0, failed: 1 };
const NOTHING: HandedOver = HandedOver { taken: 0, untouched: 0, refused: 0, failed: 0 };
const CANCEL: &str = "update order_lines set cancelled_qty = :quantity, short_qty = 0 where line_id = :line_id";
const CANCELS: Differing<'_> = &[("choices.sql.cancel", CANCEL)];
/// A table of answers in a database of its own, each answer once.
const NOTE: &str = "insert into answers values (:choice_id, :line_id, :choice) on conflict do nothing;
                    update answers set line_id = :line_id where id = :choice_id";
const ANSWERS: &str = "create table answers (id text primary key, line_id text, choice text)";
const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo=";

/// Hands over what is due on the ways of the settings.
async fn hand_over(site: &Site) -> HandedOver {
    site.process.app.carrier().unwrap().tick().await.unwrap()
}

/// What staff read about the newest answer.
async fn last_reply(site: &Site) -> String {
    site.texts("select coalesce(last_reply, '') from choices order by chosen_at desc").await.remove(0)
}

#[tokio::test]
async fn a_cancel_is_written_into_the_shop_and_confirmed_by_its_feed() {
    for site in Site::on_each_engine_with(CANCELS) {
        let site = site.await;
        site.answer("A1", "cancel").await;
        assert_eq!(hand_over(&site).await, TAKEN);
        assert_eq!(hand_over(&site).await, NOTHING);
        assert_eq!(last_reply(&site).await, "the statement took it");
        site.tick_all().await;
        assert_eq!(site.texts("select 'sure' from choices where confirmed_at is not null").await, ["sure"]);
        assert_eq!(site.answers().await, ["A1 cancel 2 done"]);
        site.advance("30d");
        site.tick_all().await;
        assert_eq!(site.tasks().await, [""; 0]);
        assert_eq!(site.kinds(), ["backordered", "choice_received"]);
    }
}

#[tokio::test]
async fn what_the_shops_trigger_refuses_is_told_in_its_words() {
    for site in Site::on_each_engine_with(CANCELS) {
        let site = site.await;
        let trigger = "create trigger refuse before update of cancelled_qty on order_lines begin \
                       select raise(abort, 'It is on the truck.'); end";
        site.shop.run(trigger).await;
        site.answer("A1", "cancel").await;
        assert_eq!(hand_over(&site).await, REFUSED);
        site.advance("1m");
        site.deliver().await;
        assert_eq!(site.last_mail().kind, "choice_refused");
        assert!(site.last_mail().text.contains("It is on the truck."), "{}", site.last_mail().text);
        assert_eq!(site.tasks().await, ["choice_refused A1"]);
        site.advance("1d");
        assert_eq!(hand_over(&site).await, NOTHING);
    }
}

#[tokio::test]
async fn a_statement_that_finds_no_row_leaves_the_cancel_to_staff() {
    let elsewhere = &[("choices.sql.cancel", "update order_lines set cancelled_qty = 2 where order_id = :line_id")];
    for site in Site::on_each_engine_with(elsewhere) {
        let site = site.await;
        site.answer("A1", "cancel").await;
        assert_eq!(hand_over(&site).await, UNTOUCHED);
        assert_eq!(last_reply(&site).await, "the statement changed no row: not confirmed");
        site.advance("2d");
        site.sweep().await;
        assert_eq!(site.tasks().await, ["choice_unconfirmed A1"]);
    }
}

#[tokio::test]
async fn where_only_one_of_both_has_a_statement_the_other_goes_its_own_way() {
    let wait = &[("choices.sql.wait", "update order_lines set delay_reason = :by where line_id = :line_id")];
    for site in Site::on_each_engine_with(wait) {
        let site = site.await;
        site.answer("A1", "wait").await;
        assert_eq!(hand_over(&site).await, TAKEN);
        assert_eq!(site.answers().await, ["A1 wait 2 done"]);
        site.advance("1s");
        site.answer("A1", "cancel").await;
        assert_eq!(hand_over(&site).await, NOTHING);
        assert_eq!(site.tasks().await, ["choice_to_do A1"]);
    }
    for site in Site::on_each_engine_with(CANCELS) {
        let site = site.await;
        site.answer("A1", "wait").await;
        assert_eq!(hand_over(&site).await, NOTHING);
        assert_eq!(site.answers().await, ["A1 wait 2 done"]);
    }
}

#[tokio::test]
async fn a_database_that_was_away_gets_the_newest_answer_when_it_is_back() {
    let ledger: Differing<'_> =
        &[("choices.url", "sqlite://ledger.db"), ("choices.sql.cancel", NOTE), ("choices.sql.wait", NOTE)];
    for site in Site::on_each_engine_with(ledger) {
        let site = site.await;
        site.answer("A1", "wait").await;
        assert_eq!(hand_over(&site).await, FAILED);
        let reply = last_reply(&site).await;
        assert!(
            reply.starts_with("the statement failed: the shop's database ") && reply.contains("ledger.db"),
            "{reply}"
        );
        site.advance("1s");
        site.answer("A1", "cancel").await;
        assert_eq!(hand_over(&site).await, FAILED);
        assert_eq!(hand_over(&site).await, NOTHING, "the ladder's first step is a minute");
        let ledger = TestShop::at_file(&site.path("ledger.db"));
        ledger.run(ANSWERS).await;
        site.advance("1d");
        assert_eq!(hand_over(&site).await, TAKEN);
        assert_eq!(ledger.texts("select line_id || ' ' || choice from answers").await, ["A1 cancel"]);
        assert_eq!(site.answers().await, ["A1 wait 2 dropped", "A1 cancel 2 done"]);
    }
}

#[tokio::test]
async fn answers_may_go_to_a_server_of_their_own() {
    for engine in [Engine::Postgres, Engine::MariaDb] {
        let ledger = TestShop::on(engine).await;
        ledger
            .run(
                "create table answers (line varchar(9), orders varchar(9), choice varchar(9), pieces int, at timestamp);
                 insert into answers (line) values ('A1'), ('A2')",
            )
            .await;
        let note = "update answers set orders = :order_id, choice = :choice, pieces = :quantity, at = :chosen_at \
                    where line = :line_id";
        let differing = &[("choices.url", &*ledger.url), ("choices.sql.cancel", note)];
        for site in Site::on_each_engine_with(differing) {
            let site = site.await;
            site.answer("A1", "cancel").await;
            assert_eq!(hand_over(&site).await, TAKEN);
            let noted = "select concat(line, ' ', orders, ' ', choice, ' ', pieces) from answers where at = '2027-01-12 15:00:30'";
            assert_eq!(ledger.texts(noted).await, ["A1 S1 cancel 2"]);
            ledger.run("update answers set at = null").await;
        }
    }
}

#[tokio::test]
async fn of_the_statement_and_the_hook_either_may_refuse() {
    for engine in ENGINES {
        let shop = Receiver::start().await;
        let url = shop.url();
        let both: Differing<'_> =
            &[("choices.sql.cancel", CANCEL), ("choices.hook_url", &url), ("choices.hook_secret", SECRET)];
        let site = Site::on(engine, both).await;
        shop.say([Says::status(409).body(r#"{"reason":"It is wrapped."}"#)]);
        site.answer("A1", "cancel").await;
        assert_eq!(hand_over(&site).await, REFUSED);
        assert_eq!(last_reply(&site).await, "the hook refused it: It is wrapped.");

        site.shop.set("A1", "cancelled_qty = 0, short_qty = 2").await;
        let trigger = "create trigger refuse before update of cancelled_qty on order_lines begin \
                       select raise(abort, 'It is on the truck.'); end";
        site.shop.run(trigger).await;
        site.advance("1m");
        site.answer("A1", "cancel").await;
        let before = shop.messages().len();
        assert_eq!(hand_over(&site).await, REFUSED);
        assert_eq!(last_reply(&site).await, "the statement refused it: It is on the truck.");
        assert_eq!(shop.messages().len(), before, "after a refusal no other is asked");
    }
}

#[tokio::test]
async fn an_answer_whose_statement_was_taken_out_says_so() {
    for site in Site::on_each_engine_with(CANCELS) {
        let site = site.await;
        site.answer("A1", "cancel").await;
        let waits = &[("choices.sql.wait", CANCEL)];
        let other = site.another_process(waits).await;
        assert_eq!(other.app.carrier().unwrap().tick().await.unwrap(), FAILED);
        assert_eq!(last_reply(&site).await, "the statement failed: choices.sql.cancel is not set any more");
    }
}

#[tokio::test]
async fn check_says_whether_the_statements_can_be_run_and_runs_none() {
    let installation = Installation::new().await;
    installation.waiting_line("1", "100", "'ada@example.com'").await;
    let both = format!("{CANCEL}; delete from dates where product_key = :order_id");
    for (statement, url, level, words) in [
        (CANCEL, "", "ok", "choices.sql.cancel: understood; it was not run\n".to_owned()),
        (&both, "", "ok", "choices.sql.cancel: 2 statements, all understood; none was run\n".to_owned()),
        (
            "update order_line set cancelled_qty = 2 where line_id = :line_id",
            "",
            "error",
            "choices.sql.cancel: no such table: order_line; mend the statement\n".to_owned(),
        ),
        (
            CANCEL,
            "sqlite://shop.db?mode=ro",
            "error",
            "the shop's database shop.db: attempt to write a readonly database; name a database and a login that may \
             write in [choices] url\n"
                .to_owned(),
        ),
    ] {
        let variables = [("BACKORDERD__CHOICES__SQL__CANCEL", statement), ("BACKORDERD__CHOICES__URL", url)];
        let check = installation.start(&["check"], &variables).ended().await;
        assert_eq!(check.code, i32::from(level == "error"), "{}", check.words());
        let line = format!("{level:<8} answer statements  {words}");
        assert!(check.words().contains(&line), "{line}\n{}", check.words());
    }
    let unknown = [("BACKORDERD__CHOICES__SQL__CANCEL", "update order_lines set a = 1 where line_id = :lineid")];
    let check = installation.start(&["check"], &unknown).ended().await;
    assert!(
        check.words().contains("BACKORDERD__CHOICES__SQL__CANCEL: choices.sql.cancel: there is no parameter :lineid")
            && check.words().contains("did you mean :line_id?"),
        "{}",
        check.words()
    );
}
