//! The way from nothing to a connection that takes mail: TCP, greeting, EHLO, STARTTLS, AUTH.
//!
//! In: a relay, the name we greet with, the deadlines. Out: [`Opened`], or a [`ConnectError`] with phase, reply and
//! whether the relay is at fault or only busy. No mail is touched here, so none is ever charged for what goes wrong.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use tokio::net::TcpStream;

use super::Deadlines;
use super::relay::{Credentials, Encryption, Protection, Relay};
use super::wire::{Fault, Lines, Wire, within};
use crate::deliver::outcome::{Outcome, Phase, Refusal, Reply, refusal};

/// Why there is no connection.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: {detail}", phase.word())]
pub struct ConnectError {
    /// [`Refusal::Relay`] or [`Refusal::Paused`].
    pub why: Refusal,
    pub phase: Phase,
    pub reply: Option<Reply>,
    /// One line, with the mend where there is one.
    pub detail: String,
}

impl ConnectError {
    fn relay(phase: Phase, detail: impl Into<String>) -> ConnectError {
        ConnectError { why: Refusal::Relay, phase, reply: None, detail: detail.into() }
    }

    fn fault(phase: Phase) -> impl FnOnce(Fault) -> ConnectError {
        move |fault| ConnectError::relay(phase, fault.to_string())
    }

    /// A reply other than the wanted one.
    fn refused(phase: Phase, reply: Reply) -> ConnectError {
        let why = if reply.refuses() { refusal(phase, &reply) } else { Refusal::Relay };
        ConnectError { why, phase, detail: reply.to_string(), reply: Some(reply) }
    }
}

impl From<ConnectError> for Outcome {
    fn from(error: ConnectError) -> Outcome {
        Outcome::NotSent { why: error.why, phase: error.phase, reply: error.reply, detail: error.detail }
    }
}

/// What the relay offers (its reply to EHLO).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Offers {
    pub pipelining: bool,
    pub starttls: bool,
    /// In bytes; `None`: no limit told.
    pub size: Option<u64>,
    /// Whether SIZE may be declared with MAIL FROM.
    pub declares_size: bool,
    pub auth_plain: bool,
    pub auth_login: bool,
}

impl Offers {
    /// Reads the lines after the first; unknown words are passed over.
    fn read(lines: &Lines) -> Offers {
        let mut offers = Offers::default();
        for line in lines.texts.iter().skip(1) {
            let line = line.to_ascii_uppercase();
            // Old servers write AUTH=PLAIN.
            let mut words = line.split(|c: char| c.is_whitespace() || c == '=').filter(|word| !word.is_empty());
            match words.next() {
                Some("PIPELINING") => offers.pipelining = true,
                Some("STARTTLS") => offers.starttls = true,
                Some("SIZE") => {
                    offers.declares_size = true;
                    offers.size = words.next().and_then(|size| size.parse().ok()).filter(|size| *size > 0);
                }
                Some("AUTH") => words.for_each(|mechanism| match mechanism {
                    "PLAIN" => offers.auth_plain = true,
                    "LOGIN" => offers.auth_login = true,
                    _ => {}
                }),
                _ => {}
            }
        }
        offers
    }
}

/// A connection on which the next step is MAIL FROM.
pub struct Opened {
    pub(super) wire: Wire,
    pub offers: Offers,
    pub signed_in: bool,
}

/// Opens a connection to `relay`, greeting it as `hello_name`.
pub async fn open(relay: &Relay, hello_name: &str, deadlines: &Deadlines) -> Result<Opened, ConnectError> {
    if hello_name.is_empty() || !hello_name.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(ConnectError::relay(Phase::Hello, "this machine's name is no name for a greeting"));
    }
    let mut wire = Wire::new(connect(relay, deadlines).await?);
    if let (Protection::Implicit, Some(encryption)) = (relay.protection, &relay.tls) {
        wire = encrypt(wire, encryption, deadlines).await?;
    }
    let greeting = wire.read_reply(deadlines.greeting).await.map_err(ConnectError::fault(Phase::Greeting))?;
    if greeting.code != 220 {
        return Err(ConnectError::refused(Phase::Greeting, greeting));
    }
    let mut offers = hello(&mut wire, hello_name, deadlines).await?;
    if let (Protection::Offered | Protection::Required, Some(encryption)) = (relay.protection, &relay.tls) {
        if offers.starttls {
            wire = encrypt(start_tls(wire, deadlines).await?, encryption, deadlines).await?;
            // What was offered before the handshake, anyone on the way may have written (RFC 3207, section 4.2).
            offers = hello(&mut wire, hello_name, deadlines).await?;
        } else if relay.protection == Protection::Required {
            return Err(ConnectError::relay(
                Phase::Tls,
                "the relay does not offer STARTTLS, and ?tls=required demands it",
            ));
        }
    }
    offers.pipelining &= relay.pipelining;
    if let Some(credentials) = &relay.credentials {
        sign_in(&mut wire, &offers, relay.protection, credentials, deadlines).await?;
    }
    Ok(Opened { wire, offers, signed_in: relay.credentials.is_some() })
}

impl Relay {
    /// Tries the relay without a mail: connects, encrypts, signs in, and leaves. Says in one line what was found.
    pub async fn probe(&self, hello_name: &str, deadlines: &Deadlines) -> Result<String, ConnectError> {
        let mut opened = open(self, hello_name, deadlines).await?;
        let mut found = vec![opened.wire.encryption().unwrap_or("no TLS").to_owned()];
        if opened.signed_in {
            found.push("AUTH ok".into());
        }
        if opened.offers.pipelining {
            found.push("PIPELINING".into());
        }
        if let Some(size) = opened.offers.size {
            found.push(format!("SIZE {size}"));
        }
        opened.quit(deadlines).await;
        Ok(found.join(", "))
    }
}

impl Opened {
    /// Takes leave; whether the relay answers no longer matters.
    pub(super) async fn quit(&mut self, deadlines: &Deadlines) {
        if self.wire.write(b"QUIT\r\n", deadlines.quit).await.is_ok() {
            let _ = self.wire.read_reply(deadlines.quit).await;
        }
    }
}

async fn connect(relay: &Relay, deadlines: &Deadlines) -> Result<TcpStream, ConnectError> {
    let stream =
        within(deadlines.connect, TcpStream::connect((relay.host.as_str(), relay.port))).await.map_err(|fault| {
            match fault {
                Fault::Closed(error) => ConnectError::relay(
                    Phase::Connect,
                    format!("no connection: {error}; is the relay up, and its url right?"),
                ),
                other => ConnectError::relay(Phase::Connect, other.to_string()),
            }
        })?;
    // Without it the end of a message waits for the acknowledgement of its beginning, 40 ms for each mail.
    stream.set_nodelay(true).map_err(|error| ConnectError::relay(Phase::Connect, error.to_string()))?;
    Ok(stream)
}

/// EHLO, or HELO where the relay knows no EHLO.
async fn hello(wire: &mut Wire, name: &str, deadlines: &Deadlines) -> Result<Offers, ConnectError> {
    let lines = ask(wire, &format!("EHLO {name}\r\n"), Phase::Hello, deadlines).await?;
    match lines.code {
        250 => Ok(Offers::read(&lines)),
        500..=504 | 550 => {
            let reply = ask(wire, &format!("HELO {name}\r\n"), Phase::Hello, deadlines).await?.reply();
            if reply.code == 250 { Ok(Offers::default()) } else { Err(ConnectError::refused(Phase::Hello, reply)) }
        }
        _ => Err(ConnectError::refused(Phase::Hello, lines.reply())),
    }
}

async fn start_tls(mut wire: Wire, deadlines: &Deadlines) -> Result<Wire, ConnectError> {
    let reply = ask(&mut wire, "STARTTLS\r\n", Phase::Tls, deadlines).await?.reply();
    if reply.code == 220 { Ok(wire) } else { Err(ConnectError::refused(Phase::Tls, reply)) }
}

async fn encrypt(wire: Wire, encryption: &Encryption, deadlines: &Deadlines) -> Result<Wire, ConnectError> {
    within(deadlines.tls, wire.encrypt(encryption.config.clone(), encryption.name.clone()))
        .await
        .map_err(|fault| ConnectError::relay(Phase::Tls, format!("{fault}{}", handshake_mend(&fault))))
}

fn handshake_mend(fault: &Fault) -> &'static str {
    let Fault::Closed(error) = fault else { return "" };
    match error.get_ref().and_then(|inner| inner.downcast_ref::<tokio_rustls::rustls::Error>()) {
        Some(tokio_rustls::rustls::Error::InvalidCertificate(why))
            if format!("{why:?}").contains("CaUsedAsEndEntity") =>
        {
            "; the relay shows the certificate of an authority as its own: make it one that is none (basicConstraints CA:FALSE)"
        }
        Some(tokio_rustls::rustls::Error::InvalidCertificate(_)) => {
            "; set ca_file if the relay has an authority of its own; a relay on this machine can do with ?tls=none"
        }
        Some(tokio_rustls::rustls::Error::InvalidMessage(_)) => {
            "; this port does not begin with TLS, so write smtp:// instead of smtps://"
        }
        _ => "",
    }
}

/// AUTH PLAIN (RFC 4616) or AUTH LOGIN, over an encrypted way, to this machine, or by the operator's `?tls=none`.
async fn sign_in(
    wire: &mut Wire,
    offers: &Offers,
    protection: Protection,
    credentials: &Credentials,
    deadlines: &Deadlines,
) -> Result<(), ConnectError> {
    if !may_show_password(wire.encryption().is_some(), wire.is_loopback(), protection) {
        return Err(ConnectError::relay(
            Phase::Auth,
            "the relay does not offer STARTTLS, so the password was not sent; use smtps://, or ?tls=none to send it readable",
        ));
    }
    let Credentials { user, password } = credentials;
    let steps = if offers.auth_plain {
        vec![format!("AUTH PLAIN {}\r\n", STANDARD.encode(format!("\0{user}\0{}", password.expose())))]
    } else if offers.auth_login {
        let answer = |text: &str| format!("{}\r\n", STANDARD.encode(text));
        vec!["AUTH LOGIN\r\n".to_owned(), answer(user), answer(password.expose())]
    } else {
        return Err(ConnectError::relay(
            Phase::Auth,
            "the relay offers neither AUTH PLAIN nor AUTH LOGIN; take the user out of its url, or use another port",
        ));
    };
    let last = steps.len() - 1;
    for (number, step) in steps.iter().enumerate() {
        let reply = ask(wire, step, Phase::Auth, deadlines).await?.reply();
        if reply.code != if number == last { 235 } else { 334 } {
            let mut refused = ConnectError::refused(Phase::Auth, without_echo(reply, credentials, step));
            if refused.why == Refusal::Relay {
                refused.detail += "; look whether the user in the relay's url and its password are right";
            }
            return Err(refused);
        }
    }
    Ok(())
}

fn may_show_password(encrypted: bool, loopback: bool, protection: Protection) -> bool {
    encrypted || loopback || protection == Protection::None
}

/// Some relays repeat what they refuse; a password must not get into the logs that way.
fn without_echo(mut reply: Reply, credentials: &Credentials, step: &str) -> Reply {
    let secret = step.trim_end().rsplit(' ').next().unwrap_or(step);
    if reply.text.contains(credentials.password.expose()) || reply.text.contains(secret) {
        reply.text = "(the relay's words repeat what was sent to sign in)".into();
    }
    reply
}

async fn ask(wire: &mut Wire, command: &str, phase: Phase, deadlines: &Deadlines) -> Result<Lines, ConnectError> {
    wire.write(command.as_bytes(), deadlines.hello).await.map_err(ConnectError::fault(phase))?;
    wire.read_lines(deadlines.hello).await.map_err(ConnectError::fault(phase))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_goes_readable_over_the_network_only_by_the_operators_word() {
        use Protection::{None, Offered};
        let table = [
            (true, false, Offered, true),
            (false, true, Offered, true),
            (false, false, Offered, false),
            (false, false, None, true),
        ];
        for (encrypted, loopback, protection, expected) in table {
            assert_eq!(may_show_password(encrypted, loopback, protection), expected, "{protection:?}");
        }
    }

    #[test]
    fn offers_are_read_in_any_case_and_unknown_ones_passed_over() {
        let lines = |texts: &[&str]| Lines { code: 250, texts: texts.iter().map(|&text| text.into()).collect() };
        let offers = Offers::read(&lines(&[
            "PIPELINING is this relay's name",
            "size 10240000",
            "PIPELINING",
            "STARTTLS",
            "AUTH=LOGIN",
            "AUTH CRAM-MD5 Plain",
            "X-WHATEVER 1",
            "",
        ]));
        let expected = Offers {
            pipelining: true,
            starttls: true,
            size: Some(10_240_000),
            declares_size: true,
            auth_plain: true,
            auth_login: true,
        };
        assert_eq!(offers, expected);
        assert_eq!(Offers::read(&lines(&["PIPELINING"])), Offers::default());
        let no_limit = Offers::read(&lines(&["relay", "SIZE 0"]));
        assert_eq!((no_limit.size, no_limit.declares_size), (None, true));
    }
}
