//! One line of an order with what is new about it: what changed, what the calendar brings, what the law makes of it.
//!
//! In: the line as it is recorded and the circumstances of the look. Out: what a notification says of it, what is
//! planned of it, and the decision in words. Pure.

use jiff::{Timestamp, civil::Date};

use super::notification::Kind;
use super::plan::{Action, Circumstances, ContentLine, LineView, Look, OrderView, Planned, Silent};
use super::schedule::Schedule;
use crate::choice::By;
use crate::promise::calendar::add_days;
use crate::promise::case::{Case, Ended};
use crate::promise::deadline::Flag;
use crate::promise::owed::Owed;
use crate::promise::terms::{Silence, Terms};
use crate::shop::line::Status;
use crate::watch::detect::{self, Change};
use crate::watch::standing::{Standing, Told};

/// One line with what is new about it.
pub(super) struct Found<'a> {
    pub view: &'a LineView,
    standing: Standing,
    pub changes: Vec<Change>,
    /// The told day that passed, once the time has come to say so.
    pub overdue: Option<Date>,
    /// The last day of a notice that is owed since noon.
    noticed: Option<Date>,
    /// The last day before silence cancels, once it is time to remind her.
    reminded: Option<Date>,
    terms: Terms,
    /// The last day to answer of a line that silence cancelled.
    silent_until: Option<Date>,
    /// Of an option notice: the midnight from which it is too late.
    expires_at: Option<Timestamp>,
    /// Why staff must see it first.
    pub hold: Option<Flag>,
    pub owed: Owed,
    ended: Option<Ended>,
}

impl LineView {
    /// What a mail says of the law that tells no news of the line.
    pub fn facts(&self, now: Timestamp, schedule: &Schedule) -> Terms {
        Case::new(&self.history, &self.line, now, schedule.calendar()).facts()
    }
}

impl<'a> Found<'a> {
    pub(super) fn of(view: &'a LineView, at: Circumstances) -> Found<'a> {
        let today = at.schedule.today(at.began);
        let case = Case::new(&view.history, &view.line, at.began, at.schedule.calendar());
        let (mut terms, owed, ended) = (case.terms(), case.owed(), case.ended());
        let mut standing = Standing::of(&view.line, today);
        // What was to come in by noon and did not is told as unknown: the day has passed, it did not move.
        let passed = standing.expected_on.filter(|_| terms.expected_by.is_none());
        standing.expected_on = standing.expected_on.filter(|_| passed.is_none());
        // The shop did what silence means.
        let silence = view.history.answers.iter().find(|answer| answer.by == By::Silence && answer.taken);
        let silence = silence.filter(|_| ended == Some(Ended::BySilence));
        if silence.is_some() {
            standing = standing.cancelled();
            // It was the reason of a delay, not of what silence did.
            terms.reason = None;
        }
        let mut found = Found {
            changes: detect::detect(view.told.as_ref(), &standing, passed.map_or(today, |day| add_days(day, 1))),
            overdue: None,
            noticed: None,
            reminded: None,
            expires_at: case.window().filter(|_| terms.stage.is_option()).map(|window| window.expires_at),
            hold: case.hold(&terms),
            silent_until: silence.and_then(|answer| view.history.notice(answer.notice?)?.cancels_after),
            view,
            standing,
            terms,
            owed,
            ended,
        };
        match ended {
            None => found.ask_the_calendar(today, at),
            // She cancelled: she hears of it in other ways.
            Some(Ended::ByAnswer) => found.changes.clear(),
            Some(Ended::BySilence) => found.changes.retain(|change| change.kind == Kind::Cancelled),
        }
        found
    }

    /// What falls due by the calendar. Only a sweep that began after it fell due may say so; what one said then stays
    /// said.
    fn ask_the_calendar(&mut self, today: Date, at: Circumstances) {
        let planned = self.view.planned.as_ref();
        let may_say = |said: Option<Date>, day: Date| at.look == Look::Sweep || said == Some(day);
        let told = self.view.told.as_ref();
        // A mail that she got since then told her.
        let untold_at = |due: Timestamp| told.is_none_or(|told| told.at < due);
        let calendar = at.schedule.calendar();
        self.overdue = detect::overdue(told, &self.standing, today).filter(|day| {
            at.began >= at.schedule.overdue_at(*day) && may_say(planned.and_then(|planned| planned.overdue), *day)
        });
        self.noticed = self.owed.notice_due_by.filter(|day| {
            let said = planned.and_then(|planned| planned.noticed);
            self.owed.overdue_notice && untold_at(calendar.noon(*day)) && may_say(said, *day)
        });
        self.reminded = self.owed.answer_due_by.filter(|day| {
            let said = planned.and_then(|planned| planned.reminded);
            self.owed.reminder && untold_at(calendar.reminder(*day)) && may_say(said, *day)
        });
        let quantity = self.standing.short;
        if self.overdue.is_some() || self.noticed.is_some() {
            self.changes.push(Change { kind: Kind::Overdue, quantity });
        }
        if self.reminded.is_some() {
            self.changes.push(Change { kind: Kind::ReplyNeeded, quantity });
        }
        self.changes.sort_by_key(|change| change.kind);
    }

    pub(super) fn line_id(&self) -> String {
        self.view.line.line_id.clone()
    }

    /// Waits now, and she knows.
    pub(super) fn waits_as_told(&self) -> bool {
        let knows = |told: &Told| told.waited;
        self.ended.is_none()
            && self.standing.status == Status::Backordered
            && self.view.told.as_ref().is_some_and(knows)
    }

    /// Whether what is told of the line speaks of a refund as owed.
    pub(super) fn owes_refund(&self) -> bool {
        self.terms.refund_owed
    }

    /// Whether a notification made now speaks of the line.
    pub(super) fn is_told(&self) -> bool {
        !self.changes.is_empty() || self.waits_as_told()
    }

    /// Whether the line has news that was not planned before.
    pub(super) fn is_fresh(&self) -> bool {
        !self.changes.is_empty() && self.view.planned != Some(self.as_planned())
    }

    /// Which of the news that was said of the line when it stood as `then` is still true.
    pub(super) fn still_true(&self, said: &[Kind], then: &Standing) -> Vec<Kind> {
        let is_true = |kind: &Kind| match kind {
            Kind::ReplyNeeded => self.ended.is_none() && self.terms.silence == Silence::Cancels,
            Kind::Cancelled => true,
            _ => self.ended.is_none(),
        };
        if self.standing == *then { said.iter().copied().filter(is_true).collect() } else { Vec::new() }
    }

    fn as_planned(&self) -> Planned {
        Planned {
            standing: self.standing.clone(),
            overdue: self.overdue,
            noticed: self.noticed,
            reminded: self.reminded,
        }
    }

    /// What is recorded as planned: with a notification that says it, the standing; a line that is again as it was
    /// told starts afresh, so that leaving and coming back is a difference anew.
    pub(super) fn planned(&self, says: bool) -> Option<Planned> {
        match (self.changes.is_empty(), says) {
            (true, _) => None,
            (false, true) => Some(self.as_planned()),
            (false, false) => self.view.planned.clone(),
        }
    }

    pub(super) fn content(&self, news: Vec<Kind>) -> ContentLine {
        ContentLine {
            line_id: self.line_id(),
            quantity: self.changes.first().map_or(self.standing.short, |change| change.quantity),
            news,
            standing: self.standing.clone(),
            previous_expected_on: self.view.told.as_ref().and_then(|told| told.standing.expected_on),
            terms: self.terms.clone(),
            expires_at: self.expires_at,
            answer: None,
            silent_until: self.silent_until,
        }
    }

    /// The line, if silence cancels it now.
    pub(super) fn silent(&self) -> Option<Silent> {
        let notice =
            || self.view.history.counting().map(|(_, notice)| notice).rfind(|notice| notice.cancels_after.is_some());
        self.owed.silence_cancels.then(|| Silent { line_id: self.line_id(), notice: notice().map(|notice| notice.id) })
    }

    /// The decision about this line, in words for staff.
    pub(super) fn because(&self, view: &OrderView, action: &Action, settled: bool) -> Option<String> {
        let kinds: Vec<&str> = self.changes.iter().map(|change| change.kind.word()).collect();
        let kinds = kinds.join(" and ");
        if self.changes.is_empty() {
            let why = match self.ended {
                None => "no news: it stands as she was told, or she was never told that it waits",
                Some(Ended::ByAnswer) => "no mail: she cancelled it",
                Some(Ended::BySilence) => "no mail: silence cancelled it, and only that is told",
            };
            return view.touched.then(|| why.into());
        }
        let held =
            action.telling().and_then(|telling| telling.held.as_ref()).map(|_| ", held for staff").unwrap_or_default();
        Some(match action {
            _ if view.recipient.is_none() => format!("{kinds}: the line has no e-mail address, so nobody can be told"),
            Action::Create(telling) if telling.settled => format!("{kinds}: a notification is made{held}"),
            Action::Create(_) => format!("{kinds}: a notification is made{held}; it waits until the order has settled"),
            Action::Amend(_) => format!("{kinds}: the settling notification is amended{held}"),
            Action::Replace(_) => format!("{kinds}: a newer notification takes over the unsent one{held}"),
            Action::Expire(_) => format!("{kinds}: the unsent notice is too late; the facts are told{held}"),
            Action::Settle { .. } => format!("{kinds}: the order has settled, its notification may leave"),
            Action::Supersede | Action::Keep if view.touched && settled => {
                format!("{kinds}: planned before and unchanged since, so there is no other notification")
            }
            Action::Supersede | Action::Keep => return None,
        })
    }
}
