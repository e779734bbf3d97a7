//! A real SMTP server in the test process that does what a script says: it answers anything at any step, stalls,
//! closes, resets. Without a script it takes mail as a relay does and keeps it, byte for byte. A script belongs to one
//! connection; a fault ([`SmtpServer::once`]) happens to whichever comes to that step next.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::server::TlsStream;

/// A step of the dialogue at which a script can act.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum At {
    Greeting,
    Hello,
    StartTls,
    Auth,
    MailFrom,
    RcptTo,
    Data,
    /// After so many bytes of the message, as they come over the wire.
    BodyByte(usize),
    /// After the lone dot.
    End,
    Reset,
    Quit,
}

/// What the server does instead of its usual answer.
#[derive(Clone, Copy, Debug)]
pub enum Act {
    /// Answers this; the line end is added. After [`At::End`] the mail is kept only if it begins with 250.
    Say(&'static str),
    /// The same, byte by byte.
    Drip(&'static str),
    SayThenClose(&'static str),
    SayThenReset(&'static str),
    /// Waits for what follows the mail, and answers then.
    SayAfterMore(&'static str),
    /// The same, and forgets what followed.
    SayAndForget(&'static str),
    Stall,
    Close,
    /// Closes with RST.
    Reset,
    EndlessLine,
    EndlessReply,
}

/// What happens on one connection; each entry serves once, in order.
pub type Script = Vec<(At, Act)>;

/// What the server offers, and the scripts of its first connections; later ones have none.
#[derive(Clone, Debug)]
pub struct Shape {
    pub pipelining: bool,
    /// Refuses with this a mail that commands follow before it was answered; after a 421, or without a word, it closes.
    pub strict: Option<&'static str>,
    pub size: Option<u64>,
    pub starttls: bool,
    pub implicit_tls: bool,
    /// Knows HELO only.
    pub old: bool,
    /// As in `PLAIN LOGIN`.
    pub mechanisms: Option<&'static str>,
    pub login: (&'static str, &'static str),
    pub scripts: Vec<Script>,
}

impl Default for Shape {
    fn default() -> Self {
        Shape {
            pipelining: true,
            strict: None,
            size: Some(25_000_000),
            starttls: false,
            implicit_tls: false,
            old: false,
            mechanisms: None,
            login: ("ada", "hunter2"),
            scripts: Vec::new(),
        }
    }
}

/// A mail that the server has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    pub from: String,
    pub to: Vec<String>,
    /// The message, its dots undone, without the lone dot.
    pub bytes: Vec<u8>,
    /// Which connection it came over, from 0.
    pub connection: usize,
}

#[derive(Default)]
struct Seen {
    connections: usize,
    /// Connections that nobody has left yet, and the most that there ever were.
    open: usize,
    most_open: usize,
    /// Which connection, and the line without its end.
    commands: Vec<(usize, String)>,
    mails: Vec<Received>,
    faults: Vec<(At, Act)>,
    /// Hangs up on everybody who connects.
    away: bool,
    /// Mails refused for what followed them.
    followed: usize,
}

/// What tests may wait for.
struct Told {
    count: watch::Sender<usize>,
    stalls: watch::Sender<()>,
}

pub struct SmtpServer {
    pub address: SocketAddr,
    /// PEM, for `localhost` and `127.0.0.1`, signed by itself.
    pub certificate: String,
    seen: Arc<Mutex<Seen>>,
    /// How many mails there are.
    count: watch::Receiver<usize>,
    stalls: watch::Receiver<()>,
    accepting: JoinHandle<()>,
}

impl Drop for SmtpServer {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl SmtpServer {
    pub async fn start(shape: Shape) -> SmtpServer {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (certificate, acceptor) = certificate();
        let seen = Arc::new(Mutex::new(Seen::default()));
        let (counted, count) = watch::channel(0);
        let (stalled, stalls) = watch::channel(());
        let told = Told { count: counted, stalls: stalled };
        let accepting = tokio::spawn(accept(listener, shape, acceptor, seen.clone(), Arc::new(told)));
        SmtpServer { address, certificate, seen, count, stalls, accepting }
    }

    /// A server whose first connections follow these scripts.
    pub async fn scripted(scripts: Vec<Script>) -> SmtpServer {
        SmtpServer::start(Shape { scripts, ..Shape::default() }).await
    }

    pub fn url(&self) -> String {
        format!("smtp://{}", self.address)
    }

    pub fn mails(&self) -> Vec<Received> {
        self.seen.lock().unwrap().mails.clone()
    }

    /// How many mails it has.
    pub fn count(&self) -> usize {
        *self.count.borrow()
    }

    /// The next dialogue that comes to `at` meets this, once; several wait for their turn in order.
    pub fn once(&self, at: At, act: Act) {
        self.seen.lock().unwrap().faults.push((at, act));
    }

    /// The faults that nobody has met yet.
    pub fn faults_left(&self) -> usize {
        self.seen.lock().unwrap().faults.len()
    }

    /// Takes back the faults that nobody has met yet.
    pub fn forget_faults(&self) {
        self.seen.lock().unwrap().faults.clear();
    }

    /// Whether it hangs up on everybody who connects.
    pub fn is_away(&self, away: bool) {
        self.seen.lock().unwrap().away = away;
    }

    /// Waits until it has so many mails; it may not have answered the last one yet.
    pub async fn has(&self, mails: usize) {
        self.count.clone().wait_for(|count| *count >= mails).await.unwrap();
    }

    /// The next time that a dialogue meets [`Act::Stall`].
    pub fn next_stall(&self) -> impl Future<Output = ()> + use<> {
        let mut stalls = self.stalls.clone();
        stalls.mark_unchanged();
        async move { stalls.changed().await.unwrap() }
    }

    /// Waits until it has left as many of its connections as it can.
    pub async fn until_all_are_closed(&self) {
        while self.seen.lock().unwrap().open > 0 {
            tokio::task::yield_now().await;
        }
    }

    /// How many connections were made so far.
    pub fn connections(&self) -> usize {
        self.seen.lock().unwrap().connections
    }

    /// How many mails a strict server refused for what followed them.
    pub fn followed(&self) -> usize {
        self.seen.lock().unwrap().followed
    }

    /// How many were open at once at most.
    pub fn most_open(&self) -> usize {
        self.seen.lock().unwrap().most_open
    }

    /// The commands of one connection, without line ends.
    pub fn commands(&self, connection: usize) -> Vec<String> {
        let seen = self.seen.lock().unwrap();
        seen.commands.iter().filter(|(of, _)| *of == connection).map(|(_, line)| line.clone()).collect()
    }
}

/// A certificate for this machine that nobody has signed, and who shows it.
pub fn certificate() -> (String, TlsAcceptor) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned(), "127.0.0.1".to_owned()]).unwrap();
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    (made.cert.pem(), TlsAcceptor::from(Arc::new(config)))
}

async fn accept(listener: TcpListener, shape: Shape, acceptor: TlsAcceptor, seen: Arc<Mutex<Seen>>, told: Arc<Told>) {
    // Dropped with this task, and the connections with it.
    let mut sessions = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        stream.set_nodelay(true).unwrap();
        let number = {
            let mut seen = seen.lock().unwrap();
            seen.connections += 1;
            if seen.away {
                continue;
            }
            seen.open += 1;
            seen.most_open = seen.most_open.max(seen.open);
            seen.connections - 1
        };
        let session = Session {
            socket: Socket::Plain(stream),
            unread: Vec::new(),
            script: shape.scripts.get(number).cloned().unwrap_or_default(),
            shape: shape.clone(),
            acceptor: acceptor.clone(),
            seen: seen.clone(),
            told: told.clone(),
            number,
        };
        sessions.spawn(async move {
            let _open = Open(session.seen.clone());
            drop(session.run().await);
        });
    }
}

/// A connection that is open until somebody leaves it.
struct Open(Arc<Mutex<Seen>>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.lock().unwrap().open -= 1;
    }
}

enum Socket {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

struct Session {
    socket: Socket,
    unread: Vec<u8>,
    script: Script,
    shape: Shape,
    acceptor: TlsAcceptor,
    seen: Arc<Mutex<Seen>>,
    told: Arc<Told>,
    number: usize,
}

/// How the session goes on after a step.
enum Then {
    /// The answer begins with this code.
    Answered(u16),
    End,
}

impl Session {
    async fn run(mut self) -> io::Result<()> {
        if self.shape.implicit_tls {
            self = self.encrypted().await?;
        }
        if let Then::End = self.step(At::Greeting, "220 test.example ESMTP").await? {
            return Ok(());
        }
        let (mut from, mut to) = (None, Vec::new());
        loop {
            let line = self.line().await?;
            self.seen.lock().unwrap().commands.push((self.number, line.clone()));
            let upper = line.to_ascii_uppercase();
            let then = if upper.starts_with("EHLO") && self.shape.old {
                self.step(At::Hello, "502 5.5.2 what?").await?
            } else if upper.starts_with("EHLO") {
                let offers = self.offers();
                self.step(At::Hello, &offers).await?
            } else if upper.starts_with("HELO") {
                self.step(At::Hello, "250 test.example").await?
            } else if upper == "STARTTLS" {
                let then = self.step(At::StartTls, "220 go on").await?;
                if matches!(then, Then::Answered(220)) {
                    self = self.encrypted().await?;
                }
                then
            } else if upper.starts_with("AUTH ") {
                self.sign_in(&line).await?
            } else if upper.starts_with("MAIL FROM:<") {
                let then = self.step(At::MailFrom, "250 2.1.0 ok").await?;
                if matches!(then, Then::Answered(250)) {
                    from = Some(path(&line));
                }
                then
            } else if upper.starts_with("RCPT TO:<") {
                let usual = if from.is_none() { "503 5.5.1 MAIL first" } else { "250 2.1.5 ok" };
                let then = self.step(At::RcptTo, usual).await?;
                if matches!(then, Then::Answered(250 | 251)) {
                    to.push(path(&line));
                }
                then
            } else if upper == "DATA" {
                let usual = if to.is_empty() { "554 5.5.1 no valid recipients" } else { "354 go on" };
                match self.step(At::Data, usual).await? {
                    Then::Answered(354) => self.message(&mut from, &mut to).await?,
                    then => then,
                }
            } else if upper == "RSET" {
                (from, to) = Default::default();
                self.step(At::Reset, "250 2.0.0 ok").await?
            } else if upper == "QUIT" {
                self.step(At::Quit, "221 2.0.0 bye").await?;
                Then::End
            } else {
                self.step(At::Reset, "500 5.5.2 what?").await?
            };
            if let Then::End = then {
                return Ok(());
            }
        }
    }

    fn offers(&self) -> String {
        let mut lines = vec!["test.example".to_owned()];
        if self.shape.pipelining {
            lines.push("PIPELINING".into());
        }
        lines.extend(self.shape.size.map(|size| format!("SIZE {size}")));
        if self.shape.starttls && matches!(self.socket, Socket::Plain(_)) {
            lines.push("STARTTLS".into());
        }
        lines.extend(self.shape.mechanisms.map(|mechanisms| format!("AUTH {mechanisms}")));
        let last = lines.pop().unwrap();
        lines.iter().map(|line| format!("250-{line}\r\n")).collect::<String>() + "250 " + &last
    }

    async fn sign_in(&mut self, line: &str) -> io::Result<Then> {
        let (user, password) = self.shape.login;
        let plain = STANDARD.encode(format!("\0{user}\0{password}"));
        let matches = match line.split_whitespace().collect::<Vec<_>>()[1..] {
            ["PLAIN", answer] => answer == plain,
            ["LOGIN"] => {
                self.write(b"334 VXNlcm5hbWU6\r\n").await?;
                let user_matches = self.line().await? == STANDARD.encode(user);
                self.write(b"334 UGFzc3dvcmQ6\r\n").await?;
                self.line().await? == STANDARD.encode(password) && user_matches
            }
            _ => false,
        };
        self.step(At::Auth, if matches { "235 2.7.0 welcome" } else { "535 5.7.8 wrong" }).await
    }

    async fn message(&mut self, from: &mut Option<String>, to: &mut Vec<String>) -> io::Result<Then> {
        while let Some(at) = self.script.iter().find_map(|(at, _)| match at {
            At::BodyByte(count) => Some(*count),
            _ => None,
        }) {
            while self.unread.len() < at {
                self.fill().await?;
            }
            if let Then::End = self.step(At::BodyByte(at), "").await? {
                return Ok(Then::End);
            }
        }
        let mut searched = 0;
        let end = loop {
            if self.unread.starts_with(b".\r\n") {
                break 0;
            }
            if let Some(found) = memchr::memmem::find(&self.unread[searched..], b"\r\n.\r\n") {
                break searched + found + 2;
            }
            searched = self.unread.len().saturating_sub(4);
            self.fill().await?;
        };
        let raw: Vec<u8> = self.unread.drain(..end).collect();
        self.unread.drain(..3);
        if let Some(refusal) = self.shape.strict
            && !self.unread.is_empty()
        {
            (*from, *to) = Default::default();
            self.seen.lock().unwrap().followed += 1;
            let closes = refusal.is_empty() || refusal.starts_with("421");
            let then = self.act(Some(Act::Say(refusal)), "").await?;
            return Ok(if closes { Then::End } else { then });
        }
        let mail = Received {
            from: from.take().unwrap_or_default(),
            to: std::mem::take(to),
            bytes: raw
                .split_inclusive(|byte| *byte == b'\n')
                .flat_map(|line| line.strip_prefix(b".").unwrap_or(line).to_vec())
                .collect(),
            connection: self.number,
        };
        let act = self.scripted(At::End);
        // Only a clear refusal means that the server does not keep it.
        let refused = act.is_some_and(|act| match act {
            Act::Say(text)
            | Act::Drip(text)
            | Act::SayThenClose(text)
            | Act::SayThenReset(text)
            | Act::SayAfterMore(text)
            | Act::SayAndForget(text) => !text.starts_with("250"),
            _ => false,
        });
        if !refused {
            let mut seen = self.seen.lock().unwrap();
            seen.mails.push(mail);
            self.told.count.send_replace(seen.mails.len());
        }
        self.act(act, "250 2.0.0 queued").await
    }

    /// What the script has for `at`, or else the faults.
    fn scripted(&mut self, at: At) -> Option<Act> {
        let take =
            |acts: &mut Vec<(At, Act)>| acts.iter().position(|(when, _)| *when == at).map(|found| acts.remove(found).1);
        take(&mut self.script).or_else(|| take(&mut self.seen.lock().unwrap().faults))
    }

    /// Does what the script has for `at`, or answers `usual`.
    async fn step(&mut self, at: At, usual: &str) -> io::Result<Then> {
        let act = self.scripted(at);
        self.act(act, usual).await
    }

    async fn act(&mut self, act: Option<Act>, usual: &str) -> io::Result<Then> {
        let said = match act {
            None => usual,
            Some(Act::Say(text)) => text,
            Some(Act::Drip(text)) => {
                for byte in format!("{text}\r\n").bytes() {
                    self.write(&[byte]).await?;
                    tokio::task::yield_now().await;
                }
                return Ok(Then::Answered(code(text)));
            }
            Some(Act::SayThenClose(text)) => {
                self.write(format!("{text}\r\n").as_bytes()).await?;
                return Ok(Then::End);
            }
            Some(Act::SayThenReset(text)) => {
                self.write(format!("{text}\r\n").as_bytes()).await?;
                self.tcp().set_zero_linger()?;
                return Ok(Then::End);
            }
            Some(Act::SayAfterMore(text)) => {
                self.more().await?;
                text
            }
            Some(Act::SayAndForget(text)) => {
                self.more().await?;
                self.unread.clear();
                text
            }
            Some(Act::Stall) => {
                self.told.stalls.send_replace(());
                std::future::pending().await
            }
            Some(Act::Close) => return Ok(Then::End),
            Some(Act::Reset) => {
                self.tcp().set_zero_linger()?;
                return Ok(Then::End);
            }
            Some(Act::EndlessLine) => loop {
                self.write(&[b'2'; 1000]).await?;
            },
            Some(Act::EndlessReply) => loop {
                self.write(b"250-and so on\r\n").await?;
            },
        };
        if !said.is_empty() {
            self.write(format!("{said}\r\n").as_bytes()).await?;
        }
        Ok(Then::Answered(code(said)))
    }

    async fn encrypted(self) -> io::Result<Session> {
        let Socket::Plain(stream) = self.socket else { return Err(io::Error::other("encrypted twice")) };
        let stream = self.acceptor.accept(stream).await?;
        Ok(Session { socket: Socket::Tls(Box::new(stream)), unread: Vec::new(), ..self })
    }

    fn tcp(&self) -> &TcpStream {
        match &self.socket {
            Socket::Plain(stream) => stream,
            Socket::Tls(stream) => stream.get_ref().0,
        }
    }

    /// Waits until the commands that follow a mail are here.
    async fn more(&mut self) -> io::Result<()> {
        while !self.unread.ends_with(b"DATA\r\n") {
            self.fill().await?;
        }
        Ok(())
    }

    async fn line(&mut self) -> io::Result<String> {
        loop {
            if let Some(end) = memchr::memmem::find(&self.unread, b"\r\n") {
                let line = self.unread.drain(..end + 2).take(end).collect();
                return String::from_utf8(line).map_err(io::Error::other);
            }
            self.fill().await?;
        }
    }

    async fn fill(&mut self) -> io::Result<()> {
        let mut space = [0; 16 * 1024];
        let read = match &mut self.socket {
            Socket::Plain(stream) => stream.read(&mut space).await?,
            Socket::Tls(stream) => stream.read(&mut space).await?,
        };
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.unread.extend_from_slice(&space[..read]);
        Ok(())
    }

    async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        match &mut self.socket {
            Socket::Plain(stream) => stream.write_all(bytes).await,
            Socket::Tls(stream) => {
                stream.write_all(bytes).await?;
                stream.flush().await
            }
        }
    }
}

fn code(reply: &str) -> u16 {
    reply.get(..3).and_then(|code| code.parse().ok()).unwrap_or(0)
}

/// What stands between the angle brackets.
fn path(line: &str) -> String {
    line.split(['<', '>']).nth(1).unwrap_or_default().to_owned()
}
