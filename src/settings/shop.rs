//! `[shop]`, `[shops.ID]`, `[state]` and `[web]`: who the shop is, where our own state lives, where the links lead.

use std::path::PathBuf;

use jiff::tz::TimeZone;
use serde::Deserialize;

use super::duration::Span;

/// `[shop]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShopSettings {
    pub name: String,
    pub url: String,
    pub support_email: String,
    pub postal_address: String,
    #[serde(default)]
    pub logo_url: String,
    #[serde(default = "default_accent")]
    pub accent: String,
    /// IANA name; the zone of every date in the feeds.
    #[serde(deserialize_with = "super::zone")]
    pub time_zone: TimeZone,
    /// When a customer has none.
    #[serde(default = "default_locale")]
    pub locale: String,
    /// The shop's own wording, `LOCALE.ftl`, laid over ours.
    pub words_dir: Option<PathBuf>,
}

/// `[shops.ID]`: any key of `[shop]`, and the sender of that shop.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ShopOverrides {
    pub name: Option<String>,
    pub url: Option<String>,
    pub support_email: Option<String>,
    pub postal_address: Option<String>,
    pub logo_url: Option<String>,
    pub accent: Option<String>,
    #[serde(deserialize_with = "super::optional_zone")]
    pub time_zone: Option<TimeZone>,
    pub locale: Option<String>,
    pub words_dir: Option<PathBuf>,
    pub mail_from: Option<String>,
    pub mail_reply_to: Option<String>,
    pub public_url: Option<String>,
}

/// `[state]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StateSettings {
    /// `sqlite://FILE` or `postgres://...`.
    pub url: String,
    pub password_file: Option<PathBuf>,
}

impl Default for StateSettings {
    fn default() -> Self {
        StateSettings { url: "sqlite://backorderd.db".into(), password_file: None }
    }
}

/// `[web]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WebSettings {
    #[serde(default = "default_listen")]
    pub listen: String,
    pub public_url: String,
    /// Signs the links; several lines: the first signs, all verify.
    pub secret_file: PathBuf,
    #[serde(default = "default_link_life")]
    pub link_life: Span,
}

fn default_accent() -> String {
    "#0b6e4f".into()
}
fn default_locale() -> String {
    "en-US".into()
}
fn default_listen() -> String {
    "127.0.0.1:8080".into()
}
fn default_link_life() -> Span {
    Span::days(30)
}
