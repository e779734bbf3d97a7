//! The one place that looks at the process's environment.

use std::os::unix::fs::MetadataExt;

use super::source::PREFIX;

/// The point at which a test wants the process to die.
const FAILPOINT: &str = "BACKORDERD_FAILPOINT";

/// What a test of faults asks for; no operator ever needs it.
pub fn failpoint() -> Option<String> {
    #[expect(clippy::disallowed_methods, reason = "the one home of the environment")]
    let point = std::env::var_os(FAILPOINT)?;
    Some(point.to_string_lossy().into_owned())
}

/// The variables that override settings. Bytes that are not UTF-8 become U+FFFD, which loading refuses by name.
pub fn overrides() -> impl Iterator<Item = (String, String)> {
    #[expect(clippy::disallowed_methods, reason = "the one home of the environment")]
    let variables = std::env::vars_os();
    let texts =
        variables.map(|(name, value)| (name.to_string_lossy().into_owned(), value.to_string_lossy().into_owned()));
    texts.filter(|(name, _)| name.starts_with(PREFIX))
}

/// The login name of the person at the command; `None`: the system knows none.
pub fn login_name() -> Option<String> {
    #[expect(clippy::disallowed_methods, reason = "the one home of the environment")]
    let variable = |name: &str| {
        let value = std::env::var_os(name)?.to_string_lossy().into_owned();
        Some(value).filter(|value| !value.trim().is_empty())
    };
    // Who became another user with sudo acts as herself; else it is whoever the process belongs to.
    variable("SUDO_USER").or_else(owner).or_else(|| variable("LOGNAME")).or_else(|| variable("USER"))
}

/// Whom this process belongs to.
fn owner() -> Option<String> {
    let id = std::fs::metadata("/proc/self").ok()?.uid().to_string();
    let users = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let name = users.lines().map(|line| line.split(':').collect::<Vec<_>>()).find(|user| user.get(2) == Some(&&*id));
    Some(name.and_then(|user| user.first().map(|name| (*name).to_owned())).unwrap_or_else(|| format!("user {id}")))
}
