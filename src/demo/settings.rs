//! The settings file of the demonstration: what an operator would write for the sample shop.
//!
//! In: where the catcher listens and where the pages are. Out: the text of a `backorderd.toml` that stands in the
//! demonstration's folder, beside its databases, so that every other command can be tried on it with `--config`.

use std::net::SocketAddr;

use toml::Value;

use super::shop::{ALTERNATIVES_SQL, LINES_SQL, STOCK_SQL, TIME_ZONE};

/// The names of the files in the demonstration's folder; the settings speak of the shop's by this name.
pub const SETTINGS_FILE: &str = "backorderd.toml";
pub const SHOP_FILE: &str = "shop.db";

/// The text of [`SETTINGS_FILE`]. `public_url` is where the demonstration's pages are, as in `http://127.0.0.1:8025`.
pub fn settings_text(smtp: SocketAddr, public_url: &str) -> String {
    let listen = public_url.split_once("://").map_or(public_url, |(_, authority)| authority).trim_end_matches('/');
    let relay = Value::from(format!("smtp://{smtp}?tls=none"));
    let (listen, public_url, zone) = (Value::from(listen), Value::from(public_url), Value::from(TIME_ZONE));
    format!(
        r##"# Written by `backorderd demo` at each start. Everything is quick here, so that a mail comes within seconds.

[shop]
name = "Pine & Peak"
url = {public_url}
support_email = "help@pineandpeak.example"
postal_address = "12 Ridge Road, Boulder, CO 80302"
accent = "#0b6e4f"
time_zone = {zone}

[state]
url = "sqlite://backorderd.db"

[orders]
url = "sqlite://{SHOP_FILE}"
mapping = "custom"
poll_every = "1s"
sweep_every = "2s"
first_sweep = "notify"                  # the orders that wait already fill the inbox

[orders.queries]
lines = '''
{LINES_SQL}'''
stock = '''
{STOCK_SQL}'''
alternatives = '''
{ALTERNATIVES_SQL}'''

[mail]
from = "Pine & Peak <orders@pineandpeak.example>"
reply_to = "help@pineandpeak.example"
[[mail.relays]]
url = {relay}                           # the catcher of the demonstration

[delivery]
settle = "1s"

[updates]
date_mails_per_week = 0                 # a date may be moved as often as it is fun

[rules]
reason = "The maker has not confirmed the next delivery yet."   # a date that becomes unknown needs one under us-ftc

[choices.sql]
# Safe to repeat, and refused by the table's own rule if the pieces have been shipped meanwhile.
cancel = '''
update order_lines
set cancelled_qty = cancelled_qty + iif(answer_id is :choice_id, 0, :quantity), answer = :choice, answer_id = :choice_id
where id = :line_id'''
wait = "update order_lines set answer = :choice, answer_id = :choice_id where id = :line_id"

[web]
listen = {listen}
public_url = {public_url}
secret_file = "link-secret"
"##
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Settings;
    use crate::settings::orders::{FirstSweep, Query};

    #[test]
    fn the_demonstrations_settings_load_without_a_warning() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(SETTINGS_FILE);
        let text = settings_text("127.0.0.1:2525".parse().unwrap(), "http://127.0.0.1:8025");
        std::fs::write(&file, text).unwrap();
        let settings = Settings::load(&file, std::iter::empty()).unwrap();
        assert_eq!(settings.warnings, [""; 0]);
        assert_eq!(settings.orders.url, format!("sqlite://{}/shop.db", folder.path().display()));
        assert_eq!(settings.orders.first_sweep, FirstSweep::Notify);
        let queries = settings.orders.queries.unwrap();
        assert_eq!(queries.lines, Query::Text(LINES_SQL.to_owned()));
        assert_eq!(queries.stock, Some(Query::Text(STOCK_SQL.to_owned())));
        assert_eq!(queries.alternatives, Some(Query::Text(ALTERNATIVES_SQL.to_owned())));
        assert_eq!(settings.mail.unwrap().relays[0].url, "smtp://127.0.0.1:2525?tls=none");
        assert_eq!((settings.web.listen.as_str(), settings.delivery.settle.as_secs()), ("127.0.0.1:8025", 1));
        assert!(settings.choices.sql.cancel.is_some() && settings.choices.sql.wait.is_some());
    }
}
