//! What a proof says of the law: where a line stands, and what each accepted mail said, for someone who knows neither
//! this program nor its words.
//!
//! In: a line's record, and its case. Out: text. Each word of `deadlines --json` stands with what it means.

use std::fmt::Write as _;

use jiff::{civil::Date, tz::TimeZone};

use super::output::exact;
use super::proof_fields::Fields;
use crate::choice::Answer;
use crate::promise::case::Case;
use crate::promise::deadline::{Answered, Deadline, Flag};
use crate::promise::history::Notice;
use crate::promise::refund::Reason;
use crate::promise::terms::{Silence, Stage};
use crate::shop::line::RuleSet;
use crate::store::deadlines::LineRecord;

/// The rules that the line stands under, and where it stands.
pub fn of_line(record: &LineRecord, case: &Case<'_>, fields: &mut Fields) {
    let clock = &record.history.clock;
    fields.add("delay rules", &meaning(clock.rules.word(), law(clock.rules)));
    if clock.rules == RuleSet::None {
        return;
    }
    let stated = if record.line.promised_on.is_some() { "stated when ordering" } else { "nothing was stated" };
    match clock.promised_by {
        Some(promised_by) => fields.add("promised by", &meaning(&promised_by.to_string(), stated)),
        None => fields.add("promised by", "unknown: neither a promise nor the day of the order is known"),
    }
    match case.deadline() {
        Some(deadline) => due(&deadline, record, fields),
        None => fields.add("due", "nothing"),
    }
}

fn due(deadline: &Deadline, record: &LineRecord, fields: &mut Fields) {
    fields.add("in force", &meaning(deadline.stage.word(), stage(deadline.stage)));
    fields.add("silence", &meaning(deadline.silence.word(), silence(deadline.silence)));
    let answered = record.history.answers.iter().any(Answer::is_hers);
    let answer = match deadline.answer {
        Answered::None if answered => "none that stands; part 3 has what was answered",
        answer => answer.word(),
    };
    fields.add("answer", answer);
    let days = [
        ("next notice", deadline.notice_due_by),
        ("answer due", deadline.answer_due_by),
        ("refund due", deadline.refund_due_by),
    ];
    for (name, due_by) in days {
        fields.maybe(name, due_by.map(|due_by| format!("by {due_by}")).as_deref());
    }
    fields.maybe("refund for", deadline.refund_reason.map(Reason::in_words));
    for flag in &deadline.flags {
        fields.add("look at", &meaning(flag.word(), why(*flag)));
    }
}

/// What accepted mails said, oldest first; empty: there were none.
pub fn notices(notices: &[Notice], zone: &TimeZone) -> String {
    let mut words = String::new();
    if !notices.is_empty() {
        words += "\n  What accepted mails said of the delay rules\n";
    }
    for notice in notices {
        let _ = writeln!(words, "    {}  {}", exact(notice.accepted_at, zone), accepted(notice));
    }
    words
}

fn accepted(notice: &Notice) -> String {
    let mut words = format!("{}: {}", notice.stage.word(), stage(notice.stage));
    let _ = write!(words, "\n      {}, silence {}", expected(notice.revised_to), notice.silence.word());
    if let Some(last_day) = notice.cancels_after {
        let _ = write!(words, " after {last_day}");
    }
    for (is_so, what) in [(notice.late, ", too late: it does not count"), (notice.bounced, ", bounced")] {
        words += if is_so { what } else { "" };
    }
    words + &format!("\n      notification {}", notice.id)
}

pub fn expected(day: Option<Date>) -> String {
    day.map_or_else(|| "no day known".into(), |day| format!("expected by {day}"))
}

fn meaning(word: &str, meaning: &str) -> String {
    format!("{word} ({meaning})")
}

fn law(rules: RuleSet) -> &'static str {
    match rules {
        RuleSet::UsFtc => "United States, 16 CFR Part 435; days are those of shipment",
        RuleSet::Uk => "United Kingdom, Consumer Rights Act 2015 s. 28; days are those of delivery",
        RuleSet::Eu => "European Union, Directive 2011/83/EU; days are those of delivery",
        RuleSet::None => "no rules about delay",
    }
}

fn stage(stage: Stage) -> &'static str {
    match stage {
        Stage::None => "nothing was told yet",
        Stage::Information => "the facts, no notice that offers an option",
        Stage::FirstShort => "first notice, of at most 30 days beyond the promise",
        Stage::FirstLong => "first notice, of more than 30 days beyond the promise",
        Stage::FirstIndefinite => "first notice, of a day that is unknown",
        Stage::Renewed => "renewed notice, as the day told before could not be kept",
    }
}

fn why(flag: Flag) -> &'static str {
    match flag {
        Flag::StricterReading => "the rule does not say what holds here; the earliest day was taken",
        Flag::NoticeLate => "a notice was accepted too late, or the line went short only after the promise",
        Flag::NoticeBounced => "the notice came back",
        Flag::NoticeHeld => "a notice waits for staff",
        Flag::BeforeInstall => "its day was past when the records began",
        Flag::NoReason => "the day is unknown, and nobody says why",
        Flag::NoOrderDate => "nothing is known that a clock could count from",
    }
}

fn silence(silence: Silence) -> &'static str {
    match silence {
        Silence::Consent => "who does not answer agrees to wait until the day told",
        Silence::Cancels => "who does not answer in time cancels, unless it has shipped by then",
        Silence::NoEffect => "not answering changes nothing",
    }
}
