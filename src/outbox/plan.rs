//! News becomes notifications: the decision for one order.
//!
//! In: the order as it is recorded now (its lines, what she was told, what is unsent) and the circumstances of the
//! look. Out: what to create, amend or supersede, when to look again, and a sentence for each decision. Pure: the
//! watcher records what is decided here in one transaction with the lines themselves, and delivery asks again right
//! before each try ([`wanted`]) whether the content still holds.

use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp, civil::Date};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::again;
use super::found::Found;
use super::notification::Kind;
use super::saying::{news, still_waiting};
use super::schedule::Schedule;
use crate::choice::Choice;
use crate::promise::deadline::Flag;
use crate::promise::history::History;
use crate::promise::terms::Terms;
use crate::shop::line::Line;
use crate::watch::standing::{Standing, Told};

/// A legal notice leaves at the latest so long before the midnight that ends its last day.
const LAST_CALL: SignedDuration = SignedDuration::from_mins(30);

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
    /// When a sweep was to look at the order again.
    pub look_at: Option<Timestamp>,
    /// Every line of the order that the shop still shows.
    pub lines: Vec<LineView>,
    /// The notification that is queued or held.
    pub unsent: Option<Unsent>,
    /// When date mails of the last seven days were accepted, oldest first.
    pub date_mails: Vec<Timestamp>,
    /// Whether this look found a line of the order new, changed, moved or gone.
    pub touched: bool,
}

/// Finds lines by their ids, also those of an order that has very many.
pub fn by_id<'a>(lines: &'a [LineView]) -> impl Fn(&str) -> Option<&'a LineView> {
    const FEW: usize = 16;
    let many = if lines.len() > FEW { lines } else { &[] };
    let places: HashMap<&str, &LineView> = many.iter().map(|view| (view.line.line_id.as_str(), view)).collect();
    move |line_id| match lines.len() {
        0..=FEW => lines.iter().find(|view| view.line.line_id == line_id),
        _ => places.get(line_id).copied(),
    }
}

/// A line, what she was told of it, and what was last planned about it.
#[derive(Clone, Debug)]
pub struct LineView {
    pub line: Line,
    pub told: Option<Told>,
    /// The notification that told it; `None`: the baseline did, or nobody.
    pub told_by: Option<Uuid>,
    pub planned: Option<Planned>,
    /// What the delay rules count from.
    pub history: History,
}

/// The standing that the last notification about a line was planned from, whatever became of that notification.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Planned {
    pub standing: Standing,
    /// The passed day that an `overdue` spoke of.
    pub overdue: Option<Date>,
    /// The last day of the notice that was owed at its noon.
    #[serde(default)]
    pub noticed: Option<Date>,
    /// The last day before silence cancels, that a `reply_needed` spoke of.
    #[serde(default)]
    pub reminded: Option<Date>,
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
    /// Staff had it said again: it tells no news.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub again: bool,
}

impl Content {
    /// Whether the calendar alone brought it: such mails do not count as a flood.
    pub fn is_of_the_calendar(&self) -> bool {
        self.lines.iter().flat_map(|line| &line.news).all(|kind| kind.is_of_the_calendar())
    }

    /// When it has to leave at the latest, as it holds an option notice: 23:30 of its last day.
    pub fn leave_by(&self) -> Option<Timestamp> {
        self.expires_at().map(|midnight| midnight - LAST_CALL)
    }

    /// The midnight from which an option notice in it is too late.
    pub fn expires_at(&self) -> Option<Timestamp> {
        self.lines.iter().filter_map(|line| line.expires_at).min()
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
    /// Of an option notice: the midnight from which it is too late.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// The answer that it acknowledges, or that the shop refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<Answered>,
    /// Of a line that silence cancelled: the last day on which she could have answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub silent_until: Option<Date>,
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
    /// It is too late for the option notice in it; the facts are still told.
    Expire(Option<Telling>),
}

impl Action {
    /// What is to be written down, if something is.
    pub fn telling(&self) -> Option<&Telling> {
        match self {
            Action::Create(telling) | Action::Amend(telling) | Action::Replace(telling) => Some(telling),
            Action::Expire(telling) => telling.as_ref(),
            Action::Keep | Action::Settle { .. } | Action::Supersede => None,
        }
    }
}

/// A notification to be written down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Telling {
    pub content: Content,
    pub settled: bool,
    /// Why it is held: what it replaces was, or staff must see it first.
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
    /// Lines that silence cancels now.
    pub silent: Vec<Silent>,
    /// Lines that are ready and must ship today, or the promise is broken.
    pub alarms: Vec<String>,
}

/// A line that silence cancels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Silent {
    pub line_id: String,
    /// The notice that said so.
    pub notice: Option<Uuid>,
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
    let made = action.telling().is_some();
    let stays = matches!(action, Action::Settle { .. }) || action == Action::Keep && view.unsent.is_some();
    // Somebody who was told under another address or order number is quiet from now on.
    let waits = found.iter().any(Found::waits_as_told);
    let quiet_since = if made { Some(at.began) } else { view.quiet_since.or(waits.then_some(at.began)) };
    let sweeps = at.look == Look::Sweep;
    Plan {
        changed_at,
        unsettled_since,
        quiet_since,
        look_at: look_again(view, quiet_since, &found, &action, at),
        planned: found.iter().map(|found| found.planned(made || stays)).collect(),
        because: found.iter().map(|found| found.because(view, &action, unsettled_since.is_none())).collect(),
        silent: found.iter().filter(|_| sweeps).filter_map(Found::silent).collect(),
        alarms: found.iter().filter(|found| sweeps && found.owed.alarm).map(Found::line_id).collect(),
        action,
    }
}

/// What the unsent notification that was to say `planned` would say now; `None`: nothing is left to tell. Delivery
/// compares the two, right before each try.
pub fn wanted(view: &OrderView, planned: &Content, at: Circumstances) -> Option<Content> {
    let found: Vec<Found> = view.lines.iter().map(|line| Found::of(line, at)).collect();
    wanted_of(&found, planned)
}

fn wanted_of(found: &[Found], planned: &Content) -> Option<Content> {
    news(found).or_else(|| match planned.kind {
        _ if planned.again => again::again(found, planned),
        Kind::StillWaiting => still_waiting(found),
        _ => None,
    })
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
    // Settling yields to a legal deadline.
    let rests = |content: &Content| {
        let cannot_wait = |changed: Timestamp| content.leave_by().is_some_and(|by| by < changed + at.schedule.settle);
        unsettled.is_none_or(cannot_wait)
    };
    let telling = |content: Content, held: Option<String>| {
        let settled = rests(&content);
        let due_at = due_at(&content, view, unsettled, at);
        Telling { content, settled, held, due_at }
    };
    let anew = |content: Content| telling(content, must_be_seen(found));
    let Some(unsent) = &view.unsent else {
        if found.iter().any(Found::is_fresh) {
            return news(found).map_or(Action::Keep, |content| Action::Create(anew(content)));
        }
        let due = at.schedule.still_waiting_at(view.quiet_since).is_some_and(|due| at.began >= due);
        if due && unsettled.is_none() && at.look == Look::Sweep {
            return still_waiting(found).map_or(Action::Keep, |content| Action::Create(anew(content)));
        }
        return Action::Keep;
    };
    if unsent.content.expires_at().is_some_and(|midnight| midnight <= at.began) {
        return Action::Expire(news(found).or_else(|| still_waiting(found)).map(anew));
    }
    // What staff let go stays free.
    let held = || unsent.held.clone().or_else(|| must_be_seen(found).filter(|_| !unsent.released));
    match wanted_of(found, &unsent.content) {
        None => Action::Supersede,
        Some(content) if content == unsent.content => match (unsent.settled, rests(&content)) {
            (false, true) => Action::Settle { due_at: due_at(&content, view, unsettled, at) },
            _ => Action::Keep,
        },
        Some(content) if unsent.settled => Action::Replace(telling(content, held())),
        Some(content) => Action::Amend(telling(content, held())),
    }
}

/// Why staff must see the notification before the customer does; `None`: it may leave.
pub(super) fn must_be_seen(found: &[Found]) -> Option<String> {
    let reason = |line: &Found| {
        let line_id = line.line_id();
        Some(if line.hold? == Flag::NoReason {
            format!(
                "no_reason: the date of line {line_id} is unknown and no reason is given; enter one in the shop or in [rules] reason"
            )
        } else {
            let owed = if line.owes_refund() { ", and a refund is owed" } else { "" };
            format!(
                "notice_late: the time to offer a choice for line {line_id} is over{owed}; see `backorderd deadlines`"
            )
        })
    };
    found.iter().filter(|line| line.is_told()).find_map(reason)
}

/// When a notification with this content may leave.
fn due_at(content: &Content, view: &OrderView, unsettled: Option<Timestamp>, at: Circumstances) -> Timestamp {
    let schedule = at.schedule;
    let settled_at = unsettled.map_or(at.began, |changed| changed + schedule.settle);
    let only_dates = content.lines.iter().flat_map(|line| &line.news).all(|kind| *kind == Kind::DateChanged);
    let leave_by = content.leave_by();
    // The limit of date mails does not hold for legal notices.
    let free_at = match leave_by {
        None if only_dates => schedule.date_mail_free_at(&view.date_mails, settled_at),
        _ => settled_at,
    };
    let due_at = schedule.after_quiet_hours(free_at);
    leave_by.map_or(due_at, |by| due_at.min(by))
}

/// When the calendar may next have something to say.
pub(super) fn look_again(
    view: &OrderView,
    quiet_since: Option<Timestamp>,
    found: &[Found],
    action: &Action,
    at: Circumstances,
) -> Option<Timestamp> {
    let told = found.iter().filter(|line| view.recipient.is_some() && line.waits_as_told());
    // One that is due already waits for a sweep; one that was found now is said.
    let overdue = told.clone().filter(|line| line.overdue.is_none()).filter_map(|line| {
        let day = line.view.told.as_ref()?.standing.expected_on?;
        Some(at.schedule.overdue_at(day))
    });
    let update = told.clone().next().and_then(|_| at.schedule.still_waiting_at(quiet_since));
    let by_law = found.iter().filter_map(|line| line.owed.look_at);
    let unsent =
        action.telling().map(|telling| &telling.content).or(view.unsent.as_ref().map(|unsent| &unsent.content));
    let expires_at = unsent.and_then(Content::expires_at);
    // What fell due before a poll is still to be decided by a sweep.
    let missed = view.look_at.filter(|look_at| at.look != Look::Sweep && *look_at <= at.began);
    overdue.chain(update).chain(by_law).chain(expires_at).chain(missed).min()
}
