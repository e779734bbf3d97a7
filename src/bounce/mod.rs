//! Mails that came back after a relay had taken them: which notification it was, and what that says of the address.
//!
//! ```text
//! mail server ─> maildir, or a pipe ─> report ──┐
//!                                               ├─> Returned ─> store: recorded, address barred, staff told
//! provider ───> POST /api/v1/bounces ─> provider ┘
//! ```
//! In: reports by mail (RFC 3464) and events of mail providers. Out: [`Returned`], and what became of it. A
//! notification is known by its own id alone, in a header of ours that came back or in the address that the report went
//! to; never by a recipient, so that nobody has another's address barred. What can go wrong: it is no report, or one of
//! another's mail; that is said, and nothing happens.

pub mod diagnosis;
mod fields;
pub mod maildir;
pub mod provider;
pub mod report;

use uuid::Uuid;

use crate::characters::turns_direction;
use crate::deliver::outcome::Reply;

/// In bytes.
const LONGEST_ADDRESS: usize = 254;

/// What came back of one mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Returned {
    /// The names of the notification that were found; the first that is known is meant.
    pub names: Vec<Name>,
    pub verdict: Verdict,
    /// Whom it names as the recipient. It is told to staff and decides nothing.
    pub recipient: Option<String>,
    /// One line of printable characters.
    pub reason: String,
}

/// A notification by its id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    pub id: Uuid,
    /// The `Message-ID` that the id was read from, without its angle brackets; it has to be the notification's.
    pub message_id: Option<String>,
}

impl Name {
    /// Our `Message-ID` is `<ID@domain>`; `None`: this is not one of ours.
    pub fn of_message_id(text: &str) -> Option<Name> {
        let text = text.trim().trim_start_matches('<').trim_end_matches('>');
        let (id, _) = text.split_once('@')?;
        Some(Name { id: id.parse().ok()?, message_id: Some(text.to_owned()) })
    }

    /// As `X-Backorderd-Id` has it.
    pub fn of_id(text: &str) -> Option<Name> {
        Some(Name { id: text.trim().parse().ok()?, message_id: None })
    }
}

/// What it says of the mail and of the address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// It is on its way still, or nobody knows: recorded only.
    Soft,
    /// The recipient calls it unwanted.
    Complaint,
    /// It did not arrive; the address may be sound.
    Undelivered,
    /// It did not arrive, because the address is bad.
    Hard,
}

impl Verdict {
    /// The word in tables and for staff.
    pub fn word(self) -> &'static str {
        match self {
            Verdict::Soft => "soft",
            Verdict::Complaint => "complaint",
            Verdict::Undelivered => "undelivered",
            Verdict::Hard => "hard",
        }
    }

    pub fn of_word(word: &str) -> Option<Verdict> {
        let all = [Verdict::Soft, Verdict::Complaint, Verdict::Undelivered, Verdict::Hard];
        all.into_iter().find(|verdict| verdict.word() == word)
    }

    /// Whether she did not get the mail.
    pub fn is_a_loss(self) -> bool {
        matches!(self, Verdict::Undelivered | Verdict::Hard)
    }
}

/// One line of printable characters, as long as a reply that is kept.
fn one_line(text: &str) -> String {
    let mut line = String::new();
    for word in text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty()) {
        // A word that never ends, or millions of them, are not put together to be cut off.
        if line.len() > 4 * Reply::MAX_TEXT {
            break;
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.extend(word.chars().filter(|c| !turns_direction(*c)).take(Reply::MAX_TEXT));
    }
    match line.char_indices().nth(Reply::MAX_TEXT) {
        Some((end, _)) => line[..end].to_owned(),
        None => line,
    }
}

/// An address as somebody else's report has it: one line, no longer than an address may be (RFC 5321, section 4.5.3.1.3).
fn address_line(text: &str) -> String {
    let mut line = one_line(text);
    line.truncate(line.floor_char_boundary(LONGEST_ADDRESS));
    line
}
