//! What the shop's answer to the hook means.
//!
//! In: what became of the POST. Out: taken (2xx), refused (409 with its reason), or failed, to be tried again. The words
//! of a failure are for staff and for the log: they repeat nothing that the shop's side wrote.

use serde::Deserialize;

use crate::choice::handover::Reply;
use crate::webhook::{Answer, Outcome};

/// What the customer and staff read where the shop gave no reason.
const NO_REASON: &str = "the shop gave no reason";

#[derive(Deserialize)]
struct Refusal {
    reason: String,
}

/// What the shop's side says by this outcome.
pub fn of(outcome: Outcome) -> Reply {
    let Answer { status, wait, body } = match outcome {
        Outcome::Answered(answer) => answer,
        Outcome::NotSent { problem } | Outcome::Unknown { problem } => return Reply::Failed { problem, wait: None },
    };
    let hint = match (status, body) {
        (200..=299, _) => return Reply::Taken,
        (409, Some(body)) => return Reply::Refused { reason: reason(&body) },
        (409, None) => ", and broke off before the reason was there",
        (300..=399, _) => "; redirects are not followed: write the address that it leads to into choices.hook_url",
        (401 | 403, _) => "; look whether both sides have the same secret and the same time",
        (404 | 405 | 410, _) => "; look whether choices.hook_url is right",
        _ => "",
    };
    Reply::Failed { problem: format!("it answered {status}{hint}"), wait }
}

fn reason(body: &[u8]) -> String {
    let said = serde_json::from_slice(body).map(|refusal: Refusal| refusal.reason).unwrap_or_default();
    let is_blank = said.chars().all(|letter| letter.is_whitespace() || letter.is_control());
    if is_blank { NO_REASON.to_owned() } else { said }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;

    fn answered(status: u16, body: Option<&str>) -> Reply {
        let wait = Some(SignedDuration::from_secs(7));
        of(Outcome::Answered(Answer { status, wait, body: body.map(|body| body.as_bytes().to_vec()) }))
    }

    #[test]
    fn every_2xx_takes_it_whatever_becomes_of_the_body() {
        for status in [200, 201, 202, 204, 299] {
            for body in [None, Some(""), Some("{\"reason\":\"no\"}")] {
                assert_eq!(answered(status, body), Reply::Taken);
            }
        }
    }

    #[test]
    fn a_409_refuses_it_with_its_reason_or_without_one() {
        let table = [
            (r#"{"reason":"it is on the truck","code":7}"#, "it is on the truck"),
            (r#"{"reason":"\u00fc"}"#, "ü"),
            (r#"{"reason":" \n\u0000"}"#, NO_REASON),
            (r#"{"reason":""}"#, NO_REASON),
            (r#"{"reason":7}"#, NO_REASON),
            (r#"{"why":"no"}"#, NO_REASON),
            (r#"{"reason":"cut"#, NO_REASON),
            ("Conflict", NO_REASON),
            ("", NO_REASON),
        ];
        for (body, reason) in table {
            assert_eq!(answered(409, Some(body)), Reply::Refused { reason: reason.into() }, "{body}");
        }
    }

    #[test]
    fn everything_else_is_tried_again_after_the_wait_that_was_asked_for() {
        let table = [
            (
                302,
                "it answered 302; redirects are not followed: write the address that it leads to into choices.hook_url",
            ),
            (400, "it answered 400"),
            (401, "it answered 401; look whether both sides have the same secret and the same time"),
            (410, "it answered 410; look whether choices.hook_url is right"),
            (429, "it answered 429"),
            (500, "it answered 500"),
            (999, "it answered 999"),
        ];
        let wait = Some(SignedDuration::from_secs(7));
        for (status, words) in table {
            let failed = Reply::Failed { problem: words.into(), wait };
            assert_eq!(answered(status, Some("ada@example.com")), failed);
        }
        let broken = "it answered 409, and broke off before the reason was there";
        assert_eq!(answered(409, None), Reply::Failed { problem: broken.into(), wait });
    }

    #[test]
    fn what_was_not_answered_is_tried_again_whether_or_not_it_left() {
        let problem = || "cannot connect".to_owned();
        let failed = Reply::Failed { problem: problem(), wait: None };
        assert_eq!(of(Outcome::NotSent { problem: problem() }), failed);
        assert_eq!(of(Outcome::Unknown { problem: problem() }), failed);
    }
}
