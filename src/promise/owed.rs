//! What falls due for a line by the calendar alone, under `us-ftc`.
//!
//! In: a [`Case`]. Out: [`Owed`]. Its answers are for a sweep that began at the case's `now`: what silence causes is
//! decided only by a sweep that began after the day ended, so that a late shipment is seen. What an earlier sweep has
//! made already (a queued notice, a reminder, an alarm) is not known here; each answer stays the same until its day is
//! over or the record changes.

use jiff::{Timestamp, civil::Date};

use super::case::Case;
use crate::choice::By;
use crate::shop::line::Status;

/// What falls due.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Owed {
    /// The last day for the next option notice, whether or not one is needed yet; `None`: there is no next one.
    pub notice_due_by: Option<Date>,
    /// The line was not ready at noon of that day: its option notice is made now, kind `overdue`.
    pub overdue_notice: bool,
    /// The line was ready at noon of that day and has not shipped: staff are alarmed now.
    pub alarm: bool,
    /// The last day before silence cancels.
    pub answer_due_by: Option<Date>,
    /// The answer is due soon: `reply_needed` is made now.
    pub reminder: bool,
    /// That day is over without an answer or a shipment: `cancel` is handed over now, by silence.
    pub silence_cancels: bool,
    /// The next instant at which one of these changes by itself; later than now.
    pub look_at: Option<Timestamp>,
}

impl Case<'_> {
    /// What falls due for the line now.
    pub fn owed(&self) -> Owed {
        let Some(position) = self.position.filter(|_| self.is_open() && self.history.standing_cancel().is_none())
        else {
            return Owed::default();
        };
        let answer_due_by = position.cancels_after;
        let decided = self.history.answers.iter().any(|answer| answer.by == By::Silence);
        let silence_cancels = answer_due_by.is_some_and(|day| day < self.today) && !decided;
        if self.lapsed().is_some() {
            // What was not offered in time is not offered any more; what was announced for a later day still comes.
            let ends = answer_due_by.map(|day| self.calendar.end(day));
            return Owed { answer_due_by, silence_cancels, look_at: self.next([ends]), ..Owed::default() };
        }
        let notice_due_by = position.notice_due_by();
        let was_backordered = self.backordered_on().is_some();
        let noon = self.is_noon_of_due_day();
        let reminder_at = self.reminder_at();
        let moments = [
            notice_due_by.filter(|_| was_backordered).map(|day| self.calendar.noon(day)),
            notice_due_by.filter(|_| was_backordered).map(|day| self.calendar.end(day)),
            reminder_at,
            answer_due_by.map(|day| self.calendar.end(day)),
        ];
        Owed {
            notice_due_by,
            overdue_notice: noon && self.waits(),
            alarm: noon && was_backordered && self.line.status() == Status::Ready,
            answer_due_by,
            reminder: reminder_at.is_some_and(|at| at <= self.now),
            silence_cancels,
            look_at: self.next(moments),
        }
    }

    /// When she is to be reminded; `None`: not at all, as silence does not cancel, or she was told only after that.
    fn reminder_at(&self) -> Option<Timestamp> {
        let position = self.position.filter(|_| self.waits())?;
        let at = self.calendar.reminder(position.cancels_after?);
        position.in_force.filter(|notice| notice.accepted_at <= at).map(|_| at)
    }

    fn next<const COUNT: usize>(&self, moments: [Option<Timestamp>; COUNT]) -> Option<Timestamp> {
        moments.into_iter().flatten().filter(|at| *at > self.now).min()
    }
}
