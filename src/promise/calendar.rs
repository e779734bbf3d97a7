//! Days and hours as one shop counts them.
//!
//! In: the shop's zone and `[rules]`. Out: days, and instants within them. A shop time that occurs twice means the
//! first, one that is skipped the first moment after the gap. Sums of dates end at the calendar's own ends, so nothing
//! here fails.

use jiff::civil::{Date, Time, time};
use jiff::{SignedDuration, Span, Timestamp, tz::TimeZone};

use crate::settings::rules::RuleSettings;
use crate::shop::line::{Line, RuleSet, Status};

/// What a notice must say is decided at this time of its last day.
const NOON: Time = time(12, 0, 0, 0);
/// A legal notice leaves at the latest at this time of its last day.
const LAST_CALL: Time = time(23, 30, 0, 0);
/// Calendar mails leave from this time of the day.
const OPENS: Time = time(9, 0, 0, 0);
const SECONDS_A_DAY: u64 = 86_400;

/// One shop's days.
#[derive(Clone, Copy, Debug)]
pub struct Calendar<'a> {
    pub zone: &'a TimeZone,
    pub rules: &'a RuleSettings,
}

impl Calendar<'_> {
    /// The day of `at`.
    pub fn day(&self, at: Timestamp) -> Date {
        at.to_zoned(self.zone.clone()).date()
    }

    pub fn noon(&self, day: Date) -> Timestamp {
        self.at(day, NOON)
    }

    /// The latest instant at which a notice whose last day is `day` may leave.
    pub fn last_call(&self, day: Date) -> Timestamp {
        self.at(day, LAST_CALL)
    }

    /// The first instant after `day`.
    pub fn end(&self, day: Date) -> Timestamp {
        self.at(add_days(day, 1), Time::midnight())
    }

    /// When a reminder of an answer due on `day` falls due: `reply_before` before that day begins, not before the
    /// hour at which calendar mails leave. So she has at least `reply_before` until the last day is over.
    pub fn reminder(&self, day: Date) -> Timestamp {
        let before = self.rules.reply_before.as_secs();
        let days = i64::try_from(before / SECONDS_A_DAY).unwrap_or(i64::MAX);
        let rest = SignedDuration::from_secs((before % SECONDS_A_DAY).cast_signed());
        let midnight = self.at(add_days(day, days.saturating_neg()), Time::midnight());
        let at = midnight.checked_sub(rest).unwrap_or(midnight);
        at.max(self.at(self.day(at), OPENS))
    }

    /// The rule set that `line` stands under: its own, else that of the country that it ships to.
    pub fn rule_set(&self, line: &Line) -> RuleSet {
        line.rules.unwrap_or_else(|| self.rules.rule_set(line.ship_to_country.as_deref()))
    }

    /// E: the day on which `line` is expected to ship under `us-ftc`, to be delivered under `uk` and `eu`, and to come
    /// in under `none`. `None`: unknown, as from the day after the stock was expected in vain; or it does not wait.
    pub fn expected(&self, line: &Line, rules: RuleSet, today: Date) -> Option<Date> {
        let stock = line.expected_on.filter(|day| line.status() == Status::Backordered && *day >= today)?;
        Some(self.told(stock, rules))
    }

    /// The day that is told where the stock comes in on `stock`: the same under `none`, else of shipment or delivery.
    pub fn told(&self, stock: Date, rules: RuleSet) -> Date {
        let handling = i64::from(self.rules.handling_days);
        match rules {
            RuleSet::None => stock,
            RuleSet::UsFtc => add_days(stock, handling),
            RuleSet::Uk | RuleSet::Eu => add_days(stock, handling + i64::from(self.rules.transit_days)),
        }
    }

    fn at(&self, day: Date, hour: Time) -> Timestamp {
        // jiff's "compatible" reading: the first of two, the moment after a gap.
        self.zone.to_ambiguous_timestamp(day.to_datetime(hour)).compatible().unwrap_or(Timestamp::MAX)
    }
}

/// `day` and `days` more calendar days.
pub fn add_days(day: Date, days: i64) -> Date {
    match Span::new().try_days(days) {
        Ok(span) => day.saturating_add(span),
        // More days than the calendar has.
        Err(_) if days < 0 => Date::MIN,
        Err(_) => Date::MAX,
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::{Shop, backordered, instant};
    use super::*;
    use crate::settings::duration;
    use jiff::civil::date;

    #[test]
    fn expected_is_shipment_in_the_us_delivery_in_europe_and_the_shops_own_day_elsewhere() {
        let shop = Shop::new();
        let mut line = backordered(Some(date(2026, 12, 10)));
        let expected = |line: &Line, rules| shop.calendar().expected(line, rules, date(2026, 12, 10));
        assert_eq!(expected(&line, RuleSet::UsFtc), Some(date(2026, 12, 12)), "two days of handling");
        assert_eq!(expected(&line, RuleSet::Eu), Some(date(2026, 12, 15)), "and three of transit");
        assert_eq!(expected(&line, RuleSet::Uk), Some(date(2026, 12, 15)));
        assert_eq!(expected(&line, RuleSet::None), Some(date(2026, 12, 10)));
        line.short_qty = 0.into();
        assert_eq!(expected(&line, RuleSet::UsFtc), None, "it does not wait");
    }

    #[test]
    fn a_passed_day_of_a_short_line_is_unknown_from_the_next_day() {
        let shop = Shop::new();
        let line = backordered(Some(date(2026, 12, 10)));
        let expected = |today| shop.calendar().expected(&line, RuleSet::UsFtc, today);
        assert_eq!(expected(date(2026, 12, 10)), Some(date(2026, 12, 12)));
        assert_eq!(expected(date(2026, 12, 11)), None);
    }

    #[test]
    fn a_reminder_leaves_the_set_time_before_the_last_day_and_not_before_nine() {
        let reminder = |before: &str, day| {
            let mut shop = Shop::new();
            shop.rules.reply_before = duration::Span::parse(before).unwrap();
            shop.calendar().reminder(day)
        };
        let day = date(2027, 1, 1);
        assert_eq!(reminder("3d", day), instant("2026-12-29T09:00:00-05:00"));
        assert_eq!(reminder("12h", day), instant("2026-12-31T12:00:00-05:00"));
        assert_eq!(reminder("20h", day), instant("2026-12-31T09:00:00-05:00"));
        assert_eq!(reminder("0", day), instant("2027-01-01T09:00:00-05:00"));
        assert_eq!(reminder("3d", date(2027, 3, 15)), instant("2027-03-12T09:00:00-05:00"), "over a change of clocks");
    }

    #[test]
    fn a_time_that_is_skipped_is_the_moment_after_the_gap_and_one_that_occurs_twice_the_first() {
        let zone = TimeZone::get("America/Sao_Paulo").unwrap();
        let rules = RuleSettings::default();
        let calendar = Calendar { zone: &zone, rules: &rules };
        // In 2018 the clocks there went from midnight to one on November 4, and back from midnight on February 18.
        assert_eq!(calendar.end(date(2018, 11, 3)), instant("2018-11-04T01:00:00-02:00"));
        assert_eq!(calendar.last_call(date(2018, 2, 17)), instant("2018-02-17T23:30:00-02:00"));
    }

    #[test]
    fn days_end_where_the_calendar_ends() {
        assert_eq!(add_days(date(2026, 12, 31), 1), date(2027, 1, 1));
        assert_eq!(add_days(Date::MAX, i64::MAX), Date::MAX);
        assert_eq!(add_days(Date::MIN, i64::MIN), Date::MIN);
    }
}
