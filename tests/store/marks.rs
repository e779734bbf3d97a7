//! The marks "in transfer": on SQLite they are in a file of their own, which may be lost or older than the state database.

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use backorderd::settings::duration::Span;
use backorderd::store::Store;
use sqlx::ConnectOptions;
use sqlx::sqlite::SqliteConnectOptions;

use super::*;
use crate::support::staff::by;
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

#[tokio::test]
async fn who_opens_the_state_database_by_a_link_has_the_same_marks() {
    let state = State::on(Engine::Sqlite).await;
    let database = Store::file(&state.url).unwrap().unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    let link = elsewhere.path().join("linked.db");
    std::os::unix::fs::symlink(&database, &link).unwrap();
    let linked = Store::open(&format!("sqlite://{}", link.display()), None).await.unwrap();
    read(&state.store, &[line("A1", "S1")], start()).await;
    let claimed = claim_one(&linked, start()).await;
    assert!(mark(&linked, &claimed).await);
    state.store.expire_leases().await.unwrap();
    state.store.reap(Some(later(60)), start()).await.unwrap();
    assert_eq!(state_of(&state.store, claimed.id).await, "in_doubt");
    assert_eq!(std::fs::read_dir(elsewhere.path()).unwrap().count(), 1, "nothing was made beside the link");
}

#[tokio::test]
async fn the_file_of_the_marks_belongs_to_whom_the_state_database_belongs_to() {
    let state = State::on(Engine::Sqlite).await;
    state.store.close().await;
    let database = Store::file(&state.url).unwrap().unwrap();
    std::fs::set_permissions(&database, std::fs::Permissions::from_mode(0o640)).unwrap();
    // Only root may give it away; others keep it.
    let _ = std::os::unix::fs::chown(&database, Some(65534), Some(65534));
    files_of_marks(&state).into_iter().for_each(|file| std::fs::remove_file(file).unwrap());
    state.opened_again().await.close().await;
    let of = |file: &Path| file.metadata().map(|of| (of.uid(), of.gid(), of.mode() & 0o777)).unwrap();
    let marks = files_of_marks(&state);
    assert_eq!(marks.len(), 1, "{marks:?}");
    assert_eq!(of(&marks[0]), of(&database));
}

#[tokio::test]
async fn damaged_marks_are_named_with_the_mend() {
    let state = State::on(Engine::Sqlite).await;
    state.store.close().await;
    std::fs::write(&files_of_marks(&state)[0], "no database at all, and long enough to be looked at".repeat(20))
        .unwrap();
    let error = state.opened_again().await.forget_marks().await.unwrap_err().to_string();
    assert!(
        error.contains("state.db-marks, which belongs to the state database: file is not a database; stop"),
        "{error}"
    );
}

#[tokio::test]
async fn staff_take_from_a_worker_what_is_not_in_transfer_and_it_is_sent_no_more() {
    for state in State::on_each_engine() {
        let state = state.await;
        let lines = ["A1", "B1", "C1"].map(|id| line(id, &format!("S-{id}")));
        read(&state.store, &lines, start()).await;
        let in_hand = claim(&state.store, start()).await;
        let ids: Vec<_> = in_hand.iter().map(|claimed| claimed.id).collect();
        assert!(mark(&state.store, &in_hand[0]).await);
        // Another process, as a command is.
        let command = state.opened_again().await;
        assert_eq!(command.hold(&ids[..2], &by(), start()).await.unwrap(), [ids[1]], "the first is in transfer");
        assert_eq!(command.withdraw(&ids[2..], &by(), start()).await.unwrap(), [ids[2]]);
        assert!(!mark(&state.store, &in_hand[1]).await);
        assert!(!mark(&state.store, &in_hand[2]).await);
        // The worker says what it can: nothing of it changes what staff did.
        for claimed in &in_hand[1..] {
            finish(&state.store, claimed, Fate::Again { due_at: start(), charged: false }, start()).await;
        }
        state.store.forget_marks().await.unwrap();
        let mut states = Vec::new();
        for id in &ids {
            states.push(state_of(&state.store, *id).await);
        }
        assert_eq!(states, ["sending", "held", "withdrawn"]);
        // Let go, it is claimed and marked as ever.
        command.release(&ids[1..2], &by(), start()).await.unwrap();
        let again = claim(&state.store, start()).await;
        assert_eq!(again.iter().map(|claimed| claimed.id).collect::<Vec<_>>(), [ids[1]]);
        assert!(mark(&state.store, &again[0]).await);
    }
}
