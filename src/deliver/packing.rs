//! Mails are kept packed: compressed against a dictionary of mails as this shop sends them.
//!
//! In: the bytes of a mail and its locale. Out: what is its own, some 600 bytes of 9,000; the rest stands in the
//! dictionary of its language. That is made of the samples that `preview` shows, in the shop's words, so nobody's data is
//! in it. The state database keeps it for as long as what was packed with it; other words or templates make another one.
//! What can go wrong: bytes that are damaged, of which nothing is said but that.

use std::collections::HashMap;

use jiff::{Timestamp, tz::TimeZone};
use tokio::sync::OnceCell;
use zstd::bulk::{Compressor, Decompressor};
use zstd::dict::EncoderDictionary;
use zstd::zstd_safe::CParameter;

use super::compose;
use crate::links::dummy;
use crate::render::Renderer;
use crate::render::draft::ShopFace;
use crate::render::samples::Sample;
use crate::settings::Settings;
use crate::store::outbox::Kept;
use crate::store::{Store, StoreError};

/// With a dictionary faster than level 1, and smaller.
const LEVEL: i32 = 3;
/// More than any mail of ours unpacked.
const MOST_BYTES: usize = 32 << 20;
/// The day of the samples: the same words give the same dictionary.
const DAY: Timestamp = Timestamp::constant(1_800_000_000, 0);

/// The dictionaries of this process, one for each locale that has words; each is made when the first mail is packed with
/// it.
pub struct Packing {
    dictionaries: HashMap<String, OnceCell<Dictionary>>,
}

struct Dictionary {
    /// Under which the state database keeps it.
    number: i64,
    prepared: EncoderDictionary<'static>,
}

/// Packs the mails of one batch.
pub struct Packer<'a> {
    packing: &'a Packing,
    store: &'a Store,
    renderer: &'a Renderer,
    settings: &'a Settings,
    compressors: HashMap<&'a str, (i64, Compressor<'a>)>,
}

/// A packed mail, and the number of what it is packed with.
pub struct Packed {
    pub dictionary: i64,
    pub bytes: Vec<u8>,
}

impl Packing {
    /// For mails as `renderer` makes them.
    pub fn of(renderer: &Renderer) -> Packing {
        let locales = renderer.locales().into_iter();
        Packing { dictionaries: locales.map(|locale| (locale.to_owned(), OnceCell::new())).collect() }
    }

    pub fn packer<'a>(&'a self, store: &'a Store, renderer: &'a Renderer, settings: &'a Settings) -> Packer<'a> {
        Packer { packing: self, store, renderer, settings, compressors: HashMap::new() }
    }
}

impl<'a> Packer<'a> {
    /// Packs a mail to a customer of `locale`.
    pub async fn pack(&mut self, locale: &str, bytes: &[u8]) -> Result<Packed, StoreError> {
        let words = self.renderer.locale_of_words(locale);
        if !self.compressors.contains_key(words) {
            let Dictionary { number, prepared } = self.dictionary(words).await?;
            self.compressors.insert(words, (*number, compressor(prepared)?));
        }
        let (dictionary, compressor) = self.compressors.get_mut(words).expect("it was made");
        Ok(Packed { dictionary: *dictionary, bytes: compressor.compress(bytes)? })
    }

    async fn dictionary(&self, words: &str) -> Result<&'a Dictionary, StoreError> {
        let make = || async {
            let bytes = samples(self.renderer, words, &compose::face(self.settings, ""));
            let number = self.store.keep_dictionary(&bytes).await?;
            Ok::<_, StoreError>(Dictionary { number, prepared: EncoderDictionary::copy(&bytes, LEVEL) })
        };
        self.packing.dictionaries[words].get_or_try_init(make).await
    }
}

fn compressor<'a>(prepared: &'a EncoderDictionary<'static>) -> std::io::Result<Compressor<'a>> {
    let mut compressor = Compressor::with_prepared_dictionary(prepared)?;
    // So that damage, or another dictionary, never passes for a mail.
    compressor.set_parameter(CParameter::ChecksumFlag(true))?;
    Ok(compressor)
}

/// The kept bytes of a mail, unpacked; `None`: they are damaged.
pub fn unpack(kept: &Kept) -> Option<Vec<u8>> {
    let mut decompressor = Decompressor::with_dictionary(kept.dictionary.as_deref().unwrap_or_default()).ok()?;
    decompressor.decompress(&kept.message, MOST_BYTES).ok()
}

/// Every sample in these words, one after the other.
fn samples(renderer: &Renderer, words: &str, shop: &ShopFace) -> Vec<u8> {
    let mut bytes = Vec::new();
    for sample in Sample::all() {
        let draft = sample.draft(words, shop.clone(), TimeZone::UTC, DAY);
        // A sample that cannot be rendered helps to pack nothing.
        if let Ok(mail) = renderer.render(&draft).and_then(|message| message.to_mail(&draft)) {
            bytes.extend(dummy::hide(&mail.bytes, &draft.token));
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use uuid::Uuid;

    use super::*;
    use crate::outbox::notification::Kind;
    use crate::render::samples::shop_face;

    fn kept(dictionary: Option<&[u8]>, message: Vec<u8>) -> Kept {
        Kept { link_id: Uuid::nil(), link_key: String::new(), dictionary: dictionary.map(Arc::from), message }
    }

    #[test]
    fn of_a_mail_only_what_is_its_own_is_kept() {
        let renderer = Renderer::new(None).unwrap();
        for locale in renderer.locales() {
            let dictionary = samples(&renderer, locale, &shop_face());
            let prepared = EncoderDictionary::copy(&dictionary, LEVEL);
            let mut draft = Sample::of(Kind::Backordered).draft(locale, shop_face(), TimeZone::UTC, DAY);
            draft.notification_id = Uuid::from_u128(0x0193_7777_8888_7999_a123_4567_89ab_cdef);
            draft.recipient_email = "grace.hopper@example.net".into();
            draft.lines.truncate(1);
            draft.lines[0].product_name = "Enamel kettle, two litres, with a lid that whistles".into();
            let mail = renderer.render(&draft).unwrap().to_mail(&draft).unwrap().bytes;
            let packed = compressor(&prepared).unwrap().compress(&mail).unwrap();
            assert!(packed.len() * 8 < mail.len(), "{locale}: {} of {}", packed.len(), mail.len());
            assert_eq!(unpack(&kept(Some(&dictionary), packed)), Some(mail));
        }
    }

    #[test]
    fn bytes_that_are_damaged_or_were_packed_with_another_dictionary_are_no_mail() {
        let words = b"a mail of the shop, and what was ordered in it; ".repeat(20);
        let prepared = EncoderDictionary::copy(&words, LEVEL);
        let packed = compressor(&prepared).unwrap().compress(&words).unwrap();
        assert_eq!(unpack(&kept(Some(&words), packed.clone())), Some(words.clone()));
        let others: Vec<u8> = words.iter().rev().copied().collect();
        assert_eq!(unpack(&kept(Some(&others), packed.clone())), None);
        assert_eq!(unpack(&kept(None, packed.clone())), None);
        for place in 0..packed.len() {
            let mut damaged = packed.clone();
            damaged[place] ^= 0x10;
            let read = unpack(&kept(Some(&words), damaged));
            assert!(
                read.is_none() || read.as_deref() == Some(&words),
                "damaged at {place}, and read as something else"
            );
        }
        assert_eq!(unpack(&kept(None, zstd::bulk::compress(&words, 1).unwrap())), Some(words), "packed with none");
    }
}
