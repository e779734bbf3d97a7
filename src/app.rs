//! The only place that builds things: settings become a store, a watcher, a delivery.
//!
//! In: settings and a clock. Out: the parts, ready to tick or to run. What can go wrong is an error with the mend, for
//! the operator who just started a command.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, bail};
use tokio::sync::watch;

use crate::bounce::maildir::Reader;
use crate::choice::carrier::{Carrier, Way, Ways};
use crate::choice::hook::Hook;
use crate::choice::statement::Statement;
use crate::clock::Clock;
use crate::deliver::packing::Packing;
use crate::deliver::receiver::ReceiverStation;
use crate::deliver::relays::Relays;
use crate::deliver::smtp::{Deadlines, relay::Relay};
use crate::deliver::takeover::Takeover;
use crate::deliver::{Delivery, Renderers};
use crate::links::LinkKeys;
use crate::metrics::tally::Tally;
use crate::outbox::notification::{MAIL, WEBHOOK};
use crate::outbox::schedule::Schedules;
use crate::render::Renderer;
use crate::settings::Settings;
use crate::settings::receiver::ReceiverSettings;
use crate::shop::answers::Answers;
use crate::shop::{Feeds, Shop};
use crate::store::Store;
use crate::store::facts::fact;
use crate::watch::Watcher;
use crate::webhook::{self, Receiver, ReceiverError};

/// What every command works with.
pub struct App {
    pub settings: Arc<Settings>,
    pub store: Store,
    pub clock: Clock,
    /// A random name of this start of the process.
    pub owner: String,
    /// What its parts did since then.
    pub tally: Arc<Tally>,
    stop: watch::Sender<bool>,
}

impl App {
    /// Opens the state database.
    pub async fn open(settings: Settings, clock: Clock) -> anyhow::Result<App> {
        let url = settings.state.url.clone();
        App::open_at(&url, settings, clock).await
    }

    /// Opens the state database at `url` instead of the one that the settings name.
    pub async fn open_at(url: &str, settings: Settings, clock: Clock) -> anyhow::Result<App> {
        let password = settings.state.password.as_ref().map(|password| password.expose().to_owned());
        let store = Store::open(url, password.as_deref()).await?;
        let owner = clock.random_id().to_string();
        let tally = Arc::new(Tally::new(clock.now()));
        Ok(App { settings: Arc::new(settings), store, clock, owner, tally, stop: watch::Sender::new(false) })
    }

    /// Asks everything that runs to come to an end.
    pub fn stop(&self) {
        self.stop.send_replace(true);
    }

    /// What [`App::stop`] uses, for those who wait for a signal.
    pub fn stopper(&self) -> watch::Sender<bool> {
        self.stop.clone()
    }

    /// True once the process is to stop.
    pub fn stopping(&self) -> watch::Receiver<bool> {
        self.stop.subscribe()
    }

    /// The shop's side, ready to be looked at.
    pub fn shop(&self) -> anyhow::Result<Shop> {
        let feeds = Feeds::load(&self.settings.orders, &self.settings.shop)?;
        Ok(Shop::open(&self.settings.orders, feeds)?)
    }

    pub fn watcher(&self) -> anyhow::Result<Watcher> {
        Ok(Watcher {
            shop: self.shop()?,
            store: self.store.clone(),
            settings: self.settings.clone(),
            schedules: Schedules::new(&self.settings),
            clock: self.clock.clone(),
            owner: self.owner.clone(),
            tally: self.tally.clone(),
            stop: self.stopping(),
            lines_read: Arc::default(),
        })
    }

    pub async fn delivery(&self) -> anyhow::Result<Arc<Delivery>> {
        let (relays, receiver) = (self.relays()?, self.receiver()?);
        for relay in &relays {
            self.tally.knows(MAIL, &relay.name());
        }
        if let Some(receiver) = &receiver {
            self.tally.knows(WEBHOOK, &receiver.to_string());
        }
        let renderers = renderers(&self.settings)?;
        Ok(Arc::new(Delivery {
            store: self.store.clone(),
            settings: self.settings.clone(),
            schedules: Schedules::new(&self.settings),
            packing: Packing::of(&renderers.default),
            renderers,
            keys: self.link_keys().await?,
            relays: Relays::new(relays),
            receiver: receiver.map(ReceiverStation::new),
            clock: self.clock.clone(),
            hello_name: hello_name(&self.settings.web.public_url),
            deadlines: Deadlines::default(),
            tally: self.tally.clone(),
            takeover: Takeover::default(),
            stop: self.stopping(),
        }))
    }

    /// Hands answers over to the shop.
    pub fn carrier(&self) -> anyhow::Result<Arc<Carrier>> {
        Ok(Arc::new(Carrier {
            store: self.store.clone(),
            settings: self.settings.clone(),
            schedules: Schedules::new(&self.settings),
            clock: self.clock.clone(),
            ways: self.ways()?,
            tally: self.tally.clone(),
            stop: self.stopping(),
        }))
    }

    /// Reads the folder of reports; `None`: there is none.
    pub fn bounce_reader(&self) -> Option<Reader> {
        Some(Reader {
            folder: self.settings.bounces.maildir.clone()?,
            store: self.store.clone(),
            return_path: self.settings.mail.as_ref().and_then(|mail| mail.return_path.clone()),
            clock: self.clock.clone(),
            every: self.settings.orders.poll_every.duration(),
            stop: self.stopping(),
        })
    }

    /// The ways of `[choices]`.
    fn ways(&self) -> anyhow::Result<Ways> {
        let choices = &self.settings.choices;
        let hook = choices.hook.as_ref().map(|hook| -> anyhow::Result<Arc<dyn Way>> {
            Ok(Arc::new(Hook { receiver: receiver(hook, &self.clock).context("choices.hook_url")? }))
        });
        let answers = Answers::open(&self.settings.orders, choices)?;
        let statement = answers.map(|answers| -> Arc<dyn Way> { Arc::new(Statement { answers }) });
        Ok(Ways { statement, hook: hook.transpose()? })
    }

    /// The relays of `[[mail.relays]]`, in order.
    pub fn relays(&self) -> anyhow::Result<Vec<Relay>> {
        let settings = self.settings.mail.iter().flat_map(|mail| &mail.relays);
        settings
            .enumerate()
            .map(|(index, relay)| Relay::from_settings(relay).with_context(|| format!("mail.relays[{index}]")))
            .collect()
    }

    /// The receiver of notifications, if one is set.
    fn receiver(&self) -> anyhow::Result<Option<Receiver>> {
        let webhook = self.settings.webhook.as_ref();
        webhook.map(|webhook| receiver(webhook, &self.clock).context("webhook.url")).transpose()
    }

    /// The keys of the customers' links. They are made once, for a state database that has never had any, and must stay
    /// the same: every link in every mail that was ever sent stands on them.
    pub async fn link_keys(&self) -> anyhow::Result<LinkKeys> {
        let file = &self.settings.web.secret_file;
        let keys = if let Some(keys) = known_link_keys(file, Some(&self.store)).await? {
            keys
        } else {
            let secret = LinkKeys::create()?;
            create_secret(file, &secret)
                .with_context(|| format!("web.secret_file: {} cannot be created", file.display()))?;
            LinkKeys::parse(&secret)?
        };
        self.store.set_fact(fact::LINK_SECRET, Some(&keys.fingerprints().join("\n"))).await?;
        Ok(keys)
    }
}

/// The link keys in `file`, held against what the state database was used with; `None`: there is no such file, and the
/// first run may make it. Nothing is written.
pub async fn known_link_keys(file: &Path, store: Option<&Store>) -> anyhow::Result<Option<LinkKeys>> {
    let recorded = match store {
        Some(store) => store.fact(fact::LINK_SECRET).await?,
        None => None,
    };
    if !file.exists() {
        let used = match store {
            Some(store) => recorded.is_some() || !store.is_empty().await?,
            None => false,
        };
        if used {
            bail!(
                "web.secret_file: {} does not exist, and mails with links were sent before; put the file back from a copy \
                 or from another machine of this installation",
                file.display()
            );
        }
        return Ok(None);
    }
    let text =
        std::fs::read_to_string(file).with_context(|| format!("web.secret_file: {} cannot be read", file.display()))?;
    let keys = LinkKeys::parse(&text).with_context(|| format!("web.secret_file: {}", file.display()))?;
    let ours = keys.fingerprints();
    if let Some(recorded) = recorded
        && !recorded.lines().any(|fingerprint| ours.iter().any(|ours| ours == fingerprint))
    {
        bail!(
            "web.secret_file: {} holds another secret than this state database was used with; copy the right file here \
             (to change the secret, put the new one in a line above the old)",
            file.display()
        );
    }
    Ok(Some(keys))
}

/// Writes a secret that nobody else on the machine can read; an existing file is never touched.
fn create_secret(file: &Path, secret: &str) -> std::io::Result<()> {
    use std::io::Write;
    use std::os::unix::fs::OpenOptionsExt;
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(file)?;
    file.write_all(format!("{secret}\n").as_bytes())?;
    file.sync_all()
}

/// Who gets signed messages by these settings.
pub fn receiver(settings: &ReceiverSettings, clock: &Clock) -> Result<Receiver, ReceiverError> {
    Receiver::new(&settings.url, settings.keys.clone(), clock.clone(), webhook::Deadlines::default())
}

/// A renderer with the words of each shop.
pub fn renderers(settings: &Settings) -> anyhow::Result<Renderers> {
    let renderer = |folder: Option<&Path>| Renderer::new(folder).context("shop.words_dir");
    let mut by_shop = BTreeMap::new();
    for (id, shop) in &settings.shops {
        if let Some(folder) = &shop.words_dir {
            by_shop.insert(id.clone(), renderer(Some(folder))?);
        }
    }
    Ok(Renderers { by_shop, default: renderer(settings.shop.words_dir.as_deref())? })
}

/// What relays are greeted with: the machine that the customers' links lead to, by its name or its address (RFC 5321,
/// sections 4.1.1.1 and 4.1.3).
pub fn hello_name(public_url: &str) -> String {
    let place = public_url.split_once("://").map_or(public_url, |(_, rest)| rest).split('/').next().unwrap_or_default();
    if let Some(Ok(address)) =
        place.strip_prefix('[').and_then(|rest| rest.split(']').next()).map(str::parse::<Ipv6Addr>)
    {
        return format!("[IPv6:{address}]");
    }
    let host = place.split(':').next().unwrap_or_default();
    match host.parse::<Ipv4Addr>() {
        Ok(address) => format!("[{address}]"),
        Err(_) if host.is_empty() || host.starts_with('[') => "localhost".into(),
        Err(_) => host.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn relays_are_greeted_by_a_name_or_by_an_address_in_brackets() {
        let table = [
            ("https://orders.shop.example", "orders.shop.example"),
            ("https://orders.shop.example:8443/x", "orders.shop.example"),
            ("http://127.0.0.1:8080", "[127.0.0.1]"),
            ("http://[::1]:8080", "[IPv6:::1]"),
            ("", "localhost"),
        ];
        for (url, greeted) in table {
            assert_eq!(hello_name(url), greeted);
        }
    }
}
