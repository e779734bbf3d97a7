//! What is around every page, and what a browser lets the page do.
//!
//! In: the shop's face. Out: its name, logo, colours and addresses; and the policy (Content Security Policy, level 3)
//! that allows this one style and pictures from the hosts that the page names, and nothing else: no script, no frame.

use std::collections::BTreeSet;

use askama::Template;
use base64::{Engine, engine::general_purpose::STANDARD};
use sha2::{Digest, Sha256};

use crate::render::RenderError;
use crate::render::colour::Accent;
use crate::render::draft::ShopFace;
use crate::render::foreign::{self, web_address};
use crate::render::letter::voice::{Value, Voice};

const LONGEST_NAME: usize = 100;
const LONGEST_ADDRESS: usize = 300;

/// What is around every page.
pub struct Shell {
    pub language: String,
    /// `ltr` or `rtl`.
    pub direction: &'static str,
    /// The whole style sheet; the policy names its fingerprint.
    pub style: String,
    pub shop_name: String,
    pub shop_url: Option<String>,
    pub logo_url: Option<String>,
    pub questions: String,
    pub postal_address: String,
}

#[derive(Template)]
#[template(path = "pages/page.css", escape = "none")]
struct Style {
    accent: Accent,
}

impl Shell {
    pub fn of(voice: &Voice, shop: &ShopFace) -> Result<Shell, RenderError> {
        let address: Vec<String> =
            shop.postal_address.lines().map(foreign::one_line).filter(|part| !part.is_empty()).collect();
        let email = foreign::one_line(&shop.support_email);
        Ok(Shell {
            language: voice.language(),
            direction: if voice.right_to_left { "rtl" } else { "ltr" },
            style: Style { accent: Accent::of(&shop.accent) }.render()?,
            shop_name: voice.quote(&shop.name, LONGEST_NAME).unwrap_or_default(),
            shop_url: web_address(&shop.url),
            logo_url: shop.logo_url.as_deref().and_then(|url| picture(url, &shop.public_url)),
            questions: voice.say("questions", &[("email", Value::Text(&email))])?,
            postal_address: voice.quote(&address.join(", "), LONGEST_ADDRESS).unwrap_or_default(),
        })
    }

    /// What a browser lets a page do that shows `pictures` beside the logo.
    pub fn policy<'a>(&'a self, pictures: impl Iterator<Item = &'a String>) -> String {
        let style = STANDARD.encode(Sha256::digest(&self.style));
        let hosts: BTreeSet<&str> = pictures.chain(&self.logo_url).map(|url| origin(url)).collect();
        let pictures = if hosts.is_empty() { "'none'".to_owned() } else { Vec::from_iter(hosts).join(" ") };
        format!(
            "default-src 'none'; style-src 'sha256-{style}'; img-src {pictures}; form-action 'self'; base-uri 'none'; \
             frame-ancestors 'none'"
        )
    }
}

/// The address of a picture that a page at `public_url` can show: over `https`, or as openly as the page itself.
pub fn picture(url: &str, public_url: &str) -> Option<String> {
    let address = web_address(url)?;
    let open = public_url.starts_with("http://");
    (open || address.get(..8).is_some_and(|scheme| scheme.eq_ignore_ascii_case("https://"))).then_some(address)
}

/// Scheme and host of a web address, as a policy spells them. A host that a policy cannot spell gives the scheme alone.
fn origin(url: &str) -> &str {
    let after_scheme = url.find("://").map_or(0, |place| place + 3);
    let host = url[after_scheme..].split(['/', '?', '#']).next().unwrap_or_default();
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b':' | b'[' | b']');
    if !host.is_empty() && host.bytes().all(plain) {
        &url[..after_scheme + host.len()]
    } else {
        &url[..after_scheme.saturating_sub(2)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_names_hosts_and_nothing_that_could_widen_it() {
        let cases = [
            ("https://cdn.example/a/b.png?x#y", "https://cdn.example"),
            ("HTTPS://cdn.example:8443", "HTTPS://cdn.example:8443"),
            ("https://[::1]:80/a", "https://[::1]:80"),
            ("https://bücher.example/a.png", "https:"),
            ("https://a;script-src/b.png", "https:"),
            ("https://user@cdn.example/a.png", "https:"),
            ("https://*/a.png", "https:"),
            ("https://a,b/c.png", "https:"),
            ("https:///a.png", "https:"),
        ];
        for (url, expected) in cases {
            assert_eq!(origin(url), expected);
        }
    }

    #[test]
    fn an_open_picture_stands_on_an_open_page_only() {
        let (open, closed) = ("http://127.0.0.1:8025", "https://orders.shop.example");
        assert_eq!(picture("http://a.example/b.png", closed), None);
        assert!(picture("http://a.example/b.png", open).is_some());
        assert!(picture("HTTPS://a.example/b.png", closed).is_some());
        assert_eq!(picture("javascript:alert(1)", open), None);
    }
}
