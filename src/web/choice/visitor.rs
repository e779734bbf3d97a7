//! Who asks: the address that guesses are counted by, the languages, and where a form came from.
//!
//! In: a request's head. Out: what it says of its sender. None of it is a leave to do anything.

use std::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::request::Parts;
use axum::http::{Extensions, HeaderMap, header};

/// Nobody reads more languages than these.
const MOST_LANGUAGES: usize = 20;

/// Who asks.
#[derive(Clone, Debug)]
pub struct Visitor {
    pub address: IpAddr,
    /// Locales, the most wanted first.
    pub languages: Vec<String>,
    headers: HeaderMap,
}

impl<S: Send + Sync> FromRequestParts<S> for Visitor {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Visitor, Infallible> {
        let headers = parts.headers.clone();
        Ok(Visitor { address: address(&headers, &parts.extensions), languages: languages(&headers), headers })
    }
}

impl Visitor {
    /// Whether a form of the visitor is our own page's, or of something that says nothing of itself.
    pub fn sends_our_form(&self, public_url: &str) -> bool {
        is_own(&self.headers, public_url)
    }
}

/// Who connects. What a proxy says of it counts only if the proxy is on this machine; of several addresses the last is
/// the one that it saw itself.
fn address(headers: &HeaderMap, extensions: &Extensions) -> IpAddr {
    let peer = extensions.get::<ConnectInfo<SocketAddr>>().map_or(Ipv4Addr::LOCALHOST.into(), |peer| peer.0.ip());
    let forwarded = headers.get_all("x-forwarded-for").iter().next_back().and_then(|value| value.to_str().ok());
    let forwarded = forwarded.and_then(|value| value.rsplit(',').next()?.trim().parse().ok());
    forwarded.filter(|_: &IpAddr| peer.to_canonical().is_loopback()).unwrap_or(peer)
}

/// `Accept-Language` (RFC 9110, section 12.5.4), the heaviest first.
fn languages(headers: &HeaderMap) -> Vec<String> {
    let named = headers.get_all(header::ACCEPT_LANGUAGE).iter().filter_map(|value| value.to_str().ok());
    let mut languages: Vec<(u32, &str)> = named
        .flat_map(|value| value.split(','))
        .take(MOST_LANGUAGES)
        .filter_map(|range| {
            let (tag, weight) = range.split_once(';').unwrap_or((range, ""));
            let weight: f64 = weight.trim().strip_prefix("q=").map_or(Some(1.0), |weight| weight.parse().ok())?;
            // As whole thousandths, which is as fine as weights come.
            let weight = (weight.clamp(0.0, 1.0) * 1000.0) as u32;
            (weight > 0).then_some((weight, tag.trim()))
        })
        .collect();
    languages.sort_by_key(|(weight, _)| std::cmp::Reverse(*weight));
    languages.into_iter().map(|(_, tag)| tag.to_owned()).collect()
}

/// Our pages tell no referrer, so that browsers give the origin of their forms as `null`.
fn is_own(headers: &HeaderMap, public_url: &str) -> bool {
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or_default());
    match (text("sec-fetch-site"), text("origin")) {
        (Some(site), _) => site == "same-origin" || site == "none",
        (None, None | Some("null")) => true,
        (None, Some(origin)) => {
            let of_host = origin.split_once("://").map(|(_, host)| host) == text("host");
            of_host || public_url == origin || public_url.strip_prefix(origin).is_some_and(|rest| rest.starts_with('/'))
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_str(value).unwrap())).collect()
    }

    #[test]
    fn a_form_of_another_site_is_known_by_what_the_browser_says() {
        let table: [(&[(&str, &str)], bool); 10] = [
            (&[], true),
            (&[("origin", "null")], true),
            (&[("origin", "https://orders.shop.example"), ("host", "127.0.0.1:8080")], true),
            (&[("origin", "http://127.0.0.1:8080"), ("host", "127.0.0.1:8080")], true),
            (&[("origin", "https://orders.shop.example.evil"), ("host", "127.0.0.1:8080")], false),
            (&[("origin", "https://evil.example"), ("host", "orders.shop.example")], false),
            (&[("sec-fetch-site", "same-origin"), ("origin", "null")], true),
            (&[("sec-fetch-site", "none")], true),
            (&[("sec-fetch-site", "same-site"), ("origin", "null")], false),
            (&[("sec-fetch-site", "cross-site")], false),
        ];
        for (pairs, own) in table {
            for public_url in ["https://orders.shop.example", "https://orders.shop.example/wait"] {
                assert_eq!(is_own(&headers(pairs), public_url), own, "{pairs:?}");
            }
        }
    }

    #[test]
    fn a_client_is_who_connects_unless_a_proxy_on_this_machine_says_who_it_is() {
        let from = |peer: &str| {
            let mut extensions = Extensions::new();
            extensions.insert(ConnectInfo::<SocketAddr>(peer.parse().unwrap()));
            extensions
        };
        let forwarded = headers(&[("x-forwarded-for", "10.1.1.1, 203.0.113.7")]);
        let table = [
            ("198.51.100.4:999", HeaderMap::new(), "198.51.100.4"),
            ("198.51.100.4:999", forwarded.clone(), "198.51.100.4"),
            ("127.0.0.1:999", forwarded.clone(), "203.0.113.7"),
            ("[::1]:999", forwarded, "203.0.113.7"),
            ("127.0.0.1:999", headers(&[("x-forwarded-for", "unknown")]), "127.0.0.1"),
        ];
        for (peer, headers, expected) in table {
            assert_eq!(address(&headers, &from(peer)), expected.parse::<IpAddr>().unwrap(), "{peer} {headers:?}");
        }
    }

    #[test]
    fn languages_come_by_their_weight() {
        let table = [
            ("de-AT,de;q=0.9,en;q=0.8", vec!["de-AT", "de", "en"]),
            ("en;q=0.2, de", vec!["de", "en"]),
            ("en;q=0, fr;q=2, de;q=x, it;q=NaN", vec!["fr"]),
            ("", vec![""]),
        ];
        for (text, expected) in table {
            assert_eq!(languages(&headers(&[("accept-language", text)])), expected, "{text:?}");
        }
        assert_eq!(languages(&headers(&[("accept-language", &"en,".repeat(1000))])).len(), MOST_LANGUAGES);
    }
}
