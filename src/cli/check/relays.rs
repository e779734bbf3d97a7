//! The relays: each is connected to, encrypted, signed in to, and left again; no mail is sent.

use std::time::Duration;

use super::Report;
use crate::app::hello_name;
use crate::deliver::smtp::Deadlines;
use crate::deliver::smtp::relay::Relay;
use crate::settings::Settings;

/// The operator is waiting, so each step gets less patience than a mail would.
const STEP: Duration = Duration::from_secs(10);

pub async fn check(settings: &Settings, report: &mut Report) {
    let deadlines = Deadlines { connect: STEP, tls: STEP, greeting: STEP, hello: STEP, ..Deadlines::default() };
    let hello_name = hello_name(&settings.web.public_url);
    let relays = settings.mail.iter().flat_map(|mail| &mail.relays);
    for (index, settings) in relays.enumerate() {
        let what = format!("relay {}", index + 1);
        let relay = match Relay::from_settings(settings) {
            Ok(relay) => relay,
            Err(error) => {
                report.error(&what, format!("mail.relays[{index}]: {error}"));
                continue;
            }
        };
        match relay.probe(&hello_name, &deadlines).await {
            Ok(found) => report.ok(&what, format!("{}: {found}; no mail was sent", relay.name())),
            Err(error) => report.error(&what, format!("{}: {error}", relay.name())),
        }
    }
}
