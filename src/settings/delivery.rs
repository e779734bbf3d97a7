//! `[delivery]`, `[updates]` and `[rules]`: when a customer is told, how often, and under which law.

use std::collections::BTreeMap;

use jiff::civil::Time;
use serde::{Deserialize, Deserializer, de::Error};

use super::duration::Span;
use crate::shop::line::RuleSet;

/// `[delivery]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DeliverySettings {
    pub channel: Channels,
    pub settle: Span,
    pub retry: Vec<Span>,
    pub give_up_after: Span,
    pub in_doubt: InDoubt,
    pub quiet_hours: Option<QuietHours>,
    /// 0: no limit.
    pub max_per_sweep: u32,
}

impl Default for DeliverySettings {
    fn default() -> Self {
        DeliverySettings {
            channel: Channels::Mail,
            settle: Span::seconds(30),
            retry: vec![
                Span::minutes(1),
                Span::minutes(5),
                Span::minutes(15),
                Span::hours(1),
                Span::hours(2),
                Span::hours(4),
                Span::hours(8),
            ],
            give_up_after: Span::days(3),
            in_doubt: InDoubt::Resend,
            quiet_hours: None,
            max_per_sweep: 500,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Channels {
    Mail,
    Webhook,
    Both,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum InDoubt {
    Resend,
    Hold,
}

/// `"22:00-07:00"`, shop's time; the end is not quiet any more. May run over midnight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QuietHours {
    pub from: Time,
    pub until: Time,
}

/// `[updates]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct UpdateSettings {
    /// Zero: never.
    pub every: Span,
    pub overdue_after: Span,
    /// Per order; 0: no limit.
    pub date_mails_per_week: u32,
}

impl Default for UpdateSettings {
    fn default() -> Self {
        UpdateSettings { every: Span::days(14), overdue_after: Span::days(1), date_mails_per_week: 3 }
    }
}

/// `[rules]`: the named keys, and rule sets by country (ISO 3166-1 alpha-2, and `EU`).
#[derive(Clone, Debug, Deserialize)]
#[serde(default)]
pub struct RuleSettings {
    pub default: RuleSet,
    #[serde(flatten)]
    pub by_country: BTreeMap<String, RuleSet>,
    pub handling_days: u32,
    pub transit_days: u32,
    pub reason: String,
    pub reply_before: Span,
    pub keep_for: Span,
    /// Rule sets whose mails may show alternatives.
    pub alternatives: Vec<RuleSet>,
}

impl Default for RuleSettings {
    fn default() -> Self {
        RuleSettings {
            default: RuleSet::None,
            by_country: BTreeMap::new(),
            handling_days: 2,
            transit_days: 3,
            reason: String::new(),
            reply_before: Span::days(3),
            keep_for: Span::days(5 * 365),
            alternatives: vec![RuleSet::UsFtc, RuleSet::None],
        }
    }
}

impl<'de> Deserialize<'de> for QuietHours {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<QuietHours, D::Error> {
        let text = String::deserialize(deserializer)?;
        let hours = text.split_once('-').and_then(|(from, until)| {
            Some(QuietHours { from: from.trim().parse().ok()?, until: until.trim().parse().ok()? })
        });
        hours.ok_or_else(|| D::Error::custom(format!("\"{text}\" are no quiet hours; write them as \"22:00-07:00\"")))
    }
}
