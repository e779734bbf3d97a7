//! `[delivery]` and `[updates]`: when a customer is told, how often, and over which way.

use jiff::civil::Time;

use super::duration::Span;
use super::section::Section;

/// `[delivery]`.
#[derive(Clone, Debug)]
pub struct DeliverySettings {
    pub channel: Channels,
    pub settle: Span,
    /// At least one step.
    pub retry: Vec<Span>,
    pub give_up_after: Span,
    pub in_doubt: InDoubt,
    pub quiet_hours: Option<QuietHours>,
    /// 0: no limit.
    pub max_per_sweep: u32,
}

/// The ways out; each has its section.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Channels {
    Mail,
    Webhook,
    Both,
}

/// What becomes of a message that may or may not have been taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum InDoubt {
    #[default]
    Resend,
    Hold,
}

/// `"22:00-07:00"`, shop's time; the end is not quiet any more. May run over midnight; never empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QuietHours {
    pub from: Time,
    pub until: Time,
}

/// `[updates]`.
#[derive(Clone, Debug)]
pub struct UpdateSettings {
    /// Zero: never.
    pub every: Span,
    pub overdue_after: Span,
    /// Per order; 0: no limit.
    pub date_mails_per_week: u32,
}

/// Which ways out have a section.
#[derive(Clone, Copy)]
pub(super) struct Ways {
    pub mail: bool,
    pub webhook: bool,
}

impl Default for DeliverySettings {
    fn default() -> DeliverySettings {
        let minutes = [1, 5, 15].map(Span::minutes);
        let hours = [1, 2, 4, 8].map(Span::hours);
        DeliverySettings {
            channel: Channels::Mail,
            settle: Span::seconds(30),
            retry: minutes.into_iter().chain(hours).collect(),
            give_up_after: Span::days(3),
            in_doubt: InDoubt::Resend,
            quiet_hours: None,
            max_per_sweep: 500,
        }
    }
}

impl Default for UpdateSettings {
    fn default() -> UpdateSettings {
        UpdateSettings { every: Span::days(14), overdue_after: Span::days(1), date_mails_per_week: 3 }
    }
}

impl DeliverySettings {
    pub(super) fn read(mut section: Section<'_>, ways: Ways) -> DeliverySettings {
        let default = DeliverySettings::default();
        let channel = channel(&mut section, ways);
        let settle = section.span("settle", Span::default()).unwrap_or(default.settle);
        let retry = section.list("retry", step).unwrap_or(default.retry);
        if retry.is_empty() {
            section.wrong("retry", "empty; write at least one step, as in [\"1m\", \"1h\"]");
        }
        let give_up_after = section.span("give_up_after", Span::seconds(1)).unwrap_or(default.give_up_after);
        if settle >= give_up_after {
            section.contradiction("settle", "give_up_after", "not shorter than give_up_after; make it shorter");
        }
        let in_doubt = section.one_of("in_doubt", &[("resend", InDoubt::Resend), ("hold", InDoubt::Hold)]);
        let quiet_hours = section.text("quiet_hours", quiet_hours);
        let max_per_sweep = section.whole("max_per_sweep", 0..=u32::MAX);
        section.close();
        DeliverySettings {
            channel,
            settle,
            retry,
            give_up_after,
            in_doubt: in_doubt.unwrap_or(default.in_doubt),
            quiet_hours,
            max_per_sweep: max_per_sweep.unwrap_or(default.max_per_sweep),
        }
    }
}

impl UpdateSettings {
    pub(super) fn read(mut section: Section<'_>) -> UpdateSettings {
        let default = UpdateSettings::default();
        let every = section.span("every", Span::default());
        let overdue_after = section.span("overdue_after", Span::default());
        let date_mails_per_week = section.whole("date_mails_per_week", 0..=1_000);
        section.close();
        UpdateSettings {
            every: every.unwrap_or(default.every),
            overdue_after: overdue_after.unwrap_or(default.overdue_after),
            date_mails_per_week: date_mails_per_week.unwrap_or(default.date_mails_per_week),
        }
    }
}

/// The channel that is set, or else the one whose section is there; each way needs its section.
fn channel(section: &mut Section<'_>, ways: Ways) -> Channels {
    const WORDS: [(&str, Channels); 3] =
        [("mail", Channels::Mail), ("webhook", Channels::Webhook), ("both", Channels::Both)];
    let inferred = if ways.webhook && !ways.mail { Channels::Webhook } else { Channels::Mail };
    let channel = section.one_of("channel", &WORDS).unwrap_or(inferred);
    let absent = match channel {
        Channels::Mail | Channels::Both if !ways.mail => {
            "[mail], which is missing; add it with from and [[mail.relays]]"
        }
        Channels::Webhook | Channels::Both if !ways.webhook => {
            "[webhook], which is missing; add it with url and secret_file"
        }
        _ => return channel,
    };
    if !section.is_wrong("channel") {
        let word = WORDS.iter().find(|(_, value)| *value == channel).map_or("", |(word, _)| word);
        section.wrong("channel", format!("\"{word}\" needs {absent}, or set another channel"));
    }
    channel
}

fn step(text: &str) -> Result<Span, String> {
    match Span::parse(text)? {
        span if span.is_zero() => Err(format!("{text:?} would try without a pause; the least is \"1s\"")),
        span => Ok(span),
    }
}

fn quiet_hours(text: &str) -> Result<QuietHours, String> {
    let example = "write them as \"22:00-07:00\"";
    let time = |text: &str| (text.trim().len() == 5).then(|| text.trim().parse::<Time>().ok()).flatten();
    let hours = text.split_once('-').and_then(|(from, until)| Some((time(from)?, time(until)?)));
    match hours {
        Some((from, until)) if from != until => Ok(QuietHours { from, until }),
        Some(_) => Err(format!("{text:?} begins when it ends; {example}, or take it out")),
        None => Err(format!("{text:?} are no quiet hours; {example}")),
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::time;

    use super::*;

    #[test]
    fn quiet_hours_are_two_times_of_the_day() {
        let night = QuietHours { from: time(22, 0, 0, 0), until: time(7, 0, 0, 0) };
        assert_eq!(quiet_hours("22:00-07:00"), Ok(night));
        assert_eq!(quiet_hours("22:00 - 07:00"), Ok(night));
        for text in ["22-7", "22:00", "24:00-07:00", "22:00-22:00", "22:00:30-07:00", "nachts"] {
            assert!(quiet_hours(text).is_err(), "{text}");
        }
    }
}
