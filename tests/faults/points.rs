//! `kill -9` at every point there is, one after the other, and in the midst of a sweep of several commits.

use backorderd::failpoint::{Commit, Point};

use super::fleet::Fleet;
use crate::support::state::{ENGINES, Engine};

/// Orders that each death finds.
const ORDERS: u32 = 6;

/// For each point: new orders, the death, dates that move while nobody looks, and the rest of the work.
async fn killed_at_every_point(engine: Engine) {
    let mut fleet = Fleet::on(engine).await;
    for point in Point::all() {
        let before = fleet.judge().await;
        let first = fleet.orders();
        fleet.order(ORDERS, 1).await;
        let mut in_transfer = 0;
        if let Point::Before(Commit::Reap) | Point::After(Commit::Reap) = point {
            // There has to be something to take back.
            in_transfer += fleet.die_at(&Point::After(Commit::Mark).name()).await;
            fleet.expire_leases().await;
        }
        in_transfer += fleet.die_at(&point.name()).await;
        fleet.move_dates((first..fleet.orders()).step_by(2)).await;
        assert_eq!(fleet.come_to_rest().await, 0, "nothing is held");
        let after = fleet.judge().await;
        let name = point.name();
        assert_eq!((after.lost, after.in_doubt), (0, 0), "killed at {name}");
        assert!(after.doubles - before.doubles <= in_transfer, "killed at {name} with {in_transfer}: {after:?}");
        assert!(after.flagged - before.flagged <= in_transfer, "killed at {name} with {in_transfer}: {after:?}");
    }
    assert!(fleet.judge().await.doubles > 0, "a mail that was in transfer came twice");
}

#[tokio::test]
async fn killed_at_every_point_it_loses_nothing_and_flags_what_it_doubles_on_sqlite() {
    killed_at_every_point(Engine::Sqlite).await;
}

#[tokio::test]
async fn killed_at_every_point_it_loses_nothing_and_flags_what_it_doubles_on_postgresql() {
    killed_at_every_point(Engine::Postgres).await;
}

#[tokio::test]
async fn killed_between_the_commits_of_a_sweep_it_tells_every_order_once() {
    for engine in ENGINES {
        let mut fleet = Fleet::on(engine).await;
        // Three commits of at least a thousand lines.
        fleet.order(50, 50).await;
        for point in ["before-record:2", "after-record:2"] {
            fleet.die_at(point).await;
            fleet.expire_leases().await;
            let sent = fleet.run(&["run", "--once", "--only", "deliver"]).await.good();
            assert_eq!(sent.words(), "mails: none were due\n", "before the sweep's end nothing leaves");
            fleet.move_dates(10..40).await;
        }
        fleet.come_to_rest().await;
        let judged = fleet.judge().await;
        assert_eq!((judged.mails, judged.lost, judged.doubles), (50, 0, 0), "{judged:?}");
    }
}
