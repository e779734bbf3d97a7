//! A mail about a mail that came back: read, and held against what is ours in it.
//!
//! In: the bytes of a mail. Out: [`Returned`], or why it is none of our business. Reports are those of RFC 3464
//! (`multipart/report`), complaints those of RFC 5965; mails of old servers are searched for what a report would say.
//! The id comes from the returned mail's headers, or from the address that the report was sent to. Pure; any bytes give
//! an answer, and soon: anybody may write to the address that reports go to.

use std::panic::resume_unwind;

use mail_parser::decoders::base64::base64_decode;
use mail_parser::decoders::quoted_printable::quoted_printable_decode;
use mail_parser::{
    Encoding, GetHeader, HeaderName, HeaderValue, Message, MessageParser, MessagePart, MimeHeaders, PartType,
};

use super::diagnosis::{self, Said, speaks_of_recipient, verdict, verdict_of_text};
use super::fields::Fields;
use super::{Name, Returned, Verdict, address_line, one_line};
use crate::settings::return_path::ReturnPath;

/// Our headers, and where a mail server says whom a mail was for.
const OUR_ID: &str = "X-Backorderd-Id";
const MESSAGE_ID: &str = "Message-ID";
const DELIVERED_TO: [&str; 5] = ["To", "Delivered-To", "X-Original-To", "Envelope-To", "X-Envelope-To"];
/// Names the addresses that failed, in mails of Exim and of some others.
const FAILED_RECIPIENTS: &str = "X-Failed-Recipients";

/// A report is short; of a mail that is longer the rest is not read.
pub const LONGEST: usize = 1 << 20;
/// Mails within mails are taken apart, and dropped, one within the other: so much room has a mail of [`LONGEST`] that is
/// nothing but such heads.
const ROOM: usize = 64 << 20;
/// Of more ids than any report has the rest is not looked for.
const MOST_NAMES: usize = 100;
/// What words are searched for a reply and a reason.
const MOST_WORDS: usize = 64 << 10;

/// The parts that may hold the headers of the mail that came back, and nothing else.
const HEADERS: [(&str, &str); 4] =
    [("text", "rfc822-headers"), ("message", "global-headers"), ("message", "rfc822"), ("message", "global")];
/// The types of a delivery status (RFC 3464; RFC 6533 where addresses are not ASCII).
const STATUS: [&str; 2] = ["delivery-status", "global-delivery-status"];
/// The types of feedback that say that she does not want such mails (RFC 5965, section 7.3). The others are about
/// viruses, signatures, or mails that were no spam after all.
const UNWANTED: [&str; 4] = ["abuse", "fraud", "opt-out", "other"];

/// Why a mail is no report about one of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoReport {
    #[error("this is no mail: it has no headers")]
    NoMail,
    #[error("this is no report that a mail came back; nothing was done")]
    Other,
    #[error("this report names no notification: neither a returned header nor its own address holds an id")]
    Unnamed,
    #[error("this report says that nothing went wrong; nothing was done")]
    Arrived,
    #[error("this feedback is no complaint; nothing was done")]
    Feedback,
}

/// Reads a mail.
pub fn read(bytes: &[u8], return_path: Option<&ReturnPath>) -> Result<Returned, NoReport> {
    with_room(|| read_parsed(&parsed(bytes).ok_or(NoReport::NoMail)?, return_path))
}

/// The parts of a mail, encoded as they came. The parser would decode a mail within a mail too, and copy all of it for
/// each of the mails in that one: 700 KB of nothing but heads took 12 GB.
fn parsed(bytes: &[u8]) -> Option<Message<'_>> {
    let parser = MessageParser::new().header_content_type(HeaderName::ContentType);
    // Read as a type it is none that the parser decodes by.
    let parser = parser.header_content_type(HeaderName::ContentTransferEncoding).default_header_ignore();
    parser.parse(&bytes[..bytes.len().min(LONGEST)])
}

/// Runs on a thread that has [`ROOM`]; only what is used of it is ever taken from the machine.
fn with_room<T: Send>(run: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(ROOM).spawn_scoped(scope, run);
        thread.expect("the machine has room for a thread").join().unwrap_or_else(|panic| resume_unwind(panic))
    })
}

fn read_parsed(mail: &Message<'_>, return_path: Option<&ReturnPath>) -> Result<Returned, NoReport> {
    let status = STATUS.iter().find_map(|subtype| part(mail, "message", subtype));
    let (verdict, recipient, reason) = if let Some(part) = status {
        said_of(mail, &text(part))?
    } else if let Some(part) = part(mail, "message", "feedback-report") {
        complaint_of(&text(part))?
    } else if let Some(recipient) = header(mail, FAILED_RECIPIENTS) {
        let words = words_of(mail);
        (verdict_of_text(&words), Some(recipient), first_lines(&words))
    } else {
        return Err(NoReport::Other);
    };
    let names = names_in(mail, return_path);
    if names.is_empty() {
        return Err(NoReport::Unnamed);
    }
    let recipient = recipient.as_deref().map(address_line);
    Ok(Returned { names, verdict, recipient, reason: one_line(&reason) })
}

/// The ids in a mail that somebody dumped, whole or in part.
pub fn names_in_dump(bytes: &[u8]) -> Vec<Name> {
    let bytes = &bytes[..bytes.len().min(LONGEST)];
    let names = with_room(|| parsed(bytes).map(|mail| names_in(&mail, None)).unwrap_or_default());
    if names.is_empty() { names_of(&String::from_utf8_lossy(bytes)) } else { names }
}

/// What a delivery status says of the recipient, the worst if there are several.
fn said_of(mail: &Message<'_>, status: &str) -> Result<(Verdict, Option<String>, String), NoReport> {
    let at_recipient = speaks_of_recipient(&words_of(mail));
    let mut worst: Option<(Verdict, Option<String>, String)> = None;
    let mut arrived = false;
    for block in Fields::blocks(status) {
        let recipient = block.get("Final-Recipient").or(block.get("Original-Recipient")).map(address_of);
        if recipient.is_none() && block.get("Action").is_none() {
            // The first block is about the message, not about a recipient.
            continue;
        }
        let (action, status) = (block.get("Action"), block.get("Status"));
        let diagnosis = block.get("Diagnostic-Code");
        let Some(verdict) = verdict(Said { action, status, diagnosis, at_recipient }) else {
            arrived = true;
            continue;
        };
        let words = diagnosis.map(diagnosis::words_of).unwrap_or_default();
        let status = status.filter(|status| !words.contains(status));
        let reason = [status.unwrap_or_default(), words].join(" ");
        if worst.as_ref().is_none_or(|(before, ..)| verdict > *before) {
            worst = Some((verdict, recipient, reason));
        }
    }
    worst.ok_or(if arrived { NoReport::Arrived } else { NoReport::Other })
}

fn complaint_of(feedback: &str) -> Result<(Verdict, Option<String>, String), NoReport> {
    let blocks = Fields::blocks(feedback);
    let field = |name: &str| blocks.iter().find_map(|block| block.get(name));
    let recipient = field("Original-Rcpt-To").map(address_of);
    let kind = field("Feedback-Type").unwrap_or("abuse").trim();
    if !UNWANTED.iter().any(|unwanted| unwanted.eq_ignore_ascii_case(kind)) {
        return Err(NoReport::Feedback);
    }
    Ok((Verdict::Complaint, recipient, format!("complaint: {kind}")))
}

/// `rfc822; ada@example.com` without its type and brackets.
fn address_of(field: &str) -> String {
    let address = field.split_once(';').map_or(field, |(_, address)| address);
    address.trim().trim_start_matches('<').trim_end_matches('>').to_owned()
}

/// The ids that are found, the surest first: those of the returned mail, then that of the address of the report.
fn names_in(mail: &Message<'_>, return_path: Option<&ReturnPath>) -> Vec<Name> {
    let mut names = Vec::new();
    for part in &mail.parts {
        match &part.body {
            PartType::Message(_) if encoding_of(part).is_some() => {
                let bounds = part.offset_body as usize..part.offset_end as usize;
                names.extend(names_of(&decoded(part, mail.raw_message().get(bounds).unwrap_or_default())));
            }
            PartType::Message(returned) => {
                names.extend(header(returned, OUR_ID).as_deref().and_then(Name::of_id));
                names.extend(header(returned, MESSAGE_ID).as_deref().and_then(Name::of_message_id));
            }
            // Its headers alone; a returned mail that ends within them is no message to the parser.
            _ if HEADERS.iter().any(|(kind, subtype)| is(part, kind, subtype)) => names.extend(names_of(&text(part))),
            _ => {}
        }
    }
    if header(mail, FAILED_RECIPIENTS).is_some() && names.is_empty() {
        names.extend(names_of(&words_of(mail)));
    }
    let addresses = DELIVERED_TO.iter().filter_map(|name| header(mail, name));
    let sent_to = addresses.filter_map(|value| {
        let mut words = value.split([',', ' ', '<', '>', '"']);
        let id = words.find_map(|word| return_path?.id_in(word))?;
        Some(Name { id, message_id: None })
    });
    names.extend(sent_to);
    names.dedup();
    names.truncate(MOST_NAMES);
    names
}

/// The ids in a text that holds headers of ours.
fn names_of(text: &str) -> Vec<Name> {
    let mut names = Vec::new();
    for block in Fields::blocks(text) {
        names.extend(block.get(OUR_ID).and_then(Name::of_id));
        names.extend(block.get(MESSAGE_ID).and_then(Name::of_message_id));
        if names.len() >= MOST_NAMES {
            break;
        }
    }
    names
}

fn part<'a>(mail: &'a Message<'a>, kind: &str, subtype: &str) -> Option<&'a MessagePart<'a>> {
    mail.parts.iter().find(|part| is(part, kind, subtype))
}

fn is(part: &MessagePart<'_>, kind: &str, subtype: &str) -> bool {
    part.content_type().is_some_and(|of| {
        of.ctype().eq_ignore_ascii_case(kind) && of.subtype().is_some_and(|of| of.eq_ignore_ascii_case(subtype))
    })
}

/// What is in a part, decoded.
fn text(part: &MessagePart<'_>) -> String {
    decoded(part, part.contents())
}

fn decoded(part: &MessagePart<'_>, bytes: &[u8]) -> String {
    let decoded = match encoding_of(part) {
        Some(Encoding::Base64) => base64_decode(bytes),
        Some(Encoding::QuotedPrintable) => quoted_printable_decode(bytes),
        _ => None,
    };
    String::from_utf8_lossy(decoded.as_deref().unwrap_or(bytes)).into_owned()
}

/// How a part is encoded; `None`: it is not.
fn encoding_of(part: &MessagePart<'_>) -> Option<Encoding> {
    let named =
        part.headers.header_value(&HeaderName::ContentTransferEncoding).and_then(HeaderValue::as_content_type)?;
    match named.ctype().to_ascii_lowercase().as_str() {
        "base64" => Some(Encoding::Base64),
        "quoted-printable" => Some(Encoding::QuotedPrintable),
        _ => None,
    }
}

/// Everything that is written for people.
fn words_of(mail: &Message<'_>) -> String {
    let plain = mail.parts.iter().filter(|part| matches!(part.body, PartType::Text(_)));
    let plain = plain.filter(|part| !HEADERS.iter().any(|(kind, subtype)| is(part, kind, subtype)));
    let mut words = String::new();
    for part in plain {
        if words.len() >= MOST_WORDS {
            break;
        }
        words += &text(part);
        words.push('\n');
    }
    words.truncate(words.floor_char_boundary(MOST_WORDS));
    words
}

fn first_lines(text: &str) -> String {
    text.lines().map(str::trim).filter(|line| !line.is_empty()).take(8).collect::<Vec<_>>().join(" ")
}

fn header(mail: &Message<'_>, name: &str) -> Option<String> {
    mail.header_raw(name.to_owned()).map(|value| value.trim().to_owned())
}
