//! News becomes notifications: the decision for one order.
//!
//! In: the order as it is recorded now (its lines, what she was told, what is unsent) and the circumstances of the
//! look. Out: what to create, amend or supersede, when to look again, and a sentence for each decision. Pure: the
//! watcher records what is decided here in one transaction with the lines themselves, and delivery asks again right
//! before each try ([`wanted`]) whether the content still holds.

use jiff::{Timestamp, civil::Date};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::notification::Kind;
use super::schedule::Schedule;
use crate::choice::Choice;
use crate::promise::terms::Terms;
use crate::shop::line::{Line, Status};
use crate::watch::detect::{self, Change};
use crate::watch::standing::{Standing, Told};

/// An order as the planner sees it: one recipient, one locale.
#[derive(Clone, Debug)]
pub struct OrderView {
    /// `None`: nobody can be told.
    pub recipient: Option<String>,
    /// The read that last found a line changed.
    pub changed_at: Option<Timestamp>,
    /// The first change since the order was last settled; `None`: settled.
    pub unsettled_since: Option<Timestamp>,
    /// Since when nothing was said or planned.
    pub quiet_since: Option<Timestamp>,
    /// Every line of the order that the shop still shows.
    pub lines: Vec<LineView>,
    /// The notification that is queued or held.
    pub unsent: Option<Unsent>,
    /// When date mails of the last seven days were accepted, oldest first.
    pub date_mails: Vec<Timestamp>,
    /// Whether this look found a line of the order new, changed, moved or gone.
    pub touched: bool,
}

/// A line, what she was told of it, and what was last planned about it.
#[derive(Clone, Debug)]
pub struct LineView {
    pub line: Line,
    pub told: Option<Told>,
    /// The notification that told it; `None`: the baseline did, or nobody.
    pub told_by: Option<Uuid>,
    pub planned: Option<Planned>,
}

/// The standing that the last notification about a line was planned from, whatever became of that notification.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Planned {
    pub standing: Standing,
    /// The passed day that an `overdue` spoke of.
    pub overdue: Option<Date>,
}

/// A notification that is queued or held.
#[derive(Clone, Debug)]
pub struct Unsent {
    pub id: Uuid,
    /// Why it is held; `None`: it is queued.
    pub held: Option<String>,
    /// Staff let it go: neither it nor what replaces it counts as a flood.
    pub released: bool,
    /// Before it is settled nobody can have sent it, and it is amended in place.
    pub settled: bool,
    pub due_at: Timestamp,
    pub content: Content,
}

/// What a notification says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Content {
    pub kind: Kind,
    /// Lines with news first, then the other waiting lines, unchanged.
    pub lines: Vec<ContentLine>,
}

impl Content {
    /// Whether the calendar alone brought it: such mails do not count as a flood.
    pub fn is_of_the_calendar(&self) -> bool {
        self.lines.iter().flat_map(|line| &line.news).all(|kind| kind.is_of_the_calendar())
    }
}

/// What a notification says of one line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContentLine {
    pub line_id: String,
    /// All its news, the naming one first; empty: shown as unchanged.
    pub news: Vec<Kind>,
    /// The pieces that the naming news is about; of an unchanged line those that are short.
    pub quantity: Decimal,
    pub standing: Standing,
    /// The day she was told before; `None`: unknown, or nothing.
    pub previous_expected_on: Option<Date>,
    /// What it says of the law.
    #[serde(default)]
    pub terms: Terms,
    /// The answer that it acknowledges, or that the shop refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<Answered>,
}

/// An answer, as the mail about it says it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answered {
    pub choice: Choice,
    pub at: Timestamp,
    /// Why the shop refused it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused_because: Option<String>,
}

/// Why an order is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// A sweep that read every line: settling ends, and the calendar is asked.
    Sweep,
    /// A poll that read this order whole: settling ends, the calendar waits for a sweep.
    Poll,
    /// Nothing was read: delivery found that the content no longer holds.
    Recheck,
}

/// The circumstances of one look.
#[derive(Clone, Copy, Debug)]
pub struct Circumstances<'a> {
    pub look: Look,
    /// When the read began; without a read, now.
    pub began: Timestamp,
    pub schedule: &'a Schedule,
}

/// What is to be done about the unsent notification.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// There is none and none is needed, or it stays as it is.
    Keep,
    /// It stays as it is and has settled now.
    Settle {
        due_at: Timestamp,
    },
    Create(Telling),
    Amend(Telling),
    /// Newer news takes over its untold lines.
    Replace(Telling),
    /// Nothing is left to tell.
    Supersede,
}

/// A notification to be written down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Telling {
    pub content: Content,
    pub settled: bool,
    /// Why it is held, if what it replaces was.
    pub held: Option<String>,
    pub due_at: Timestamp,
}

/// The decision for one order.
#[derive(Clone, Debug)]
pub struct Plan {
    pub action: Action,
    pub changed_at: Option<Timestamp>,
    pub unsettled_since: Option<Timestamp>,
    pub quiet_since: Option<Timestamp>,
    /// When a sweep has to look at this order again though nothing in it changed.
    pub look_at: Option<Timestamp>,
    /// For each line of the view, in its order: what is now planned of it.
    pub planned: Vec<Option<Planned>>,
    /// For each line of the view, in its order: the decision in words; `None`: nothing to say.
    pub because: Vec<Option<String>>,
}

/// Decides what becomes of an order's notification.
pub fn plan(view: &OrderView, at: Circumstances) -> Plan {
    let (changed_at, unsettled_since) = settling(view, at);
    let found: Vec<Found> = view.lines.iter().map(|line| Found::of(line, at)).collect();
    let action = if view.recipient.is_some() {
        act(view, &found, changed_at.filter(|_| unsettled_since.is_some()), at)
    } else if view.unsent.is_some() {
        Action::Supersede
    } else {
        Action::Keep
    };
    let made = matches!(action, Action::Create(_) | Action::Amend(_) | Action::Replace(_));
    let stays = matches!(action, Action::Settle { .. }) || action == Action::Keep && view.unsent.is_some();
    // Somebody who was told under another address or order number is quiet from now on.
    let waits = found.iter().any(Found::waits_as_told);
    let quiet_since = if made { Some(at.began) } else { view.quiet_since.or(waits.then_some(at.began)) };
    Plan {
        changed_at,
        unsettled_since,
        quiet_since,
        look_at: view.recipient.as_ref().and_then(|_| look_again(quiet_since, &found, at)),
        planned: found.iter().map(|found| found.planned(made || stays)).collect(),
        because: found.iter().map(|found| found.because(view, &action, unsettled_since.is_none())).collect(),
        action,
    }
}

/// What the unsent notification of kind `kind` would say now; `None`: nothing is left to tell. Delivery compares it
/// with what was planned, right before each try.
pub fn wanted(view: &OrderView, kind: Kind, at: Circumstances) -> Option<Content> {
    let found: Vec<Found> = view.lines.iter().map(|line| Found::of(line, at)).collect();
    news(&found).or_else(|| if kind == Kind::StillWaiting { still_waiting(&found) } else { None })
}

/// When the order last changed, and since when it is unsettled after this look.
fn settling(view: &OrderView, at: Circumstances) -> (Option<Timestamp>, Option<Timestamp>) {
    let changed_at = if view.touched { Some(at.began) } else { view.changed_at };
    let since = if view.touched { view.unsettled_since.or(Some(at.began)) } else { view.unsettled_since };
    let (Some(changed), Some(first)) = (changed_at, since) else { return (changed_at, None) };
    let settle = at.schedule.settle;
    let came_to_rest = at.began >= changed + settle;
    // An order that never comes to rest is told of after ten times the settling time all the same.
    let enough = at.began >= first + settle * 10;
    let settled = at.look != Look::Recheck && (came_to_rest || enough);
    (changed_at, since.filter(|_| !settled))
}

/// Chooses the action; `unsettled` is the last change of an order that has not settled.
fn act(view: &OrderView, found: &[Found], unsettled: Option<Timestamp>, at: Circumstances) -> Action {
    let settled = unsettled.is_none();
    let telling = |content: Content, held: Option<String>| {
        let due_at = due_at(&content, view, unsettled, at);
        Telling { content, settled, held, due_at }
    };
    let Some(unsent) = &view.unsent else {
        if found.iter().any(Found::is_fresh) {
            return news(found).map_or(Action::Keep, |content| Action::Create(telling(content, None)));
        }
        let due = at.schedule.still_waiting_at(view.quiet_since).is_some_and(|due| at.began >= due);
        if due && settled && at.look == Look::Sweep {
            return still_waiting(found).map_or(Action::Keep, |content| Action::Create(telling(content, None)));
        }
        return Action::Keep;
    };
    let content = news(found).or_else(|| still_waiting(found).filter(|_| unsent.content.kind == Kind::StillWaiting));
    match content {
        None => Action::Supersede,
        Some(content) if content == unsent.content => match (unsent.settled, settled) {
            (false, true) => Action::Settle { due_at: due_at(&content, view, unsettled, at) },
            _ => Action::Keep,
        },
        Some(content) if unsent.settled => Action::Replace(telling(content, unsent.held.clone())),
        Some(content) => Action::Amend(telling(content, unsent.held.clone())),
    }
}

/// When a notification with this content may leave.
fn due_at(content: &Content, view: &OrderView, unsettled: Option<Timestamp>, at: Circumstances) -> Timestamp {
    let schedule = at.schedule;
    let settled_at = unsettled.map_or(at.began, |changed| changed + schedule.settle);
    let only_dates = content.lines.iter().flat_map(|line| &line.news).all(|kind| *kind == Kind::DateChanged);
    let free_at = if only_dates { schedule.date_mail_free_at(&view.date_mails, settled_at) } else { settled_at };
    schedule.after_quiet_hours(free_at)
}

/// When the calendar may next have something to say.
fn look_again(quiet_since: Option<Timestamp>, found: &[Found], at: Circumstances) -> Option<Timestamp> {
    let waiting = found.iter().filter(|line| line.waits_as_told());
    // One that is due already waits for a sweep; one that was found now is said.
    let overdue = waiting.clone().filter(|line| line.overdue.is_none()).filter_map(|line| {
        let day = line.view.told.as_ref()?.standing.expected_on?;
        Some(at.schedule.overdue_at(day))
    });
    let update = waiting.clone().next().and_then(|_| at.schedule.still_waiting_at(quiet_since));
    overdue.chain(update).min()
}

/// One line with what is new about it.
struct Found<'a> {
    view: &'a LineView,
    standing: Standing,
    changes: Vec<Change>,
    /// The told day that passed, once the time has come to say so.
    overdue: Option<Date>,
}

impl<'a> Found<'a> {
    fn of(view: &'a LineView, at: Circumstances) -> Found<'a> {
        let today = at.schedule.today(at.began);
        let standing = Standing::of(&view.line, today);
        let mut changes = detect::detect(view.told.as_ref(), &standing, today);
        // Only a sweep that began after it fell due may say so; what one said then stays said.
        let was_said = |day: &Date| view.planned.as_ref().is_some_and(|planned| planned.overdue == Some(*day));
        let overdue = detect::overdue(view.told.as_ref(), &standing, today)
            .filter(|day| at.began >= at.schedule.overdue_at(*day) && (at.look == Look::Sweep || was_said(day)));
        if overdue.is_some() {
            changes.push(Change { kind: Kind::Overdue, quantity: standing.short });
            changes.sort_by_key(|change| change.kind);
        }
        Found { view, standing, changes, overdue }
    }

    /// Waits now, and she knows.
    fn waits_as_told(&self) -> bool {
        self.standing.status == Status::Backordered && self.view.told.as_ref().is_some_and(|told| told.waited)
    }

    /// Whether the line has news that was not planned before.
    fn is_fresh(&self) -> bool {
        !self.changes.is_empty() && self.view.planned != Some(self.as_planned())
    }

    fn as_planned(&self) -> Planned {
        Planned { standing: self.standing.clone(), overdue: self.overdue }
    }

    /// What is recorded as planned: with a notification that says it, the standing; a line that is again as it was
    /// told starts afresh, so that leaving and coming back is a difference anew.
    fn planned(&self, says: bool) -> Option<Planned> {
        match (self.changes.is_empty(), says) {
            (true, _) => None,
            (false, true) => Some(self.as_planned()),
            (false, false) => self.view.planned.clone(),
        }
    }

    fn content(&self, news: Vec<Kind>) -> ContentLine {
        ContentLine {
            line_id: self.view.line.line_id.clone(),
            quantity: self.changes.first().map_or(self.standing.short, |change| change.quantity),
            news,
            standing: self.standing.clone(),
            previous_expected_on: self.view.told.as_ref().and_then(|told| told.standing.expected_on),
            terms: Terms::default(),
            answer: None,
        }
    }

    /// The decision about this line, in words for staff.
    fn because(&self, view: &OrderView, action: &Action, settled: bool) -> Option<String> {
        let kinds: Vec<&str> = self.changes.iter().map(|change| change.kind.word()).collect();
        let kinds = kinds.join(" and ");
        if self.changes.is_empty() {
            return view
                .touched
                .then(|| "no news: it stands as she was told, or she was never told that it waits".into());
        }
        Some(match action {
            _ if view.recipient.is_none() => format!("{kinds}: the line has no e-mail address, so nobody can be told"),
            Action::Create(telling) if telling.settled => format!("{kinds}: a notification is made"),
            Action::Create(_) => format!("{kinds}: a notification is made; it waits until the order has settled"),
            Action::Amend(_) => format!("{kinds}: the settling notification is amended"),
            Action::Replace(_) => format!("{kinds}: a newer notification takes over the unsent one"),
            Action::Settle { .. } => format!("{kinds}: the order has settled, its notification may leave"),
            Action::Supersede | Action::Keep if view.touched && settled => {
                format!("{kinds}: planned before and unchanged since, so there is no other notification")
            }
            Action::Supersede | Action::Keep => return None,
        })
    }
}

/// All untold news of an order with its other waiting lines; `None`: there is no news.
fn news(found: &[Found]) -> Option<Content> {
    let told = |line: &Found| line.changes.iter().map(|change| change.kind).collect();
    let mut lines: Vec<ContentLine> =
        found.iter().filter(|line| !line.changes.is_empty()).map(|line| line.content(told(line))).collect();
    let kind = lines.iter().filter_map(|line| line.news.first()).min().copied()?;
    lines.sort_by_key(|line| line.news.first().copied());
    let unchanged = found.iter().filter(|line| line.changes.is_empty() && line.waits_as_told());
    lines.extend(unchanged.map(|line| line.content(Vec::new())));
    Some(Content { kind, lines })
}

/// "Still waiting" for every line that waits; `None`: none does.
fn still_waiting(found: &[Found]) -> Option<Content> {
    let waiting = found.iter().filter(|line| line.waits_as_told());
    let lines: Vec<ContentLine> = waiting.map(|line| line.content(vec![Kind::StillWaiting])).collect();
    (!lines.is_empty()).then_some(Content { kind: Kind::StillWaiting, lines })
}
