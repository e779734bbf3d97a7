//! Mailgun's webhooks: one event in `event-data`, with the mail's own `Message-ID`.

use serde_json::Value;

use super::{Heard, heard, permanent, text};
use crate::bounce::{Name, Returned, Verdict, one_line};

/// Mailgun's own codes for addresses that it sends to no more, because they bounced.
const BOUNCED_BEFORE: u64 = 605;

pub(super) fn read(event: &Value) -> Heard {
    let Some(event) = event.get("event-data") else { return Heard::Nothing };
    let code = event.pointer("/delivery-status/code").and_then(Value::as_u64);
    let words = text(event, "/delivery-status/message").or(text(event, "/delivery-status/description"));
    let verdict = match (text(event, "/event"), text(event, "/severity")) {
        (Some("failed"), Some("temporary")) => Verdict::Soft,
        (Some("failed"), _) if code == Some(BOUNCED_BEFORE) || text(event, "/reason") == Some("suppress-bounce") => {
            Verdict::Hard
        }
        (Some("failed"), _) => {
            let code = code.map(|code| code.to_string()).unwrap_or_default();
            // The message may begin with the code itself.
            let words = words.unwrap_or_default();
            let diagnosis = if words.starts_with(&code) { words.to_owned() } else { format!("{code} {words}") };
            permanent(text(event, "/delivery-status/enhanced-code"), Some(&diagnosis))
        }
        (Some("complained"), _) => Verdict::Complaint,
        _ => return Heard::Nothing,
    };
    let of_id = text(event, "/user-variables/backorderd-id").and_then(Name::of_id);
    let of_message = text(event, "/message/headers/message-id").and_then(Name::of_message_id);
    let reason = [text(event, "/event"), text(event, "/severity"), words].into_iter().flatten().collect::<Vec<_>>();
    heard(Returned {
        names: of_id.into_iter().chain(of_message).collect(),
        verdict,
        recipient: text(event, "/recipient").map(one_line),
        reason: one_line(&reason.join(" ")),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn verdict(event: &str, severity: &str, code: u64, message: &str) -> Option<Verdict> {
        let event = json!({"signature": {"token": "x"}, "event-data": {"event": event, "severity": severity,
            "recipient": "a@b.example", "delivery-status": {"code": code, "message": message},
            "message": {"headers": {"message-id": "019ab69f-0c10-7b22-8f5e-6d1b7a3e9c40@shop.example"}}}});
        match read(&event) {
            Heard::Returned(returned) => Some(returned.verdict),
            _ => None,
        }
    }

    #[test]
    fn each_event_has_its_meaning() {
        assert_eq!(verdict("failed", "permanent", 550, "5.1.1 no such user"), Some(Verdict::Hard));
        assert_eq!(verdict("failed", "permanent", 550, "550 5.1.1 no such user"), Some(Verdict::Hard));
        assert_eq!(verdict("failed", "permanent", 550, "5.7.1 blocked"), Some(Verdict::Undelivered));
        assert_eq!(
            verdict("failed", "permanent", 605, "Not delivering to previously bounced address"),
            Some(Verdict::Hard)
        );
        assert_eq!(verdict("failed", "permanent", 0, ""), Some(Verdict::Undelivered));
        assert_eq!(verdict("failed", "temporary", 450, "4.2.0 later"), Some(Verdict::Soft));
        assert_eq!(verdict("complained", "", 0, ""), Some(Verdict::Complaint));
        assert_eq!(verdict("delivered", "", 250, "OK"), None);
        assert_eq!(read(&json!({"event": "failed"})), Heard::Nothing);
    }
}
