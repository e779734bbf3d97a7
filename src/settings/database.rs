//! URLs of databases: ours and the shop's.
//!
//! Out: a URL that names its database whole, an SQLite file from the settings file's folder. What is wrong with one
//! never repeats its password.

use std::path::{Path, PathBuf};

use super::reading::Reading;
use super::secret::Secret;
use super::section::Section;
use super::url::Url;

/// Which databases a section takes, and how their URLs look.
#[derive(Clone, Copy)]
pub(super) struct Kinds {
    servers: &'static [&'static str],
    example: &'static str,
}

/// What `[state] url` may be.
pub(super) const STATE: Kinds = Kinds {
    servers: &["postgres", "postgresql"],
    example: r#""sqlite://backorderd.db" or "postgres://user@host/database""#,
};

/// What `[orders] url` and `[choices] url` may be.
pub(super) const ORDERS: Kinds = Kinds {
    servers: &["postgres", "postgresql", "mysql", "mariadb"],
    example: r#""postgres://reader@host/shop", "mysql://reader@host/shop" or "sqlite://shop.db""#,
};

/// A database and the password for it.
pub(super) struct Login {
    pub url: Option<String>,
    pub password: Option<Secret>,
}

/// Reads `url`, `password` and `password_file` of a section.
pub(super) fn login(section: &mut Section<'_>, kinds: Kinds) -> Login {
    let reading = section.reading;
    let url = section.text("url", |text| read(text, kinds, reading));
    let password = section.secret("password", "password_file");
    match (&url, &password) {
        (None, Some(_)) => {
            section.contradiction(
                "password",
                "url",
                "there is no url that it is for; add it, or take the password out",
            );
        }
        (Some(url), Some(_)) if url.starts_with("sqlite:") => {
            section.wrong("password", "an SQLite database has no password; take it out");
        }
        (Some(url), Some(_)) if holds_password(url, kinds) => {
            section.wrong("url", "the URL holds a password and there is another beside it; keep one of them");
        }
        _ => {}
    }
    Login { url, password }
}

fn holds_password(url: &str, kinds: Kinds) -> bool {
    Url::parse(url, kinds.servers, kinds.example).is_ok_and(|url| url.password.is_some())
}

fn read(text: &str, kinds: Kinds, reading: &Reading) -> Result<String, String> {
    if let Some(rest) = text.strip_prefix("sqlite://").or_else(|| text.strip_prefix("sqlite:")) {
        let file = rest.split('?').next().unwrap_or_default();
        if file.is_empty() || file == ":memory:" || rest.contains("mode=memory") {
            return Err(format!(
                "the URL names no file, and what is kept in memory is lost; write it as {}",
                kinds.example
            ));
        }
        return Ok(reading.beside(rest));
    }
    let schemes: Vec<&str> = kinds.servers.iter().copied().chain(["sqlite"]).collect();
    let url = Url::parse(text, &schemes, kinds.example)?;
    if url.path.trim_matches('/').is_empty() && url.parameter("dbname").is_none() {
        return Err(format!("the URL names no database; write it as {}", kinds.example));
    }
    Ok(text.to_owned())
}

impl Reading {
    /// The URL of an SQLite file whose `path` begins at the settings file's folder.
    pub(super) fn beside(&self, path: &str) -> String {
        // What a path may hold and a URL reads otherwise; `path` itself is a part of a URL already.
        let folder = self.resolve("").to_string_lossy().replace('%', "%25").replace('?', "%3F");
        format!("sqlite://{}", Path::new(&folder).join(path).display())
    }
}

/// Whether both URLs lead to one database, whoever logs in.
pub(super) fn are_the_same(one: &str, other: &str) -> bool {
    identity(one).is_some_and(|identity_of_one| identity(other) == Some(identity_of_one))
}

#[derive(PartialEq, Eq)]
enum Identity {
    File(PathBuf),
    Server { kind: &'static str, host: String, port: String, database: String },
}

fn identity(text: &str) -> Option<Identity> {
    if let Some(rest) = text.strip_prefix("sqlite://") {
        let file = PathBuf::from(rest.split('?').next().unwrap_or_default());
        // Another name for a file that is there is found out; one that is not there has no other name yet.
        return Some(Identity::File(file.canonicalize().or_else(|_| std::path::absolute(&file)).unwrap_or(file)));
    }
    let url = Url::parse(text, ORDERS.servers, ORDERS.example).ok()?;
    let (kind, port) = if url.scheme.starts_with("postgres") { ("postgres", 5432) } else { ("mysql", 3306) };
    let host = url.parameter("host").unwrap_or(url.host).to_lowercase();
    let port = url.parameter("port").map_or_else(|| url.port.unwrap_or(port).to_string(), str::to_owned);
    let database = url.parameter("dbname").unwrap_or(url.path.trim_matches('/')).to_owned();
    let host = if ["localhost", "127.0.0.1", "[::1]"].contains(&&*host) { String::new() } else { host };
    Some(Identity::Server { kind, host, port, database })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_urls_of_one_database_are_known_as_such() {
        for (one, other) in [
            ("postgres://a@db/shop", "postgresql://b:secret@DB:5432/shop?sslmode=require"),
            ("postgres://a@localhost/shop", "postgres://127.0.0.1/shop"),
            ("postgres:///shop", "postgres://db/other?host=localhost&dbname=shop"),
            ("mysql://db/shop", "mariadb://db:3306/shop"),
            ("sqlite://a/../a/shop.db", "sqlite://a/../a/shop.db?mode=ro"),
        ] {
            assert!(are_the_same(one, other), "{one} {other}");
        }
        for (one, other) in [
            ("postgres://db/shop", "postgres://db/backorderd"),
            ("postgres://db/shop", "mysql://db/shop"),
            ("postgres://db:5433/shop", "postgres://db/shop"),
            ("sqlite://shop.db", "sqlite://backorderd.db"),
        ] {
            assert!(!are_the_same(one, other), "{one} {other}");
        }
    }

    #[test]
    fn an_sqlite_file_begins_at_the_settings_folder_whatever_that_is_called() {
        let reading = Reading::new("/srv/50% off?".into(), Vec::new());
        let read = |text| read(text, STATE, &reading).unwrap();
        assert_eq!(read("sqlite://state.db?mode=rwc"), "sqlite:///srv/50%25 off%3F/state.db?mode=rwc");
        assert_eq!(read("sqlite:state.db"), "sqlite:///srv/50%25 off%3F/state.db");
        assert_eq!(read("sqlite:///var/lib/state.db"), "sqlite:///var/lib/state.db");
    }
}
