//! The commands as an operator runs them: the real program, its stdout, its stderr, its exit code.

use serde_json::{Value, json};

use crate::support::installation::{Installation, Ran};
use crate::support::servers::postgres;
use crate::support::smtp_server::{Act, At, SmtpServer};

const LOG_KEYS: [&str; 19] = [
    "id",
    "kind",
    "state",
    "order_id",
    "order_number",
    "shop_id",
    "recipient",
    "lines",
    "locale",
    "created_at",
    "due_at",
    "sent_at",
    "attempts",
    "last_reply",
    "subject",
    "message_id",
    "channel",
    "news_id",
    "possible_duplicate",
];

/// An installation that has told Ada of line 1 in order 100.
async fn told() -> Installation {
    told_by(Installation::new().await).await
}

/// The same, where the relay refuses the next mail.
async fn told_and_then_refused() -> Installation {
    let refusing = vec![(At::RcptTo, Act::Say("550 5.1.1 no such user"))];
    told_by(Installation::with_relay(SmtpServer::scripted(vec![Vec::new(), refusing]).await).await).await
}

async fn told_by(installation: Installation) -> Installation {
    installation.waiting_line("1", "100", "'ada@example.com'").await;
    installation.run(&["run", "--once"]).await.good();
    installation
}

/// An installation whose three notifications were held as a flood.
async fn flooded() -> Installation {
    let installation = Installation::new().await;
    installation.set("[delivery]", "max_per_sweep = 2");
    for (line_id, order) in [("1", "100"), ("2", "101"), ("3", "102")] {
        installation.waiting_line(line_id, order, "'ada@example.com'").await;
    }
    assert_eq!(installation.run(&["run", "--once"]).await.code, 0);
    assert_eq!(installation.smtp.mails().len(), 0);
    installation
}

#[tokio::test]
async fn who_leaves_last_leaves_the_state_database_in_one_file_and_its_marks_in_another() {
    let installation = told().await;
    installation.run(&["log"]).await.good();
    let service = installation.start(&["run"], &[]);
    service.says("backorderd runs").await;
    service.terminate();
    service.ended().await.good();
    let names = std::fs::read_dir(installation.folder()).unwrap().map(|entry| entry.unwrap().file_name());
    let mut beside: Vec<_> = names.filter(|name| name.to_string_lossy().starts_with("backorderd.db")).collect();
    beside.sort();
    assert_eq!(beside, ["backorderd.db", "backorderd.db-marks"]);
}

async fn ids(installation: &Installation, filter: &[&str]) -> Vec<String> {
    let arguments: Vec<&str> = ["log", "--json"].iter().chain(filter).copied().collect();
    let objects = installation.run(&arguments).await.good().objects();
    objects.iter().map(|object| object["id"].as_str().unwrap().to_owned()).collect()
}

fn keys_in_order(line: &str) -> Vec<String> {
    // serde_json sorts the keys of a map, so their order is read from the text.
    let object: Value = serde_json::from_str(line).unwrap();
    let mut keys: Vec<String> = object.as_object().unwrap().keys().cloned().collect();
    keys.sort_by_key(|key| line.find(&format!("\"{key}\":")).unwrap());
    keys
}

fn states(ran: &Ran) -> Vec<String> {
    ran.objects().iter().map(|object| object["state"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn the_log_is_one_object_a_line_with_the_agreed_keys_in_their_order() {
    let installation = told().await;
    let log = installation.run(&["log", "--json"]).await.good();
    assert_eq!(keys_in_order(log.words().lines().next().unwrap()), LOG_KEYS);
    let objects = log.objects();
    let object = &objects[0];
    assert_eq!(objects.len(), 1);
    assert_eq!(object["state"], "sent");
    assert_eq!(object["kind"], "backordered");
    assert_eq!(object["lines"], json!(["1"]));
    assert_eq!(object["order_number"], "S100");
    assert_eq!(object["recipient"], "ada@example.com");
    assert_eq!(object["attempts"], 1);
    assert_eq!(object["last_reply"], "250 2.0.0 queued");
    assert_eq!(object["message_id"], format!("<{}@shop.example>", object["id"].as_str().unwrap()));
    for key in ["created_at", "due_at", "sent_at"] {
        let at = object[key].as_str().unwrap();
        assert!(at.len() == "2026-11-23T16:00:00.000000Z".len() && at.ends_with('Z'), "{key}: {at}");
    }
}

#[tokio::test]
async fn every_filter_of_the_log_lets_its_own_through_and_nothing_else() {
    let installation = told().await;
    installation.waiting_line("2", "101", "'bob@example.com'").await;
    installation.in_shop("update order_lines set product_key = 'STOVE', sku = 'CS-200' where line_id = '2'").await;
    installation.run(&["run", "--once"]).await.good();
    let all = ids(&installation, &[]).await;
    assert_eq!(all.len(), 2);
    let (bobs, adas) = (&all[0], &all[1]);
    for (filter, found) in [
        (["--order", "100"], vec![adas]),
        (["--order", "S101"], vec![bobs]),
        (["--email", "ADA@example.com"], vec![adas]),
        (["--product", "STOVE"], vec![bobs]),
        (["--product", "HL-400"], vec![adas]),
        (["--kind", "backordered"], vec![bobs, adas]),
        (["--kind", "cancelled"], vec![]),
        (["--state", "sent"], vec![bobs, adas]),
        (["--state", "held"], vec![]),
        (["--since", "2026-01-01"], vec![bobs, adas]),
        (["--since", "2999-01-01"], vec![]),
        (["--until", "2026-01-01T00:00:00Z"], vec![]),
        (["--until", "2999-01-01"], vec![bobs, adas]),
        (["--limit", "1"], vec![bobs]),
        (["--shop", "berlin"], vec![]),
    ] {
        assert_eq!(ids(&installation, &filter).await.iter().collect::<Vec<_>>(), found, "{filter:?}");
    }
}

#[tokio::test]
async fn the_log_for_people_is_a_table_with_the_shops_times_and_whole_addresses() {
    let installation = told().await;
    let log = installation.run(&["log"]).await.good();
    let row = log.words().lines().nth(1).unwrap();
    for expected in ["sent", "backordered", "S100", "ada@example.com", "Head lamp is on backorder", "250 2.0.0 queued"]
    {
        assert!(row.contains(expected), "{expected} is not in {row}");
    }
    let nothing = installation.run(&["log", "--order", "none"]).await.good();
    assert_eq!((nothing.words(), nothing.stderr.trim()), ("", "no notification in the sent-log is like that"));
}

#[tokio::test]
async fn wrong_usage_is_exit_2_and_says_what_there_is() {
    let installation = Installation::new().await;
    for (arguments, said) in [
        (&["log", "--state", "posted"][..], "queued, sending, sent"),
        (&["log", "--kind", "delay"], "backordered, date_changed"),
        (&["log", "--since", "yesterday"], "2026-11-23"),
        (&["release"], "--all"),
        (&["withdraw", "--all", "01"], "cannot be used with"),
        (&["tasks", "done"], "<ID>"),
    ] {
        let ran = installation.run(arguments).await;
        assert!(ran.failed(2).contains(said), "{arguments:?}: {}", ran.stderr);
    }
}

#[tokio::test]
async fn what_was_never_recorded_is_said_and_no_state_database_is_made() {
    let installation = Installation::new().await;
    for arguments in [&["log"][..], &["tasks"], &["explain", "1"], &["show", "01"], &["release", "--all"]] {
        let ran = installation.run(arguments).await;
        assert!(ran.failed(1).contains("nothing was recorded yet"), "{arguments:?}: {}", ran.stderr);
    }
    assert!(!installation.path("backorderd.db").exists());
}

#[tokio::test]
async fn a_shown_notification_tells_its_state_its_tries_and_its_text() {
    let installation = told().await;
    let id = &ids(&installation, &[]).await[0];
    let shown = installation.run(&["show", id]).await.good();
    let relay = installation.smtp.address.to_string();
    for expected in [id, "state       sent", "accepted", &relay, "250 2.0.0 queued", "Expected: February 10, 2027"] {
        assert!(shown.words().contains(expected), "{expected} is not in\n{}", shown.words());
    }
    let by_prefix = installation.run(&["show", &id[..18]]).await.good();
    assert_eq!(by_prefix.words(), shown.words());
    let unknown = installation.run(&["show", "ffff"]).await;
    assert!(unknown.failed(1).contains("there is no notification ffff"), "{}", unknown.stderr);
}

#[tokio::test]
async fn shown_as_json_a_notification_has_its_tries_and_parts_with_dead_links() {
    let installation = told().await;
    let id = &ids(&installation, &[]).await[0];
    let shown = installation.run(&["show", id, "--json"]).await.good();
    let keys = keys_in_order(shown.words().trim());
    assert_eq!(keys, [&LOG_KEYS[..], &["attempt_list", "text", "html"]].concat());
    let object = &shown.objects()[0];
    let attempt = &object["attempt_list"][0];
    assert_eq!(attempt["number"], 1);
    assert_eq!(attempt["channel"], "mail");
    assert_eq!(attempt["relay"], installation.smtp.address.to_string());
    assert_eq!((&attempt["outcome"], &attempt["code"]), (&json!("accepted"), &json!(250)));
    let sent = String::from_utf8(installation.smtp.mails()[0].bytes.clone()).unwrap().replace("=\r\n", "");
    for part in ["text", "html"] {
        let part = object[part].as_str().unwrap();
        assert!(part.contains("Head lamp") && !part.contains('\r'), "{part}");
        let token = part.split("/choice/").nth(1).unwrap().get(..44).unwrap();
        assert!(!sent.contains(token), "a live token is shown: {token}");
    }
}

#[tokio::test]
async fn the_eml_is_what_the_relay_was_given_byte_for_byte() {
    let installation = told().await;
    let id = &ids(&installation, &[]).await[0];
    let eml = installation.run(&["show", id, "--eml"]).await.good();
    assert_eq!(eml.stdout, installation.smtp.mails()[0].bytes);
}

#[tokio::test]
async fn a_notification_that_was_never_tried_shows_what_it_would_say() {
    let installation = flooded().await;
    let id = &ids(&installation, &["--state", "held"]).await[0];
    let shown = installation.run(&["show", id]).await.good();
    for expected in ["held: a flood", "Not tried yet", "rendered when it is first tried", "Expected: February 10, 2027"]
    {
        assert!(shown.words().contains(expected), "{expected} is not in\n{}", shown.words());
    }
    let object = &installation.run(&["show", id, "--json"]).await.good().objects()[0];
    assert_eq!((&object["text"], &object["subject"]), (&Value::Null, &Value::Null));
    let eml = installation.run(&["show", id, "--eml"]).await;
    assert!(eml.failed(1).contains("has not been rendered yet"), "{}", eml.stderr);
}

#[tokio::test]
async fn an_explained_line_tells_what_was_read_decided_tried_and_how_it_stands() {
    let installation = told_and_then_refused().await;
    installation.in_shop("update order_lines set expected_on = '2027-03-01'").await;
    installation.run(&["run", "--once"]).await;
    let explained = installation.run(&["explain", "1"]).await.good();
    let steps = installation.run(&["explain", "1", "--json"]).await.good().objects();
    let whats: Vec<&str> = steps.iter().map(|step| step["what"].as_str().unwrap()).collect();
    let expected = ["read", "decided", "made", "tried", "sent", "read", "decided", "made", "tried", "failed", "now"];
    assert_eq!(whats, expected, "{}", explained.words());
    let last = explained.words().lines().last().unwrap();
    for expected in ["waits", "2027-03-01", "ada@example.com was told that it waits", "2027-02-10", "nothing is queued"]
    {
        assert!(last.contains(expected), "{expected} is not in {last}");
    }
    assert_eq!(steps[2]["notification_id"], steps[3]["notification_id"]);
}

#[tokio::test]
async fn an_explained_line_says_that_what_is_in_doubt_goes_out_once_more() {
    let relay = SmtpServer::scripted(vec![vec![(At::End, Act::Close)]]).await;
    let installation = Installation::with_relay(relay).await;
    installation.waiting_line("1", "100", "'ada@example.com'").await;
    installation.run(&["run", "--once"]).await.failed(1);
    let explained = installation.run(&["explain", "1"]).await.good();
    let last = explained.words().lines().last().unwrap();
    assert!(last.contains("ada@example.com may have been told so"), "{last}");
    assert!(last.contains("that backordered mail goes out once more, due 20"), "{last}");
}

#[tokio::test]
async fn the_settings_file_is_written_where_the_commands_look_for_it() {
    let installation = Installation::new().await;
    let written = installation.run(&["--config", "other.toml", "init"]).await.good();
    assert!(written.words().starts_with("Wrote other.toml."), "{}", written.words());
    let refused = installation.run(&["--config", "other.toml", "init"]).await;
    assert!(refused.failed(1).contains("other.toml exists and was left as it is"), "{}", refused.stderr);
}

#[tokio::test]
async fn a_shrunken_feed_can_be_accepted_only_by_the_part_that_reads() {
    let installation = Installation::new().await;
    let wrong = installation.run(&["run", "--once", "--only", "deliver", "--accept-shrunken"]).await;
    assert!(wrong.failed(2).contains("add watch to --only"), "{}", wrong.stderr);
    installation.run(&["run", "--once", "--only", "watch", "--accept-shrunken"]).await.good();
}

#[tokio::test]
async fn one_pass_says_what_became_of_the_answers_and_fails_if_one_was_not_taken() {
    let installation = Installation::new().await;
    // Nobody listens there.
    let hook = "[choices]\nhook_url = \"http://127.0.0.1:9/\"\nhook_secret = \"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo=\"";
    installation.set("[state]", hook);
    installation.waiting_line("1", "100", "'ada@example.com'").await;
    let first = installation.run(&["run", "--once"]).await.good();
    assert!(first.words().ends_with("answers: none were due\nmails: 1 accepted\n"), "{}", first.words());
    installation
        .in_state(
            "insert into choices (id, shop_id, line_id, order_row, choice, quantity, wanted, chosen_at, made_by, state, \
             statement, hook, due_at) values ('01993b7a-0000-7000-8000-000000000000', '', '1', 1, 'cancel', '2', '2', 0, \
             'customer', 'open', 'none', 'waiting', 0)",
        )
        .await;
    let second = installation.run(&["run", "--once", "--only", "deliver"]).await;
    second.failed(1);
    assert_eq!(second.words(), "answers: 1 to be tried again\nmails: none were due\n");
    let tasks = installation.run(&["tasks"]).await.good();
    assert!(tasks.words().contains("choice_not_handed_over"), "{}", tasks.words());
    let explained = installation.run(&["explain", "1"]).await.good();
    assert!(explained.words().contains("hand-over"), "{}", explained.words());
}

#[tokio::test]
async fn an_explained_line_that_nobody_can_be_told_of_says_why() {
    let installation = Installation::new().await;
    installation.waiting_line("1", "100", "null").await;
    installation.waiting_line("2", "101", "'ada@example.com'").await;
    installation.in_shop("update order_lines set ordered_qty = -1 where line_id = '2'").await;
    installation.run(&["run", "--once"]).await.good();
    let explained = installation.run(&["explain", "1"]).await.good();
    assert!(explained.words().lines().last().unwrap().contains("has no e-mail address"), "{}", explained.words());
    let aside = installation.run(&["explain", "2"]).await;
    assert!(aside.failed(1).contains("set aside: ordered_qty"), "{}", aside.stderr);
    let unknown = installation.run(&["explain", "9"]).await;
    assert!(unknown.failed(1).contains("line 9 is not known"), "{}", unknown.stderr);
}

#[tokio::test]
async fn tasks_are_listed_with_their_mend_and_ended_by_their_numbers() {
    let installation = told_and_then_refused().await;
    installation.waiting_line("2", "101", "null").await;
    installation.in_shop("update order_lines set expected_on = '2027-03-01' where line_id = '1'").await;
    installation.run(&["run", "--once"]).await.failed(1);
    let tasks = installation.run(&["tasks", "--json"]).await.good();
    let line = tasks.words().lines().next().unwrap();
    assert_eq!(keys_in_order(line), ["id", "kind", "shop_id", "subject", "reason", "mend", "since"]);
    let mut kinds: Vec<(String, String)> = tasks
        .objects()
        .iter()
        .map(|task| (task["kind"].as_str().unwrap().to_owned(), task["id"].as_str().unwrap().to_owned()))
        .collect();
    kinds.sort();
    assert_eq!(kinds[0].0, "failed");
    assert_eq!(kinds[1], ("no_address".to_owned(), "address:2".to_owned()));
    let table = installation.run(&["tasks"]).await.good();
    assert!(table.words().contains("no such user") && table.words().contains("enter her address"), "{}", table.words());

    let done = installation.run(&["tasks", "done", &kinds[0].1, "address:2", "99"]).await;
    let stderr = done.failed(1);
    assert!(stderr.contains("ends by itself when the shop has an e-mail address for line 2"), "{stderr}");
    assert!(stderr.contains("task 99 is not open"), "{stderr}");
    assert_eq!(done.words(), "1 task is done\n");
    assert_eq!(installation.run(&["tasks", "--json"]).await.good().objects().len(), 1);
}

#[tokio::test]
async fn dead_links_are_warned_of_in_tasks_and_check() {
    let installation = told().await;
    assert!(!installation.run(&["tasks"]).await.good().stderr.contains("dead"));
    installation.in_state("update facts set value = '0' where name = 'baseline_at'").await;
    assert!(installation.run(&["tasks"]).await.good().stderr.contains("the links in the mails are dead"));
    let check = installation.run(&["check"]).await.good();
    assert!(check.words().contains("warning  pages"), "{}", check.words());
}

#[tokio::test]
async fn held_notifications_are_released_and_then_sent_without_being_held_again() {
    let installation = flooded().await;
    let refused = installation.run(&["release", "--all"]).await;
    assert!(refused.failed(2).contains("whether to release 3 notifications; add --yes"), "{}", refused.stderr);
    assert_eq!(ids(&installation, &["--state", "held"]).await.len(), 3);

    let one = &ids(&installation, &["--state", "held"]).await[0];
    let released = installation.run(&["release", one, "--yes"]).await.good();
    assert_eq!(released.words(), "1 notification released: due now\n");
    let again = installation.run(&["release", one, "--yes"]).await;
    assert!(again.failed(1).contains("it is queued, not held"), "{}", again.stderr);
    assert_eq!(
        installation.run(&["release", "--kind", "backordered", "-y"]).await.good().words(),
        "2 notifications released: due now\n"
    );
    assert_eq!(installation.run(&["release", "--all", "-y"]).await.good().words(), "there is nothing to release\n");

    installation.run(&["run", "--once"]).await.good();
    assert_eq!(installation.smtp.mails().len(), 3);
    assert_eq!(states(&installation.run(&["log", "--json"]).await), ["sent", "sent", "sent"]);
}

#[tokio::test]
async fn withdrawn_notifications_stay_in_the_log_and_are_never_sent() {
    let installation = flooded().await;
    let withdrawn = installation.run(&["withdraw", "--all", "--yes"]).await.good();
    assert_eq!(withdrawn.words(), "3 notifications withdrawn\n");
    installation.run(&["run", "--once"]).await.good();
    let log = installation.run(&["log", "--json"]).await;
    assert_eq!(states(&log), ["withdrawn", "withdrawn", "withdrawn"]);
    assert_eq!(installation.smtp.mails().len(), 0);
    let shown = installation.run(&["show", log.objects()[0]["id"].as_str().unwrap()]).await.good();
    assert!(shown.words().contains("withdrawn: withdrawn by staff"), "{}", shown.words());
}

#[tokio::test]
async fn queued_notifications_can_be_held_until_staff_release_them() {
    let installation = Installation::new().await;
    installation.waiting_line("1", "100", "'ada@example.com'").await;
    installation.run(&["run", "--once", "--only", "watch"]).await.good();
    let held = installation.run(&["hold", "--all", "--yes"]).await.good();
    assert_eq!(held.words(), "1 notification held\n");
    installation.run(&["run", "--once"]).await.good();
    assert_eq!(installation.smtp.mails().len(), 0);
    let tasks = installation.run(&["tasks", "--json"]).await.good().objects();
    assert_eq!((&tasks[0]["kind"], &tasks[0]["reason"]), (&json!("held"), &json!("held by staff")));
    installation.run(&["release", "--all", "--yes"]).await.good();
    installation.run(&["run", "--once"]).await.good();
    assert_eq!(installation.smtp.mails().len(), 1);
}

#[tokio::test]
async fn imported_dates_are_told_after_the_next_sweep() {
    let installation = told().await;
    installation.in_shop("update order_lines set expected_on = null").await;
    let csv = "product_key;expected_on;reason\nLAMP;2027-05-04;The ship is late\nSTOVE;;\n";
    let imported = installation.run_with_input(&["dates", "import", "-"], csv).await.good();
    assert_eq!(imported.words(), "2 dates imported, 1 of them unknown; the next sweep uses them\n");
    let rehearsed = installation.run(&["run", "--dry-run"]).await.good();
    assert!(rehearsed.words().contains("2027-05-04"), "{}", rehearsed.words());
}

#[tokio::test]
async fn a_list_of_dates_with_bad_rows_is_imported_not_at_all() {
    let installation = told().await;
    std::fs::write(
        installation.path("dates.csv"),
        "product_key,expected_on,reason\nLAMP,2027-05-04,\nSTOVE,4.5.2027,\n,2027-05-04,\n",
    )
    .unwrap();
    let refused = installation.run(&["dates", "import", "dates.csv"]).await;
    let stderr = refused.failed(1);
    assert!(stderr.contains("line 3: expected_on \"4.5.2027\" is no date; give it as YYYY-MM-DD"), "{stderr}");
    assert!(stderr.contains("line 4: product_key is empty"), "{stderr}");
    assert!(stderr.contains("nothing was imported: 2 rows cannot be read"), "{stderr}");
    installation.in_shop("update order_lines set expected_on = null").await;
    let rehearsed = installation.run(&["run", "--dry-run"]).await.good();
    assert!(!rehearsed.words().contains("2027-05-04"), "{}", rehearsed.words());
    let absent = installation.run(&["dates", "import", "nowhere.csv"]).await;
    assert!(absent.failed(1).contains("nowhere.csv"), "{}", absent.stderr);
}

#[tokio::test]
async fn check_looks_at_everything_and_makes_nothing() {
    let installation = Installation::new().await;
    installation.waiting_line("1", "100", "'ada@example.com'").await;
    installation.waiting_line("2", "101", "null").await;
    installation.waiting_line("3", "102", "'bob@example.com'").await;
    installation.in_shop("update order_lines set ordered_qty = -1 where line_id = '3'").await;
    let check = installation.run(&["check"]).await.good();
    for expected in [
        "ok       settings",
        "ok       state database",
        "the first run makes it",
        "ok       link secret",
        "ok       orders database",
        "3 rows in",
        "2 backordered",
        "1 row without a customer_email",
        "1 row set aside",
        "row 3 (3): ordered_qty \"-1\"",
        "sample: line 1 of order S100, Head lamp (LAMP), a***@example.com",
        "ok       slowest query",
        "ok       relay 1",
        "no mail was sent",
        "ok       answers            nothing in [choices] carries a cancel to the shop, so each is a task for staff",
    ] {
        assert!(check.words().contains(expected), "{expected} is not in\n{}", check.words());
    }
    assert!(!check.words().contains("ada@"), "{}", check.words());
    assert!(!installation.path("backorderd.db").exists() && !installation.path("link-secret").exists());
    assert!(installation.smtp.mails().is_empty());
}

#[tokio::test]
async fn check_goes_on_after_an_error_and_fails_at_the_end() {
    let installation = Installation::new().await;
    installation.in_shop("alter table order_lines rename column short_qty to missing").await;
    installation.set("[[mail.relays]]", "max_messages = 5\n[[mail.relays]]\nurl = \"smtp://127.0.0.1:1\"");
    std::fs::write(installation.path("link-secret"), "short").unwrap();
    let settings = std::fs::read_to_string(installation.path("backorderd.toml")).unwrap();
    // The second relay took the first one's place in the file.
    let url = format!("url = \"{}\"", installation.smtp.url());
    let settings = settings.replacen(&format!("{url}\n"), "", 1).replacen("max_messages = 5", &url, 1);
    std::fs::write(installation.path("backorderd.toml"), settings).unwrap();
    let check = installation.run(&["check"]).await;
    check.failed(1);
    for expected in [
        "error    link secret",
        "has 5 characters",
        "error    feed lines",
        "has no column `short_qty`",
        "ok       relay 1",
        "error    relay 2",
        "no connection",
    ] {
        assert!(check.words().contains(expected), "{expected} is not in\n{}", check.words());
    }
}

#[tokio::test]
async fn check_warns_of_what_the_law_wants_and_the_feed_does_not_give() {
    let installation = Installation::new().await;
    for (line_id, order) in [("1", "100"), ("2", "101"), ("3", "102"), ("4", "103"), ("5", "104")] {
        installation.waiting_line(line_id, order, "'ada@example.com'").await;
    }
    installation
        .in_shop(
            "alter table order_lines add column ship_to_country text;\
             alter table order_lines add column rules text;\
             update order_lines set ship_to_country = 'US' where line_id in ('1', '2', '4');\
             update order_lines set delay_reason = 'The ship is late' where line_id = '2';\
             update order_lines set rules = 'none' where line_id = '4';\
             update order_lines set rules = 'eu', expected_on = null where line_id = '5'",
        )
        .await;
    let warning = "warning  feed lines         2 rows on backorder under us-ftc, uk or eu without a delay_reason";
    let check = installation.run(&["check"]).await.good();
    assert!(check.words().contains(warning), "{}", check.words());
    for warning in [
        "warning  feed lines         1 row on backorder without a ship_to_country or rules, and so under [rules] default, which is none",
        "warning  feed lines         3 rows on backorder under us-ftc, uk or eu with neither ordered_at nor promised_on",
    ] {
        assert!(check.words().contains(warning), "{}", check.words());
    }
    // [state] has no keys of its own here.
    installation.set("[state]", "[rules]\nreason = \"Our supplier is late.\"");
    let check = installation.run(&["check"]).await.good();
    assert!(!check.words().contains("delay_reason"), "{}", check.words());
}

#[tokio::test]
async fn check_finds_orders_of_too_many_lines() {
    let installation = Installation::new().await;
    installation
        .in_shop(
            "with recursive n(i) as (select 1 union all select i + 1 from n where i < 2001) \
             insert into order_lines (line_id, order_id, order_number, customer_email, locale, product_key, product_name, \
             ordered_qty, short_qty) select i, '100', 'S100', 'ada@example.com', 'en-US', 'LAMP', 'Head lamp', 1, 1 from n",
        )
        .await;
    let check = installation.run(&["check"]).await;
    let words = "warning  feed lines         1 order has more than 2000 lines (100)";
    assert!(check.words().contains(words), "{}", check.words());
}

#[tokio::test]
async fn check_finds_line_ids_that_come_twice_and_a_webhook_that_is_not_sent() {
    let installation = Installation::new().await;
    installation.waiting_line("1", "100", "'ada@example.com'").await;
    installation.set(
        "[delivery]",
        "channel = \"mail\"\n[webhook]\nurl = \"https://receiver.example\"\n\
         secret = \"whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=\"\n[updates]\nevery = \"14d\"\n[choices]",
    );
    let settings = std::fs::read_to_string(installation.path("backorderd.toml")).unwrap();
    let settings = settings
        .replace("[choices]\nsettle = \"0s\"\n", "")
        .replace("select * from order_lines", "select * from order_lines union all select * from order_lines");
    std::fs::write(installation.path("backorderd.toml"), settings).unwrap();
    let check = installation.run(&["check"]).await;
    check.failed(1);
    assert!(check.words().contains("1 row with a line_id that another row has too (1)"), "{}", check.words());
    assert!(check.words().contains("warning  webhook"), "{}", check.words());
}

#[tokio::test]
async fn check_shows_what_is_wrong_with_the_settings() {
    let installation = Installation::new().await;
    installation.set("[delivery]", "settel = \"5s\"");
    let check = installation.run(&["check"]).await;
    check.failed(1);
    assert!(check.words().starts_with("error    settings"), "{}", check.words());
    assert!(check.words().contains("settel"), "{}", check.words());
}

#[tokio::test]
async fn previews_are_three_files_for_every_kind_every_case_of_the_law_and_every_locale() {
    let installation = Installation::new().await;
    let preview = installation.run(&["preview", "--out", "new/previews"]).await.good();
    assert_eq!(preview.words(), "162 files written to new/previews\n");
    let text = std::fs::read_to_string(installation.path("new/previews/backordered.de.txt")).unwrap();
    assert!(text.starts_with("Subject: ") && text.contains("Acme Outdoor"), "{text}");
    let eml = std::fs::read_to_string(installation.path("new/previews/date_changed.en.eml")).unwrap();
    assert!(eml.contains("X-Backorderd-Kind: date_changed"), "{eml}");
    for name in ["still_waiting.en.html", "fresh_link.de.txt", "date_changed.us-ftc-renewed.en.html"] {
        assert!(installation.path("new/previews").join(name).exists(), "{name}");
    }
    assert!(!installation.path("backorderd.db").exists());
}

#[tokio::test]
async fn a_lines_own_preview_shows_its_order_in_the_kinds_that_make_sense() {
    let installation = told().await;
    let preview = installation.run(&["preview", "--out", "previews", "--line", "1"]).await.good();
    assert_eq!(preview.words(), "12 files written to previews\n");
    let text = std::fs::read_to_string(installation.path("previews/overdue.en-US.txt")).unwrap();
    assert!(text.contains("S100") && text.contains("Head lamp"), "{text}");
    installation.in_shop("update order_lines set shipped_qty = 2, short_qty = 0").await;
    installation.run(&["run", "--once"]).await.good();
    let shipped = installation.run(&["preview", "--out", "previews", "--line", "1"]).await;
    assert!(shipped.failed(1).contains("no mail makes sense about line 1"), "{}", shipped.stderr);
}

#[tokio::test]
async fn every_command_works_on_postgresql_too() {
    let installation = Installation::new().await;
    installation.set("[state]", &format!("url = \"{}\"", postgres().database().await));
    let check = installation.run(&["check"]).await.good();
    assert!(check.words().contains("PostgreSQL: nothing is there yet"), "{}", check.words());
    installation.waiting_line("1", "100", "'ada@example.com'").await;
    installation.waiting_line("2", "101", "'bob@example.com'").await;
    installation.run(&["run", "--once", "--only", "watch"]).await.good();
    let by_product = ["--product", "HL-400", "--kind", "backordered", "--state", "queued", "--since", "2026-01-01"];
    let queued = ids(&installation, &by_product).await;
    assert_eq!(queued.len(), 2);
    assert_eq!(installation.run(&["hold", "--all", "-y"]).await.good().words(), "2 notifications held\n");
    installation.run(&["release", &queued[0], "-y"]).await.good();
    installation.run(&["withdraw", "--kind", "backordered", "--shop", "", "-y"]).await.good();
    assert_eq!(states(&installation.run(&["log", "--json"]).await), ["withdrawn", "withdrawn"]);
    installation.run_with_input(&["dates", "import", "-"], "product_key,expected_on\nLAMP,2027-05-04\n").await.good();
    installation.in_shop("update order_lines set expected_on = null").await;
    installation.run(&["run", "--once"]).await.good();
    let explained = installation.run(&["explain", "1"]).await.good();
    assert!(explained.words().contains("withdrawn by staff"), "{}", explained.words());
    assert!(explained.words().lines().last().unwrap().contains("ada@example.com was told so"), "{}", explained.words());
    let sent = &ids(&installation, &["--order", "S100", "--state", "sent"]).await[0];
    let eml = installation.run(&["show", sent, "--eml"]).await.good().stdout;
    assert!(installation.smtp.mails().iter().any(|mail| mail.bytes == eml));
    installation.run(&["tasks"]).await.good();
    let check = installation.run(&["check"]).await.good();
    assert!(check.words().contains("PostgreSQL: can be read and written"), "{}", check.words());
}
