//! The folder that reports arrive in: whether it is a maildir, and one that this user may work in.

use std::fs::DirEntry;

use rustix::fs::{Access, access};
use rustix::io::Errno;

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
        if access(&folder, Access::WRITE_OK | Access::EXEC_OK).is_err() {
            let mend =
                "cannot be written to by this user: what was read goes from new to cur; let backorderd's user do that";
            return report.error(WHAT, said(name, mend));
        }
    }
    let waiting: Vec<_> = std::fs::read_dir(folder.join("new")).into_iter().flatten().flatten().collect();
    let unreadable =
        |file: &&DirEntry| matches!(access(file.path(), Access::READ_OK), Err(Errno::ACCESS | Errno::PERM));
    if let Some(file) = waiting.iter().find(unreadable) {
        let name = format!("new/{}", file.file_name().display());
        return report.error(
            WHAT,
            said(&name, "cannot be read by this user; let backorderd's user read what the mail server writes"),
        );
    }
    report.ok(WHAT, format!("{}: {} to be read", folder.display(), waiting.len()));
}
