//! The settings: one TOML file, overridden by the environment, in types that cannot hold a contradiction.
//!
//! In: `backorderd.toml` and `BACKORDERD__SECTION__KEY` variables. Out: [`Settings`]. What is wrong becomes an error
//! that names the key, the line and the mend. Relative paths (files, SQLite databases) start at the settings file's folder.

pub mod delivery;
pub mod duration;
pub mod mail;
pub mod orders;
pub mod secret;
pub mod shop;

use std::collections::BTreeMap;

use jiff::tz::TimeZone;
use serde::{Deserialize, Deserializer, de::Error};

use delivery::{DeliverySettings, RuleSettings, UpdateSettings};
use mail::{BounceSettings, MailSettings, WebhookSettings};
use orders::{ChoiceSettings, OrdersSettings};
use shop::{ShopOverrides, ShopSettings, StateSettings, WebSettings};

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    pub shop: ShopSettings,
    /// Other shops in the same database, by `shop_id`; a key that is absent there is that of `[shop]`.
    #[serde(default)]
    pub shops: BTreeMap<String, ShopOverrides>,
    #[serde(default)]
    pub state: StateSettings,
    pub orders: OrdersSettings,
    pub mail: Option<MailSettings>,
    pub webhook: Option<WebhookSettings>,
    #[serde(default)]
    pub delivery: DeliverySettings,
    #[serde(default)]
    pub updates: UpdateSettings,
    #[serde(default)]
    pub rules: RuleSettings,
    #[serde(default)]
    pub choices: ChoiceSettings,
    pub web: WebSettings,
    #[serde(default)]
    pub bounces: BounceSettings,
}

/// Reads an IANA time zone by its name.
fn zone<'de, D: Deserializer<'de>>(deserializer: D) -> Result<TimeZone, D::Error> {
    let name = String::deserialize(deserializer)?;
    TimeZone::get(&name).map_err(|_| {
        D::Error::custom(format!("\"{name}\" is no time zone; write an IANA name such as \"Europe/Berlin\""))
    })
}

fn optional_zone<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<TimeZone>, D::Error> {
    zone(deserializer).map(Some)
}
