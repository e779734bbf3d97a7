//! The hook that answers go to: connected to, over `https` with a handshake, and left again; nothing is sent.

use std::time::Duration;

use super::Report;
use crate::app;
use crate::clock::Clock;
use crate::settings::Settings;

const WHAT: &str = "answer hook";
/// The operator is waiting.
const PATIENCE: Duration = Duration::from_secs(10);

pub async fn check(settings: &Settings, report: &mut Report) {
    let Some(hook) = &settings.choices.hook else { return };
    let receiver = match app::receiver(hook, &Clock::System) {
        Ok(receiver) => receiver,
        Err(error) => return report.error(WHAT, format!("choices.hook_url: {error}")),
    };
    let signed = match hook.keys.count() {
        1 => "1 secret signs".to_owned(),
        number => format!("{number} secrets sign"),
    };
    match receiver.probe(PATIENCE).await {
        Err(problem) => report.error(WHAT, format!("{receiver}: {problem}")),
        Ok(found) if receiver.is_encrypted() || receiver.is_on_this_machine() => {
            report.ok(WHAT, format!("{receiver}: {found}; {signed}; nothing was sent"));
        }
        Ok(found) => {
            let mend = "not encrypted, so that whoever is on the way reads customers' addresses; write https:// in \
                        choices.hook_url unless the way is your own";
            report.warning(WHAT, format!("{receiver}: {found}; {signed}; nothing was sent; {mend}"));
        }
    }
}
