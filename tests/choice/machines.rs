//! What machines ask of a process that serves pages.

use super::{Site, serve_of};
use crate::support::state::Engine;
use tokio::task::JoinSet;

#[tokio::test]
async fn a_process_that_watches_is_ready_while_the_shop_is_read_and_serves_its_pages_all_the_same() {
    for site in Site::on_each_engine_with(&[("orders.sweep_every", "5m")]) {
        let site = site.await;
        let mut serving = JoinSet::new();
        let watching = serve_of(&site.process.app, true, &mut serving).await;
        assert_eq!(watching.get("/readyz").await.status, 200);
        site.advance("15m");
        assert_eq!(watching.get("/readyz").await.status, 200, "three sweeps may be missing");
        site.advance("2s");
        let late = watching.get("/readyz").await;
        assert_eq!(late.status, 503);
        assert!(late.body.contains("longer than 3 x orders.sweep_every"), "{}", late.body);
        assert_eq!(watching.get(&site.page()).await.status, 200);
        assert_eq!(watching.get("/healthz").await.status, 200);
        assert_eq!(site.http.get("/readyz").await.status, 200, "this one watches nothing");
        site.sweep().await;
        assert_eq!(watching.get("/readyz").await.status, 200);
    }
}

#[tokio::test]
async fn without_its_state_database_no_process_is_ready() {
    for site in Site::on_each_engine() {
        let site = site.await;
        assert_eq!(site.http.get("/readyz").await.status, 200);
        site.process.app.store.close().await;
        let reply = site.http.get("/readyz").await;
        assert_eq!((reply.status, &*reply.body), (503, "the state database does not answer, or cannot be written\n"));
        assert_eq!(site.http.get("/healthz").await.status, 200);
    }
}

#[tokio::test]
async fn while_its_state_database_can_only_be_read_no_process_is_ready() {
    for site in Site::on_each_engine() {
        let site = site.await;
        let (full, room) = match site.engine {
            Engine::Sqlite => (
                "create trigger no_room before insert on facts begin select raise(abort, 'database or disk is full'); end",
                "drop trigger no_room",
            ),
            Engine::Postgres => (
                "alter table facts add constraint no_room check (false) not valid",
                "alter table facts drop constraint no_room",
            ),
        };
        site.in_state(full).await;
        let reply = site.http.get("/readyz").await;
        assert_eq!((reply.status, &*reply.body), (503, "the state database does not answer, or cannot be written\n"));
        site.in_state(room).await;
        assert_eq!(site.http.get("/readyz").await.status, 200);
    }
}
