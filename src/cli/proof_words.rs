//! The words of a proof: what the record says, part by part, for someone who has never seen this program.
//!
//! In: what is recorded. Out: text, its times in the shop's zone, each with its offset from UTC.

use std::fmt::Write as _;

use jiff::{Timestamp, tz::TimeZone};
use sha2::{Digest, Sha256};

use super::output::{count, exact};
use super::proof_fields::Fields;
use super::proof_law::{self, expected};
use super::show::state;
use crate::choice::{By, Choice};
use crate::outbox::plan::ContentLine;
use crate::promise::case::Case;
use crate::settings::Settings;
use crate::shop::line::{Payment, RuleSet};
use crate::store::bounces::Bounce;
use crate::store::choices::ChoiceState;
use crate::store::deadlines::LineRecord;
use crate::store::log::{AttemptEntry, Event, LogEntry};
use crate::store::proof::{AnswerRecord, FoundOrder};
use crate::store::staff::StaffAction;

/// What a mail said.
pub struct Said {
    /// As they were sent, folded and encoded.
    headers: String,
    text: String,
    fingerprint: Fingerprint,
}

/// The SHA-256, in hexadecimal digits.
enum Fingerprint {
    /// Of the exact bytes that were sent.
    Sent(String),
    /// Of the bytes that are kept, whose links are dead: the secret that signed them is gone.
    Kept(String),
}

impl Said {
    /// `hidden`: the mail with dead links; `live`: the exact bytes, if they can be restored.
    pub fn of(hidden: &[u8], text: String, live: Option<&[u8]>) -> Said {
        let whole = String::from_utf8_lossy(hidden).replace("\r\n", "\n");
        let headers = whole.split("\n\n").next().unwrap_or_default().to_owned();
        let fingerprint =
            live.map_or_else(|| Fingerprint::Kept(sha256(hidden)), |bytes| Fingerprint::Sent(sha256(bytes)));
        Said { headers, text, fingerprint }
    }
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold(String::new(), |digits, byte| digits + &format!("{byte:02x}"))
}

fn titled(title: &str, rule: &str) -> String {
    format!("\n{title}\n{}\n", rule.repeat(title.chars().count()))
}

/// What this file is, and of which order.
pub fn head(order: &FoundOrder, settings: &Settings, now: Timestamp, zone: &TimeZone) -> String {
    let number = order.numbers.last().map_or(&*order.order_id, |number| number);
    let mut fields = Fields::default();
    let name = &settings.shop(&order.shop_id).shop.name;
    let shop = if order.shop_id.is_empty() { name.clone() } else { format!("{name} ({})", order.shop_id) };
    fields.add("shop", &shop);
    fields.add("order id", &order.order_id);
    if let [former @ .., _] = &*order.numbers
        && !former.is_empty()
    {
        fields.add("once called", &former.join(", "));
    }
    let recipients = if order.recipients.is_empty() { "none".into() } else { order.recipients.join(", ") };
    fields.add("addresses", &recipients);
    fields.add("made", &format!("{}, by backorderd {}", exact(now, zone), env!("CARGO_PKG_VERSION")));
    fields.maybe("times in", zone.iana_name());
    titled(&format!("Proof of order {number}"), "=").trim_start().to_owned()
        + &fields.to_string()
        + "\nEverything that was read, told and answered about this order, as it was recorded\n\
           at the time. Every time has its offset from UTC. The links in the mails are dead\n\
           here. Each SHA-256 is that of the exact bytes that were handed to the relay;\n\
           `backorderd show ID --eml` prints these bytes.\n"
}

pub fn lines_head(number: usize, seen_at: Timestamp, zone: &TimeZone) -> String {
    let seen_at = exact(seen_at, zone);
    titled(&format!("1. The order's {}, as the shop showed them until {seen_at}", count(number, "line", "lines")), "-")
}

/// One line, and where it stands before the law.
pub fn line(record: &LineRecord, case: &Case<'_>, zone: &TimeZone) -> String {
    let line = &record.line;
    let mut fields = Fields::default();
    fields.add("product", &format!("{} ({})", line.product_name, line.sku.as_deref().unwrap_or(&line.product_key)));
    fields.add("quantities", &line.summary());
    if record.gone {
        fields.add("gone", "the shop shows this line no more");
    }
    fields.maybe("reason", line.delay_reason.as_deref());
    fields.add("payment", payment(line.payment));
    fields.maybe("ships to", line.ship_to_country.as_deref());
    let history = &record.history;
    let times = [
        ("ordered", line.ordered_at),
        ("last open", history.last_open_at),
        ("shipped", line.shipped_at),
        ("cancelled", history.cancelled_at),
        ("refunded", line.refunded_at),
    ];
    for (name, at) in times {
        fields.maybe(name, at.map(|at| exact(at, zone)).as_deref());
    }
    fields.maybe("refund made", record.refunded_at.map(|at| format!("{}, said by staff", exact(at, zone))).as_deref());
    proof_law::of_line(record, case, &mut fields);
    let mut words = format!("\nLine {}\n{}", line.line_id, fields);
    words += &proof_law::notices(&record.history.notices, zone);
    words
}

/// What was read and decided about a line.
pub fn events(events: &[Event], zone: &TimeZone) -> String {
    let mut words = String::from("\n  What was recorded of it\n");
    for event in events {
        let _ = writeln!(words, "    {}  {:<9}  {}", exact(event.at, zone), event.what, event.detail);
    }
    words
}

pub fn notifications_head(number: usize) -> String {
    titled(&format!("2. What the customer was told: {}", count(number, "notification", "notifications")), "-")
}

/// One notification with its tries and what it says.
pub fn notification(
    number: usize,
    entry: &LogEntry,
    attempts: &[AttemptEntry],
    said: Option<&Said>,
    zone: &TimeZone,
) -> String {
    let mut fields = Fields::default();
    fields.add("id", &entry.id.to_string());
    fields.add("state", &state(entry));
    fields.add("channel", &entry.channel);
    fields.add("recipient", &entry.recipient);
    fields.add("made", &exact(entry.created_at, zone));
    fields.add("due", &exact(entry.due_at, zone));
    fields.maybe("accepted", entry.sent_at.map(|at| exact(at, zone)).as_deref());
    fields.maybe("subject", entry.subject.as_deref());
    for line in &entry.content.lines {
        fields.add(&format!("line {}", line.line_id), &of_line(line));
    }
    let mut words = format!("\n2.{number} {}, {}\n{}", entry.kind.word(), entry.state.word(), fields);
    words += &tries(attempts, zone);
    match said {
        Some(said) => words + &content(said),
        None => words + "\n  It was not rendered, so it has no text.\n",
    }
}

/// What came back of a notification, and what staff did to it.
pub fn afterwards(bounces: &[Bounce], actions: &[StaffAction], zone: &TimeZone) -> String {
    let came_back = bounces.iter().map(|bounce| (bounce.at, bounce.in_words()));
    let mut all: Vec<(Timestamp, String)> =
        came_back.chain(actions.iter().map(|action| (action.at, action.in_words()))).collect();
    all.sort_by_key(|(at, _)| *at);
    let mut words = String::new();
    for (at, what) in all {
        let head = if words.is_empty() { "\n  What came back of it, and what staff did\n" } else { "" };
        let _ = writeln!(words, "{head}    {}  {what}", exact(at, zone));
    }
    words
}

/// What a notification says of a line.
fn of_line(line: &ContentLine) -> String {
    let news: Vec<&str> = line.news.iter().map(|kind| kind.word()).collect();
    let mut words = if news.is_empty() { "shown as unchanged".into() } else { news.join(", ") };
    let terms = &line.terms;
    if terms.rules != RuleSet::None {
        let _ = write!(words, "; {}: {}", terms.rules.word(), terms.stage.word());
        if let Some(promised_by) = terms.promised_by {
            let _ = write!(words, ", promised by {promised_by}");
        }
        let _ = write!(words, ", {}, silence {}", expected(terms.expected_by), terms.silence.word());
        if let Some(last_day) = terms.cancels_after {
            let _ = write!(words, " after {last_day}");
        }
    }
    if let Some(answered) = &line.answer {
        let _ = write!(words, "; about the answer {}", answered.choice.word());
    }
    words
}

fn tries(attempts: &[AttemptEntry], zone: &TimeZone) -> String {
    if attempts.is_empty() {
        return "\n  It was never tried.\n".into();
    }
    let mut words = String::from("\n  Tries\n");
    for attempt in attempts {
        let through = if attempt.relay.is_empty() { String::new() } else { format!(" through {}", attempt.relay) };
        let code = attempt.code.map(|code| format!("{code} ")).unwrap_or_default();
        let (began, ended) = (exact(attempt.started_at, zone), exact(attempt.ended_at, zone));
        let reply = attempt.reply.as_deref().unwrap_or("no reply");
        let _ = writeln!(words, "    {}. {began} to {ended}{through}: {}", attempt.number, attempt.outcome);
        let _ = writeln!(words, "       {code}{reply}");
    }
    words
}

fn content(said: &Said) -> String {
    let fingerprint = match &said.fingerprint {
        Fingerprint::Sent(digits) => format!("SHA-256 of the bytes: {digits}"),
        Fingerprint::Kept(digits) => format!(
            "SHA-256 of the bytes as they are kept, with dead links: {digits}\n  (the secret that signed its links is gone, \
             so the bytes that were sent cannot be restored)"
        ),
    };
    let (headers, text) = (quoted(&said.headers), quoted(&said.text));
    format!("\n  {fingerprint}\n\n  Headers\n{headers}\n  Text\n{text}")
}

/// Word for word, each line marked, so that nobody takes it for ours.
fn quoted(text: &str) -> String {
    text.lines().fold(String::new(), |quoted, line| quoted + format!("    | {line}").trim_end() + "\n")
}

/// Every answer, and what became of it.
pub fn answers(answers: &[AnswerRecord], zone: &TimeZone) -> String {
    let mut words = titled(&format!("3. What was answered: {}", count(answers.len(), "answer", "answers")), "-");
    for (number, record) in (1..).zip(answers) {
        let answer = &record.answer;
        let mut fields = Fields::default();
        fields.add("id", &record.id.to_string());
        fields.add("line", &record.line_id);
        fields.add("given", &exact(answer.at, zone));
        fields.add("by", by(answer.by));
        fields.add("pieces", &record.quantity);
        fields.maybe("to", answer.notice.map(|id| format!("notification {id}")).as_deref());
        fields.add("became", became(record));
        fields.maybe("because", record.reason.as_deref());
        for (name, how_far) in [("statement", &record.statement), ("hook", &record.hook)] {
            fields.maybe(name, Some(how_far.as_str()).filter(|how_far| *how_far != "none"));
        }
        fields.maybe("last reply", record.last_reply.as_deref());
        for (name, at) in [("taken", record.taken_at), ("confirmed", record.confirmed_at)] {
            fields.maybe(name, at.map(|at| exact(at, zone)).as_deref());
        }
        let _ = write!(words, "\n3.{number} {}\n{}", answer.choice.word(), fields);
    }
    words
}

fn by(by: By) -> &'static str {
    match by {
        By::Customer => "the customer",
        By::Silence => "silence: a notice had said what that means",
        By::Staff => "staff, for the customer",
    }
}

fn became(record: &AnswerRecord) -> &'static str {
    let carried = record.statement != "none" || record.hook != "none";
    match (record.state, record.answer.choice) {
        (ChoiceState::Open, _) if carried => "it is on its way to the shop",
        (ChoiceState::Open, _) => "it waits for staff: nothing is set up that would carry it to the shop",
        (ChoiceState::Done, Choice::Wait) if !carried => "recorded: nothing had to carry it to the shop",
        (ChoiceState::Done, _) if carried && record.confirmed_at.is_none() => {
            "handed over; the shop has not shown yet that it is done"
        }
        (ChoiceState::Done, _) if carried => "handed over: the shop has it",
        (ChoiceState::Done, _) => "done: the shop showed it, or staff said so",
        (ChoiceState::Refused, _) => "the shop refused it",
        (ChoiceState::Dropped, _) => "a newer answer took its place before it was handed over",
    }
}

fn payment(payment: Payment) -> &'static str {
    match payment {
        Payment::Paid => "paid",
        Payment::Credit => "on credit",
        Payment::OnDelivery => "on delivery",
        Payment::Unpaid => "not paid",
    }
}
