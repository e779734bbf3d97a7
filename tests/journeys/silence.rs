//! What silence does where a notice had said that it cancels: the shop is told, and the customer when the shop took it.

use backorderd::app::App;
use backorderd::choice::handover::Reply;
use backorderd::outbox::notification::MAIL;
use backorderd::outbox::schedule::Schedules;
use backorderd::promise::case::Case;
use backorderd::promise::deadline::Deadline;
use backorderd::promise::refund::Reason;
use jiff::civil::date;

use crate::support::app::TestApp;
use crate::support::state::ENGINES;
use crate::support::ways::{ScriptedWay, failed, refused, statement};

const WITH_A_STATEMENT: &[(&str, &str)] =
    &[("rules.reason", "the maker is late"), ("updates.every", "0"), ("choices.sql.cancel", "update a")];
const WITH_NOTHING: &[(&str, &str)] = &[("rules.reason", "the maker is late"), ("updates.every", "0")];

/// A line ordered on January 12 without a promise, so that it is to ship by February 11; nobody knows when it comes, and
/// silence cancels after March 13. That day is over.
async fn silent(differing: &[(&str, &str)]) -> [TestApp; 2] {
    let mut apps = Vec::new();
    for engine in ENGINES {
        let app = TestApp::on(engine, differing).await;
        app.shop.line("A1").expected(None).put().await;
        app.shop.set("A1", "ship_to_country = 'US', ordered_at = '2027-01-12T09:00:00-05:00'").await;
        app.tick_all().await;
        app.advance_to("2027-03-10T09:00");
        app.tick_all().await;
        assert_eq!(app.kinds(), ["backordered", "reply_needed"]);
        app.advance_to("2027-03-13T23:59");
        app.sweep().await;
        assert_eq!(answers(&app).await, [""; 0], "the last day counts in full");
        app.advance_to("2027-03-14T00:05");
        app.sweep().await;
        apps.push(app);
    }
    apps.try_into().unwrap_or_else(|_| panic!("two engines"))
}

/// Every recorded answer as `choice quantity by state`.
async fn answers(app: &TestApp) -> Vec<String> {
    app.texts("select choice || ' ' || quantity || ' ' || made_by || ' ' || state from choices order by id").await
}

async fn deadline(app: &TestApp) -> Option<Deadline> {
    let App { settings, .. } = &app.process.app;
    let schedules = Schedules::new(settings);
    let order = app.store.orders(&[1], MAIL, app.now()).await.unwrap().remove(0);
    let view = &order.view.lines[0];
    Case::new(&view.history, &view.line, app.now(), schedules.of("").calendar()).deadline()
}

#[tokio::test]
async fn silence_is_handed_over_and_told_when_the_shop_took_it() {
    for app in silent(WITH_A_STATEMENT).await {
        app.sweep().await;
        assert_eq!(answers(&app).await, ["cancel 2 silence open"], "once");
        app.deliver().await;
        assert_eq!(app.kinds(), ["backordered", "reply_needed"], "nobody knows whether the shop does it");
        let way = ScriptedWay::says([failed("away")]);
        app.hand_over(&statement(&way)).await;
        app.advance("2m");
        app.tick_all().await;
        assert_eq!(app.kinds().len(), 2);
        app.hand_over(&statement(&way)).await;
        assert_eq!(way.heard(), ["cancel A1 silence", "cancel A1 silence"]);
        let first = app.entries().await[0].id;
        assert_eq!(way.asked()[0].notification_id, Some(first), "the notice that said so");
        app.deliver().await;
        assert_eq!(app.kinds(), ["backordered", "reply_needed", "cancelled"]);
        let words = app.last_mail().text.split_whitespace().collect::<Vec<_>>().join(" ");
        let because =
            "We had no answer from you by March 13, 2027, and it had not shipped by then, so your order for it";
        assert!(words.contains(because), "{words}");
        assert!(!words.contains("want=wait"), "{words}");
        let due = deadline(&app).await.unwrap();
        assert_eq!((due.refund_reason, due.refund_due_by), (Some(Reason::Silence), Some(date(2027, 3, 23))));
        app.shop.set("A1", "cancelled_qty = 2, short_qty = 0").await;
        app.tick_all().await;
        app.advance("40d");
        app.tick_all().await;
        assert_eq!(app.kinds().len(), 3, "a line that silence cancelled gets only that");
        assert_eq!(app.tasks().await, [""; 0]);
        let steps =
            app.texts("select what from events where what in ('answered', 'hand-over', 'confirmed') order by id");
        assert_eq!(steps.await, ["answered", "hand-over", "hand-over", "confirmed"]);
    }
}

#[tokio::test]
async fn silence_that_the_shop_refuses_is_a_matter_of_staff_alone() {
    for app in silent(WITH_A_STATEMENT).await {
        app.hand_over(&statement(&ScriptedWay::says([refused("it is packed")]))).await;
        assert_eq!(answers(&app).await, ["cancel 2 silence refused"]);
        app.tick_all().await;
        app.advance("1d");
        app.tick_all().await;
        assert_eq!(app.kinds(), ["backordered", "reply_needed"]);
        assert_eq!(app.tasks().await, ["choice_refused A1"]);
        let task = app.store.tasks().await.unwrap().remove(0);
        assert!(task.reason.starts_with("silence cancelled line A1 of order S1"), "{}", task.reason);
        assert_eq!(answers(&app).await, ["cancel 2 silence refused"], "it is not asked again");
        let due = deadline(&app).await.unwrap();
        assert_eq!(due.refund_reason, Some(Reason::Silence));
    }
}

#[tokio::test]
async fn with_nothing_set_up_staff_cancel_and_then_she_is_told() {
    for app in silent(WITH_NOTHING).await {
        assert_eq!(app.tasks().await, ["choice_to_do A1"]);
        app.tick_all().await;
        assert_eq!(app.kinds(), ["backordered", "reply_needed"]);
        let task = app.store.tasks().await.unwrap().remove(0);
        app.store.end_tasks(&[task.id.parse().unwrap()], app.now()).await.unwrap();
        assert_eq!(answers(&app).await, ["cancel 2 silence done"]);
        app.tick_all().await;
        assert_eq!(app.kinds(), ["backordered", "reply_needed", "cancelled"]);
    }
}

#[tokio::test]
async fn what_changed_no_row_is_told_once_the_feed_shows_it() {
    for app in silent(WITH_A_STATEMENT).await {
        app.hand_over(&statement(&ScriptedWay::says([Reply::Untouched]))).await;
        app.tick_all().await;
        assert_eq!(app.kinds(), ["backordered", "reply_needed"]);
        app.shop.set("A1", "cancelled_qty = 2, short_qty = 0").await;
        app.tick_all().await;
        assert_eq!(app.kinds(), ["backordered", "reply_needed", "cancelled"]);
        let confirmed = app.texts("select 'sure' from choices where confirmed_at is not null").await;
        assert_eq!(confirmed, ["sure"]);
    }
}

#[tokio::test]
async fn a_cancel_of_hers_takes_the_place_of_silence() {
    for app in silent(WITH_A_STATEMENT).await {
        let way = ScriptedWay::says([failed("away")]);
        app.hand_over(&statement(&way)).await;
        let site = crate::choice::Site::of(app).await;
        site.answer("A1", "cancel").await;
        site.hand_over(&statement(&way)).await;
        assert_eq!(way.heard(), ["cancel A1 silence", "cancel A1 customer"]);
        site.advance("1m");
        site.tick_all().await;
        assert_eq!(site.kinds(), ["backordered", "reply_needed", "choice_received"]);
    }
}

#[tokio::test]
async fn a_wait_in_time_leaves_nothing_to_silence() {
    for engine in ENGINES {
        let app = TestApp::on(engine, WITH_A_STATEMENT).await;
        app.shop.line("A1").expected(None).put().await;
        app.shop.set("A1", "ship_to_country = 'US', ordered_at = '2027-01-12T09:00:00-05:00'").await;
        app.tick_all().await;
        let site = crate::choice::Site::of(app).await;
        site.answer("A1", "wait").await;
        site.advance_to("2027-03-14T00:05");
        site.tick_all().await;
        assert_eq!(answers(&site).await, ["wait 2 customer done"]);
    }
}
