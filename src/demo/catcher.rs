//! The demo's mail server: takes every mail that is sent to it and keeps the newest, for the inbox page to show.
//!
//! In: SMTP on a loopback port, from our own delivery or any other client. Out: an [`Inbox`]. A client that is broken,
//! slow, endless or one of too many is refused or left; mails over [`MAX_MAIL`] are refused.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::caught::Inbox;

/// In bytes, of one mail.
pub const MAX_MAIL: usize = 25 * 1024 * 1024;
const MAX_LINE: usize = 2_048;
const MAX_RECIPIENTS: usize = 100;
const MAX_CONNECTIONS: usize = 64;
/// How long a client may be silent, or not take an answer.
const PATIENCE: Duration = Duration::from_mins(1);

/// Tells the time.
pub type Now = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// The server; it serves while [`Catcher::run`] runs.
pub struct Catcher {
    listener: TcpListener,
    inbox: Arc<Inbox>,
    now: Now,
}

impl Catcher {
    /// Takes the port; `keep`: how many mails are kept. Only this machine can reach it, so another address is an error.
    pub async fn bind(address: SocketAddr, keep: usize, now: Now) -> io::Result<Catcher> {
        if !address.ip().is_loopback() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "the mail catcher listens on loopback only"));
        }
        let inbox = Arc::new(Inbox::new(keep));
        Ok(Catcher { listener: TcpListener::bind(address).await?, inbox, now })
    }

    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    pub fn inbox(&self) -> Arc<Inbox> {
        self.inbox.clone()
    }

    /// Serves until it is dropped, and its connections with it.
    pub async fn run(self) {
        let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
        let mut sessions = JoinSet::new();
        loop {
            while sessions.try_join_next().is_some() {}
            let Ok((mut stream, _)) = self.listener.accept().await else {
                // Out of file handles: the ones in use come back with time, not by asking again at once.
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            };
            let Ok(place) = places.clone().try_acquire_owned() else {
                // What does not fit into the socket's empty buffer is not worth waiting for.
                let _ = stream.try_write(b"421 4.7.0 too many connections\r\n");
                let _ = timeout(PATIENCE, stream.shutdown()).await;
                continue;
            };
            let session = Session::new(stream, self.inbox.clone(), self.now.clone());
            sessions.spawn(async move {
                if let Err(error) = session.run().await {
                    tracing::debug!(%error, "a client of the mail catcher went away");
                }
                drop(place);
            });
        }
    }
}

/// One client.
struct Session {
    stream: TcpStream,
    unread: Vec<u8>,
    /// Answers not yet written; they leave together when there is nothing more to read.
    unwritten: Vec<u8>,
    inbox: Arc<Inbox>,
    now: Now,
    from: Option<String>,
    to: Vec<String>,
}

impl Session {
    fn new(stream: TcpStream, inbox: Arc<Inbox>, now: Now) -> Session {
        Session { stream, unread: Vec::new(), unwritten: Vec::new(), inbox, now, from: None, to: Vec::new() }
    }

    async fn run(mut self) -> io::Result<()> {
        self.stream.set_nodelay(true)?;
        self.answer("220 backorderd demo");
        loop {
            let Some(line) = self.line().await? else {
                self.answer("500 5.5.2 that line is too long");
                return self.send().await;
            };
            let (verb, rest) = line.split_once(' ').unwrap_or((&line, ""));
            match verb.to_ascii_uppercase().as_str() {
                "EHLO" => {
                    self.clear();
                    self.answer("250-backorderd demo");
                    self.answer("250-PIPELINING");
                    self.answer("250-8BITMIME");
                    self.answer(&format!("250 SIZE {MAX_MAIL}"));
                }
                "HELO" => {
                    self.clear();
                    self.answer("250 backorderd demo");
                }
                "MAIL" => self.mail_from(rest),
                "RCPT" => self.rcpt_to(rest),
                "DATA" => self.data().await?,
                "RSET" => {
                    self.clear();
                    self.answer("250 2.0.0 ok");
                }
                "NOOP" => self.answer("250 2.0.0 ok"),
                "QUIT" => {
                    self.answer("221 2.0.0 bye");
                    return self.send().await;
                }
                _ => self.answer("500 5.5.2 no such command"),
            }
        }
    }

    fn clear(&mut self) {
        self.from = None;
        self.to.clear();
    }

    fn mail_from(&mut self, rest: &str) {
        match path(rest, "FROM:") {
            _ if self.from.is_some() => self.answer("503 5.5.1 a sender was named already"),
            None => self.answer("501 5.5.4 MAIL FROM:<address> is meant"),
            Some((_, size)) if size.is_some_and(|size| size > MAX_MAIL) => self.answer("552 5.3.4 too large"),
            Some((from, _)) => {
                self.from = Some(from);
                self.answer("250 2.1.0 ok");
            }
        }
    }

    fn rcpt_to(&mut self, rest: &str) {
        match path(rest, "TO:") {
            _ if self.from.is_none() => self.answer("503 5.5.1 MAIL comes first"),
            Some((to, _)) if !to.is_empty() && self.to.len() < MAX_RECIPIENTS => {
                self.to.push(to);
                self.answer("250 2.1.5 ok");
            }
            Some((to, _)) if !to.is_empty() => self.answer("452 4.5.3 too many recipients"),
            _ => self.answer("501 5.5.4 RCPT TO:<address> is meant"),
        }
    }

    async fn data(&mut self) -> io::Result<()> {
        if self.to.is_empty() {
            self.answer("503 5.5.1 RCPT comes first");
            return Ok(());
        }
        self.answer("354 end with a lone dot");
        let message = self.message().await?;
        let (from, to) = (self.from.take().unwrap_or_default(), std::mem::take(&mut self.to));
        match message {
            Some(raw) => {
                let id = self.inbox.add((self.now)(), from, to, raw);
                self.answer(&format!("250 2.0.0 kept as {id}"));
            }
            None => self.answer("552 5.3.4 too large"),
        }
        Ok(())
    }

    /// The message up to its lone dot; `None`: too large, read to its end and thrown away.
    async fn message(&mut self) -> io::Result<Option<Vec<u8>>> {
        // A line end in front, so that a lone dot on the first line is found like any other.
        let mut taken = b"\r\n".to_vec();
        let mut too_large = false;
        let mut searched = 0;
        loop {
            taken.append(&mut self.unread);
            if let Some(found) = memchr::memmem::find(&taken[searched..], b"\r\n.\r\n") {
                let end = searched + found + 2;
                self.unread = taken.split_off(end + 3);
                return Ok((!too_large && end - 2 <= MAX_MAIL).then(|| without_stuffed_dots(&taken[2..end])));
            }
            if taken.len() > MAX_MAIL + 2 {
                too_large = true;
                taken.drain(..taken.len() - 4);
            }
            searched = taken.len().saturating_sub(4);
            self.fill().await?;
        }
    }

    /// The next line without its end; `None`: it is too long.
    async fn line(&mut self) -> io::Result<Option<String>> {
        loop {
            if let Some(end) = memchr::memchr(b'\n', &self.unread) {
                let line: Vec<u8> = self.unread.drain(..=end).collect();
                let line = String::from_utf8_lossy(line.trim_ascii_end()).into_owned();
                return Ok((end < MAX_LINE).then_some(line));
            }
            if self.unread.len() >= MAX_LINE {
                return Ok(None);
            }
            self.fill().await?;
        }
    }

    fn answer(&mut self, line: &str) {
        self.unwritten.extend_from_slice(line.as_bytes());
        self.unwritten.extend_from_slice(b"\r\n");
    }

    async fn send(&mut self) -> io::Result<()> {
        if !self.unwritten.is_empty() {
            timeout(PATIENCE, self.stream.write_all(&self.unwritten)).await??;
            self.unwritten.clear();
        }
        Ok(())
    }

    async fn fill(&mut self) -> io::Result<()> {
        self.send().await?;
        self.unread.reserve(64 * 1024);
        match timeout(PATIENCE, self.stream.read_buf(&mut self.unread)).await?? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }
}

/// The address of `FROM:<address> SIZE=...`, and the size.
fn path(rest: &str, keyword: &str) -> Option<(String, Option<usize>)> {
    let (word, rest) = rest.split_at_checked(keyword.len())?;
    if !word.eq_ignore_ascii_case(keyword) {
        return None;
    }
    let (address, parameters) = rest.trim_start().strip_prefix('<')?.split_once('>')?;
    let size = parameters.split_whitespace().find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        name.eq_ignore_ascii_case("SIZE").then(|| value.parse().ok()).flatten()
    });
    Some((address.to_owned(), size))
}

fn without_stuffed_dots(lines: &[u8]) -> Vec<u8> {
    let mut message = Vec::with_capacity(lines.len());
    for line in lines.split_inclusive(|byte| *byte == b'\n') {
        message.extend_from_slice(line.strip_prefix(b".").unwrap_or(line));
    }
    message
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::deliver::outcome::Outcome;
    use crate::deliver::smtp::Deadlines;
    use crate::deliver::smtp::connection::Connection;
    use crate::deliver::smtp::envelope::Envelope;
    use crate::deliver::smtp::relay::Relay;
    use crate::settings::mail::RelaySettings;

    const TO_ADA: Envelope = Envelope { from: "orders@shop.example", to: "ada@example.com" };

    fn noon() -> Timestamp {
        "2027-01-04T12:00:00Z".parse().unwrap()
    }

    async fn catcher(keep: usize) -> (SocketAddr, Arc<Inbox>, JoinSet<()>) {
        let catcher = Catcher::bind("127.0.0.1:0".parse().unwrap(), keep, Arc::new(noon)).await.unwrap();
        let (address, inbox) = (catcher.address().unwrap(), catcher.inbox());
        let mut running = JoinSet::new();
        running.spawn(catcher.run());
        (address, inbox, running)
    }

    async fn connected(address: SocketAddr) -> Connection {
        let settings = RelaySettings::new(format!("smtp://{address}?tls=none"));
        let relay = Relay::from_settings(&settings).unwrap();
        Connection::open(&relay, "backorderd.test", Deadlines::default(), noon()).await.unwrap()
    }

    /// Says it all at once; answers all that comes back until the catcher closes.
    async fn said(address: SocketAddr, words: &[u8]) -> String {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(words).await.unwrap();
        let mut answers = String::new();
        stream.read_to_string(&mut answers).await.unwrap();
        answers
    }

    fn codes(answers: &str) -> Vec<&str> {
        answers.lines().filter(|line| line.as_bytes().get(3) != Some(&b'-')).map(|line| &line[..3]).collect()
    }

    #[tokio::test]
    async fn our_own_delivery_is_caught_byte_for_byte_and_the_newest_are_kept() {
        let (address, inbox, _running) = catcher(2).await;
        let mut connection = connected(address).await;
        assert!(connection.offers().pipelining);
        for number in 1..=3 {
            let mail = format!("Subject: =?utf-8?Q?Gr=C3=BC=C3=9Fe?= {number}\r\n\r\n.\r\n..\r\nBye.\r\n");
            let outcome = connection.send(&TO_ADA, mail.as_bytes()).await;
            assert!(matches!(outcome, Outcome::Accepted { .. }), "{outcome:?}");
        }
        let subjects: Vec<_> = inbox.list().iter().map(|mail| mail.subject.clone()).collect();
        assert_eq!(subjects, ["Grüße 3", "Grüße 2"]);
        let newest = inbox.get(3).unwrap();
        assert_eq!((newest.from.as_str(), &newest.to[..]), (TO_ADA.from, &["ada@example.com".to_owned()][..]));
        assert_eq!((newest.received_at, newest.text.as_deref()), (noon(), Some(".\r\n..\r\nBye.\r\n")));
        assert!(newest.raw.ends_with(b"\r\n\r\n.\r\n..\r\nBye.\r\n"));
        assert!(inbox.get(1).is_none());
    }

    #[tokio::test]
    async fn commands_out_of_order_are_refused_and_the_dialogue_goes_on() {
        let (address, inbox, _running) = catcher(9).await;
        let answers = said(
            address,
            b"HELO x\r\nDATA\r\nRCPT TO:<a@b.example>\r\nMAIL ada\r\nMAIL FROM:<>\r\nMAIL FROM:<>\r\nRCPT TO:<>\r\n\
              RCPT TO:<a@b.example>\r\nNONSENSE \xff\r\nRSET\r\nDATA\r\nmail from:<x@y.example> size=99999999\r\n\
              MAIL FROM:<x@y.example>\r\nRCPT TO:<a@b.example>\r\nDATA\r\n.\r\nNOOP\r\nQUIT\r\n",
        )
        .await;
        assert_eq!(
            codes(&answers),
            [
                "220", "250", "503", "503", "501", "250", "503", "501", "250", "500", "250", "503", "552", "250",
                "250", "354", "250", "250", "221"
            ]
        );
        assert_eq!(inbox.list()[0].raw, b"");
    }

    #[tokio::test]
    async fn endless_lines_and_clients_that_vanish_leave_it_serving() {
        let (address, inbox, _running) = catcher(9).await;
        let answers = said(address, &[b'x'; MAX_LINE]).await;
        assert_eq!(codes(&answers), ["220", "500"]);
        let mut vanishing = TcpStream::connect(address).await.unwrap();
        vanishing.write_all(b"HELO x\r\nMAIL FROM:<>\r\nRCPT TO:<a@b.example>\r\nDATA\r\nhalf").await.unwrap();
        drop(vanishing);
        let outcome = connected(address).await.send(&TO_ADA, b"Subject: x\r\n\r\n").await;
        assert!(matches!(outcome, Outcome::Accepted { .. }));
        assert_eq!(inbox.list().len(), 1);
    }

    #[tokio::test]
    async fn a_mail_that_is_too_large_is_refused_at_its_end_and_the_dialogue_goes_on() {
        let (address, inbox, _running) = catcher(9).await;
        let mut words = b"HELO x\r\nMAIL FROM:<>\r\nRCPT TO:<a@b.example>\r\nDATA\r\n".to_vec();
        words.resize(words.len() + MAX_MAIL + 1, b'x');
        words.extend_from_slice(b"\r\n.\r\nQUIT\r\n");
        assert_eq!(codes(&said(address, &words).await), ["220", "250", "250", "250", "354", "552", "221"]);
        assert!(inbox.list().is_empty());
    }

    #[tokio::test]
    async fn one_connection_too_many_is_told_so() {
        let (address, _inbox, _running) = catcher(9).await;
        let mut held = Vec::new();
        for _ in 0..MAX_CONNECTIONS {
            let mut stream = TcpStream::connect(address).await.unwrap();
            let mut greeting = [0; 4];
            stream.read_exact(&mut greeting).await.unwrap();
            held.push(stream);
        }
        assert_eq!(codes(&said(address, b"").await), ["421"]);
    }

    #[tokio::test]
    async fn only_this_machine_can_reach_it() {
        let error = Catcher::bind("0.0.0.0:0".parse().unwrap(), 9, Arc::new(noon)).await.err().unwrap();
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
    }
}
