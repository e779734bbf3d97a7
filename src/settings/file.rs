//! Files that the settings name: secrets and queries.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use super::reading::Reading;

/// No secret and no query is longer; a wrong path such as a disk is noticed before it fills the memory.
const LONGEST_FILE: u64 = 1024 * 1024;

/// The text of a file that must have one; the error names the path and the mend.
pub(super) fn read_text(path: &Path) -> Result<String, String> {
    let mut text = String::new();
    let read = File::open(path).and_then(|file| file.take(LONGEST_FILE + 1).read_to_string(&mut text));
    let shown = path.display();
    match read {
        Err(error) => Err(format!("cannot read {shown}: {error}; create it, or correct the path or its permissions")),
        Ok(_) if text.len() as u64 > LONGEST_FILE => Err(format!("{shown} is longer than 1 MiB; correct the path")),
        Ok(_) if text.trim().is_empty() => Err(format!("{shown} is empty; write into it what it is to hold")),
        Ok(_) => Ok(text),
    }
}

/// Warns if more than its owner may read the file of a secret.
#[cfg(unix)]
pub(super) fn warn_if_open(reading: &Reading, key: &str, path: &Path) {
    use std::os::unix::fs::PermissionsExt;
    let Ok(meta) = path.metadata() else { return };
    let mode = meta.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        let shown = path.display();
        reading.warn(format!("{key}: {shown} is open to others (mode {mode:03o}); run `chmod 600 {shown}`"));
    }
}

/// Elsewhere there is no mode to look at.
#[cfg(not(unix))]
pub(super) fn warn_if_open(_: &Reading, _: &str, _: &Path) {}
