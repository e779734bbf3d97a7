//! Days, hours, quantities and prices as the customer's locale writes them.
//!
//! In: a value and a locale. Out: text such as `February 10, 2027`, `2,5` or `49,90 €`. Nothing can go wrong: what ICU
//! has no data for is written plainly (`2027-02-10`, `2.5`), which everyone can read.

use std::cell::{OnceCell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::str::FromStr;

use icu_calendar::Date as IcuDate;
use icu_datetime::DateTimeFormatter;
use icu_datetime::fieldsets::{YMD, YMDT, zone::SpecificShort};
use icu_datetime::input::{self, TimeZone, UtcOffset, ZonedDateTime};
use icu_decimal::{DecimalFormatter, input::Decimal as IcuDecimal};
use icu_experimental::dimension::currency::CurrencyType;
use icu_experimental::dimension::currency::formatter::CurrencyFormatter;
use icu_locale::Locale;
use jiff::Zoned;
use jiff::civil::{Date, DateTime};
use rust_decimal::Decimal;

/// So many locales keep their formatters. A shop has few; those of whoever makes up more are made anew each time.
const MOST_LOCALES: usize = 32;

thread_local! {
    /// The formatters that were made on this thread; they do not go from one to another.
    static MADE: RefCell<HashMap<Locale, Rc<Figures>>> = RefCell::default();
}

/// The formatters of one locale, made when first used.
pub struct Figures {
    locale: Locale,
    days: OnceCell<Option<DateTimeFormatter<YMD>>>,
    moments: OnceCell<Option<DateTimeFormatter<YMDT>>>,
    numbers: OnceCell<Option<DecimalFormatter>>,
}

impl Figures {
    pub fn of(locale: &Locale) -> Rc<Figures> {
        MADE.with_borrow_mut(|made| {
            if let Some(figures) = made.get(locale) {
                return figures.clone();
            }
            let figures = Rc::new(Figures {
                locale: locale.clone(),
                days: OnceCell::new(),
                moments: OnceCell::new(),
                numbers: OnceCell::new(),
            });
            if made.len() < MOST_LOCALES {
                made.insert(locale.clone(), figures.clone());
            }
            figures
        })
    }

    fn days(&self) -> Option<&DateTimeFormatter<YMD>> {
        self.days.get_or_init(|| DateTimeFormatter::try_new((&self.locale).into(), YMD::long()).ok()).as_ref()
    }

    fn moments(&self) -> Option<&DateTimeFormatter<YMDT>> {
        let make = || DateTimeFormatter::try_new((&self.locale).into(), YMD::long().with_time_hm()).ok();
        self.moments.get_or_init(make).as_ref()
    }

    fn numbers(&self) -> Option<&DecimalFormatter> {
        self.numbers.get_or_init(|| DecimalFormatter::try_new((&self.locale).into(), Default::default()).ok()).as_ref()
    }

    /// A day with its month's name, in the calendar that the locale lives by.
    pub fn day(&self, day: Date) -> String {
        match (self.days(), icu_day(day)) {
            (Some(days), Some(icu_day)) => days.format(&icu_day).to_string(),
            _ => day.to_string(),
        }
    }

    /// A moment to the minute, by the clocks of the shop.
    pub fn moment(&self, moment: DateTime) -> String {
        let (hour, minute) = (moment.hour().unsigned_abs(), moment.minute().unsigned_abs());
        let time = input::Time::try_new(hour, minute, 0, 0);
        match (self.moments(), icu_day(moment.date()), time) {
            (Some(moments), Some(date), Ok(time)) => moments.format(&input::DateTime { date, time }).to_string(),
            _ => moment.strftime("%Y-%m-%d %H:%M").to_string(),
        }
    }

    /// A moment to the minute with the short name of its zone, for what is kept: `November 23, 2026 at 9:30 AM EST`.
    pub fn moment_in_zone(&self, moment: &Zoned) -> String {
        let fields = YMD::long().with_time_hm().with_zone(SpecificShort);
        let formatter = DateTimeFormatter::try_new((&self.locale).into(), fields).ok();
        let (hour, minute) = (moment.hour().unsigned_abs(), moment.minute().unsigned_abs());
        let time = input::Time::try_new(hour, minute, 0, 0);
        let (Some(formatter), Some(date), Ok(time)) = (formatter, icu_day(moment.date()), time) else {
            return moment.strftime("%Y-%m-%d %H:%M %Z").to_string();
        };
        let zone = moment.time_zone().iana_name().map_or(TimeZone::UNKNOWN, TimeZone::from_iana_id);
        let offset = UtcOffset::try_from_seconds(moment.offset().seconds()).ok();
        let zone = zone.with_offset(offset).at_date_time(input::DateTime { date, time });
        formatter.format(&ZonedDateTime { date, time, zone }).to_string()
    }

    /// A number of pieces: whole numbers without decimals, others with as many as they have.
    pub fn quantity(&self, quantity: Decimal) -> String {
        let plain = quantity.normalize().to_string();
        match (self.numbers(), IcuDecimal::from_str(&plain)) {
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

fn icu_day(day: Date) -> Option<IcuDate<icu_calendar::Iso>> {
    IcuDate::try_new_iso(i32::from(day.year()), day.month().unsigned_abs(), day.day().unsigned_abs()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figures(locale: &str) -> Rc<Figures> {
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
    fn moments_have_the_day_and_the_minute() {
        let moment = jiff::civil::date(2027, 2, 10).at(15, 5, 59, 0);
        let cases = [("en-US", "February 10, 2027 at 3:05 PM"), ("de", "10. Februar 2027 um 15:05")];
        for (locale, expected) in cases {
            assert_eq!(plain_spaces(&figures(locale).moment(moment)), expected);
        }
    }

    #[test]
    fn a_moment_that_is_kept_names_its_zone() {
        let at: jiff::Timestamp = "2026-11-23T14:30:59Z".parse().unwrap();
        let cases = [
            ("America/New_York", "en-US", "November 23, 2026 at 9:30 AM EST"),
            ("Europe/Berlin", "de-DE", "23. November 2026 um 15:30 MEZ"),
            ("Europe/Berlin", "en-US", "November 23, 2026 at 3:30 PM GMT+1"),
            ("UTC", "en-GB", "23 November 2026 at 14:30 UTC"),
        ];
        for (zone, locale, expected) in cases {
            assert_eq!(plain_spaces(&figures(locale).moment_in_zone(&at.in_tz(zone).unwrap())), expected);
        }
        let summer = "2026-07-01T14:30[America/New_York]".parse().unwrap();
        assert_eq!(plain_spaces(&figures("en-US").moment_in_zone(&summer)), "July 1, 2026 at 2:30 PM EDT");
        let fixed = at.to_zoned(jiff::tz::TimeZone::fixed(jiff::tz::offset(-3)));
        assert_eq!(plain_spaces(&figures("en-US").moment_in_zone(&fixed)), "November 23, 2026 at 11:30 AM GMT-3");
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
