//! The receivers of signed messages, the one of notifications and the hook that answers go to: connected to, over
//! `https` with a handshake, and left again; nothing is sent.

use std::time::Duration;

use super::Report;
use crate::app;
use crate::cli::webhook;
use crate::clock::Clock;
use crate::outbox::channels;
use crate::outbox::notification::WEBHOOK;
use crate::settings::Settings;
use crate::settings::receiver::ReceiverSettings;
use crate::store::Store;

const NOTIFICATIONS: &str = "webhook";
const ANSWERS: &str = "answer hook";
/// The operator is waiting.
const PATIENCE: Duration = Duration::from_secs(10);

pub async fn check(settings: &Settings, store: Option<&Store>, report: &mut Report) {
    if let Some(webhook) = &settings.webhook {
        if channels::every(settings.delivery.channel).contains(&WEBHOOK) {
            probe(webhook, NOTIFICATIONS, "webhook.url", report).await;
            check_enabled(store, report).await;
        } else {
            let mend = "write channel = \"both\" there, or take the section out";
            report.warning(NOTIFICATIONS, format!("[webhook] is of no effect: [delivery] sends mail only; {mend}"));
        }
    }
    if let Some(hook) = &settings.choices.hook {
        probe(hook, ANSWERS, "choices.hook_url", report).await;
    }
}

/// Whether one receiver, whose address is in the key `key`, is there.
async fn probe(settings: &ReceiverSettings, what: &str, key: &str, report: &mut Report) {
    let receiver = match app::receiver(settings, &Clock::System) {
        Ok(receiver) => receiver,
        Err(error) => return report.error(what, format!("{key}: {error}")),
    };
    let signed = match settings.keys.count() {
        1 => "1 secret signs".to_owned(),
        number => format!("{number} secrets sign"),
    };
    match receiver.probe(PATIENCE).await {
        Err(problem) => report.error(what, format!("{receiver}: {problem}")),
        Ok(found) if receiver.is_encrypted() || receiver.is_on_this_machine() => {
            report.ok(what, format!("{receiver}: {found}; {signed}; nothing was sent"));
        }
        Ok(found) => {
            let mend = format!(
                "not encrypted, so that whoever is on the way reads customers' addresses; write https:// in {key} unless \
                 the way is your own"
            );
            report.warning(what, format!("{receiver}: {found}; {signed}; nothing was sent; {mend}"));
        }
    }
}

/// Whether it wants notifications.
async fn check_enabled(store: Option<&Store>, report: &mut Report) {
    let Some(store) = store else { return };
    match store.webhook_disabled_at().await {
        Ok(Some(since)) => report.error(NOTIFICATIONS, webhook::waits(since)),
        Ok(None) => {}
        Err(error) => report.error(NOTIFICATIONS, error.to_string()),
    }
}
