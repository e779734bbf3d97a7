//! What the hook is sent.
//!
//! In: an answer. Out: JSON, byte for byte the same for the same answer: its `timestamp` is when it was chosen, not
//! when it was sent.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::choice::handover::Outgoing;
use crate::webhook::message;

#[derive(Serialize)]
struct Data<'a> {
    choice_id: Uuid,
    order_id: &'a str,
    order_number: &'a str,
    line_id: &'a str,
    choice: &'static str,
    quantity: Box<RawValue>,
    #[serde(serialize_with = "message::instant")]
    chosen_at: Timestamp,
    by: &'static str,
    notification_id: Option<Uuid>,
    customer_email: &'a str,
}

/// The body of the POST.
pub fn of(answer: &Outgoing) -> Vec<u8> {
    let data = Data {
        choice_id: answer.id,
        order_id: &answer.order_id,
        order_number: &answer.order_number,
        line_id: &answer.line_id,
        choice: answer.choice.word(),
        quantity: message::number(answer.quantity),
        chosen_at: answer.chosen_at,
        by: answer.by.word(),
        notification_id: answer.notification_id,
        customer_email: &answer.customer_email,
    };
    message::body("choice.made", answer.chosen_at, &data)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::choice::{By, Choice};

    #[test]
    fn the_message_holds_the_agreed_keys_in_their_order() {
        let answer = Outgoing {
            id: Uuid::from_u128(1),
            shop_id: "berlin".into(),
            order_id: "100".into(),
            order_number: "S\"100".into(),
            line_id: "7".into(),
            choice: Choice::Cancel,
            quantity: "2.500".parse().unwrap(),
            chosen_at: "2026-11-24T12:00:00Z".parse().unwrap(),
            by: By::Silence,
            notification_id: None,
            customer_email: "ada@example.com".into(),
        };
        let expected = r#"{"type":"choice.made","timestamp":"2026-11-24T12:00:00.000000Z","data":{"choice_id":"00000000-0000-0000-0000-000000000001","order_id":"100","order_number":"S\"100","line_id":"7","choice":"cancel","quantity":2.5,"chosen_at":"2026-11-24T12:00:00.000000Z","by":"silence","notification_id":null,"customer_email":"ada@example.com"}}"#;
        assert_eq!(String::from_utf8(of(&answer)).unwrap(), expected);
    }
}
