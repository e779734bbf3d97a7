//! Working days: Monday to Friday without the holidays of the United States' federal government (5 U.S.C. 6103).
//!
//! A holiday on a Saturday is kept on the Friday before, one on a Sunday on the Monday after; so New Year's Day may be
//! kept in the year before. The rule does not define working days, this is the written default (US-16).

use jiff::civil::{Date, Weekday, date};

use super::calendar::add_days;

/// Whether offices work on `day`.
pub fn is_working_day(day: Date) -> bool {
    !is_weekend(day) && !is_holiday(day)
}

/// The `count`th working day after `day`; `day` itself is not counted.
pub fn after_working_days(day: Date, count: u32) -> Date {
    let mut reached = day;
    for _ in 0..count {
        reached = add_days(reached, 1);
        while !is_working_day(reached) && reached < Date::MAX {
            reached = add_days(reached, 1);
        }
    }
    reached
}

fn is_weekend(day: Date) -> bool {
    matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday)
}

/// Whether a holiday is kept on `day`, a Monday to Friday.
fn is_holiday(day: Date) -> bool {
    // One that is kept a day before or after its date may be of the next year.
    is_fixed_holiday(day)
        || day.weekday() == Weekday::Friday && is_fixed_holiday(add_days(day, 1))
        || day.weekday() == Weekday::Monday && is_fixed_holiday(add_days(day, -1))
        || is_moving_holiday(day)
}

/// New Year's Day, Juneteenth (since 2021), Independence Day, Veterans Day, Christmas Day.
fn is_fixed_holiday(day: Date) -> bool {
    match (day.month(), day.day()) {
        (6, 19) => day >= date(2021, 6, 19),
        (1, 1) | (7, 4) | (11, 11) | (12, 25) => true,
        _ => false,
    }
}

/// Martin Luther King's birthday, Washington's birthday, Memorial Day, Labor Day, Columbus Day, Thanksgiving Day.
fn is_moving_holiday(day: Date) -> bool {
    let which = (day.day() - 1) / 7 + 1;
    let is_last = day.day() + 7 > day.days_in_month();
    match (day.month(), day.weekday()) {
        (1 | 2, Weekday::Monday) => which == 3,
        (5, Weekday::Monday) => is_last,
        (9, Weekday::Monday) => which == 1,
        (10, Weekday::Monday) => which == 2,
        (11, Weekday::Thursday) => which == 4,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The weekdays of `year` on which offices are closed, as month and day.
    fn kept(year: i16) -> Vec<(i8, i8)> {
        let days = date(year, 1, 1).series(jiff::Span::new().days(1)).take_while(|day| day.year() == year);
        days.filter(|day| !is_weekend(*day) && !is_working_day(*day)).map(|day| (day.month(), day.day())).collect()
    }

    #[test]
    fn the_holidays_of_several_years_are_kept_on_the_days_that_the_government_lists() {
        let spring_2026 = [(1, 1), (1, 19), (2, 16), (5, 25), (6, 19), (7, 3), (9, 7), (10, 12)];
        assert_eq!(kept(2026), [&spring_2026[..], &[(11, 11), (11, 26), (12, 25)]].concat());
        let of_2027 = [(1, 1), (1, 18), (2, 15), (5, 31), (6, 18), (7, 5), (9, 6), (10, 11), (11, 11), (11, 25)];
        assert_eq!(kept(2027), [&of_2027[..], &[(12, 24), (12, 31)]].concat(), "New Year's Day of 2028 is a Saturday");
        let of_2028 = [(1, 17), (2, 21), (5, 29), (6, 19), (7, 4), (9, 4), (10, 9), (11, 10), (11, 23), (12, 25)];
        assert_eq!(kept(2028), of_2028);
        let of_2023 = [(1, 2), (1, 16), (2, 20), (5, 29), (6, 19), (7, 4), (9, 4), (10, 9), (11, 10), (11, 23)];
        assert_eq!(kept(2023), [&of_2023[..], &[(12, 25)]].concat());
        assert!(!kept(2020).contains(&(6, 19)), "Juneteenth was not one yet");
    }

    #[test]
    fn us_16_a_refund_is_sent_within_seven_working_days_counted_from_the_day_after() {
        let due_by = |vested_on| after_working_days(vested_on, 7);
        assert_eq!(due_by(date(2027, 1, 2)), date(2027, 1, 12), "vested on a Saturday");
        assert_eq!(due_by(date(2026, 12, 21)), date(2026, 12, 31), "over Christmas");
        assert_eq!(due_by(date(2026, 12, 3)), date(2026, 12, 14));
        assert_eq!(due_by(date(2026, 11, 20)), date(2026, 12, 2), "over Thanksgiving");
        assert_eq!(due_by(date(2027, 12, 22)), date(2028, 1, 4), "over two holidays kept on Fridays");
    }

    proptest! {
        #[test]
        fn the_last_of_some_working_days_is_one_and_lies_at_most_three_weeks_on(days in 0i64..40_000) {
            let vested_on = add_days(date(1990, 1, 1), days);
            let due_by = after_working_days(vested_on, 7);
            prop_assert!(is_working_day(due_by) && due_by >= add_days(vested_on, 9) && due_by <= add_days(vested_on, 21));
        }
    }

    #[test]
    fn working_days_end_where_the_calendar_ends() {
        assert_eq!(after_working_days(Date::MAX, 7), Date::MAX);
        assert!(after_working_days(Date::MIN, 7) > Date::MIN);
    }
}
