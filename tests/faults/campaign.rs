//! Many deaths at random moments, one after the other, of one process and of several.
//!
//! Each cycle the shop takes orders and moves dates, processes start, and one is killed: when the relay has so many
//! more mails, or at a point. `BACKORDERD_CAMPAIGN=1000` makes it that many cycles instead of a few; with `--nocapture`
//! its last line says what came of them, as `./task campaign` shows it.

#![expect(clippy::disallowed_methods, reason = "how long it shall be is said in the environment")]

use std::time::Duration;

use backorderd::failpoint::Point;
use proptest::prelude::RngExt;
use proptest::test_runner::{RngAlgorithm, TestRng};

use super::fleet::{Fleet, Judged, killed};
use crate::support::installation::Running;
use crate::support::servers::{Stop, own_postgres};
use crate::support::state::Engine;

/// Cycles of a usual run.
const CYCLES: u32 = 20;
/// Of so many orders, the newest, the dates still move: a cycle costs the same, however many went before it.
const MOVING: u32 = 60;

#[derive(Debug, Default)]
struct Tally {
    /// Processes that were killed.
    deaths: u32,
    /// Tries that ended with their process, or with its lease, after the mark was set.
    in_transfer: usize,
    /// Notifications that staff had to release, because three processes had died with them in hand.
    released: usize,
}

async fn campaign(engine: Engine) {
    let cycles = std::env::var("BACKORDERD_CAMPAIGN").map_or(CYCLES, |cycles| cycles.parse().unwrap());
    let mut random = TestRng::from_seed(RngAlgorithm::ChaCha, &[cycles as u8; 32]);
    let mut fleet = Fleet::on(engine).await;
    let mut tally = Tally::default();
    for _ in 0..cycles {
        fleet.order(random.random_range(1..10), 1).await;
        let orders = fleet.orders();
        let moving: Vec<u32> = (orders.saturating_sub(MOVING)..orders).filter(|_| random.random_ratio(1, 4)).collect();
        fleet.move_dates(moving).await;
        cycle(&fleet, &mut random, &mut tally).await;
        fleet.expire_leases().await;
        if random.random() {
            fleet.make_due().await;
        }
        tally.released += fleet.release_held().await;
    }
    tally.released += fleet.come_to_rest().await;
    let count = "select cast(count(*) as text) from attempts where outcome = 'crashed_in_transfer'";
    tally.in_transfer = fleet.in_state(count).await.unwrap().parse().unwrap();
    let judged = fleet.judge().await;
    println!("\n{engine:?}: {} orders, {tally:?}, {judged:?}", fleet.orders());
    let Judged { lost, doubles, flagged, .. } = judged;
    println!("campaign on {engine:?}: {cycles} cycles, {lost} lost, {doubles} doubles, {flagged} flagged");
    assert_eq!(judged.lost, 0, "{judged:?}");
    assert!(judged.doubles <= judged.flagged && judged.flagged <= tally.in_transfer, "{tally:?} {judged:?}");
}

/// Processes start, and one of them is killed, if it does not end before.
async fn cycle(fleet: &Fleet, random: &mut TestRng, tally: &mut Tally) {
    let mails = fleet.installation.smtp.count();
    let at_a_point = random.random_ratio(1, 3).then(|| {
        let points: Vec<Point> = Point::all().collect();
        format!("{}:{}", points[random.random_range(0..points.len())].name(), random.random_range(1..4))
    });
    let mut victim = fleet.start(&["run", "--once"], at_a_point.as_deref());
    let mut helper: Option<Running> = None;
    if fleet.engine == Engine::Postgres && random.random() {
        helper = Some(fleet.start(&["run", "--once", "--only", "deliver"], None));
    }
    let enough = mails + random.random_range(1..20);
    tokio::select! {
        () = fleet.installation.smtp.has(enough) => victim.kill(),
        () = victim.silent() => {}
    }
    tally.deaths += u32::from(killed(&victim.ended().await));
    fleet.expire_leases().await;
    if let Some(helper) = helper {
        helper.ended().await;
    }
}

#[tokio::test]
async fn a_campaign_of_kills_loses_nothing_on_sqlite() {
    campaign(Engine::Sqlite).await;
}

#[tokio::test]
async fn a_campaign_of_kills_loses_nothing_on_postgresql() {
    campaign(Engine::Postgres).await;
}

/// Longer than a lease, so that all of them end.
const AWAY: Duration = Duration::from_secs(40);

#[tokio::test]
#[ignore = "it takes a minute, because leases end by the clock of a real server; ./task campaign runs it"]
async fn a_server_that_is_away_for_longer_than_a_lease_throws_doubt_on_nothing() {
    const ORDERS: u32 = 1_000;
    let mut server = own_postgres();
    let mut fleet = Fleet::at(Engine::Postgres, server.database().await).await;
    fleet.queue(ORDERS).await;
    let workers = [(); 4].map(|()| fleet.start(&["run", "--only", "deliver"], None));
    fleet.has(300).await;
    server.stop(Stop::Immediate).await;
    tokio::time::sleep(AWAY).await;
    server.start_again().await;
    fleet.has(ORDERS).await;
    fleet.end(workers.into()).await;
    fleet.judge_as_if_nothing_had_been().await;
}

#[tokio::test]
#[ignore = "it takes a minute, because leases end by the clock of a real server; ./task campaign runs it"]
async fn what_a_frozen_process_has_in_hand_is_taken_over_and_it_changes_nothing_when_it_wakes() {
    const ORDERS: u32 = 600;
    let mut fleet = Fleet::on(Engine::Postgres).await;
    fleet.queue(ORDERS).await;
    let frozen = fleet.start(&["run", "--only", "deliver"], None);
    fleet.has(100).await;
    frozen.signal("STOP");
    let taking_over = fleet.start(&["run", "--only", "deliver"], None);
    fleet.until_all_is_sent_or_in_doubt().await;
    frozen.signal("CONT");
    fleet.make_due().await;
    fleet.end(vec![frozen, taking_over]).await;
    fleet.come_to_rest().await;
    let judged = fleet.judge().await;
    assert_eq!((judged.lost, judged.in_doubt), (0, 0), "{judged:?}");
    assert!(judged.doubles <= judged.flagged && judged.flagged <= 4, "two connections with two each: {judged:?}");
}
