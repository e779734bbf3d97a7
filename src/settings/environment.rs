//! The one place that looks at the process's environment.

use super::source::PREFIX;

/// The variables that override settings. Bytes that are not UTF-8 become U+FFFD, which loading refuses by name.
pub fn overrides() -> impl Iterator<Item = (String, String)> {
    #[expect(clippy::disallowed_methods, reason = "the one home of the environment")]
    let variables = std::env::vars_os();
    let texts =
        variables.map(|(name, value)| (name.to_string_lossy().into_owned(), value.to_string_lossy().into_owned()));
    texts.filter(|(name, _)| name.starts_with(PREFIX))
}
