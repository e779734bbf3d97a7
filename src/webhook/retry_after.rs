//! `Retry-After`: when a receiver wants to be asked again (RFC 9110, section 10.2.3).
//!
//! In: the header's value and the present. Out: how long to wait, never more than [`LONGEST`]. A value that cannot be
//! read asks for nothing.

use jiff::civil::DateTime;
use jiff::fmt::rfc2822::DateTimeParser;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

/// No receiver keeps a message waiting for longer.
pub const LONGEST: SignedDuration = SignedDuration::from_hours(24);

/// The wait that `value` asks for at `now`; a moment that has passed asks for none.
pub fn wait(value: &str, now: Timestamp) -> Option<SignedDuration> {
    let value = value.trim();
    let wait = match seconds(value) {
        Some(wait) => wait,
        None => date(value)?.duration_since(now),
    };
    Some(wait.clamp(SignedDuration::ZERO, LONGEST))
}

/// Digits and nothing else. More of them than a number holds is longer than every limit.
fn seconds(value: &str) -> Option<SignedDuration> {
    let digits = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| value.parse().map_or(LONGEST, SignedDuration::from_secs))
}

/// A date in one of the three forms that every recipient must read (RFC 9110, section 5.6.7).
fn date(value: &str) -> Option<Timestamp> {
    static PARSER: DateTimeParser = DateTimeParser::new();
    if let Ok(date) = PARSER.parse_timestamp(value) {
        return Some(date);
    }
    let obsolete = ["%A, %d-%b-%y %H:%M:%S GMT", "%a %b %e %H:%M:%S %Y"];
    let civil = obsolete.iter().find_map(|form| DateTime::strptime(form, value).ok())?;
    Some(civil.to_zoned(TimeZone::UTC).ok()?.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_and_every_form_of_date_are_read_and_bounded() {
        let now: Timestamp = "2026-11-24T12:00:00Z".parse().unwrap();
        let table = [
            ("0", Some(0)),
            (" 120 ", Some(120)),
            ("86400", Some(86_400)),
            ("86401", Some(86_400)),
            ("99999999999999999999999999", Some(86_400)),
            ("Tue, 24 Nov 2026 12:01:30 GMT", Some(90)),
            ("Tuesday, 24-Nov-26 12:01:30 GMT", Some(90)),
            ("Tue Nov 24 12:01:30 2026", Some(90)),
            ("Sun Nov  1 12:01:30 2026", Some(0)),
            ("Tue Dec  1 12:01:30 2026", Some(86_400)),
            ("Sun, 06 Nov 1994 08:49:37 GMT", Some(0)),
            ("Fri, 01 Jan 2100 00:00:00 GMT", Some(86_400)),
            ("-1", None),
            ("1.5", None),
            ("", None),
            ("soon", None),
            ("2026-11-24T12:01:30Z", None),
        ];
        for (value, seconds) in table {
            assert_eq!(wait(value, now), seconds.map(SignedDuration::from_secs), "{value:?}");
        }
    }
}
