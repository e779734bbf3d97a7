//! What holds of every line, whatever happens to it.

use jiff::civil::{Date, date};
use jiff::{Timestamp, ToSpan};
use proptest::option;
use proptest::prelude::*;
use uuid::Uuid;

use super::calendar::add_days;
use super::case::{Case, Ended};
use super::history::{History, Notice};
use super::owed::Owed;
use super::refund::Reason;
use super::samples::{Story, backordered};
use super::terms::{Silence, Stage, Terms};
use crate::choice::{Answer, By, Choice};
use crate::shop::line::{Line, Payment, RuleSet};

const ORDERED: Date = date(2026, 11, 2);
const RULES: [RuleSet; 4] = [RuleSet::UsFtc, RuleSet::Uk, RuleSet::Eu, RuleSet::None];

/// Something that happens to a line.
#[derive(Clone, Copy, Debug)]
enum Event {
    Days(i64),
    Hours(i64),
    /// The stock is expected so many days after the order; `None`: nobody knows when.
    Expected(Option<i64>),
    /// What is to be said now is accepted after so many hours.
    Told(i64),
    Answered(Choice, By, bool),
    Ready(bool),
    Shipped,
}

fn any_event() -> impl Strategy<Value = Event> {
    let choice = prop_oneof![Just(Choice::Wait), Just(Choice::Wait), Just(Choice::Cancel)];
    let by = prop_oneof![Just(By::Customer), Just(By::Staff)];
    prop_oneof![
        4 => (1i64..25).prop_map(Event::Days),
        2 => (1i64..15).prop_map(Event::Hours),
        4 => option::weighted(0.7, 1i64..120).prop_map(Event::Expected),
        4 => (0i64..20).prop_map(Event::Told),
        2 => (choice, by, any::<bool>()).prop_map(|(choice, by, refused)| Event::Answered(choice, by, refused)),
        1 => any::<bool>().prop_map(Event::Ready),
        1 => Just(Event::Shipped),
    ]
}

/// A line in the middle of its story, and what time it is.
struct Told {
    story: Story,
    now: Timestamp,
}

impl Told {
    fn new(rules: RuleSet) -> Told {
        let mut line = backordered(None);
        line.rules = Some(rules);
        let story = Story::of(line);
        let now = story.instant(ORDERED, 16);
        Told { story, now }
    }

    fn case(&self) -> Case<'_> {
        self.story.at(self.now)
    }

    fn happen(&mut self, events: Vec<Event>) {
        for event in events {
            self.happens(event);
        }
    }

    fn happens(&mut self, event: Event) {
        match event {
            Event::Days(days) => self.now += (days * 24).hours(),
            Event::Hours(hours) => self.now += hours.hours(),
            Event::Expected(days) => self.story.line.expected_on = days.map(|days| add_days(ORDERED, days)),
            Event::Told(hours) => {
                let terms = self.case().terms();
                self.now += hours.hours();
                self.story.accept(self.now, &terms);
            }
            Event::Answered(choice, by, refused) => {
                self.now += 1.minute();
                let answer = Answer { choice, at: self.now, by, notice: None, refused, taken: false };
                self.story.history.answers.push(answer);
                self.now += 1.minute();
            }
            Event::Ready(ready) => self.story.line.short_qty = if ready { 0.into() } else { 2.into() },
            Event::Shipped => {
                self.story.line.shipped_qty = 2.into();
                self.story.history.last_open_at.get_or_insert(self.now);
            }
        }
    }
}

/// The sentences of a mail fit together.
fn is_consistent(terms: &Terms) -> bool {
    let cancels = (terms.silence == Silence::Cancels) == terms.cancels_after.is_some();
    let consent = (terms.silence == Silence::Consent) == (terms.stage == Stage::FirstShort);
    let short = terms.stage != Stage::FirstShort || terms.expected_by > terms.promised_by;
    let unknown = terms.stage != Stage::FirstIndefinite || terms.expected_by.is_none();
    let reason = terms.reason.is_none() || terms.expected_by.is_none();
    let option = !terms.stage.is_option() || terms.asks && terms.silence != Silence::NoEffect;
    let only_owed = terms.stage == Stage::Information && !terms.asks && terms.silence == Silence::NoEffect;
    cancels && consent && short && unknown && reason && option && (!terms.refund_owed || only_owed)
}

/// What holds at any moment of any story.
fn check(told: &Told) -> Result<(), TestCaseError> {
    let case = told.case();
    let (terms, owed, history) = (case.terms(), case.owed(), &told.story.history);
    let today = told.story.shop.calendar().day(told.now);
    prop_assert!(is_consistent(&terms), "{:?}", terms);
    let us = history.clock.rules == RuleSet::UsFtc;
    if !us {
        prop_assert!(!terms.stage.is_option() && terms.silence == Silence::NoEffect && !terms.refund_owed);
        prop_assert_eq!(owed, Owed::default());
        let by_calendar = [Reason::Silence, Reason::NoNotice, Reason::NoRenewedNotice];
        prop_assert!(case.refund().is_none_or(|refund| !by_calendar.contains(&refund.reason)));
    }
    if terms.stage.is_option() {
        let in_force = history.counting().last().map(|(_, notice)| notice);
        let last_day = case.window().unwrap().last_day;
        prop_assert!(today <= last_day, "an option after {last_day}");
        prop_assert!(in_force.is_some() || last_day <= terms.promised_by.unwrap());
        prop_assert!(in_force.and_then(|notice| notice.revised_to).is_none_or(|old| today <= old), "after R");
        prop_assert!(terms.cancels_after.is_none_or(|day| day >= today), "cancelled before it is told");
        prop_assert_eq!(terms.stage == Stage::Renewed, in_force.is_some());
    }
    prop_assert!(!owed.overdue_notice || terms.stage.is_option(), "{:?}", terms);
    prop_assert!(!(owed.overdue_notice && owed.alarm));
    prop_assert!(owed.look_at.is_none_or(|at| at > told.now));
    prop_assert!(!owed.reminder || terms.silence == Silence::Cancels);
    if owed.silence_cancels {
        let said_so = |notice: &Notice| notice.cancels_after.is_some_and(|day| day < today);
        prop_assert!(history.counting().any(|(_, notice)| said_so(notice)), "nobody was told");
        prop_assert!(!case.takes_wait());
    }
    if let Some(row) = case.deadline() {
        prop_assert_eq!(row.cancels_after, row.answer_due_by);
        prop_assert_eq!(row.silence == Silence::Cancels, row.cancels_after.is_some());
        prop_assert_eq!(row.refund_due_by.is_some(), row.refund_reason.is_some());
        prop_assert!(us || row.notice_due_by.is_none() && row.revised_to.is_none());
        prop_assert!(history.clock.rules != RuleSet::None);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    #[test]
    fn whatever_happens_the_rules_hold_at_every_moment(rules in 0usize..4, events in prop::collection::vec(any_event(), 0..25)) {
        let mut told = Told::new(RULES[rules]);
        for event in events {
            told.happens(event);
            check(&told)?;
        }
    }

    #[test]
    fn us_4_and_us_11_no_notice_is_offered_after_the_promise_or_the_day_told(events in prop::collection::vec(any_event(), 0..25)) {
        let mut told = Told::new(RuleSet::UsFtc);
        for event in events {
            told.happens(event);
            if told.case().terms().stage.is_option() {
                let (history, today) = (&told.story.history, told.story.shop.calendar().day(told.now));
                let in_force = history.counting().last().map(|(_, notice)| notice);
                let last_day = in_force.map_or(history.clock.promised_by, |notice| notice.revised_to);
                prop_assert!(last_day.is_none_or(|last_day| today <= last_day), "{} after {:?}", today, last_day);
            }
        }
    }

    #[test]
    fn eu_5_silence_never_cancels_under_uk_eu_and_none(rules in 1usize..4, events in prop::collection::vec(any_event(), 0..25)) {
        let mut told = Told::new(RULES[rules]);
        for event in events {
            told.happens(event);
            let (case, owed) = (told.case(), told.case().owed());
            prop_assert_eq!(case.terms().silence, Silence::NoEffect);
            prop_assert!(!owed.silence_cancels && !owed.reminder && owed.answer_due_by.is_none());
            prop_assert_ne!(case.ended(), Some(Ended::BySilence));
            prop_assert!(case.deadline().is_none_or(|row| row.silence == Silence::NoEffect && row.cancels_after.is_none()));
        }
    }

    #[test]
    fn what_was_just_told_in_time_is_not_owed_again(events in prop::collection::vec(any_event(), 0..15)) {
        let mut told = Told::new(RuleSet::UsFtc);
        told.happen(events);
        let terms = told.case().terms();
        told.story.accept(told.now, &terms);
        let again = told.case().terms();
        prop_assert!(!again.stage.is_option() && !told.case().owed().overdue_notice, "{:?}", again);
        prop_assert!(!terms.stage.is_option() || again.cancels_after == terms.cancels_after);
    }

    #[test]
    fn an_earlier_date_never_starts_a_clock(events in prop::collection::vec(any_event(), 0..15), earlier in 1i64..60) {
        let mut told = Told::new(RuleSet::UsFtc);
        told.happen(events);
        let counts = told.story.history.counting().last().and_then(|(_, notice)| notice.revised_to);
        let today = told.story.shop.calendar().day(told.now);
        let was_owed = told.case().owed();
        let Some(revised_to) = counts.filter(|day| *day > today) else { return Ok(()) };
        told.story.line.expected_on = Some(add_days(revised_to, -earlier).max(today));
        let terms = told.case().terms();
        prop_assert!(!terms.stage.is_option(), "{:?}", terms);
        told.story.accept(told.now, &terms);
        prop_assert_eq!(told.case().owed(), was_owed, "it moves no day");
    }

    #[test]
    fn what_is_due_stays_due_until_something_happens(events in prop::collection::vec(any_event(), 0..20), days in 1i64..90) {
        let mut told = Told::new(RuleSet::UsFtc);
        told.happen(events);
        let refund = told.case().refund();
        told.now += (days * 24).hours();
        prop_assert!(refund.is_none() || told.case().refund() == refund);
    }

    #[test]
    fn a_look_at_each_instant_that_is_named_misses_nothing(events in prop::collection::vec(any_event(), 0..15), hours in 1i64..3000) {
        let mut told = Told::new(RuleSet::UsFtc);
        told.happen(events);
        let (owed, terms, refund) = (told.case().owed(), told.case().terms(), told.case().refund());
        let later = told.now + hours.hours();
        if owed.look_at.is_some_and(|at| at <= later) {
            return Ok(());
        }
        // A day that passes in vain makes itself heard by another look.
        told.story.line.expected_on = told.story.line.expected_on.filter(|day| *day > told.story.shop.calendar().day(later));
        if (told.case().terms(), told.case().owed()) != (terms.clone(), owed) {
            return Ok(());
        }
        told.now = later;
        let case = told.case();
        prop_assert_eq!((case.owed(), case.terms(), case.refund()), (owed, terms, refund));
    }
}

prop_compose! {
    fn any_date()(year in -9999i16..=9999, month in 1i8..=12, day in 1i8..=28, near in any::<bool>()) -> Date {
        if near { date(2026, month, day) } else { date(year, month, day) }
    }
}

prop_compose! {
    fn any_instant()(second in Timestamp::MIN.as_second()..=Timestamp::MAX.as_second(), near in any::<bool>()) -> Timestamp {
        let second = if near { 1_790_000_000 + second.rem_euclid(20_000_000) } else { second };
        Timestamp::from_second(second).unwrap()
    }
}

fn any_notice() -> impl Strategy<Value = Notice> {
    let stages =
        [Stage::None, Stage::Information, Stage::FirstShort, Stage::FirstLong, Stage::FirstIndefinite, Stage::Renewed];
    let silences = [Silence::Consent, Silence::Cancels, Silence::NoEffect];
    let days = (option::of(any_date()), option::of(any_date()));
    let words = (prop::sample::select(stages.to_vec()), prop::sample::select(silences.to_vec()));
    (0u128..4, any_instant(), words, days, any::<(bool, bool)>()).prop_map(
        |(id, accepted_at, (stage, silence), (revised_to, cancels_after), (late, bounced))| Notice {
            id: Uuid::from_u128(id),
            accepted_at,
            stage,
            silence,
            revised_to,
            cancels_after,
            late,
            bounced,
        },
    )
}

fn any_answer() -> impl Strategy<Value = Answer> {
    let choice = prop::sample::select(vec![Choice::Wait, Choice::Cancel]);
    let by = prop::sample::select(vec![By::Customer, By::Silence, By::Staff]);
    (choice, any_instant(), by, option::of((0u128..5).prop_map(Uuid::from_u128)), any::<bool>())
        .prop_map(|(choice, at, by, notice, refused)| Answer { choice, at, by, notice, refused, taken: false })
}

prop_compose! {
    fn any_line()(
        quantities in (0i64..4, 0i64..4, 0i64..4, 0i64..4),
        days in (option::of(any_date()), option::of(any_date())),
        instants in (option::of(any_instant()), option::of(any_instant()), option::of(any_instant())),
        payment in prop::sample::select(vec![Payment::Paid, Payment::Credit, Payment::Unpaid]),
        rules in 0usize..4,
    ) -> Line {
        let mut line = backordered(days.0);
        (line.ordered_qty, line.shipped_qty) = (quantities.0.into(), quantities.1.into());
        (line.cancelled_qty, line.short_qty) = (quantities.2.into(), quantities.3.into());
        (line.ordered_at, line.shipped_at, line.refunded_at) = instants;
        (line.promised_on, line.payment, line.rules) = (days.1, payment, Some(RULES[rules]));
        line
    }
}

proptest! {
    #[test]
    fn no_history_however_odd_makes_it_fail(
        line in any_line(),
        notices in prop::collection::vec(any_notice(), 0..5),
        answers in prop::collection::vec(any_answer(), 0..5),
        days in option::of(any_date()),
        instants in (option::of(any_instant()), option::of(any_instant())),
        words in any::<(bool, bool, bool)>(),
        now in any_instant(),
    ) {
        let mut story = Story::of(line);
        let (last_open_at, cancelled_at) = instants;
        story.history = History {
            notices, answers, backordered_on: days, last_open_at, cancelled_at,
            refunded: words.0, held: words.1, clock: story.history.clock,
        };
        story.history.clock.before_install = words.2;
        let case = story.at(now);
        let terms = case.terms();
        prop_assert_eq!(terms.silence == Silence::Cancels, terms.cancels_after.is_some());
        let _ = (case.owed(), case.refund(), case.deadline(), case.window(), case.hold(&terms), case.ended());
        let _ = (case.accepted(Uuid::from_u128(9), &terms), case.takes_wait());
    }
}
