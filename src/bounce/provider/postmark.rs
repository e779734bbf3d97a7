//! Postmark's bounce and spam complaint webhooks. Postmark changes `Message-ID`, and its own `MessageID` is not ours: the
//! webhook has to include the content, whose headers are searched; or the mail has `backorderd-id` as metadata.

use serde_json::Value;

use super::{Heard, heard, permanent, text};
use crate::bounce::diagnosis::holds_reply;
use crate::bounce::report::names_in_dump;
use crate::bounce::{Name, Returned, Verdict, address_line, one_line};

pub(super) fn read(event: &Value) -> Heard {
    // Without a code in it Postmark is believed.
    let details = text(event, "/Details").filter(|details| holds_reply(details));
    let verdict = match (text(event, "/RecordType"), text(event, "/Type").unwrap_or_default()) {
        (Some("SpamComplaint"), _) | (_, "SpamComplaint") => Verdict::Complaint,
        (Some("Bounce"), "HardBounce" | "BadEmailAddress") => permanent(None, details),
        // Postmark tries again by itself.
        (Some("Bounce"), "Transient") => Verdict::Soft,
        (
            Some("Bounce"),
            "AutoResponder" | "AddressChange" | "ChallengeVerification" | "OpenRelayTest" | "Subscribe" | "Unsubscribe",
        ) => return Heard::Nothing,
        (Some("Bounce"), _) => Verdict::Undelivered,
        _ => return Heard::Nothing,
    };
    let of_metadata = text(event, "/Metadata/backorderd-id").and_then(Name::of_id);
    let of_content = text(event, "/Content").map(|content| names_in_dump(content.as_bytes())).unwrap_or_default();
    let words = [text(event, "/Type"), text(event, "/Details"), text(event, "/Description")];
    heard(Returned {
        names: of_metadata.into_iter().chain(of_content).collect(),
        verdict,
        recipient: text(event, "/Email").map(address_line),
        reason: one_line(&words.into_iter().flatten().collect::<Vec<_>>().join(": ")),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const ID: &str = "019ab69f-0c10-7b22-8f5e-6d1b7a3e9c40";

    fn event(record: &str, kind: &str) -> Value {
        json!({"RecordType": record, "Type": kind, "MessageID": "883953f4-6105-42a2-a16a-77a8eac79483", "Email": "a@b.example",
            "Details": "smtp;550 5.1.1 no such user", "Content": format!("From: x\r\n\r\nSubject: y\r\nX-Backorderd-Id: {ID}\r\n")})
    }

    #[test]
    fn the_content_names_the_notification_and_postmarks_own_id_does_not() {
        let Heard::Returned(returned) = read(&event("Bounce", "HardBounce")) else { panic!() };
        assert_eq!(returned.names, [Name::of_id(ID).unwrap()]);
        assert_eq!(returned.reason, "HardBounce: smtp;550 5.1.1 no such user");
        let mut bare = event("Bounce", "HardBounce");
        bare["Content"] = json!("");
        assert_eq!(read(&bare), Heard::Unnamed);
        bare["Metadata"] = json!({"backorderd-id": ID});
        assert!(matches!(read(&bare), Heard::Returned(_)));
    }

    #[test]
    fn a_bounce_that_postmark_calls_hard_is_held_against_its_codes() {
        let mut policy = event("Bounce", "HardBounce");
        policy["Details"] = json!("smtp;550 5.7.1 message refused by policy");
        assert!(matches!(read(&policy), Heard::Returned(Returned { verdict: Verdict::Undelivered, .. })));
        policy["Details"] = json!("action: failed");
        assert!(matches!(read(&policy), Heard::Returned(Returned { verdict: Verdict::Hard, .. })), "it is believed");
    }

    #[test]
    fn each_type_has_its_meaning() {
        let table = [
            ("Bounce", "HardBounce", Some(Verdict::Hard)),
            ("Bounce", "BadEmailAddress", Some(Verdict::Hard)),
            ("Bounce", "SoftBounce", Some(Verdict::Undelivered)),
            ("Bounce", "SpamNotification", Some(Verdict::Undelivered)),
            ("Bounce", "Transient", Some(Verdict::Soft)),
            ("SpamComplaint", "SpamComplaint", Some(Verdict::Complaint)),
            ("Bounce", "AutoResponder", None),
            ("Delivery", "", None),
        ];
        for (record, kind, expected) in table {
            let verdict = match read(&event(record, kind)) {
                Heard::Returned(returned) => Some(returned.verdict),
                _ => None,
            };
            assert_eq!(verdict, expected, "{record} {kind}");
        }
    }
}
