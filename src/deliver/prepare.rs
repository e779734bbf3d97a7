//! Claimed notifications become jobs: checked against the recorded state, rendered, and kept before they are sent.
//!
//! In: what was claimed. Out: jobs with the exact bytes, and the fate of those that are not to be sent now. All of a
//! batch is read and written together. Each is rendered once: a later try sends the same bytes.

use std::collections::{BTreeSet, HashMap};

use jiff::Timestamp;

use super::Delivery;
use super::compose::{self, Check, Surroundings};
use super::job::Job;
use super::packing::unpack;
use super::payload;
use super::way::Way;
use crate::dkim;
use crate::links::{LinkKeys, dummy};
use crate::outbox::notification::WEBHOOK;
use crate::outbox::schedule::Schedule;
use crate::outbox::stream::Stream;
use crate::render::RenderError;
use crate::render::draft::Draft;
use crate::render::mail::Mail;
use crate::render::mime::{self, Readable};
use crate::settings::mail::DkimSettings;
use crate::store::StoreError;
use crate::store::outbox::{Claimed, Fate, Finish, Kept, Prepared};
use crate::store::suppressions::folded;
use crate::store::views::Order;

/// How many are rendered in one go, and then packed: the one does not drive out of the processor's cache what the other
/// needs, mail by mail.
const AT_ONCE: usize = 16;

/// What became of a batch.
#[derive(Debug, Default)]
pub struct Batch {
    pub jobs: Vec<Job>,
    /// What is not to be sent now.
    pub finished: Vec<Finish>,
}

/// A claimed notification that passed the check.
struct Sendable<'a> {
    claimed: Claimed,
    order: &'a Order,
    schedule: &'a Schedule,
}

/// What is kept and sent.
struct Rendered {
    subject: String,
    /// Of a mail.
    message_id: Option<String>,
    bytes: Vec<u8>,
}

impl Delivery {
    /// Prepares a batch.
    pub(super) async fn prepare(&self, way: Way, claimed: Vec<Claimed>, now: Timestamp) -> Result<Batch, StoreError> {
        let rows: BTreeSet<i64> = claimed.iter().map(|claimed| claimed.order_row).collect();
        let orders = self.store.orders_with_lines(&rows.into_iter().collect::<Vec<_>>()).await?;
        let orders: HashMap<i64, &Order> = orders.iter().map(|order| (order.row, order)).collect();
        let recipients: Vec<&str> = orders.values().map(|order| &*order.recipient).collect();
        let barred = match way {
            Way::Mail => self.store.barred(&recipients).await?,
            // It is mail that an address is spared.
            Way::Webhook => HashMap::new(),
        };
        let mut batch = Batch::default();
        let mut sendable = Vec::with_capacity(claimed.len());
        for claimed in claimed {
            let Some(order) = orders.get(&claimed.order_row).copied() else { continue };
            let stream = Stream::of(&claimed.content);
            if let Some(reason) = barred.get(&(folded(&order.recipient), stream)) {
                let note = format!("the address gets no {}: {reason}", stream.in_words());
                batch.finish(claimed, Fate::Suppressed { note });
                continue;
            }
            let schedule = self.schedules.of(&order.shop_id);
            match compose::check(&claimed, order, schedule, now) {
                Check::Send => sendable.push(Sendable { claimed, order, schedule }),
                Check::Overtaken(note) => batch.finish(claimed, Fate::Overtaken { note }),
                Check::Expired => batch.finish(claimed, Fate::Expired),
                Check::Quiet(until) => batch.finish(claimed, Fate::Again { due_at: until, charged: false }),
            }
        }
        let (known, new): (Vec<Sendable>, Vec<Sendable>) = sendable.into_iter().partition(|one| one.claimed.rendered);
        self.restore(known, &mut batch).await?;
        self.render(way, new, now, &mut batch).await?;
        Ok(batch)
    }

    /// Takes the kept bytes of those that were rendered before, and puts the live link in again.
    async fn restore(&self, known: Vec<Sendable<'_>>, batch: &mut Batch) -> Result<(), StoreError> {
        let ids: Vec<_> = known.iter().map(|one| one.claimed.id).collect();
        let mut contents = self.store.contents(&ids).await?;
        for one in known {
            let kept = contents.remove(&one.claimed.id);
            match kept.and_then(|kept| live_bytes(&kept, &self.keys)) {
                Some(bytes) => batch.jobs.push(self.job(one, bytes)),
                None => batch.finish(
                    one.claimed,
                    Fate::Held { note: "its kept bytes cannot be restored: was the link secret changed?".into() },
                ),
            }
        }
        Ok(())
    }

    /// Renders them for the first time and keeps them.
    async fn render(
        &self,
        way: Way,
        new: Vec<Sendable<'_>>,
        now: Timestamp,
        batch: &mut Batch,
    ) -> Result<(), StoreError> {
        if new.is_empty() {
            return Ok(());
        }
        let products: BTreeSet<String> =
            new.iter().flat_map(|one| compose::products_that_need_offers(one.order, &self.settings)).collect();
        let offers = if products.is_empty() { HashMap::new() } else { self.store.offers(&products).await? };
        let rows: Vec<i64> = new.iter().map(|one| one.claimed.order_row).collect();
        let mut threads: HashMap<i64, Vec<String>> = HashMap::new();
        for (row, message_id) in self.store.threads(&rows).await? {
            threads.entry(row).or_default().push(message_id);
        }
        let link_key = self.keys.fingerprints().first().cloned().unwrap_or_default();
        let mut prepared = Vec::with_capacity(new.len());
        let mut packer = self.packing.packer(&self.store, &self.renderers.default, &self.settings);
        let mut new = new.into_iter().peekable();
        while new.peek().is_some() {
            let mut unpacked = Vec::with_capacity(AT_ONCE);
            for one in new.by_ref().take(AT_ONCE) {
                let token = self.keys.sign(one.order.link_id);
                let around = Surroundings {
                    settings: &self.settings,
                    schedule: one.schedule,
                    offers: &offers,
                    references: threads.remove(&one.claimed.order_row).unwrap_or_default(),
                    token: token.clone(),
                    now,
                };
                let draft = compose::compose(one.claimed.id, &one.claimed.content, one.order, around);
                match self.rendered(way, &one, &draft) {
                    Ok(rendered) => unpacked.push((one, rendered, token)),
                    Err(error) => {
                        batch.finish(one.claimed, Fate::Held { note: format!("it cannot be rendered: {error}") });
                    }
                }
            }
            for (one, rendered, token) in unpacked {
                let packed = packer.pack(&one.order.locale, &dummy::hide(&rendered.bytes, &token)).await?;
                prepared.push(Prepared {
                    id: one.claimed.id,
                    fence: one.claimed.fence,
                    subject: rendered.subject,
                    message_id: rendered.message_id,
                    link_id: one.order.link_id,
                    link_key: link_key.clone(),
                    dictionary: packed.dictionary,
                    message: packed.bytes,
                });
                batch.jobs.push(self.job(one, rendered.bytes));
            }
            // None of this waits for anything; connections must not wait for a whole batch of it.
            tokio::task::yield_now().await;
        }
        self.store.prepare(&prepared).await
    }

    /// What goes out on `way`, with its live link.
    fn rendered(&self, way: Way, one: &Sendable<'_>, draft: &Draft) -> Result<Rendered, RenderError> {
        let message = self.renderers.of(&one.order.shop_id).render(draft)?;
        Ok(match way {
            Way::Mail => {
                let Mail { subject, message_id, mut bytes } = message.to_mail(draft)?;
                // The signature is kept with what it signs: the link that is put in again is the one that was signed.
                if let Some(signature) = self.signature(&bytes, draft) {
                    bytes.splice(0..0, signature.into_bytes());
                }
                Rendered { subject, message_id: Some(message_id), bytes }
            }
            Way::Webhook => {
                let bytes = payload::of(&message, draft, &one.claimed.content, one.order);
                Rendered { subject: message.subject, message_id: None, bytes }
            }
        })
    }

    /// The header that signs a mail, if mails are to be signed here.
    fn signature(&self, mail: &[u8], draft: &Draft) -> Option<String> {
        let DkimSettings { domain, selector, key } = self.settings.mail.as_ref()?.dkim.as_ref()?;
        Some(dkim::header(mail, domain, selector, key, draft.date))
    }

    fn job(&self, one: Sendable<'_>, bytes: Vec<u8>) -> Job {
        Job {
            revision: one.order.revision,
            from: self.envelope_from(&one.order.shop_id, one.claimed.id),
            to: one.order.recipient.clone(),
            bytes,
            claimed: one.claimed,
        }
    }
}

impl Batch {
    fn finish(&mut self, claimed: Claimed, fate: Fate) {
        self.finished.push(Finish { claimed, attempt: None, fate });
    }
}

/// The exact bytes of what is kept, its link put in again; `None`: they are damaged, or the key of the link is gone.
pub fn live_bytes(kept: &Kept, keys: &LinkKeys) -> Option<Vec<u8>> {
    let hidden = unpack(kept)?;
    let key = keys.fingerprints().iter().position(|fingerprint| *fingerprint == kept.link_key)?;
    Some(dummy::restore(&hidden, &keys.token(kept.link_id, key)?))
}

/// What a person reads of what is kept of a notification of `channel`; `None`: it is damaged.
pub fn read(kept: &Kept, channel: &str) -> Option<Readable> {
    let hidden = unpack(kept)?;
    if channel == WEBHOOK { payload::read(&hidden) } else { Some(mime::read(&hidden)) }
}
