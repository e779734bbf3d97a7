//! Reports by mail: what each says, from the folder and in each server's shape.

use std::path::Path;

use backorderd::bounce::report::{NoReport, names_in_dump, read};
use backorderd::bounce::{Name, Returned, Verdict};
use backorderd::settings::Settings;
use backorderd::store::bounces::Taken;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::samples::{self, Sent};
use super::{came_back, list, newest, no_such_user};
use crate::support::app::{ADA, TestApp};

const ID: &str = "019ab69f-0c10-7b22-8f5e-6d1b7a3e9c40";
const SENT: Sent<'_> =
    Sent { id: ID, message_id: "<019ab69f-0c10-7b22-8f5e-6d1b7a3e9c40@shop.example>", to: "ada@example.com" };

#[test]
fn the_reports_of_every_server_name_the_mail_and_say_that_the_address_is_bad() {
    let reports = [
        ("Postfix", no_such_user(&SENT)),
        ("Postfix, no code", samples::postfix(&SENT, "5.0.0", "550 no such user")),
        ("Exim", samples::exim(&SENT, "550 5.1.1 unknown user")),
        ("Exim, no code", samples::exim(&SENT, "550 unknown user")),
        ("Exim of old", samples::old_exim(&SENT, "550 unknown user")),
        ("Exchange", samples::exchange(&SENT)),
        ("Gmail", samples::gmail(&SENT)),
    ];
    for (server, mail) in reports {
        for mail in [mail.clone(), mail.replace("\r\n", "\n")] {
            let returned = read(mail.as_bytes(), None).unwrap_or_else(|error| panic!("{server}: {error}"));
            assert_eq!(returned.names[0], Name::of_id(ID).unwrap(), "{server}");
            assert_eq!(returned.names[1], Name::of_message_id(SENT.message_id).unwrap(), "{server}");
            assert_eq!(returned.verdict, Verdict::Hard, "{server}: {returned:?}");
            assert_eq!(returned.recipient.as_deref(), Some(ADA), "{server}");
            assert!(returned.reason.contains("550"), "{server}: {}", returned.reason);
        }
    }
}

#[test]
fn what_is_no_bad_address_is_told_apart() {
    let table = [
        (samples::postfix(&SENT, "5.2.2", "552 5.2.2 mailbox full"), Verdict::Undelivered),
        (samples::postfix(&SENT, "5.7.1", "550 5.7.1 we do not relay"), Verdict::Undelivered),
        (samples::postfix(&SENT, "4.4.7", "450 4.4.7 expired"), Verdict::Undelivered),
        (samples::status_only(&SENT, "delayed", "4.4.1"), Verdict::Soft),
        (samples::complaint(&SENT), Verdict::Complaint),
    ];
    for (mail, verdict) in table {
        assert_eq!(read(mail.as_bytes(), None).unwrap().verdict, verdict, "{mail}");
    }
}

#[test]
fn other_mails_are_called_what_they_are() {
    let none = |mail: &str| read(mail.as_bytes(), None).unwrap_err();
    assert_eq!(none(""), NoReport::NoMail);
    assert_eq!(none(&samples::out_of_office()), NoReport::Other);
    assert_eq!(none(&samples::status_only(&SENT, "delivered", "2.0.0")), NoReport::Arrived);
    let nameless = Sent { id: "7", message_id: "<7@shop.example>", to: ADA };
    assert_eq!(none(&no_such_user(&nameless)), NoReport::Unnamed, "the recipient alone names nothing");
    let from_customer =
        format!("From: Ada <{ADA}>\r\nSubject: Re: order\r\n\r\n> X-Backorderd-Id: {ID}\r\n550 5.1.1\r\n");
    assert_eq!(none(&from_customer), NoReport::Other, "whoever quotes our mail reports nothing");
}

#[test]
fn any_bytes_give_an_answer() {
    let mail = samples::gmail(&SENT);
    for length in 0..mail.len() {
        let _ = read(&mail.as_bytes()[..length], None);
    }
    for byte in 0..mail.len() {
        let mut broken = mail.clone().into_bytes();
        broken[byte] ^= 0x81;
        let _ = read(&broken, None);
    }
}

#[test]
fn a_mail_of_mails_within_mails_is_read_on_a_small_stack() {
    let nested = "Content-Type: message/rfc822\r\n\r\n".repeat(1 << 16);
    assert_eq!(read(nested.as_bytes(), None), Err(NoReport::Other));
    assert_eq!(names_in_dump(nested.as_bytes()), []);
    // Where it is encoded, it would be copied for each of them.
    let hidden = STANDARD.encode(&nested[..700_000]);
    let mail = format!("Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\n{hidden}");
    assert_eq!(read(mail.as_bytes(), None), Err(NoReport::Other));
}

#[test]
fn words_without_end_are_no_work_without_end() {
    let head = format!("X-Failed-Recipients: {ADA}\r\nX-Backorderd-Id: {ID}\r\n");
    let mail = format!("{head}\r\n{}\r\nX-Backorderd-Id: {ID}\r\n", "1 ".repeat(1 << 19));
    assert_eq!(read(mail.as_bytes(), None), Err(NoReport::Unnamed), "an id so far behind is not looked for");
    let names = format!("{head}\r\n\r\n{}", format!("X-Backorderd-Id: {ID}\r\n\r\nX: y\r\n\r\n").repeat(9_000));
    assert!(read(names.as_bytes(), None).is_ok_and(|returned| returned.names.len() <= 100));
}

#[test]
fn a_recipient_is_one_line_of_an_addresss_length() {
    let recipient = |to: &str| read(no_such_user(&Sent { to, ..SENT }).as_bytes(), None).unwrap().recipient.unwrap();
    assert_eq!(recipient("c\0x@example.com"), "c x@example.com");
    assert_eq!(recipient(&"ä".repeat(6_000)).len(), 254);
}

#[test]
fn a_report_may_speak_of_other_letters_than_ascii() {
    let report = no_such_user(&SENT);
    let of_letters = report.replace("message/delivery-status", "message/global-delivery-status");
    for returned in ["message/rfc822", "message/global", "message/global-headers"] {
        let mail = of_letters.replace("message/rfc822", returned);
        let read = read(mail.as_bytes(), None).unwrap_or_else(|error| panic!("{returned}: {error}"));
        assert_eq!((read.names[0].id.to_string(), read.verdict), (ID.to_owned(), Verdict::Hard), "{returned}");
    }
}

#[test]
fn the_headers_of_a_returned_mail_are_enough_and_so_are_most_of_them() {
    let report = no_such_user(&SENT);
    let kind = report.find("X-Backorderd-Kind").unwrap();
    let ends_within = report[..kind].to_owned() + "X-Backord";
    assert_eq!(read(ends_within.as_bytes(), None).unwrap().names[0], Name::of_id(ID).unwrap());
}

#[test]
fn a_report_may_be_encoded_in_each_of_its_parts() {
    let encoded = |kind: &str, text: &str, encode: &dyn Fn(&str) -> (&'static str, String)| {
        let (encoding, text) = encode(text);
        format!("--b\r\nContent-Type: {kind}\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n{text}\r\n")
    };
    let status =
        format!("Reporting-MTA: dns; mx\r\n\r\nFinal-Recipient: rfc822; {ADA}\r\nAction: failed\r\nStatus: 5.1.1\r\n");
    let returned = format!("Subject: Your order\r\nX-Backorderd-Id: {ID}\r\n\r\nIt waits.\r\n");
    let base64 = |text: &str| {
        let lines = STANDARD.encode(text).into_bytes();
        let lines: Vec<_> = lines.chunks(76).map(|line| String::from_utf8_lossy(line).into_owned()).collect();
        ("Base64", lines.join("\r\n"))
    };
    let quoted = |text: &str| ("quoted-printable", text.replace('5', "=35").replace("Final", "Fi=\r\nnal"));
    for encode in [&base64 as &dyn Fn(&str) -> (&'static str, String), &quoted] {
        for kind in ["message/rfc822", "message/global", "text/rfc822-headers"] {
            let parts = encoded("message/delivery-status", &status, encode) + &encoded(kind, &returned, encode);
            let mail = format!("Content-Type: multipart/report; boundary=b\r\n\r\n{parts}--b--\r\n");
            let read = read(mail.as_bytes(), None).unwrap_or_else(|error| panic!("{error}: {mail}"));
            assert_eq!((read.names[0].id.to_string(), read.verdict), (ID.to_owned(), Verdict::Hard), "{mail}");
            assert_eq!(read.recipient.as_deref(), Some(ADA));
        }
    }
}

#[test]
fn only_feedback_that_she_does_not_want_such_mails_is_a_complaint() {
    let of_type = |kind: &str| {
        let mail = samples::complaint(&SENT);
        assert!(mail.contains("Feedback-Type: abuse"), "{mail}");
        read(mail.replace("Feedback-Type: abuse", &format!("Feedback-Type: {kind}")).as_bytes(), None)
    };
    for complaint in ["abuse", "Fraud", "opt-out", "other"] {
        assert_eq!(of_type(complaint).unwrap().verdict, Verdict::Complaint, "{complaint}");
    }
    for other in ["not-spam", "auth-failure", "dkim", "virus", "what-comes-next"] {
        assert_eq!(of_type(other), Err(NoReport::Feedback), "{other}");
    }
}

#[test]
fn the_address_of_the_report_names_the_mail_where_nothing_else_does() {
    let folder = tempfile::tempdir().unwrap();
    let app = settings(folder.path(), "bounces+{id}@shop.example");
    let path = app.mail.unwrap().return_path.unwrap();
    let mail = samples::to_its_own_address(&format!("bounces+{ID}@shop.example"), ADA);
    assert_eq!(read(mail.as_bytes(), Some(&path)).unwrap().names[0], Name::of_id(ID).unwrap());
    assert_eq!(read(mail.as_bytes(), None), Err(NoReport::Unnamed));
    let other = samples::to_its_own_address(&format!("other+{ID}@shop.example"), ADA);
    assert_eq!(read(other.as_bytes(), Some(&path)), Err(NoReport::Unnamed));
}

fn settings(folder: &Path, return_path: &str) -> Settings {
    let file = folder.join("backorderd.toml");
    std::fs::write(&file, backorderd::settings::EXAMPLE).unwrap();
    let overrides = [
        ("BACKORDERD__MAIL__RETURN_PATH", return_path),
        ("BACKORDERD__MAIL__RELAYS__0__URL", "smtp://relay.example"),
        ("BACKORDERD__MAIL__RELAYS__0__PASSWORD_FILE", ""),
    ];
    let overrides = overrides.map(|(key, value)| (key.to_owned(), value.to_owned()));
    Settings::load(&file, overrides.into_iter()).unwrap_or_else(|error| panic!("{error}"))
}

#[tokio::test]
async fn mails_leave_with_the_address_that_brings_their_report_back() {
    for app in TestApp::on_each_engine_with(&[("mail.return_path", "bounces+{id}@shop.example")]) {
        let app = app.await;
        app.shop.backorder("A1").await;
        app.tick_all().await;
        let id = newest(&app).await.id;
        assert_eq!(app.relay.mails()[0].from, format!("bounces+{id}@shop.example"));
    }
}

/// Makes a maildir with these files in `new`.
fn maildir(folder: &Path, files: &[(&str, &str)]) {
    for name in ["new", "cur", "tmp"] {
        std::fs::create_dir_all(folder.join(name)).unwrap();
    }
    for (name, content) in files {
        std::fs::write(folder.join("new").join(name), content).unwrap();
    }
}

fn files(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[tokio::test]
async fn the_folder_is_emptied_and_what_is_read_again_is_recorded_once() {
    for app in TestApp::on_each_engine_with(&[("bounces.maildir", "bounces")]) {
        let app = app.await;
        app.shop.backorder("A1").await;
        app.tick_all().await;
        let entry = newest(&app).await;
        let (id, message_id) = (entry.id.to_string(), entry.message_id.clone().unwrap());
        let report = no_such_user(&Sent { id: &id, message_id: &message_id, to: ADA });
        let folder = app.path("bounces");
        let reader = app.process.app.bounce_reader().unwrap();
        let (_, failed) = reader.tick().await;
        assert!(failed.unwrap().to_string().starts_with("bounces.maildir: "), "there is no folder yet");
        maildir(&folder, &[("1.a", &report), ("2.b", &samples::out_of_office()), (".3.half", "From: x")]);
        let (read, failed) = reader.tick().await;
        assert!(failed.is_none());
        assert_eq!((read.returned, read.other), (1, 1));
        assert_eq!(files(&folder.join("new")), [".3.half"], "whoever writes it is not done");
        assert_eq!(files(&folder.join("cur")), ["1.a:2,S", "2.b:2,S"]);
        assert_eq!(list(&app).await, ["ada@example.com order_notices bounce"]);
        // Read, recorded, and the process died before the file was moved.
        app.store.unsuppress(&[ADA.to_owned()], &backorderd::outbox::stream::Stream::ALL).await.unwrap();
        maildir(&folder, &[("1.a", &report)]);
        assert_eq!(reader.tick().await.0.returned, 1);
        assert_eq!(app.store.bounces(entry.id).await.unwrap().len(), 1);
        assert_eq!(list(&app).await, [""; 0], "staff took it off the list, and nothing new was said");
    }
}

#[tokio::test]
async fn what_cannot_be_read_or_put_away_keeps_nothing_behind_it() {
    for app in TestApp::on_each_engine_with(&[("bounces.maildir", "bounces")]) {
        let app = app.await;
        app.shop.backorder("A1").await;
        app.tick_all().await;
        let entry = newest(&app).await;
        let (id, message_id) = (entry.id.to_string(), entry.message_id.clone().unwrap());
        let sent = Sent { id: &id, message_id: &message_id, to: ADA };
        let (one, other) = (no_such_user(&sent), samples::postfix(&sent, "5.2.2", "552 5.2.2 mailbox full"));
        let folder = app.path("bounces");
        maildir(&folder, &[("2.one", &one), ("3.other", &other)]);
        // No file, to whoever reads it; and no folder to put anything into.
        std::fs::create_dir(folder.join("new/1.first")).unwrap();
        std::fs::remove_dir(folder.join("cur")).unwrap();
        std::fs::write(folder.join("cur"), "").unwrap();
        let reader = app.process.app.bounce_reader().unwrap();
        let (read, failed) = reader.tick().await;
        assert_eq!(read.returned, 2);
        assert!(failed.unwrap().to_string().contains("1.first cannot be read"));
        assert_eq!(app.store.bounces(entry.id).await.unwrap().len(), 2);
        std::fs::remove_dir(folder.join("new/1.first")).unwrap();
        let failed = reader.tick().await.1.unwrap().to_string();
        assert!(failed.contains("2.one was read and cannot go to"), "{failed}");
    }
}

#[tokio::test]
async fn whatever_a_report_says_is_recorded_on_each_engine() {
    for app in TestApp::on_each_engine() {
        let app = app.await;
        app.shop.backorder("A1").await;
        app.tick_all().await;
        for to in ["c\0x@example.com", &*"\u{1f4ec}".repeat(4_000)] {
            let words = format!("550 5.1.1 {}", "\u{1f4ec}".repeat(4_000));
            let taken = came_back(&app, |sent| samples::postfix(&Sent { to, ..*sent }, "5.1.1", &words)).await;
            assert!(matches!(taken, Taken::Recorded { .. }), "{taken:?}");
        }
    }
}

#[tokio::test]
async fn a_report_that_names_another_ones_message_id_is_nobodys() {
    for app in TestApp::on_each_engine() {
        let app = app.await;
        app.shop.backorder("A1").await;
        app.tick_all().await;
        let entry = newest(&app).await;
        let mail = no_such_user(&Sent { id: "", message_id: &format!("<{}@other.example>", entry.id), to: ADA });
        let returned = read(mail.as_bytes(), None).unwrap();
        let taken = app.store.record_bounce(&returned, "report", app.now()).await.unwrap();
        assert_eq!(taken.id(), None);
        assert_eq!(list(&app).await, [""; 0]);
        let taken = came_back(&app, |sent| no_such_user(&Sent { id: "", ..*sent })).await;
        assert_eq!(taken.id(), Some(entry.id), "its own is enough");
    }
}

#[tokio::test]
async fn what_no_relay_was_given_cannot_come_back() {
    for app in TestApp::on_each_engine() {
        let app = app.await;
        app.shop.backorder("A1").await;
        app.settle().await;
        let id = newest(&app).await.id;
        let names = vec![Name { id, message_id: None }];
        let returned = Returned { names, verdict: Verdict::Hard, recipient: Some(ADA.into()), reason: "5.1.1".into() };
        let taken = app.store.record_bounce(&returned, "report", app.now()).await.unwrap();
        assert_eq!((taken, list(&app).await), (Taken::Unknown, Vec::new()));
        app.deliver().await;
        let taken = app.store.record_bounce(&returned, "report", app.now()).await.unwrap();
        assert_eq!(taken.id(), Some(id));
    }
}
