//! Amazon SES by Amazon SNS: an envelope whose `Message` is the event as a text; or the event alone, where SNS was told
//! to deliver raw messages. SES changes `Message-ID`, so that its topic has to include the original headers.
//!
//! What asks to confirm a subscription is passed on to a person: a `SubscribeURL` is never fetched.

use serde_json::Value;

use super::{BadEvent, Heard, bad, heard, permanent, text};
use crate::bounce::{Name, Returned, Verdict, address_line, one_line};

pub(super) fn read(event: &Value, place: &str) -> Result<Vec<Heard>, BadEvent> {
    match text(event, "/Type") {
        Some("SubscriptionConfirmation") => Ok(vec![confirm(event)]),
        Some("Notification") => {
            let message = text(event, "/Message").ok_or_else(|| bad(&format!("{place}.Message"), "missing"))?;
            // SNS greets a new topic in plain words.
            Ok(serde_json::from_str(message).map_or_else(|_| vec![Heard::Nothing], |event| of_event(&event)))
        }
        Some(_) => Ok(vec![Heard::Nothing]),
        None => Ok(of_event(event)),
    }
}

fn confirm(event: &Value) -> Heard {
    let topic = one_line(text(event, "/TopicArn").unwrap_or("a topic without a name"));
    // No other place is shown to a person to open.
    let of_amazon = |url: &&str| {
        let host = url.strip_prefix("https://").and_then(|rest| rest.split(['/', '?', '#']).next());
        host.is_some_and(|host| host.ends_with(".amazonaws.com") && !host.contains(['@', ':']))
    };
    match text(event, "/SubscribeURL").filter(of_amazon) {
        Some(url) => Heard::Confirm { topic, url: url.chars().filter(char::is_ascii_graphic).collect() },
        None => Heard::Nothing,
    }
}

fn of_event(event: &Value) -> Vec<Heard> {
    let names = names_of(event);
    let returned = |verdict, recipient: Option<&str>, reason: String| {
        let reason = one_line(&reason);
        heard(Returned { names: names.clone(), verdict, recipient: recipient.map(address_line), reason })
    };
    let each = |pointer: &str| event.pointer(pointer).and_then(Value::as_array).cloned().unwrap_or_default();
    match text(event, "/notificationType").or(text(event, "/eventType")) {
        Some("Bounce") => {
            let kind = text(event, "/bounce/bounceType").unwrap_or("Undetermined");
            let subkind = text(event, "/bounce/bounceSubType").unwrap_or_default();
            let bounced = |recipient: &Value| {
                let (status, diagnosis) = (text(recipient, "/status"), text(recipient, "/diagnosticCode"));
                let is_permanent = kind == "Permanent";
                let verdict = if is_permanent { permanent(status, diagnosis) } else { Verdict::Undelivered };
                let words = diagnosis.or(status).unwrap_or_default();
                returned(verdict, text(recipient, "/emailAddress"), format!("{kind} {subkind} {words}"))
            };
            each("/bounce/bouncedRecipients").iter().map(bounced).collect()
        }
        Some("Complaint") => {
            let kind = text(event, "/complaint/complaintFeedbackType").unwrap_or("abuse");
            let complained = |recipient: &Value| {
                returned(Verdict::Complaint, text(recipient, "/emailAddress"), format!("complaint: {kind}"))
            };
            each("/complaint/complainedRecipients").iter().map(complained).collect()
        }
        Some("DeliveryDelay") => {
            let delayed = |recipient: &Value| {
                let words = text(recipient, "/diagnosticCode").unwrap_or_default();
                returned(Verdict::Soft, text(recipient, "/emailAddress"), format!("delayed {words}"))
            };
            each("/deliveryDelay/delayedRecipients").iter().map(delayed).collect()
        }
        _ => vec![Heard::Nothing],
    }
}

/// From the original headers.
fn names_of(event: &Value) -> Vec<Name> {
    let headers = event.pointer("/mail/headers").and_then(Value::as_array);
    let header = |name: &str| {
        let named = |header: &&Value| text(header, "/name").is_some_and(|of| of.eq_ignore_ascii_case(name));
        headers.and_then(|headers| headers.iter().find(named)).and_then(|header| text(header, "/value"))
    };
    let id = header("X-Backorderd-Id").and_then(Name::of_id);
    let message_ids = [header("Message-ID"), text(event, "/mail/commonHeaders/messageId")];
    id.into_iter().chain(message_ids.into_iter().flatten().filter_map(Name::of_message_id)).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::Provider;
    use super::*;

    const ID: &str = "019ab69f-0c10-7b22-8f5e-6d1b7a3e9c40";

    fn bounce(kind: &str, status: &str, headers: &Value) -> Value {
        json!({"notificationType": "Bounce", "mail": {"messageId": "0100-of-ses", "headers": headers},
            "bounce": {"bounceType": kind, "bounceSubType": "General", "bouncedRecipients": [
                {"emailAddress": "a@b.example", "action": "failed", "status": status, "diagnosticCode": format!("smtp; 550 {status} no")}]}})
    }

    fn verdict(event: &Value) -> Option<Verdict> {
        let in_envelope = json!({"Type": "Notification", "TopicArn": "arn:x", "Message": event.to_string()});
        let alone = Provider::Ses.read(event.to_string().as_bytes()).unwrap();
        assert_eq!(alone, Provider::Ses.read(in_envelope.to_string().as_bytes()).unwrap());
        match &alone[..] {
            [Heard::Returned(returned)] => {
                assert_eq!(returned.names[0].id.to_string(), ID);
                Some(returned.verdict)
            }
            _ => None,
        }
    }

    #[test]
    fn bounces_are_read_in_their_envelope_and_without_it() {
        let headers = json!([{"name": "x-backorderd-id", "value": ID}]);
        assert_eq!(verdict(&bounce("Permanent", "5.1.1", &headers)), Some(Verdict::Hard));
        assert_eq!(verdict(&bounce("Permanent", "5.7.1", &headers)), Some(Verdict::Undelivered));
        assert_eq!(verdict(&bounce("Transient", "5.1.1", &headers)), Some(Verdict::Undelivered));
        let complaint = json!({"eventType": "Complaint", "mail": {"commonHeaders": {"messageId": format!("<{ID}@s.example>")}},
            "complaint": {"complaintFeedbackType": "abuse", "complainedRecipients": [{"emailAddress": "a@b.example"}]}});
        assert_eq!(verdict(&complaint), Some(Verdict::Complaint));
        let delay = json!({"eventType": "DeliveryDelay", "mail": {"headers": headers},
            "deliveryDelay": {"delayedRecipients": [{"emailAddress": "a@b.example"}]}});
        assert_eq!(verdict(&delay), Some(Verdict::Soft));
    }

    #[test]
    fn without_the_original_headers_nothing_is_named() {
        let event = bounce("Permanent", "5.1.1", &json!([])).to_string();
        assert_eq!(Provider::Ses.read(event.as_bytes()).unwrap(), [Heard::Unnamed]);
    }

    #[test]
    fn a_subscription_is_passed_on_and_only_to_amazon() {
        let confirm = |url: &str| {
            let event = json!({"Type": "SubscriptionConfirmation", "TopicArn": "arn:aws:sns:eu-west-1:1:bounces", "SubscribeURL": url});
            Provider::Ses.read(event.to_string().as_bytes()).unwrap().remove(0)
        };
        let url = "https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription&Token=1";
        let topic = "arn:aws:sns:eu-west-1:1:bounces".to_owned();
        assert_eq!(confirm(url), Heard::Confirm { topic, url: url.into() });
        for other in [
            "https://evil.example/sns.amazonaws.com",
            "http://sns.eu-west-1.amazonaws.com/",
            "https://x@y.amazonaws.com:1/",
        ] {
            assert_eq!(confirm(other), Heard::Nothing, "{other}");
        }
    }

    #[test]
    fn what_else_comes_is_nothing() {
        for event in [
            json!({"Type": "UnsubscribeConfirmation"}),
            json!({"Type": "Notification", "Message": "Successfully validated SNS topic for Amazon SES event publishing."}),
            json!({"notificationType": "Delivery", "mail": {}}),
            json!({}),
        ] {
            assert_eq!(Provider::Ses.read(event.to_string().as_bytes()).unwrap(), [Heard::Nothing], "{event}");
        }
    }
}
