//! The statements of the delay rules and their worked vectors, one test each, named after its number.
//!
//! The line was ordered on November 2, 2026 and nothing was stated, so T is December 2. The shop ships on the day on
//! which the stock comes in, so the day expected is E.

use jiff::civil::{Date, date};
use uuid::Uuid;

use super::case::Ended;
use super::deadline::{Answered, Flag};
use super::owed::Owed;
use super::refund::{Reason, Refund};
use super::samples::{Story, backordered, instant};
use super::terms::{Silence, Stage, Terms};
use crate::choice::{By, Choice};
use crate::shop::line::{Payment, RuleSet};

const T: Date = date(2026, 12, 2);
const MONTH_ON: Date = date(2027, 1, 1);

fn december(day: i8) -> Date {
    date(2026, 12, day)
}

fn november(day: i8) -> Date {
    date(2026, 11, day)
}

fn stage(terms: &Terms) -> (Stage, Silence, Option<Date>) {
    (terms.stage, terms.silence, terms.cancels_after)
}

/// A line whose customer was told in time that it ships on December 20, and was silent, which is consent.
fn consented_to_the_twentieth() -> Story {
    let mut story = Story::new();
    let terms = story.tell(november(23), Some(december(20)));
    assert_eq!(stage(&terms), (Stage::FirstShort, Silence::Consent, None));
    story
}

/// A line whose customer was told in time that it ships on January 15.
fn told_of_january_15() -> Story {
    let mut story = Story::new();
    let terms = story.tell(november(23), Some(date(2027, 1, 15)));
    assert_eq!(stage(&terms), (Stage::FirstLong, Silence::Cancels, Some(MONTH_ON)));
    story
}

fn refund(vested_on: Date, reason: Reason, due_by: Date) -> Refund {
    Refund { vested_on, reason, due_by }
}

fn flags(story: &Story, day: Date) -> Vec<Flag> {
    story.on(day).deadline().unwrap().flags
}

#[test]
fn vector_1_a_short_delay_is_consented_to_by_silence_and_renewed_by_its_last_day() {
    let mut story = Story::new();
    let terms = story.tell(november(23), Some(MONTH_ON));
    assert_eq!(stage(&terms), (Stage::FirstShort, Silence::Consent, None), "T + 30 inclusive");
    let row = story.on(december(15)).deadline().unwrap();
    assert_eq!((row.revised_to, row.notice_due_by, row.answer_due_by), (Some(MONTH_ON), Some(MONTH_ON), None));
    assert_eq!((row.stage, row.silence, row.refund_due_by), (Stage::FirstShort, Silence::Consent, None));
    assert_eq!(story.on(MONTH_ON).refund(), None);
}

#[test]
fn vector_2_a_long_delay_is_cancelled_after_thirty_days_from_the_promise() {
    let mut story = Story::new();
    let terms = story.tell(november(23), Some(date(2027, 1, 2)));
    assert_eq!(stage(&terms), (Stage::FirstLong, Silence::Cancels, Some(MONTH_ON)));
    assert_eq!(story.on(MONTH_ON).refund(), None, "the last day counts in full");
    let due = refund(date(2027, 1, 2), Reason::Silence, date(2027, 1, 12));
    assert_eq!(story.on(date(2027, 1, 2)).refund(), Some(due));
    assert!(story.on(date(2027, 1, 2)).owed().silence_cancels);
}

#[test]
fn vector_3_an_unknown_delay_gives_its_reason_and_is_cancelled_like_a_long_one() {
    let mut story = Story::new();
    let terms = story.tell(november(23), None);
    assert_eq!(stage(&terms), (Stage::FirstIndefinite, Silence::Cancels, Some(MONTH_ON)));
    assert_eq!((terms.expected_by, terms.reason.as_deref()), (None, Some("the maker is late")));
    let due = refund(date(2027, 1, 2), Reason::Silence, date(2027, 1, 12));
    assert_eq!(story.on(date(2027, 1, 4)).refund(), Some(due));
}

#[test]
fn vector_4_a_date_beyond_the_consented_one_is_renewed_though_within_thirty_days() {
    let mut story = consented_to_the_twentieth();
    let terms = story.tell(december(10), Some(december(28)));
    assert_eq!(stage(&terms), (Stage::Renewed, Silence::Cancels, Some(december(20))));
    assert!(!flags(&story, december(11)).contains(&Flag::StricterReading));
    assert_eq!(story.on(december(20)).refund(), None);
    let due = refund(december(21), Reason::Silence, december(31));
    assert_eq!(story.on(december(21)).refund(), Some(due));
    assert!(story.on(december(21)).owed().silence_cancels);
}

#[test]
fn vector_5_without_a_notice_by_the_promise_a_refund_is_due_and_silence_does_nothing() {
    let story = Story::new();
    let row = story.on(december(3)).deadline().unwrap();
    assert_eq!((row.stage, row.silence, row.notice_due_by), (Stage::None, Silence::NoEffect, None));
    assert_eq!((row.refund_due_by, row.refund_reason), (Some(december(14)), Some(Reason::NoNotice)));
    assert_eq!(story.on(december(3)).refund().unwrap().vested_on, december(3));
    assert!(!story.on(december(3)).owed().silence_cancels);
}

#[test]
fn vector_6_an_earlier_date_is_information_and_moves_nothing() {
    let mut story = consented_to_the_twentieth();
    let terms = story.tell(december(9), Some(december(10)));
    assert_eq!(stage(&terms), (Stage::Information, Silence::NoEffect, None));
    let row = story.on(december(9)).deadline().unwrap();
    assert_eq!((row.revised_to, row.notice_due_by), (Some(december(20)), Some(december(20))));
    assert_eq!(row.stage, Stage::FirstShort, "of the notice in force");
}

#[test]
fn vector_7_with_credit_applied_for_the_promise_is_fifty_days() {
    let mut line = backordered(None);
    line.payment = Payment::Credit;
    let story = Story::of(line);
    assert_eq!(story.on(december(3)).owed().notice_due_by, Some(december(22)));
    assert_eq!(story.on(december(24)).refund(), None, "it is not paid");
}

#[test]
fn us_3_a_date_within_the_promise_is_information_only() {
    let mut story = Story::new();
    let terms = story.tell(november(23), Some(T));
    assert_eq!(stage(&terms), (Stage::Information, Silence::NoEffect, None));
    assert!(!terms.asks);
    let row = story.on(november(24)).deadline().unwrap();
    assert_eq!((row.stage, row.notice_due_by, row.revised_to), (Stage::Information, Some(T), None));
}

#[test]
fn us_4_the_option_is_offered_until_the_promise_and_never_after() {
    let mut story = Story::new();
    story.line.expected_on = Some(december(20));
    assert!(story.on(T).terms().asks);
    let late = story.on(december(3)).terms();
    assert_eq!(stage(&late), (Stage::Information, Silence::NoEffect, None));
    assert!(late.refund_owed && !late.asks);
    assert_eq!(story.on(december(3)).hold(&late), Some(Flag::NoticeLate));
}

#[test]
fn us_4_a_notice_leaves_by_half_past_eleven_and_is_late_from_midnight_on() {
    let mut story = Story::new();
    story.line.expected_on = Some(december(20));
    let window = story.on(november(23)).window().unwrap();
    assert_eq!(window.last_day, T);
    assert_eq!(window.leave_by, instant("2026-12-02T23:30:00-05:00"));
    assert_eq!(window.expires_at, instant("2026-12-03T00:00:00-05:00"));
    let terms = story.on(T).terms();
    let accepted = |at| story.at(instant(at)).accepted(Uuid::from_u128(1), &terms).late;
    assert!(!accepted("2026-12-02T23:59:59-05:00"));
    assert!(accepted("2026-12-03T00:00:00-05:00"));
}

#[test]
fn us_5_a_notice_names_the_new_date_or_that_there_is_none() {
    let mut story = Story::new();
    assert_eq!(story.tell(november(23), Some(december(20))).expected_by, Some(december(20)));
    assert_eq!(story.on(november(23)).terms().promised_by, Some(T));
    assert_eq!(Story::new().tell(november(23), None).expected_by, None);
}

#[test]
fn us_6_unknown_takes_the_lines_reason_then_the_shops_and_without_one_is_held() {
    let mut story = Story::new();
    story.line.delay_reason = Some("a strike".into());
    assert_eq!(story.on(november(23)).terms().reason.as_deref(), Some("a strike"));
    story.line.delay_reason = Some("  ".into());
    let terms = story.on(november(23)).terms();
    assert_eq!((terms.reason.as_deref(), story.on(november(23)).hold(&terms)), (Some("the maker is late"), None));
    story.shop.rules.reason = None;
    let terms = story.on(november(23)).terms();
    assert_eq!((terms.reason.as_deref(), story.on(november(23)).hold(&terms)), (None, Some(Flag::NoReason)));
    assert_eq!(flags(&story, november(23)), [Flag::NoReason]);
    story.line.expected_on = Some(december(20));
    assert_eq!(story.on(november(23)).hold(&story.on(november(23)).terms()), None);
}

#[test]
fn us_7_up_to_thirty_days_silence_is_consent() {
    for (day, short) in [(december(3), true), (MONTH_ON, true), (date(2027, 1, 2), false)] {
        let mut story = Story::new();
        let terms = story.tell(november(23), Some(day));
        assert_eq!(terms.silence == Silence::Consent && terms.stage == Stage::FirstShort, short, "{day}");
        assert!(terms.asks);
    }
}

#[test]
fn us_8_beyond_thirty_days_silence_cancels_and_consent_to_no_date_leaves_the_right_to_cancel() {
    let mut story = Story::new();
    story.tell(november(23), None);
    story.answer(november(25), Choice::Wait);
    assert!(story.on(MONTH_ON).terms().asks);
    assert_eq!(story.on(date(2027, 3, 1)).refund(), None);
    story.answer(date(2027, 3, 1), Choice::Cancel);
    let due = refund(date(2027, 3, 1), Reason::Answer, date(2027, 3, 10));
    assert_eq!(story.on(date(2027, 3, 2)).refund(), Some(due));
}

#[test]
fn us_9_the_thirty_days_count_from_the_promise_whenever_it_is_told() {
    for day in [november(3), november(23), T] {
        assert_eq!(Story::new().tell(day, None).cancels_after, Some(MONTH_ON), "{day}");
    }
}

#[test]
fn us_10_a_later_date_that_is_consented_to_replaces_the_old_one() {
    let mut story = told_of_january_15();
    story.answer(november(25), Choice::Wait);
    let row = story.on(december(10)).deadline().unwrap();
    assert_eq!((row.answer, row.notice_due_by), (Answered::Wait, Some(date(2027, 1, 15))));
    assert_eq!((row.silence, row.cancels_after, row.answer_due_by), (Silence::NoEffect, None, None));
    assert_eq!(story.on(date(2027, 1, 15)).refund(), None);
    let terms = story.tell(date(2027, 1, 4), Some(date(2027, 2, 1)));
    assert_eq!(stage(&terms), (Stage::Renewed, Silence::Cancels, Some(date(2027, 1, 15))));
    assert_eq!(story.on(date(2027, 1, 5)).deadline().unwrap().answer, Answered::None, "to the new notice");
}

#[test]
fn us_10_consent_to_no_date_ends_the_renewed_notices() {
    let mut story = Story::new();
    story.tell(november(23), None);
    story.answer(november(25), Choice::Wait);
    for expected_on in [None, Some(date(2027, 2, 1)), Some(december(30))] {
        let terms = story.tell(december(10), expected_on);
        assert_eq!(stage(&terms), (Stage::Information, Silence::NoEffect, None));
    }
    assert_eq!(story.on(december(20)).owed(), Owed::default());
    assert_eq!(story.on(december(20)).window(), None);
}

#[test]
fn us_11_a_renewed_notice_is_offered_until_the_old_date_and_never_after() {
    let mut story = consented_to_the_twentieth();
    story.line.expected_on = Some(december(28));
    assert_eq!(story.on(december(20)).terms().stage, Stage::Renewed);
    assert_eq!(story.on(december(20)).window().unwrap().last_day, december(20));
    let late = story.on(december(21)).terms();
    assert_eq!((late.stage, late.refund_owed, late.asks), (Stage::Information, true, false));
    assert_eq!(story.on(december(21)).hold(&late), Some(Flag::NoticeLate));
}

#[test]
fn us_12_every_renewed_notice_cancels_at_the_end_of_the_old_date() {
    let mut story = consented_to_the_twentieth();
    assert_eq!(story.tell(december(5), Some(december(28))).cancels_after, Some(december(20)));
    story.answer(december(6), Choice::Wait);
    assert_eq!(story.tell(december(20), None).cancels_after, Some(december(28)));
    story.answer(december(22), Choice::Wait);
    assert_eq!(story.on(date(2027, 6, 1)).refund(), None);
}

#[test]
fn us_12a_a_second_date_before_the_answer_to_a_long_or_unknown_notice_keeps_the_earliest_deadline() {
    for first in [Some(date(2027, 1, 15)), None] {
        let mut story = Story::new();
        story.tell(november(23), first);
        let terms = story.tell(december(10), Some(date(2027, 2, 1)));
        assert_eq!(stage(&terms), (Stage::Renewed, Silence::Cancels, Some(MONTH_ON)));
        let row = story.on(december(11)).deadline().unwrap();
        assert_eq!((row.notice_due_by, row.flags), (None, vec![Flag::StricterReading]));
        assert_eq!(story.on(date(2027, 1, 2)).refund().unwrap().reason, Reason::Silence);
    }
}

#[test]
fn us_12a_two_notices_both_before_the_promise_make_the_second_a_renewed_one() {
    let mut story = Story::new();
    story.tell(november(23), Some(december(10)));
    let terms = story.tell(november(25), Some(december(20)));
    assert_eq!(stage(&terms), (Stage::Renewed, Silence::Cancels, Some(december(10))));
    assert_eq!(flags(&story, november(26)), [Flag::StricterReading]);
}

#[test]
fn us_12a_a_known_date_after_an_unknown_one_is_renewed_by_it_with_the_earliest_of_both() {
    let mut story = Story::new();
    story.tell(november(23), None);
    assert_eq!(story.tell(december(10), Some(december(20))).cancels_after, Some(MONTH_ON));
    assert_eq!(story.on(december(11)).owed().notice_due_by, Some(december(20)), "before silence cancels");
    let noon = story.at(story.instant(december(20), 12));
    assert!(noon.owed().overdue_notice);
    assert_eq!(stage(&noon.terms()), (Stage::Renewed, Silence::Cancels, Some(december(20))));
}

#[test]
fn us_14_a_shop_that_cancels_owes_the_refund_from_that_day() {
    let mut story = Story::new();
    story.history.last_open_at = Some(story.instant(november(24), 9));
    story.history.cancelled_at = Some(story.instant(november(24), 10));
    story.line.cancelled_qty = 2.into();
    let due = refund(november(24), Reason::ShopCancelled, december(4));
    assert_eq!(story.on(december(20)).refund(), Some(due), "nothing lapses of a line that is closed");
    assert_eq!(story.on(december(20)).owed(), Owed::default());
}

#[test]
fn us_15_1_a_cancel_before_shipment_stays_due_though_the_shop_refused_it_unless_she_waits_after_all() {
    let mut story = consented_to_the_twentieth();
    story.answer(november(24), Choice::Cancel);
    let due = refund(november(24), Reason::Answer, december(4));
    assert_eq!(story.on(november(25)).refund(), Some(due));
    assert_eq!(story.on(november(25)).ended(), Some(Ended::ByAnswer));
    assert!(!story.on(november(25)).terms().asks && !story.on(november(25)).takes_wait());
    story.history.answers[0].refused = true;
    assert_eq!(story.on(november(25)).refund(), Some(due));
    assert_eq!((story.on(november(25)).ended(), story.on(november(25)).takes_wait()), (None, true));
    story.answer(november(26), Choice::Wait);
    assert_eq!(story.on(november(27)).refund(), None);
}

#[test]
fn us_15_1_a_cancel_after_shipment_is_none() {
    let mut story = consented_to_the_twentieth();
    story.answer(december(10), Choice::Cancel);
    story.history.answers[0].refused = true;
    story.line.shipped_qty = 2.into();
    story.line.shipped_at = Some(story.instant(december(10), 14));
    assert_eq!(story.on(december(11)).refund(), None);
    story.line.shipped_at = Some(story.instant(december(10), 16));
    assert_eq!(story.on(december(11)).refund().unwrap().reason, Reason::Answer);
}

#[test]
fn us_15_2_express_consent_in_time_averts_the_cancellation_and_too_late_does_not() {
    let mut story = told_of_january_15();
    story.answer(MONTH_ON, Choice::Wait);
    assert_eq!(story.on(date(2027, 1, 2)).refund(), None);
    let mut late = told_of_january_15();
    assert!(late.on(MONTH_ON).takes_wait());
    assert!(!late.on(date(2027, 1, 2)).takes_wait());
    late.answer(date(2027, 1, 2), Choice::Wait);
    assert_eq!(late.on(date(2027, 1, 2)).refund().unwrap().reason, Reason::Silence);
    assert_eq!(late.on(date(2027, 1, 2)).ended(), Some(Ended::BySilence));
}

#[test]
fn us_15_3_without_a_renewed_notice_the_refund_is_listed_and_nothing_is_handed_over() {
    let story = consented_to_the_twentieth();
    let due = refund(december(21), Reason::NoRenewedNotice, december(31));
    assert_eq!(story.on(december(21)).refund(), Some(due));
    assert!(!story.on(december(21)).owed().silence_cancels);
    assert_eq!(story.on(december(21)).ended(), None);
}

#[test]
fn us_15_5_a_notice_after_the_promise_does_not_cure() {
    let mut story = Story::new();
    let terms = story.on(T).terms();
    story.accept(instant("2026-12-03T00:00:10-05:00"), &terms);
    let row = story.on(december(3)).deadline().unwrap();
    assert_eq!((row.stage, row.refund_reason), (Stage::None, Some(Reason::NoNotice)));
    assert_eq!(row.flags, [Flag::NoticeLate]);
    story.answer(december(4), Choice::Wait);
    assert_eq!(story.on(december(5)).refund().unwrap().reason, Reason::NoNotice);
}

#[test]
fn us_15_5_a_late_shipment_that_the_shop_dates_in_time_is_believed() {
    let mut story = Story::new();
    story.history.last_open_at = Some(story.instant(T, 23));
    story.line.shipped_qty = 2.into();
    assert_eq!(story.on(december(3)).refund(), None, "last seen open on the last day");
    story.history.last_open_at = Some(story.instant(december(3), 9));
    assert_eq!(story.on(december(3)).refund().unwrap().reason, Reason::NoNotice);
    story.line.shipped_at = Some(story.instant(T, 17));
    assert_eq!(story.on(december(3)).refund(), None);
}

#[test]
fn us_15_5_a_line_that_was_never_short_is_not_listed() {
    let mut line = backordered(None);
    line.short_qty = 0.into();
    let mut story = Story::of(line);
    story.history.backordered_on = None;
    assert_eq!(story.on(december(3)).deadline(), None);
    assert_eq!(story.at(story.instant(T, 12)).owed().look_at, None);
    assert!(!story.at(story.instant(T, 12)).owed().alarm);
}

#[test]
fn a_refund_is_due_only_of_paid_lines_and_until_it_was_made() {
    let mut story = Story::new();
    let due = |story: &Story| story.on(december(3)).refund().is_some();
    assert!(due(&story));
    story.history.refunded = true;
    assert!(!due(&story), "staff said so");
    story.history.refunded = false;
    story.line.refunded_at = Some(story.instant(december(3), 9));
    assert!(!due(&story), "the shop said so");
    story.line.refunded_at = None;
    for payment in [Payment::Credit, Payment::OnDelivery, Payment::Unpaid] {
        story.line.payment = payment;
        assert!(!due(&story), "{payment:?}");
        assert!(!story.on(december(3)).terms().refund_owed);
    }
}

#[test]
fn of_a_line_that_vanished_nothing_is_inferred() {
    let mut story = told_of_january_15();
    story.history.last_open_at = Some(story.instant(december(20), 9));
    let case = story.on(date(2027, 1, 2));
    assert_eq!((case.refund(), case.deadline(), case.owed()), (None, None, Owed::default()));
    story.history.last_open_at = Some(story.instant(date(2027, 1, 3), 9));
    assert!(story.on(date(2027, 1, 4)).refund().is_some(), "it vanished only after the day");
}

#[test]
fn us_19_a_bounced_notice_counts_and_staff_see_it() {
    let mut story = consented_to_the_twentieth();
    story.history.notices[0].bounced = true;
    story.history.held = true;
    let row = story.on(december(3)).deadline().unwrap();
    assert_eq!((row.stage, row.flags), (Stage::FirstShort, vec![Flag::NoticeBounced, Flag::NoticeHeld]));
}

#[test]
fn at_noon_of_its_last_day_a_line_that_is_not_ready_gets_its_notice_as_unknown() {
    let mut story = Story::new();
    story.tell(november(23), Some(T));
    assert_eq!(story.on(T).owed().look_at, Some(story.instant(T, 12)));
    assert_eq!(story.on(T).terms().stage, Stage::Information);
    let noon = story.at(story.instant(T, 12));
    assert!(noon.owed().overdue_notice && !noon.owed().alarm);
    let terms = noon.terms();
    assert_eq!(stage(&terms), (Stage::FirstIndefinite, Silence::Cancels, Some(MONTH_ON)));
    assert_eq!((terms.expected_by, terms.reason.as_deref()), (None, Some("the maker is late")));
    story.accept(story.instant(T, 13), &terms);
    assert!(!story.at(story.instant(T, 14)).owed().overdue_notice, "it was told");
}

#[test]
fn at_noon_a_later_day_that_is_known_is_told() {
    let mut story = Story::new();
    story.line.expected_on = Some(december(20));
    let noon = story.at(story.instant(T, 12));
    assert!(noon.owed().overdue_notice, "a baseline, or a refused mail, kept it from her");
    assert_eq!((noon.terms().stage, noon.terms().expected_by), (Stage::FirstShort, Some(december(20))));
}

#[test]
fn at_noon_of_its_last_day_a_ready_line_alarms_staff_and_gets_no_notice() {
    let mut story = consented_to_the_twentieth();
    story.line.short_qty = 0.into();
    assert!(!story.on(december(20)).owed().alarm);
    let noon = story.at(story.instant(december(20), 12));
    assert!(noon.owed().alarm && !noon.owed().overdue_notice);
    assert!(!noon.terms().stage.is_option());
    assert_eq!(noon.owed().look_at, Some(instant("2026-12-21T00:00:00-05:00")));
    assert_eq!(story.on(december(21)).refund().unwrap().reason, Reason::NoRenewedNotice);
}

#[test]
fn a_line_that_goes_short_only_after_the_promise_is_told_the_facts_once_staff_have_seen_them() {
    let mut story = Story::new();
    story.history.backordered_on = None;
    story.line.expected_on = Some(december(20));
    let case = story.on(december(5));
    let terms = case.terms();
    assert_eq!((terms.stage, terms.refund_owed, terms.asks), (Stage::Information, true, false));
    assert_eq!(case.hold(&terms), Some(Flag::NoticeLate));
    let row = case.deadline().unwrap();
    assert_eq!((row.refund_reason, row.flags), (Some(Reason::NoNotice), vec![Flag::NoticeLate]));
}

#[test]
fn what_was_past_before_the_installation_is_listed_and_never_a_refund() {
    let mut story = Story::new();
    story.history.clock.before_install = true;
    story.history.backordered_on = Some(december(5));
    story.line.expected_on = Some(december(20));
    let case = story.on(december(5));
    let row = case.deadline().unwrap();
    assert_eq!((row.flags, row.refund_due_by, row.notice_due_by), (vec![Flag::BeforeInstall], None, None));
    let terms = case.terms();
    assert_eq!((terms.stage, terms.refund_owed, case.hold(&terms)), (Stage::Information, false, None));
}

#[test]
fn without_a_clock_there_is_information_and_a_flag() {
    let mut line = backordered(None);
    line.ordered_at = None;
    let story = Story::of(line);
    let case = story.on(december(20));
    assert_eq!(stage(&case.terms()), (Stage::Information, Silence::NoEffect, None));
    assert_eq!(case.owed(), Owed::default());
    let row = case.deadline().unwrap();
    assert_eq!((row.promised_by, row.flags), (None, vec![Flag::NoOrderDate]));
}

#[test]
fn a_reminder_comes_three_days_before_unless_she_answered_or_was_told_only_then() {
    let mut story = told_of_january_15();
    let due = instant("2026-12-29T09:00:00-05:00");
    assert_eq!(story.on(december(10)).owed().look_at, Some(due));
    assert!(!story.at(instant("2026-12-29T08:59:59-05:00")).owed().reminder);
    assert!(story.at(due).owed().reminder);
    let terms = story.at(due).terms();
    assert_eq!(stage(&terms), (Stage::Information, Silence::Cancels, Some(MONTH_ON)), "it is no new notice");
    assert!(terms.asks);
    story.answer(december(12), Choice::Wait);
    assert!(!story.at(due).owed().reminder);
    let mut late = consented_to_the_twentieth();
    late.tell(december(18), Some(december(28)));
    assert!(!late.on(december(19)).owed().reminder, "told after the reminder fell due");
    assert_eq!(late.on(december(18)).owed().answer_due_by, Some(december(20)));
}

#[test]
fn silence_is_handed_over_once_and_never_of_what_shipped_or_was_answered() {
    let mut story = told_of_january_15();
    let after = date(2027, 1, 2);
    assert!(!story.at(instant("2027-01-01T23:59:59-05:00")).owed().silence_cancels);
    assert!(story.at(instant("2027-01-02T00:00:00-05:00")).owed().silence_cancels);
    story.line.short_qty = 0.into();
    assert!(story.on(after).owed().silence_cancels, "ready is not shipped");
    story.answer(after, Choice::Cancel);
    story.history.answers[0].by = By::Silence;
    assert!(!story.on(after).owed().silence_cancels);
    let row = story.on(after).deadline().unwrap();
    assert_eq!((row.answer, row.refund_reason), (Answered::None, Some(Reason::Silence)));
    story.history.answers.clear();
    story.line.shipped_qty = 2.into();
    story.history.last_open_at = Some(story.instant(MONTH_ON, 23));
    assert!(!story.on(after).owed().silence_cancels);
    assert_eq!(story.on(after).refund(), None);
}

#[test]
fn a_wait_to_another_notice_than_the_one_in_force_consents_to_nothing_newer() {
    let mut story = told_of_january_15();
    story.answer(november(24), Choice::Wait);
    story.history.answers[0].notice = Some(story.history.notices[0].id);
    story.tell(december(10), Some(date(2027, 2, 1)));
    story.history.answers[0].at = story.instant(december(11), 9);
    assert_eq!(story.on(december(12)).owed().answer_due_by, Some(date(2027, 1, 15)));
    story.history.answers[0].notice = Some(Uuid::from_u128(99));
    assert_eq!(story.on(december(12)).owed().answer_due_by, Some(MONTH_ON), "to one that does not count");
    story.history.answers[0].notice = None;
    assert_eq!(story.on(december(12)).owed().answer_due_by, None);
}

#[test]
fn a_refused_wait_no_longer_stands() {
    let mut story = told_of_january_15();
    story.answer(november(24), Choice::Wait);
    story.history.answers[0].refused = true;
    let row = story.on(november(25)).deadline().unwrap();
    assert_eq!((row.answer, row.cancels_after), (Answered::None, Some(MONTH_ON)));
}

#[test]
fn a_part_that_shipped_leaves_the_rest_waiting() {
    let mut story = Story::new();
    story.line.shipped_qty = 1.into();
    story.line.short_qty = 1.into();
    story.line.shipped_at = Some(story.instant(november(20), 9));
    assert_eq!(story.on(december(3)).refund().unwrap().reason, Reason::NoNotice);
}

/// A line to Germany.
fn european() -> Story {
    let mut line = backordered(None);
    line.ship_to_country = Some("DE".into());
    Story::of(line)
}

#[test]
fn eu_2_the_day_printed_is_that_of_delivery() {
    let mut story = european();
    story.shop.rules.handling_days = 2;
    story.shop.rules.transit_days = 3;
    let terms = story.tell(november(23), Some(december(10)));
    assert_eq!((terms.promised_by, terms.expected_by), (Some(T), Some(december(15))));
}

#[test]
fn eu_3_a_passed_day_ends_nothing_by_itself() {
    let mut story = european();
    story.tell(november(23), Some(december(10)));
    assert_eq!(story.on(date(2027, 6, 1)).refund(), None);
    assert_eq!(story.on(date(2027, 6, 1)).owed(), Owed::default());
}

#[test]
fn eu_4_on_her_cancel_all_is_reimbursed_within_fourteen_days() {
    let mut story = european();
    story.answer(december(10), Choice::Cancel);
    assert_eq!(story.on(december(11)).refund(), Some(refund(december(10), Reason::Answer, december(24))));
    story.history.answers[0].refused = true;
    assert_eq!(story.on(december(11)).refund(), None, "only in the US a refused one counts");
}

#[test]
fn eu_5_the_mail_asks_and_silence_changes_nothing() {
    let mut story = european();
    let terms = story.tell(november(23), Some(date(2027, 3, 1)));
    assert_eq!(stage(&terms), (Stage::Information, Silence::NoEffect, None));
    assert!(terms.asks);
    let row = story.on(december(20)).deadline().unwrap();
    assert_eq!((row.rules, row.stage, row.answer), (RuleSet::Eu, Stage::Information, Answered::None));
    assert_eq!((row.revised_to, row.notice_due_by, row.promised_by), (None, None, Some(T)));
    assert_eq!(row.told_at, Some(story.instant(november(23), 10)));
    story.answer(december(20), Choice::Wait);
    assert_eq!(story.on(december(21)).deadline().unwrap().answer, Answered::Wait);
    assert!(story.on(december(21)).terms().asks, "she may still cancel");
}

#[test]
fn uk_28_stands_as_the_european_rules_do() {
    let mut line = backordered(None);
    line.ship_to_country = Some("GB".into());
    let mut story = Story::of(line);
    let terms = story.tell(november(23), None);
    assert_eq!((terms.rules, terms.stage, terms.silence), (RuleSet::Uk, Stage::Information, Silence::NoEffect));
    assert_eq!(story.on(date(2027, 6, 1)).refund(), None);
    assert_eq!(story.on(date(2027, 6, 1)).deadline().unwrap().rules, RuleSet::Uk);
}

#[test]
fn under_none_she_is_told_and_asked_and_there_is_no_row() {
    let mut line = backordered(None);
    line.ship_to_country = None;
    let mut story = Story::of(line);
    story.shop.rules.handling_days = 2;
    let terms = story.tell(november(23), Some(december(10)));
    let expected = Terms { expected_by: Some(december(10)), asks: true, ..Terms::default() };
    assert_eq!(terms, expected);
    story.answer(december(1), Choice::Cancel);
    assert_eq!((story.on(december(9)).deadline(), story.on(december(9)).refund()), (None, None));
    assert!(!story.on(december(9)).terms().asks);
}

#[test]
fn a_line_that_came_in_is_asked_nothing() {
    let mut story = told_of_january_15();
    story.line.short_qty = 0.into();
    let terms = story.on(december(10)).terms();
    assert_eq!((terms.stage, terms.silence, terms.asks, terms.reason), (Stage::None, Silence::NoEffect, false, None));
}

#[test]
fn a_row_has_every_key_of_the_contract_and_null_where_there_is_nothing() {
    let row = serde_json::to_value(Story::new().on(november(23)).deadline()).unwrap();
    let expected = serde_json::json!({
        "line_id": "L1", "order_id": "O1", "order_number": "1001", "rules": "us-ftc",
        "promised_by": "2026-12-02", "revised_to": null, "stage": "none", "told_at": null, "notification_id": null,
        "silence": "no_effect", "answer": "none", "notice_due_by": "2026-12-02", "answer_due_by": null,
        "cancels_after": null, "refund_due_by": null, "refund_reason": null, "flags": [],
    });
    assert_eq!(row, expected);
    let told = serde_json::to_value(told_of_january_15().on(date(2027, 1, 2)).deadline()).unwrap();
    assert_eq!(told["told_at"], "2026-11-23T15:00:00.000000Z");
    assert_eq!((&told["stage"], &told["silence"]), (&"first_long".into(), &"cancels".into()));
    assert_eq!((&told["refund_reason"], &told["refund_due_by"]), (&"silence".into(), &"2027-01-12".into()));
}

#[test]
fn terms_are_read_back_from_the_record_as_they_were_written() {
    let terms = told_of_january_15().on(december(1)).terms();
    let written = serde_json::to_string(&terms).unwrap();
    assert_eq!(serde_json::from_str::<Terms>(&written).unwrap(), terms);
}
