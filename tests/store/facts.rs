//! Opening, facts and leases.

use backorderd::settings::duration::Span;
use backorderd::store::facts::fact;
use backorderd::store::{self, Store, StoreError};

use super::{line, read, start};
use crate::support::state::{ENGINES, Engine, State, place};

#[tokio::test]
async fn a_database_is_made_once_and_opened_as_often_as_one_likes() {
    for state in State::on_each_engine() {
        let state = state.await;
        state.store.set_fact("kept", Some("yes")).await.unwrap();
        let again = state.opened_again().await;
        assert_eq!(again.fact("kept").await.unwrap().as_deref(), Some("yes"));
        again.ping().await.unwrap();
        assert_eq!(again.is_embedded(), state.engine == Engine::Sqlite);
        again.close().await;
        assert!(again.ping().await.is_err());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn eight_processes_may_make_a_database_at_once() {
    for engine in ENGINES {
        let (url, _folder) = place(engine).await;
        let opening: Vec<_> = (0..8)
            .map(|_| {
                let url = url.clone();
                tokio::spawn(async move { Store::open(&url, None).await })
            })
            .collect();
        for opened in opening {
            opened.await.unwrap().unwrap_or_else(|error| panic!("{engine:?}: {error}")).ping().await.unwrap();
        }
    }
}

#[tokio::test]
async fn whether_there_is_a_database_is_seen_without_making_one() {
    for engine in ENGINES {
        let (url, _folder) = place(engine).await;
        assert!(!Store::exists(&url, None).await.unwrap(), "{engine:?}");
        assert!(!Store::exists(&url, None).await.unwrap(), "{engine:?}: looking made one");
        let store = Store::open(&url, None).await.unwrap();
        assert!(Store::exists(&url, None).await.unwrap(), "{engine:?}");
        assert!(store.is_empty().await.unwrap());
        read(&store, &[line("A1", "S1")], start()).await;
        assert!(!store.is_empty().await.unwrap());
    }
}

#[tokio::test]
async fn a_database_of_a_newer_program_is_refused() {
    for state in State::on_each_engine() {
        let state = state.await;
        let newer = "insert into migrations (number, at) values (900, 0)";
        match state.engine {
            Engine::Sqlite => {
                use sqlx::ConnectOptions;
                let options: sqlx::sqlite::SqliteConnectOptions = state.url.parse().unwrap();
                sqlx::query(newer).execute(&mut options.connect().await.unwrap()).await.map(drop).unwrap();
            }
            Engine::Postgres => {
                use sqlx::Connection;
                let mut connection = sqlx::PgConnection::connect(&state.url).await.unwrap();
                sqlx::query(newer).execute(&mut connection).await.map(drop).unwrap();
            }
        }
        let refused = Store::open(&state.url, None).await.unwrap_err();
        let known_here = store::VERSION as i64;
        assert!(matches!(refused, StoreError::TooNew { found: 900, known } if known == known_here), "{refused}");
    }
}

#[tokio::test]
async fn a_fact_is_recorded_replaced_and_forgotten() {
    for state in State::on_each_engine() {
        let State { store, .. } = &state.await;
        assert_eq!(store.fact(fact::CURSOR).await.unwrap(), None);
        store.set_fact(fact::CURSOR, Some("12")).await.unwrap();
        store.set_fact(fact::CURSOR, Some("13")).await.unwrap();
        assert_eq!(store.fact_number(fact::CURSOR).await.unwrap(), Some(13));
        store.set_fact(fact::CURSOR, Some("no number")).await.unwrap();
        assert_eq!(store.fact_number(fact::CURSOR).await.unwrap(), None);
        store.set_fact(fact::CURSOR, None).await.unwrap();
        assert_eq!(store.fact(fact::CURSOR).await.unwrap(), None);
    }
}

#[tokio::test]
async fn a_lease_is_one_processs_until_it_ends_or_is_given_back() {
    for state in State::on_each_engine() {
        let State { store, .. } = &state.await;
        let lease = |owner| async move { store.lease("watch", owner, Span::seconds(30)).await.unwrap() };
        assert_eq!(store.lease_left("watch").await.unwrap(), None);
        assert!(lease("one").await);
        assert!(lease("one").await, "renewed");
        assert!(!lease("other").await);
        let left = store.lease_left("watch").await.unwrap().unwrap();
        assert!((1..=30_000_000).contains(&left), "{left}");

        store.expire_leases().await.unwrap();
        assert_eq!(store.lease_left("watch").await.unwrap(), None);
        assert!(lease("other").await, "a dead process's lease is taken over");
        assert!(!lease("one").await);

        store.release_lease("watch", "one").await.unwrap();
        assert!(!lease("one").await, "what is not one's own cannot be given back");
        store.release_lease("watch", "other").await.unwrap();
        assert!(lease("one").await);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_eight_processes_that_ask_at_once_one_gets_the_lease() {
    for state in State::on_each_engine() {
        let state = state.await;
        let asking: Vec<_> = (0..8)
            .map(|owner: u32| {
                let store = state.store.clone();
                tokio::spawn(async move { store.lease("watch", &owner.to_string(), Span::seconds(30)).await.unwrap() })
            })
            .collect();
        let mut holders = 0;
        for asked in asking {
            holders += u32::from(asked.await.unwrap());
        }
        assert_eq!(holders, 1);
    }
}
