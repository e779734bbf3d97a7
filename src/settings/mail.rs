//! `[mail]`, `[webhook]` and `[bounces]`: the ways out, and the way back.

use std::path::PathBuf;

use serde::Deserialize;

use super::duration::Span;
use super::secret::Secret;

/// `[mail]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MailSettings {
    pub from: String,
    pub reply_to: Option<String>,
    /// The envelope sender that bounces go to; default: the address of `from`.
    pub return_path: Option<String>,
    /// Tried in order.
    pub relays: Vec<RelaySettings>,
    pub dkim: Option<DkimSettings>,
}

/// `[[mail.relays]]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RelaySettings {
    /// `smtp://[user[:password]@]host[:port][?tls=required|none]` or `smtps://...`.
    pub url: String,
    pub password: Option<Secret>,
    pub password_file: Option<PathBuf>,
    #[serde(default = "default_connections")]
    pub max_connections: usize,
    pub messages_per_second: Option<f64>,
    /// Per connection.
    #[serde(default = "default_messages")]
    pub max_messages: usize,
    /// Of a connection.
    #[serde(default = "default_age")]
    pub max_age: Span,
    /// PEM; trusted beside the system's authorities.
    pub ca_file: Option<PathBuf>,
}

/// `[mail.dkim]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DkimSettings {
    pub domain: String,
    pub selector: String,
    pub key: Option<Secret>,
    pub key_file: Option<PathBuf>,
}

/// `[webhook]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WebhookSettings {
    pub url: String,
    pub secret: Option<Secret>,
    pub secret_file: Option<PathBuf>,
}

/// `[bounces]`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BounceSettings {
    pub maildir: Option<PathBuf>,
}

fn default_connections() -> usize {
    8
}
fn default_messages() -> usize {
    1000
}
fn default_age() -> Span {
    Span::minutes(10)
}
