//! Eight processes share the work; some are killed in the midst of it, some are restarted in turn.

use super::fleet::{Fleet, killed};
use crate::support::state::{Engine, in_transfer};

const DELIVER: [&str; 3] = ["run", "--only", "deliver"];

/// Two of eight die with mails in transfer, two are asked to end while others take their places.
async fn shared_by_eight(engine: Engine, orders: u32) {
    let mut fleet = Fleet::on(engine).await;
    fleet.queue(orders).await;
    let dying = [(); 2].map(|()| fleet.start(&DELIVER, Some("answered:60")));
    let owners = "select '''' || string_agg(owner, ''', ''') || '''' from \
        (select distinct owner from outbox where state = 'sending') owners having count(*) = 2";
    let owners = loop {
        if let Some(owners) = fleet.in_state(owners).await {
            break owners;
        }
    };
    let staying = [(); 4].map(|()| fleet.start(&DELIVER, None));
    let leaving = [(); 2].map(|()| fleet.start(&DELIVER, None));
    for dying in dying {
        let died = dying.ended().await;
        assert!(killed(&died), "{}", died.stderr);
    }
    let in_transfer = in_transfer(engine, &fleet.state_url, &format!("owner in ({owners})")).await.len() as u32;
    // The living keep theirs.
    fleet.in_state(&format!("update outbox set lease_until = 0 where owner in ({owners})")).await;
    fleet.has(orders / 3).await;
    let coming = [(); 2].map(|()| fleet.start(&DELIVER, None));
    fleet.end(leaving.into()).await;
    fleet.has(orders - in_transfer).await;
    fleet.until_all_is_sent_or_in_doubt().await;
    fleet.end(staying.into()).await;
    fleet.end(coming.into()).await;

    let before = fleet.judge().await;
    assert_eq!((before.doubles, before.flagged), (0, 0), "what is in doubt waits for its turn");
    fleet.come_to_rest().await;
    let judged = fleet.judge().await;
    assert_eq!((judged.lost, judged.in_doubt), (0, 0), "{judged:?}");
    assert!(judged.doubles <= judged.flagged && judged.flagged <= in_transfer as usize, "{in_transfer}: {judged:?}");
    assert_eq!(judged.mails, orders as usize + judged.doubles);
}

#[tokio::test]
async fn eight_processes_send_thousands_of_mails_once_each_but_flagged_ones_of_the_dead_on_postgresql() {
    shared_by_eight(Engine::Postgres, 2_000).await;
}

#[tokio::test]
async fn eight_processes_send_hundreds_of_mails_once_each_but_flagged_ones_of_the_dead_on_sqlite() {
    shared_by_eight(Engine::Sqlite, 600).await;
}
