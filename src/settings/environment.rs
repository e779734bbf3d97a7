//! The one place that looks at the process's environment.

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
