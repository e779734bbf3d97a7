//! What a proof says as lines of a name and a value.

use std::fmt::{self, Display, Write as _};

/// Lines of a name and a value.
#[derive(Default)]
pub struct Fields(String);

impl Fields {
    pub fn add(&mut self, name: &str, value: &str) {
        // Writing to a String cannot fail.
        let _ = writeln!(self.0, "  {name:<13} {}", value.lines().collect::<Vec<_>>().join(" "));
    }

    pub fn maybe(&mut self, name: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.add(name, value);
        }
    }
}

impl Display for Fields {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}
