//! One value of the shop's database, from the text the database gives to the type we keep.
//!
//! In: the text of one column, or NULL. Out: an id, a quantity, a day, an address ... or a [`Fault`] that names the
//! column, shows the beginning of the value and says how to mend it. Pure and total; an empty text counts as NULL.
//! What is left out without harm (a locale, a link) is dropped when it cannot be read; everything else is a fault.

use jiff::civil::{Date, DateTime};
use jiff::{Timestamp, tz::TimeZone};
use rust_decimal::Decimal;
use unic_langid::LanguageIdentifier;

use super::line::{Payment, RuleSet};

/// Ids are keys of our own tables, and PostgreSQL's indexes take no more than 2,704 bytes of a key of several columns.
const LONGEST_ID: usize = 500;
const LONGEST_NAME: usize = 1_000;
/// Of product names and reasons: enough for any sentence, and nothing that could burst a mail.
const LONGEST_TEXT: usize = 64 * 1024;
const LONGEST_URL: usize = 2_048;
/// Language, script and region are at its beginning (RFC 5646, section 4.4.1, counts with 35).
const LONGEST_TAG: usize = 64;
/// RFC 5321 4.5.3.1.3, without the angle brackets.
const LONGEST_ADDRESS: usize = 254;
/// No sum of three such numbers leaves the range of `Decimal`.
const LARGEST_NUMBER: Decimal = Decimal::from_parts(2_764_472_320, 232_830, 0, false, 0); // 10^15

/// How a day is written.
const DAY: &str = "YYYY-MM-DD";

/// Why a row cannot be read, for staff: the column, the beginning of the value, the mend.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Fault(pub String);

/// A value with the name of its column.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cell<'row> {
    pub column: &'static str,
    pub text: Option<&'row str>,
}

impl<'row> Cell<'row> {
    /// The text, unless it is NULL or blank.
    fn given(self) -> Option<&'row str> {
        self.text.filter(|text| !text.trim().is_empty())
    }

    fn fault(self, trouble: &str) -> Fault {
        Fault(format!("{} {} {trouble}", self.column, shown(self.text.unwrap_or_default())))
    }

    fn missing(self) -> Fault {
        Fault(format!("{} is empty; every row needs one", self.column))
    }

    /// A key, kept to the letter because other rows and the shop's own statements know it so.
    pub fn id(self) -> Result<String, Fault> {
        self.optional_id()?.ok_or_else(|| self.missing())
    }

    pub fn optional_id(self) -> Result<Option<String>, Fault> {
        let Some(text) = self.given() else { return Ok(None) };
        if text.len() > LONGEST_ID {
            return Err(self.fault(&format!("is longer than {LONGEST_ID} bytes; give a shorter key")));
        }
        if text.chars().any(|letter| is_break(letter) || is_bidi_override(letter)) {
            return Err(self.fault("holds a line break or another control character; remove it"));
        }
        Ok(Some(text.to_string()))
    }

    /// A person's name or an article number.
    pub fn name(self) -> Result<Option<String>, Fault> {
        self.cleaned(LONGEST_NAME)
    }

    /// A sentence or a product's name.
    pub fn words(self) -> Result<Option<String>, Fault> {
        self.cleaned(LONGEST_TEXT)
    }

    pub fn required_words(self) -> Result<String, Fault> {
        self.words()?.ok_or_else(|| self.missing())
    }

    /// A text for people: on one line, and nothing in it that turns the direction of what follows.
    fn cleaned(self, longest: usize) -> Result<Option<String>, Fault> {
        let Some(text) = self.given() else { return Ok(None) };
        if text.len() > longest {
            return Err(self.fault(&format!("is longer than {longest} bytes; shorten it")));
        }
        let mut clean = String::with_capacity(text.len());
        for letter in text.chars().filter(|letter| !is_bidi_override(*letter)) {
            let letter = if is_break(letter) { ' ' } else { letter };
            if letter != ' ' || !clean.ends_with(' ') {
                clean.push(letter);
            }
        }
        let clean = clean.trim();
        Ok((!clean.is_empty()).then(|| clean.to_string()))
    }

    /// One bare address that can be nothing but one recipient, in ASCII; its domain in lower case.
    pub fn email(self) -> Result<Option<String>, Fault> {
        let Some(text) = self.given().map(str::trim) else { return Ok(None) };
        if let Some(trouble) = trouble_of_address(text) {
            return Err(self.fault(trouble));
        }
        let domain_at = text.rfind('@').map_or(0, |at| at + 1);
        Ok(Some(format!("{}{}", &text[..domain_at], text[domain_at..].to_ascii_lowercase())))
    }

    /// `de`, `de_DE`, `de-DE`, `de_DE.UTF-8` in BCP 47; `None` for what is none: the shop's own locale serves then.
    pub fn locale(self) -> Option<String> {
        let text = self.given()?.trim();
        let mut tag = text.split(['.', '@']).next()?;
        tag = &tag[..tag.floor_char_boundary(LONGEST_TAG)];
        loop {
            match tag.parse::<LanguageIdentifier>() {
                Ok(mut language) if matches!(language.language.as_str().len(), 2 | 3) => {
                    language.clear_variants();
                    return Some(language.to_string()).filter(|tag| tag != "und");
                }
                // What follows language, script and region is of no use here, as in `pt_PT_ao90`.
                _ => tag = &tag[..tag.rfind(['_', '-'])?],
            }
        }
    }

    /// ISO 3166-1 alpha-2. The law that an order stands under hangs on it, so a guess would be worse than a fault.
    pub fn country(self) -> Result<Option<String>, Fault> {
        let Some(text) = self.given().map(str::trim) else { return Ok(None) };
        if text.len() != 2 || !text.bytes().all(|letter| letter.is_ascii_alphabetic()) {
            return Err(self.fault("is no country code; give two letters by ISO 3166-1, as in DE"));
        }
        Ok(Some(match text.to_ascii_uppercase().as_str() {
            // What tax offices and habit write for the United Kingdom and for Greece.
            "UK" => "GB".to_string(),
            "EL" => "GR".to_string(),
            code => code.to_string(),
        }))
    }

    /// ISO 4217.
    pub fn currency(self) -> Result<Option<String>, Fault> {
        let Some(text) = self.given().map(str::trim) else { return Ok(None) };
        if text.len() != 3 || !text.bytes().all(|letter| letter.is_ascii_alphabetic()) {
            return Err(self.fault("is no currency; give three letters by ISO 4217, as in EUR"));
        }
        Ok(Some(text.to_ascii_uppercase()))
    }

    /// An absolute `http` or `https` address; anything else (`javascript:`, a path without a host) is no link.
    pub fn url(self) -> Option<String> {
        let text = self.given()?.trim();
        let (scheme, rest) = text.split_once("://")?;
        let is_web = scheme.eq_ignore_ascii_case("https") || scheme.eq_ignore_ascii_case("http");
        let has_host = rest.starts_with(|first: char| first.is_alphanumeric() || first == '[');
        let is_plain = !text.contains(|letter: char| {
            letter.is_whitespace() || is_break(letter) || is_bidi_override(letter) || "<>\"'`\\{}|^".contains(letter)
        });
        (is_web && has_host && is_plain && text.len() <= LONGEST_URL).then(|| text.to_string())
    }

    /// Any number; `2`, `2.000` and `2e0` are the same afterwards.
    pub fn number(self) -> Result<Option<Decimal>, Fault> {
        let Some(text) = self.given().map(str::trim) else { return Ok(None) };
        // Longer texts are no quantities, and the reader of decimals also takes `1_000`.
        let plausible = text.len() <= 100 && text.bytes().all(|byte| b"0123456789+-.eE".contains(&byte));
        let number = text.parse::<Decimal>().ok().filter(|_| plausible);
        let Some(number) = number else { return Err(self.fault("is no number; give one such as 2 or 12.50")) };
        if number.abs() > LARGEST_NUMBER {
            return Err(self.fault("is too large a number to be true; give at most 10^15"));
        }
        Ok(Some(number.normalize()))
    }

    pub fn required_number(self) -> Result<Decimal, Fault> {
        self.number()?.ok_or_else(|| self.missing())
    }

    /// A number of pieces, zero or more.
    pub fn quantity(self) -> Result<Option<Decimal>, Fault> {
        match self.number()? {
            Some(number) if number < Decimal::ZERO => Err(self.fault("is below zero; give zero or more")),
            number => Ok(number),
        }
    }

    pub fn required_quantity(self) -> Result<Decimal, Fault> {
        self.quantity()?.ok_or_else(|| self.missing())
    }

    /// A day as `YYYY-MM-DD`. A time is a fault, because the day it falls on depends on the zone.
    pub fn date(self) -> Result<Option<Date>, Fault> {
        let Some(text) = self.given().map(str::trim) else { return Ok(None) };
        if is_zero_date(text) {
            return Ok(None);
        }
        match (day_at_the_beginning(text), text.len() == DAY.len()) {
            (Some(date), true) => self.believable(date, date).map(Some),
            (Some(_), false) => Err(self.fault("is a time, not a day; cast it to a date in the shop's time zone")),
            (None, _) => Err(self.fault("is no date; give it as YYYY-MM-DD")),
        }
    }

    /// An instant by RFC 3339 or as databases write it; without an offset it is UTC.
    pub fn time(self) -> Result<Option<Timestamp>, Fault> {
        let Some(text) = self.given().map(str::trim) else { return Ok(None) };
        if is_zero_date(text) {
            return Ok(None);
        }
        if text.len() == DAY.len() && day_at_the_beginning(text).is_some() {
            return Err(self.fault("is a day, not a time; cast it to a timestamp in UTC"));
        }
        let in_utc = || text.parse::<DateTime>().ok()?.to_zoned(TimeZone::UTC).ok().map(|zoned| zoned.timestamp());
        match text.parse::<Timestamp>().ok().or_else(in_utc) {
            Some(time) => self.believable(time, time.to_zoned(TimeZone::UTC).date()).map(Some),
            None => Err(self.fault("is no time; give it by RFC 3339, as in 2026-11-02T10:00:00Z")),
        }
    }

    /// Years far away stand for "never" or "unknown" in many databases, and would be told to customers.
    fn believable<T>(self, value: T, day: Date) -> Result<T, Fault> {
        match day.year() {
            1900..=2999 => Ok(value),
            _ => Err(self.fault("is in no believable year; give NULL where it is unknown")),
        }
    }

    /// How the line is paid; `paid` where the shop does not say.
    pub fn payment(self) -> Result<Payment, Fault> {
        match self.given().map(str::trim) {
            None | Some("paid") => Ok(Payment::Paid),
            Some("credit") => Ok(Payment::Credit),
            Some("on_delivery") => Ok(Payment::OnDelivery),
            Some("unpaid") => Ok(Payment::Unpaid),
            Some(_) => Err(self.fault("is unknown; give paid, credit, on_delivery or unpaid")),
        }
    }

    pub fn rules(self) -> Result<Option<RuleSet>, Fault> {
        match self.given().map(str::trim) {
            None => Ok(None),
            Some("us-ftc") => Ok(Some(RuleSet::UsFtc)),
            Some("uk") => Ok(Some(RuleSet::Uk)),
            Some("eu") => Ok(Some(RuleSet::Eu)),
            Some("none") => Ok(Some(RuleSet::None)),
            Some(_) => Err(self.fault("is unknown; give us-ftc, uk, eu, none or NULL")),
        }
    }
}

/// The first reason why `text` cannot be used as the one recipient of a mail.
fn trouble_of_address(text: &str) -> Option<&'static str> {
    if text.len() > LONGEST_ADDRESS {
        return Some("is longer than 254 bytes; no mail address is");
    }
    if text.chars().any(is_break) {
        return Some("holds a line break or another control character; give one bare address");
    }
    if text.contains(|letter: char| letter.is_whitespace() || ",;:<>()[]\"\\".contains(letter)) {
        return Some("holds a space, comma, bracket or quote; give one bare address without the name");
    }
    let Some((local, domain)) = text.split_once('@').filter(|(_, domain)| !domain.contains('@')) else {
        return Some("is no mail address; give one with a single @");
    };
    if !local.is_ascii() {
        return Some("has other than ASCII letters before the @; such addresses are not served");
    }
    if !domain.is_ascii() {
        return Some("has other than ASCII letters in its domain; give the domain in its xn-- form");
    }
    let local_is_good = local.len() <= 64
        && !local.split('.').any(str::is_empty)
        && local.bytes().all(|letter| letter.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~.".contains(&letter));
    let label_is_good = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|letter| letter.is_ascii_alphanumeric() || letter == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    (!local_is_good || !domain.split('.').all(label_is_good)).then_some("is no mail address; mend it in the shop")
}

/// Control characters and the two Unicode line separators.
fn is_break(letter: char) -> bool {
    letter.is_control() || matches!(letter, '\u{2028}' | '\u{2029}')
}

/// Characters that turn the direction of all that follows, up to the end of a mail.
fn is_bidi_override(letter: char) -> bool {
    matches!(letter, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

/// The day that a date or a time begins with.
fn day_at_the_beginning(text: &str) -> Option<Date> {
    // The reader of dates takes other forms of ISO 8601 too, such as 20261102.
    let day = text.get(..DAY.len()).filter(|day| day.as_bytes()[4] == b'-')?;
    day.parse().ok()
}

/// MySQL's way of saying that there is no date.
fn is_zero_date(text: &str) -> bool {
    text.starts_with("0000-00-00")
}

/// The beginning of a value for staff, in quotes and at most 60 characters; of what may be a mail address only two.
fn shown(text: &str) -> String {
    let most = if text.contains('@') { 2 } else { 56 };
    let mut shown = String::from('"');
    for letter in text.chars() {
        let hidden = is_break(letter) || is_bidi_override(letter);
        let letter = if hidden { letter.escape_debug().to_string() } else { letter.to_string() };
        if shown.chars().count() + letter.chars().count() > most + 1 {
            shown.push('…');
            break;
        }
        shown.push_str(&letter);
    }
    shown.push('"');
    shown
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    fn cell(text: &str) -> Cell<'_> {
        Cell { column: "column", text: Some(text) }
    }

    const NULL: Cell<'static> = Cell { column: "column", text: None };

    /// What staff read of a value that cannot be used.
    fn reason<T: std::fmt::Debug>(read: Result<T, Fault>) -> String {
        read.expect_err("a fault").0
    }

    #[test]
    fn an_empty_or_absent_value_is_none_and_where_one_is_needed_a_fault() {
        for blank in [NULL, cell(""), cell("  \t")] {
            assert_eq!(blank.optional_id(), Ok(None));
            assert_eq!(blank.words(), Ok(None));
            assert_eq!(blank.email(), Ok(None));
            assert_eq!(blank.locale(), None);
            assert_eq!(blank.country(), Ok(None));
            assert_eq!(blank.currency(), Ok(None));
            assert_eq!(blank.url(), None);
            assert_eq!(blank.quantity(), Ok(None));
            assert_eq!(blank.date(), Ok(None));
            assert_eq!(blank.time(), Ok(None));
            assert_eq!(blank.payment(), Ok(Payment::Paid));
            assert_eq!(blank.rules(), Ok(None));
            assert_eq!(reason(blank.id()), "column is empty; every row needs one");
            assert_eq!(reason(blank.required_words()), "column is empty; every row needs one");
            assert_eq!(reason(blank.required_quantity()), "column is empty; every row needs one");
        }
        assert_eq!(reason(cell("\u{202e}").required_words()), "column is empty; every row needs one");
    }

    #[test]
    fn ids_are_kept_to_the_letter_or_refused() {
        assert_eq!(cell(" 7/a ").id(), Ok(" 7/a ".into()));
        assert!(reason(cell("7\r\nBcc: x").id()).starts_with("column \"7\\r\\nBcc: x\" holds a line break"));
        assert!(reason(cell("7\0").id()).contains("control character"));
        assert!(reason(cell("7\u{202e}").id()).starts_with("column \"7\\u{202e}\" holds"));
        assert!(cell(&"x".repeat(500)).id().is_ok());
        assert!(reason(cell(&"x".repeat(501)).id()).ends_with("is longer than 500 bytes; give a shorter key"));
    }

    #[test]
    fn texts_for_people_come_on_one_line_and_turn_no_direction() {
        for (text, expected) in [
            (" Lamp ", "Lamp"),
            ("Lamp\r\n\tred", "Lamp red"),
            ("a\0b\u{85}c\u{2028}d", "a b c d"),
            ("\u{202e}pmaL\u{202c} \u{2066}x\u{2069}", "pmaL x"),
            ("שלום\u{200f}", "שלום\u{200f}"),
            ("<b>\"Ö'Neill\" & {{x}}</b>", "<b>\"Ö'Neill\" & {{x}}</b>"),
        ] {
            assert_eq!(cell(text).words(), Ok(Some(expected.into())));
        }
        assert!(cell(&"x".repeat(64 * 1024)).words().is_ok());
        assert!(reason(cell(&"x".repeat(64 * 1024 + 1)).words()).contains("is longer than 65536 bytes"));
        assert!(reason(cell(&"x".repeat(1_001)).name()).contains("is longer than 1000 bytes"));
    }

    #[test]
    fn an_address_is_one_recipient_that_a_mail_can_be_built_for() {
        for (text, expected) in [
            ("ada@example.com", "ada@example.com"),
            (" Ada.B+c@Example.COM ", "Ada.B+c@example.com"),
            ("o'neill_{x}@xn--mller-kva.example", "o'neill_{x}@xn--mller-kva.example"),
            ("ada@localhost", "ada@localhost"),
        ] {
            let address = cell(text).email().expect("no fault").expect("an address");
            assert_eq!(address, expected);
            assert!(address.parse::<lettre::Address>().is_ok(), "{address}");
        }
    }

    #[test]
    fn what_could_smuggle_a_second_recipient_or_a_header_is_a_fault() {
        let long_domain = format!("ada@{}.example", ["x".repeat(60).as_str(); 4].join("."));
        let long_local = format!("{}@example.com", "x".repeat(65));
        for (text, trouble) in [
            ("ada@example.com\nBcc: eve@example.com", "line break"),
            ("ada@example.com\r\n", ""),
            ("ada@exam\0ple.com", "control character"),
            ("ada@example.com, eve@example.com", "comma"),
            ("ada@example.com;eve@example.com", "comma"),
            ("Ada <ada@example.com>", "bracket"),
            ("ada lovelace@example.com", "space"),
            ("\"ada\"@example.com", "quote"),
            ("ada@[127.0.0.1]", "bracket"),
            ("ada@eve@example.com", "single @"),
            ("ada", "single @"),
            ("@example.com", "no mail address"),
            ("ada@", "no mail address"),
            ("ada@example..com", "no mail address"),
            ("ada@-example.com", "no mail address"),
            (".ada@example.com", "no mail address"),
            ("ada@exam_ple.com", "no mail address"),
            ("bücher@example.com", "before the @"),
            ("ada@bücher.example", "xn--"),
            (long_domain.as_str(), "254"),
            (long_local.as_str(), "no mail address"),
        ] {
            if trouble.is_empty() {
                assert_eq!(cell(text).email(), Ok(Some("ada@example.com".into())), "white space around is no harm");
            } else {
                let reason = reason(cell(text).email());
                assert!(reason.contains(trouble), "{text:?}: {reason}");
                assert!(!reason.contains("ada@example.com"), "{reason}");
            }
        }
    }

    #[test]
    fn locales_of_every_habit_become_bcp_47_and_nonsense_is_none() {
        for (text, expected) in [
            ("de", Some("de")),
            ("de_DE", Some("de-DE")),
            ("de-DE", Some("de-DE")),
            ("de_DE.UTF-8", Some("de-DE")),
            ("de_DE@euro", Some("de-DE")),
            ("de_DE_formal", Some("de-DE")),
            ("pt_PT_ao90", Some("pt-PT")),
            ("en-us", Some("en-US")),
            ("ZH-hans-cn", Some("zh-Hans-CN")),
            ("es_419", Some("es-419")),
            ("de-x", Some("de")),
            ("C", None),
            ("POSIX", None),
            ("german", None),
            ("und", None),
            ("12", None),
            ("_", None),
        ] {
            assert_eq!(cell(text).locale().as_deref(), expected, "{text}");
        }
        let endless = format!("de-DE{}", "-a".repeat(500_000));
        assert_eq!(cell(&endless).locale().as_deref(), Some("de-DE"));
    }

    #[test]
    fn countries_and_currencies_are_codes() {
        for (text, expected) in [("de", "DE"), (" US ", "US"), ("uk", "GB"), ("EL", "GR")] {
            assert_eq!(cell(text).country(), Ok(Some(expected.into())));
        }
        for text in ["Germany", "DEU", "D1", "ü", "49"] {
            assert!(reason(cell(text).country()).contains("ISO 3166-1"), "{text}");
        }
        assert_eq!(cell("eur").currency(), Ok(Some("EUR".into())));
        assert!(reason(cell("€").currency()).contains("ISO 4217"));
    }

    #[test]
    fn only_absolute_web_addresses_are_links() {
        for text in ["https://shop.example/a?b=c&d=%20#e", "HTTP://shop.example", "https://shop.example/läufer"] {
            assert_eq!(cell(text).url().as_deref(), Some(text));
        }
        let long = format!("https://shop.example/{}", "x".repeat(2_048));
        for text in [
            "javascript:alert(1)",
            "javascript://%0aalert(1)",
            "data:text/html,x",
            "/products/lamp",
            "//shop.example",
            "https://",
            "https:///x",
            "ftp://shop.example",
            "https://shop.example/a b",
            "https://shop.example/\n",
            "https://shop.example/\"onload=x",
            "https://shop.example/\u{202e}",
            long.as_str(),
        ] {
            if text.trim() == text {
                assert_eq!(cell(text).url(), None, "{text}");
            }
        }
    }

    #[test]
    fn numbers_are_the_same_however_they_are_written() {
        for (text, expected) in [
            ("2", "2"),
            ("2.000", "2"),
            ("2.0", "2"),
            ("+2", "2"),
            ("2e0", "2"),
            ("1e3", "1000"),
            ("1.5e-1", "0.15"),
            ("12.50", "12.5"),
            (".5", "0.5"),
            ("0", "0"),
            ("-0.0", "0"),
            (" 3 ", "3"),
            ("0.333333333333333333333333333333333333", "0.3333333333333333333333333333"),
        ] {
            let quantity = cell(text).quantity().expect("no fault").expect("a number");
            assert_eq!(quantity.to_string(), expected, "{text}");
        }
        for text in ["two", "1,5", "NaN", "Infinity", "1_000", "0x10", "1e", "--1", "1e999999999", "t"] {
            assert!(reason(cell(text).quantity()).contains("number"), "{text}");
        }
        assert!(reason(cell("-0.5").quantity()).contains("below zero"));
        assert_eq!(cell("-0.5").number(), Ok(Some(Decimal::new(-5, 1))));
        assert!(cell("1000000000000000").quantity().is_ok());
        assert!(reason(cell("1000000000000001").quantity()).contains("too large"));
        assert!(reason(cell("-1e16").number()).contains("too large"));
    }

    #[test]
    fn a_day_is_a_day_and_a_time_is_told_how_to_become_one() {
        assert_eq!(cell("2026-11-02").date(), Ok(Some(date(2026, 11, 2))));
        assert_eq!(cell("2028-02-29").date(), Ok(Some(date(2028, 2, 29))));
        for zero in ["0000-00-00", "0000-00-00 00:00:00", "0000-00-00 00:00:00.000000"] {
            assert_eq!(cell(zero).date(), Ok(None));
            assert_eq!(cell(zero).time(), Ok(None));
        }
        for text in ["2026-11-02 10:00:00", "2026-11-02T10:00:00Z", "2026-11-02 10:00:00+02", "2026-11-02 00:00:00"] {
            assert!(reason(cell(text).date()).contains("cast it to a date in the shop's time zone"), "{text}");
        }
        for text in ["02.11.2026", "2026-02-29", "2026-13-01", "20261102", "infinity", "soon", "1793577600"] {
            assert!(reason(cell(text).date()).contains("column"), "{text}");
        }
        assert!(reason(cell("9999-12-31").date()).contains("believable"));
    }

    #[test]
    fn instants_of_every_database_are_read_and_without_an_offset_are_utc() {
        let expected = "2026-11-02T10:00:00.25Z".parse().ok();
        for text in [
            "2026-11-02T10:00:00.25Z",
            "2026-11-02T12:00:00.25+02:00",
            "2026-11-02 12:00:00.25+02",
            "2026-11-02 10:00:00.25+00",
            "2026-11-02 10:00:00.250000",
            "2026-11-02T10:00:00.25",
            "2026-11-02 15:30:00.25+05:30",
            "2026-11-02t10:00:00.25z",
        ] {
            assert_eq!(cell(text).time(), Ok(expected), "{text}");
        }
        assert_eq!(cell("2026-11-02 10:00").time(), Ok("2026-11-02T10:00:00Z".parse().ok()));
        assert!(reason(cell("2026-11-02").time()).contains("is a day, not a time"));
        for text in ["10:00", "1793577600", "infinity", "2026-11-02 25:00:00", "yesterday"] {
            assert!(reason(cell(text).time()).contains("column"), "{text}");
        }
        assert!(reason(cell("9000-01-01 00:00:00").time()).contains("believable"));
    }

    #[test]
    fn payment_and_rules_are_known_words() {
        assert_eq!(cell("on_delivery").payment(), Ok(Payment::OnDelivery));
        assert_eq!(cell("us-ftc").rules(), Ok(Some(RuleSet::UsFtc)));
        assert_eq!(cell("none").rules(), Ok(Some(RuleSet::None)));
        assert_eq!(
            reason(cell("cash").payment()),
            "column \"cash\" is unknown; give paid, credit, on_delivery or unpaid"
        );
        assert_eq!(reason(cell("fr").rules()), "column \"fr\" is unknown; give us-ftc, uk, eu, none or NULL");
    }

    #[test]
    fn a_shown_value_is_at_most_sixty_letters_and_no_whole_address() {
        assert_eq!(shown("a\nb"), "\"a\\nb\"");
        assert_eq!(shown("ada@example.com"), "\"ad…\"");
        assert_eq!(shown(&"ä".repeat(56)).chars().count(), 58);
        assert_eq!(shown(&"ä".repeat(1_000)).chars().count(), 59);
        assert!(shown(&"\u{202e}".repeat(1_000)).chars().count() <= 60);
    }
}
