//! Values in commands that people copy into a shell.
//!
//! In: any text, a customer's too. Out: one word for a POSIX shell. Pure.

/// The value as one word; in quotes, unless nothing in it means anything to a shell.
pub fn quoted(value: &str) -> String {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "-_.:@+".contains(letter);
    if !value.is_empty() && value.chars().all(plain) {
        value.to_owned()
    } else {
        format!("'{}'", value.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn what_means_nothing_to_a_shell_stays_as_it_is() {
        assert_eq!(quoted("S100"), "S100");
        assert_eq!(quoted("ada+news@example.com"), "ada+news@example.com");
        assert_eq!(quoted("two words"), "'two words'");
        assert_eq!(quoted(""), "''");
    }

    #[test]
    fn a_shell_takes_it_as_one_word_whatever_is_in_it() {
        let values =
            ["o'brien@example.com", "x|reboot${IFS}-f|`id`&y@evil.example", "$(id)", "a\\b\"c", "*", "~", "#x", "''"];
        for value in values {
            let echo = format!("printf %s {}", quoted(value));
            let said = Command::new("sh").args(["-c", &echo]).output().unwrap();
            assert_eq!(String::from_utf8(said.stdout).unwrap(), value, "{echo}");
        }
    }
}
