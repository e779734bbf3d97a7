//! Durations as the settings write them: a whole number and one unit, as in `"30s"`, `"5m"`, `"14d"`, `"5y"`.

use std::time::Duration;

/// A length of time in whole seconds. A day is 24 hours, a year 365 days; `"0"` is no time at all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span(u64);

impl Span {
    pub const fn seconds(seconds: u64) -> Span {
        Span(seconds)
    }
    pub const fn minutes(minutes: u64) -> Span {
        Span(minutes * 60)
    }
    pub const fn hours(hours: u64) -> Span {
        Span(hours * 3600)
    }
    pub const fn days(days: u64) -> Span {
        Span(days * 86_400)
    }
    pub const fn as_secs(self) -> u64 {
        self.0
    }
    /// In the state database's unit.
    pub const fn as_micros(self) -> i64 {
        self.0.cast_signed() * 1_000_000
    }
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }
    /// In days, the rest cut off.
    pub const fn whole_days(self) -> i64 {
        (self.0 / 86_400).cast_signed()
    }
    pub const fn duration(self) -> Duration {
        Duration::from_secs(self.0)
    }
    pub fn signed(self) -> jiff::SignedDuration {
        jiff::SignedDuration::from_secs(self.0.cast_signed())
    }

    /// Reads `"30s"`; the error names the mend.
    pub fn parse(text: &str) -> Result<Span, String> {
        let mend = || {
            format!(
                "{text:?} is no duration; write a whole number and a unit: \"30s\", \"5m\", \"1h\", \"14d\" or \"5y\""
            )
        };
        let text = text.trim();
        if text == "0" {
            return Ok(Span(0));
        }
        let at = text.find(|c: char| !c.is_ascii_digit()).ok_or_else(mend)?;
        let number: u64 = text[..at].parse().map_err(|_| mend())?;
        let unit = match &text[at..] {
            "s" => 1,
            "m" => 60,
            "h" => 3600,
            "d" => 86_400,
            "y" => 365 * 86_400,
            _ => return Err(mend()),
        };
        // A hundred years bound every sum that is made with it.
        let bounded = number.checked_mul(unit).filter(|seconds| *seconds <= 100 * 365 * 86_400);
        bounded.map(Span).ok_or_else(|| format!("{text:?} is too long; the most is \"100y\""))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_a_whole_number_and_a_unit() {
        for (text, seconds) in
            [("30s", 30), ("5m", 300), ("1h", 3600), ("14d", 1_209_600), ("5y", 157_680_000), ("0", 0)]
        {
            assert_eq!(Span::parse(text).unwrap().as_secs(), seconds, "{text}");
        }
    }

    #[test]
    fn what_is_no_duration_is_refused_with_the_mend() {
        for text in ["", "30", "s", "1.5h", "-1s", "5 m", "5min", "99999999999999999999s", "٣s", "3ß"] {
            let what = Span::parse(text).unwrap_err();
            assert!(what.contains("write a whole number and a unit"), "{text}: {what}");
        }
        for text in ["101y", "9999999999999999y"] {
            assert_eq!(Span::parse(text).unwrap_err(), format!("{text:?} is too long; the most is \"100y\""));
        }
    }
}
