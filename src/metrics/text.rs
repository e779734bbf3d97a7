//! The text format of Prometheus, version 0.0.4.
//!
//! In: families, each with its samples. Out: the text, in which each family stands once, below its HELP and TYPE. One
//! without samples is left out. Values of labels may be any text.

use std::fmt::Write;

#[derive(Debug, Default)]
pub struct Text(String);

/// What a family's numbers are.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// Goes up and down.
    Gauge,
    /// Only grows while the process lives; its name ends in `_total`.
    Counter,
}

/// A family whose samples are being written.
#[derive(Debug)]
pub struct Family<'a> {
    text: &'a mut String,
    name: &'static str,
    kind: Kind,
    help: &'static str,
    begun: bool,
}

impl Text {
    pub fn family(&mut self, name: &'static str, kind: Kind, help: &'static str) -> Family<'_> {
        Family { text: &mut self.0, name, kind, help, begun: false }
    }

    pub fn whole(self) -> String {
        self.0
    }
}

impl Family<'_> {
    pub fn sample(&mut self, labels: &[(&str, &str)], value: f64) {
        if !std::mem::replace(&mut self.begun, true) {
            let kind = match self.kind {
                Kind::Gauge => "gauge",
                Kind::Counter => "counter",
            };
            let _ = write!(self.text, "# HELP {0} {1}\n# TYPE {0} {kind}\n", self.name, self.help);
        }
        self.text.push_str(self.name);
        for (number, (label, value)) in labels.iter().enumerate() {
            self.text.push(if number == 0 { '{' } else { ',' });
            let _ = write!(self.text, "{label}=\"{}\"", escaped(value));
        }
        let end = if labels.is_empty() { "" } else { "}" };
        let _ = writeln!(self.text, "{end} {value}");
    }
}

fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_family_has_its_help_and_type_once_and_one_without_samples_is_left_out() {
        let mut text = Text::default();
        text.family("nothing_total", Kind::Counter, "Nothing.");
        let mut family = text.family("mails", Kind::Gauge, "Mails.");
        family.sample(&[("to", "a")], 2.0);
        family.sample(&[("to", "b"), ("by", "c")], 0.5);
        text.family("age_seconds", Kind::Gauge, "Age.").sample(&[], 1_800_000_000.25);
        let expected = "# HELP mails Mails.\n# TYPE mails gauge\nmails{to=\"a\"} 2\nmails{to=\"b\",by=\"c\"} 0.5\n\
            # HELP age_seconds Age.\n# TYPE age_seconds gauge\nage_seconds 1800000000.25\n";
        assert_eq!(text.whole(), expected);
    }

    #[test]
    fn a_label_may_hold_what_would_end_it() {
        let mut text = Text::default();
        text.family("tasks", Kind::Gauge, "Tasks.").sample(&[("kind", "a\"b\\c\nd")], 1.0);
        assert!(text.whole().ends_with("\ntasks{kind=\"a\\\"b\\\\c\\nd\"} 1\n"));
    }
}
