//! The state database goes away in the midst of delivery, and comes back: its server stops, or ends its connections.

use sqlx::{Connection, PgConnection};

use super::fleet::Fleet;
use crate::support::servers::{Stop, own_postgres};
use crate::support::state::{Engine, place};

const DELIVER: [&str; 3] = ["run", "--only", "deliver"];

#[tokio::test]
async fn a_server_that_stops_and_starts_under_load_costs_no_mail_and_brings_none_twice() {
    const ORDERS: u32 = 2_000;
    let mut server = own_postgres();
    let mut fleet = Fleet::at(Engine::Postgres, server.database().await).await;
    fleet.queue(ORDERS).await;
    let workers = [(); 3].map(|()| fleet.start(&DELIVER, None));
    for (mails, how) in [(100, Stop::Immediate), (600, Stop::Fast), (1_200, Stop::Immediate)] {
        fleet.has(mails).await;
        server.stop(how).await;
        server.start_again().await;
    }
    fleet.has(ORDERS).await;
    fleet.end(workers.into()).await;
    fleet.come_to_rest().await;
    fleet.judge_as_if_nothing_had_been().await;
}

#[tokio::test]
async fn connections_that_the_server_ends_over_and_over_cost_no_mail_and_bring_none_twice() {
    const ORDERS: u32 = 1_000;
    let (url, _) = place(Engine::Postgres).await;
    let mut fleet = Fleet::at(Engine::Postgres, url.clone()).await;
    fleet.queue(ORDERS).await;
    let workers = [(); 2].map(|()| fleet.start(&DELIVER, None));
    let mut server = PgConnection::connect(&url).await.unwrap();
    let end_all = "select count(pg_terminate_backend(pid)) from pg_stat_activity \
        where datname = current_database() and pid <> pg_backend_pid()";
    for mails in (10..900).step_by(90) {
        fleet.has(mails).await;
        let ended: i64 = sqlx::query_scalar(end_all).fetch_one(&mut server).await.unwrap();
        assert!(ended > 0);
    }
    fleet.has(ORDERS).await;
    fleet.end(workers.into()).await;
    fleet.come_to_rest().await;
    fleet.judge_as_if_nothing_had_been().await;
}
