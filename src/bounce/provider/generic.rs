//! Our own words: `{"message_id" or "id", "recipient", "type": "hard", "soft" or "complaint", "reason"}`.

use serde_json::Value;

use super::{BadEvent, Heard, bad};
use crate::bounce::{Name, Returned, Verdict, address_line, one_line};

pub(super) fn read(event: &Value, place: &str) -> Result<Heard, BadEvent> {
    let field = |key: &str| match event.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.as_str())),
        Some(_) => Err(bad(&format!("{place}.{key}"), "write a text")),
    };
    let name = match (field("id")?, field("message_id")?) {
        (Some(id), _) => Name::of_id(id).ok_or_else(|| {
            bad(&format!("{place}.id"), format!("{id:?} is no id of a notification; it is in X-Backorderd-Id"))
        })?,
        (None, Some(message_id)) => Name::of_message_id(message_id).ok_or_else(|| {
            bad(&format!("{place}.message_id"), format!("{message_id:?} is no Message-ID of ours; it is <ID@domain>"))
        })?,
        (None, None) => {
            return Err(bad(&format!("{place}.message_id"), "missing; write the mail's Message-ID, or \"id\""));
        }
    };
    let verdict = match field("type")? {
        Some("hard") => Verdict::Hard,
        Some("soft") => Verdict::Soft,
        Some("complaint") => Verdict::Complaint,
        Some(other) => {
            let what = format!("there is no {other:?}; write hard, soft or complaint");
            return Err(bad(&format!("{place}.type"), what));
        }
        None => return Err(bad(&format!("{place}.type"), "missing; write hard, soft or complaint")),
    };
    let reason = one_line(field("reason")?.unwrap_or("no reason was given"));
    let recipient = field("recipient")?.map(address_line);
    Ok(Heard::Returned(Returned { names: vec![name], verdict, recipient, reason }))
}

#[cfg(test)]
mod tests {
    use super::super::Provider;
    use super::*;

    const ID: &str = "019ab69f-0c10-7b22-8f5e-6d1b7a3e9c40";

    #[test]
    fn one_or_a_list_is_read() {
        let one = format!(
            r#"{{"message_id":"<{ID}@shop.example>","type":"hard","recipient":"a@b.example","reason":"no\nsuch"}}"#
        );
        let [Heard::Returned(returned)] = &Provider::Generic.read(one.as_bytes()).unwrap()[..] else { panic!() };
        assert_eq!(returned.names, [Name::of_message_id(&format!("{ID}@shop.example")).unwrap()]);
        assert_eq!((returned.verdict, &*returned.reason), (Verdict::Hard, "no such"));
        let two = format!(r#"[{{"id":"{ID}","type":"soft"}},{{"id":"{ID}","type":"complaint"}}]"#);
        assert_eq!(Provider::Generic.read(two.as_bytes()).unwrap().len(), 2);
        assert_eq!(Provider::Generic.read(b"[]").unwrap(), []);
    }

    #[test]
    fn what_is_wrong_is_named_with_its_place() {
        let good = format!(r#"{{"id":"{ID}","type":"soft"}}"#);
        let table = [
            (r#"{"type":"hard"}"#.to_owned(), "message_id: missing; write the mail's Message-ID, or \"id\""),
            (
                format!(r#"[{good},{{"id":"{ID}","type":"bounce"}}]"#),
                "[1].type: there is no \"bounce\"; write hard, soft or complaint",
            ),
            (format!(r#"{{"id":"{ID}"}}"#), "type: missing; write hard, soft or complaint"),
            (r#"{"id":"7","type":"hard"}"#.into(), "id: \"7\" is no id of a notification; it is in X-Backorderd-Id"),
            (
                r#"{"message_id":"<x@y>","type":"hard"}"#.into(),
                "message_id: \"<x@y>\" is no Message-ID of ours; it is <ID@domain>",
            ),
            (format!(r#"{{"id":"{ID}","type":1}}"#), "type: write a text"),
            ("[1]".into(), "[0]: an event is an object: {...}"),
            ("7".into(), "the body: an event is an object: {...}"),
        ];
        for (body, said) in table {
            assert_eq!(Provider::Generic.read(body.as_bytes()).unwrap_err().to_string(), said, "{body}");
        }
        assert!(Provider::Generic.read(b"{").unwrap_err().to_string().starts_with("the body: no JSON: "));
    }
}
