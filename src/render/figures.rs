//! Days, hours, quantities and prices as the customer's locale writes them.
//!
//! In: a value and a locale. Out: text such as `February 10, 2027`, `2,5` or `49,90 €`. Nothing can go wrong: what ICU
//! has no data for is written plainly (`2027-02-10`, `2.5`), which everyone can read.

use std::str::FromStr;

use icu_calendar::Date as IcuDate;
use icu_datetime::fieldsets::{YMD, YMDT, zone::SpecificShort};
use icu_datetime::input::{DateTime, Time, TimeZone, UtcOffset, ZonedDateTime};
use icu_datetime::DateTimeFormatter;
use icu_decimal::{DecimalFormatter, input::Decimal as IcuDecimal};
use icu_experimental::dimension::currency::CurrencyType;
use icu_experimental::dimension::currency::formatter::CurrencyFormatter;
use icu_locale::Locale;
use jiff::{Zoned, civil::Date};
use rust_decimal::Decimal;

/// The formatters of one locale. Making them costs about a microsecond each.
pub struct Figures {
    locale: Locale,
    days: Option<DateTimeFormatter<YMD>>,
    numbers: Option<DecimalFormatter>,
}

impl Figures {
    pub fn of(locale: &Locale) -> Figures {
        Figures {
            days: DateTimeFormatter::try_new(locale.into(), YMD::long()).ok(),
            numbers: DecimalFormatter::try_new(locale.into(), Default::default()).ok(),
            locale: locale.clone(),
        }
    }

    /// A day with its month's name, in the calendar that the locale lives by.
    pub fn day(&self, day: Date) -> String {
        match (&self.days, icu_day(day)) {
            (Some(days), Some(icu_day)) => days.format(&icu_day).to_string(),
            _ => day.to_string(),
        }
    }

    /// An instant to the minute, with the short name of its zone: `November 23, 2026 at 9:30 AM EST`.
    pub fn moment(&self, at: &Zoned) -> String {
        let moments = DateTimeFormatter::try_new((&self.locale).into(), YMDT::long().hm().with_zone(SpecificShort)).ok();
        match (moments, icu_moment(at)) {
            (Some(moments), Some(icu_moment)) => moments.format(&icu_moment).to_string(),
            _ => at.strftime("%Y-%m-%d %H:%M %Z").to_string(),
        }
    }

    /// A number of pieces: whole numbers without decimals, others with as many as they have.
    pub fn quantity(&self, quantity: Decimal) -> String {
        let plain = quantity.normalize().to_string();
        match (&self.numbers, IcuDecimal::from_str(&plain)) {
            (Some(numbers), Ok(number)) => numbers.format(&number).to_string(),
            _ => plain,
        }
    }

    /// A price in major units of an ISO 4217 currency. A code that is none is written behind the number.
    ///
    /// The only place that knows ICU's currency formatter, whose interface is still experimental.
    pub fn price(&self, price: Decimal, currency: &str) -> String {
        let plain = price.normalize().to_string();
        let formatter = CurrencyType::from_str(&currency.to_ascii_lowercase()).ok().and_then(|currency| {
            CurrencyFormatter::try_new_symbol((&self.locale).into(), currency, Default::default()).ok()
        });
        match (formatter, IcuDecimal::from_str(&plain)) {
            (Some(formatter), Ok(number)) => formatter.format_fixed_decimal(&number).to_string(),
            _ => format!("{} {currency}", self.quantity(price)),
        }
    }
}

fn icu_day(day: Date) -> Option<IcuDate<Iso>> {
    IcuDate::try_new_iso(i32::from(day.year()), day.month().unsigned_abs(), day.day().unsigned_abs()).ok()
}

fn icu_moment(at: &Zoned) -> Option<ZonedDateTime<Iso, TimeZoneInfo<AtTime>>> {
    let time = Time::try_new(at.hour().unsigned_abs(), at.minute().unsigned_abs(), 0, 0).ok()?;
    let date_time = DateTime { date: icu_day(at.date())?, time };
    let id = at.time_zone().iana_name().map_or(TimeZone::UNKNOWN, TimeZone::from_iana_id);
    let offset = UtcOffset::try_from_seconds(at.offset().seconds()).ok();
    Some(ZonedDateTime { date: date_time.date, time, zone: id.with_offset(offset).at_date_time_iso(date_time) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figures(locale: &str) -> Figures {
        Figures::of(&locale.parse().unwrap())
    }

    /// ICU binds with spaces that do not break; here they only make the table hard to read.
    fn plain_spaces(text: &str) -> String {
        text.replace(['\u{a0}', '\u{202f}'], " ")
    }

    #[test]
    fn days_have_their_months_name_in_the_locales_order() {
        let day = jiff::civil::date(2027, 2, 10);
        let cases = [
            ("en-US", "February 10, 2027"),
            ("en-GB", "10 February 2027"),
            ("de", "10. Februar 2027"),
            ("de-AT", "10. Februar 2027"),
            ("fr", "10 février 2027"),
            ("ja", "2027年2月10日"),
        ];
        for (locale, expected) in cases {
            assert_eq!(figures(locale).day(day), expected, "{locale}");
        }
        assert_eq!(figures("de-AT").day(jiff::civil::date(2027, 1, 5)), "5. Jänner 2027");
        assert_eq!(figures("xx").day(day), figures("und").day(day));
    }

    #[test]
    fn hours_are_told_in_the_shops_zone_by_its_name() {
        let at: jiff::Timestamp = "2026-11-23T14:30:59Z".parse().unwrap();
        let cases = [
            ("America/New_York", "en-US", "November 23, 2026 at 9:30 AM EST"),
            ("Europe/Berlin", "de-DE", "23. November 2026 um 15:30 MEZ"),
            ("Europe/Berlin", "en-US", "November 23, 2026 at 3:30 PM GMT+1"),
            ("UTC", "en-GB", "23 November 2026 at 14:30 UTC"),
        ];
        for (zone, locale, expected) in cases {
            let at = at.in_tz(zone).unwrap();
            assert_eq!(plain_spaces(&figures(locale).moment(&at)), expected);
        }
        let summer = "2026-07-01T14:30[America/New_York]".parse().unwrap();
        assert_eq!(plain_spaces(&figures("en-US").moment(&summer)), "July 1, 2026 at 2:30 PM EDT");
        let fixed = at.to_zoned(jiff::tz::TimeZone::fixed(jiff::tz::offset(-3)));
        assert_eq!(plain_spaces(&figures("en-US").moment(&fixed)), "November 23, 2026 at 11:30 AM GMT-3");
    }

    #[test]
    fn quantities_show_decimals_only_where_they_have_some() {
        let cases = [("3.000", "en", "3"), ("2.50", "en", "2.5"), ("2.50", "de", "2,5"), ("12000", "de", "12.000")];
        for (quantity, locale, expected) in cases {
            assert_eq!(figures(locale).quantity(quantity.parse().unwrap()), expected);
        }
    }

    #[test]
    fn prices_have_the_currencys_own_decimals() {
        let cases = [
            ("49.9", "USD", "en-US", "$49.90"),
            ("1234.5", "EUR", "de", "1.234,50 €"),
            ("1234.5", "EUR", "en-US", "€1,234.50"),
            ("980", "JPY", "en-US", "¥980"),
            ("49.9", "Taler", "en", "49.9 Taler"),
        ];
        for (price, currency, locale, expected) in cases {
            assert_eq!(plain_spaces(&figures(locale).price(price.parse().unwrap(), currency)), expected);
        }
    }
}
