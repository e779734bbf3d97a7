//! What mail providers post, over real HTTP.

use backorderd::store::tokens::Token;
use backorderd::web::token;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

use super::{list, newest};
use crate::choice::Site;
use crate::support::app::ADA;
use crate::support::http::Reply;

const PATH: &str = "/api/v1/bounces";

/// A token of the API.
async fn token_of(site: &Site) -> String {
    let secret = token::create(&site.clock);
    let entry = Token {
        name: "tests".into(),
        hash: token::hash(&secret),
        created_at: site.now(),
        created_by: "grace".into(),
        used_at: None,
    };
    assert!(site.store.add_token(&entry).await.unwrap());
    secret
}

async fn post(site: &Site, path: &str, authorization: &str, body: &str) -> Reply {
    let headers = format!("authorization: {authorization}\r\ncontent-type: text/plain; charset=UTF-8\r\n");
    site.http.request("POST", path, &headers, body).await
}

/// Posts events and reads how many were recorded, unknown, ignored.
async fn told(site: &Site, token: &str, from: &str, events: &Value) -> (u64, u64, u64) {
    let path = if from.is_empty() { PATH.to_owned() } else { format!("{PATH}?from={from}") };
    let reply = post(site, &path, &format!("Bearer {token}"), &events.to_string()).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    assert_eq!(reply.header("cache-control"), "no-store");
    let counted: Value = serde_json::from_str(&reply.body).unwrap();
    let count = |key: &str| counted[key].as_u64().unwrap();
    (count("recorded"), count("unknown"), count("ignored"))
}

#[tokio::test]
async fn nobody_is_let_in_without_a_token() {
    for site in Site::on_each_engine() {
        let site = site.await;
        let secret = token_of(&site).await;
        let event = json!({"id": newest(&site).await.id, "type": "hard"}).to_string();
        let bare = site.http.request("POST", PATH, "", &event).await;
        assert_eq!((bare.status, bare.header("www-authenticate")), (401, "Basic realm=\"backorderd\""));
        for wrong in
            ["Bearer nothing", "Bearer ", &format!("Bearer {}", token::hash(&secret)), &format!("Token {secret}")]
        {
            assert_eq!(post(&site, PATH, wrong, &event).await.status, 401, "{wrong}");
        }
        assert_eq!(list(&site).await, [""; 0]);
        assert_eq!(site.http.get(PATH).await.status, 405);
        let basic = format!("Basic {}", STANDARD.encode(format!("any:{secret}")));
        assert_eq!(post(&site, PATH, &basic, &event).await.status, 200);
        assert_eq!(list(&site).await, ["ada@example.com order_notices bounce"]);
        assert_eq!(site.store.tokens().await.unwrap()[0].used_at, Some(site.now()));
        assert!(site.store.remove_token("tests").await.unwrap());
        assert_eq!(post(&site, PATH, &basic, &event).await.status, 401, "it is good no more");
        for _ in 0..25 {
            post(&site, PATH, "Bearer nothing", &event).await;
        }
        assert_eq!(post(&site, PATH, "Bearer nothing", &event).await.status, 429);
    }
}

#[tokio::test]
async fn events_in_our_words_are_recorded_once_and_those_of_others_are_no_error() {
    for site in Site::on_each_engine() {
        let site = site.await;
        let secret = token_of(&site).await;
        let entry = newest(&site).await;
        let hard = json!({"message_id": entry.message_id, "recipient": ADA, "type": "hard", "reason": "gone"});
        let foreign = json!({"id": "019ab69f-0c10-7b22-8f5e-6d1b7a3e9c40", "type": "hard"});
        let soft = json!({"id": entry.id, "type": "soft", "reason": "later"});
        assert_eq!(told(&site, &secret, "", &json!([hard, foreign, soft])).await, (2, 1, 0));
        assert_eq!(told(&site, &secret, "generic", &hard).await, (1, 0, 0), "once more");
        assert_eq!(site.store.bounces(entry.id).await.unwrap().len(), 2);
        assert_eq!(list(&site).await, ["ada@example.com order_notices bounce"]);
        let kinds = site.tasks().await;
        assert_eq!(kinds, [format!("bounced {}", entry.id)]);
    }
}

#[tokio::test]
async fn a_request_that_cannot_be_read_records_nothing_and_says_why() {
    for site in Site::on_each_engine() {
        let site = site.await;
        let secret = format!("Bearer {}", token_of(&site).await);
        let id = newest(&site).await.id;
        let good = json!({"id": id, "type": "hard"});
        let bad = post(&site, PATH, &secret, &json!([good, {"id": id, "type": "bounced"}]).to_string()).await;
        assert_eq!(bad.status, 400);
        assert_eq!(bad.body, r#"{"error":"[1].type: there is no \"bounced\"; write hard, soft or complaint"}"#);
        let nobody = post(&site, &format!("{PATH}?from=sparkpost"), &secret, &good.to_string()).await;
        assert_eq!(nobody.status, 400);
        assert!(nobody.body.contains("generic, ses, postmark, sendgrid, mailgun"), "{}", nobody.body);
        let long = "x".repeat(5 << 20);
        assert_eq!(post(&site, PATH, &secret, &long).await.status, 413);
        assert_eq!(list(&site).await, [""; 0]);
    }
}

#[tokio::test]
async fn each_provider_is_understood_in_its_own_words() {
    for from in ["ses", "postmark", "sendgrid", "mailgun"] {
        for site in Site::on_each_engine() {
            let site = site.await;
            let secret = token_of(&site).await;
            let entry = newest(&site).await;
            let (id, message_id) = (entry.id.to_string(), entry.message_id.unwrap());
            let ses = json!({"notificationType": "Bounce", "bounce": {"bounceType": "Permanent", "bounceSubType": "General",
                "bouncedRecipients": [{"emailAddress": ADA, "action": "failed", "status": "5.1.1",
                "diagnosticCode": "smtp; 550 5.1.1 no such user"}], "feedbackId": "1"},
                "mail": {"messageId": "01-of-ses", "headers": [{"name": "From", "value": "x"}, {"name": "Message-ID", "value": message_id}]}});
            let event = match from {
                "ses" => {
                    json!({"Type": "Notification", "MessageId": "1", "TopicArn": "arn:aws:sns:eu-west-1:1:bounces",
                    "Message": ses.to_string(), "SigningCertURL": "https://sns.eu-west-1.amazonaws.com/x.pem"})
                }
                "postmark" => {
                    json!({"RecordType": "Bounce", "ID": 42, "Type": "HardBounce", "TypeCode": 1, "Name": "Hard bounce",
                    "MessageID": "883953f4-6105-42a2-a16a-77a8eac79483", "Email": ADA, "Details": "550 no such user",
                    "Content": super::no_such_user(&super::Sent { id: &id, message_id: &message_id, to: ADA })})
                }
                "sendgrid" => {
                    json!([{"email": ADA, "timestamp": 1, "smtp-id": message_id, "event": "bounce", "type": "bounce",
                    "status": "5.1.1", "reason": "550 5.1.1 no such user", "sg_event_id": "1"}])
                }
                _ => {
                    json!({"signature": {"timestamp": "1", "token": "t", "signature": "s"}, "event-data": {"event": "failed",
                    "severity": "permanent", "reason": "bounce", "recipient": ADA,
                    "delivery-status": {"code": 550, "message": "5.1.1 no such user"},
                    "message": {"headers": {"message-id": message_id.trim_matches(['<', '>'])}}}})
                }
            };
            assert_eq!(told(&site, &secret, from, &event).await, (1, 0, 0), "{from}");
            assert_eq!(list(&site).await, ["ada@example.com order_notices bounce"], "{from}");
            assert_eq!(site.store.bounces(entry.id).await.unwrap()[0].source, from);
        }
    }
}

#[tokio::test]
async fn where_mailguns_key_is_set_what_it_did_not_sign_is_refused() {
    let sign = |time: &str, token: &str| {
        let keyed: Hmac<Sha256> = Hmac::new_from_slice(b"key-1234").unwrap();
        let signature = keyed.chain_update(time).chain_update(token).finalize().into_bytes();
        signature.iter().fold(String::new(), |digits, byte| digits + &format!("{byte:02x}"))
    };
    for site in Site::on_each_engine_with(&[("bounces.mailgun_signing_key", "key-1234")]) {
        let site = site.await;
        let secret = token_of(&site).await;
        let message_id = newest(&site).await.message_id.unwrap();
        let event = |signature: &str| {
            json!({"signature": {"timestamp": "1529006854", "token": "t1", "signature": signature}, "event-data": {
                "event": "failed", "severity": "permanent", "recipient": ADA,
                "delivery-status": {"code": 550, "message": "5.1.1 no such user"},
                "message": {"headers": {"message-id": message_id.trim_matches(['<', '>'])}}}})
        };
        let genuine = event(&sign("1529006854", "t1"));
        let path = format!("{PATH}?from=mailgun");
        let bearer = format!("Bearer {secret}");
        for forged in
            [event(&sign("1529006854", "t2")), event(""), json!([genuine, event("00")]), json!({"event-data": {}})]
        {
            let reply = post(&site, &path, &bearer, &forged.to_string()).await;
            assert_eq!(reply.status, 403, "{forged}");
            assert!(reply.body.contains("bounces.mailgun_signing_key"), "{}", reply.body);
        }
        assert_eq!(post(&site, &path, "Bearer nothing", &genuine.to_string()).await.status, 401, "and the token");
        assert_eq!(list(&site).await, [""; 0]);
        assert_eq!(told(&site, &secret, "mailgun", &genuine).await, (1, 0, 0));
        assert_eq!(list(&site).await, ["ada@example.com order_notices bounce"]);
        // Others sign nothing that is looked at.
        assert_eq!(told(&site, &secret, "", &json!({"message_id": message_id, "type": "soft"})).await, (1, 0, 0));
    }
}

#[tokio::test]
async fn a_subscription_is_a_task_and_nothing_is_fetched() {
    for site in Site::on_each_engine() {
        let site = site.await;
        let secret = token_of(&site).await;
        let url = "https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription&Token=2336";
        let event = json!({"Type": "SubscriptionConfirmation", "TopicArn": "arn:aws:sns:eu-west-1:1:bounces",
            "SubscribeURL": url, "Token": "2336"});
        assert_eq!(told(&site, &secret, "ses", &event).await, (0, 0, 1));
        assert_eq!(site.tasks().await, ["subscription arn:aws:sns:eu-west-1:1:bounces"]);
        assert!(site.store.tasks().await.unwrap()[0].mend.contains(url));
    }
}
