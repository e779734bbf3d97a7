//! What staff do to notifications, by the real program: filters, questions, the record of who did what.

use backorderd::settings::duration::Span;

use crate::support::app::TestApp;
use crate::support::installation::Installation;
use crate::support::smtp_server::{Act, At, SmtpServer};

/// Ada waits in order 100, Bob in order 101, and nothing was sent yet.
async fn two_orders() -> Installation {
    let installation = Installation::new().await;
    installation.waiting_line("1", "100", "'ada@example.com'").await;
    installation.waiting_line("2", "101", "'bob@example.com'").await;
    installation.run(&["run", "--once", "--only", "watch"]).await.good();
    installation
}

/// Each notification of the log as `recipient state`, oldest first.
async fn states(installation: &Installation) -> Vec<String> {
    let mut log = installation.run(&["log", "--json"]).await.good().objects();
    log.reverse();
    let text = |object: &serde_json::Value, key: &str| object[key].as_str().unwrap().to_owned();
    log.iter().map(|object| format!("{} {}", text(object, "recipient"), text(object, "state"))).collect()
}

#[tokio::test]
async fn every_filter_of_the_log_means_the_same_here() {
    let installation = two_orders().await;
    let run = async |arguments: &[&str]| installation.run(arguments).await;
    assert_eq!(run(&["hold", "--order", "S100", "--yes"]).await.good().words(), "1 notification held\n");
    assert_eq!(states(&installation).await, ["ada@example.com held", "bob@example.com queued"]);
    assert_eq!(run(&["hold", "--email", "BOB@example.com", "-y"]).await.good().words(), "1 notification held\n");
    assert_eq!(
        run(&["release", "--product", "HL-400", "--order", "101", "-y"]).await.good().words(),
        "1 notification released: due now\n"
    );
    assert_eq!(run(&["withdraw", "--state", "held", "-y"]).await.good().words(), "1 notification withdrawn\n");
    assert_eq!(run(&["hold", "--until", "2020-01-01", "-y"]).await.good().words(), "there is nothing to hold\n");
    assert_eq!(
        run(&["hold", "--since", "2020-01-01", "--kind", "backordered", "-y"]).await.good().words(),
        "1 notification held\n"
    );
    assert_eq!(states(&installation).await, ["ada@example.com withdrawn", "bob@example.com held"]);
}

#[tokio::test]
async fn nothing_is_done_without_a_name_or_a_yes() {
    let installation = two_orders().await;
    let run = async |arguments: &[&str]| installation.run(arguments).await;
    for action in ["hold", "release", "resend", "withdraw"] {
        assert!(run(&[action, "--yes"]).await.failed(2).contains("what? Name notifications"), "{action}");
        assert!(run(&[action, "--shop", "berlin", "--yes"]).await.failed(2).contains("--all"), "{action}");
    }
    assert!(run(&["withdraw", "--all"]).await.failed(2).contains("whether to withdraw 2 notifications; add --yes"));
    let sent = run(&["hold", "--state", "sent", "--yes"]).await;
    assert!(
        sent.failed(2).contains("--state sent: hold takes those that are queued or sending or in_doubt"),
        "{}",
        sent.stderr
    );
    assert!(run(&["release", "01", "--email", "a@b.example"]).await.failed(2).contains("cannot be used with"));
    assert_eq!(states(&installation).await, ["ada@example.com queued", "bob@example.com queued"]);
}

#[tokio::test]
async fn all_that_is_resent_is_what_was_not_sent_unless_a_state_is_named() {
    let refusing = vec![(At::RcptTo, Act::Say("450 4.2.0 later"))];
    let installation = Installation::with_relay(SmtpServer::scripted(vec![Vec::new(), refusing]).await).await;
    for (line, order) in [("1", "100"), ("2", "101")] {
        installation.waiting_line(line, order, "'ada@example.com'").await;
        installation.run(&["run", "--once"]).await;
    }
    assert_eq!(states(&installation).await, ["ada@example.com sent", "ada@example.com queued"]);
    assert_eq!(installation.run(&["resend", "--all", "-y"]).await.good().words(), "1 notification due now\n");
    installation.run(&["run", "--once"]).await.good();
    assert_eq!(installation.smtp.mails().len(), 2);
    let again = installation.run(&["resend", "--state", "sent", "--order", "S101", "-y"]).await.good();
    assert!(again.words().starts_with("1 notification sent again: 1 made ("), "{}", again.words());
    installation.run(&["run", "--once"]).await.good();
    let mails = installation.smtp.mails();
    assert_eq!(mails.len(), 3);
    assert!(String::from_utf8_lossy(&mails[2].bytes).contains("S101"));
    let why = installation.run(&["resend", "019"]).await;
    assert!(why.failed(1).contains("there is no notification 019"), "{}", why.stderr);
}

#[tokio::test]
async fn who_did_what_is_shown_with_the_notification_and_with_its_line() {
    for app in TestApp::on_each_engine() {
        let app = app.await;
        app.shop.backorder("A1").await;
        app.settle().await;
        let id = app.entries().await[0].id.to_string();
        app.run(&["hold", "--kind", "backordered", "--yes"]).await.good();
        app.run(&["resend", &id, "--yes"]).await.good();
        let shown = app.run(&["show", &id]).await.good();
        assert!(shown.words().contains("\nStaff\n\n"), "{}", shown.words());
        assert!(shown.words().contains(" (--kind backordered)\n"), "{}", shown.words());
        assert!(shown.words().contains(" resent by "), "{}", shown.words());
        assert!(shown.words().contains(&format!(" ({id})\n")), "{}", shown.words());
        let explained = app.run(&["explain", "A1"]).await.good();
        let held = explained.words().lines().find(|line| line.contains("held by")).unwrap();
        assert!(held.contains("  staff       held by "), "{held}");
        assert!(explained.words().lines().any(|line| line.contains("resent by")), "{}", explained.words());
    }
}

#[tokio::test]
async fn many_are_done_some_hundreds_at_a_time_under_one_name() {
    let installation = Installation::new().await;
    installation.set("[delivery]", "max_per_sweep = 1");
    installation
        .in_shop(
            "with recursive n(n) as (select 1 union all select n + 1 from n where n < 1201) insert into order_lines \
             (line_id, order_id, order_number, customer_email, product_key, product_name, ordered_qty, short_qty) \
             select n, n, n, 'ada@example.com', 'LAMP', 'Head lamp', 2, 2 from n",
        )
        .await;
    installation.run(&["run", "--once", "--only", "watch"]).await.good();
    let released = installation.run(&["release", "--all", "--yes"]).await.good();
    assert_eq!(released.words(), "1201 notifications released: due now\n");
    let held = installation.run(&["hold", "--all", "--yes"]).await.good();
    assert_eq!(held.words(), "1201 notifications held\n");
    assert_eq!(
        installation.run(&["release", "--all", "-y"]).await.good().words(),
        "1201 notifications released: due now\n"
    );
}

#[tokio::test]
async fn held_before_the_first_worker_starts_nothing_of_a_restored_backup_is_sent_again() {
    // Commands have the machine's clock, by which everything was told long ago.
    for app in TestApp::on_each_engine_with(&[("updates.every", "0")]) {
        let app = app.await;
        // One was in doubt when the backup was made, two were in hand, one of them in transfer, and one was queued.
        app.shop.line("A1").order("A").put().await;
        app.relay.once(At::End, Act::Close);
        assert_eq!(app.tick_all().await.in_doubt, 1);
        for line in ["B1", "C1", "D1"] {
            app.shop.line(line).order(line).put().await;
        }
        app.settle().await;
        let span = Span::seconds(30);
        let in_hand = app.store.claim("gone", "mail", app.now(), 2, span).await.unwrap();
        app.mark(in_hand[0].id).await;
        app.store.expire_leases().await.unwrap();

        let held = app.run(&["hold", "--all", "--yes"]).await.good();
        assert_eq!(held.words(), "2 notifications held, 1 in doubt left to staff (see `backorderd tasks`)\n");
        app.advance("1d");
        app.sweep().await;
        assert_eq!(app.deliver().await.claimed, 0);
        assert_eq!(app.mails().len(), 1, "that of which nobody knows");
        let mut log = app.log().await;
        log.sort_unstable();
        assert_eq!(log, ["backordered held", "backordered held", "backordered in_doubt", "backordered in_doubt"]);
        assert_eq!(app.tasks().await.iter().filter(|task| task.starts_with("in_doubt ")).count(), 2);

        let again = app.run(&["hold", "--all", "--yes"]).await.good();
        assert_eq!(again.words(), "there is nothing to hold\n");
        let id = app.entries().await.iter().find(|entry| entry.state.word() == "in_doubt").unwrap().id.to_string();
        let refused = app.run(&["hold", &id, "--yes"]).await;
        assert!(refused.failed(1).contains("it is in doubt, and waits for staff"), "{}", refused.stderr);
        app.run(&["resend", &id, "--yes"]).await.good();
        app.run(&["release", "--all", "--yes"]).await.good();
        assert_eq!(app.deliver().await.accepted, 3, "staff decide");
    }
}
