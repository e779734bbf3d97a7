//! The settings: one TOML file, overridden by the environment, in types that cannot hold a contradiction.
//!
//! ```text
//! backorderd.toml ──┐
//!                   ├─> source ─> section ─> one topic each ─> Settings
//! BACKORDERD__... ──┘  (a tree)  (key by key)
//! ```
//! In: the file's path and the environment. Out: [`Settings`], or every [`problem::Problem`] at once, each with its key,
//! its line and the mend. Secrets that are kept in files are read here; relative paths (files, SQLite databases) begin
//! at the settings file's folder.

mod countries;
mod database;
pub mod delivery;
pub mod duration;
pub mod environment;
mod file;
pub mod mail;
pub mod nearest;
pub mod orders;
pub mod problem;
mod reading;
pub mod receiver;
pub mod return_path;
pub mod rules;
pub mod secret;
mod section;
pub mod shop;
mod source;
mod url;

use std::collections::BTreeMap;
use std::path::Path;

use delivery::{DeliverySettings, UpdateSettings, Ways};
use mail::{BounceSettings, MailSettings};
use orders::{ChoiceSettings, OrdersSettings};
use problem::{Problem, SettingsError};
use reading::Reading;
use receiver::ReceiverSettings;
use rules::RuleSettings;
use section::Section;
use shop::{ShopOverrides, ShopSettings, ShopView, StateSettings, WebSettings};

use crate::shop::line::RuleSet;

/// The settings as `backorderd init` writes them, every key with its default or an example.
pub const EXAMPLE: &str = include_str!("example.toml");

/// All settings. Every reference from one section to another has been checked.
#[derive(Clone, Debug)]
pub struct Settings {
    pub shop: ShopSettings,
    /// Other shops in the same database, by `shop_id`; a key that is absent there is that of `[shop]`.
    pub shops: BTreeMap<String, ShopOverrides>,
    pub state: StateSettings,
    pub orders: OrdersSettings,
    /// There if `delivery.channel` needs it.
    pub mail: Option<MailSettings>,
    /// There if `delivery.channel` needs it.
    pub webhook: Option<ReceiverSettings>,
    pub delivery: DeliverySettings,
    pub updates: UpdateSettings,
    pub rules: RuleSettings,
    pub choices: ChoiceSettings,
    pub web: WebSettings,
    pub bounces: BounceSettings,
    /// What works but should be looked at, such as a secret that others can read.
    pub warnings: Vec<String>,
}

impl Settings {
    /// Reads the file at `path`, overridden by `environment`, of which only `BACKORDERD__...` is looked at.
    ///
    /// # Errors
    /// [`SettingsError::Unreadable`] if there is no such file, else [`SettingsError::Wrong`] with all that is wrong.
    pub fn load(path: &Path, environment: impl Iterator<Item = (String, String)>) -> Result<Settings, SettingsError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| SettingsError::Unreadable { file: path.to_owned(), source })?;
        let folder = path.parent().unwrap_or(Path::new(""));
        Settings::read(&text, folder, environment)
            .map_err(|problems| SettingsError::Wrong { file: path.to_owned(), problems })
    }

    fn read(
        text: &str,
        folder: &Path,
        environment: impl Iterator<Item = (String, String)>,
    ) -> Result<Settings, Vec<Problem>> {
        let mut table = source::parse(text).map_err(|problem| vec![problem])?;
        let problems = source::lay_over(&mut table, environment);
        let reading = Reading::new(folder.to_owned(), problems);
        let settings = Settings::from_section(Section::root(&reading, table));
        let (warnings, problems) = reading.finish();
        match settings {
            Some(settings) if problems.is_empty() => Ok(Settings { warnings, ..settings }),
            _ => Err(problems),
        }
    }

    /// `None` only if a problem was found.
    fn from_section(mut root: Section<'_>) -> Option<Settings> {
        let shop = ShopSettings::read(root.table_or_empty("shop"));
        let mut sections = root.table_or_empty("shops");
        let shops =
            sections.free_tables().into_iter().map(|(id, section)| (id, ShopOverrides::read(section))).collect();
        sections.close();
        let orders = OrdersSettings::read(root.table_or_empty("orders"));
        let orders_url = orders.as_ref().map(|orders| orders.url.as_str());
        let state = StateSettings::read(root.table_or_empty("state"), orders_url);
        let mail = root.table("mail");
        let webhook = root.table("webhook");
        let ways = Ways {
            mail: mail.is_some() || root.is_wrong("mail"),
            webhook: webhook.is_some() || root.is_wrong("webhook"),
        };
        let mail = mail.map(MailSettings::read);
        let webhook = webhook.map(ReceiverSettings::webhook);
        let delivery = DeliverySettings::read(root.table_or_empty("delivery"), ways);
        let updates = UpdateSettings::read(root.table_or_empty("updates"));
        let rules = RuleSettings::read(root.table_or_empty("rules"));
        let choices = ChoiceSettings::read(root.table_or_empty("choices"), orders_url);
        let web = WebSettings::read(root.table_or_empty("web"));
        let bounces = BounceSettings::read(root.table_or_empty("bounces"));
        root.close();
        Some(Settings {
            shop: shop?,
            shops,
            state,
            orders: orders?,
            mail: match mail {
                Some(mail) => Some(mail?),
                None => None,
            },
            webhook: match webhook {
                Some(webhook) => Some(webhook?),
                None => None,
            },
            delivery,
            updates,
            rules,
            choices,
            web: web?,
            bounces,
            warnings: Vec::new(),
        })
    }

    /// The shop of this `shop_id`; an id without a section is `[shop]` itself.
    pub fn shop(&self, shop_id: &str) -> ShopView {
        let view = ShopView {
            shop: self.shop.clone(),
            mail_from: self.mail.as_ref().map(|mail| mail.from.clone()),
            reply_to: self.mail.as_ref().and_then(|mail| mail.reply_to.clone()),
            public_url: self.web.public_url.clone(),
        };
        match self.shops.get(shop_id) {
            Some(overrides) => view.overridden(overrides),
            None => view,
        }
    }

    /// The rule set of a line that ships to `country` (ISO 3166-1 alpha-2) and names none itself.
    pub fn rules_for(&self, country: Option<&str>) -> RuleSet {
        self.rules.rule_set(country)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems_of(text: &str) -> Vec<Problem> {
        Settings::read(text, Path::new(""), std::iter::empty()).unwrap_err()
    }

    #[test]
    fn the_example_names_every_key_there_is() {
        // Every optional section is there, so that every key is asked for.
        let table = source::parse(
            "[shops.berlin]\n[orders.queries]\nlines = { file = \"x\" }\n[[mail.relays]]\n[mail.dkim]\n[webhook]\n",
        );
        let reading = Reading::new("".into(), Vec::new());
        Settings::from_section(Section::root(&reading, table.unwrap()));
        let known = reading.known();
        assert!(known.len() > 80, "{}", known.len());
        for (section, key) in known {
            // Those that may stand in [shops.ID] stand in [shop]; a section holds its sections as keys.
            let in_shop = section == "shops.berlin" && !key.starts_with("mail_") && key != "public_url";
            let header = join_header(&section, key);
            let shown = EXAMPLE.lines().any(|line| {
                let line = line.trim_start_matches("# ");
                line.starts_with(&format!("{key} = ")) || line.contains(&header) || line.contains(&format!(" {key} = "))
            });
            assert!(in_shop || shown, "{section}.{key} is not in the example");
        }
    }

    fn join_header(section: &str, key: &str) -> String {
        if section.is_empty() { format!("[{key}") } else { format!("[{section}.{key}]") }
    }

    #[test]
    fn a_key_in_the_wrong_section_is_shown_its_place() {
        let problems = problems_of("[delivery]\nmax_age = \"5m\"\n[[mail.relays]]\nurl = \"smtp://relay.example\"\n");
        let stray = problems.iter().find(|problem| problem.key == "delivery.max_age").unwrap();
        assert_eq!(stray.what, "unknown key; it belongs to [[mail.relays]]");
    }

    #[test]
    fn a_text_that_is_nothing_but_depth_is_refused_and_does_not_overflow() {
        for text in [
            "a.".repeat(100_000),
            "a=".to_owned() + &"[".repeat(100_000),
            "[a".to_owned() + &".a".repeat(100_000) + "]",
        ] {
            assert!(!problems_of(&text).is_empty());
        }
        let deep = "a".to_owned() + &".a".repeat(100_000) + " = 1";
        assert!(!problems_of(&deep).is_empty());
    }
}
