//! What a link reaches becomes what its page says. Pure.

use jiff::Timestamp;
use jiff::civil::Date;

use super::super::Web;
use super::Preselected;
use crate::choice::Choice;
use crate::choice::decide::{Asked, Decision, Recorded, Seen, decide};
use crate::promise::calendar::Calendar;
use crate::promise::case::{Case, Ended};
use crate::promise::deadline::{Answered, Deadline};
use crate::promise::terms::Silence;
use crate::render::draft::DateMeaning;
use crate::render::page::facts::{AnswerFacts, Became, LineFacts, OrderFacts, SilenceFacts, SpokenOf, Stands, Wanted};
use crate::shop::line::{RuleSet, Status};
use crate::store::choices::ChoiceState;
use crate::store::reach::{Reach, Reached};

/// What the decision about an answer is made from.
pub fn recorded<'a>(line: &'a Reached, case: &Case<'_>) -> Recorded<'a> {
    Recorded {
        status: line.line.status(),
        gone: line.gone,
        told_by: line.told_by,
        answers: &line.history.answers,
        takes_wait: case.takes_wait(),
    }
}

/// The page of an order.
pub fn order_facts(web: &Web, reach: &Reach, preselected: &Preselected, now: Timestamp) -> OrderFacts {
    let calendar = web.calendar(&reach.order.shop_id);
    let named = |line: &Reached| preselected.line.as_ref() == Some(&line.line.line_id);
    let mut shown: Vec<&Reached> = reach.lines.iter().filter(|line| has_waited(line) || named(line)).collect();
    shown.sort_by_key(|line| match stands(line) {
        Stands::Waiting => 0,
        Stands::Ready => 1,
        Stands::Cancelling => 2,
        Stands::Shipped | Stands::Cancelled | Stands::Gone => 3,
    });
    let spoken_of = shown.iter().position(|line| named(line)).map(|place| {
        let line = shown[place];
        let wanted = preselected.want.as_deref().and_then(Choice::of_word);
        let case = Case::new(&line.history, &line.line, now, calendar);
        let seen = Seen::of_field(preselected.seen.as_deref());
        let wanted = wanted.map(|choice| match decide(Asked { choice, seen }, recorded(line, &case)) {
            Decision::Taken { .. } => Wanted::Confirm(choice),
            Decision::Nothing => Wanted::Recorded(choice),
            Decision::NotTaken(why) => Wanted::NotTaken(why),
        });
        SpokenOf { line: place, wanted }
    });
    OrderFacts {
        order_number: reach.order.order_number.clone(),
        lines: shown.into_iter().map(|line| line_facts(line, now, calendar)).collect(),
        spoken_of,
    }
}

/// Whether the line is one of those that she waits for, or did.
fn has_waited(line: &Reached) -> bool {
    let told = line.told.as_ref().is_some_and(|told| told.waited);
    let waits = !line.gone && line.line.status() == Status::Backordered;
    waits || told || line.history.backordered_on.is_some() || !line.given.is_empty()
}

fn stands(line: &Reached) -> Stands {
    match line.line.status() {
        _ if line.gone => Stands::Gone,
        Status::Backordered | Status::Ready if line.history.standing_cancel().is_some() => Stands::Cancelling,
        Status::Backordered => Stands::Waiting,
        Status::Ready => Stands::Ready,
        Status::Shipped => Stands::Shipped,
        Status::Cancelled => Stands::Cancelled,
    }
}

fn line_facts(line: &Reached, now: Timestamp, calendar: Calendar<'_>) -> LineFacts {
    let case = Case::new(&line.history, &line.line, now, calendar);
    let (terms, deadline) = (case.terms(), case.deadline());
    let may = |choice| {
        let asked = Asked { choice, seen: line.told_by.map_or(Seen::Nothing, Seen::Notice) };
        matches!(decide(asked, recorded(line, &case)), Decision::Taken { .. })
    };
    let silence = silence(line, &case, deadline.as_ref());
    let wait_helps = terms.asks || matches!(silence, SilenceFacts::Cancels(_));
    let may_wait = may(Choice::Wait) && wait_helps;
    let stands = stands(line);
    let shown = &line.line;
    let reason = shown.delay_reason.clone().or(terms.reason).filter(|_| stands == Stands::Waiting);
    let in_force = deadline.as_ref().filter(|deadline| deadline.stage.is_option());
    LineFacts {
        line_id: shown.line_id.clone(),
        seen: Seen::field(line.told_by),
        product_name: shown.product_name.clone(),
        product_url: shown.product_url.clone(),
        image_url: shown.image_url.clone(),
        sku: shown.sku.clone(),
        stands,
        open: shown.open(),
        short: shown.short(),
        expected_by: case.expected(),
        meaning: match line.history.clock.rules {
            RuleSet::UsFtc => DateMeaning::Shipping,
            RuleSet::Uk | RuleSet::Eu => DateMeaning::Delivery,
            RuleSet::None => DateMeaning::Expected,
        },
        reason,
        told_on: line.told_by.and(line.told.as_ref()).map(|told| calendar.day(told.at)),
        told_before: line.told_times > 1,
        answer: latest_answer(line, may_wait, calendar),
        silence,
        wait_agrees_to: in_force.map(|deadline| deadline.revised_to),
        may_wait,
        may_cancel: may(Choice::Cancel),
    }
}

fn latest_answer(line: &Reached, may_wait: bool, calendar: Calendar<'_>) -> Option<AnswerFacts> {
    let given = line.given.iter().rfind(|given| given.answer.is_hers())?;
    let answer = given.answer;
    let overtaken = answer.choice == Choice::Wait && answer.notice != line.told_by && may_wait;
    Some(AnswerFacts {
        choice: answer.choice,
        at: answer.at.to_zoned(calendar.zone.clone()),
        became: match given.state {
            ChoiceState::Refused => Became::Refused(given.reason.clone()),
            ChoiceState::Open | ChoiceState::Done | ChoiceState::Dropped if overtaken => Became::Overtaken,
            ChoiceState::Open | ChoiceState::Done | ChoiceState::Dropped if answer.taken => Became::Taken,
            ChoiceState::Open | ChoiceState::Done | ChoiceState::Dropped => Became::Recorded,
        },
    })
}

/// What silence means now, by the notice in force: not by the one that the next mail will be, which nobody has told her.
fn silence(line: &Reached, case: &Case<'_>, deadline: Option<&Deadline>) -> SilenceFacts {
    if !line.is_open() || case.ended() == Some(Ended::ByAnswer) {
        return SilenceFacts::Unsaid;
    }
    let deadline = deadline.filter(|_| line.history.clock.rules == RuleSet::UsFtc);
    if let Some(said) = deadline.and_then(|deadline| of_notice(deadline, case.today())) {
        return said;
    }
    // What she was promised or agreed to and did not come is told by the next mail, and not by this page.
    let lapsed = deadline.is_some_and(|deadline| {
        deadline.stage.is_option() || deadline.promised_by.is_some_and(|day| day < case.today())
    });
    let answered = line.history.standing_answer().is_some_and(|answer| answer.notice == line.told_by);
    match stands(line) {
        Stands::Ready => SilenceFacts::Unsaid,
        _ if lapsed => SilenceFacts::Unsaid,
        _ if answered => SilenceFacts::Answered,
        _ => SilenceFacts::Nothing,
    }
}

/// What an option notice said of silence, or what she agreed to; `None`: it is past, or there is no such notice.
fn of_notice(deadline: &Deadline, today: Date) -> Option<SilenceFacts> {
    let ahead = |day: Date| (day >= today).then_some(day);
    match (deadline.silence, deadline.answer) {
        _ if !deadline.stage.is_option() => None,
        (_, Answered::Wait) => match deadline.revised_to {
            None => Some(SilenceFacts::Agreed(None)),
            Some(day) => ahead(day).map(|day| SilenceFacts::Agreed(Some(day))),
        },
        (Silence::Cancels, _) => {
            let last_day = deadline.cancels_after?;
            Some(ahead(last_day).map_or(SilenceFacts::Over(last_day), SilenceFacts::Cancels))
        }
        (Silence::Consent, _) => deadline.revised_to.and_then(ahead).map(SilenceFacts::Consent),
        (Silence::NoEffect, _) => None,
    }
}
