//! Whether the key that signs mails goes with the addresses that they come from, and what the DNS has to say of it.

use lettre::message::Mailbox;

use super::Report;
use crate::dkim;
use crate::settings::Settings;
use crate::settings::mail::DkimSettings;

const WHAT: &str = "dkim";

pub fn check(settings: &Settings, report: &mut Report) {
    let Some(mail) = &settings.mail else { return };
    let Some(DkimSettings { domain, selector, key }) = &mail.dkim else { return };
    let record = dkim::record(domain, selector, key);
    report.ok(WHAT, format!("mails are signed; the DNS has to hold: {record}"));
    let of_shops = settings.shops.keys().filter_map(|id| settings.shop(id).mail_from);
    let mut others: Vec<String> = std::iter::once(mail.from.clone())
        .chain(of_shops)
        .filter_map(|from| Some(from.parse::<Mailbox>().ok()?.email.domain().to_owned()))
        .filter(|from| !is_within(from, domain))
        .collect();
    others.sort();
    others.dedup();
    for other in others {
        let mend = "a receiver that follows DMARC does not count the signature; sign with the domain of `from`";
        report.warning(WHAT, format!("mails come from {other} and are signed by {domain}: {mend}"));
    }
}

/// Whether `name` is `domain` or below it.
fn is_within(name: &str, domain: &str) -> bool {
    let (name, domain) = (name.to_ascii_lowercase(), domain.to_ascii_lowercase());
    name.strip_suffix(&domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

#[cfg(test)]
mod tests {
    use super::is_within;

    #[test]
    fn a_domain_signs_for_itself_and_for_what_is_below_it() {
        let names = [("shop.example", true), ("Mail.Shop.Example", true), ("eshop.example", false), ("example", false)];
        for (name, within) in names {
            assert_eq!(is_within(name, "shop.example"), within, "{name}");
        }
    }
}
