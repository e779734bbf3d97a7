//! The statements that answers go by: their login, and whether the database understands them; none is run.

use super::Report;
use crate::settings::Settings;
use crate::shop::answers::Answers;

const WHAT: &str = "answer statements";

pub async fn check(settings: &Settings, report: &mut Report) {
    let answers = match Answers::open(&settings.orders, &settings.choices) {
        Ok(Some(answers)) => answers,
        Ok(None) => return,
        Err(error) => return report.error(WHAT, error.to_string()),
    };
    match answers.probe().await {
        Ok(place) => report.ok(WHAT, format!("{place}: connected, not read-only; nothing was written")),
        Err(problem) => return report.error(WHAT, problem),
    }
    for (choice, found) in answers.rehearse().await {
        let key = format!("choices.sql.{choice}");
        match found {
            Ok(1) => report.ok(WHAT, format!("{key}: understood; it was not run")),
            Ok(number) => report.ok(WHAT, format!("{key}: {number} statements, all understood; none was run")),
            Err(problem) => report.error(WHAT, format!("{key}: {problem}")),
        }
    }
}
