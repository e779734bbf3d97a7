//! Which notifications a command means, by what the sent-log knows of them.
//!
//! In: options. Out: a [`LogFilter`], and the same in the words that were typed, for the record.

use clap::Args;
use jiff::{Timestamp, civil::Date, tz::TimeZone};

use crate::app::App;
use crate::outbox::notification::{Kind, MAIL, State, WEBHOOK};
use crate::shell::quoted;
use crate::store::log::LogFilter;

#[derive(Debug, Args)]
pub struct FilterArguments {
    /// Of this order: its id or its number.
    #[arg(long, value_name = "ORDER")]
    order: Option<String>,
    /// To this address.
    #[arg(long, value_name = "ADDRESS")]
    email: Option<String>,
    /// That speak of this product: its key or its SKU.
    #[arg(long, value_name = "PRODUCT")]
    product: Option<String>,
    /// That carry news of this kind.
    #[arg(long, value_parser = kind)]
    kind: Option<Kind>,
    /// In this state.
    #[arg(long, value_parser = state)]
    pub state: Option<State>,
    /// Made on this day or later: YYYY-MM-DD in the shop's zone, or an instant by RFC 3339.
    #[arg(long, value_name = "WHEN", value_parser = when)]
    since: Option<When>,
    /// Made on this day or before it, or before this instant.
    #[arg(long, value_name = "WHEN", value_parser = when)]
    until: Option<When>,
    /// Of this shop, where several are in one database.
    #[arg(long, value_name = "SHOP_ID")]
    shop: Option<String>,
    /// That go out on this channel.
    #[arg(long, value_parser = [MAIL, WEBHOOK])]
    channel: Option<String>,
}

/// A moment as an operator names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum When {
    Day(Date),
    Instant(Timestamp),
}

impl When {
    fn begins(self, zone: &TimeZone) -> anyhow::Result<Timestamp> {
        match self {
            When::Day(day) => Ok(day.to_zoned(zone.clone())?.timestamp()),
            When::Instant(at) => Ok(at),
        }
    }

    fn ends(self, zone: &TimeZone) -> anyhow::Result<Timestamp> {
        match self {
            When::Day(day) => When::Day(day.tomorrow()?).begins(zone),
            When::Instant(at) => Ok(at),
        }
    }

    fn typed(self) -> String {
        match self {
            When::Day(day) => day.to_string(),
            When::Instant(at) => at.to_string(),
        }
    }
}

impl FilterArguments {
    /// What is let through; `limit` is for a list that has one.
    pub fn filter(&self, app: &App, limit: i64) -> anyhow::Result<LogFilter> {
        let zone = app.settings.shop(self.shop.as_deref().unwrap_or_default()).shop.time_zone;
        Ok(LogFilter {
            order: self.order.clone(),
            email: self.email.clone(),
            product: self.product.clone(),
            kind: self.kind,
            states: self.state.into_iter().collect(),
            since: self.since.map(|since| since.begins(&zone)).transpose()?,
            until: self.until.map(|until| until.ends(&zone)).transpose()?,
            shop_id: self.shop.clone(),
            channel: self.channel.clone(),
            limit,
        })
    }

    /// As it was typed; empty: nothing was.
    pub fn typed(&self) -> String {
        let options = [
            ("order", self.order.clone()),
            ("email", self.email.clone()),
            ("product", self.product.clone()),
            ("kind", self.kind.map(|kind| kind.word().to_owned())),
            ("state", self.state.map(|state| state.word().to_owned())),
            ("since", self.since.map(When::typed)),
            ("until", self.until.map(When::typed)),
            ("shop", self.shop.clone()),
            ("channel", self.channel.clone()),
        ];
        let typed = |(name, value): (&str, Option<String>)| Some(format!("--{name} {}", quoted(&value?)));
        options.into_iter().filter_map(typed).collect::<Vec<_>>().join(" ")
    }

    /// Whether it says more than which shop.
    pub fn narrows(&self) -> bool {
        let Some(shop) = &self.shop else { return !self.typed().is_empty() };
        self.typed() != format!("--shop {}", quoted(shop))
    }
}

/// Reads a kind, or says which there are.
fn kind(word: &str) -> Result<Kind, String> {
    let words = || Kind::ALL.map(Kind::word).join(", ");
    Kind::of_word(word).ok_or_else(|| format!("there is no such kind; write one of {}", words()))
}

fn state(word: &str) -> Result<State, String> {
    let words = || State::ALL.map(State::word).join(", ");
    State::of_word(word).ok_or_else(|| format!("there is no such state; write one of {}", words()))
}

fn when(text: &str) -> Result<When, String> {
    // An instant begins with a day, and jiff would take it for one.
    let day = text.parse().ok().filter(|_| text.len() == "YYYY-MM-DD".len());
    // The last year there is ends in no zone.
    let day = day.filter(|day: &Date| day.year() < Date::MAX.year()).map(When::Day);
    let instant = || text.parse().ok().map(When::Instant);
    day.or_else(instant).ok_or_else(|| "write a day as 2026-11-23, or an instant as 2026-11-23T16:00:00Z".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_whole_in_the_shops_zone_and_an_instant_is_itself() {
        let zone = TimeZone::get("America/New_York").unwrap();
        let span = |text: &str| {
            let when = when(text).unwrap();
            format!("{} {}", when.begins(&zone).unwrap(), when.ends(&zone).unwrap())
        };
        assert_eq!(span("2026-11-23"), "2026-11-23T05:00:00Z 2026-11-24T05:00:00Z");
        assert_eq!(span("2026-11-01"), "2026-11-01T04:00:00Z 2026-11-02T05:00:00Z", "the clock goes back that night");
        assert_eq!(span("2026-11-23T16:00:00+01:00"), "2026-11-23T15:00:00Z 2026-11-23T15:00:00Z");
        for wrong in ["yesterday", "2026-13-01", "9999-12-31", "2026-11-23T16:00:00", ""] {
            assert!(when(wrong).is_err(), "{wrong}");
        }
    }
}
