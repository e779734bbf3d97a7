//! Signatures of mails, as dkimpy sees them: a verifier that shares nothing with the program.

use std::io::Write;
use std::process::{Command, Stdio};

use backorderd::dkim::{self, SigningKey};
use backorderd::render::mime;
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::json;

use crate::support::app::TestApp;
use crate::support::smtp_server::{Act, At};

/// The one that has Debian's packages.
const PYTHON: &str = "/usr/bin/python3";
/// The tests' clock is ahead of the machine's, and a signature from the future is none.
const VERIFIER: &str = "
import base64, dkim, json, sys, time
given = json.load(sys.stdin)
time.time = lambda: 2000000000
def published(name, timeout=5):
    return given['text'].encode() if name.decode().rstrip('.') == given['name'] else None
def is_genuine(mail):
    try:
        return dkim.DKIM(base64.b64decode(mail)).verify(dnsfunc=published)
    except dkim.DKIMException:
        return False
for mail in given['mails']:
    print(is_genuine(mail))
";

fn is_installed() -> bool {
    let found = Command::new(PYTHON).args(["-c", "import dkim, nacl"]).output();
    let found = found.is_ok_and(|output| output.status.success());
    if !found {
        eprintln!("dkimpy is not installed, so nobody was asked: apt-get install python3-dkim python3-nacl");
    }
    found
}

/// Which mails are genuine, by the record that `check` prints.
fn genuine(mails: &[Vec<u8>], record: &str) -> Vec<bool> {
    let (name, text) = record.split_once(" TXT ").unwrap();
    let mails: Vec<String> = mails.iter().map(|mail| STANDARD.encode(mail)).collect();
    let given = json!({"mails": mails, "name": name, "text": text.trim_matches('"')});
    let mut python =
        Command::new(PYTHON).args(["-c", VERIFIER]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    python.stdin.take().unwrap().write_all(given.to_string().as_bytes()).unwrap();
    let output = python.wait_with_output().unwrap();
    String::from_utf8(output.stdout).unwrap().lines().map(|line| line == "True").collect()
}

fn ed25519() -> String {
    rcgen::KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap().serialize_pem()
}

fn rsa() -> rcgen::KeyPair {
    rcgen::KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, rcgen::RsaKeySize::_2048).unwrap()
}

/// The same key as PKCS#1 has it: what PKCS#8 wraps, behind its 26 bytes about an RSA key of 2048 bits.
fn as_pkcs1(key: &rcgen::KeyPair) -> String {
    let inner = STANDARD.encode(&key.serialize_der()[26..]);
    format!("-----BEGIN RSA PRIVATE KEY-----\n{inner}\n-----END RSA PRIVATE KEY-----\n")
}

/// Every kind of key, as `a=` has it.
fn keys() -> [(&'static str, String); 3] {
    let rsa = rsa();
    [("rsa-sha256", rsa.serialize_pem()), ("rsa-sha256", as_pkcs1(&rsa)), ("ed25519-sha256", ed25519())]
}

fn replaced(mail: &[u8], old: &str, new: &str) -> Vec<u8> {
    let text = String::from_utf8(mail.to_vec()).unwrap();
    assert!(text.contains(old), "{old} is not in {text}");
    text.replacen(old, new, 1).into_bytes()
}

#[tokio::test]
async fn every_key_signs_what_a_verifier_believes_and_a_second_try_is_the_same_byte_for_byte() {
    if !is_installed() {
        return;
    }
    for (algorithm, pem) in keys() {
        let settings = [("mail.dkim.domain", "shop.example"), ("mail.dkim.selector", "s1"), ("mail.dkim.key", &*pem)];
        for app in TestApp::on_each_engine_with(&settings) {
            let app = app.await;
            app.shop.line("A1").put().await;
            app.relay.once(At::End, Act::Close);
            app.tick_all().await;
            app.advance("2m");
            app.deliver().await;
            app.shop.expect("A1", "2027-03-01").await;
            app.tick_all().await;
            let mails: Vec<Vec<u8>> = app.mails().into_iter().map(|mail| mail.bytes).collect();
            let [first, second, moved] = &mails[..] else { panic!("{} mails", mails.len()) };
            assert!(first == second, "the signature is a part of what is kept");
            let check = app.run(&["check"]).await;
            let said = check.words().lines().find(|line| line.starts_with("ok       dkim")).unwrap();
            let (_, record) = said.split_once("the DNS has to hold: ").unwrap();
            assert_eq!(genuine(&[first.clone(), moved.clone()], record), [true, true], "{algorithm}: {record}");

            let signature = mime::header(moved, "dkim-signature").unwrap();
            assert!(
                signature.contains(&format!("a={algorithm}; c=relaxed/relaxed; d=shop.example; s=s1; t=")),
                "{signature}"
            );
            assert!(!signature.contains("l=") && !signature.contains("x="), "{signature}");
            let at = mime::header(moved, "date").unwrap();
            let at = jiff::fmt::rfc2822::parse(&at).unwrap().timestamp().as_second();
            assert!(signature.contains(&format!(" t={at}; ")), "{signature}");
            let names = signature.split(" h=").nth(1).unwrap().split(';').next().unwrap().replace(' ', "");
            assert_eq!(
                names,
                "From:To:Subject:Date:Message-ID:In-Reply-To:References:MIME-Version:Content-Type:Auto-Submitted:\
                 X-Backorderd-Id:X-Backorderd-Kind:X-Backorderd-Order:From"
            );
        }
    }
}

#[test]
fn what_relays_may_change_does_not_count_and_everything_else_does() {
    if !is_installed() {
        return;
    }
    let mail = b"From: Acme Outdoor <orders@shop.example>\r\nTo: ada@example.com\r\nSubject: Your\r\n order\r\n\
        Date: Tue, 12 Jan 2027 15:00:30 +0000\r\nMessage-ID: <1@shop.example>\r\nList-Unsubscribe: <https://shop.example/>\r\n\
        List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\nX-Other: 1\r\n\r\nIt  waits. \r\n\r\n until spring\r\n\r\n\r\n";
    let at = "2027-01-12T15:00:30Z".parse().unwrap();
    for (algorithm, pem) in keys() {
        let key = SigningKey::parse(&pem).unwrap();
        let signed = [dkim::header(mail, "shop.example", "s1", &key, at).as_bytes(), mail].concat();
        assert_eq!(signed, [dkim::header(mail, "shop.example", "s1", &key, at).as_bytes(), mail].concat());
        let change = |old, new| replaced(&signed, old, new);
        let table = [
            (signed.clone(), true),
            (change("Subject: Your\r\n order", "SUBJECT:  Your order"), true),
            (change("It  waits. \r\n", "It waits.\r\n"), true),
            (change("X-Other: 1", "X-Other: 2\r\nReceived: by relay.example"), true),
            ([b"Received: by relay.example\r\n", &*signed].concat(), true),
            (change("Your", "My"), false),
            (change("ada@", "eve@"), false),
            (change("until spring", "until summer"), false),
            (change("until spring", "until spring\r\nor later"), false),
            (change("One-Click", "No-Click"), false),
            (change("<https://shop.example/>", "<https://evil.example/>"), false),
            (change("Message-ID: <1@", "Message-ID: <2@"), false),
            ([b"From: Eve <eve@evil.example>\r\n", &*signed].concat(), false),
            (change("X-Other", "From: Eve <eve@evil.example>\r\nX-Other"), false),
        ];
        let (mails, expected): (Vec<Vec<u8>>, Vec<bool>) = table.into_iter().unzip();
        let record = dkim::record("shop.example", "s1", &key);
        assert_eq!(genuine(&mails, &record), expected, "{algorithm}");
        let other = if algorithm == "ed25519-sha256" { ed25519() } else { rsa().serialize_pem() };
        let other = SigningKey::parse(&other).unwrap();
        assert_eq!(genuine(&mails[..1], &dkim::record("shop.example", "s1", &other)), [false]);
    }
}

#[test]
fn a_body_without_an_end_and_a_mail_without_a_body_are_signed_too() {
    if !is_installed() {
        return;
    }
    let key = SigningKey::parse(&ed25519()).unwrap();
    let at = "2027-01-12T15:00:30Z".parse().unwrap();
    let signed = ["\r\n", "\r\nno line end", "\r\n \r\n\r\n"].map(|body| {
        let mail = format!("From: orders@shop.example\r\nSubject: \r\n{body}");
        [dkim::header(mail.as_bytes(), "shop.example", "s1", &key, at), mail].concat().into_bytes()
    });
    assert_eq!(genuine(&signed, &dkim::record("shop.example", "s1", &key)), [true; 3]);
}

#[tokio::test]
async fn check_warns_where_mails_come_from_another_domain() {
    let key = ed25519();
    let settings = [("mail.dkim.domain", "acme.example"), ("mail.dkim.selector", "s1"), ("mail.dkim.key", &*key)];
    let app = TestApp::on(crate::support::state::Engine::Sqlite, &settings).await;
    let check = app.run(&["check"]).await;
    let line = "warning  dkim               mails come from shop.example and are signed by acme.example: ";
    assert!(check.words().contains(line), "{}", check.words());
}
