//! A line's clock: the rule set and the promised day, frozen when the line is first seen.
//!
//! In: the line as first read. Out: what every later decision counts from. Later changes of the country, of the
//! settings or of `promised_on` move nothing.

use jiff::{Timestamp, civil::Date};
use serde::{Deserialize, Serialize};

use super::calendar::{Calendar, add_days};
use crate::shop::line::{Line, Payment, RuleSet, Status};

/// The law's time where nothing was agreed (US-1, EU-2).
const UNSTATED: i64 = 30;
/// The same where the buyer applied to the seller for credit (US-1).
const UNSTATED_ON_CREDIT: i64 = 50;

/// What was frozen when the line was first seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Clock {
    pub rules: RuleSet,
    /// T; `None` under `none`, and where neither a promise nor the day of the order was known.
    pub promised_by: Option<Date>,
    /// Waited at the baseline with T past: what was told before is not known, so nothing is held against the shop.
    pub before_install: bool,
}

impl Clock {
    /// The clock of a line that a read begun at `seen_at` found for the first time; `baseline`: in a baseline sweep.
    pub fn start(line: &Line, seen_at: Timestamp, baseline: bool, calendar: &Calendar<'_>) -> Clock {
        let rules = calendar.rule_set(line);
        let promised_by = match rules {
            RuleSet::None => None,
            RuleSet::UsFtc | RuleSet::Uk | RuleSet::Eu => {
                let unstated = if rules == RuleSet::UsFtc && line.payment == Payment::Credit {
                    UNSTATED_ON_CREDIT
                } else {
                    UNSTATED
                };
                let ordered_on = line.ordered_at.map(|at| calendar.day(at));
                line.promised_on.or(ordered_on.map(|day| add_days(day, unstated)))
            }
        };
        let past = promised_by.is_some_and(|day| day < calendar.day(seen_at));
        let before_install = baseline && past && line.status() == Status::Backordered;
        Clock { rules, promised_by, before_install }
    }

    /// Whether a clock is asked for and nothing is known that it could count from.
    pub fn has_no_order_date(&self) -> bool {
        self.rules != RuleSet::None && self.promised_by.is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::{Shop, backordered, instant};
    use super::*;
    use jiff::civil::date;

    fn start(line: &Line, baseline: bool) -> Clock {
        Clock::start(line, instant("2026-12-03T08:00:00-05:00"), baseline, &Shop::new().calendar())
    }

    #[test]
    fn us_1_the_stated_day_else_thirty_days_and_fifty_if_credit_was_applied_for() {
        let mut line = backordered(None);
        assert_eq!(start(&line, false).promised_by, Some(date(2026, 12, 2)));
        line.payment = Payment::Credit;
        assert_eq!(start(&line, false).promised_by, Some(date(2026, 12, 22)));
        line.promised_on = Some(date(2026, 11, 20));
        assert_eq!(start(&line, false).promised_by, Some(date(2026, 11, 20)));
        line.ordered_at = None;
        assert_eq!(start(&line, false).promised_by, Some(date(2026, 11, 20)));
    }

    #[test]
    fn the_day_of_the_order_is_the_shops() {
        let mut line = backordered(None);
        line.ordered_at = Some(instant("2026-11-03T03:00:00Z"));
        assert_eq!(start(&line, false).promised_by, Some(date(2026, 12, 2)), "the evening of November 2 in New York");
    }

    #[test]
    fn eu_2_thirty_days_from_the_contract_also_on_credit_and_in_the_uk() {
        for country in ["DE", "GB"] {
            let mut line = backordered(None);
            line.ship_to_country = Some(country.into());
            line.payment = Payment::Credit;
            assert_eq!(start(&line, false).promised_by, Some(date(2026, 12, 2)), "{country}");
            line.promised_on = Some(date(2027, 2, 1));
            assert_eq!(start(&line, false).promised_by, Some(date(2027, 2, 1)), "{country}");
        }
    }

    #[test]
    fn us_20_what_the_rule_does_not_cover_is_said_by_the_line_and_has_no_clock() {
        let mut line = backordered(None);
        line.rules = Some(RuleSet::None);
        let clock = start(&line, true);
        assert_eq!(clock, Clock { rules: RuleSet::None, promised_by: None, before_install: false });
        assert!(!clock.has_no_order_date());
    }

    #[test]
    fn without_an_order_date_and_a_promise_there_is_no_clock() {
        let mut line = backordered(None);
        line.ordered_at = None;
        let clock = start(&line, true);
        assert_eq!((clock.promised_by, clock.before_install, clock.has_no_order_date()), (None, false, true));
    }

    #[test]
    fn only_a_line_that_waits_at_the_baseline_with_its_day_past_is_from_before_the_installation() {
        let mut line = backordered(None);
        assert!(start(&line, true).before_install, "the promise was December 2");
        assert!(!start(&line, false).before_install);
        line.promised_on = Some(date(2026, 12, 3));
        assert!(!start(&line, true).before_install, "the last day counts in full");
        line.promised_on = None;
        line.short_qty = 0.into();
        assert!(!start(&line, true).before_install, "it did not wait");
    }
}
