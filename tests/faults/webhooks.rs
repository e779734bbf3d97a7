//! `kill -9` while notifications are on their way to a receiver: none is lost, and what comes twice has the same id.

use std::collections::BTreeMap;

use super::fleet::Fleet;
use crate::support::receiver::{Receiver, SECRET};
use crate::support::state::ENGINES;

const ORDERS: u32 = 12;

#[tokio::test]
async fn what_was_in_transfer_comes_again_with_its_id_and_its_bytes_and_is_flagged() {
    for engine in ENGINES {
        let receiver = Receiver::start().await;
        let mut fleet = Fleet::on(engine).await;
        fleet.differing = vec![
            ("BACKORDERD__DELIVERY__CHANNEL", "webhook".into()),
            ("BACKORDERD__WEBHOOK__URL", receiver.url()),
            ("BACKORDERD__WEBHOOK__SECRET", SECRET.into()),
        ];
        let mut in_transfer = 0;
        for point in
            ["after-claim", "after-prepare", "before-mark", "after-mark", "answered:3", "before-finish", "after-finish"]
        {
            fleet.order(ORDERS, 1).await;
            in_transfer += fleet.die_at(point).await;
            assert_eq!(fleet.come_to_rest().await, 0, "nothing is held after {point}");
        }
        let mut bodies = BTreeMap::<String, Vec<Vec<u8>>>::new();
        for message in receiver.messages() {
            bodies.entry(message.header("webhook-id").to_owned()).or_default().push(message.body);
        }
        assert_eq!(bodies.len(), fleet.orders() as usize, "each order has one notification, and it arrived");
        let log = fleet.run(&["log", "--json", "--limit", "1000"]).await.good().objects();
        let mut doubles = 0;
        for entry in &log {
            assert_eq!((&entry["state"], &entry["channel"]), (&"sent".into(), &"webhook".into()), "{entry}");
            let bodies = &bodies[entry["id"].as_str().unwrap()];
            assert!(bodies.iter().all(|body| *body == bodies[0]), "{entry}");
            assert!(bodies.len() == 1 || entry["possible_duplicate"] == true, "it came twice: {entry}");
            doubles += bodies.len() - 1;
        }
        let flagged = log.iter().filter(|entry| entry["possible_duplicate"] == true).count();
        assert!(doubles > 0 && doubles <= flagged && flagged <= in_transfer, "{doubles} {flagged} {in_transfer}");
    }
}
