//! What was said is said once more, because staff asked for it: today's state, to whom the order belongs today.
//!
//! In: the order as it is recorded now and what a notification said of it. Out: a plan that makes another one, or none
//! where nothing is left to say. News that is still untold comes first; then it is the very news that was said, of the
//! lines that stand as they did; of others that wait it is that they still wait. Pure.

use super::found::Found;
use super::notification::Kind;
use super::plan::{Action, Circumstances, Content, ContentLine, OrderView, Plan, Telling, look_again, must_be_seen};
use super::saying::{news, still_waiting};

/// Plans a notification that says `said` again; `None`: nothing of it is left to say.
pub fn resend(view: &OrderView, said: &Content, at: Circumstances) -> Option<Plan> {
    let found: Vec<Found> = view.lines.iter().map(|line| Found::of(line, at)).collect();
    let content = news(&found).or_else(|| again(&found, said))?;
    // A choice that may not be offered any more, or a reason that is missing, is still for staff to see first.
    let action = Action::Create(Telling { content, settled: true, held: must_be_seen(&found), due_at: at.began });
    let quiet_since = Some(at.began);
    Some(Plan {
        changed_at: view.changed_at,
        unsettled_since: view.unsettled_since,
        quiet_since,
        look_at: look_again(view, quiet_since, &found, &action, at),
        planned: found.iter().map(|found| found.planned(true)).collect(),
        because: found.iter().map(|found| said_again(found, said)).collect(),
        silent: Vec::new(),
        alarms: Vec::new(),
        action,
    })
}

/// What says `said` again; saying that again says the same, while the lines stand as they do.
pub(super) fn again(found: &[Found], said: &Content) -> Option<Content> {
    let line = |before: &ContentLine| {
        let line = found.iter().find(|line| line.view.line.line_id == before.line_id)?;
        let news = line.still_true(&before.news, &before.standing);
        (!news.is_empty()).then(|| ContentLine {
            quantity: before.quantity,
            previous_expected_on: before.previous_expected_on,
            silent_until: before.silent_until,
            ..line.content(news)
        })
    };
    let mut lines: Vec<ContentLine> = said.lines.iter().filter_map(line).collect();
    let Some(kind) = lines.iter().filter_map(|line| line.news.first()).min().copied() else {
        return still_waiting(found).map(|content| Content { again: true, ..content });
    };
    // A line of which nothing is true any more waits with the others.
    let named: Vec<String> = lines.iter().map(|line| line.line_id.clone()).collect();
    let others = found.iter().filter(|line| line.waits_as_told() && !named.contains(&line.line_id()));
    lines.extend(others.map(|line| line.content(Vec::new())));
    Some(Content { kind, lines, again: true })
}

fn said_again(found: &Found, said: &Content) -> Option<String> {
    let is_named = said.lines.iter().any(|line| line.line_id == found.view.line.line_id);
    let kind: Kind = said.kind;
    is_named.then(|| format!("staff had it told again: {}", kind.word()))
}
