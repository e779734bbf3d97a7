//! An envelope as the commands that a relay is given, and what need not be tried at all.
//!
//! In: the addresses of a mail, its size, what the relay offers. Out: MAIL, RCPT and DATA, each with its phase. What can
//! go wrong: an address that is none, or that would be a second command.

use super::opening::Offers;
use crate::deliver::outcome::{Outcome, Phase, Refusal};

/// RFC 5321, 4.5.3.1.3: a path of 256 bytes, its angle brackets among them.
const MAX_ADDRESS: usize = 254;

/// Whom a mail comes from and goes to, as bare ASCII addresses.
#[derive(Clone, Copy, Debug)]
pub struct Envelope<'a> {
    /// Where bounces go; empty: nowhere.
    pub from: &'a str,
    pub to: &'a str,
}

/// The mail that follows over the same connection.
#[derive(Clone, Copy, Debug)]
pub struct Next<'a> {
    pub envelope: Envelope<'a>,
    /// Of its message, in bytes.
    pub size: usize,
}

impl Envelope<'_> {
    /// Why a mail of `size` bytes need not be tried at all.
    pub(super) fn refused(&self, size: usize, offers: &Offers) -> Option<Outcome> {
        let refused = |phase, detail: String| Outcome::NotSent { why: Refusal::Permanent, phase, reply: None, detail };
        if !(self.from.is_empty() || is_address(self.from)) {
            return Some(refused(Phase::MailFrom, "the sender is no plain mail address".into()));
        }
        if !is_address(self.to) {
            return Some(refused(Phase::RcptTo, "the recipient is no plain mail address".into()));
        }
        match offers.size {
            Some(limit) if size as u64 > limit => {
                Some(refused(Phase::MailFrom, format!("the mail has {size} bytes and the relay takes at most {limit}")))
            }
            _ => None,
        }
    }

    /// What a mail of `size` bytes is offered with; `reset`: what was before is to be cleared first.
    pub(super) fn commands(&self, size: usize, offers: &Offers, reset: bool) -> Vec<(Phase, String)> {
        let Envelope { from, to } = self;
        let mut commands = Vec::with_capacity(4);
        if reset {
            commands.push((Phase::Reset, "RSET\r\n".to_owned()));
        }
        commands.push(match offers.declares_size {
            true => (Phase::MailFrom, format!("MAIL FROM:<{from}> SIZE={size}\r\n")),
            false => (Phase::MailFrom, format!("MAIL FROM:<{from}>\r\n")),
        });
        commands.push((Phase::RcptTo, format!("RCPT TO:<{to}>\r\n")));
        commands.push((Phase::Data, "DATA\r\n".to_owned()));
        commands
    }
}

/// Commands as one write.
pub(super) fn in_one(commands: &[(Phase, String)]) -> String {
    commands.iter().map(|(_, command)| command.as_str()).collect()
}

/// Whether `address` can stand between angle brackets as it is: nothing in it can end the command or the path.
fn is_address(address: &str) -> bool {
    address.len() <= MAX_ADDRESS
        && address.rsplit_once('@').is_some_and(|(local, domain)| !local.is_empty() && !domain.is_empty())
        && address.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'<' && byte != b'>')
}

#[cfg(test)]
mod tests {
    use super::is_address;

    #[test]
    fn an_address_cannot_carry_a_second_command_or_parameter() {
        for good in ["ada@example.com", "o'hara+x@sub.example", "x@[192.0.2.1]"] {
            assert!(is_address(good), "{good}");
        }
        let long = format!("{}@example.com", "x".repeat(250));
        let bad = [
            "",
            "ada",
            "@example.com",
            "ada@",
            "a b@example.com",
            "a@example.com>",
            "<a@example.com",
            "a@example.com\r\n",
            "a@example.com\r\nRCPT TO:<b@example.com>",
            "a\0@example.com",
            "ä@example.com",
            "a@exämple.com",
            &long,
        ];
        for bad in bad {
            assert!(!is_address(bad), "{bad:?}");
        }
    }
}
