//! The folder that reports arrive in: whether it is a maildir.

use super::Report;
use crate::settings::Settings;

const WHAT: &str = "bounces";

pub fn check(settings: &Settings, report: &mut Report) {
    let Some(folder) = &settings.bounces.maildir else { return };
    let said = |name: &str, why: &str| format!("bounces.maildir: {}/{name} {why}", folder.display());
    for name in ["new", "cur"] {
        let folder = folder.join(name);
        if !folder.is_dir() {
            let mend = "is no folder; let the mail server make a maildir there, which has cur, new and tmp";
            return report.error(WHAT, said(name, mend));
        }
        if let Err(error) = std::fs::read_dir(&folder) {
            return report.error(WHAT, said(name, &format!("cannot be read: {error}")));
        }
        if folder.metadata().is_ok_and(|about| about.permissions().readonly()) {
            return report.error(WHAT, said(name, "cannot be written to: what was read goes from new to cur"));
        }
    }
    let waiting = std::fs::read_dir(folder.join("new")).map_or(0, Iterator::count);
    report.ok(WHAT, format!("{}: {waiting} to be read", folder.display()));
}
