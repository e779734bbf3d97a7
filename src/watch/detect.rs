//! What is news about one line for a customer who knows what she was told.
//!
//! In: what she was last told, and how the line stands now. Out: the changes between the two, each of them a kind of
//! news. Pure and total: every pair gives an answer, and what was told is never news again
//! (`detect(Some(told(x)), x)` is empty, a property test). Whether a date merely passed is a matter of the calendar:
//! see [`overdue`].

use jiff::civil::Date;
use rust_decimal::Decimal;

use super::standing::{Standing, Told};
use crate::outbox::notification::Kind;
use crate::shop::line::Status;

/// One change, and the pieces that it is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    pub kind: Kind,
    pub quantity: Decimal,
}

/// The changes from `told` to `now` on the day `today`, in the order in which they name the news; empty: no news.
pub fn detect(told: Option<&Told>, now: &Standing, today: Date) -> Vec<Change> {
    let mut changes = Vec::new();
    let mut news = |kind, quantity| changes.push(Change { kind, quantity });
    let Some(told) = told else {
        // Somebody who was told nothing needs a mail only for what she waits for.
        if now.status == Status::Backordered {
            news(Kind::Backordered, now.short);
        }
        return changes;
    };
    let before = &told.standing;
    if now.status == Status::Backordered && now.short > before.short {
        news(Kind::Backordered, now.short - before.short);
    }
    if date_moved(before, now, today) {
        news(Kind::DateChanged, now.short);
    }
    let came_in = (before.short - now.short).min(now.covered() - before.covered());
    if came_in > Decimal::ZERO && matches!(now.status, Status::Backordered | Status::Ready) {
        news(Kind::Restocked, came_in);
    }
    let cancelled = now.cancelled - before.cancelled;
    if cancelled > Decimal::ZERO && told.waited {
        news(Kind::Cancelled, cancelled);
    }
    changes
}

/// Whether the expected date of a line that waits, and was told to wait, became another. A date that merely passed
/// did not: `before` names a day gone by, and `now` knows none.
fn date_moved(before: &Standing, now: &Standing, today: Date) -> bool {
    let waiting = now.status == Status::Backordered && before.status == Status::Backordered;
    let passed = now.expected_on.is_none() && before.expected_on.is_some_and(|day| day < today);
    waiting && !passed && before.expected_on != now.expected_on
}

/// The day that she was told and that passed without news while the line still waits, if there is one.
pub fn overdue(told: Option<&Told>, now: &Standing, today: Date) -> Option<Date> {
    let before = &told?.standing;
    let waits = before.status == Status::Backordered && now.status == Status::Backordered;
    before.expected_on.filter(|day| waits && *day < today && now.expected_on.is_none())
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::{Timestamp, civil::date};
    use proptest::prelude::*;

    const TODAY: Date = date(2027, 2, 1);

    fn standing(ordered: i64, shipped: i64, cancelled: i64, short: i64, expected_on: Option<Date>) -> Standing {
        let open = (ordered - shipped - cancelled).max(0);
        let short = short.min(open);
        let status = match (open > 0, short > 0) {
            (true, true) => Status::Backordered,
            (true, false) => Status::Ready,
            (false, _) if shipped > 0 => Status::Shipped,
            _ => Status::Cancelled,
        };
        Standing {
            status,
            ordered: ordered.into(),
            cancelled: cancelled.into(),
            open: open.into(),
            short: short.into(),
            expected_on: expected_on.filter(|day| status == Status::Backordered && *day >= TODAY),
        }
    }

    fn told(standing: Standing) -> Told {
        let waited = standing.status == Status::Backordered;
        Told { standing, at: Timestamp::UNIX_EPOCH, waited }
    }

    fn kinds(told: Option<&Told>, now: &Standing) -> Vec<(Kind, i64)> {
        let whole = |change: Change| (change.kind, change.quantity.try_into().unwrap());
        detect(told, now, TODAY).into_iter().map(whole).collect()
    }

    #[test]
    fn every_kind_of_change_has_its_name_and_its_pieces() {
        let february = Some(date(2027, 2, 10));
        let march = Some(date(2027, 3, 1));
        let passed = Some(date(2027, 1, 20));
        let waiting = || standing(5, 0, 0, 5, february);
        let after = |before: Standing, now: Standing| kinds(Some(&told(before)), &now);

        assert_eq!(kinds(None, &standing(5, 0, 0, 2, None)), [(Kind::Backordered, 2)]);
        assert_eq!(kinds(None, &standing(5, 0, 0, 0, None)), []);
        assert_eq!(kinds(None, &standing(5, 0, 5, 0, None)), [], "never told as waiting: a cancellation is no news");
        assert_eq!(after(standing(5, 0, 0, 2, february), waiting()), [(Kind::Backordered, 3)]);
        assert_eq!(after(waiting(), standing(5, 0, 0, 5, march)), [(Kind::DateChanged, 5)]);
        assert_eq!(after(waiting(), standing(5, 0, 0, 5, None)), [(Kind::DateChanged, 5)], "became unknown");
        assert_eq!(after(standing(5, 0, 0, 5, None), waiting()), [(Kind::DateChanged, 5)], "became known");
        assert_eq!(after(waiting(), standing(5, 0, 0, 2, february)), [(Kind::Restocked, 3)], "a part came in");
        assert_eq!(after(waiting(), standing(5, 0, 0, 2, march)), [(Kind::DateChanged, 2), (Kind::Restocked, 3)]);
        assert_eq!(after(waiting(), standing(5, 0, 0, 0, None)), [(Kind::Restocked, 5)]);
        assert_eq!(after(waiting(), standing(5, 3, 0, 2, february)), [(Kind::Restocked, 3)], "came in and left");
        assert_eq!(after(waiting(), standing(5, 5, 0, 0, None)), [], "shipping is never told");
        assert_eq!(after(waiting(), standing(5, 0, 5, 0, None)), [(Kind::Cancelled, 5)]);
        assert_eq!(after(waiting(), standing(5, 3, 2, 0, None)), [(Kind::Cancelled, 2)], "also if the rest shipped");
        assert_eq!(after(waiting(), standing(5, 0, 2, 3, february)), [(Kind::Cancelled, 2)], "fewer short, none came");
        assert_eq!(after(waiting(), standing(2, 0, 0, 2, february)), [], "fewer were ordered");
        assert_eq!(after(standing(5, 0, 0, 0, None), waiting()), [(Kind::Backordered, 5)], "back on backorder");
        let mut old = told(waiting());
        old.standing.expected_on = passed;
        assert_eq!(kinds(Some(&old), &standing(5, 0, 0, 5, None)), [], "a date that merely passes");
        assert_eq!(kinds(Some(&old), &standing(5, 0, 0, 5, march)), [(Kind::DateChanged, 5)]);
        assert_eq!(overdue(Some(&old), &standing(5, 0, 0, 5, None), TODAY), passed);
        assert_eq!(overdue(Some(&old), &standing(5, 0, 0, 0, None), TODAY), None);
    }

    prop_compose! {
        fn any_standing()(ordered in 0i64..6, shipped in 0i64..6, cancelled in 0i64..6, short in 0i64..6, days in proptest::option::of(-5i64..20)) -> Standing {
            let expected_on = days.map(|days| TODAY.saturating_add(jiff::Span::new().days(days)));
            standing(ordered, shipped, cancelled, short, expected_on)
        }
    }

    proptest! {
        #[test]
        fn what_was_told_is_never_news_again(standing in any_standing()) {
            prop_assert_eq!(detect(Some(&told(standing.clone())), &standing, TODAY), vec![]);
        }

        #[test]
        fn news_is_about_a_positive_number_of_pieces_and_sorted(before in any_standing(), now in any_standing()) {
            let changes = detect(Some(&told(before)), &now, TODAY);
            prop_assert!(changes.iter().all(|change| change.quantity > Decimal::ZERO));
            prop_assert!(changes.is_sorted_by_key(|change| change.kind));
        }

        #[test]
        fn a_line_that_does_not_wait_is_never_news_of_waiting(before in any_standing(), now in any_standing()) {
            let waiting_news = |change: &Change| matches!(change.kind, Kind::Backordered | Kind::DateChanged);
            let changes = detect(Some(&told(before)), &now, TODAY);
            prop_assert!(now.status == Status::Backordered || !changes.iter().any(waiting_news));
        }
    }
}
