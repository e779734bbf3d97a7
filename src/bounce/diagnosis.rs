//! What the codes of a report mean.
//!
//! In: action, status and diagnosis as a report has them (RFC 3464, section 2.3). Out: a [`Verdict`]. Only a bad address
//! is hard: 5.1.x, or a bare 550, 551 or 553 that was the answer to the recipient; the very same meaning that replies to
//! our own deliveries have. Pure.

use super::Verdict;
use crate::deliver::outcome::{Phase, Refusal, Reply, refusal};

/// A reply in a text is read no further; a line of one has 512 bytes at most (RFC 5321, section 4.5.3.1.5).
const LONGEST_REPLY: usize = 1_000;

/// What a report says of one recipient.
#[derive(Clone, Copy, Debug, Default)]
pub struct Said<'a> {
    /// `failed`, `delayed`, `delivered`, ...
    pub action: Option<&'a str>,
    /// As `5.1.1`, perhaps with words behind it.
    pub status: Option<&'a str>,
    /// As `smtp; 550 5.1.1 no such user`, or the reply alone.
    pub diagnosis: Option<&'a str>,
    /// The words beside it say that this was the answer to `RCPT TO`.
    pub at_recipient: bool,
}

/// What follows; `None`: the mail arrived, or went on.
pub fn verdict(said: Said<'_>) -> Option<Verdict> {
    let action = said.action.map(|action| action.trim().to_ascii_lowercase());
    let action = action.as_deref();
    if matches!(action, Some("delivered" | "relayed" | "expanded")) {
        return None;
    }
    let reply = said.diagnosis.and_then(reply_of);
    let status = said.status.and_then(status_of);
    let class = status.as_ref().or(reply.as_ref()).map_or(5, |reply| reply.code / 100);
    if action == Some("delayed") || class == 4 && action != Some("failed") {
        return Some(Verdict::Soft);
    }
    if class == 2 {
        return None;
    }
    let is_bad = match (reply, status) {
        // The receiving server's own code is the most exact.
        (Some(reply), _) if reply.enhanced.is_some() => is_bad_address(&reply),
        // 5.0.0 says nothing of its own.
        (_, Some(status)) if !status.text.starts_with("5.0.") => is_bad_address(&status),
        (Some(reply), _) => said.at_recipient && is_bad_address(&reply),
        _ => false,
    };
    Some(if is_bad { Verdict::Hard } else { Verdict::Undelivered })
}

/// The same of a text that holds the reply somewhere, as mails of old servers do.
pub fn verdict_of_text(text: &str) -> Verdict {
    let at_recipient = speaks_of_recipient(text);
    let replies = text.lines().filter_map(|line| {
        // "550 5.1.1 ...", also behind other words.
        let words = line.match_indices(|c: char| c.is_ascii_digit()).map(|(at, _)| at);
        let mut starts = words.filter(|at| *at == 0 || line.as_bytes()[at - 1].is_ascii_whitespace());
        starts.find_map(|at| reply_of(&line[at..line.floor_char_boundary(at + LONGEST_REPLY)])).filter(Reply::refuses)
    });
    let verdicts = replies.filter_map(|reply| {
        let diagnosis = reply.to_string();
        verdict(Said { action: Some("failed"), diagnosis: Some(&diagnosis), at_recipient, ..Said::default() })
    });
    verdicts.max().unwrap_or(Verdict::Undelivered)
}

/// Whether the words of a mail server say that the recipient was refused, and not the message.
pub fn speaks_of_recipient(text: &str) -> bool {
    // Mail servers break their lines anywhere.
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ").to_ascii_lowercase();
    let said = ["in reply to rcpt to", "after rcpt to"];
    said.iter().any(|words| text.contains(words))
}

fn is_bad_address(reply: &Reply) -> bool {
    reply.code >= 500 && refusal(Phase::RcptTo, reply) == Refusal::BadAddress
}

/// A diagnosis without the kind that it begins with, if that is SMTP's.
pub fn words_of(diagnosis: &str) -> &str {
    match diagnosis.split_once(';') {
        Some((kind, rest)) if kind.trim().eq_ignore_ascii_case("smtp") => rest.trim(),
        _ => diagnosis.trim(),
    }
}

/// Whether a diagnosis holds a reply.
pub fn holds_reply(diagnosis: &str) -> bool {
    reply_of(diagnosis).is_some()
}

/// The reply in a diagnosis; `None`: it holds none.
fn reply_of(diagnosis: &str) -> Option<Reply> {
    let text = words_of(diagnosis).trim_start_matches(['<', '#']);
    let (digits, rest) = text.split_at_checked(3)?;
    let code: u16 = digits.parse().ok().filter(|code| (200..600).contains(code))?;
    // "550-5.1.1 ..." begins a reply of several lines; "550 #5.1.0" is how some servers mark the code.
    rest.is_empty()
        .then_some("")
        .or(rest.strip_prefix([' ', '-']))
        .map(|rest| Reply::new(code, &[rest.trim_start_matches(['#', ' '])]))
}

/// A status as the reply that it would be.
fn status_of(status: &str) -> Option<Reply> {
    let word = status.split_whitespace().next()?;
    let code = match word.as_bytes().first()? {
        b'2' => 250,
        b'4' => 450,
        b'5' => 550,
        _ => return None,
    };
    Some(Reply::new(code, &[word])).filter(|reply| reply.enhanced.is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_bad_address_is_hard() {
        use Verdict::*;
        let table: [(&str, &str, &str, bool, Option<Verdict>); 22] = [
            ("failed", "5.1.1", "smtp; 550 5.1.1 <x@y.example>: no such user", false, Some(Hard)),
            ("Failed", "5.1.10", "smtp;550 5.1.10 RESOLVER.ADR.RecipientNotFound; not found", false, Some(Hard)),
            ("failed", "5.1.2", "", false, Some(Hard)),
            ("failed", "5.0.0", "smtp; 550-5.1.1 The account does not exist", false, Some(Hard)),
            ("failed", "5.0.0", "smtp; 550 #5.1.0 Address rejected.", false, Some(Hard)),
            ("failed", "5.0.0", "smtp; 550 no such user", true, Some(Hard)),
            ("failed", "5.0.0", "smtp; 550 no such user", false, Some(Undelivered)),
            ("failed", "5.1.1", "smtp; 550 5.7.1 blocked by policy", false, Some(Undelivered)),
            ("failed", "5.7.1", "smtp; 550 5.7.1 relaying denied", true, Some(Undelivered)),
            ("failed", "5.0.0", "smtp; 550 relay not permitted", true, Some(Undelivered)),
            ("failed", "5.0.0", "smtp; 530 sign in first", true, Some(Undelivered)),
            ("failed", "5.1.8", "smtp; 550 5.1.8 bad sender's address", false, Some(Undelivered)),
            ("failed", "5.2.2", "smtp; 552 5.2.2 mailbox full", false, Some(Undelivered)),
            ("failed", "5.4.4", "X-Postfix; Host or domain name not found", false, Some(Undelivered)),
            ("failed", "4.4.7", "smtp; 421 4.4.7 message expired", false, Some(Undelivered)),
            ("failed", "", "", false, Some(Undelivered)),
            ("delayed", "4.4.1", "", false, Some(Soft)),
            ("delayed", "5.1.1", "", false, Some(Soft)),
            ("", "4.2.2", "", false, Some(Soft)),
            ("", "5.1.1", "", false, Some(Hard)),
            ("delivered", "2.0.0", "", false, None),
            ("relayed", "2.0.0", "", false, None),
        ];
        for (action, status, diagnosis, at_recipient, expected) in table {
            let some = |text: &'static str| Some(text).filter(|text| !text.is_empty());
            let said = Said { action: some(action), status: some(status), diagnosis: some(diagnosis), at_recipient };
            assert_eq!(verdict(said), expected, "{said:?}");
        }
    }

    #[test]
    fn a_text_is_searched_for_the_reply() {
        let exim = "SMTP error from remote mail server after RCPT TO:<x@y.example>:\n    550 no such user";
        assert_eq!(verdict_of_text(exim), Verdict::Hard);
        assert_eq!(verdict_of_text("host mx.y.example said: 550 5.1.1 unknown"), Verdict::Hard);
        assert_eq!(verdict_of_text("after end of data:\n 550 looks like spam"), Verdict::Undelivered);
        assert_eq!(verdict_of_text("quota of 550 MB reached"), Verdict::Undelivered);
        assert_eq!(verdict_of_text("ä550 5.1.1, retry timeout exceeded"), Verdict::Undelivered);
    }
}
