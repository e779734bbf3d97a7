//! `backorderd dates import FILE.csv`: expected dates by product, from the supplier.
//!
//! In: a table with the columns `product_key`, `expected_on` and, if wanted, `reason`, their order free. Out: recorded
//! dates, of which the next sweep makes use. One bad row and nothing is imported; then all bad rows are listed with
//! their lines, so that one look at the file mends them all.

use std::collections::HashMap;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::{Args, Subcommand};

use super::General;
use super::output::{count, say};
use crate::shop::stock::Expected;

/// What Excel writes before a text in UTF-8.
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();
const PRODUCT_KEY: &str = "product_key";
const EXPECTED_ON: &str = "expected_on";
const REASON: &str = "reason";

#[derive(Debug, Args)]
pub struct DatesArguments {
    #[command(subcommand)]
    command: DatesCommand,
}

#[derive(Debug, Subcommand)]
enum DatesCommand {
    /// Take over expected dates by product from a CSV file (columns product_key, expected_on, reason).
    Import {
        /// The file; `-` is standard input.
        #[arg(value_name = "FILE.csv")]
        file: PathBuf,
    },
}

impl DatesArguments {
    pub async fn run(self, general: &General) -> anyhow::Result<ExitCode> {
        let DatesCommand::Import { file } = self.command;
        let bytes = read(&file)?;
        let dates = match parse(&bytes)? {
            Ok(dates) => dates,
            Err(bad) => {
                for row in &bad {
                    eprintln!("line {}: {}", row.line, row.reason);
                }
                bail!("nothing was imported: {} cannot be read", count(bad.len(), "row", "rows"));
            }
        };
        let app = general.app().await?;
        app.store.import_dates(&dates, app.clock.now()).await?;
        let unknown = dates.iter().filter(|date| date.expected_on.is_none()).count();
        let of_them = if unknown > 0 { format!(", {unknown} of them unknown") } else { String::new() };
        say!("{} imported{of_them}; the next sweep uses them", count(dates.len(), "date", "dates"));
        Ok(ExitCode::SUCCESS)
    }
}

fn read(file: &Path) -> anyhow::Result<Vec<u8>> {
    if file != Path::new("-") {
        return std::fs::read(file).with_context(|| format!("cannot read {}", file.display()));
    }
    let mut bytes = Vec::new();
    std::io::stdin().lock().read_to_end(&mut bytes).context("cannot read standard input")?;
    Ok(bytes)
}

/// A row that cannot be imported.
#[derive(Debug, PartialEq, Eq)]
struct BadRow {
    /// In the file, from 1.
    line: u64,
    reason: String,
}

/// Reads the table: the dates, or all rows that are bad.
///
/// # Errors
/// A header that lacks a column.
fn parse(bytes: &[u8]) -> anyhow::Result<Result<Vec<Expected>, Vec<BadRow>>> {
    let bytes = bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes);
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(separator(bytes))
        .flexible(true)
        .trim(csv::Trim::Headers)
        .from_reader(bytes);
    let header = reader.headers().context("the first line is no header")?.clone();
    let column = |name: &str| header.iter().position(|column| column.eq_ignore_ascii_case(name));
    let (Some(product_key), Some(expected_on)) = (column(PRODUCT_KEY), column(EXPECTED_ON)) else {
        bail!(
            "the first line must name the columns {PRODUCT_KEY},{EXPECTED_ON},{REASON}, and it reads: {}",
            header.iter().collect::<Vec<_>>().join(",")
        );
    };
    let reason = column(REASON);
    let (mut dates, mut bad): (Vec<Expected>, _) = (Vec::new(), Vec::new());
    let mut lines: HashMap<String, u64> = HashMap::new();
    for row in reader.records() {
        let row = match row {
            Ok(row) => row,
            Err(error) => {
                let line = error.position().map_or(0, |position| line_of(position, bytes));
                bad.push(BadRow { line, reason: "it is no text in UTF-8; save the file as UTF-8".into() });
                continue;
            }
        };
        let line = row.position().map_or(0, |position| line_of(position, bytes));
        match date(&row, header.len(), [Some(product_key), Some(expected_on), reason], &lines) {
            Ok(date) => {
                lines.insert(date.product_key.clone(), line);
                dates.push(date);
            }
            Err(reason) => bad.push(BadRow { line, reason }),
        }
    }
    Ok(if bad.is_empty() { Ok(dates) } else { Err(bad) })
}

/// The line that a row stands in, as an editor counts; its position is that of the empty lines before it.
fn line_of(position: &csv::Position, bytes: &[u8]) -> u64 {
    let rest = usize::try_from(position.byte()).ok().and_then(|at| bytes.get(at..)).unwrap_or_default();
    let empty = rest.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).filter(|byte| **byte == b'\n').count();
    position.line() + empty as u64
}

/// The date in one row, whose columns are at these places.
fn date(
    row: &csv::StringRecord,
    columns: usize,
    places: [Option<usize>; 3],
    lines: &HashMap<String, u64>,
) -> Result<Expected, String> {
    if row.len() != columns {
        let (found, wanted) = (count(row.len(), "value", "values"), count(columns, "column", "columns"));
        return Err(format!("it has {found} for {wanted}; put a value that holds the separator in double quotes"));
    }
    let date = Expected::of_texts(places.map(|place| row.get(place?).map(str::trim)))?;
    match lines.get(&date.product_key) {
        Some(line) => Err(format!("product {} has a date in line {line} already; keep one of them", date.product_key)),
        None => Ok(date),
    }
}

/// The separator of the header: whichever of `,`, `;` and the tabulator it has most of.
fn separator(bytes: &[u8]) -> u8 {
    let header = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let frequency = |separator: &u8| header.split(|byte| byte == separator).count();
    *b"\t;,".iter().max_by_key(|separator| frequency(separator)).unwrap_or(&b',')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Vec<(String, Option<String>, Option<String>)> {
        let row = |date: Expected| (date.product_key, date.expected_on.map(|day| day.to_string()), date.reason);
        parse(text.as_bytes()).unwrap().unwrap().into_iter().map(row).collect()
    }

    fn bad(text: &str) -> Vec<(u64, String)> {
        let row = |bad: BadRow| (bad.line, bad.reason);
        parse(text.as_bytes()).unwrap().unwrap_err().into_iter().map(row).collect()
    }

    fn row(key: &str, day: Option<&str>, reason: Option<&str>) -> (String, Option<String>, Option<String>) {
        (key.into(), day.map(Into::into), reason.map(Into::into))
    }

    #[test]
    fn the_order_of_columns_the_separator_and_a_byte_order_mark_are_free() {
        let lamp = row("LAMP", Some("2027-02-10"), Some("Late, at sea"));
        let stove = row("STOVE", None, None);
        assert_eq!(
            parsed("product_key,expected_on,reason\nLAMP,2027-02-10,\"Late, at sea\"\nSTOVE,,\n"),
            [lamp.clone(), stove.clone()]
        );
        assert_eq!(
            parsed("\u{feff}Reason; expected_on ;product_key\r\nLate, at sea;2027-02-10;LAMP\r\n;;STOVE"),
            [lamp, stove]
        );
        assert_eq!(parsed("expected_on\tproduct_key\n2027-02-10\tA\n"), [row("A", Some("2027-02-10"), None)]);
        assert_eq!(parsed("product_key,expected_on\n"), []);
    }

    #[test]
    fn every_bad_row_is_listed_with_its_line_and_the_mend() {
        let bad =
            bad("product_key,expected_on,reason\nLAMP,10.2.2027,\n,2027-02-10,\n\nA,2027-02-10\nB,,\nB,2027-01-01,\n");
        let lines: Vec<u64> = bad.iter().map(|(line, _)| *line).collect();
        assert_eq!(lines, [2, 3, 5, 7]);
        let expected = ["give it as YYYY-MM-DD", "product_key is empty", "2 values for 3 columns", "in line 6 already"];
        for ((_, reason), expected) in bad.iter().zip(expected) {
            assert!(reason.contains(expected), "{reason}");
        }
    }

    #[test]
    fn a_header_that_lacks_a_column_is_shown_what_it_should_be() {
        let error = parse(b"sku,date\nLAMP,2027-02-10\n").unwrap_err().to_string();
        assert!(error.contains("product_key,expected_on,reason") && error.contains("sku,date"), "{error}");
        assert!(parse(b"").is_err());
    }
}
