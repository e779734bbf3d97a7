//! What SpamAssassin thinks of the mails, by its local rules: no mail of ours may look like spam.

use std::path::Path;
use std::process::{Command, Output};

use backorderd::render::samples::Sample;

use crate::support::installation::Installation;

fn spam_score(folder: &Path) -> Output {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/spam-score");
    Command::new(script).arg(folder).output().unwrap()
}

fn is_installed() -> bool {
    Command::new("sh").args(["-c", "command -v spamassassin"]).output().unwrap().status.success()
}

#[tokio::test]
async fn no_mail_of_any_kind_in_any_language_looks_like_spam() {
    if !is_installed() {
        eprintln!("SpamAssassin is not installed, so nobody was asked: apt-get install spamassassin");
        return;
    }
    let installation = Installation::new().await;
    installation.run(&["preview", "--out", "previews"]).await.good();
    let judged = spam_score(&installation.path("previews"));
    let words = String::from_utf8(judged.stdout).unwrap();
    assert!(judged.status.success(), "{words}{}", String::from_utf8_lossy(&judged.stderr));
    assert_eq!(words.lines().count(), 2 * Sample::all().len(), "every sample in two languages:\n{words}");
    for file in ["backordered.en.eml", "choice_received.de.eml", "backordered.us-ftc-first_long.en.eml"] {
        assert!(words.contains(file), "{file} is not in\n{words}");
    }
}

#[test]
fn what_is_spam_is_seen_as_spam() {
    if !is_installed() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    // The text that every filter has to take for spam.
    let gtube = "From: a@shop.example\r\nTo: b@example.com\r\nSubject: Offer\r\n\r\n\
        XJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X\r\n";
    std::fs::write(folder.path().join("spam.eml"), gtube).unwrap();
    let judged = spam_score(folder.path());
    assert_eq!(judged.status.code(), Some(1), "{}", String::from_utf8_lossy(&judged.stdout));
    assert!(String::from_utf8_lossy(&judged.stdout).contains("GTUBE"));
}
