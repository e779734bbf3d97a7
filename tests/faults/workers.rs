//! Several processes share the work, and one of them dies in the midst of it.

use super::fleet::{Fleet, killed};
use crate::support::state::Engine;

const ORDERS: u32 = 800;
const DELIVER: [&str; 4] = ["run", "--once", "--only", "deliver"];

#[tokio::test]
async fn four_processes_of_which_one_is_killed_send_every_mail_once_but_flagged_ones() {
    let mut fleet = Fleet::on(Engine::Postgres).await;
    fleet.order(ORDERS, 1).await;
    fleet.run(&["run", "--once", "--only", "watch"]).await.good();
    let dying = fleet.start(&DELIVER, Some("answered:60"));
    fleet.installation.smtp.has(1).await;
    let owner = fleet.in_state("select owner from outbox where state = 'sending' limit 1").await.unwrap();
    let others = [(); 3].map(|()| fleet.start(&DELIVER, None));
    let died = dying.ended().await;
    assert!(killed(&died), "{}", died.stderr);
    let count = "select cast(count(*) as text) from outbox where in_transfer and owner =";
    let in_transfer: usize = fleet.in_state(&format!("{count} '{owner}'")).await.unwrap().parse().unwrap();
    // The living keep theirs.
    fleet.in_state(&format!("update outbox set lease_until = 0 where owner = '{owner}'")).await;
    for other in others {
        other.ended().await.good();
    }
    let before = fleet.judge().await;
    assert_eq!((before.doubles, before.flagged), (0, 0), "what is in doubt waits for its turn");
    fleet.come_to_rest().await;
    let judged = fleet.judge().await;
    assert_eq!((judged.lost, judged.in_doubt), (0, 0), "{judged:?}");
    assert!(judged.doubles <= judged.flagged && judged.flagged <= in_transfer, "{in_transfer}: {judged:?}");
    assert_eq!(judged.mails, ORDERS as usize + judged.doubles);
}
