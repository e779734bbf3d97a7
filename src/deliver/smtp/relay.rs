//! A relay as the settings name it: where it is, how the way there is protected, and how to sign in.
//!
//! In: `[[mail.relays]]`, its `password_file` already read into `password`. Out: a [`Relay`], checked, with its
//! authorities loaded. What is wrong is a [`RelayError`] that names the mend; no part of the URL is ever repeated in
//! it, since a password with an unescaped sign makes any part of the URL a part of the password.
//!
//! `smtp://` has port 587 and upgrades by STARTTLS if the relay offers it (`?tls=required`: or not at all;
//! `?tls=none`: never). `smtps://` has port 465 and is encrypted from the first byte. Certificates are always checked.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use tokio_rustls::rustls::ClientConfig;
use tokio_rustls::rustls::pki_types::ServerName;

use super::tls::{self, TlsError};
use crate::settings::duration::Span;
use crate::settings::mail::RelaySettings;
use crate::settings::secret::Secret;

/// How the way to the relay is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protection {
    /// STARTTLS if it is offered. A handshake that fails is never followed by plain text.
    Offered,
    /// STARTTLS, or no mail.
    Required,
    /// Plain text, by the operator's word.
    None,
    /// TLS from the first byte (RFC 8314).
    Implicit,
}

/// How to sign in.
#[derive(Clone, Debug)]
pub struct Credentials {
    pub user: String,
    pub password: Secret,
}

/// A relay that mails can go through.
#[derive(Clone)]
pub struct Relay {
    /// A name, or an IP address without brackets.
    pub host: String,
    pub port: u16,
    pub protection: Protection,
    pub credentials: Option<Credentials>,
    pub max_connections: usize,
    pub messages_per_second: Option<f64>,
    /// Per connection; at least one.
    pub max_messages: usize,
    /// Of a connection.
    pub max_age: Span,
    /// Whether commands go out in groups, where it offers that.
    pub pipelining: bool,
    /// `None` only where nothing is ever encrypted.
    pub(super) tls: Option<Encryption>,
}

#[derive(Clone)]
pub(super) struct Encryption {
    pub config: Arc<ClientConfig>,
    /// Whom the certificate must name.
    pub name: ServerName<'static>,
}

impl fmt::Debug for Relay {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Relay")
            .field("name", &self.name())
            .field("protection", &self.protection)
            .field("credentials", &self.credentials)
            .finish_non_exhaustive()
    }
}

/// What is wrong with a relay's settings.
#[derive(Debug, thiserror::Error)]
pub enum RelayError {
    #[error("a relay's url begins with smtp:// or smtps://")]
    Scheme,
    #[error(
        "a relay's url names no valid host; write smtp://relay.example:587, an IPv6 address in brackets; {ESCAPES}"
    )]
    Host,
    #[error("the port in a relay's url is not a number from 1 to 65535; {ESCAPES}")]
    Port,
    #[error("a relay's url ends after host and port, or with ?tls=required or ?tls=none; {ESCAPES}")]
    Tail,
    #[error("smtps:// is encrypted from the first byte; leave ?tls= out, or write smtp://")]
    TlsOfSmtps,
    #[error("a user or password in a relay's url has a % that is not followed by two hexadecimal digits; write %25")]
    Escape,
    #[error("a relay's url has a user and no password; set password or password_file beside it")]
    PasswordMissing,
    #[error("a relay has a password and no user; write the user into its url: smtp://user@host")]
    UserMissing,
    #[error("a relay has a password in its url and beside it; keep one, best in password_file")]
    PasswordTwice,
    #[error("a user or password of a relay has a NUL byte, which no relay can take")]
    Nul,
    #[error("max_connections and max_messages of a relay are at least 1")]
    Zero,
    #[error("messages_per_second of a relay is greater than 0; leave it out for no limit")]
    Rate,
    #[error(transparent)]
    Tls(#[from] TlsError),
}

const ESCAPES: &str = "in a user or password write @ as %40, / as %2F, : as %3A, ? as %3F, # as %23, % as %25";

impl Relay {
    /// Checks one `[[mail.relays]]` and loads its authorities.
    pub fn from_settings(settings: &RelaySettings) -> Result<Relay, RelayError> {
        let address = Address::parse(&settings.url)?;
        let credentials = credentials(address.user, address.password, settings.password.clone())?;
        if settings.max_connections == 0 || settings.max_messages == 0 {
            return Err(RelayError::Zero);
        }
        if settings.messages_per_second.is_some_and(|rate| !(rate.is_finite() && rate > 0.0)) {
            return Err(RelayError::Rate);
        }
        let tls = match address.protection {
            Protection::None => None,
            Protection::Offered | Protection::Required | Protection::Implicit => Some(Encryption {
                config: tls::configuration(settings.ca_file.as_deref())?,
                name: ServerName::try_from(address.host.clone()).map_err(|_| RelayError::Host)?,
            }),
        };
        Ok(Relay {
            host: address.host,
            port: address.port,
            protection: address.protection,
            credentials,
            max_connections: settings.max_connections,
            messages_per_second: settings.messages_per_second,
            max_messages: settings.max_messages,
            max_age: settings.max_age,
            pipelining: settings.pipelining,
            tls,
        })
    }

    /// `host:port`, for logs and the sent-log.
    pub fn name(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }
}

fn credentials(
    user: Option<String>,
    in_url: Option<Secret>,
    beside: Option<Secret>,
) -> Result<Option<Credentials>, RelayError> {
    let set = |password: &Secret| !password.expose().is_empty();
    let password = match (in_url.filter(set), beside.filter(set)) {
        (Some(_), Some(_)) => return Err(RelayError::PasswordTwice),
        (one, other) => one.or(other),
    };
    match (user, password) {
        (None, None) => Ok(None),
        (Some(_), None) => Err(RelayError::PasswordMissing),
        (None, Some(_)) => Err(RelayError::UserMissing),
        (Some(user), Some(password)) if user.contains('\0') || password.expose().contains('\0') => Err(RelayError::Nul),
        (Some(user), Some(password)) => Ok(Some(Credentials { user, password })),
    }
}

/// The parts of a relay's URL.
struct Address {
    host: String,
    port: u16,
    user: Option<String>,
    password: Option<Secret>,
    protection: Protection,
}

impl Address {
    fn parse(url: &str) -> Result<Address, RelayError> {
        let (scheme, rest) = url.trim().split_once("://").ok_or(RelayError::Scheme)?;
        let (authority, tail) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
        let (protection, default_port) = match (scheme.to_ascii_lowercase().as_str(), tail.trim_start_matches('/')) {
            ("smtp", "") => (Protection::Offered, 587),
            ("smtp", "?tls=required") => (Protection::Required, 587),
            ("smtp", "?tls=none") => (Protection::None, 587),
            ("smtps", "") => (Protection::Implicit, 465),
            ("smtps", "?tls=required" | "?tls=none") => return Err(RelayError::TlsOfSmtps),
            ("smtp" | "smtps", _) => return Err(RelayError::Tail),
            _ => return Err(RelayError::Scheme),
        };
        // The last @ ends the user, so that a mail address can be one.
        let (login, place) = match authority.rsplit_once('@') {
            Some((login, place)) => (Some(login), place),
            None => (None, authority),
        };
        let (host, port) = host_and_port(place)?;
        let (user, password) = match login.map(|login| login.split_once(':').unwrap_or((login, ""))) {
            Some((user, password)) => (Some(unescape(user)?), Some(unescape(password)?)),
            None => (None, None),
        };
        Ok(Address {
            host,
            port: port.unwrap_or(default_port),
            user: user.filter(|user| !user.is_empty()),
            password: password.map(Secret::new),
            protection,
        })
    }
}

fn host_and_port(place: &str) -> Result<(String, Option<u16>), RelayError> {
    let (host, port) = match place.strip_prefix('[') {
        Some(bracketed) => {
            let (host, after) = bracketed.split_once(']').ok_or(RelayError::Host)?;
            host.parse::<std::net::Ipv6Addr>().map_err(|_| RelayError::Host)?;
            match after.strip_prefix(':') {
                Some(port) => (host, Some(port)),
                None if after.is_empty() => (host, None),
                None => return Err(RelayError::Host),
            }
        }
        None => match place.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (place, None),
        },
    };
    let named = !host.is_empty() && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte));
    if !named && host.parse::<IpAddr>().is_err() {
        return Err(RelayError::Host);
    }
    let port = match port {
        None => None,
        Some(port) => Some(port.parse().ok().filter(|port| *port != 0).ok_or(RelayError::Port)?),
    };
    Ok((host.to_ascii_lowercase(), port))
}

/// Undoes percent-encoding.
fn unescape(text: &str) -> Result<String, RelayError> {
    let mut parts = text.split('%');
    let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        let (digits, rest) = part.split_at_checked(2).ok_or(RelayError::Escape)?;
        if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return Err(RelayError::Escape);
        }
        bytes.push(u8::from_str_radix(digits, 16).map_err(|_| RelayError::Escape)?);
        bytes.extend_from_slice(rest.as_bytes());
    }
    String::from_utf8(bytes).map_err(|_| RelayError::Escape)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(url: &str, password: Option<&str>) -> RelaySettings {
        RelaySettings { password: password.map(Secret::new), ..RelaySettings::new(url) }
    }

    fn relay(url: &str) -> Relay {
        Relay::from_settings(&settings(url, None)).unwrap()
    }

    #[test]
    fn a_relay_is_read_from_its_url() {
        use Protection::*;
        let table = [
            ("smtp://relay.example", "relay.example:587", Offered),
            ("smtp://relay.example/", "relay.example:587", Offered),
            ("SMTP://Relay.Example:25?tls=none", "relay.example:25", None),
            ("smtp://relay.example?tls=required", "relay.example:587", Required),
            ("smtp://relay.example/?tls=required", "relay.example:587", Required),
            ("smtps://relay.example", "relay.example:465", Implicit),
            ("smtp://127.0.0.1:2525", "127.0.0.1:2525", Offered),
            ("smtp://[::1]:2525", "[::1]:2525", Offered),
            ("smtps://[2001:db8::1]", "[2001:db8::1]:465", Implicit),
        ];
        for (url, name, protection) in table {
            let relay = relay(url);
            assert_eq!((relay.name().as_str(), relay.protection), (name, protection), "{url}");
            assert!(relay.credentials.is_none());
        }
    }

    #[test]
    fn user_and_password_are_percent_decoded_and_a_mail_address_can_be_the_user() {
        let login = relay("smtp://ada%40shop.example:p%2Fa%3As%25s%C3%A9@relay.example").credentials.unwrap();
        assert_eq!((login.user.as_str(), login.password.expose()), ("ada@shop.example", "p/a:s%sé"));
        let beside =
            Relay::from_settings(&settings("smtp://ada@shop.example@relay.example:25", Some("s3cret"))).unwrap();
        let login = beside.credentials.unwrap();
        assert_eq!((login.user.as_str(), login.password.expose()), ("ada@shop.example", "s3cret"));
        assert_eq!((beside.host.as_str(), beside.port), ("relay.example", 25));
    }

    #[test]
    fn what_is_wrong_is_told_with_the_mend_and_without_the_password() {
        let table = [
            ("relay.example:25", None, "smtp://"),
            ("http://relay.example", None, "smtp://"),
            ("smtp://", None, "host"),
            ("smtp://:25", None, "host"),
            ("smtp://relay example", None, "host"),
            ("smtp://[::1", None, "host"),
            ("smtp://[nonsense]:25", None, "host"),
            ("smtp://relay.example:0", None, "port"),
            ("smtp://relay.example:70000", None, "port"),
            ("smtp://ada:hunter2/x@relay.example", None, "%2F"),
            ("smtp://ada:99/hunter2@relay.example", None, "%2F"),
            ("smtp://ada:hunter2%zz@relay.example", None, "%25"),
            ("smtp://ada:hunter2%é@relay.example", None, "%25"),
            ("smtp://ada:hunter2%00@relay.example", None, "NUL"),
            ("smtp://relay.example?tls=maybe", None, "?tls=required"),
            ("smtps://relay.example?tls=none", None, "leave ?tls="),
            ("smtp://ada@relay.example", None, "password_file"),
            ("smtp://ada:@relay.example", Some(""), "password_file"),
            ("smtp://relay.example", Some("hunter2"), "user"),
            ("smtp://ada:hunter2@relay.example", Some("hunter2"), "keep one"),
        ];
        for (url, password, mend) in table {
            let error = Relay::from_settings(&settings(url, password)).unwrap_err();
            assert!(error.to_string().contains(mend), "{url}: {error}");
            assert!(!format!("{error} {error:?}").contains("hunter2"), "{url}: {error}");
        }
    }

    #[test]
    fn limits_that_would_stop_all_mail_are_refused() {
        let mut none = settings("smtp://relay.example", None);
        none.max_messages = 0;
        assert!(matches!(Relay::from_settings(&none), Err(RelayError::Zero)));
        let mut rate = settings("smtp://relay.example", None);
        rate.messages_per_second = Some(f64::NAN);
        assert!(matches!(Relay::from_settings(&rate), Err(RelayError::Rate)));
    }

    #[test]
    fn a_ca_file_that_is_absent_or_holds_no_certificate_is_an_error_with_its_name() {
        let folder = tempfile::tempdir().unwrap();
        let empty = folder.path().join("empty.pem");
        std::fs::write(&empty, "no certificate\n").unwrap();
        for file in [empty, folder.path().join("absent.pem")] {
            let mut settings = settings("smtps://relay.example", None);
            settings.ca_file = Some(file.clone());
            let error = Relay::from_settings(&settings).unwrap_err().to_string();
            assert!(error.contains(&file.display().to_string()) && error.contains("PEM"), "{error}");
        }
    }

    #[test]
    fn debug_shows_no_password() {
        let shown = format!("{:?}", relay("smtp://ada:hunter2@relay.example"));
        assert!(shown.contains("relay.example:587") && shown.contains("ada") && !shown.contains("hunter2"), "{shown}");
    }
}
