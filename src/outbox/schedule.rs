//! When things may be told: the settling time, the calendar, quiet hours, the limit of date mails, the retry ladder.
//!
//! In: settings and instants. Out: instants. Pure; days and hours are those of the shop's zone. A shop time that
//! occurs twice means the first, one that is skipped the first moment after the gap.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, civil::Date, civil::Time, civil::time};

use crate::promise::calendar::Calendar;
use crate::settings::Settings;
use crate::settings::delivery::{DeliverySettings, QuietHours, UpdateSettings};
use crate::settings::duration::Span;
use crate::settings::rules::RuleSettings;

/// Calendar mails leave from this time of the day.
const CALENDAR_OPENS: Time = time(9, 0, 0, 0);
const WEEK: SignedDuration = SignedDuration::from_hours(7 * 24);

/// The times of every shop in the database.
#[derive(Clone, Debug)]
pub struct Schedules {
    by_shop: BTreeMap<String, Schedule>,
    default: Schedule,
}

impl Schedules {
    pub fn new(settings: &Settings) -> Schedules {
        let rules = Arc::new(settings.rules.clone());
        let schedule = |shop_id: &str| {
            let zone = settings.shop(shop_id).shop.time_zone;
            Schedule::new(zone, &settings.delivery, &settings.updates, rules.clone())
        };
        let by_shop = settings.shops.keys().map(|id| (id.clone(), schedule(id))).collect();
        Schedules { by_shop, default: schedule("") }
    }

    /// The times of the shop `shop_id`.
    pub fn of(&self, shop_id: &str) -> &Schedule {
        self.by_shop.get(shop_id).unwrap_or(&self.default)
    }
}

/// The times of one shop.
#[derive(Clone, Debug)]
pub struct Schedule {
    pub zone: TimeZone,
    pub settle: SignedDuration,
    pub quiet_hours: Option<QuietHours>,
    /// Between "still waiting" mails; zero: never.
    pub updates_every: Span,
    /// Days after the expected date that an `overdue` waits.
    pub overdue_after: Span,
    pub date_mails_per_week: usize,
    pub rules: Arc<RuleSettings>,
}

impl Schedule {
    pub fn new(
        zone: TimeZone,
        delivery: &DeliverySettings,
        updates: &UpdateSettings,
        rules: Arc<RuleSettings>,
    ) -> Schedule {
        Schedule {
            zone,
            settle: delivery.settle.signed(),
            quiet_hours: delivery.quiet_hours,
            updates_every: updates.every,
            overdue_after: updates.overdue_after,
            date_mails_per_week: updates.date_mails_per_week as usize,
            rules,
        }
    }

    /// The shop's days, as the delay rules count them.
    pub fn calendar(&self) -> Calendar<'_> {
        Calendar { zone: &self.zone, rules: &self.rules }
    }

    /// The day of `at`.
    pub fn today(&self, at: Timestamp) -> Date {
        at.to_zoned(self.zone.clone()).date()
    }

    fn at(&self, day: Date, hour: Time) -> Timestamp {
        // jiff's "compatible" reading: the first of two, the moment after a gap.
        self.zone.to_ambiguous_timestamp(day.to_datetime(hour)).compatible().unwrap_or(Timestamp::MAX)
    }

    /// When the calendar opens on the day of `at`, or `at` itself if that is later.
    fn opened(&self, at: Timestamp) -> Timestamp {
        at.max(self.at(self.today(at), CALENDAR_OPENS))
    }

    /// When a line whose told date `expected_on` passes without news is overdue.
    pub fn overdue_at(&self, expected_on: Date) -> Timestamp {
        let midnight = self.at(expected_on.tomorrow().unwrap_or(expected_on), Time::midnight());
        // "1d" after the 10th is the 11th: the first day after it, not 24 hours after its end.
        let waited = Span::seconds(self.overdue_after.as_secs().saturating_sub(86_400));
        self.opened(midnight + waited.signed())
    }

    /// When she is due a "still waiting"; `None`: never.
    pub fn still_waiting_at(&self, quiet_since: Option<Timestamp>) -> Option<Timestamp> {
        let since = quiet_since.filter(|_| !self.updates_every.is_zero())?;
        Some(self.opened(since + self.updates_every.signed()))
    }

    /// The instant from which a baseline order counts as quiet, so that the first "still waiting" mails of all orders
    /// are spread evenly over the interval. The same order gets the same place each time.
    pub fn spread(&self, began: Timestamp, shop_id: &str, order_id: &str) -> Timestamp {
        let mut hasher = DefaultHasher::new();
        (shop_id, order_id).hash(&mut hasher);
        let back = hasher.finish() % self.updates_every.as_secs().max(1);
        began - Span::seconds(back).signed()
    }

    /// `at`, or the end of the quiet hours that it falls in.
    pub fn after_quiet_hours(&self, at: Timestamp) -> Timestamp {
        let Some(hours) = self.quiet_hours else { return at };
        let local = at.to_zoned(self.zone.clone());
        let (day, now) = (local.date(), local.time());
        let over_midnight = hours.from > hours.until;
        let quiet =
            if over_midnight { now >= hours.from || now < hours.until } else { now >= hours.from && now < hours.until };
        if !quiet {
            return at;
        }
        let ends = if over_midnight && now >= hours.from { day.tomorrow().unwrap_or(day) } else { day };
        self.at(ends, hours.until).max(at)
    }

    /// When one more date mail may go to an order that got `sent` (oldest first), at the earliest at `at`.
    pub fn date_mail_free_at(&self, sent: &[Timestamp], at: Timestamp) -> Timestamp {
        let recent: Vec<Timestamp> = sent.iter().copied().filter(|sent| *sent + WEEK > at).collect();
        match self.date_mails_per_week {
            0 => at,
            limit if recent.len() < limit => at,
            limit => recent[recent.len() - limit] + WEEK,
        }
    }
}

/// How long to wait before try `tried + 1`, given the ladder; the last step repeats. `jitter` in 0..1 moves it by up to
/// a fifth either way, so that a crowd of refused mails does not come back as a crowd.
pub fn retry_after(ladder: &[Span], tried: u32, jitter: f64) -> SignedDuration {
    SignedDuration::from_secs_f64(step(ladder, tried) as f64 * (0.8 + 0.4 * jitter.clamp(0.0, 1.0)))
}

/// How much of the ladder lies between the first try and try `tried`.
pub fn climbed(ladder: &[Span], tried: u32) -> SignedDuration {
    let seconds: u64 = (1..tried).map(|tried| step(ladder, tried)).sum();
    Span::seconds(seconds).signed()
}

/// The seconds after try `tried`.
fn step(ladder: &[Span], tried: u32) -> u64 {
    let step = (tried.max(1) as usize - 1).min(ladder.len().saturating_sub(1));
    ladder.get(step).copied().unwrap_or(Span::minutes(1)).as_secs()
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;
    use proptest::prelude::*;

    fn schedule(quiet_hours: Option<&str>) -> Schedule {
        let quiet_hours = quiet_hours.map(|hours| {
            let (from, until) = hours.split_once('-').unwrap();
            QuietHours { from: from.parse().unwrap(), until: until.parse().unwrap() }
        });
        let delivery = DeliverySettings { quiet_hours, ..DeliverySettings::default() };
        Schedule::new(TimeZone::get("America/New_York").unwrap(), &delivery, &UpdateSettings::default(), Arc::default())
    }

    fn instant(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn a_date_is_overdue_at_nine_on_the_next_day() {
        assert_eq!(schedule(None).overdue_at(date(2027, 2, 10)), instant("2027-02-11T09:00:00-05:00"));
        let mut later = schedule(None);
        later.overdue_after = Span::days(3);
        assert_eq!(later.overdue_at(date(2027, 2, 10)), instant("2027-02-13T09:00:00-05:00"));
    }

    #[test]
    fn still_waiting_comes_after_the_interval_and_not_before_nine() {
        let schedule = schedule(None);
        let told = instant("2027-02-01T03:00:00-05:00");
        assert_eq!(schedule.still_waiting_at(Some(told)), Some(instant("2027-02-15T09:00:00-05:00")));
        let noon = instant("2027-02-01T12:00:00-05:00");
        assert_eq!(schedule.still_waiting_at(Some(noon)), Some(instant("2027-02-15T12:00:00-05:00")));
        assert_eq!(Schedule { updates_every: Span::seconds(0), ..schedule }.still_waiting_at(Some(noon)), None);
    }

    #[test]
    fn quiet_hours_end_in_the_morning_also_over_midnight_and_over_a_change_of_the_clocks() {
        let schedule = schedule(Some("22:00-07:00"));
        let ends = |at| schedule.after_quiet_hours(instant(at));
        assert_eq!(ends("2027-02-01T23:10:00-05:00"), instant("2027-02-02T07:00:00-05:00"));
        assert_eq!(ends("2027-02-02T06:59:59-05:00"), instant("2027-02-02T07:00:00-05:00"));
        assert_eq!(ends("2027-02-02T07:00:00-05:00"), instant("2027-02-02T07:00:00-05:00"));
        assert_eq!(ends("2027-02-02T21:59:00-05:00"), instant("2027-02-02T21:59:00-05:00"));
        assert_eq!(ends("2027-03-13T23:00:00-05:00"), instant("2027-03-14T07:00:00-04:00"), "spring forward");
    }

    #[test]
    fn a_date_mail_beyond_the_limit_waits_until_the_oldest_is_a_week_old() {
        let schedule = schedule(None);
        let sent = [instant("2027-02-01T10:00:00Z"), instant("2027-02-02T10:00:00Z"), instant("2027-02-03T10:00:00Z")];
        let now = instant("2027-02-04T00:00:00Z");
        assert_eq!(schedule.date_mail_free_at(&sent[..2], now), now);
        assert_eq!(schedule.date_mail_free_at(&sent, now), instant("2027-02-08T10:00:00Z"));
        assert_eq!(schedule.date_mail_free_at(&sent, instant("2027-02-08T10:00:00Z")), instant("2027-02-08T10:00:00Z"));
    }

    #[test]
    fn the_last_step_of_the_ladder_repeats() {
        let ladder = [Span::minutes(1), Span::minutes(5)];
        let seconds = |tried| retry_after(&ladder, tried, 0.5).as_secs();
        assert_eq!([seconds(1), seconds(2), seconds(3), seconds(40)], [60, 300, 300, 300]);
        let climbed = |tried| super::climbed(&ladder, tried).as_secs();
        assert_eq!([climbed(1), climbed(2), climbed(3), climbed(5)], [0, 60, 360, 960]);
    }

    proptest! {
        #[test]
        fn the_end_of_quiet_hours_is_never_quiet_and_never_in_the_past(second in 1_700_000_000i64..1_900_000_000, from in 0i8..24, until in 0i8..24) {
            prop_assume!(from != until);
            let mut schedule = schedule(None);
            schedule.quiet_hours = Some(QuietHours { from: time(from, 0, 0, 0), until: time(until, 0, 0, 0) });
            let at = Timestamp::from_second(second).unwrap();
            let after = schedule.after_quiet_hours(at);
            prop_assert!(after >= at);
            prop_assert_eq!(schedule.after_quiet_hours(after), after);
        }

        #[test]
        fn jitter_stays_within_a_fifth(tried in 1u32..50, jitter in 0.0f64..1.0) {
            let wait = retry_after(&[Span::seconds(100)], tried, jitter).as_secs_f64();
            prop_assert!((79.9..=120.1).contains(&wait));
        }
    }
}
