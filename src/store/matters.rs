//! What staff have to see of an answer, as tasks: what only they can do, and what the shop did not do.
//!
//! In: an answer. Out: a task about its line, in words. Each is of one kind and ends by itself where the feed, or a
//! later hand-over, shows that nothing is left to do.

use crate::choice::handover::Outgoing;
use crate::choice::{By, Choice};

use super::tasks::NewTask;

/// A cancel that nothing is set up to carry to the shop.
pub(super) const TO_DO: &str = "choice_to_do";
/// Tried for a day, and nobody took it.
pub(super) const NOT_HANDED_OVER: &str = "choice_not_handed_over";
/// The shop refused it.
pub(super) const REFUSED: &str = "choice_refused";
/// Handed over, and nothing shows that it was done.
pub(super) const UNCONFIRMED: &str = "choice_unconfirmed";

/// Every kind that ends when the feed shows the cancel.
pub(super) const ALL: [&str; 4] = [TO_DO, NOT_HANDED_OVER, REFUSED, UNCONFIRMED];
/// The kinds that staff end by doing what the answer says.
pub(super) const ENDED_BY_DOING: [&str; 2] = [TO_DO, UNCONFIRMED];

pub(super) fn to_do(answer: &Outgoing) -> NewTask {
    let reason = format!("{}, and nothing is set up in [choices] that would tell the shop", what(answer));
    let mend = "cancel it in the shop; the task ends when the feed shows it, or with `backorderd tasks done`";
    task(TO_DO, answer, reason, mend)
}

pub(super) fn refused(answer: &Outgoing, reason: &str) -> NewTask {
    let mend = match answer.by {
        By::Silence => "nobody was told: decide what becomes of the line; see `backorderd deadlines` for what is owed",
        By::Customer | By::Staff => "the customer was told that support will write: write to her, and end the task",
    };
    task(REFUSED, answer, format!("{}, and the shop refused it: {reason}", what(answer)), mend)
}

pub(super) fn not_handed_over(answer: &Outgoing, problem: &str) -> NewTask {
    let reason = format!("{}, and for a day nobody in the shop could take it: {problem}", what(answer));
    let mend = "mend what the reason names; it is tried again and again, and the task ends when it is handed over";
    task(NOT_HANDED_OVER, answer, reason, mend)
}

pub(super) fn unconfirmed(answer: &Outgoing) -> NewTask {
    let (reason, mend) = match answer.choice {
        Choice::Cancel => (
            "it was handed over, and the feed does not show it",
            "cancel it in the shop; the task ends when the feed shows it, or with `backorderd tasks done`",
        ),
        Choice::Wait => (
            "the statement for it changed no row, so nothing shows that the shop has it",
            "look at `wait` of [choices.sql], see to it in the shop, and end the task with `backorderd tasks done`",
        ),
    };
    task(UNCONFIRMED, answer, format!("{}; {reason}", what(answer)), mend)
}

fn task(kind: &'static str, answer: &Outgoing, reason: String, mend: &str) -> NewTask {
    let (shop_id, subject) = (answer.shop_id.clone(), answer.line_id.clone());
    NewTask { kind, shop_id, subject, reason, mend: mend.to_owned() }
}

/// As in "the customer cancelled line A1 of order S1 (quantity 2) on 2027-01-12 15:00 UTC".
fn what(answer: &Outgoing) -> String {
    let Outgoing { line_id, order_number, quantity, chosen_at, .. } = answer;
    let did = match (answer.by, answer.choice) {
        (By::Customer, Choice::Cancel) => "the customer cancelled",
        (By::Customer, Choice::Wait) => "the customer chose to wait for",
        (By::Silence, _) => "silence cancelled",
        (By::Staff, Choice::Cancel) => "staff cancelled for the customer",
        (By::Staff, Choice::Wait) => "staff chose for the customer to wait for",
    };
    let at = chosen_at.strftime("%Y-%m-%d %H:%M UTC");
    format!("{did} line {line_id} of order {order_number} (quantity {quantity}) on {at}")
}
