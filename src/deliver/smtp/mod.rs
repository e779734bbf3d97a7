//! SMTP to a relay: connections of our own, one mail after the other over each.
//!
//! In: a [`relay::Relay`] from the settings, an envelope, the bytes of a message. Out: an
//! [`Outcome`](super::outcome::Outcome) that says what the relay has, and what to do next. What can go wrong is in it.
//!
//! Why not lettre's connection, when lettre builds our messages? Read in its 0.11.23: it reads a reply's line whole
//! before it looks at its length, so an endless line fills the memory; it keeps what it had read before STARTTLS, so
//! a stranger on the wire can put replies into the encrypted dialogue; greeting and EHLO are one step, and writing
//! and reading the end of a message are one step, so neither the phase nor "was the end written?" can be told; a
//! reply's exact lines are lost in its errors; dots are stuffed byte by byte, and the end of the message is a write
//! of its own. What remains would have been the TLS handshake, which is `tokio-rustls`' anyway.

pub mod body;
pub mod connection;
pub mod envelope;
pub mod opening;
pub mod relay;
mod tls;
mod wire;

use std::time::Duration;

/// How long each step may take. The defaults follow RFC 5321, section 4.5.3.2, with less patience for connecting.
#[derive(Clone, Copy, Debug)]
pub struct Deadlines {
    /// Name look-up and TCP.
    pub connect: Duration,
    /// The TLS handshake.
    pub tls: Duration,
    pub greeting: Duration,
    /// Each reply to EHLO, HELO, STARTTLS and AUTH.
    pub hello: Duration,
    /// Each reply to MAIL, RCPT and RSET.
    pub command: Duration,
    /// The first reply to an envelope that came with the end of the mail before: a relay that forgot it says nothing.
    pub ahead: Duration,
    /// The reply to DATA.
    pub data: Duration,
    /// So long the relay is kept waiting between its 354 and the message. It may have hung up later, and that would be
    /// charged to the mail.
    pub kept_waiting: Duration,
    /// What a relay that answers in no order may say beside a reply out of turn.
    pub beside: Duration,
    /// Each piece of the message that the relay is slow to take.
    pub body: Duration,
    /// The reply to the end of the message. RFC 5321 gives the relay ten minutes; less sends mails twice.
    pub final_reply: Duration,
    pub quit: Duration,
}

impl Default for Deadlines {
    fn default() -> Self {
        Deadlines {
            connect: Duration::from_secs(30),
            tls: Duration::from_secs(30),
            greeting: Duration::from_mins(1),
            hello: Duration::from_mins(1),
            command: Duration::from_mins(5),
            ahead: Duration::from_secs(30),
            data: Duration::from_mins(2),
            kept_waiting: Duration::from_secs(10),
            beside: Duration::from_secs(2),
            body: Duration::from_mins(3),
            final_reply: Duration::from_mins(10),
            quit: Duration::from_secs(2),
        }
    }
}
