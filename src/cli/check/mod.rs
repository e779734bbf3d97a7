//! `backorderd check`: is everything in reach and right?
//!
//! In: the settings. Out: one line for each thing that was looked at, `ok`, `warning` or `error`, and the mend. Writes
//! and sends nothing. Every check is made, even where another one failed; one error makes the exit code 1.

mod bounces;
mod dkim;
mod feeds;
mod receivers;
mod relays;
mod state;
mod statements;

use std::process::ExitCode;

use super::output::print;
use super::{General, dead_links, stranded};
use crate::app;
use crate::clock::Clock;
use crate::settings::problem::SettingsError;
use crate::settings::{self, Settings};
use crate::store::Store;

/// What was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Level {
    Ok,
    Warning,
    Error,
}

/// Says what was found as it is found, and remembers whether it was all right.
#[derive(Debug, Default)]
struct Report {
    failed: bool,
}

impl Report {
    fn ok(&mut self, what: &str, words: impl AsRef<str>) {
        self.say(Level::Ok, what, words.as_ref());
    }

    fn warning(&mut self, what: &str, words: impl AsRef<str>) {
        self.say(Level::Warning, what, words.as_ref());
    }

    fn error(&mut self, what: &str, words: impl AsRef<str>) {
        self.say(Level::Error, what, words.as_ref());
    }

    fn say(&mut self, level: Level, what: &str, words: &str) {
        self.failed |= level == Level::Error;
        let word = match level {
            Level::Ok => "ok",
            Level::Warning => "warning",
            Level::Error => "error",
        };
        let words: Vec<&str> = words.split_whitespace().collect();
        // Where nothing can be printed, the exit code still tells.
        let _ = print(format!("{word:<8} {what:<18} {}\n", words.join(" ")));
    }
}

pub async fn run(general: &General) -> anyhow::Result<ExitCode> {
    let mut report = Report::default();
    if let Some(settings) = load(general, &mut report) {
        let store = state::check(&settings, &mut report).await;
        check_link_secret(&settings, store.as_ref(), &mut report).await;
        check_words(&settings, &mut report);
        feeds::check(&settings, &mut report).await;
        relays::check(&settings, &mut report).await;
        statements::check(&settings, &mut report).await;
        dkim::check(&settings, &mut report);
        receivers::check(&settings, store.as_ref(), &mut report).await;
        bounces::check(&settings, &mut report);
        check_choices(&settings, &mut report);
        if let Some(store) = store {
            check_pages(&store, &mut report).await;
            check_stranded(&settings, &store, &mut report).await;
            store.close().await;
        }
    }
    Ok(if report.failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// The settings; without them there is nothing else to look at.
fn load(general: &General, report: &mut Report) -> Option<Settings> {
    const WHAT: &str = "settings";
    match Settings::load(&general.config, settings::environment::overrides()) {
        Ok(settings) => {
            report.ok(WHAT, format!("{} is right", general.config.display()));
            settings.warnings.iter().for_each(|warning| report.warning(WHAT, warning));
            Some(settings)
        }
        Err(error @ SettingsError::Unreadable { .. }) => {
            report.error(WHAT, error.to_string());
            None
        }
        Err(error @ SettingsError::Wrong { .. }) => {
            error.to_string().lines().for_each(|problem| report.error(WHAT, problem));
            None
        }
    }
}

async fn check_link_secret(settings: &Settings, store: Option<&Store>, report: &mut Report) {
    const WHAT: &str = "link secret";
    let file = settings.web.secret_file.display();
    match app::known_link_keys(&settings.web.secret_file, store).await {
        Ok(Some(keys)) => {
            let number = keys.fingerprints().len();
            let verify = if number > 1 { ", all verify" } else { "" };
            report.ok(WHAT, format!("{file}: the first of {number} signs{verify}"));
        }
        Ok(None) => report.ok(WHAT, format!("{file} is not there yet; the first run makes it")),
        Err(error) => report.error(WHAT, format!("{error:#}")),
    }
}

/// The words of the mails, the shop's own laid over ours.
fn check_words(settings: &Settings, report: &mut Report) {
    const WHAT: &str = "words";
    match app::renderers(settings) {
        Ok(renderers) => report.ok(WHAT, format!("mails speak {}", renderers.default.locales().join(", "))),
        Err(error) => report.error(WHAT, format!("{error:#}")),
    }
}

fn check_choices(settings: &Settings, report: &mut Report) {
    if settings.choices.hook.is_none() && settings.choices.sql.cancel.is_none() {
        let words =
            "nothing in [choices] carries a cancel to the shop, so each is a task for staff: see `backorderd tasks`";
        report.ok("answers", words);
    }
}

async fn check_stranded(settings: &Settings, store: &Store, report: &mut Report) {
    const WHAT: &str = "delivery";
    match stranded::warnings(store, settings.delivery.channel).await {
        Ok(warnings) => warnings.iter().for_each(|warning| report.warning(WHAT, warning)),
        Err(error) => report.error(WHAT, error.to_string()),
    }
}

async fn check_pages(store: &Store, report: &mut Report) {
    const WHAT: &str = "pages";
    match dead_links::are_dead(store, Clock::System.now()).await {
        Ok(true) => report.warning(WHAT, dead_links::WARNING),
        Ok(false) => {}
        Err(error) => report.error(WHAT, error.to_string()),
    }
}
