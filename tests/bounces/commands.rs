//! The commands as a mail server's pipe and as staff run them: the real program.

use std::process::Command;

use super::no_such_user;
use super::samples::{self, Sent};
use crate::support::installation::Installation;
use crate::support::servers::postgres;

/// An installation that has told Ada of line 1, and what it sent.
async fn told(installation: &Installation) -> (String, String) {
    installation.waiting_line("1", "100", "'ada@example.com'").await;
    installation.run(&["run", "--once"]).await.good();
    let sent = installation.run(&["log", "--json"]).await.good().objects().remove(0);
    let text = |key: &str| sent[key].as_str().unwrap().to_owned();
    (text("id"), text("message_id"))
}

#[tokio::test]
async fn a_pipe_is_told_what_became_of_each_mail_and_never_bounces() {
    let installation = Installation::new().await;
    let (id, message_id) = told(&installation).await;
    let sent = Sent { id: &id, message_id: &message_id, to: "ada@example.com" };
    let bounce = async |mail: &str| installation.run_with_input(&["bounce"], mail).await.good().words().to_owned();
    let report = no_such_user(&sent);
    assert_eq!(
        bounce(&report).await,
        format!("notification {id}: recorded (hard); its address gets no more order notices\n")
    );
    assert_eq!(bounce(&report).await, format!("notification {id}: recorded before (hard)\n"));
    assert!(bounce(&samples::out_of_office()).await.starts_with("this is no report that a mail came back"));
    assert!(bounce("").await.starts_with("this is no mail"));
    let foreign = Sent { id: "019ab69f-0c10-7b22-8f5e-6d1b7a3e9c40", message_id: "<x@y>", to: "x@y" };
    assert!(bounce(&no_such_user(&foreign)).await.contains("nobody knows"));
    // More than is read, and nobody is cut off.
    assert!(bounce(&format!("{report}{}", "x\r\n".repeat(8 << 20))).await.contains("recorded before"));

    let shown = installation.run(&["show", &id]).await.good();
    assert!(shown.words().contains("came back (hard, by report): 550 5.1.1 no such user"), "{}", shown.words());
    let explained = installation.run(&["explain", "1"]).await.good();
    assert!(explained.words().contains("bounced     came back (hard"), "{}", explained.words());
    let tasks = installation.run(&["tasks", "--json"]).await.good().objects();
    assert_eq!((tasks[0]["kind"].as_str(), tasks[0]["subject"].as_str()), (Some("bounced"), Some(&*id)));
}

#[tokio::test]
async fn a_report_is_taken_where_nobody_reads_what_is_said_of_it() {
    let installation = Installation::new().await;
    let (id, message_id) = told(&installation).await;
    let report = no_such_user(&Sent { id: &id, message_id: &message_id, to: "ada@example.com" });
    std::fs::write(installation.folder().join("report"), report).unwrap();
    let mut bounce = Command::new("sh");
    bounce.args(["-c", r#""$0" bounce < report > /dev/full"#, env!("CARGO_BIN_EXE_backorderd")]);
    let ended = bounce.current_dir(installation.folder()).output().unwrap();
    assert_eq!((ended.status.code(), String::from_utf8_lossy(&ended.stderr).as_ref()), (Some(0), ""));
    assert_eq!(installation.run(&["suppress", "list", "--json"]).await.good().objects().len(), 1);
}

#[tokio::test]
async fn where_a_report_cannot_be_recorded_the_mail_server_is_to_keep_it() {
    let installation = Installation::new().await;
    let nothing_yet = installation.run_with_input(&["bounce"], &samples::out_of_office()).await;
    assert!(nothing_yet.failed(75).contains("nothing was recorded yet"), "{}", nothing_yet.stderr);
    installation.set("[mail]", "no_such_key = 1");
    let wrong = installation.run_with_input(&["bounce"], "").await;
    assert!(wrong.failed(75).contains("the mail server may try again"), "{}", wrong.stderr);
}

#[tokio::test]
async fn the_list_is_kept_by_staff_on_both_engines() {
    for on_postgres in [false, true] {
        let installation = Installation::new().await;
        if on_postgres {
            installation.set("[state]", &format!("url = \"{}\"", postgres().database().await));
        }
        told(&installation).await;
        let run = async |arguments: &[&str]| installation.run(arguments).await;
        assert!(run(&["suppress", "list"]).await.good().stderr.contains("no address is on the list"));
        assert!(run(&["suppress", "add", "ada@example.com"]).await.failed(2).contains("--stream"));
        assert!(run(&["suppress", "add", "ada", "--stream", "updates"]).await.failed(2).contains("no mail address"));
        let letters = run(&["suppress", "add", "ada@exämple.net", "--stream", "updates"]).await;
        assert!(letters.failed(2).contains("xn-- form"), "{}", letters.stderr);
        let wrong = run(&["suppress", "add", "a@b.example", "--stream", "news"]).await;
        assert!(wrong.failed(2).contains("wishes, updates, order_notices"), "{}", wrong.stderr);
        let add =
            ["suppress", "add", "Ada@Example.com", "--stream", "updates,order_notices", "--reason", "moved\n house"];
        let added = run(&add).await.good();
        assert!(added.words().starts_with("2 entries added\norder notices may be owed by law"), "{}", added.words());
        assert!(run(&add).await.good().words().contains("2 were on the list already"));
        let listed = run(&["suppress", "list", "--json"]).await.good().objects();
        assert_eq!(listed.len(), 2);
        assert_eq!(listed[0]["address"], "ada@example.com");
        assert_eq!(
            (&listed[0]["stream"], &listed[0]["source"], &listed[0]["reason"]),
            (&"order_notices".into(), &"staff".into(), &"moved house".into())
        );
        assert!(listed[0]["since"].as_str().unwrap().ends_with('Z'));
        assert!(run(&["suppress", "list"]).await.good().words().contains("ada@example.com"));
        let removed = run(&["suppress", "remove", "ADA@example.com", "--stream", "order_notices"]).await.good();
        assert!(removed.words().starts_with("ADA@example.com gets order notices again"), "{}", removed.words());
        assert_eq!(run(&["suppress", "list", "--stream", "updates", "--json"]).await.good().objects().len(), 1);
        assert!(run(&["suppress", "remove", "bob@example.com"]).await.failed(1).contains("is not on the list"));
    }
}

#[tokio::test]
async fn tokens_are_shown_once_and_kept_as_fingerprints() {
    let installation = Installation::new().await;
    let added = installation.run(&["token", "add", "ses"]).await.good();
    let secret = added.words().trim().to_owned();
    assert!(secret.starts_with("backorderd_") && secret.len() > 60, "{secret}");
    assert!(added.stderr.contains("shown once"));
    assert!(installation.run(&["token", "add", "ses"]).await.failed(1).contains("take another name"));
    assert!(installation.run(&["token", "add", "two words"]).await.failed(2).contains("short name"));
    let listed = installation.run(&["token", "list"]).await.good();
    assert!(listed.words().contains("ses") && listed.words().contains("never"), "{}", listed.words());
    for file in std::fs::read_dir(installation.folder()).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        assert!(!bytes.windows(secret.len()).any(|window| window == secret.as_bytes()), "the token is kept somewhere");
    }
    installation.run(&["token", "remove", "ses"]).await.good();
    assert!(installation.run(&["token", "remove", "ses"]).await.failed(1).contains("no token ses"));
}

#[tokio::test]
async fn one_pass_reads_the_folder_before_it_sends() {
    let installation = Installation::new().await;
    installation.set("[mail]", "return_path = \"bounces+{id}@shop.example\"\n[bounces]\nmaildir = \"reports\"\n[mail]");
    let text = std::fs::read_to_string(installation.path("backorderd.toml")).unwrap();
    let text = text.replacen("[mail]\nreturn_path = \"bounces+{id}@shop.example\"\n", "", 1);
    let text = text.replacen("[mail]\n", "[mail]\nreturn_path = \"bounces+{id}@shop.example\"\n", 1);
    std::fs::write(installation.path("backorderd.toml"), text).unwrap();
    installation.waiting_line("1", "100", "'ada@example.com'").await;
    let refused = installation.run(&["run", "--once"]).await;
    assert!(refused.failed(1).contains("bounces.maildir: "), "{}", refused.stderr);
    assert!(installation.run(&["check"]).await.failed(1).is_empty());
    let id = installation.run(&["log", "--json"]).await.good().objects()[0]["id"].as_str().unwrap().to_owned();
    for name in ["new", "cur", "tmp"] {
        std::fs::create_dir_all(installation.path("reports").join(name)).unwrap();
    }
    let report = samples::to_its_own_address(&format!("bounces+{id}@shop.example"), "ada@example.com");
    std::fs::write(installation.path("reports/new/1"), report).unwrap();
    let check = installation.run(&["check"]).await;
    assert!(check.words().contains("1 to be read"), "{}", check.words());
    installation.in_shop("update order_lines set expected_on = '2027-05-01'").await;
    let ran = installation.run(&["run", "--once"]).await.good();
    assert!(ran.words().contains("bounces: 1 of our mails came back, 0 other mails\n"), "{}", ran.words());
    assert!(ran.words().contains("mails: 1 suppressed\n"), "{}", ran.words());
    assert_eq!(installation.smtp.mails().len(), 1);
    assert!(!ran.stderr.contains("ada@example.com"), "logs hold no whole address: {}", ran.stderr);
}
