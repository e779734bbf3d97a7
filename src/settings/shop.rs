//! `[shop]`, `[shops.ID]`, `[state]` and `[web]`: who the shop is, where our own state lives, where the links lead.

use std::net::SocketAddr;
use std::path::PathBuf;

use jiff::tz::TimeZone;
use unic_langid::LanguageIdentifier;

use super::database::{self, Login};
use super::duration::Span;
use super::file::warn_if_open;
use super::mail::{address, mailbox};
use super::secret::Secret;
use super::section::Section;
use super::url;

/// `[shop]`.
#[derive(Clone, Debug)]
pub struct ShopSettings {
    pub name: String,
    pub url: String,
    pub support_email: String,
    pub postal_address: String,
    pub logo_url: Option<String>,
    /// `#rrggbb`.
    pub accent: String,
    /// The zone of every date in the feeds.
    pub time_zone: TimeZone,
    /// BCP 47; when a customer has none.
    pub locale: String,
    /// The shop's own wording, `LOCALE.ftl`, laid over ours.
    pub words_dir: Option<PathBuf>,
}

/// `[shops.ID]`: any key of `[shop]`, and the sender of that shop.
#[derive(Clone, Debug, Default)]
pub struct ShopOverrides {
    pub name: Option<String>,
    pub url: Option<String>,
    pub support_email: Option<String>,
    pub postal_address: Option<String>,
    pub logo_url: Option<String>,
    pub accent: Option<String>,
    pub time_zone: Option<TimeZone>,
    pub locale: Option<String>,
    pub words_dir: Option<PathBuf>,
    pub mail_from: Option<String>,
    pub mail_reply_to: Option<String>,
    pub public_url: Option<String>,
}

/// One shop as its customers see it: `[shop]` with what `[shops.ID]` says otherwise.
#[derive(Clone, Debug)]
pub struct ShopView {
    pub shop: ShopSettings,
    /// `None` without `[mail]`.
    pub mail_from: Option<String>,
    pub reply_to: Option<String>,
    /// Without a slash at the end.
    pub public_url: String,
}

/// `[state]`.
#[derive(Clone, Debug)]
pub struct StateSettings {
    /// `sqlite://FILE` or `postgres://...`.
    pub url: String,
    pub password: Option<Secret>,
}

/// `[web]`.
#[derive(Clone, Debug)]
pub struct WebSettings {
    pub listen: String,
    /// Where machines are answered too, in every process.
    pub metrics_listen: Option<String>,
    /// Without a slash at the end.
    pub public_url: String,
    /// Signs the links; several lines: the first signs, all verify. It may not exist yet.
    pub secret_file: PathBuf,
    pub link_life: Span,
}

impl ShopSettings {
    pub(super) fn read(mut section: Section<'_>) -> Option<ShopSettings> {
        let name = section.required("name", "Acme Outdoor", one_line);
        let url = section.required("url", "https://shop.example", url::web);
        let support_email = section.required("support_email", "help@shop.example", address);
        let postal_address = section.required("postal_address", "1 Main Street, Springfield", |text| Ok(text.into()));
        let logo_url = section.text("logo_url", url::web);
        let accent = section.text("accent", colour);
        let time_zone = section.text("time_zone", zone);
        if time_zone.is_none() {
            let zone = "\"America/New_York\"";
            section.reading.warn(format!("shop.time_zone: not set, {zone} is taken; every date is a day in that zone"));
        }
        let locale = section.text("locale", locale);
        let words_dir = folder(&mut section, "words_dir");
        section.close();
        Some(ShopSettings {
            name: name?,
            url: url?,
            support_email: support_email?,
            postal_address: postal_address?,
            logo_url,
            accent: accent.unwrap_or_else(|| "#0b6e4f".to_owned()),
            time_zone: time_zone.or_else(|| zone("America/New_York").ok())?,
            locale: locale.unwrap_or_else(|| "en-US".to_owned()),
            words_dir,
        })
    }

    /// These settings where `other` says nothing else.
    fn overridden(&self, other: &ShopOverrides) -> ShopSettings {
        let text = |ours: &String, theirs: &Option<String>| theirs.as_ref().unwrap_or(ours).clone();
        ShopSettings {
            name: text(&self.name, &other.name),
            url: text(&self.url, &other.url),
            support_email: text(&self.support_email, &other.support_email),
            postal_address: text(&self.postal_address, &other.postal_address),
            logo_url: other.logo_url.clone().or_else(|| self.logo_url.clone()),
            accent: text(&self.accent, &other.accent),
            time_zone: other.time_zone.as_ref().unwrap_or(&self.time_zone).clone(),
            locale: text(&self.locale, &other.locale),
            words_dir: other.words_dir.clone().or_else(|| self.words_dir.clone()),
        }
    }
}

impl ShopView {
    /// This view where `other` says nothing else.
    pub(super) fn overridden(self, other: &ShopOverrides) -> ShopView {
        ShopView {
            shop: self.shop.overridden(other),
            mail_from: other.mail_from.clone().or(self.mail_from),
            reply_to: other.mail_reply_to.clone().or(self.reply_to),
            public_url: other.public_url.clone().unwrap_or(self.public_url),
        }
    }
}

impl ShopOverrides {
    pub(super) fn read(mut section: Section<'_>) -> ShopOverrides {
        let overrides = ShopOverrides {
            name: section.text("name", one_line),
            url: section.text("url", url::web),
            support_email: section.text("support_email", address),
            postal_address: section.text("postal_address", |text| Ok(text.to_owned())),
            logo_url: section.text("logo_url", url::web),
            accent: section.text("accent", colour),
            time_zone: section.text("time_zone", zone),
            locale: section.text("locale", locale),
            words_dir: folder(&mut section, "words_dir"),
            mail_from: section.text("mail_from", mailbox),
            mail_reply_to: section.text("mail_reply_to", mailbox),
            public_url: section.text("public_url", url::public),
        };
        section.close();
        overrides
    }
}

impl StateSettings {
    /// `orders` is the URL of the shop's database, which must be another.
    pub(super) fn read(mut section: Section<'_>, orders: Option<&str>) -> StateSettings {
        let Login { url, password } = database::login(&mut section, database::STATE);
        let url = url.unwrap_or_else(|| section.reading.beside("backorderd.db"));
        if orders.is_some_and(|orders| database::are_the_same(orders, &url)) {
            section.wrong("url", "the same database as orders.url, which is only read; name one of our own here");
        }
        section.close();
        StateSettings { url, password }
    }
}

impl WebSettings {
    pub(super) fn read(mut section: Section<'_>) -> Option<WebSettings> {
        let metrics_listen = section.text("metrics_listen", listen);
        let listen = section.text("listen", listen);
        let public_url = section.required("public_url", "https://orders.shop.example", url::public);
        let secret_file = section.path("secret_file");
        match &secret_file {
            Some(path) => warn_if_open(section.reading, "web.secret_file", path),
            None => section.missing("secret_file", "write secret_file = \"link-secret\"; the first start creates it"),
        }
        let link_life = section.span("link_life", Span::default());
        section.close();
        Some(WebSettings {
            listen: listen.unwrap_or_else(|| "127.0.0.1:8080".to_owned()),
            metrics_listen,
            public_url: public_url?,
            secret_file: secret_file?,
            link_life: link_life.unwrap_or(Span::days(30)),
        })
    }
}

/// A text that goes into a header of a mail, where a line break would begin another header.
pub(super) fn one_line(text: &str) -> Result<String, String> {
    match text.chars().any(char::is_control) {
        true => Err(format!("{text:?} holds a line break or another control character; write it on one line")),
        false => Ok(text.trim().to_owned()),
    }
}

fn zone(text: &str) -> Result<TimeZone, String> {
    TimeZone::get(text)
        .map_err(|_| format!("{text:?} is no time zone; write an IANA name such as \"Europe/Berlin\" or \"UTC\""))
}

fn locale(text: &str) -> Result<String, String> {
    match text.parse::<LanguageIdentifier>() {
        Ok(locale) if !locale.language.is_empty() => Ok(locale.to_string()),
        _ => Err(format!("{text:?} is no locale; write a language and perhaps a country: \"en-US\", \"de\"")),
    }
}

fn colour(text: &str) -> Result<String, String> {
    let digits = text.strip_prefix('#').unwrap_or_default();
    match digits.len() == 6 && digits.chars().all(|digit| digit.is_ascii_hexdigit()) {
        true => Ok(text.to_owned()),
        false => Err(format!("{text:?} is no colour; write # and six hexadecimal digits, as in \"#0b6e4f\"")),
    }
}

fn listen(text: &str) -> Result<String, String> {
    let of_a_name = |letter: char| letter.is_ascii_alphanumeric() || letter == '-' || letter == '.';
    let named = text
        .rsplit_once(':')
        .is_some_and(|(host, port)| !host.is_empty() && host.chars().all(of_a_name) && port.parse::<u16>().is_ok());
    match named || text.parse::<SocketAddr>().is_ok() {
        true => Ok(text.to_owned()),
        false => Err(format!("{text:?} is no address to listen on; write ADDRESS:PORT, as in \"127.0.0.1:8080\"")),
    }
}

fn folder(section: &mut Section<'_>, key: &'static str) -> Option<PathBuf> {
    let path = section.path(key)?;
    if !path.is_dir() {
        section.wrong(key, format!("there is no folder {}; create it, or correct the path", path.display()));
    }
    Some(path)
}
