//! The state database cannot be written for a while: another program holds it, or the disk is full, for all that is
//! written or for a part of it.

use sqlx::{ConnectOptions, Executor};

use super::fleet::{Fleet, killed};
use crate::support::state::{ENGINES, Engine};

#[tokio::test]
async fn while_another_program_holds_the_database_all_waits_and_then_goes_on() {
    const ORDERS: u32 = 300;
    let mut fleet = Fleet::on(Engine::Sqlite).await;
    fleet.differing = vec![("BACKORDERD__ORDERS__POLL_EVERY", "1s".into())];
    fleet.queue(ORDERS).await;
    let service = fleet.start(&["run", "--only", "watch,deliver"], None);
    fleet.has(20).await;
    let mut holder = fleet.state_file().connect().await.unwrap();
    holder.execute("begin immediate").await.unwrap();
    // While it is watched and delivered.
    fleet.order(50, 1).await;
    service.says("database is locked; another program holds it").await;
    holder.execute("rollback").await.unwrap();
    fleet.has(fleet.orders()).await;
    fleet.end(vec![service]).await;
    fleet.judge_as_if_nothing_had_been().await;
}

#[tokio::test]
async fn while_results_wait_for_the_database_nothing_more_is_begun_so_a_crash_doubles_little() {
    let mut fleet = Fleet::on(Engine::Sqlite).await;
    fleet.queue(200).await;
    fleet.differing = vec![("BACKORDERD__MAIL__RELAYS__0__MESSAGES_PER_SECOND", "20".into())];
    let mut service = fleet.start(&["run", "--only", "deliver"], None);
    fleet.has(10).await;
    let mut holder = fleet.state_file().connect().await.unwrap();
    holder.execute("begin immediate").await.unwrap();
    let before = fleet.installation.smtp.count();
    // It takes ten seconds to say so. Marks are made all the time, beside the state database.
    service.says("results could not be stored").await;
    let begun = fleet.installation.smtp.count() - before;
    assert!(begun < 40, "{begun} were sent whose results nobody could store");
    service.kill();
    assert!(killed(&service.ended().await));
    holder.execute("rollback").await.unwrap();
    fleet.differing.clear();
    fleet.come_to_rest().await;
    let judged = fleet.judge().await;
    assert_eq!((judged.lost, judged.in_doubt), (0, 0));
    assert!(judged.doubles < 40, "{judged:?}");
}

#[tokio::test]
async fn a_full_disk_costs_no_mail_brings_none_twice_and_holds_none_however_often_it_is_full() {
    const ORDERS: u32 = 600;
    let mut fleet = Fleet::on(Engine::Sqlite).await;
    fleet.queue(ORDERS).await;
    let service = fleet.start(&["run", "--only", "deliver"], None);
    for mails in [20, 100, 200, 300] {
        fleet.has(mails).await;
        service.leave_room(Some(0));
        service.says("the state database: ").await;
        service.leave_room(None);
    }
    fleet.has(ORDERS).await;
    fleet.end(vec![service]).await;
    fleet.judge_as_if_nothing_had_been().await;
}

#[tokio::test]
async fn what_cannot_be_kept_is_given_back_and_nobody_counts_as_dead() {
    const ORDERS: u32 = 30;
    for engine in ENGINES {
        let mut fleet = Fleet::on(engine).await;
        fleet.queue(ORDERS).await;
        fleet.fill("contents").await;
        // One more than it takes deaths to hold what was in hand.
        for _ in 0..4 {
            fleet.run(&["run", "--once", "--only", "deliver"]).await.failed(1);
            assert_eq!(fleet.in_state("select id from outbox where state = 'sending' limit 1").await, None);
            fleet.expire_leases().await;
        }
        fleet.make_room("contents").await;
        fleet.run(&["run", "--once", "--only", "deliver"]).await.good();
        fleet.judge_as_if_nothing_had_been().await;
    }
}

#[tokio::test]
async fn while_results_cannot_be_stored_nothing_new_is_sent() {
    const ORDERS: u32 = 1_000;
    /// What each of the two connections has in transfer.
    const IN_TRANSFER: usize = 2 * 2;
    for engine in ENGINES {
        let mut fleet = Fleet::on(engine).await;
        fleet.queue(ORDERS).await;
        fleet.fill("sent_log").await;
        let service = fleet.start(&["run", "--only", "deliver"], None);
        service.says("results could not be stored").await;
        let sent = fleet.installation.smtp.mails().len();
        service.says("results could not be stored").await;
        service.says("results could not be stored").await;
        let later = fleet.installation.smtp.mails().len();
        assert!(later <= sent + IN_TRANSFER, "{sent} and then {later}");
        assert!(later < ORDERS as usize / 2, "{later}");
        fleet.make_room("sent_log").await;
        fleet.has(ORDERS).await;
        fleet.end(vec![service]).await;
        fleet.judge_as_if_nothing_had_been().await;
    }
}

#[tokio::test]
async fn a_pass_that_cannot_store_its_results_ends_when_it_is_asked_to_and_its_mails_are_in_doubt() {
    let mut fleet = Fleet::on(Engine::Sqlite).await;
    fleet.queue(20).await;
    fleet.fill("sent_log").await;
    let pass = fleet.start(&["run", "--once", "--only", "deliver"], None);
    pass.says("results could not be stored").await;
    pass.terminate();
    let ended = pass.ended().await.good();
    assert!(ended.stderr.contains("left to the leases"), "{}", ended.stderr);
    let in_transfer = fleet.in_transfer().await;
    fleet.make_room("sent_log").await;
    fleet.come_to_rest().await;
    let judged = fleet.judge().await;
    assert_eq!((judged.lost, judged.in_doubt), (0, 0), "{judged:?}");
    assert!(judged.doubles > 0 && judged.flagged <= in_transfer, "{in_transfer}: {judged:?}");
}
