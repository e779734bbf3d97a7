//! `[mail]` and `[bounces]`: the way out, and the way back.

use std::path::PathBuf;

use lettre::Address;
use lettre::message::Mailbox;

use super::duration::Span;
use super::return_path::ReturnPath;
use super::secret::Secret;
use super::section::Section;
use super::shop::one_line;
use super::url::Url;
use crate::dkim::SigningKey;

/// `[mail]`.
#[derive(Clone, Debug)]
pub struct MailSettings {
    pub from: String,
    pub reply_to: Option<String>,
    /// The envelope sender that bounces go to; default: the address of `from`.
    pub return_path: Option<ReturnPath>,
    /// Tried in order; at least one.
    pub relays: Vec<RelaySettings>,
    pub dkim: Option<DkimSettings>,
}

/// `[[mail.relays]]`.
#[derive(Clone, Debug)]
pub struct RelaySettings {
    /// `smtp://[user[:password]@]host[:port][?tls=required|none]` or `smtps://...`.
    pub url: String,
    /// There only if the URL names a user and holds no password.
    pub password: Option<Secret>,
    pub max_connections: usize,
    pub messages_per_second: Option<f64>,
    /// Per connection.
    pub max_messages: usize,
    /// Of a connection.
    pub max_age: Span,
    /// Whether commands go out in groups, where the relay offers that (RFC 2920).
    pub pipelining: bool,
    /// PEM; trusted beside the system's authorities.
    pub ca_file: Option<PathBuf>,
}

/// `[mail.dkim]`.
#[derive(Clone, Debug)]
pub struct DkimSettings {
    pub domain: String,
    pub selector: String,
    pub key: SigningKey,
}

/// `[bounces]`.
#[derive(Clone, Debug, Default)]
pub struct BounceSettings {
    pub maildir: Option<PathBuf>,
    /// With it Mailgun signs its events.
    pub mailgun_signing_key: Option<Secret>,
}

impl MailSettings {
    pub(super) fn read(mut section: Section<'_>) -> Option<MailSettings> {
        let from = section.required("from", "Acme Outdoor <orders@shop.example>", mailbox);
        let reply_to = section.text("reply_to", mailbox);
        let return_path = section.text("return_path", ReturnPath::parse);
        let sections = section.tables("relays").unwrap_or_default();
        if sections.is_empty() {
            section.missing("relays", "add [[mail.relays]] with url = \"smtp://user@relay.example:587\"");
        }
        let relays: Vec<Option<RelaySettings>> = sections.into_iter().map(RelaySettings::read).collect();
        let dkim = section.table("dkim").map(DkimSettings::read);
        section.close();
        let dkim = match dkim {
            Some(dkim) => Some(dkim?),
            None => None,
        };
        Some(MailSettings {
            from: from?,
            reply_to,
            return_path,
            relays: relays.into_iter().collect::<Option<_>>()?,
            dkim,
        })
    }
}

impl RelaySettings {
    /// A relay of which only the URL is said.
    pub fn new(url: impl Into<String>) -> RelaySettings {
        RelaySettings {
            url: url.into(),
            password: None,
            max_connections: 8,
            messages_per_second: None,
            max_messages: 1_000,
            max_age: Span::minutes(10),
            pipelining: true,
            ca_file: None,
        }
    }

    fn read(mut section: Section<'_>) -> Option<RelaySettings> {
        let url = section.required("url", "smtp://user@relay.example:587", relay);
        let password = section.secret("password", "password_file");
        if let Some(url) = &url {
            check_login(&section, url, password.is_some());
        }
        let max_connections = section.whole("max_connections", 1..=1_000);
        let messages_per_second = section.rate("messages_per_second");
        let max_messages = section.whole("max_messages", 1..=1_000_000);
        let max_age = section.span("max_age", Span::seconds(1));
        let pipelining = section.one_of("pipelining", &[("offered", true), ("none", false)]);
        let ca_file = section.readable_file("ca_file");
        section.close();
        let default = RelaySettings::new(url?);
        Some(RelaySettings {
            password,
            max_connections: max_connections.map_or(default.max_connections, |number| number as usize),
            messages_per_second,
            max_messages: max_messages.map_or(default.max_messages, |number| number as usize),
            max_age: max_age.unwrap_or(default.max_age),
            pipelining: pipelining.unwrap_or(default.pipelining),
            ca_file,
            url: default.url,
        })
    }
}

impl DkimSettings {
    fn read(mut section: Section<'_>) -> Option<DkimSettings> {
        let domain = section.required("domain", "shop.example", label);
        let selector = section.required("selector", "s1", label);
        let key = section.secret_as("key", "key_file", |pem| SigningKey::parse(pem).map_err(|error| error.to_string()));
        if key.is_none() && !section.is_wrong("key") && !section.is_wrong("key_file") {
            section.missing("key", "write key_file = \"dkim.pem\"");
        }
        section.close();
        Some(DkimSettings { domain: domain?, selector: selector?, key: key? })
    }
}

impl BounceSettings {
    pub(super) fn read(mut section: Section<'_>) -> BounceSettings {
        let maildir = section.path("maildir");
        let mailgun_signing_key = section.secret("mailgun_signing_key", "mailgun_signing_key_file");
        section.close();
        BounceSettings { maildir, mailgun_signing_key }
    }
}

const RELAY: &str = "\"smtp://user@relay.example:587\"";

fn relay(text: &str) -> Result<String, String> {
    let url = Url::parse(text, &["smtp", "smtps"], RELAY)?;
    if url.host.is_empty() || !url.path.trim_matches('/').is_empty() || url.fragment.is_some() {
        return Err(format!("the URL of a relay is a host and perhaps a user and a port; write it as {RELAY}"));
    }
    for (key, value) in url.parameters() {
        match (url.scheme, key, value) {
            ("smtp", "tls", "required" | "none") => {}
            ("smtps", "tls", _) => return Err("smtps is always encrypted; take out ?tls=".to_owned()),
            (_, "tls", _) => return Err(format!("tls={value} is not known; write tls=required or tls=none")),
            _ => return Err(format!("{key:?} is not known; only tls may follow the question mark")),
        }
    }
    Ok(text.to_owned())
}

/// A user needs one password, a password a user.
fn check_login(section: &Section<'_>, url: &str, beside: bool) {
    let Ok(url) = Url::parse(url, &["smtp", "smtps"], RELAY) else { return };
    match (url.user, url.password, beside) {
        (Some(_), Some(_), true) => {
            section.wrong("url", "the URL holds a password and there is another beside it; keep one of them");
        }
        (Some(user), None, false) if !section.is_wrong("password_file") => {
            section.missing("password", &format!("the URL names the user {user:?}; write password_file = \"FILE\""));
        }
        (None, _, true) => {
            section.wrong("url", "there is a password but the URL names no user; write it as \"smtp://user@...\"");
        }
        _ => {}
    }
}

/// A mail address with or without a name, as in `Acme Outdoor <orders@shop.example>`.
pub(super) fn mailbox(text: &str) -> Result<String, String> {
    let text = one_line(text)?;
    match text.parse::<Mailbox>() {
        Ok(_) => Ok(text),
        Err(_) => Err(format!(
            "{text:?} is no mail address; write \"orders@shop.example\" or \"Acme Outdoor <orders@shop.example>\""
        )),
    }
}

/// A mail address alone.
pub(super) fn address(text: &str) -> Result<String, String> {
    let text = one_line(text)?;
    match text.parse::<Address>() {
        Ok(_) => Ok(text),
        Err(_) => Err(format!("{text:?} is no mail address; write it as \"help@shop.example\"")),
    }
}

/// A name in the DNS.
fn label(text: &str) -> Result<String, String> {
    match text.chars().all(|letter| letter.is_ascii_alphanumeric() || "-._".contains(letter)) {
        true => Ok(text.to_owned()),
        false => Err(format!("{text:?} is no name in the DNS; write letters, digits, dots and hyphens")),
    }
}
