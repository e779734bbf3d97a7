//! What is known about a message after one try, and what a refusing reply means for it.
//!
//! In: the phase that the dialogue had reached and the relay's reply. Out: an [`Outcome`] that carries what to do next.
//! Pure: every reply at every phase has a meaning. Sources: RFC 5321 (reply codes, 4.2 and 4.5.3), RFC 3463 and its
//! registry (enhanced codes), RFC 1047 (the gap after the end of the message).

use std::fmt;

use crate::characters::turns_direction;

/// What is known about a message after one try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The relay has taken it (250 after the end of the message).
    Accepted { reply: Reply },
    /// The relay does not have it. `detail` is one line for the log: the reply, or what happened instead of one.
    NotSent { why: Refusal, phase: Phase, reply: Option<Reply>, detail: String },
    /// The end of the message may have been written and no reply was understood: it may have been sent (RFC 1047).
    Unknown { phase: Phase, detail: String },
}

/// What follows from a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The address itself is bad: this mail has failed, and the address can be suppressed.
    BadAddress,
    /// This mail is refused for good; the address may be sound.
    Permanent,
    /// Refused for now: comes back by the ladder, one attempt charged.
    Temporary,
    /// The relay is at fault, not the mail: its breaker opens, nothing is charged.
    Relay,
    /// The relay wants less for a while: it is paused, nothing is charged.
    Paused,
    /// A connection that had served before had ended unnoticed: at once again on a new one, nothing is charged.
    Stale,
}

impl Refusal {
    /// The word used in logs.
    pub fn word(self) -> &'static str {
        match self {
            Refusal::BadAddress => "bad_address",
            Refusal::Permanent => "permanent",
            Refusal::Temporary => "temporary",
            Refusal::Relay => "relay",
            Refusal::Paused => "paused",
            Refusal::Stale => "stale",
        }
    }
}

/// How far the dialogue with the relay had come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    Connect,
    Tls,
    Greeting,
    Hello,
    Auth,
    /// Clearing a refused transaction before the next one begins.
    Reset,
    MailFrom,
    RcptTo,
    Data,
    Body,
    FinalReply,
}

impl Phase {
    /// The word used in logs.
    pub fn word(self) -> &'static str {
        match self {
            Phase::Connect => "connect",
            Phase::Tls => "tls",
            Phase::Greeting => "greeting",
            Phase::Hello => "hello",
            Phase::Auth => "auth",
            Phase::Reset => "reset",
            Phase::MailFrom => "mail_from",
            Phase::RcptTo => "rcpt_to",
            Phase::Data => "data",
            Phase::Body => "body",
            Phase::FinalReply => "final_reply",
        }
    }
}

/// A relay's reply, made safe to store and print.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// 200 to 559.
    pub code: u16,
    pub enhanced: Option<EnhancedCode>,
    /// One line of printable characters, at most [`Reply::MAX_TEXT`] of them; begins with the enhanced code if there is one.
    pub text: String,
}

impl Reply {
    /// In characters.
    pub const MAX_TEXT: usize = 400;

    /// Whether it says that a command came out of turn: unknown, not now (RFC 5321, 4.2.2), or a protocol error that is
    /// none of the arguments (RFC 3463, x.5.0 and x.5.1).
    pub fn is_out_of_turn(&self) -> bool {
        let of_protocol = |enhanced: EnhancedCode| enhanced.class == 5 && enhanced.subject == 5 && enhanced.detail <= 1;
        matches!(self.code, 500 | 502 | 503) || self.enhanced.is_some_and(of_protocol)
    }

    /// Makes one line out of a reply's lines; an enhanced code that each line repeats is kept once.
    pub fn new<Line: AsRef<str>>(code: u16, lines: &[Line]) -> Reply {
        let enhanced = lines.first().and_then(|line| EnhancedCode::leading(line.as_ref(), code));
        let repeated = enhanced.map(|enhanced| format!("{enhanced} "));
        let mut text = String::new();
        for (number, line) in lines.iter().enumerate() {
            let line = line.as_ref().trim();
            let line = match &repeated {
                Some(repeated) if number > 0 => line.strip_prefix(repeated.as_str()).unwrap_or(line),
                _ => line,
            };
            if number > 0 {
                text.push(' ');
            }
            text.push_str(line);
        }
        let text = text.chars().filter(|c| !turns_direction(*c)).map(printable).take(Reply::MAX_TEXT).collect();
        Reply { code, enhanced, text }
    }

    /// The code and the enhanced code, as in `550 5.1.1`: what makes refusals alike.
    pub fn codes(&self) -> String {
        self.enhanced.map_or_else(|| self.code.to_string(), |enhanced| format!("{} {enhanced}", self.code))
    }

    /// 4xx or 5xx.
    pub fn refuses(&self) -> bool {
        (400..600).contains(&self.code)
    }
}

impl fmt::Display for Reply {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.code, self.text)
    }
}

/// What breaks a line, or moves a terminal's cursor, is a blank.
fn printable(character: char) -> char {
    let breaks = character.is_control() || matches!(character, '\u{2028}' | '\u{2029}');
    if breaks { ' ' } else { character }
}

/// An enhanced status code such as 5.1.1 (RFC 3463).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EnhancedCode {
    /// 2, 4 or 5; always the first digit of the reply code (RFC 2034, section 4).
    pub class: u16,
    pub subject: u16,
    pub detail: u16,
}

impl EnhancedCode {
    /// The enhanced code that `text` begins with, if it agrees with the reply code.
    fn leading(text: &str, reply_code: u16) -> Option<EnhancedCode> {
        let word = text.split_whitespace().next()?;
        let mut parts = word.split('.').map(|part| {
            let digits = (1..=3).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit());
            digits.then(|| part.parse::<u16>().ok()).flatten()
        });
        let code = EnhancedCode { class: parts.next()??, subject: parts.next()??, detail: parts.next()?? };
        (parts.next().is_none() && code.class == reply_code / 100).then_some(code)
    }
}

impl fmt::Display for EnhancedCode {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}.{}.{}", self.class, self.subject, self.detail)
    }
}

/// What a reply that refuses (4xx, 5xx) at `phase` means.
///
/// A reply that neither refuses nor grants what was asked never comes here: the connection is destroyed for it.
pub fn refusal(phase: Phase, reply: &Reply) -> Refusal {
    match (phase, reply.code) {
        (_, 421) => Refusal::Paused,
        (Phase::Connect | Phase::Tls | Phase::Greeting | Phase::Hello | Phase::Auth | Phase::Reset, 400..=499) => {
            Refusal::Paused
        }
        (Phase::Connect | Phase::Tls | Phase::Greeting | Phase::Hello | Phase::Auth | Phase::Reset, _) => {
            Refusal::Relay
        }
        (_, 400..=499) if wants_less(reply) => Refusal::Paused,
        (_, 400..=499) => Refusal::Temporary,
        // Sign-in needed, refused or too weak (RFC 4954, section 6).
        (_, 530 | 534 | 535 | 538) => Refusal::Relay,
        (Phase::FinalReply | Phase::Body, _) => Refusal::Permanent,
        // The commands themselves are not understood or out of order: no mail would fare better.
        (_, 500 | 502 | 503) => Refusal::Relay,
        (Phase::MailFrom, _) => sender_refused(reply),
        (Phase::RcptTo, _) => recipient_refused(reply),
        (_, _) => Refusal::Permanent,
    }
}

/// Whether a 4xx asks us to slow down, rather than to come back with this one mail.
fn wants_less(reply: &Reply) -> bool {
    match reply.enhanced.map(|code| (code.subject, code.detail)) {
        // 4.1 and 4.2 speak of the recipient, who may have limits of her own.
        Some((1 | 2, _)) => false,
        // The relay's disk is full, it accepts nothing, it is congested, it sees a flood (X.7.28).
        Some((3, 1 | 2) | (4, 5) | (7, 28)) => true,
        // "Too many recipients": with one to a mail, that counts mails over time.
        Some((5, 3)) => true,
        _ => names_a_rate(&reply.text),
    }
}

/// Relays have no common code for "too fast" (450 4.7.1 is greylisting as well), so the wording decides.
fn names_a_rate(text: &str) -> bool {
    const PHRASES: [&str; 10] = [
        "throttl",
        "too many",
        "too much",
        "too fast",
        "slow down",
        "ratelimit",
        "limit exceeded",
        "exceeded limit",
        "message quota",
        "sending quota",
    ];
    let text = text.to_lowercase();
    PHRASES.iter().any(|phrase| text.contains(phrase))
        || text.split(|c: char| !c.is_alphanumeric()).any(|word| word == "rate" || word == "rates")
}

/// A 5xx to MAIL FROM: about the sender, whom all our mails share, unless it is about this mail's size.
fn sender_refused(reply: &Reply) -> Refusal {
    match (reply.code, reply.enhanced.map(|code| (code.subject, code.detail))) {
        (_, Some((3, 4) | (2, 3))) | (552, None) => Refusal::Permanent,
        _ => Refusal::Relay,
    }
}

/// A 5xx to RCPT TO: a bad address, or a relay that does not take mail from us.
fn recipient_refused(reply: &Reply) -> Refusal {
    match (reply.code, reply.enhanced.map(|code| (code.subject, code.detail))) {
        // Policy and security.
        (_, Some((7, _))) => Refusal::Relay,
        // 5.1.7 and 5.1.8 are about the sender's address.
        (_, Some((1, 7 | 8))) => Refusal::Relay,
        (_, Some((1, _))) => Refusal::BadAddress,
        (550 | 551 | 553, None) if refuses_us(&reply.text) => Refusal::Relay,
        (550 | 551 | 553, None) => Refusal::BadAddress,
        // "Too many recipients" in its old form, to be treated as 452 (RFC 5321, 4.5.3.1.10).
        (552, None) => Refusal::Temporary,
        _ => Refusal::Permanent,
    }
}

/// Relays without enhanced codes answer 550 to an expired password too; such a reply must not suppress a customer.
fn refuses_us(text: &str) -> bool {
    let text = text.to_lowercase();
    ["relay", "authenti", "rcpthosts", "log in", "login"].iter().any(|word| text.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meaning(phase: Phase, line: &str) -> Refusal {
        let (code, text) = line.split_at(3);
        refusal(phase, &Reply::new(code.parse().unwrap(), &[text]))
    }

    #[test]
    fn every_refusal_at_every_phase_has_its_meaning() {
        use Phase::*;
        use Refusal::*;
        let table = [
            (Greeting, "554 no SMTP service here", Relay),
            (Greeting, "421 4.3.2 shutting down", Paused),
            (Greeting, "450 4.7.1 wait", Paused),
            (Hello, "550 go away", Relay),
            (Auth, "535 5.7.8 authentication failed", Relay),
            (Auth, "454 4.7.0 temporary authentication failure", Paused),
            (MailFrom, "421 4.7.0 too many errors", Paused),
            (MailFrom, "450 4.1.8 sender domain not found", Temporary),
            (MailFrom, "454 Throttling failure: Maximum sending rate exceeded.", Paused),
            (MailFrom, "454 Throttling failure: Daily message quota exceeded.", Paused),
            (MailFrom, "452 4.3.1 insufficient system storage", Paused),
            (MailFrom, "451 4.3.0 lookup failure", Temporary),
            (MailFrom, "530 5.7.0 authentication required", Relay),
            (MailFrom, "550 5.7.1 sender refused", Relay),
            (MailFrom, "550 sender refused", Relay),
            (MailFrom, "552 5.3.4 message too big", Permanent),
            (MailFrom, "552 too big", Permanent),
            (RcptTo, "550 5.1.1 no such user", BadAddress),
            (RcptTo, "550 no such user", BadAddress),
            (RcptTo, "551 user not local", BadAddress),
            (RcptTo, "553 mailbox name not allowed", BadAddress),
            (RcptTo, "556 5.1.10 recipient address has null MX", BadAddress),
            (RcptTo, "553 5.1.8 bad sender address", Relay),
            (RcptTo, "550 5.7.1 relaying denied", Relay),
            (RcptTo, "554 5.7.1 access denied", Relay),
            (RcptTo, "550 relay not permitted", Relay),
            (RcptTo, "550 authentication required", Relay),
            (RcptTo, "530 authentication required", Relay),
            (RcptTo, "535 5.7.8 expired", Relay),
            (RcptTo, "503 5.5.1 need MAIL", Relay),
            (RcptTo, "550 5.2.1 mailbox disabled", Permanent),
            (RcptTo, "552 5.2.2 mailbox full", Permanent),
            (RcptTo, "552 too many recipients", Temporary),
            (RcptTo, "554 refused", Permanent),
            (RcptTo, "450 4.2.0 greylisted, try again later", Temporary),
            (RcptTo, "450 4.7.1 greylisted", Temporary),
            (RcptTo, "452 4.2.2 mailbox full, quota exceeded", Temporary),
            (RcptTo, "450 4.2.1 the user is receiving mail at a rate that is too high", Temporary),
            (RcptTo, "450 4.7.1 too much mail from 192.0.2.1", Paused),
            (RcptTo, "451 4.7.0 rate limited", Paused),
            (RcptTo, "452 4.5.3 recipients", Paused),
            (RcptTo, "451 temporarily deferred, operator moderates", Temporary),
            (Data, "554 5.5.1 no valid recipients", Permanent),
            (Data, "451 4.3.0 try again", Temporary),
            (Data, "503 bad sequence", Relay),
            (FinalReply, "554 5.7.1 spam", Permanent),
            (FinalReply, "552 5.3.4 too big", Permanent),
            (FinalReply, "550 5.1.1 no such user", Permanent),
            (FinalReply, "535 5.7.8 expired", Relay),
            (FinalReply, "451 4.3.0 queue file write error", Temporary),
            (FinalReply, "421 4.3.2 shutting down", Paused),
            (FinalReply, "451 4.7.28 flood", Paused),
        ];
        for (phase, line, expected) in table {
            assert_eq!(meaning(phase, line), expected, "{} at {}", line, phase.word());
        }
    }

    #[test]
    fn a_reply_of_many_lines_becomes_one_printable_line_with_the_code_once() {
        let reply = Reply::new(550, &["5.1.1 no\u{7} such", "5.1.1 user\tat all"]);
        assert_eq!(reply.to_string(), "550 5.1.1 no  such user at all");
        assert_eq!(reply.enhanced, Some(EnhancedCode { class: 5, subject: 1, detail: 1 }));
        assert_eq!(Reply::new(250, &["x".repeat(9_000)]).text.len(), Reply::MAX_TEXT);
        assert_eq!(
            Reply::new(550, &["no \u{202e}eno\u{2066} such\u{2028}user\u{1b}[31m"]).text,
            "no eno such user [31m"
        );
    }

    #[test]
    fn an_enhanced_code_that_disagrees_with_the_reply_code_does_not_count() {
        for text in ["4.1.1 odd", "5.1 short", "5.1.1.1 long", "5.1.1234 long", "5.1.x", ""] {
            assert_eq!(Reply::new(550, &[text]).enhanced, None, "{text}");
        }
        assert!(Reply::new(550, &["5.7.25"]).enhanced.is_some());
    }
}
