//! The marks "in transfer": on SQLite they are in a file of their own, which may be lost or older than the state database.

use std::path::PathBuf;

use backorderd::settings::duration::Span;
use backorderd::store::Store;
use sqlx::ConnectOptions;
use sqlx::sqlite::SqliteConnectOptions;

use super::*;
use crate::support::state::{Engine, State, in_transfer};

/// Every file whose name begins like that of the marks.
fn files_of_marks(state: &State) -> Vec<PathBuf> {
    let database = Store::file(&state.url).unwrap().unwrap();
    let folder = std::fs::read_dir(database.parent().unwrap()).unwrap();
    let names = folder.map(|entry| entry.unwrap().path());
    names.filter(|path| path.to_string_lossy().contains("state.db-marks")).collect()
}

#[tokio::test]
async fn where_the_marks_are_lost_everything_in_hand_may_have_been_sent() {
    let state = State::on(Engine::Sqlite).await;
    read(&state.store, &[line("A1", "S1"), line("B1", "S2")], start()).await;
    let in_hand = claim(&state.store, start()).await;
    assert!(mark(&state.store, &in_hand[0]).await);
    state.store.close().await;
    let files = files_of_marks(&state);
    assert!(!files.is_empty());
    files.into_iter().for_each(|file| std::fs::remove_file(file).unwrap());

    let store = state.opened_again().await;
    store.expire_leases().await.unwrap();
    assert_eq!(store.reap(Some(later(60)), start()).await.unwrap(), 2);
    for claimed in in_hand {
        assert_eq!(state_of(&store, claimed.id).await, "in_doubt");
    }
}

#[tokio::test]
async fn marks_outlive_their_process_and_are_known_to_every_other() {
    for state in State::on_each_engine() {
        let state = state.await;
        read(&state.store, &[line("A1", "S1"), line("B1", "S2")], start()).await;
        let in_hand = claim(&state.store, start()).await;
        let other = state.opened_again().await;
        assert!(mark(&state.store, &in_hand[0]).await);
        other.expire_leases().await.unwrap();
        assert_eq!(other.reap(Some(later(60)), start()).await.unwrap(), 2);
        let states = [state_of(&other, in_hand[0].id).await, state_of(&other, in_hand[1].id).await];
        assert_eq!(states, ["in_doubt", "queued"]);
    }
}

#[tokio::test]
async fn on_sqlite_a_lease_that_is_about_to_end_is_too_short_for_a_mark() {
    for (seconds, marked) in [(9, false), (30, true)] {
        let state = State::on(Engine::Sqlite).await;
        read(&state.store, &[line("A1", "S1")], start()).await;
        let claimed = state.store.claim("worker", MAIL, start(), 1, Span::seconds(seconds)).await.unwrap().remove(0);
        assert_eq!(mark(&state.store, &claimed).await, marked, "{seconds} s");
        assert_eq!(in_transfer(state.engine, &state.url, "true").await.len(), usize::from(marked));
    }
}

#[tokio::test]
async fn the_mark_of_what_came_to_its_end_is_forgotten_and_no_other() {
    for state in State::on_each_engine() {
        let state = state.await;
        read(&state.store, &[line("A1", "S1"), line("B1", "S2")], start()).await;
        let in_hand = claim(&state.store, start()).await;
        for claimed in &in_hand {
            assert!(mark(&state.store, claimed).await);
        }
        finish(&state.store, &in_hand[0], Fate::Sent, start()).await;
        state.store.forget_marks().await.unwrap();
        assert_eq!(in_transfer(state.engine, &state.url, "true").await, [in_hand[1].id.to_string()]);
        if state.engine == Engine::Sqlite {
            assert_eq!(marks_kept(&state).await, 1);
        }
        state.store.expire_leases().await.unwrap();
        state.store.reap(None, start()).await.unwrap();
        assert_eq!(state_of(&state.store, in_hand[1].id).await, "in_doubt");
    }
}

/// How many marks are in the file.
async fn marks_kept(state: &State) -> i64 {
    let file = format!("{}-marks", Store::file(&state.url).unwrap().unwrap().display());
    let mut connection = SqliteConnectOptions::new().filename(file).connect().await.unwrap();
    sqlx::query_scalar("select count(*) from marks").fetch_one(&mut connection).await.unwrap()
}
