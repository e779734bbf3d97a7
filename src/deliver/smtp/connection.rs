//! One connection to a relay, and the mails that go over it, one after the other.
//!
//! In: an envelope with one recipient and the bytes of a message. Out: an [`Outcome`]. What matters here:
//!
//! - Exact codes: 354 before the message, 250 after it. A reply that neither grants nor refuses destroys the connection.
//! - With PIPELINING (RFC 2920) MAIL, RCPT and DATA are one write; a 354 after a refused recipient destroys the
//!   connection, the message is never written then. Where the next mail is known, they go along with the end of the
//!   one before (section 3.1), so that a mail costs one round trip instead of two. A relay that loses its place over
//!   that is found out, and costs no mail anything.
//! - A transaction marks the connection unusable before its first byte and usable after its last, so that a dropped
//!   future, a time-out or an odd reply leaves no connection on which replies are shifted by one.
//! - Until the lone dot was handed over, a failure means "not sent"; from then on, "unknown".

use std::time::Duration;

use jiff::Timestamp;
use tokio::time::{Instant, timeout};

use super::Deadlines;
use super::body::Body;
use super::envelope::{Envelope, Next, in_one};
use super::opening::{ConnectError, Offers, Opened, open};
use super::relay::Relay;
use super::wire::Fault;
use crate::deliver::outcome::{EnhancedCode, Outcome, Phase, Refusal, Reply, refusal};
use crate::settings::duration::Span;

/// How much is handed to the connection at once.
const PIECE: usize = 64 * 1024;
/// A relay that waited longer for a message may have been told to hang up on who idles.
const WAITING: Duration = Duration::from_secs(1);

/// An open connection; dropping it closes it.
pub struct Connection {
    opened: Opened,
    deadlines: Deadlines,
    opened_at: Timestamp,
    max_messages: usize,
    max_age: Span,
    /// Mails tried on this connection.
    tried: usize,
    /// False while a transaction runs, and for ever once one did not end as it should.
    usable: bool,
    /// A refused transaction is to be cleared before the next begins.
    reset_first: bool,
    /// The commands that went along with the end of the mail before: only the mail that they name may follow.
    ahead: Option<String>,
    /// Whether the relay is known to bear such commands.
    bears: bool,
    /// The relay lost its place over such commands.
    lost_its_place: bool,
    /// It refused a mail that they followed, and is not known to bear them: the mail tells when it goes alone.
    is_suspected: bool,
}

/// How a step of a transaction that did not go on ended, and whether the connection outlives it.
struct Ended {
    outcome: Outcome,
    connection_lives: bool,
}

impl Connection {
    /// Opens a connection to `relay` at `now`, greeting it as `hello_name`.
    pub async fn open(
        relay: &Relay,
        hello_name: &str,
        deadlines: Deadlines,
        now: Timestamp,
    ) -> Result<Connection, ConnectError> {
        Ok(Connection {
            opened: open(relay, hello_name, &deadlines).await?,
            deadlines,
            opened_at: now,
            max_messages: relay.max_messages,
            max_age: relay.max_age,
            tried: 0,
            usable: true,
            reset_first: false,
            ahead: None,
            bears: false,
            lost_its_place: false,
            is_suspected: false,
        })
    }

    pub fn offers(&self) -> &Offers {
        &self.opened.offers
    }

    /// Whether any other mail may be sent over it.
    pub fn usable(&self) -> bool {
        self.usable
    }

    /// Whether the relay has the envelope of the next mail: only that may be sent over it.
    pub fn is_ahead(&self) -> bool {
        self.ahead.is_some()
    }

    /// Whether the relay is to get no envelope before it has answered the mail before.
    pub fn lost_its_place(&self) -> bool {
        self.lost_its_place
    }

    /// Whether the relay is known to answer an envelope that came with the mail before in its turn.
    pub fn bears(&self) -> bool {
        self.bears
    }

    /// It is known to, by another connection.
    pub fn is_known_to_bear(&mut self) {
        self.bears = true;
    }

    /// Whether what it refused last may have been refused for what followed it.
    pub fn is_suspected(&self) -> bool {
        self.is_suspected
    }

    /// Whether it should be replaced: unusable, or it has served for long enough. A new one may always serve once.
    pub fn spent(&self, now: Timestamp) -> bool {
        let served = self.tried >= self.max_messages || now.duration_since(self.opened_at) >= self.max_age.signed();
        !self.usable || (self.tried > 0 && served)
    }

    /// Whether it may serve at least twice more.
    pub fn goes_on(&self, now: Timestamp) -> bool {
        self.tried + 1 < self.max_messages && now.duration_since(self.opened_at) < self.max_age.signed()
    }

    /// Sends one mail. Dropping the future leaves the connection unusable.
    pub async fn send(&mut self, envelope: &Envelope<'_>, message: &[u8]) -> Outcome {
        let cleared = std::future::ready(true);
        self.send_if(envelope, message, cleared, std::future::pending(), None).await.expect("it is not withheld")
    }

    /// Sends one mail, if `cleared` says so once the relay waits for the message. `None`: it did not, or `given_up` came
    /// before that; nothing of the message was written, and the connection is of no more use, because only its end takes
    /// back a DATA. The envelope of `next` goes along with the end of the message, if the relay takes that.
    pub async fn send_if(
        &mut self,
        envelope: &Envelope<'_>,
        message: &[u8],
        cleared: impl Future<Output = bool>,
        given_up: impl Future<Output = ()>,
        next: Option<Next<'_>>,
    ) -> Option<Outcome> {
        let offers = &self.opened.offers;
        if let Some(refused) = envelope.refused(message.len(), offers) {
            return Some(refused);
        }
        let commands = envelope.commands(message.len(), offers, self.reset_first);
        let ahead = self.ahead.take();
        let in_step = match &ahead {
            Some(ahead) => *ahead == in_one(&commands),
            None => self.usable && !self.opened.wire.something_waits(),
        };
        self.usable = false;
        if !in_step {
            let detail = "the relay had ended the connection while it waited for the next mail".into();
            return Some(Outcome::NotSent { why: Refusal::Stale, phase: Phase::MailFrom, reply: None, detail });
        }
        // The end of a message takes back what was refused before, whatever becomes of it: no RSET is due then.
        self.reset_first = false;
        let offers = &self.opened.offers;
        let next = next.filter(|next| offers.pipelining && next.envelope.refused(next.size, offers).is_none());
        let next = next.map(|next| in_one(&next.envelope.commands(next.size, offers, false)));
        let offered = tokio::select! {
            biased;
            offered = self.offer(commands, ahead.is_some()) => offered,
            () = given_up => return None,
        };
        let ended = match offered {
            Ok(()) => {
                let since = Instant::now();
                // Out of time: it is not known yet, and whoever waits for it comes again.
                if !timeout(self.deadlines.kept_waiting, cleared).await.unwrap_or(false) {
                    return None;
                }
                let kept_waiting = ahead.is_some() || since.elapsed() > WAITING;
                let body = Body::encode(message, next.as_deref().unwrap_or_default());
                let ended = self.hand_over(&body, next.is_some(), kept_waiting).await;
                self.ahead = next.filter(|_| ended.connection_lives);
                ended
            }
            // One reply too many came before, and the refusal is that of another command.
            Err(Ended { outcome: Outcome::NotSent { phase, .. }, connection_lives: true })
                if ahead.is_some() && self.opened.wire.something_waits() =>
            {
                self.lost_its_place = true;
                Ended::not_sent(Refusal::Stale, phase, "the relay's replies are not in their turn".into())
            }
            Err(ended) => ended,
        };
        self.tried += 1;
        self.reset_first = self.ahead.is_none() && !matches!(ended.outcome, Outcome::Accepted { .. });
        // More than was asked for is waiting: the next reply would be taken for that of another command.
        self.usable = ended.connection_lives && self.ahead.is_none() && !self.opened.wire.something_waits();
        Some(ended.outcome)
    }

    /// Takes leave and closes. A connection in the middle of something is only closed.
    pub async fn quit(mut self) {
        if self.usable {
            self.opened.quit(&self.deadlines).await;
        }
    }

    /// MAIL, RCPT and DATA, after RSET where one is due; `ahead`: the relay has them already. `Ok`: the relay waits for
    /// the message.
    async fn offer(&mut self, commands: Vec<(Phase, String)>, ahead: bool) -> Result<(), Ended> {
        let pipelining = self.opened.offers.pipelining;
        if pipelining && !ahead {
            let first = commands[0].0;
            let written = self.opened.wire.write(in_one(&commands).as_bytes(), self.deadlines.command).await;
            written.map_err(|fault| self.broken(first, true, &fault))?;
        }
        let mut refused: Option<Ended> = None;
        for (number, (phase, command)) in commands.iter().enumerate() {
            let (phase, first) = (*phase, number == 0);
            if !pipelining {
                let written = self.opened.wire.write(command.as_bytes(), self.deadlines.command).await;
                written.map_err(|fault| self.broken(phase, first, &fault))?;
            }
            let deadline = match phase {
                _ if ahead && first => self.deadlines.ahead,
                Phase::Data => self.deadlines.data,
                _ => self.deadlines.command,
            };
            let answered = match self.opened.wire.read_reply(deadline).await {
                // It refuses what came, or its replies are shifted by one.
                Ok(reply)
                    if ahead
                        && !grants(phase, reply.code)
                        && (!reply.refuses() || (first && (!self.bears || reply.is_out_of_turn()))) =>
                {
                    Err(self.out_of_place(phase, reply))
                }
                Ok(reply) => {
                    self.bears |= ahead && first && grants(phase, reply.code);
                    self.answered(phase, first, reply)
                }
                // It forgot what came with the mail before, or ends connections after a mail without a word.
                Err(fault @ (Fault::TimedOut(_) | Fault::Closed(_))) if ahead && first => {
                    self.lost_its_place = true;
                    Err(Ended::not_sent(Refusal::Stale, phase, fault.to_string()))
                }
                Err(fault) => Err(self.broken(phase, first, &fault)),
            };
            // The first refusal is the outcome; what follows it only tells whether the connection still is in step.
            refused = match (refused, answered) {
                (None, Ok(())) => None,
                (None, Err(ended)) => Some(ended),
                (Some(ended), Ok(())) => Some(ended.and_lives(phase != Phase::Data)),
                (Some(ended), Err(next)) => Some(ended.and_lives(next.connection_lives)),
            };
            if refused.as_ref().is_some_and(|ended| !pipelining || !ended.connection_lives) {
                break;
            }
        }
        refused.map_or(Ok(()), Err)
    }

    /// What a reply to `phase` means; `first`: to the first command of the transaction.
    fn answered(&self, phase: Phase, first: bool, reply: Reply) -> Result<(), Ended> {
        match (phase, reply.code) {
            (phase, code) if grants(phase, code) => Ok(()),
            // "Idle for too long" was said before we came with the mail.
            (_, 421) if first && self.tried > 0 && reply.enhanced == Some(IDLE_TOO_LONG) => {
                Err(Ended::refused(Refusal::Stale, phase, reply, false))
            }
            (Phase::Reset, _) => Err(Ended::refused(Refusal::Stale, phase, reply, false)),
            (_, code) if reply.refuses() => Err(Ended::refused(refusal(phase, &reply), phase, reply, code != 421)),
            _ => Err(Ended::refused(Refusal::Relay, phase, reply, false)),
        }
    }

    /// The dialogue broke off before the message was written.
    fn broken(&self, phase: Phase, first: bool, fault: &Fault) -> Ended {
        let why = match fault {
            Fault::Garbled(_) => Refusal::Relay,
            Fault::Closed(_) if first && self.tried > 0 => Refusal::Stale,
            _ if phase == Phase::Reset => Refusal::Stale,
            // It is this mail perhaps, but another relay may take it.
            Fault::Closed(_) | Fault::TimedOut(_) => Refusal::Relay,
        };
        Ended::not_sent(why, phase, fault.to_string())
    }

    /// What came along with the end of a mail was too much for the relay: it refuses no mail for what that is.
    fn out_of_place(&mut self, phase: Phase, reply: Reply) -> Ended {
        self.lost_its_place = true;
        Ended::refused(Refusal::Stale, phase, reply, false)
    }

    /// The message, its end, and the final reply; `ahead`: more follows its end; `kept_waiting`: the relay waited for it.
    async fn hand_over(&mut self, body: &Body, ahead: bool, kept_waiting: bool) -> Ended {
        match self.write_message(body, kept_waiting).await {
            Ok(()) => {}
            Err(ended) => return ended,
        }
        match self.opened.wire.read_reply(self.deadlines.final_reply).await {
            Ok(reply) if reply.code == 250 => Ended { outcome: Outcome::Accepted { reply }, connection_lives: true },
            Ok(reply) if ahead && reply.is_out_of_turn() => {
                if self.takes_it_after_all().await {
                    self.lost_its_place = true;
                    return Ended::unknown(Phase::FinalReply, format!("replies that are not in their turn: {reply}"));
                }
                self.out_of_place(Phase::FinalReply, reply)
            }
            // It may be about what followed: alone, the mail tells.
            Ok(reply) if ahead && !self.bears && reply.refuses() => {
                self.is_suspected = true;
                Ended::refused(Refusal::Stale, Phase::FinalReply, reply, false)
            }
            Ok(reply) if reply.refuses() => {
                let lives = reply.code != 421;
                Ended::refused(refusal(Phase::FinalReply, &reply), Phase::FinalReply, reply, lives)
            }
            Ok(reply) => Ended::unknown(Phase::FinalReply, format!("an answer that is neither yes nor no: {reply}")),
            Err(fault) => {
                self.lost_its_place |= ahead && !self.bears;
                Ended::unknown(Phase::FinalReply, fault.to_string())
            }
        }
    }

    /// Whether the last of the replies to what followed a mail, which was refused out of turn, takes that mail: then they
    /// came in no order. In order the last one is that to DATA.
    async fn takes_it_after_all(&mut self) -> bool {
        let mut last = None;
        for _ in 0..3 {
            match self.opened.wire.read_reply(self.deadlines.beside).await {
                Ok(reply) => last = Some(reply.code),
                Err(_) => return false,
            }
        }
        last == Some(250)
    }

    async fn write_message(&mut self, body: &Body, kept_waiting: bool) -> Result<(), Ended> {
        let wire = &mut self.opened.wire;
        let mut written = 0;
        while written < body.bytes.len() {
            let upto = body.bytes.len().min(written + PIECE);
            let holds_end = upto > body.dot_at;
            // A relay that answers before the end would have its answer taken for that to the end.
            if holds_end && written <= body.dot_at && wire.something_waits() {
                return Err(self.interrupted(kept_waiting && written == 0).await);
            }
            match wire.write_some(&body.bytes[written..upto], self.deadlines.body).await {
                Ok(count) => written += count,
                Err(fault) if written > body.dot_at || (holds_end && wire.may_send_what_failed()) => {
                    return Err(Ended::unknown(Phase::Body, fault.to_string()));
                }
                Err(fault) => return Err(self.broken_off(kept_waiting && written == 0, &fault).await),
            }
        }
        wire.flush(self.deadlines.body).await.map_err(|fault| Ended::unknown(Phase::Body, fault.to_string()))
    }

    /// The message could not be written on: the relay does not have it, and may have said why before it closed.
    async fn broken_off(&mut self, idle: bool, fault: &Fault) -> Ended {
        match self.opened.wire.read_reply(self.deadlines.beside).await {
            Ok(reply) if reply.refuses() && !idle => {
                Ended::refused(refusal(Phase::Body, &reply), Phase::Body, reply, false)
            }
            _ if idle => Ended::not_sent(Refusal::Stale, Phase::Body, fault.to_string()),
            _ => Ended::not_sent(Refusal::Relay, Phase::Body, fault.to_string()),
        }
    }

    /// The relay speaks, or has gone, while the message is still on its way: it does not have it. `idle`: it had waited for
    /// its first byte, and was idle for too long in its eyes.
    async fn interrupted(&mut self, idle: bool) -> Ended {
        match self.opened.wire.read_reply(self.deadlines.command).await {
            Ok(reply) if idle && reply.code == 421 => Ended::refused(Refusal::Stale, Phase::Body, reply, false),
            Ok(reply) if reply.refuses() => Ended::refused(refusal(Phase::Body, &reply), Phase::Body, reply, false),
            Ok(reply) => Ended::refused(Refusal::Relay, Phase::Body, reply, false),
            Err(fault @ Fault::Garbled(_)) => Ended::not_sent(Refusal::Relay, Phase::Body, fault.to_string()),
            Err(fault) if idle => Ended::not_sent(Refusal::Stale, Phase::Body, fault.to_string()),
            Err(fault) => Ended::not_sent(Refusal::Relay, Phase::Body, fault.to_string()),
        }
    }
}

/// "Bad connection", which is how relays end one that idled.
const IDLE_TOO_LONG: EnhancedCode = EnhancedCode { class: 4, subject: 4, detail: 2 };

impl Ended {
    fn refused(why: Refusal, phase: Phase, reply: Reply, connection_lives: bool) -> Ended {
        let detail = reply.to_string();
        Ended { outcome: Outcome::NotSent { why, phase, reply: Some(reply), detail }, connection_lives }
    }

    fn not_sent(why: Refusal, phase: Phase, detail: String) -> Ended {
        Ended { outcome: Outcome::NotSent { why, phase, reply: None, detail }, connection_lives: false }
    }

    fn unknown(phase: Phase, detail: String) -> Ended {
        Ended { outcome: Outcome::Unknown { phase, detail }, connection_lives: false }
    }

    fn and_lives(mut self, lives: bool) -> Ended {
        self.connection_lives &= lives;
        self
    }
}

/// Whether `code` is what a command of `phase` is to be answered with.
fn grants(phase: Phase, code: u16) -> bool {
    matches!(
        (phase, code),
        (Phase::Reset | Phase::MailFrom | Phase::RcptTo, 250) | (Phase::RcptTo, 251) | (Phase::Data, 354)
    )
}
