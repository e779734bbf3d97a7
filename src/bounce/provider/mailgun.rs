//! Mailgun's webhooks: one event in `event-data`, with the mail's own `Message-ID`, and a signature of the account.

use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value;
use sha2::Sha256;

use super::{Heard, heard, permanent, text};
use crate::bounce::{Name, Returned, Verdict, address_line, one_line};

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
        recipient: text(event, "/recipient").map(address_line),
        reason: one_line(&reason.join(" ")),
    })
}

/// Whether the event bears the signature of `key`: the HMAC-SHA256 of its time and token, in hexadecimal. An old event
/// that somebody repeats says nothing new, and is recorded once.
pub(super) fn is_signed(event: &Value, key: &str) -> bool {
    let time = match event.pointer("/signature/timestamp") {
        Some(Value::String(time)) => time.clone(),
        Some(Value::Number(time)) => time.to_string(),
        _ => return false,
    };
    let (Some(token), Some(signature)) = (text(event, "/signature/token"), text(event, "/signature/signature")) else {
        return false;
    };
    let Some(signature) = bytes(signature) else { return false };
    let keyed: Hmac<Sha256> = Hmac::new_from_slice(key.as_bytes()).expect("HMAC takes keys of every length");
    keyed.chain_update(time).chain_update(token).verify_slice(&signature).is_ok()
}

/// Hexadecimal digits as bytes.
fn bytes(digits: &str) -> Option<Vec<u8>> {
    let digits = digits.as_bytes();
    let of_pair = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    let are_digits = digits.len().is_multiple_of(2) && digits.iter().all(u8::is_ascii_hexdigit);
    if are_digits { digits.chunks(2).map(of_pair).collect() } else { None }
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
    fn a_signature_is_that_of_the_key_over_time_and_token() {
        // Worked out by: printf 1529006854a8ce0edb2dd8301dee6c2405235584e45aa91d1e9f979f3de0 | openssl dgst -sha256 -hmac key-1234
        let signature = "b18022d3829aff022c65de57e0d23acd2c7075d5c09702ffe37e67259160abf6";
        let token = "a8ce0edb2dd8301dee6c2405235584e45aa91d1e9f979f3de0";
        let signed = |time: Value, token: &str, signature: &str| {
            is_signed(&json!({"signature": {"timestamp": time, "token": token, "signature": signature}}), "key-1234")
        };
        assert!(signed(json!("1529006854"), token, signature));
        assert!(signed(json!(1_529_006_854), token, &signature.to_uppercase()));
        assert!(!signed(json!("1529006855"), token, signature));
        assert!(!signed(json!("1529006854"), "another", signature));
        for wrong in ["", "00", "zz", "0", &signature[2..], "\u{e9}\u{e9}"] {
            assert!(!signed(json!("1529006854"), token, wrong), "{wrong}");
        }
        assert!(!is_signed(&json!({"event-data": {}}), "key-1234"));
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
