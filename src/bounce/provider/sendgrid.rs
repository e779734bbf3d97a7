//! SendGrid's event webhook: lists of events, each with the mail's own `Message-ID` as `smtp-id`.

use serde_json::Value;

use super::{Heard, heard, permanent, text};
use crate::bounce::{Name, Returned, Verdict, address_line, one_line};

pub(super) fn read(event: &Value) -> Heard {
    let reason = text(event, "/reason").or(text(event, "/response"));
    let verdict = match (text(event, "/event"), text(event, "/type")) {
        // Refused by policy: the address may be sound.
        (Some("bounce"), Some("blocked")) => Verdict::Undelivered,
        (Some("bounce"), _) => permanent(text(event, "/status"), reason),
        // SendGrid did not even try.
        (Some("dropped"), _) if matches!(reason, Some("Bounced Address" | "Invalid")) => Verdict::Hard,
        (Some("dropped"), _) => Verdict::Undelivered,
        (Some("deferred"), _) => Verdict::Soft,
        (Some("spamreport"), _) => Verdict::Complaint,
        _ => return Heard::Nothing,
    };
    let of_id = text(event, "/backorderd_id").and_then(Name::of_id);
    let of_message = text(event, "/smtp-id").and_then(Name::of_message_id);
    let words = [text(event, "/event"), text(event, "/status"), reason];
    heard(Returned {
        names: of_id.into_iter().chain(of_message).collect(),
        verdict,
        recipient: text(event, "/email").map(address_line),
        reason: one_line(&words.into_iter().flatten().collect::<Vec<_>>().join(" ")),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::Provider;
    use super::*;

    #[test]
    fn each_event_of_a_list_has_its_meaning() {
        use Verdict::*;
        let id = "<019ab69f-0c10-7b22-8f5e-6d1b7a3e9c40@shop.example>";
        let event = |event: &str, kind: &str, status: &str, reason: &str| json!({"email": "a@b.example", "event": event, "type": kind, "status": status, "reason": reason, "smtp-id": id});
        let events = json!([
            event("bounce", "bounce", "5.1.1", "550 5.1.1 no such user"),
            event("bounce", "bounce", "5.2.2", "552 5.2.2 full"),
            event("bounce", "blocked", "5.1.1", "550 listed"),
            event("dropped", "", "", "Bounced Address"),
            event("dropped", "", "", "Spam Content"),
            event("deferred", "", "", "450 later"),
            event("spamreport", "", "", ""),
            event("delivered", "", "", ""),
            {"event": "bounce", "type": "bounce"},
        ]);
        let heard = Provider::SendGrid.read(events.to_string().as_bytes()).unwrap();
        let verdicts: Vec<Option<Verdict>> = heard
            .iter()
            .map(|heard| if let Heard::Returned(returned) = heard { Some(returned.verdict) } else { None })
            .collect();
        let some = [Hard, Undelivered, Undelivered, Hard, Undelivered, Soft, Complaint].map(Some);
        assert_eq!(verdicts, [&some[..], &[None, None]].concat());
        assert_eq!(heard[7..], [Heard::Nothing, Heard::Unnamed]);
    }
}
