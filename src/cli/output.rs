//! What commands print: lines of JSON for scripts, tables for people.
//!
//! In: values. Out: stdout. A table is fitted to the terminal, where fields that belong together stand one below the
//! other; in a file or a pipe each row is one line, for `grep`. A reader that leaves early (`| head`) is no error.

use std::fmt::Write as _;
use std::io::{self, IsTerminal, Write};

use comfy_table::{ContentArrangement, Table, presets};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;

/// Below this, tables are written as if they had so many columns, and the terminal breaks them.
const NARROWEST: u16 = 60;

/// Writes to stdout.
pub fn print(bytes: impl AsRef<[u8]>) -> io::Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(bytes.as_ref()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written,
    }
}

/// A line on stdout for whoever reads it; what was done is done, whether anybody does or not.
macro_rules! say {
    ($($words:tt)*) => { $crate::cli::output::said(&format!($($words)*)) };
}
pub(super) use say;

/// Writes what [`say`] says.
pub fn said(line: &str) {
    if let Err(error) = print(format!("{line}\n")) {
        // Nor does it matter whether anybody reads this.
        let _ = writeln!(io::stderr(), "backorderd: standard output: {error}");
    }
}

/// One JSON object a line.
pub fn json_lines<T: Serialize>(objects: impl IntoIterator<Item = T>) -> serde_json::Result<String> {
    let mut lines = String::new();
    for object in objects {
        lines += &serde_json::to_string(&object)?;
        lines.push('\n');
    }
    Ok(lines)
}

/// A table whose columns hold one or more fields each.
pub struct Listing<const COLUMNS: usize> {
    table: Table,
    stacked: bool,
}

impl<const COLUMNS: usize> Listing<COLUMNS> {
    /// For stdout, with a heading for each field.
    pub fn new(headings: [&[&str]; COLUMNS]) -> Listing<COLUMNS> {
        let width = io::stdout().is_terminal().then(|| console::Term::stdout().size_checked()).flatten();
        Listing::of_width(headings, width.map(|(_, columns)| columns))
    }

    /// `None`: as wide as it needs.
    fn of_width(headings: [&[&str]; COLUMNS], width: Option<u16>) -> Listing<COLUMNS> {
        let mut table = Table::new();
        table.load_style(presets::UTF8_HORIZONTAL_ONLY);
        match width {
            Some(width) => {
                table.set_content_arrangement(ContentArrangement::Dynamic).set_width(width.max(NARROWEST));
            }
            None => {
                table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
            }
        }
        let mut listing = Listing { table, stacked: width.is_some() };
        let headings = headings.map(|fields| fields.iter().map(|field| (*field).to_owned()).collect::<Vec<_>>());
        let cells = listing.cells(&headings);
        listing.table.set_header(cells);
        listing
    }

    /// Adds a row: the fields of each column.
    pub fn row(&mut self, columns: &[Vec<String>; COLUMNS]) {
        let cells = self.cells(columns);
        self.table.add_row(cells);
    }

    fn cells(&self, columns: &[Vec<String>; COLUMNS]) -> Vec<String> {
        if self.stacked {
            columns.iter().map(|fields| fields.join("\n")).collect()
        } else {
            columns.iter().flatten().cloned().collect()
        }
    }
}

impl<const COLUMNS: usize> std::fmt::Display for Listing<COLUMNS> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.table.lines().try_for_each(|line| writeln!(formatter, "{}", line.trim_end()))
    }
}

/// An instant for scripts: RFC 3339, UTC, microseconds.
pub fn instant(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S%.6fZ").to_string()
}

/// An instant for people, to the minute, in the shop's zone.
pub fn minute(at: Timestamp, zone: &TimeZone) -> String {
    at.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M").to_string()
}

/// An instant for people, to the second, in the shop's zone.
pub fn second(at: Timestamp, zone: &TimeZone) -> String {
    at.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M:%S").to_string()
}

/// An instant for disputes: to the second, in the shop's zone, with its offset from UTC.
pub fn exact(at: Timestamp, zone: &TimeZone) -> String {
    at.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M:%S %:z").to_string()
}

/// `text` with `indent` before each line that is not empty.
pub fn indented(text: &str, indent: &str) -> String {
    let mut indented = String::with_capacity(text.len());
    for line in text.lines() {
        let indent = if line.is_empty() { "" } else { indent };
        // Writing to a String cannot fail.
        let _ = writeln!(indented, "{indent}{line}");
    }
    indented
}

/// Shops by their ids, as `--shop` takes them; the id may be empty.
pub fn named(shop_ids: &[&str]) -> String {
    shop_ids.iter().map(|id| if id.is_empty() { "\"\"" } else { id }).collect::<Vec<_>>().join(", ")
}

/// `1 line`, `2 lines`.
pub fn count(number: usize, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

/// What a look at the shop read.
pub fn lines_read(lines: u64) -> String {
    format!("{lines} {} read", if lines == 1 { "line" } else { "lines" })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listing(width: Option<u16>) -> String {
        let mut listing = Listing::of_width([&["time", "id"], &["subject"]], width);
        listing.row(&[vec!["2026-11-23 16:32".into(), "01935abc".into()], vec!["Your camp stove is late ".repeat(4)]]);
        listing.to_string()
    }

    #[test]
    fn a_table_fits_the_terminal_and_stacks_what_belongs_together() {
        let shown = listing(Some(70));
        assert!(shown.lines().all(|line| line.chars().count() <= 70), "{shown}");
        let of_id = shown.lines().find(|line| line.contains("01935abc")).unwrap();
        assert!(!of_id.contains("16:32"), "{shown}");
    }

    #[test]
    fn in_a_pipe_every_row_is_one_line() {
        let shown = listing(None);
        assert_eq!(shown.lines().count(), 2, "{shown}");
        assert!(shown.lines().nth(1).unwrap().contains("2026-11-23 16:32  01935abc"), "{shown}");
    }

    #[test]
    fn instants_for_scripts_have_microseconds_always() {
        assert_eq!(instant("2026-11-23T16:32:05Z".parse().unwrap()), "2026-11-23T16:32:05.000000Z");
        assert_eq!(instant("2026-11-23T16:32:05.1234567Z".parse().unwrap()), "2026-11-23T16:32:05.123456Z");
    }

    #[test]
    fn the_shop_without_an_id_is_named_as_it_is_typed() {
        assert_eq!(named(&["", "berlin"]), "\"\", berlin");
    }
}
