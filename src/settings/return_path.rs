//! Whom bounces go to, and how the address says which notification came back.
//!
//! In: `bounces@shop.example`, or `bounces+{id}@shop.example`, where `{id}` stands for the notification's id. Out: the
//! envelope's sender of each mail, and the way back from it. Pure.

use lettre::Address;
use uuid::Uuid;

use super::shop::one_line;

/// What stands for the notification's id.
const MARK: &str = "{id}";
/// The part before the @ has at most so many octets (RFC 5321, section 4.5.3.1.1).
const LONGEST_LOCAL: usize = 64;

/// The envelope's sender.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReturnPath {
    before: String,
    /// `None`: there is no mark, every mail has the same.
    after: Option<String>,
}

impl ReturnPath {
    pub(super) fn parse(text: &str) -> Result<ReturnPath, String> {
        let text = one_line(text)?;
        let path = match text.split_once(MARK) {
            None => ReturnPath { before: text.clone(), after: None },
            Some((before, after)) => ReturnPath { before: before.to_owned(), after: Some(after.to_owned()) },
        };
        let sample = path.of(Uuid::max());
        let local = sample.rsplit_once('@').map_or(0, |(local, _)| local.len());
        if local > LONGEST_LOCAL {
            return Err(format!(
                "with an id in the place of {MARK} the part before the @ has {local} characters; {LONGEST_LOCAL} are allowed"
            ));
        }
        let wrong = sample.parse::<Address>().is_err() || sample.contains(['{', '}']);
        if wrong || path.after.as_ref().is_some_and(|after| !after.contains('@')) {
            return Err(format!(
                "{text:?} is no address for bounces; write it as \"bounces@shop.example\" or \"bounces+{MARK}@shop.example\""
            ));
        }
        Ok(path)
    }

    /// The address of the notification `id`.
    pub fn of(&self, id: Uuid) -> String {
        match &self.after {
            None => self.before.clone(),
            Some(after) => format!("{}{id}{after}", self.before),
        }
    }

    /// The notification that `address` was made for; `None`: it is another address, or says none.
    pub fn id_in(&self, address: &str) -> Option<Uuid> {
        let address = address.trim().to_lowercase();
        let id =
            address.strip_prefix(&self.before.to_lowercase())?.strip_suffix(&self.after.as_ref()?.to_lowercase())?;
        // The form with hyphens, as it was made.
        (id.len() == 36).then(|| id.parse().ok()).flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_out_and_the_way_back_are_one_address() {
        let id: Uuid = "019ab69f-0c10-7b22-8f5e-6d1b7a3e9c40".parse().unwrap();
        let path = ReturnPath::parse("bounces+{id}@Shop.example").unwrap();
        let address = path.of(id);
        assert_eq!(address, "bounces+019ab69f-0c10-7b22-8f5e-6d1b7a3e9c40@Shop.example");
        assert_eq!(path.id_in(&address), Some(id));
        assert_eq!(path.id_in(&address.to_uppercase()), Some(id), "some servers change letters");
        for other in
            ["bounces@shop.example", "bounces+1@shop.example", "x+019ab69f-0c10-7b22-8f5e-6d1b7a3e9c40@shop.example"]
        {
            assert_eq!(path.id_in(other), None, "{other}");
        }
        let plain = ReturnPath::parse("bounces@shop.example").unwrap();
        assert_eq!((&*plain.of(id), plain.id_in("bounces@shop.example")), ("bounces@shop.example", None));
    }

    #[test]
    fn what_cannot_be_an_address_is_refused_with_the_mend() {
        for wrong in
            ["bounces", "bounces@{id}.example", "bounces+{id}", "b+{id}+{id}@shop.example", "b+{ID}@shop.example"]
        {
            let error = ReturnPath::parse(wrong).unwrap_err();
            assert!(error.contains("bounces+{id}@shop.example"), "{wrong}: {error}");
        }
        let long = ReturnPath::parse("bounces-of-the-whole-house-of-acme+{id}@shop.example").unwrap_err();
        assert!(long.contains("71 characters"), "{long}");
    }
}
