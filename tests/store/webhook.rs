//! What goes out to a receiver: by itself, or beside the mail by which she is told.

use backorderd::outbox::notification::WEBHOOK;
use backorderd::settings::delivery::Channels;

use super::*;
use crate::support::state::State;

/// Records lines whose news is told at once, on both channels.
async fn read_on_both(store: &Store, lines: &[Line], began: Timestamp) {
    let clock = Clock::at(began);
    let how = Recording { channels: Channels::Both, ..recording(&clock, began) };
    store.record(&batch(lines), how, |order| decided(order, began, 0)).await.unwrap();
}

async fn claim_webhook(store: &Store, now: Timestamp) -> Claimed {
    let mut claimed = store.claim("worker", WEBHOOK, now, 100, LEASE).await.unwrap();
    assert_eq!(claimed.len(), 1, "{claimed:?}");
    claimed.remove(0)
}

#[tokio::test]
async fn a_receiver_that_wants_no_more_is_remembered_with_a_task_until_staff_enable_it() {
    for state in State::on_each_engine() {
        let State { store, .. } = &state.await;
        assert_eq!(store.webhook_disabled_at().await.unwrap(), None);
        assert!(!store.enable_webhook(later(0)).await.unwrap());
        for seconds in [1, 2] {
            store.disable_webhook("receiver.example:443", later(seconds)).await.unwrap();
            assert_eq!(store.webhook_disabled_at().await.unwrap(), Some(later(1)), "the first time counts");
        }
        assert_eq!(tasks(store).await, ["webhook_disabled receiver.example:443"]);
        assert!(store.enable_webhook(later(3)).await.unwrap());
        assert_eq!((store.webhook_disabled_at().await.unwrap(), tasks(store).await), (None, vec![]));
    }
}

#[tokio::test]
async fn only_the_mail_tells_her_and_each_of_the_two_is_claimed_by_itself() {
    for state in State::on_each_engine() {
        let State { store, .. } = &state.await;
        read_on_both(store, &[line("A1", "S1")], start()).await;
        let (mail, webhook) = (claim_one(store, start()).await, claim_webhook(store, start()).await);
        assert!(mail.tells() && !webhook.tells());
        assert_eq!((mail.news_id, webhook.news_id), (mail.id, mail.id));
        finish(store, &webhook, Fate::Sent, start()).await;
        assert_eq!(the_order(store).await.view.lines[0].told, None);
        finish(store, &mail, Fate::Sent, start()).await;
        let line = the_order(store).await.view.lines.remove(0);
        assert_eq!((line.told.is_some(), line.told_by), (true, Some(mail.id)));
    }
}

#[tokio::test]
async fn a_crash_in_transfer_leaves_no_doubt_about_a_webhook_and_the_third_one_holds_it() {
    for state in State::on_each_engine() {
        let State { store, .. } = &state.await;
        read_on_both(store, &[line("A1", "S1")], start()).await;
        for states in [["queued", "queued"], ["queued", "queued"], ["held", "queued"]] {
            let claimed = claim_webhook(store, later(60)).await;
            assert!(mark(store, &claimed).await);
            store.expire_leases().await.unwrap();
            assert_eq!(store.reap(None, later(60)).await.unwrap(), 1);
            let filter = backorderd::store::log::LogFilter { limit: 10, ..Default::default() };
            let mut entries = store.log(&filter).await.unwrap();
            entries.sort_by_key(|entry| entry.channel != WEBHOOK);
            assert_eq!([entries[0].state.word(), entries[1].state.word()], states);
            assert_eq!(entries[0].last_reply.as_deref(), Some("the process that had it in hand died"));
        }
        assert_eq!(the_order(store).await.view.lines[0].told, None);
    }
}

#[tokio::test]
async fn what_went_out_on_two_channels_is_one_date_mail_and_one_telling() {
    for state in State::on_each_engine() {
        let State { store, .. } = &state.await;
        for (seconds, day) in [(0, "2027-02-10"), (60, "2027-02-11")] {
            read_on_both(store, &[expected(line("A1", "S1"), day)], later(seconds)).await;
            let (mail, webhook) = (claim_one(store, later(seconds)).await, claim_webhook(store, later(seconds)).await);
            finish(store, &mail, Fate::Sent, later(seconds)).await;
            finish(store, &webhook, Fate::Sent, later(seconds)).await;
        }
        let order = the_order(store).await;
        assert_eq!(order.view.date_mails.len(), 1);
        let reach = store.reach(order.row).await.unwrap().unwrap();
        assert_eq!(reach.lines[0].told_times, 2);
    }
}
