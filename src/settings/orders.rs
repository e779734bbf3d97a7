//! `[orders]` and `[choices]`: the shop's database, what is read from it and how answers go back.

use std::path::PathBuf;

use serde::Deserialize;

use super::duration::Span;
use super::secret::Secret;

/// `[orders]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OrdersSettings {
    pub url: String,
    pub password: Option<Secret>,
    pub password_file: Option<PathBuf>,
    /// The name of a shipped mapping, or `custom`.
    pub mapping: String,
    #[serde(default = "default_poll")]
    pub poll_every: Span,
    #[serde(default = "default_sweep")]
    pub sweep_every: Span,
    #[serde(default = "default_timeout")]
    pub statement_timeout: Span,
    #[serde(default)]
    pub first_sweep: FirstSweep,
    pub queries: Option<QuerySettings>,
}

/// What the very first sweep makes of lines that are already on backorder.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FirstSweep {
    #[default]
    Baseline,
    Notify,
}

/// `[orders.queries]`, with `mapping = "custom"`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QuerySettings {
    pub lines: Query,
    pub stock: Option<Query>,
    pub alternatives: Option<Query>,
    pub expected: Option<Query>,
}

/// A query, written in place or kept in a file.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged, deny_unknown_fields)]
pub enum Query {
    Text(String),
    File { file: PathBuf },
}

/// `[choices]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ChoiceSettings {
    pub hook_url: Option<String>,
    pub hook_secret: Option<Secret>,
    pub hook_secret_file: Option<PathBuf>,
    pub confirm_within: Span,
    pub url: Option<String>,
    pub password: Option<Secret>,
    pub password_file: Option<PathBuf>,
    pub sql: ChoiceStatements,
}

impl Default for ChoiceSettings {
    fn default() -> Self {
        ChoiceSettings {
            hook_url: None,
            hook_secret: None,
            hook_secret_file: None,
            confirm_within: Span::days(2),
            url: None,
            password: None,
            password_file: None,
            sql: ChoiceStatements::default(),
        }
    }
}

/// `[choices.sql]`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ChoiceStatements {
    pub cancel: Option<String>,
    pub wait: Option<String>,
}

fn default_poll() -> Span {
    Span::seconds(10)
}
fn default_sweep() -> Span {
    Span::minutes(5)
}
fn default_timeout() -> Span {
    Span::seconds(30)
}
