//! Whether an answer is taken: the decision, and the reason for her page where it is not.
//!
//! In: what she asks, and what is recorded of the line at that moment. Out: a [`Decision`]. Pure and total. Two rules
//! stand above the others: who repeats an answer that stands does nothing, and nobody agrees to news that she did not
//! see.

use uuid::Uuid;

use super::{Answer, By, Choice};
use crate::shop::line::Status;

/// What she asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked {
    pub choice: Choice,
    pub seen: Seen,
}

/// The news that the form showed her.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// The form did not say: the notice last told is meant.
    Unsaid,
    /// The form showed a line of which no notification had told her.
    Nothing,
    Notice(Uuid),
}

impl Seen {
    /// As the form's field `seen` spells it. What is no notice is none of ours, and so is never the last one.
    pub fn of_field(field: Option<&str>) -> Seen {
        match field.map(str::trim) {
            None | Some("") => Seen::Unsaid,
            Some(Seen::NOTHING) => Seen::Nothing,
            Some(id) => Seen::Notice(id.parse().unwrap_or(Uuid::nil())),
        }
    }

    /// The field for a form that shows what `notice` told.
    pub fn field(notice: Option<Uuid>) -> String {
        notice.map_or_else(|| Seen::NOTHING.to_owned(), |notice| notice.to_string())
    }

    const NOTHING: &'static str = "none";
}

/// What is recorded of the line.
#[derive(Clone, Copy, Debug)]
pub struct Recorded<'a> {
    pub status: Status,
    /// The shop shows it no more.
    pub gone: bool,
    /// The notification that last told her of the line; `None`: none did.
    pub told_by: Option<Uuid>,
    /// Her earlier answers, oldest first.
    pub answers: &'a [Answer],
    /// Whether a `wait` given now is within the last day before silence cancels, and no cancel stands.
    pub takes_wait: bool,
}

/// What becomes of what she asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// It is recorded as the answer to this notice.
    Taken {
        notice: Option<Uuid>,
    },
    /// It says what she has answered already.
    Nothing,
    NotTaken(Why),
}

/// Why an answer is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    Shipped,
    /// The shop cancelled all of it.
    CancelledByShop,
    /// The shop shows the line no more.
    Gone,
    /// She cancelled it, and the shop has not refused that.
    CancelStands,
    /// Silence has cancelled it: the last day for a `wait` is over.
    TooLate,
    /// There is newer news than the form showed.
    NewerNews,
}

/// Decides about one answer of hers.
pub fn decide(asked: Asked, line: Recorded<'_>) -> Decision {
    let latest = line.answers.iter().rfind(|answer| answer.by != By::Silence && !answer.refused);
    let cancelled = line.answers.iter().any(cancels);
    let notice = match asked.seen {
        Seen::Unsaid => line.told_by,
        Seen::Nothing => None,
        Seen::Notice(notice) => Some(notice),
    };
    match asked.choice {
        // A second cancel would only be carried to the shop a second time.
        Choice::Cancel if cancelled => return Decision::Nothing,
        Choice::Wait if cancelled => return Decision::NotTaken(Why::CancelStands),
        Choice::Wait if latest.is_some_and(|latest| latest.choice == Choice::Wait && latest.notice == notice) => {
            return Decision::Nothing;
        }
        Choice::Wait | Choice::Cancel => {}
    }
    if let Some(why) = closed(&line) {
        return Decision::NotTaken(why);
    }
    match asked.choice {
        Choice::Wait if !line.takes_wait => Decision::NotTaken(Why::TooLate),
        Choice::Wait if notice != line.told_by => Decision::NotTaken(Why::NewerNews),
        Choice::Wait => Decision::Taken { notice },
        // It always acts, whichever mail it comes from; it answers what she was told last.
        Choice::Cancel => Decision::Taken { notice: line.told_by },
    }
}

fn cancels(answer: &Answer) -> bool {
    answer.is_hers() && answer.choice == Choice::Cancel && !answer.refused
}

/// Why nothing of the line can be answered any more; `None`: something is open.
fn closed(line: &Recorded<'_>) -> Option<Why> {
    match line.status {
        Status::Shipped => Some(Why::Shipped),
        Status::Cancelled => Some(Why::CancelledByShop),
        Status::Backordered | Status::Ready => line.gone.then_some(Why::Gone),
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use proptest::prelude::*;

    use super::*;

    const OLD: Uuid = Uuid::from_u128(1);
    const NEW: Uuid = Uuid::from_u128(2);
    const LATE: Decision = Decision::NotTaken(Why::TooLate);
    const NEWER: Decision = Decision::NotTaken(Why::NewerNews);
    const STANDS: Decision = Decision::NotTaken(Why::CancelStands);
    const SHIPPED: Decision = Decision::NotTaken(Why::Shipped);

    fn answer(choice: Choice, notice: Option<Uuid>) -> Answer {
        Answer { choice, at: Timestamp::UNIX_EPOCH, by: By::Customer, notice, refused: false, taken: false }
    }

    fn refused(choice: Choice) -> Answer {
        Answer { refused: true, ..answer(choice, Some(NEW)) }
    }

    fn silent() -> Answer {
        Answer { by: By::Silence, ..answer(Choice::Cancel, Some(NEW)) }
    }

    /// Waits, and `NEW` was told last.
    fn waiting(answers: &[Answer]) -> Recorded<'_> {
        Recorded { status: Status::Backordered, gone: false, told_by: Some(NEW), answers, takes_wait: true }
    }

    fn asked(choice: Choice, seen: Seen) -> Asked {
        Asked { choice, seen }
    }

    const fn taken(notice: Option<Uuid>) -> Decision {
        Decision::Taken { notice }
    }

    #[test]
    fn what_is_asked_of_a_waiting_line() {
        use Choice::{Cancel, Wait};
        let (seen_new, seen_old) = (Seen::Notice(NEW), Seen::Notice(OLD));
        let (wait, wait_old) = (answer(Wait, Some(NEW)), answer(Wait, Some(OLD)));
        let cancel = answer(Cancel, Some(NEW));
        // Her earlier answers, what she asks, what becomes of it.
        let table: &[(&[Answer], Choice, Seen, Decision)] = &[
            (&[], Wait, seen_new, taken(Some(NEW))),
            (&[], Wait, Seen::Unsaid, taken(Some(NEW))),
            (&[], Wait, seen_old, NEWER),
            (&[], Wait, Seen::Nothing, NEWER),
            (&[], Wait, Seen::of_field(Some("'; drop table choices")), NEWER),
            (&[], Cancel, seen_new, taken(Some(NEW))),
            (&[], Cancel, seen_old, taken(Some(NEW))),
            (&[], Cancel, Seen::Nothing, taken(Some(NEW))),
            (&[wait], Wait, seen_new, Decision::Nothing),
            (&[wait], Wait, Seen::Unsaid, Decision::Nothing),
            (&[wait], Cancel, seen_new, taken(Some(NEW))),
            (&[wait_old], Wait, seen_new, taken(Some(NEW))),
            (&[wait_old], Wait, seen_old, Decision::Nothing),
            (&[wait_old, wait], Wait, seen_old, NEWER),
            (&[cancel], Cancel, seen_new, Decision::Nothing),
            (&[cancel], Cancel, seen_old, Decision::Nothing),
            (&[cancel], Wait, seen_new, STANDS),
            (&[wait, cancel], Wait, seen_new, STANDS),
            (&[refused(Cancel)], Wait, seen_new, taken(Some(NEW))),
            (&[refused(Cancel)], Cancel, seen_new, taken(Some(NEW))),
            (&[refused(Wait)], Wait, seen_new, taken(Some(NEW))),
            (&[wait, refused(Cancel)], Wait, seen_new, Decision::Nothing),
            (&[silent()], Cancel, seen_new, taken(Some(NEW))),
        ];
        for (number, (answers, choice, seen, expected)) in table.iter().enumerate() {
            assert_eq!(decide(asked(*choice, *seen), waiting(answers)), *expected, "row {number}");
        }
    }

    #[test]
    fn a_line_that_no_notification_told_of_is_answered_without_one() {
        let line = Recorded { told_by: None, ..waiting(&[]) };
        assert_eq!(decide(asked(Choice::Wait, Seen::Nothing), line), taken(None));
        assert_eq!(decide(asked(Choice::Wait, Seen::Unsaid), line), taken(None));
        assert_eq!(decide(asked(Choice::Wait, Seen::Notice(OLD)), line), NEWER);
    }

    #[test]
    fn a_line_that_is_closed_takes_no_answer_and_says_why() {
        let cases = [
            (Status::Shipped, false, Why::Shipped),
            (Status::Cancelled, false, Why::CancelledByShop),
            (Status::Backordered, true, Why::Gone),
            (Status::Ready, true, Why::Gone),
        ];
        for (status, gone, why) in cases {
            for choice in [Choice::Wait, Choice::Cancel] {
                let line = Recorded { status, gone, ..waiting(&[]) };
                assert_eq!(decide(asked(choice, Seen::Unsaid), line), Decision::NotTaken(why), "{status:?} {choice:?}");
            }
        }
    }

    #[test]
    fn until_it_ships_a_wait_becomes_a_cancel_and_after_that_it_does_not() {
        let waits = [answer(Choice::Wait, Some(NEW))];
        let ready = Recorded { status: Status::Ready, ..waiting(&waits) };
        assert_eq!(decide(asked(Choice::Cancel, Seen::Unsaid), ready), taken(Some(NEW)));
        let shipped = Recorded { status: Status::Shipped, ..ready };
        assert_eq!(decide(asked(Choice::Cancel, Seen::Unsaid), shipped), SHIPPED);
    }

    #[test]
    fn after_the_last_day_a_wait_is_not_taken_and_a_cancel_is() {
        for answers in [&[][..], &[silent()]] {
            let line = Recorded { takes_wait: false, ..waiting(answers) };
            assert_eq!(decide(asked(Choice::Wait, Seen::Unsaid), line), LATE);
            assert_eq!(decide(asked(Choice::Wait, Seen::Notice(OLD)), line), LATE, "newer news would not help");
            assert_eq!(decide(asked(Choice::Cancel, Seen::Unsaid), line), taken(Some(NEW)));
        }
    }

    #[test]
    fn what_was_seen_goes_into_the_form_and_comes_back() {
        for notice in [None, Some(NEW)] {
            let seen = Seen::of_field(Some(&Seen::field(notice)));
            assert_eq!(seen, notice.map_or(Seen::Nothing, Seen::Notice));
        }
        assert_eq!(Seen::of_field(None), Seen::Unsaid);
        assert_eq!(Seen::of_field(Some(" ")), Seen::Unsaid);
    }

    fn any_answer() -> impl Strategy<Value = Answer> {
        (any::<bool>(), 0..3u8, any::<bool>(), 0..3u128).prop_map(|(wait, by, refused, notice)| Answer {
            choice: if wait { Choice::Wait } else { Choice::Cancel },
            by: [By::Customer, By::Silence, By::Staff][usize::from(by)],
            refused,
            ..answer(Choice::Wait, Some(Uuid::from_u128(notice)).filter(|id| !id.is_nil()))
        })
    }

    fn any_seen() -> impl Strategy<Value = Seen> {
        prop_oneof![
            Just(Seen::Unsaid),
            Just(Seen::Nothing),
            (1..4u128).prop_map(|id| Seen::Notice(Uuid::from_u128(id)))
        ]
    }

    fn any_status() -> impl Strategy<Value = Status> {
        prop::sample::select(vec![Status::Backordered, Status::Ready, Status::Shipped, Status::Cancelled])
    }

    proptest! {
        #[test]
        fn who_asks_again_does_nothing_and_nothing_wrong_is_ever_taken(
            mut answers in prop::collection::vec(any_answer(), 0..6), wait: bool, seen in any_seen(), status in any_status(),
            gone: bool, told in 0..4u128, takes_wait: bool,
        ) {
            let choice = if wait { Choice::Wait } else { Choice::Cancel };
            let told_by = Some(Uuid::from_u128(told)).filter(|id| !id.is_nil());
            let asked = asked(choice, seen);
            let decided = |answers: &[Answer]| {
                decide(asked, Recorded { status, gone, told_by, answers, takes_wait })
            };
            if let Decision::Taken { notice } = decided(&answers) {
                prop_assert!(matches!(status, Status::Backordered | Status::Ready) && !gone, "a closed line");
                prop_assert!(!answers.iter().any(cancels), "a cancel stands");
                prop_assert_eq!(notice, told_by);
                if choice == Choice::Wait {
                    prop_assert!(takes_wait);
                    let seen_last = match seen {
                        Seen::Unsaid => true,
                        Seen::Nothing => told_by.is_none(),
                        Seen::Notice(id) => told_by == Some(id),
                    };
                    prop_assert!(seen_last, "news that she did not see");
                }
                answers.push(answer(choice, notice));
                prop_assert_eq!(decided(&answers), Decision::Nothing);
            }
        }
    }
}
