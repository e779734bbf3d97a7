//! Mails over real connections to a server that misbehaves at every step in every way.

use std::future::{Pending, pending};
use std::time::Duration;

use backorderd::deliver::outcome::{Outcome, Phase, Refusal};
use backorderd::deliver::smtp::Deadlines;
use backorderd::deliver::smtp::connection::Connection;
use backorderd::deliver::smtp::envelope::{Envelope, Next};
use backorderd::deliver::smtp::opening::ConnectError;
use backorderd::deliver::smtp::relay::Relay;
use backorderd::settings::mail::RelaySettings;
use jiff::{SignedDuration, Timestamp};

use crate::support::smtp_server::{Act, At, Received, Script, Shape, SmtpServer};

const MESSAGE: &[u8] = b"Subject: Your lamp\r\n\r\nIt waits.\r\n.\r\n..\r\nBye.\r\n";
const TO_ADA: Envelope = Envelope { from: "orders@shop.example", to: "ada@example.com" };
const TO_BOB: Envelope = Envelope { from: "orders@shop.example", to: "bob@example.com" };

/// Nobody gives up.
fn never() -> Pending<()> {
    pending()
}

/// Long enough for what is to succeed, also on a busy machine.
fn patient() -> Deadlines {
    every(Duration::from_secs(20))
}

/// For what is to stall.
fn hasty() -> Deadlines {
    every(Duration::from_millis(150))
}

fn every(deadline: Duration) -> Deadlines {
    Deadlines {
        connect: deadline,
        tls: deadline,
        greeting: deadline,
        hello: deadline,
        command: deadline,
        ahead: deadline,
        data: deadline,
        kept_waiting: deadline,
        beside: deadline,
        body: deadline,
        final_reply: deadline,
        quit: deadline,
    }
}

fn settings(url: &str) -> RelaySettings {
    RelaySettings { max_connections: 1, ..RelaySettings::new(url) }
}

fn relay(server: &SmtpServer) -> Relay {
    Relay::from_settings(&settings(&server.url())).unwrap()
}

fn now() -> Timestamp {
    "2027-01-04T09:00:00Z".parse().unwrap()
}

async fn open(relay: &Relay, deadlines: Deadlines) -> Result<Connection, ConnectError> {
    Connection::open(relay, "backorderd.test", deadlines, now()).await
}

async fn connected(server: &SmtpServer, deadlines: Deadlines) -> Connection {
    open(&relay(server), deadlines).await.unwrap_or_else(|error| panic!("{error}"))
}

/// An outcome without its words: what was it, at which phase, with which code.
fn told(outcome: &Outcome) -> (&'static str, Option<Phase>, Option<u16>) {
    match outcome {
        Outcome::Accepted { reply } => ("accepted", None, Some(reply.code)),
        Outcome::NotSent { why, phase, reply, .. } => {
            (why.word(), Some(*phase), reply.as_ref().map(|reply| reply.code))
        }
        Outcome::Unknown { phase, .. } => ("unknown", Some(*phase), None),
    }
}

fn mail_to(envelope: &Envelope, connection: usize) -> Received {
    Received { from: envelope.from.into(), to: vec![envelope.to.into()], bytes: MESSAGE.into(), connection }
}

#[test]
fn a_relay_has_as_long_for_its_final_reply_as_the_rfc_gives_it() {
    // RFC 5321, section 4.5.3.2.6: who gives up earlier sends the mail again.
    assert!(Deadlines::default().final_reply >= Duration::from_mins(10));
}

#[tokio::test]
async fn a_mail_arrives_byte_for_byte_and_the_connection_serves_again() {
    for pipelining in [true, false] {
        let server = SmtpServer::start(Shape { pipelining, ..Shape::default() }).await;
        let mut connection = connected(&server, patient()).await;
        assert_eq!(connection.offers().pipelining, pipelining);
        for envelope in [TO_ADA, TO_BOB] {
            assert_eq!(told(&connection.send(&envelope, MESSAGE).await), ("accepted", None, Some(250)));
        }
        assert_eq!(server.mails(), [mail_to(&TO_ADA, 0), mail_to(&TO_BOB, 0)]);
        let size = MESSAGE.len();
        let mail = format!("MAIL FROM:<orders@shop.example> SIZE={size}");
        assert_eq!(server.commands(0)[1..4], [&mail, "RCPT TO:<ada@example.com>", "DATA"]);
        connection.quit().await;
        assert_eq!(server.commands(0).last().unwrap(), "QUIT");
        assert_eq!(server.connections(), 1);
    }
}

#[tokio::test]
async fn the_message_waits_for_its_clearance_and_nothing_of_one_that_is_withheld_is_written() {
    for pipelining in [true, false] {
        let server = SmtpServer::start(Shape { pipelining, ..Shape::default() }).await;
        let mut connection = connected(&server, patient()).await;
        let cleared = async {
            assert_eq!(server.commands(0).last().unwrap(), "DATA", "its envelope is out already");
            true
        };
        let sent = connection.send_if(&TO_ADA, MESSAGE, cleared, never(), None).await.unwrap();
        assert_eq!(told(&sent), ("accepted", None, Some(250)));
        assert_eq!(connection.send_if(&TO_BOB, MESSAGE, async { false }, never(), None).await.map(|_| ()), None);
        assert!(!connection.usable(), "the relay waits for a message");
        connection.quit().await;
        server.once(At::RcptTo, Act::Say("550 5.1.1 nobody"));
        let mut connection = connected(&server, patient()).await;
        let asked = std::cell::Cell::new(false);
        let clearance = async { asked.replace(true) };
        let refused = connection.send_if(&TO_BOB, MESSAGE, clearance, never(), None).await.unwrap();
        assert_eq!(told(&refused), ("bad_address", Some(Phase::RcptTo), Some(550)));
        assert!(!asked.get(), "what is refused needs no clearance");
        assert_eq!(server.mails(), [mail_to(&TO_ADA, 0)]);
    }
}

/// Sends to Ada, with Bob's envelope at the end.
async fn send_with_next(connection: &mut Connection) -> Outcome {
    let next = Next { envelope: TO_BOB, size: MESSAGE.len() };
    connection.send_if(&TO_ADA, MESSAGE, async { true }, never(), Some(next)).await.unwrap()
}

#[tokio::test]
async fn the_next_envelope_goes_along_with_the_end_of_a_mail() {
    let server = SmtpServer::scripted(vec![vec![(At::End, Act::SayAfterMore("250 2.0.0 ok"))]]).await;
    let mut connection = connected(&server, patient()).await;
    for _ in 0..2 {
        // Only the first waits for what follows: the second must find its place all the same.
        assert_eq!(told(&send_with_next(&mut connection).await), ("accepted", None, Some(250)));
        assert!(connection.is_ahead() && !connection.usable(), "it waits for that mail only");
        assert_eq!(told(&connection.send(&TO_BOB, MESSAGE).await), ("accepted", None, Some(250)));
        assert!(!connection.is_ahead() && connection.usable());
    }
    let mails = [TO_ADA, TO_BOB, TO_ADA, TO_BOB];
    assert_eq!(server.mails(), mails.map(|envelope| mail_to(&envelope, 0)));
    assert!(!connection.lost_its_place());
    assert!(!server.commands(0).iter().any(|command| command == "RSET"));
}

#[tokio::test]
async fn no_envelope_goes_ahead_where_the_relay_does_not_pipeline_or_the_mail_cannot_be_sent() {
    let server = SmtpServer::start(Shape { pipelining: false, ..Shape::default() }).await;
    let mut connection = connected(&server, patient()).await;
    assert_eq!(told(&send_with_next(&mut connection).await).0, "accepted");
    assert!(!connection.is_ahead() && connection.usable());
    let server = SmtpServer::start(Shape { size: Some(100), ..Shape::default() }).await;
    let mut connection = connected(&server, patient()).await;
    let smuggled = Envelope { from: TO_ADA.from, to: "ada@example.com>\r\nRCPT TO:<bob@example.com" };
    for next in [Next { envelope: smuggled, size: 10 }, Next { envelope: TO_BOB, size: 101 }] {
        let sent = connection.send_if(&TO_ADA, MESSAGE, async { true }, never(), Some(next)).await.unwrap();
        assert_eq!(told(&sent).0, "accepted");
        assert!(!connection.is_ahead() && connection.usable());
    }
    assert_eq!(server.commands(0).len(), 1 + 2 * 3, "EHLO, and two mails");
}

#[tokio::test]
async fn what_was_announced_is_refused_withheld_or_followed_like_any_other_mail() {
    let script = vec![
        (At::End, Act::Say("552 5.2.2 full")),
        (At::RcptTo, Act::Say("250 ok")),
        (At::RcptTo, Act::Say("550 5.1.1 nobody")),
    ];
    let server = SmtpServer::scripted(vec![script]).await;
    let mut connection = connected(&server, patient()).await;
    connection.is_known_to_bear();
    let full = send_with_next(&mut connection).await;
    assert_eq!((told(&full).1, told(&full).2), (Some(Phase::FinalReply), Some(552)));
    let refused = connection.send(&TO_BOB, MESSAGE).await;
    assert_eq!(told(&refused), ("bad_address", Some(Phase::RcptTo), Some(550)), "it is no part of the mail before");
    assert_eq!(told(&send_with_next(&mut connection).await).0, "accepted", "after RSET");
    let withheld = connection.send_if(&TO_BOB, MESSAGE, async { false }, never(), None).await;
    assert!(withheld.is_none() && !connection.usable() && !connection.is_ahead());
    assert_eq!(server.mails(), [mail_to(&TO_ADA, 0)]);
}

#[tokio::test]
async fn another_mail_than_the_announced_one_never_gets_its_place() {
    let server = SmtpServer::scripted(vec![]).await;
    let mut connection = connected(&server, patient()).await;
    send_with_next(&mut connection).await;
    assert_eq!(told(&connection.send(&TO_ADA, MESSAGE).await).0, "stale");
    assert!(!connection.usable() && !connection.is_ahead());
    assert_eq!(server.mails().len(), 1);
}

#[tokio::test]
async fn a_relay_that_loses_its_place_over_the_next_envelope_is_found_out_and_no_mail_is_blamed() {
    // At the end of a mail it refuses that one, which is surely not sent.
    for reply in ["503 5.5.0 improper pipelining", "500 what?", "554 5.5.1 out of order"] {
        let server = SmtpServer::scripted(vec![vec![(At::End, Act::Say(reply))]]).await;
        let mut connection = connected(&server, patient()).await;
        let outcome = send_with_next(&mut connection).await;
        assert_eq!((told(&outcome).0, told(&outcome).1), ("stale", Some(Phase::FinalReply)), "{reply}");
        assert!(connection.lost_its_place() && !connection.usable() && !connection.is_ahead());
        assert_eq!(server.mails(), []);
    }
    // Or it has taken that one, and it is the next that finds no place.
    let acts = [
        (At::End, Act::SayAndForget("250 2.0.0 ok")),
        (At::End, Act::SayThenClose("250 2.0.0 ok")),
        (At::MailFrom, Act::Say("503 5.5.1 not now")),
        // Shifted by one: its last word is not 354.
        (At::End, Act::Say("250 2.0.0 ok\r\n250 2.0.0 and again")),
    ];
    for (at, act) in acts {
        let earlier = (at == At::MailFrom).then_some((At::MailFrom, Act::Say("250 ok")));
        let server = SmtpServer::scripted(vec![earlier.into_iter().chain([(at, act)]).collect()]).await;
        let deadlines = Deadlines { ahead: hasty().ahead, ..patient() };
        let mut connection = connected(&server, deadlines).await;
        assert_eq!(told(&send_with_next(&mut connection).await).0, "accepted", "{act:?}");
        let next = connection.send(&TO_BOB, MESSAGE).await;
        assert_eq!(told(&next).0, "stale", "{act:?}: {next:?}");
        assert!(connection.lost_its_place() && !connection.usable(), "{act:?}");
        assert_eq!(server.mails(), [mail_to(&TO_ADA, 0)]);
    }
    // One that is not known to bear it may say it in any words.
    for reply in ["554 synchronization error", "501 5.5.2 what", "421 4.7.0 too much"] {
        let script = vec![(At::MailFrom, Act::Say("250 ok")), (At::MailFrom, Act::Say(reply))];
        let server = SmtpServer::scripted(vec![script]).await;
        let mut connection = connected(&server, patient()).await;
        assert_eq!(told(&send_with_next(&mut connection).await).0, "accepted");
        assert_eq!(told(&connection.send(&TO_BOB, MESSAGE).await).0, "stale", "{reply}");
        assert!(connection.lost_its_place() && !connection.bears());
    }
    // A reply too many, and a refusal that belongs to another command than it seems to.
    let script = vec![
        (At::End, Act::Say("250 2.0.0 ok\r\n250 2.0.0 and again")),
        (At::MailFrom, Act::Say("250 ok")),
        (At::MailFrom, Act::Say("550 5.1.1 nobody")),
    ];
    let server = SmtpServer::scripted(vec![script]).await;
    let mut connection = connected(&server, patient()).await;
    assert_eq!(told(&send_with_next(&mut connection).await).0, "accepted");
    assert_eq!(told(&connection.send(&TO_BOB, MESSAGE).await).0, "stale");
    assert!(connection.lost_its_place());
    // Without anything ahead the same words are for the mail.
    let server = SmtpServer::scripted(vec![vec![(At::End, Act::Say("503 5.5.0 no"))]]).await;
    let mut connection = connected(&server, patient()).await;
    assert_eq!(told(&connection.send(&TO_ADA, MESSAGE).await).0, "permanent");
    assert!(!connection.lost_its_place());
}

#[tokio::test]
async fn what_a_relay_refuses_with_the_next_envelope_is_suspected_until_it_is_known_to_bear_that() {
    for reply in ["554 5.6.0 spam", "451 4.3.0 not now", "421 4.7.0 too much"] {
        let server = SmtpServer::scripted(vec![vec![(At::End, Act::Say(reply))]; 2]).await;
        let mut connection = connected(&server, patient()).await;
        assert_eq!(told(&send_with_next(&mut connection).await).0, "stale", "{reply}");
        assert!(connection.is_suspected() && !connection.lost_its_place() && !connection.usable());
        let mut connection = connected(&server, patient()).await;
        connection.is_known_to_bear();
        assert_ne!(told(&send_with_next(&mut connection).await).0, "stale", "{reply}");
        assert!(!connection.is_suspected());
    }
    for bears in [false, true] {
        let server = SmtpServer::scripted(vec![vec![(At::End, Act::Close)]]).await;
        let mut connection = connected(&server, patient()).await;
        if bears {
            connection.is_known_to_bear();
        }
        assert_eq!(told(&send_with_next(&mut connection).await).0, "unknown", "it may have been sent");
        assert_eq!(connection.lost_its_place(), !bears);
    }
}

#[tokio::test]
async fn where_replies_come_in_no_order_the_mail_may_have_been_sent() {
    let shifted = "503 5.5.1 no\r\n503 5.5.1 no\r\n503 5.5.1 no\r\n250 2.0.0 queued";
    let server = SmtpServer::scripted(vec![vec![(At::End, Act::Say(shifted))]]).await;
    let mut connection = connected(&server, patient()).await;
    assert_eq!(told(&send_with_next(&mut connection).await).0, "unknown");
    assert!(connection.lost_its_place() && !connection.usable());
}

#[tokio::test]
async fn who_keeps_the_relay_waiting_for_the_message_is_not_sent_and_not_charged() {
    let server = SmtpServer::scripted(vec![]).await;
    let mut connection = connected(&server, Deadlines { kept_waiting: hasty().kept_waiting, ..patient() }).await;
    let cleared = pending::<bool>();
    assert!(connection.send_if(&TO_ADA, MESSAGE, cleared, never(), None).await.is_none());
    assert!(!connection.usable());
    // It hung up between the envelope, which it had from before, and the message.
    for end in [Act::SayThenClose("354 go on"), Act::SayThenClose("354 go on\r\n421 4.4.2 idle")] {
        let server = SmtpServer::scripted(vec![vec![(At::Data, Act::Say("354 go on")), (At::Data, end)]]).await;
        let mut connection = connected(&server, patient()).await;
        assert_eq!(told(&send_with_next(&mut connection).await).0, "accepted");
        let closed = async {
            server.until_all_are_closed().await;
            true
        };
        let outcome = connection.send_if(&TO_BOB, MESSAGE, closed, never(), None).await.unwrap();
        assert_eq!(told(&outcome).0, "stale", "{end:?}");
        assert_eq!(server.mails().len(), 1);
    }
}

#[tokio::test]
async fn a_large_mail_of_dots_arrives_whole_in_pieces() {
    let server = SmtpServer::scripted(vec![]).await;
    let mut connection = connected(&server, patient()).await;
    for length in [64 * 1024 - 6, 64 * 1024 - 5, 64 * 1024 - 3, 64 * 1024, 3_000_000] {
        let message: Vec<u8> = b"....\r\n.\r\n".iter().copied().cycle().take(length / 9 * 9).collect();
        assert_eq!(told(&connection.send(&TO_ADA, &message).await).0, "accepted");
        assert!(server.mails().last().unwrap().bytes == message);
    }
}

/// One fault: where, what, and what is known afterwards; the last says whether the connection may serve again.
type Row = (At, Act, (&'static str, Option<Phase>, Option<u16>), bool);

async fn check(rows: Vec<Row>, deadlines: fn() -> Deadlines) {
    for (at, act, expected, lives) in rows {
        for pipelining in [true, false] {
            let scripts = vec![vec![(at, act)]];
            let server = SmtpServer::start(Shape { pipelining, scripts, ..Shape::default() }).await;
            let mut connection = connected(&server, deadlines()).await;
            let outcome = connection.send(&TO_ADA, MESSAGE).await;
            let place = format!("{at:?} {act:?}, pipelining {pipelining}: {outcome:?}");
            assert_eq!(told(&outcome), expected, "{place}");
            assert_eq!(connection.usable(), lives, "{place}");
            assert_eq!(connection.spent(now()), !lives, "{place}");
            match (expected.0, act) {
                ("accepted", _) | ("unknown", Act::Stall | Act::Close | Act::Reset) => {
                    assert_eq!(server.mails().len(), 1, "{place}");
                }
                ("unknown", _) => {}
                _ => assert_eq!(server.mails(), [], "{place}"),
            }
            if lives {
                // The next mail gets its own replies, not those of this one.
                let next = connection.send(&TO_BOB, MESSAGE).await;
                assert_eq!(told(&next).0, "accepted", "{place}");
                assert_eq!(server.mails().last(), Some(&mail_to(&TO_BOB, 0)), "{place}");
            } else {
                let next = connection.send(&TO_BOB, MESSAGE).await;
                assert_eq!(told(&next).0, "stale", "{place}");
            }
        }
    }
}

#[tokio::test]
async fn a_refusal_at_each_phase_has_its_outcome_and_the_connection_serves_on() {
    use Act::*;
    use Phase::{Data, FinalReply, MailFrom, RcptTo};
    check(
        vec![
            (At::MailFrom, Say("450 4.1.8 not now"), ("temporary", Some(MailFrom), Some(450)), true),
            (At::MailFrom, Say("550 5.7.1 not you"), ("relay", Some(MailFrom), Some(550)), true),
            (At::MailFrom, Say("421 4.7.0 later"), ("paused", Some(MailFrom), Some(421)), false),
            (At::RcptTo, Say("550 5.1.1 nobody"), ("bad_address", Some(RcptTo), Some(550)), true),
            (At::RcptTo, Say("550-5.1.1 nobody\r\n550 5.1.1 here"), ("bad_address", Some(RcptTo), Some(550)), true),
            (At::RcptTo, Drip("550 5.1.1 nobody"), ("bad_address", Some(RcptTo), Some(550)), true),
            (At::RcptTo, Say("450 4.7.1 greylisted"), ("temporary", Some(RcptTo), Some(450)), true),
            (At::RcptTo, Say("451 4.7.1 rate limit"), ("paused", Some(RcptTo), Some(451)), true),
            (At::RcptTo, Say("535 5.7.8 expired"), ("relay", Some(RcptTo), Some(535)), true),
            (At::RcptTo, SayThenClose("421 4.3.2 bye"), ("paused", Some(RcptTo), Some(421)), false),
            (At::RcptTo, Say("251 will forward"), ("accepted", None, Some(250)), true),
            (At::Data, Say("554 5.5.1 no"), ("permanent", Some(Data), Some(554)), true),
            (At::Data, Say("451 4.3.0 no"), ("temporary", Some(Data), Some(451)), true),
            (At::End, Say("554 5.6.0 no"), ("permanent", Some(FinalReply), Some(554)), true),
            (At::End, Say("451 4.3.0 no"), ("temporary", Some(FinalReply), Some(451)), true),
            (At::End, SayThenClose("421 4.3.2 bye"), ("paused", Some(FinalReply), Some(421)), false),
            (At::End, Drip("250-2.0.0 queued\r\n250 2.0.0 as x"), ("accepted", None, Some(250)), true),
        ],
        patient,
    )
    .await;
}

#[tokio::test]
async fn an_odd_reply_destroys_the_connection_and_is_unknown_only_after_the_end() {
    use Act::*;
    use Phase::{Data, FinalReply, MailFrom, RcptTo};
    check(
        vec![
            (At::MailFrom, Say("354 odd"), ("relay", Some(MailFrom), Some(354)), false),
            (At::MailFrom, Say("hello"), ("relay", Some(MailFrom), None), false),
            (At::MailFrom, EndlessLine, ("relay", Some(MailFrom), None), false),
            (At::MailFrom, EndlessReply, ("relay", Some(MailFrom), None), false),
            (At::MailFrom, Say("250-one\r\n550 two"), ("relay", Some(MailFrom), None), false),
            (At::RcptTo, Say("252 perhaps"), ("relay", Some(RcptTo), Some(252)), false),
            (At::Data, Say("250 odd"), ("relay", Some(Data), Some(250)), false),
            (At::Data, Say("\u{1}\u{2}"), ("relay", Some(Data), None), false),
            (At::End, Say("251 odd"), ("unknown", Some(FinalReply), None), false),
            (At::End, Say("354 odd"), ("unknown", Some(FinalReply), None), false),
            (At::End, Say("thanks"), ("unknown", Some(FinalReply), None), false),
            (At::End, EndlessLine, ("unknown", Some(FinalReply), None), false),
            (At::End, EndlessReply, ("unknown", Some(FinalReply), None), false),
            // One reply too many: accepted, and nothing else goes over this connection.
            (At::End, Say("250 ok\r\n250 and once more"), ("accepted", None, Some(250)), false),
        ],
        patient,
    )
    .await;
}

#[tokio::test]
async fn a_connection_that_breaks_is_not_sent_before_the_end_and_unknown_after_it() {
    use Act::*;
    use Phase::{Body, Data, FinalReply, MailFrom, RcptTo};
    check(
        vec![
            (At::MailFrom, Close, ("relay", Some(MailFrom), None), false),
            (At::RcptTo, Close, ("relay", Some(RcptTo), None), false),
            (At::Data, Close, ("relay", Some(Data), None), false),
            (At::RcptTo, SayThenReset("421 4.3.2 bye"), ("paused", Some(RcptTo), Some(421)), false),
            (At::End, Close, ("unknown", Some(FinalReply), None), false),
            (At::End, Reset, ("unknown", Some(FinalReply), None), false),
            (At::Data, Say("354 go on\r\n552 5.3.4 too big"), ("permanent", Some(Body), Some(552)), false),
            (At::Data, Say("354 go on\r\n250 ok already"), ("relay", Some(Body), Some(250)), false),
        ],
        patient,
    )
    .await;
}

#[tokio::test]
async fn a_connection_that_is_reset_before_the_end_is_not_sent() {
    // A reset may overtake the replies before it, so the phase is that of any command of the group.
    for at in [At::MailFrom, At::RcptTo, At::Data] {
        let server = SmtpServer::scripted(vec![vec![(at, Act::Reset)]]).await;
        let mut connection = connected(&server, patient()).await;
        let outcome = connection.send(&TO_ADA, MESSAGE).await;
        assert_eq!((told(&outcome).0, told(&outcome).2), ("relay", None), "{at:?}: {outcome:?}");
        assert!(!connection.usable());
    }
}

#[tokio::test]
async fn a_relay_that_goes_silent_is_left_and_what_is_unknown_is_said() {
    use Act::Stall;
    use Phase::{Data, FinalReply, MailFrom, RcptTo};
    check(
        vec![
            (At::MailFrom, Stall, ("relay", Some(MailFrom), None), false),
            (At::RcptTo, Stall, ("relay", Some(RcptTo), None), false),
            (At::Data, Stall, ("relay", Some(Data), None), false),
            (At::End, Stall, ("unknown", Some(FinalReply), None), false),
        ],
        hasty,
    )
    .await;
}

#[tokio::test]
async fn a_small_mail_cut_short_is_unknown_for_its_end_was_written() {
    for act in [Act::Close, Act::Reset, Act::Stall] {
        let server = SmtpServer::scripted(vec![vec![(At::BodyByte(5), act)]]).await;
        let mut connection = connected(&server, hasty()).await;
        let outcome = connection.send(&TO_ADA, MESSAGE).await;
        assert_eq!(told(&outcome), ("unknown", Some(Phase::FinalReply), None), "{act:?}: {outcome:?}");
        assert!(!connection.usable());
    }
}

#[tokio::test]
async fn a_large_mail_cut_short_is_not_sent_for_its_end_was_never_written() {
    // More than the buffers of both ends can hold.
    let message = vec![b"A line of a mail that is much too long.\r\n".as_slice(); 500_000].concat();
    for act in [Act::Close, Act::Reset, Act::Stall] {
        let server = SmtpServer::scripted(vec![vec![(At::BodyByte(100_000), act)]]).await;
        let mut connection = connected(&server, hasty()).await;
        let outcome = connection.send(&TO_ADA, &message).await;
        assert_eq!(told(&outcome), ("relay", Some(Phase::Body), None), "{act:?}: {outcome:?}");
        assert!(!connection.usable());
    }
}

#[tokio::test]
async fn what_a_relay_says_before_it_closes_in_the_midst_of_a_mail_is_heard() {
    let message = vec![b"A line of a mail that is much too long.\r\n".as_slice(); 500_000].concat();
    for (words, expected) in [
        ("552 5.3.4 too big", ("permanent", Some(Phase::Body), Some(552))),
        ("421 4.7.0 slow down", ("paused", Some(Phase::Body), Some(421))),
    ] {
        let server = SmtpServer::scripted(vec![vec![(At::BodyByte(100_000), Act::SayThenClose(words))]]).await;
        let mut connection = connected(&server, patient()).await;
        let outcome = connection.send(&TO_ADA, &message).await;
        assert_eq!(told(&outcome), expected, "{outcome:?}");
    }
}

#[tokio::test]
async fn a_354_after_a_refused_recipient_never_gets_the_message() {
    for refused in ["550 5.1.1 nobody", "450 4.2.1 later"] {
        let script = vec![(At::RcptTo, Act::Say(refused)), (At::Data, Act::Say("354 come on anyway"))];
        let server = SmtpServer::scripted(vec![script]).await;
        let mut connection = connected(&server, patient()).await;
        assert_eq!(told(&connection.send(&TO_ADA, MESSAGE).await).1, Some(Phase::RcptTo));
        assert!(!connection.usable());
        assert_eq!(server.mails(), []);
    }
}

#[tokio::test]
async fn what_follows_the_first_refusal_does_not_change_the_outcome() {
    for (act, lives) in [(Act::Say("503 5.5.1 no"), true), (Act::Close, false), (Act::Say("nonsense"), false)] {
        let server =
            SmtpServer::scripted(vec![vec![(At::MailFrom, Act::Say("450 4.1.8 no")), (At::RcptTo, act)]]).await;
        let mut connection = connected(&server, patient()).await;
        assert_eq!(
            told(&connection.send(&TO_ADA, MESSAGE).await),
            ("temporary", Some(Phase::MailFrom), Some(450)),
            "{act:?}"
        );
        assert_eq!(connection.usable(), lives, "{act:?}");
    }
}

#[tokio::test]
async fn a_connection_that_ended_while_it_waited_is_stale_and_nothing_is_charged() {
    let scripts: Vec<Script> = vec![
        vec![(At::End, Act::SayThenClose("250 2.0.0 ok"))],
        vec![(At::End, Act::Say("250 2.0.0 ok\r\n421 4.4.2 idle too long"))],
        vec![(At::Reset, Act::Close), (At::RcptTo, Act::Say("550 5.1.1 nobody"))],
        vec![(At::Reset, Act::Say("500 what?")), (At::RcptTo, Act::Say("550 5.1.1 nobody"))],
    ];
    let server = SmtpServer::scripted(scripts).await;
    for _ in 0..4 {
        let mut connection = connected(&server, patient()).await;
        connection.send(&TO_ADA, MESSAGE).await;
        assert_eq!(told(&connection.send(&TO_BOB, MESSAGE).await).0, "stale");
        assert!(!connection.usable());
    }
}

#[tokio::test]
async fn an_idle_word_that_arrives_with_the_next_mail_is_stale_too() {
    let script = vec![(At::MailFrom, Act::Say("250 ok")), (At::MailFrom, Act::Say("421 4.4.2 idle too long"))];
    let server = SmtpServer::scripted(vec![script]).await;
    let mut connection = connected(&server, patient()).await;
    assert_eq!(told(&connection.send(&TO_ADA, MESSAGE).await).0, "accepted");
    assert_eq!(told(&connection.send(&TO_BOB, MESSAGE).await).0, "stale");
}

#[tokio::test]
async fn a_send_that_is_dropped_midway_leaves_no_usable_connection() {
    for at in [At::MailFrom, At::RcptTo, At::Data, At::End] {
        let server = SmtpServer::scripted(vec![vec![(at, Act::Stall)]]).await;
        let mut connection = connected(&server, patient()).await;
        let sent = tokio::time::timeout(Duration::from_millis(50), connection.send(&TO_ADA, MESSAGE)).await;
        assert!(sent.is_err(), "{at:?}: {sent:?}");
        assert!(!connection.usable() && connection.spent(now()));
        assert_eq!(told(&connection.send(&TO_BOB, MESSAGE).await).0, "stale");
    }
}

#[tokio::test]
async fn a_connection_is_spent_after_so_many_mails_or_so_long_a_time() {
    let server = SmtpServer::scripted(vec![]).await;
    let mut limited = settings(&server.url());
    limited.max_messages = 2;
    let relay = Relay::from_settings(&limited).unwrap();
    let mut connection = open(&relay, patient()).await.unwrap();
    let later = now() + SignedDuration::from_mins(10);
    assert!(!connection.spent(later), "a new connection may always serve once");
    connection.send(&TO_ADA, MESSAGE).await;
    assert!(!connection.spent(now()) && connection.spent(later));
    connection.send(&TO_BOB, MESSAGE).await;
    assert!(connection.spent(now()));
}

#[tokio::test]
async fn what_cannot_be_sent_is_refused_before_a_byte_is_written() {
    let server = SmtpServer::start(Shape { size: Some(100), ..Shape::default() }).await;
    let mut connection = connected(&server, patient()).await;
    let smuggled = Envelope { from: TO_ADA.from, to: "ada@example.com>\r\nRCPT TO:<bob@example.com" };
    assert_eq!(told(&connection.send(&smuggled, MESSAGE).await), ("permanent", Some(Phase::RcptTo), None));
    let nobody = Envelope { from: "shop", to: TO_ADA.to };
    assert_eq!(told(&connection.send(&nobody, MESSAGE).await), ("permanent", Some(Phase::MailFrom), None));
    let large = connection.send(&TO_ADA, &[b'x'; 101]).await;
    assert_eq!(told(&large), ("permanent", Some(Phase::MailFrom), None));
    assert_eq!(server.commands(0).len(), 1, "only EHLO");
    let from_nobody = Envelope { from: "", to: TO_ADA.to };
    assert_eq!(told(&connection.send(&from_nobody, MESSAGE).await).0, "accepted");
}

#[tokio::test]
async fn each_fault_while_connecting_blames_the_relay_or_pauses_it() {
    use Phase::{Greeting, Hello};
    let table = [
        (At::Greeting, Act::Stall, Refusal::Relay, Greeting),
        (At::Greeting, Act::Close, Refusal::Relay, Greeting),
        (At::Greeting, Act::Reset, Refusal::Relay, Greeting),
        (At::Greeting, Act::EndlessLine, Refusal::Relay, Greeting),
        (At::Greeting, Act::EndlessReply, Refusal::Relay, Greeting),
        (At::Greeting, Act::Say("SSH-2.0-OpenSSH_9.9"), Refusal::Relay, Greeting),
        (At::Greeting, Act::Say("250 odd"), Refusal::Relay, Greeting),
        (At::Greeting, Act::Say("554 no"), Refusal::Relay, Greeting),
        (At::Greeting, Act::SayThenClose("421 4.7.0 too many connections"), Refusal::Paused, Greeting),
        (At::Hello, Act::Stall, Refusal::Relay, Hello),
        (At::Hello, Act::Close, Refusal::Relay, Hello),
        (At::Hello, Act::EndlessReply, Refusal::Relay, Hello),
        (At::Hello, Act::Say("421 4.3.2 bye"), Refusal::Paused, Hello),
        (At::Hello, Act::Say("450 4.7.1 wait"), Refusal::Paused, Hello),
        (At::Hello, Act::Say("554 no"), Refusal::Relay, Hello),
    ];
    for (at, act, why, phase) in table {
        let server = SmtpServer::scripted(vec![vec![(at, act)]]).await;
        let deadlines = if matches!(act, Act::Stall) { hasty() } else { patient() };
        let error = open(&relay(&server), deadlines).await.err().unwrap_or_else(|| panic!("{at:?} {act:?}"));
        assert_eq!((error.why, error.phase), (why, phase), "{at:?} {act:?}: {error}");
        assert!(matches!(Outcome::from(error), Outcome::NotSent { .. }));
    }
}

#[tokio::test]
async fn a_relay_that_is_not_there_is_told_as_such() {
    let server = SmtpServer::scripted(vec![]).await;
    let relay = relay(&server);
    let address = server.address;
    drop(server);
    // The port is free once the accepting task is gone.
    while tokio::net::TcpStream::connect(address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    let error = open(&relay, patient()).await.err().unwrap();
    assert_eq!((error.why, error.phase), (Refusal::Relay, Phase::Connect));
    assert!(error.detail.contains("refused"), "{error}");
}

#[tokio::test]
async fn an_old_relay_that_knows_only_helo_takes_mail() {
    let server = SmtpServer::start(Shape { old: true, ..Shape::default() }).await;
    let mut connection = connected(&server, patient()).await;
    assert_eq!(told(&connection.send(&TO_ADA, MESSAGE).await).0, "accepted");
    assert_eq!(server.commands(0)[1..3], ["HELO backorderd.test", "MAIL FROM:<orders@shop.example>"]);
}

/// Tries a relay; `trusted`: with the server's own certificate as `ca_file`.
async fn probe(server: &SmtpServer, url: &str, trusted: bool) -> Result<String, ConnectError> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ca.pem");
    std::fs::write(&file, &server.certificate).unwrap();
    let mut settings = settings(&url.replace("HERE", &server.address.to_string()));
    settings.ca_file = trusted.then_some(file);
    Relay::from_settings(&settings).unwrap().probe("backorderd.test", &patient()).await
}

#[tokio::test]
async fn an_encrypted_way_is_taken_where_it_can_be_trusted_and_never_silently_left() {
    let starttls = SmtpServer::start(Shape { starttls: true, ..Shape::default() }).await;
    let implicit = SmtpServer::start(Shape { implicit_tls: true, ..Shape::default() }).await;
    let plain = SmtpServer::scripted(vec![]).await;
    let encrypted = "TLS 1.3, PIPELINING, SIZE 25000000";
    let readable = "no TLS, PIPELINING, SIZE 25000000";
    let table = [
        (&starttls, "smtp://HERE", true, Ok(encrypted)),
        (&starttls, "smtp://HERE?tls=required", true, Ok(encrypted)),
        (&starttls, "smtp://HERE?tls=none", false, Ok(readable)),
        (&starttls, "smtp://HERE", false, Err("ca_file")),
        (&starttls, "smtp://HERE?tls=required", false, Err("ca_file")),
        (&implicit, "smtps://HERE", true, Ok(encrypted)),
        (&implicit, "smtps://HERE", false, Err("ca_file")),
        (&plain, "smtp://HERE", false, Ok(readable)),
        (&plain, "smtp://HERE?tls=required", true, Err("STARTTLS")),
        (&plain, "smtps://HERE", true, Err("write smtp://")),
    ];
    for (server, url, trusted, expected) in table {
        match (probe(server, url, trusted).await, expected) {
            (Ok(found), Ok(expected)) => assert_eq!(found, expected, "{url}"),
            (Err(error), Err(mend)) => {
                assert!(error.to_string().contains(mend), "{url}: {error}");
                assert_eq!((error.why, error.phase), (Refusal::Relay, Phase::Tls), "{url}: {error}");
            }
            (found, expected) => panic!("{url}: {found:?} instead of {expected:?}"),
        }
    }
    assert_eq!(starttls.commands(0), ["EHLO backorderd.test", "STARTTLS", "EHLO backorderd.test", "QUIT"]);
    assert!(starttls.mails().is_empty());
}

#[tokio::test]
async fn a_certificate_for_another_name_is_refused() {
    let server = SmtpServer::start(Shape { implicit_tls: true, ..Shape::default() }).await;
    let url = format!("smtps://[::ffff:127.0.0.1]:{}", server.address.port());
    let error = probe(&server, &url, true).await.unwrap_err();
    assert_eq!(error.phase, Phase::Tls, "{error}");
}

#[tokio::test]
async fn replies_put_before_the_handshake_are_not_believed_after_it() {
    let script = vec![(At::StartTls, Act::Say("220 go on\r\n250 a stranger's word"))];
    let server = SmtpServer::start(Shape { starttls: true, scripts: vec![script], ..Shape::default() }).await;
    let error = probe(&server, "smtp://HERE", true).await.unwrap_err();
    assert_eq!((error.why, error.phase), (Refusal::Relay, Phase::Tls));
    assert!(error.detail.contains("before the handshake"), "{error}");
}

#[tokio::test]
async fn mails_go_over_an_encrypted_connection_and_a_break_after_the_end_is_unknown() {
    let scripts = vec![vec![(At::End, Act::Say("250 ok")), (At::End, Act::Close)]];
    let server = SmtpServer::start(Shape { implicit_tls: true, scripts, ..Shape::default() }).await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ca.pem");
    std::fs::write(&file, &server.certificate).unwrap();
    let mut settings = settings(&format!("smtps://{}", server.address));
    settings.ca_file = Some(file);
    let mut connection = open(&Relay::from_settings(&settings).unwrap(), patient()).await.unwrap();
    let large = vec![b".A line of a long mail.\r\n".as_slice(); 50_000].concat();
    assert_eq!(told(&connection.send(&TO_ADA, &large).await).0, "accepted");
    assert!(server.mails()[0].bytes == large);
    assert_eq!(told(&connection.send(&TO_BOB, MESSAGE).await), ("unknown", Some(Phase::FinalReply), None));
}

#[tokio::test]
async fn signing_in_works_by_plain_and_by_login_and_a_refusal_blames_the_relay() {
    let table = [
        (Some("PLAIN LOGIN"), "hunter2", Ok("no TLS, AUTH ok, PIPELINING, SIZE 25000000")),
        (Some("LOGIN"), "hunter2", Ok("no TLS, AUTH ok, PIPELINING, SIZE 25000000")),
        (Some("PLAIN"), "sesame99", Err("535 5.7.8 wrong")),
        (Some("LOGIN"), "sesame99", Err("535 5.7.8 wrong")),
        (Some("GSSAPI"), "hunter2", Err("AUTH PLAIN")),
        (None, "hunter2", Err("AUTH PLAIN")),
    ];
    for (mechanisms, password, expected) in table {
        let server = SmtpServer::start(Shape { mechanisms, ..Shape::default() }).await;
        match (probe(&server, &format!("smtp://ada:{password}@HERE"), false).await, expected) {
            (Ok(found), Ok(expected)) => assert_eq!(found, expected),
            (Err(error), Err(words)) => {
                assert_eq!((error.why, error.phase), (Refusal::Relay, Phase::Auth), "{mechanisms:?}: {error}");
                assert!(error.to_string().contains(words), "{error}");
                assert!(!format!("{error:?}").contains(password), "{error:?}");
            }
            (found, expected) => panic!("{mechanisms:?}: {found:?} instead of {expected:?}"),
        }
    }
}

#[tokio::test]
async fn a_relay_that_repeats_the_password_does_not_get_it_into_an_error() {
    for echo in ["535 5.7.8 sesame99 is wrong", "535 5.7.8 AGFkYQBzZXNhbWU5OQ== is wrong"] {
        let script = vec![(At::Auth, Act::Say(echo))];
        let server =
            SmtpServer::start(Shape { mechanisms: Some("PLAIN"), scripts: vec![script], ..Shape::default() }).await;
        let error = probe(&server, "smtp://ada:sesame99@HERE", false).await.unwrap_err();
        let shown = format!("{error} {error:?}");
        assert!(!shown.contains("sesame99") && !shown.contains("AGFkYQBzZXNhbWU5OQ"), "{shown}");
    }
}

#[tokio::test]
async fn a_relay_that_is_busy_when_signing_in_is_paused() {
    let script = vec![(At::Auth, Act::Say("454 4.7.0 try later"))];
    let server =
        SmtpServer::start(Shape { mechanisms: Some("PLAIN"), scripts: vec![script], ..Shape::default() }).await;
    let error = probe(&server, "smtp://ada:hunter2@HERE", false).await.unwrap_err();
    assert_eq!((error.why, error.phase), (Refusal::Paused, Phase::Auth));
}

/// Speed beside Postfix's own client on the same sink, for a look by hand; it needs `smtp-sink` and `smtp-source`.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measurement: run it alone, with Postfix installed"]
async fn as_fast_as_the_client_that_comes_with_postfix() {
    const MAILS: usize = 5_000;
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut sink = std::process::Command::new("/usr/sbin/smtp-sink")
        .args(["-u", "nobody", &free.to_string(), "1000"])
        .spawn()
        .unwrap();
    while tokio::net::TcpStream::connect(free).await.is_err() {
        tokio::task::yield_now().await;
    }
    let relay = Relay::from_settings(&settings(&format!("smtp://{free}?tls=none"))).unwrap();
    let line = [b"x".repeat(76), b"\r\n".to_vec()].concat();
    let message: std::sync::Arc<[u8]> = line.iter().copied().cycle().take(8_190).chain(*b"\r\n").collect();
    for connections in [1, 8] {
        let started = std::time::Instant::now();
        let mut sessions = tokio::task::JoinSet::new();
        for _ in 0..connections {
            let (relay, message) = (relay.clone(), message.clone());
            sessions.spawn(async move {
                let mut connection = open(&relay, patient()).await.unwrap();
                for _ in 0..MAILS / connections {
                    assert_eq!(told(&connection.send(&TO_ADA, &message).await).0, "accepted");
                }
                connection.quit().await;
            });
        }
        sessions.join_all().await;
        let ours = MAILS as f64 / started.elapsed().as_secs_f64();
        let started = std::time::Instant::now();
        let status = std::process::Command::new("/usr/sbin/smtp-source")
            .args(["-d", "-s", &connections.to_string(), "-l", "8192", "-m", &MAILS.to_string(), &free.to_string()])
            .status()
            .unwrap();
        assert!(status.success());
        let theirs = MAILS as f64 / started.elapsed().as_secs_f64();
        println!("{connections} connections: {ours:.0} mails/s, smtp-source {theirs:.0}/s, ratio {:.2}", ours / theirs);
    }
    sink.kill().unwrap();
    sink.wait().unwrap();
}
