//! `[rules]`: which law a line stands under, and what that law needs to know of the shop.

use std::collections::BTreeMap;

use super::countries::{COUNTRIES, is_country, is_eu_member};
use super::duration::Span;
use super::nearest::nearest;
use super::section::{Section, one_of};
use crate::shop::line::RuleSet;

/// The rule sets by the words of the settings.
const RULE_SETS: [(&str, RuleSet); 4] =
    [("us-ftc", RuleSet::UsFtc), ("uk", RuleSet::Uk), ("eu", RuleSet::Eu), ("none", RuleSet::None)];

/// Stands for its members wherever a single country has no key of its own.
const EU: &str = "EU";

/// Longer than any shipping takes; it bounds the sums of dates that are made with it.
const MOST_DAYS: u32 = 365;

/// `[rules]`.
#[derive(Clone, Debug)]
pub struct RuleSettings {
    pub default: RuleSet,
    /// By ISO 3166-1 alpha-2, and `EU`.
    pub by_country: BTreeMap<String, RuleSet>,
    /// Calendar days from arrival in the warehouse to shipment.
    pub handling_days: u32,
    /// Calendar days from shipment to delivery.
    pub transit_days: u32,
    /// Told where a date is unknown and the line gives no reason.
    pub reason: Option<String>,
    pub reply_before: Span,
    pub keep_for: Span,
    /// Rule sets whose mails may show alternatives.
    pub alternatives: Vec<RuleSet>,
}

impl Default for RuleSettings {
    fn default() -> RuleSettings {
        let by_country = [("US", RuleSet::UsFtc), (EU, RuleSet::Eu), ("GB", RuleSet::Uk)];
        RuleSettings {
            default: RuleSet::None,
            by_country: by_country.map(|(country, rules)| (country.to_owned(), rules)).into(),
            handling_days: 2,
            transit_days: 3,
            reason: None,
            reply_before: Span::days(3),
            keep_for: Span::days(5 * 365),
            alternatives: vec![RuleSet::UsFtc, RuleSet::None],
        }
    }
}

impl RuleSettings {
    /// The rule set of a line that ships to `country`: its own key, else its union's, else the default.
    pub fn rule_set(&self, country: Option<&str>) -> RuleSet {
        let of_country = country.and_then(|country| {
            let of_union = || is_eu_member(country).then(|| self.by_country.get(EU)).flatten();
            self.by_country.get(country).or_else(of_union)
        });
        of_country.copied().unwrap_or(self.default)
    }

    pub(super) fn read(mut section: Section<'_>) -> RuleSettings {
        let standard = RuleSettings::default();
        let default = section.one_of("default", &RULE_SETS);
        let handling_days = section.whole("handling_days", 0..=MOST_DAYS);
        let transit_days = section.whole("transit_days", 0..=MOST_DAYS);
        let reason = section.text("reason", |text| Ok(text.to_owned()));
        let reply_before = section.span("reply_before", Span::default());
        let keep_for = section.span("keep_for", Span::days(1));
        let alternatives = section.list("alternatives", |text| one_of(text, &RULE_SETS));
        let mut by_country = standard.by_country;
        by_country.extend(section.free_texts(country_key, |text| one_of(text, &RULE_SETS)));
        section.close();
        RuleSettings {
            default: default.unwrap_or(standard.default),
            by_country,
            handling_days: handling_days.unwrap_or(standard.handling_days),
            transit_days: transit_days.unwrap_or(standard.transit_days),
            reason,
            reply_before: reply_before.unwrap_or(standard.reply_before),
            keep_for: keep_for.unwrap_or(standard.keep_for),
            alternatives: alternatives.unwrap_or(standard.alternatives),
        }
    }
}

/// Whether `key` is a country's or the union's; `known` are the keys that are not. The error is the mend.
fn country_key(key: &str, known: &[&str]) -> Result<(), String> {
    if key == EU || is_country(key) {
        return Ok(());
    }
    // Codes that are in daily use beside the standard's.
    let meant = match key {
        "UK" | "uk" => Some("GB"),
        "EL" | "el" => Some("GR"),
        _ => {
            let country = COUNTRIES.split(' ').chain([EU]).find(|country| country.eq_ignore_ascii_case(key));
            country.or_else(|| nearest(key, known.iter().copied()))
        }
    };
    Err(match meant {
        Some(meant) => format!("unknown key; did you mean `{meant}`?"),
        None => "unknown key; a country is two capital letters by ISO 3166-1, as in US or DE, and EU is its 27 members"
            .to_owned(),
    })
}
