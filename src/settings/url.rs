//! URLs as the settings hold them: taken apart far enough to say what is wrong with one.
//!
//! What is wrong never repeats the whole URL, because it may hold a password.

/// A URL in its parts, as written: nothing is decoded.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Url<'a> {
    pub scheme: &'a str,
    pub user: Option<&'a str>,
    pub password: Option<&'a str>,
    /// Empty if there is none; an IPv6 address in its brackets.
    pub host: &'a str,
    pub port: Option<u16>,
    /// With its first slash; empty if there is none.
    pub path: &'a str,
    pub query: Option<&'a str>,
    pub fragment: Option<&'a str>,
}

impl<'a> Url<'a> {
    /// Takes `text` apart, if its scheme is one of `schemes`. `example`, in its quotes, shows how it is to look.
    pub fn parse(text: &'a str, schemes: &[&str], example: &str) -> Result<Url<'a>, String> {
        let mend = format!("write it as {example}");
        if text.chars().any(|letter| letter.is_whitespace() || letter.is_control()) {
            return Err(format!("a URL holds no space and no line break; {mend}"));
        }
        let (scheme, rest) = text.split_once("://").ok_or_else(|| format!("this is no URL; {mend}"))?;
        if !schemes.contains(&scheme) {
            return Err(format!("a URL here begins with {}; {mend}", each(schemes)));
        }
        let (rest, fragment) = split(rest, '#');
        let (rest, query) = split(rest, '?');
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let (login, address) = match authority.rsplit_once('@') {
            Some((login, address)) => (Some(login), address),
            None => (None, authority),
        };
        let (user, password) = login.map_or((None, None), |login| {
            let (user, password) = split(login, ':');
            (Some(user), password)
        });
        let (host, port) = host_and_port(address).ok_or_else(|| {
            format!("the host or port cannot be read (in a user or password write / ? # @ as %2F %3F %23 %40); {mend}")
        })?;
        Ok(Url { scheme, user, password, host, port, path, query, fragment })
    }

    /// The value of `key` in the query.
    pub fn parameter(&self, key: &str) -> Option<&'a str> {
        self.parameters().find(|(name, _)| *name == key).map(|(_, value)| value)
    }

    /// The query's keys and values, as written.
    pub fn parameters(&self) -> impl Iterator<Item = (&'a str, &'a str)> {
        let pairs = self.query.unwrap_or_default().split('&').filter(|pair| !pair.is_empty());
        pairs.map(|pair| pair.split_once('=').unwrap_or((pair, "")))
    }
}

/// A page or endpoint on the web: `http` or `https`, with a host and without a login. Returned as written.
pub(super) fn web(text: &str) -> Result<String, String> {
    let example = "\"https://shop.example\"";
    let url = Url::parse(text, &["https", "http"], example)?;
    if url.host.is_empty() {
        return Err(format!("the URL names no host; write it as {example}"));
    }
    if url.user.is_some() {
        return Err("the URL holds a login, which does not belong here; take out what stands before the @".to_owned());
    }
    Ok(text.to_owned())
}

/// Where our own pages begin: no query, no fragment. Returned without a slash at the end.
pub(super) fn public(text: &str) -> Result<String, String> {
    web(text)?;
    if text.contains(['?', '#']) {
        return Err("the links are made by adding to this URL; take out what begins with ? or #".to_owned());
    }
    Ok(text.trim_end_matches('/').to_owned())
}

fn host_and_port(address: &str) -> Option<(&str, Option<u16>)> {
    let end_of_host =
        if address.starts_with('[') { address.find(']')? + 1 } else { address.find(':').unwrap_or(address.len()) };
    let (host, port) = address.split_at(end_of_host);
    let of_a_name = |letter: char| letter.is_alphanumeric() || "-._%".contains(letter);
    let well_formed = match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        Some(inner) => inner.parse::<std::net::Ipv6Addr>().is_ok(),
        None => host.chars().all(of_a_name),
    };
    match port.strip_prefix(':') {
        _ if !well_formed => None,
        Some(port) => Some((host, Some(port.parse().ok().filter(|port| *port != 0)?))),
        None => port.is_empty().then_some((host, None)),
    }
}

fn split(text: &str, at: char) -> (&str, Option<&str>) {
    text.split_once(at).map_or((text, None), |(before, after)| (before, Some(after)))
}

fn each(schemes: &[&str]) -> String {
    schemes.iter().map(|scheme| format!("{scheme}://")).collect::<Vec<_>>().join(" or ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_comes_apart_into_its_parts() {
        let url = Url::parse("smtp://ada:s%40fe@[::1]:587/?tls=required#end", &["smtp"], "").unwrap();
        assert_eq!((url.user, url.password, url.host), (Some("ada"), Some("s%40fe"), "[::1]"));
        assert_eq!((url.port, url.path, url.fragment), (Some(587), "/", Some("end")));
        assert_eq!(url.parameter("tls"), Some("required"));
        let bare = Url::parse("smtp://relay.example", &["smtp"], "").unwrap();
        assert_eq!((bare.user, bare.host, bare.port, bare.path, bare.query), (None, "relay.example", None, "", None));
    }

    #[test]
    fn what_is_wrong_with_a_url_never_repeats_its_password() {
        for text in ["smtp://a:hunter2@host:99999", "ftp://a:hunter2@host", "smtp://a:hunter2@ho st", "a:hunter2@h"] {
            let what = Url::parse(text, &["smtp"], "smtp://relay.example").unwrap_err();
            assert!(!what.contains("hunter2"), "{what}");
        }
    }

    #[test]
    fn the_public_url_loses_its_slash_and_takes_no_query() {
        assert_eq!(public("https://orders.shop.example/waiting/").unwrap(), "https://orders.shop.example/waiting");
        for text in ["https://shop.example?x", "https://shop.example/#x", "https://", "https://a@shop.example", "shop"]
        {
            assert!(public(text).is_err(), "{text}");
        }
    }
}
