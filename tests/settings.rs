//! The settings from the outside: a file in a folder and an environment go in, settings or words for an operator come out.

use std::path::Path;

use backorderd::settings::delivery::{Channels, InDoubt};
use backorderd::settings::duration::Span;
use backorderd::settings::orders::{FirstSweep, Query};
use backorderd::settings::problem::SettingsError;
use backorderd::settings::{EXAMPLE, Settings};
use backorderd::shop::line::RuleSet;
use proptest::prelude::*;
use tempfile::TempDir;

/// What every shop must say, and no more.
const LEAST: &str = r#"
[shop]
name = "Acme Outdoor"
url = "https://shop.example"
support_email = "help@shop.example"
postal_address = "1 Main Street, Springfield"
time_zone = "America/New_York"
[orders]
url = "postgres://reader@db.example/shop"
[mail]
from = "Acme Outdoor <orders@shop.example>"
[[mail.relays]]
url = "smtp://relay.example:587"
[web]
public_url = "https://orders.shop.example"
secret_file = "link-secret"
"#;

struct Folder(TempDir);

impl Folder {
    fn new() -> Folder {
        Folder(tempfile::tempdir().unwrap())
    }

    fn with(self, name: &str, content: &str) -> Folder {
        let path = self.0.path().join(name);
        std::fs::write(&path, content).unwrap();
        set_mode(&path, 0o600);
        self
    }

    fn load(&self, text: &str, variables: &[(&str, &str)]) -> Result<Settings, SettingsError> {
        let path = self.0.path().join("backorderd.toml");
        std::fs::write(&path, text).unwrap();
        Settings::load(&path, variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())))
    }

    /// What the operator reads, the folder's own name left out.
    fn refusal(&self, text: &str, variables: &[(&str, &str)]) -> String {
        let error = self.load(text, variables).unwrap_err();
        error.to_string().replace(&format!("{}/", self.0.path().display()), "")
    }
}

#[cfg(unix)]
fn set_mode(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

/// `LEAST` with `line` put right below `[section]`.
fn with(section: &str, line: &str) -> String {
    assert!(LEAST.contains(section), "{section}");
    LEAST.replacen(section, &format!("{section}\n{line}"), 1)
}

/// The refusal of [`with`].
fn refusal_with(section: &str, line: &str) -> String {
    Folder::new().refusal(&with(section, line), &[])
}

/// The refusal of `LEAST` where `from` reads `to`.
fn refusal_instead(from: &str, to: &str) -> String {
    assert!(LEAST.contains(from), "{from}");
    Folder::new().refusal(&LEAST.replacen(from, to, 1), &[])
}

#[test]
fn a_webhook_secret_that_cannot_be_used_is_named_by_its_file_and_line() {
    let whole = format!("whsec_{}", "A".repeat(44));
    let folder = Folder::new().with("hook-secret", &format!("{whole}\nwhsec_aHVudGVyMg==\n"));
    let text =
        format!("{LEAST}[choices]\nhook_url = \"https://shop.example/answers\"\nhook_secret_file = \"hook-secret\"\n");
    let refusal = "choices.hook_secret_file: hook-secret: the secret in line 2 has 7 bytes; write whsec_ and 24 to 64 \
                   random bytes in base64, one secret a line: `echo whsec_$(openssl rand -base64 32)`";
    assert_eq!(folder.refusal(&text, &[]), format!("backorderd.toml:19: {refusal}"));
    let folder = folder.with("hook-secret", &format!("{whole}\n{whole}\n"));
    set_mode(&folder.0.path().join("hook-secret"), 0o644);
    let settings = folder.load(&text, &[]).unwrap();
    assert_eq!(settings.choices.hook.unwrap().keys.count(), 2);
    assert!(settings.warnings[0].contains("hook-secret is open to others (mode 644)"), "{:?}", settings.warnings);
    let variable = ("BACKORDERD__CHOICES__HOOK_URL", "http://other.example/");
    assert_eq!(folder.load(&text, &[variable]).unwrap().choices.hook.unwrap().url, "http://other.example/");
}

// The example.

#[test]
fn the_example_loads_once_the_relay_password_is_there() {
    let settings = Folder::new().with("relay-password", "secret\n").load(EXAMPLE, &[]).unwrap();
    assert_eq!(settings.mail.unwrap().relays[0].password.as_ref().unwrap().expose(), "secret");
    assert_eq!(settings.warnings, Vec::<String>::new());
}

#[test]
fn the_example_says_the_defaults() {
    let folder = Folder::new().with("relay-password", "secret");
    let example = folder.load(EXAMPLE, &[]).unwrap();
    let least = folder.load(LEAST, &[]).unwrap();
    assert_eq!(format!("{:?}", example.delivery), format!("{:?}", least.delivery));
    assert_eq!(format!("{:?}", example.updates), format!("{:?}", least.updates));
    assert_eq!(format!("{:?}", example.rules), format!("{:?}", least.rules));
    assert_eq!(format!("{:?}", example.choices), format!("{:?}", least.choices));
    assert_eq!(format!("{:?}", example.state), format!("{:?}", least.state));
    assert_eq!(format!("{:?}", example.bounces), format!("{:?}", least.bounces));
    assert_eq!(format!("{:?}", example.web), format!("{:?}", least.web));
    assert_eq!(format!("{:?}", example.shop), format!("{:?}", least.shop));
    assert_eq!(format!("{:?}", example.orders), format!("{:?}", least.orders));
}

#[test]
fn the_defaults_are_the_documented_ones() {
    let folder = Folder::new();
    let settings = folder.load(LEAST, &[]).unwrap();
    assert_eq!(settings.shop.accent, "#0b6e4f");
    assert_eq!(settings.shop.locale, "en-US");
    assert_eq!(settings.state.url, format!("sqlite://{}/backorderd.db", folder.0.path().display()));
    let orders = &settings.orders;
    assert_eq!((orders.mapping.as_str(), orders.first_sweep), ("odoo-18", FirstSweep::Baseline));
    assert_eq!((orders.poll_every, orders.sweep_every), (Span::seconds(10), Span::minutes(5)));
    assert_eq!(orders.statement_timeout, Span::seconds(30));
    let relay = &settings.mail.as_ref().unwrap().relays[0];
    assert_eq!((relay.max_connections, relay.max_messages, relay.max_age), (8, 1000, Span::minutes(10)));
    assert_eq!((relay.messages_per_second, relay.pipelining), (None, true));
    let delivery = &settings.delivery;
    assert_eq!((delivery.channel, delivery.in_doubt), (Channels::Mail, InDoubt::Resend));
    assert_eq!((delivery.settle, delivery.give_up_after), (Span::seconds(30), Span::days(3)));
    assert_eq!(delivery.retry.iter().map(|step| step.as_secs()).sum::<u64>(), 60 * (1 + 5 + 15 + 15 * 60));
    assert_eq!((delivery.retry.len(), delivery.quiet_hours, delivery.max_per_sweep), (7, None, 500));
    let updates = &settings.updates;
    assert_eq!((updates.every, updates.overdue_after), (Span::days(14), Span::days(1)));
    assert_eq!(updates.date_mails_per_week, 3);
    let rules = &settings.rules;
    assert_eq!((rules.handling_days, rules.transit_days, &rules.reason), (2, 3, &None));
    assert_eq!((rules.reply_before, rules.keep_for), (Span::days(3), Span::days(5 * 365)));
    assert_eq!(rules.alternatives, [RuleSet::UsFtc, RuleSet::None]);
    assert_eq!(settings.choices.confirm_within, Span::days(2));
    assert_eq!((settings.web.listen.as_str(), settings.web.link_life), ("127.0.0.1:8080", Span::days(30)));
}

#[test]
fn the_example_with_everything_optional_switched_on_loads() {
    let switched_on = EXAMPLE.lines().map(switch_on).collect::<Vec<_>>().join(
        "
",
    );
    let text = switched_on
        .replace("mapping = \"odoo-18\"", "mapping = \"custom\"")
        .replace("channel = \"mail\"", "channel = \"both\"");
    let webhook_secret = format!("whsec_{}", "A".repeat(44));
    let mut folder = Folder::new();
    for name in
        ["state-password", "orders-password", "relay-password", "writer-password", "relay-ca.pem", "mailgun-key"]
    {
        folder = folder.with(name, "content");
    }
    let folder = folder
        .with("webhook-secret", &format!("{webhook_secret}\n{webhook_secret}\n"))
        .with("hook-secret", &webhook_secret)
        .with("dkim.pem", &rcgen::KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap().serialize_pem())
        .with("lines.sql", "select 1");
    std::fs::create_dir(folder.0.path().join("words")).unwrap();
    // The state is the one place where the example's default takes no password.
    let text = text.replace("sqlite://backorderd.db", "postgres://user@host/database");
    let settings = folder.load(&text, &[]).unwrap();
    assert_eq!(settings.delivery.channel, Channels::Both);
    assert_eq!(settings.orders.queries.unwrap().lines, Query::File { file: folder.0.path().join("lines.sql") });
    assert_eq!(settings.bounces.maildir.as_deref(), Some(Path::new("/var/mail/bounces")));
    assert_eq!(settings.bounces.mailgun_signing_key.unwrap().expose(), "content");
    assert!(settings.delivery.quiet_hours.is_some() && settings.choices.sql.wait.is_some());
}

/// Takes the `# ` away from a line that is a commented key or section, not a sentence.
fn switch_on(line: &str) -> &str {
    let Some(rest) = line.strip_prefix("# ") else { return line };
    let is_key = rest.split_once(" = ").is_some_and(|(key, _)| key.chars().all(|c| c.is_ascii_lowercase() || c == '_'));
    if is_key || rest.starts_with('[') && rest.ends_with(']') { rest } else { line }
}

#[test]
fn a_key_that_cannot_sign_mails_is_an_error_with_the_mend_and_is_not_repeated() {
    let elliptic = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap().serialize_pem();
    for (pem, what) in
        [("hunter2", "this holds no private key in PEM form"), (&*elliptic, "the key is neither RSA of 2048")]
    {
        let text =
            format!("{LEAST}\n[mail.dkim]\ndomain = \"shop.example\"\nselector = \"s1\"\nkey_file = \"dkim.pem\"\n");
        let error = Folder::new().with("dkim.pem", pem).load(&text, &[]).unwrap_err().to_string();
        assert!(
            error.contains("mail.dkim.key_file: ") && error.contains(what) && error.contains("openssl genpkey"),
            "{error}"
        );
        assert!(!error.contains("hunter2") && error.lines().count() == 1, "{error}");
    }
}

// What a key says.

#[test]
fn a_section_for_one_shop_is_laid_over_the_shop() {
    let text = format!(
        "{LEAST}\n[shops.2]\nname = \"Acme Berlin\"\nlocale = \"de_DE\"\nmail_from = \"berlin@shop.example\"\n"
    );
    let settings = Folder::new().load(&text, &[]).unwrap();
    let berlin = settings.shop("2");
    assert_eq!((berlin.shop.name.as_str(), berlin.shop.locale.as_str()), ("Acme Berlin", "de-DE"));
    assert_eq!(berlin.mail_from.as_deref(), Some("berlin@shop.example"));
    assert_eq!(berlin.public_url, "https://orders.shop.example");
    assert_eq!(berlin.shop.support_email, "help@shop.example");
    let other = settings.shop("3");
    assert_eq!(other.shop.name, "Acme Outdoor");
    assert_eq!(other.mail_from.as_deref(), Some("Acme Outdoor <orders@shop.example>"));
    assert_eq!(other.reply_to, None);
}

#[test]
fn a_single_country_wins_over_the_union_and_the_rest_take_the_default() {
    let settings = Folder::new().load(&format!("{LEAST}\n[rules]\nDE = \"none\"\nJP = \"eu\"\n"), &[]).unwrap();
    let expected = [
        (Some("US"), RuleSet::UsFtc),
        (Some("GB"), RuleSet::Uk),
        (Some("FR"), RuleSet::Eu),
        (Some("GR"), RuleSet::Eu),
        (Some("DE"), RuleSet::None),
        (Some("JP"), RuleSet::Eu),
        (Some("CH"), RuleSet::None),
        (None, RuleSet::None),
    ];
    for (country, rules) in expected {
        assert_eq!(settings.rules_for(country), rules, "{country:?}");
    }
}

#[test]
fn only_a_webhook_makes_the_channel_webhook() {
    let secret = format!("whsec_{}", "A".repeat(44));
    let webhook = format!("[webhook]\nurl = \"https://receiver.example\"\nsecret = \"{secret}\"\n[web]");
    let mail = &LEAST[LEAST.find("[mail]").unwrap()..LEAST.find("[web]").unwrap()];
    let settings = Folder::new().load(&LEAST.replace(mail, "").replace("[web]", &webhook), &[]).unwrap();
    assert_eq!(settings.delivery.channel, Channels::Webhook);
    assert_eq!(settings.shop("").mail_from, None);
}

#[test]
fn a_secret_kept_in_a_file_loses_its_final_line_break_and_nothing_else() {
    let text = with("[orders]", "password_file = \"password\"");
    for (content, secret) in [("pass word \n", "pass word "), ("pass\r\n", "pass"), ("pass\n\n", "pass\n"), ("p", "p")]
    {
        let settings = Folder::new().with("password", content).load(&text, &[]).unwrap();
        assert_eq!(settings.orders.password.unwrap().expose(), secret);
    }
}

#[cfg(unix)]
#[test]
fn a_secret_that_others_can_read_makes_a_warning() {
    let folder = Folder::new().with("password", "secret");
    set_mode(&folder.0.path().join("password"), 0o644);
    let settings = folder.load(&with("[orders]", "password_file = \"password\""), &[]).unwrap();
    let shown = folder.0.path().join("password");
    let shown = shown.display();
    let expected = format!("orders.password_file: {shown} is open to others (mode 644); run `chmod 600 {shown}`");
    assert_eq!(settings.warnings, [expected]);
}

#[test]
fn settings_never_print_their_secrets() {
    let settings = Folder::new().load(&with("[orders]", "password = \"hunter2\""), &[]).unwrap();
    assert!(!format!("{settings:?}").contains("hunter2"));
}

// The environment.

#[test]
fn variables_override_texts_numbers_lists_and_entries_of_lists() {
    let variables = [
        ("BACKORDERD__MAIL__FROM", "\"Acme, Ltd\" <acme@shop.example>"),
        ("BACKORDERD__MAIL__RELAYS__0__MAX_CONNECTIONS", "2"),
        ("BACKORDERD__MAIL__RELAYS__1__URL", "smtps://second.example"),
        ("BACKORDERD__MAIL__RELAYS__1__MESSAGES_PER_SECOND", "0.5"),
        ("BACKORDERD__DELIVERY__RETRY", "[\"2m\", \"4m\"]"),
        ("BACKORDERD__DELIVERY__SETTLE", "1m"),
        ("BACKORDERD__RULES__US", "none"),
        ("BACKORDERD__SHOPS__berlin__NAME", "Acme Berlin"),
        ("BACKORDERD_CONFIG", "/etc/backorderd.toml"),
        ("PATH", "/bin"),
    ];
    let settings = Folder::new().load(LEAST, &variables).unwrap();
    let mail = settings.mail.as_ref().unwrap();
    assert_eq!(mail.from, "\"Acme, Ltd\" <acme@shop.example>");
    assert_eq!((mail.relays[0].url.as_str(), mail.relays[0].max_connections), ("smtp://relay.example:587", 2));
    assert_eq!(
        (mail.relays[1].url.as_str(), mail.relays[1].messages_per_second),
        ("smtps://second.example", Some(0.5))
    );
    assert_eq!(settings.delivery.retry, [Span::minutes(2), Span::minutes(4)]);
    assert_eq!(settings.delivery.settle, Span::minutes(1));
    assert_eq!(settings.rules_for(Some("US")), RuleSet::None);
    assert_eq!(settings.shop("berlin").shop.name, "Acme Berlin");
}

#[test]
fn variables_alone_can_say_everything() {
    let variables = [
        ("BACKORDERD__SHOP__NAME", "Acme"),
        ("BACKORDERD__SHOP__URL", "https://shop.example"),
        ("BACKORDERD__SHOP__SUPPORT_EMAIL", "help@shop.example"),
        ("BACKORDERD__SHOP__POSTAL_ADDRESS", "1 Main Street"),
        ("BACKORDERD__ORDERS__URL", "postgres://db/shop"),
        ("BACKORDERD__MAIL__FROM", "acme@shop.example"),
        ("BACKORDERD__MAIL__RELAYS__0__URL", "smtp://one.example"),
        ("BACKORDERD__MAIL__RELAYS__1__URL", "smtp://two.example"),
        ("BACKORDERD__WEB__PUBLIC_URL", "https://orders.shop.example/"),
        ("BACKORDERD__WEB__SECRET_FILE", "/run/secrets/link"),
    ];
    let settings = Folder::new().load("", &variables).unwrap();
    assert_eq!(settings.mail.unwrap().relays.len(), 2);
    assert_eq!(settings.web.public_url, "https://orders.shop.example");
    let zone = "shop.time_zone: not set, \"America/New_York\" is taken; every date is a day in that zone";
    assert_eq!(settings.warnings, [zone]);
}

#[test]
fn an_empty_variable_unsets_an_optional_key() {
    let text = with("[orders]", "password_file = \"not-there\"");
    let settings = Folder::new().load(&text, &[("BACKORDERD__ORDERS__PASSWORD_FILE", "")]).unwrap();
    assert_eq!(settings.orders.password, None);
}

#[test]
fn a_variable_that_names_no_key_is_refused_by_its_name() {
    let expected = [
        ("BACKORDERD__MAIL__FORM", "mail.form: unknown key; did you mean `from`?"),
        ("BACKORDERD__MIAL", "mial: unknown key; did you mean `mail`?"),
        ("BACKORDERD__MAIL__RELAYS__2__URL", "mail.relays.2.url: entry 2 is out of order; the next free one is 1"),
        (
            "BACKORDERD__MAIL____FROM",
            "mail..from: names no key; write it as BACKORDERD__SECTION__KEY, as in BACKORDERD__MAIL__FROM",
        ),
    ];
    for (name, refusal) in expected {
        assert_eq!(Folder::new().refusal(LEAST, &[(name, "x")]), format!("{name}: {refusal}"));
    }
}

#[test]
fn a_variable_with_a_wrong_value_is_refused_by_its_name() {
    let settle = Folder::new().refusal(LEAST, &[("BACKORDERD__DELIVERY__SETTLE", "30")]);
    assert_eq!(
        settle,
        "BACKORDERD__DELIVERY__SETTLE: delivery.settle: \"30\" is no duration; write a whole number and a unit: \
         \"30s\", \"5m\", \"1h\", \"14d\" or \"5y\""
    );
    let limit = Folder::new().refusal(LEAST, &[("BACKORDERD__DELIVERY__MAX_PER_SWEEP", "many")]);
    assert_eq!(
        limit,
        "BACKORDERD__DELIVERY__MAX_PER_SWEEP: delivery.max_per_sweep: expected a whole number from 0 to 4294967295 \
         without quotes, found a text"
    );
}

// What an operator reads when something is wrong.

#[test]
fn a_file_that_is_not_there_is_named_with_the_two_ways_on() {
    let error = Settings::load(Path::new("nowhere/backorderd.toml"), std::iter::empty()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "cannot read the settings file nowhere/backorderd.toml: No such file or directory (os error 2); write one with \
         `backorderd init`, or name yours with --config"
    );
}

#[test]
fn text_that_is_no_toml_is_refused_with_its_line() {
    assert_eq!(
        refusal_with("[web]", "public_url = \"https://other.example\""),
        "backorderd.toml:16: this is not TOML: duplicate key; keep one of the two"
    );
    assert_eq!(
        refusal_with("[web]", "listen = 127.0.0.1:8080"),
        "backorderd.toml:15: this is not TOML: invalid float, expected nothing; look here and at the line above: texts, \
         durations and addresses stand in quotes, sections in [ ]"
    );
}

#[test]
fn a_mistyped_key_is_refused_with_the_one_that_was_meant() {
    assert_eq!(
        refusal_with("[mail]", "replyto = \"a@b.example\""),
        "backorderd.toml:11: mail.replyto: unknown key; did you mean `reply_to`?"
    );
    assert_eq!(
        refusal_with("[[mail.relays]]", "reply_to = \"a@b.example\""),
        "backorderd.toml:13: mail.relays[0].reply_to: unknown key; it belongs to [mail]"
    );
    assert_eq!(
        Folder::new().refusal(&format!("{LEAST}[delivry]\nsettle = \"5s\"\n"), &[]),
        "backorderd.toml:17: delivry: unknown section; did you mean `delivery`?"
    );
}

#[test]
fn a_missing_key_is_refused_with_an_example_of_it() {
    assert_eq!(
        refusal_instead("name = \"Acme Outdoor\"\n", ""),
        "backorderd.toml:2: shop.name: missing; write name = \"Acme Outdoor\""
    );
    assert_eq!(
        refusal_instead("[[mail.relays]]\nurl = \"smtp://relay.example:587\"\n", ""),
        "backorderd.toml:10: mail.relays: missing; add [[mail.relays]] with url = \"smtp://user@relay.example:587\""
    );
}

#[test]
fn a_wrong_type_is_refused_with_what_is_expected() {
    assert_eq!(
        refusal_with("[[mail.relays]]", "max_connections = \"8\""),
        "backorderd.toml:13: mail.relays[0].max_connections: expected a whole number from 1 to 1000 without quotes, found a text"
    );
    assert_eq!(
        refusal_with("[orders]", "poll_every = 10"),
        "backorderd.toml:9: orders.poll_every: expected a text in quotes, found the number 10"
    );
    assert_eq!(
        refusal_instead("[mail]", "[mail]\nreply_to = [\"help@shop.example\"]"),
        "backorderd.toml:11: mail.reply_to: expected a text in quotes, found a list"
    );
}

#[test]
fn a_wrong_value_is_refused_with_the_mend() {
    let expected = [
        (
            "[shop]",
            "accent = \"green\"",
            "3: shop.accent: \"green\" is no colour; write # and six hexadecimal digits, as in \"#0b6e4f\"",
        ),
        (
            "[shop]",
            "locale = \"english!\"",
            "3: shop.locale: \"english!\" is no locale; write a language and perhaps a country: \"en-US\", \"de\"",
        ),
        (
            "[shop]",
            "words_dir = \"/nowhere\"",
            "3: shop.words_dir: there is no folder /nowhere; create it, or correct the path",
        ),
        (
            "[orders]",
            "mapping = \"odoo18\"",
            "9: orders.mapping: there is no mapping \"odoo18\", but \"odoo-18\", \"vendure\", \"tryton\", \"medusa\", \
             \"oscar\", \"woocommerce\", \"custom\"; did you mean \"odoo-18\"?",
        ),
        (
            "[orders]",
            "first_sweep = \"notfy\"",
            "9: orders.first_sweep: \"notfy\" is none of \"baseline\", \"notify\"; did you mean \"notify\"?",
        ),
        (
            "[mail]",
            "reply_to = \"help\\nBcc: all@shop.example\"",
            "11: mail.reply_to: \"help\\nBcc: all@shop.example\" holds a line break or another control character; write \
             it on one line",
        ),
        (
            "[[mail.relays]]",
            "messages_per_second = 0",
            "13: mail.relays[0].messages_per_second: expected a number above 0 without quotes, found 0",
        ),
        (
            "[web]",
            "listen = \"8080\"",
            "15: web.listen: \"8080\" is no address to listen on; write ADDRESS:PORT, as in \"127.0.0.1:8080\"",
        ),
    ];
    for (section, line, refusal) in expected {
        assert_eq!(refusal_with(section, line), format!("backorderd.toml:{refusal}"));
    }
}

#[test]
fn a_wrong_url_is_refused_without_repeating_its_password() {
    let expected = [
        (
            "smtp://relay.example:587",
            "http://ada:hunter2@relay.example",
            "13: mail.relays[0].url: a URL here begins with smtp:// or smtps://; write it as \
             \"smtp://user@relay.example:587\"",
        ),
        (
            "smtp://relay.example:587",
            "smtp://ada@relay.example",
            "12: mail.relays[0].password: missing; the URL names the user \"ada\"; write password_file = \"FILE\"",
        ),
        (
            "smtp://relay.example:587",
            "smtps://relay.example?tls=none",
            "13: mail.relays[0].url: smtps is always encrypted; take out ?tls=",
        ),
        (
            "postgres://reader@db.example/shop",
            "oracle://db/shop",
            "9: orders.url: a URL here begins with postgres:// or postgresql:// or mysql:// or mariadb:// or \
             sqlite://; write it as \"postgres://reader@host/shop\", \"mysql://reader@host/shop\" or \
             \"sqlite://shop.db\"",
        ),
        (
            "postgres://reader@db.example/shop",
            "postgres://reader:hunter2@db.example",
            "9: orders.url: the URL names no database; write it as \"postgres://reader@host/shop\", \
             \"mysql://reader@host/shop\" or \"sqlite://shop.db\"",
        ),
        (
            "https://orders.shop.example",
            "https://orders.shop.example/?page=1",
            "15: web.public_url: the links are made by adding to this URL; take out what begins with ? or #",
        ),
    ];
    for (from, to, refusal) in expected {
        assert_eq!(refusal_instead(from, to), format!("backorderd.toml:{refusal}"));
    }
}

#[test]
fn a_secret_file_that_is_not_there_or_empty_is_refused_by_its_path() {
    let text = with("[orders]", "password_file = \"password\"");
    assert_eq!(
        Folder::new().refusal(&text, &[]),
        "backorderd.toml:9: orders.password_file: cannot read password: No such file or directory (os error 2); create \
         it, or correct the path or its permissions"
    );
    assert_eq!(
        Folder::new().with("password", "\n").refusal(&text, &[]),
        "backorderd.toml:9: orders.password_file: password is empty; write into it what it is to hold"
    );
}

#[test]
fn a_contradiction_is_refused_with_both_sides() {
    let expected = [
        (
            with("[orders]", "password = \"a\"\npassword_file = \"b\""),
            "9: orders.password: `password` and `password_file` are both set; keep one of them",
        ),
        (
            with("[orders]", "poll_every = \"10m\""),
            "9: orders.poll_every: longer than sweep_every, which reads more; make it at most as long",
        ),
        (
            with("[orders]", "mapping = \"custom\""),
            "8: orders.queries: missing; mapping = \"custom\" needs [orders.queries] with lines = \"select ...\"",
        ),
        (
            with("[orders]", "queries.lines = \"select 1\""),
            "9: orders.queries: only mapping = \"custom\" has queries of its own; set that, or take [orders.queries] out",
        ),
        (
            format!("{LEAST}[delivery]\nsettle = \"4d\"\n"),
            "18: delivery.settle: not shorter than give_up_after; make it shorter",
        ),
        (
            format!("{LEAST}[delivery]\nchannel = \"both\"\n"),
            "18: delivery.channel: \"both\" needs [webhook], which is missing; add it with url and secret_file, or set \
             another channel",
        ),
        (
            format!("{LEAST}[delivery]\nretry = []\n"),
            "18: delivery.retry: empty; write at least one step, as in [\"1m\", \"1h\"]",
        ),
        (
            format!("{LEAST}[state]\nurl = \"postgres://other@DB.example:5432/shop\"\n"),
            "18: state.url: the same database as orders.url, which is only read; name one of our own here",
        ),
        (
            format!("{LEAST}[state]\npassword = \"secret\"\n"),
            "18: state.password: there is no url that it is for; add it, or take the password out",
        ),
        (
            format!("{LEAST}[choices]\nhook_url = \"https://shop.example/answers\"\n"),
            "17: choices.hook_secret_file: missing; the hook is signed; write hook_secret_file = \"FILE\" with whsec_... \
             in the file",
        ),
        (
            format!("{LEAST}[choices]\nhook_secret = \"whsec_{}\"\n", "A".repeat(44)),
            "18: choices.hook_secret: there is no hook to sign; add hook_url, or take the secret out",
        ),
        (
            format!("{LEAST}[choices]\nhook_url = \"ftp://shop.example\"\n"),
            "18: choices.hook_url: a URL here begins with https:// or http://; write it as \"https://shop.example\"",
        ),
        (
            format!("{LEAST}[choices]\nhook_url = \"https://ada:hunter2@shop.example\"\n"),
            "18: choices.hook_url: the URL holds a login, which does not belong here; take out what stands before the @",
        ),
        (
            format!("{LEAST}[choices.sql]\ncancel = \"update a set b = 1 where id = :lineid\"\n"),
            "18: choices.sql.cancel: there is no parameter :lineid, but :choice_id :order_id :line_id :choice :quantity \
             :chosen_at :by; did you mean :line_id?",
        ),
        (
            format!("{LEAST}[choices]\nurl = \"sqlite://answers.db\"\nsql.wait = \"update a set b = ?1\"\n"),
            "19: choices.sql.wait: `?` is a parameter that nothing is known for; write one of :choice_id :order_id \
             :line_id :choice :quantity :chosen_at :by",
        ),
        (
            format!("{LEAST}[choices]\nurl = \"oracle://db/shop\"\nsql.wait = \"update a set b = :c\"\n"),
            "18: choices.url: a URL here begins with postgres:// or postgresql:// or mysql:// or mariadb:// or sqlite://; \
             write it as \"postgres://reader@host/shop\", \"mysql://reader@host/shop\" or \"sqlite://shop.db\"",
        ),
    ];
    for (text, refusal) in expected {
        assert_eq!(Folder::new().refusal(&text, &[]), format!("backorderd.toml:{refusal}"));
    }
}

#[test]
fn a_statement_that_names_no_answer_is_warned_of() {
    let text = format!(
        "{LEAST}[choices.sql]\ncancel = \"update a set b = :by\"\nwait = \"delete from a where b = :line_id\"\n"
    );
    let settings = Folder::new().load(&text, &[]).unwrap();
    let warnings: Vec<&String> = settings.warnings.iter().filter(|warning| warning.contains("choices.sql")).collect();
    assert_eq!(
        warnings,
        ["choices.sql.cancel: it names no :line_id, :order_id or :choice_id, so it does the same for every answer"]
    );
}

#[test]
fn a_country_that_is_none_is_refused_with_the_one_that_was_meant() {
    let refusal = |line: &str| Folder::new().refusal(&format!("{LEAST}[rules]\n{line}\n"), &[]);
    assert_eq!(refusal("UK = \"uk\""), "backorderd.toml:18: rules.UK: unknown key; did you mean `GB`?");
    assert_eq!(refusal("de = \"eu\""), "backorderd.toml:18: rules.de: unknown key; did you mean `DE`?");
    assert_eq!(
        refusal("reply = \"3d\""),
        "backorderd.toml:18: rules.reply: unknown key; a country is two capital letters by ISO 3166-1, as in US or DE, and EU is its 27 members"
    );
    assert_eq!(
        refusal("handling_day = 3"),
        "backorderd.toml:18: rules.handling_day: unknown key; did you mean `handling_days`?"
    );
    assert_eq!(
        refusal("US = \"ftc\""),
        "backorderd.toml:18: rules.US: \"ftc\" is none of \"us-ftc\", \"uk\", \"eu\", \"none\"; write one of them"
    );
}

#[test]
fn all_that_is_wrong_is_said_at_once_in_the_order_of_the_file() {
    let text = with("[orders]", "poll_every = \"soon\"\nsweep_evry = \"5m\"").replace("\"https://shop.example\"", "5");
    let refusal = Folder::new().refusal(&text, &[("BACKORDERD__WEB__LISTEN", "x")]);
    assert_eq!(
        refusal,
        "backorderd.toml:4: shop.url: expected a text in quotes, found the number 5\n\
         backorderd.toml:9: orders.poll_every: \"soon\" is no duration; write a whole number and a unit: \"30s\", \"5m\", \
         \"1h\", \"14d\" or \"5y\"\n\
         backorderd.toml:10: orders.sweep_evry: unknown key; did you mean `sweep_every`?\n\
         BACKORDERD__WEB__LISTEN: web.listen: \"x\" is no address to listen on; write ADDRESS:PORT, as in \
         \"127.0.0.1:8080\""
    );
}

#[test]
fn an_empty_file_is_refused_with_all_that_a_shop_must_say() {
    let refusal = Folder::new().refusal("", &[]);
    let keys: Vec<&str> = refusal.lines().filter_map(|line| line.split(": ").nth(1)).collect();
    assert_eq!(
        keys,
        [
            "shop.name",
            "shop.url",
            "shop.support_email",
            "shop.postal_address",
            "orders.url",
            "delivery.channel",
            "web.public_url",
            "web.secret_file"
        ]
    );
}

// Whatever is typed.

proptest! {
    #[test]
    fn no_text_makes_loading_panic(text in "\\PC*") {
        let _ = Folder::new().load(&text, &[]);
    }

    #[test]
    fn no_mutation_of_the_example_makes_loading_panic_or_be_refused_without_a_word(
        at in 0..EXAMPLE.len(),
        length in 0usize..40,
        new in "\\PC{0,8}|\"|\\[\\[|\n|=|[0-9]{1,25}",
    ) {
        let characters = |range: &mut dyn Iterator<Item = char>| range.collect::<String>();
        let before = characters(&mut EXAMPLE.chars().take(at));
        let after = characters(&mut EXAMPLE.chars().skip(at + length));
        if let Err(error) = Folder::new().with("relay-password", "x").load(&format!("{before}{new}{after}"), &[]) {
            prop_assert!(!error.to_string().is_empty());
        }
    }

    #[test]
    fn no_variable_makes_loading_panic_or_be_refused_without_a_word(
        name in "(SHOP|MAIL|RELAYS|0|1|URL|RETRY|DELIVERY|ORDERS|QUERIES|LINES|FILE|x|É|__|_){1,9}",
        value in "\\PC{0,12}|\\[.{0,9}\\]|\\{.{0,9}\\}|[0-9.]{1,30}",
    ) {
        let name = format!("BACKORDERD__{name}");
        if let Err(error) = Folder::new().load(LEAST, &[(&name, &value)]) {
            prop_assert!(!error.to_string().is_empty());
        }
    }
}
