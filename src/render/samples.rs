//! Drafts as they come up in a real shop, for previews and tests: every kind, and every case that the law knows of it.
//!
//! In: a sample, a locale, the shop and the time. Out: a draft of a camping order with one to three lines.

mod goods;
mod legal;

use jiff::civil::Date;
use jiff::{Timestamp, ToSpan, tz::TimeZone};
use uuid::Uuid;

use self::goods::{Names, bags, lamp, names, stove};
use self::legal::{CASES, Case};
use super::draft::{Draft, DraftLine, ShopFace};
use crate::choice::Choice;
use crate::outbox::notification::Kind;
use crate::outbox::plan::Answered;
use crate::promise::calendar::add_days;
use crate::promise::terms::Terms;
use crate::shop::line::Status;

/// The token of a link that leads nowhere.
const TOKEN: &str = "SampleSampleSampleSampleSampleSampleSampleSa";

/// One mail to look at.
#[derive(Clone, Copy, Debug)]
pub struct Sample {
    pub kind: Kind,
    /// `None`: the kind as such, where no rule set applies (but a reminder, which only one of them knows).
    case: Option<&'static Case>,
}

/// The shop of the settings that `backorderd init` writes.
pub fn shop_face() -> ShopFace {
    ShopFace {
        name: "Acme Outdoor".into(),
        url: "https://shop.example".into(),
        support_email: "help@shop.example".into(),
        postal_address: "1 Main Street, Springfield".into(),
        logo_url: None,
        accent: "#0b6e4f".into(),
        mail_from: "Acme Outdoor <orders@shop.example>".into(),
        mail_reply_to: Some("help@shop.example".into()),
        public_url: "https://orders.shop.example".into(),
    }
}

impl Sample {
    /// Each kind, and each case of the law.
    pub fn all() -> Vec<Sample> {
        let kinds = Kind::ALL.into_iter().map(Sample::of);
        kinds.chain(Sample::of_the_law()).collect()
    }

    /// Each case of the law alone.
    pub fn of_the_law() -> impl Iterator<Item = Sample> {
        CASES.iter().map(|case| Sample { kind: case.kind, case: Some(case) })
    }

    pub fn of(kind: Kind) -> Sample {
        Sample { kind, case: None }
    }

    /// `backordered`, or with its case `backordered.us-ftc-first_long`.
    pub fn name(self) -> String {
        let case = self.case.map(|case| format!(".{}", case.name)).unwrap_or_default();
        format!("{}{case}", self.kind.word())
    }

    /// The sample for a customer with this locale.
    pub fn draft(self, locale: &str, shop: ShopFace, zone: TimeZone, now: Timestamp) -> Draft {
        let today = now.to_zoned(zone.clone()).date();
        let days = Days { now, today, names: names(locale) };
        Draft {
            notification_id: self.id(),
            kind: self.kind,
            shop,
            locale: locale.into(),
            recipient_email: "ada@example.com".into(),
            recipient_name: Some("Ada Lovelace".into()),
            order_number: "S00042".into(),
            lines: self.case.map_or_else(|| lines(self.kind, &days), |case| vec![case.line(&days)]),
            date: now,
            today,
            zone,
            references: Vec::new(),
            token: TOKEN.into(),
        }
    }

    /// The same for the same sample, so that previews can be compared.
    fn id(self) -> Uuid {
        let index = Sample::all().iter().position(|other| other.name() == self.name()).unwrap_or_default();
        Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0000 + index as u128)
    }
}

/// The days around the sample, and the products' names.
struct Days {
    now: Timestamp,
    today: Date,
    names: &'static Names,
}

impl Days {
    /// The day so many days from today.
    fn in_days(&self, days: i64) -> Date {
        add_days(self.today, days)
    }

    /// Expected in so many days where no rule set applies.
    fn expected_in(&self, days: i64) -> Terms {
        Terms { expected_by: Some(self.in_days(days)), asks: true, ..Terms::default() }
    }

    /// Answered an hour ago.
    fn answered(&self, choice: Choice) -> Answered {
        Answered { choice, at: self.now - 1.hour(), refused_because: None }
    }
}

/// The lines of a mail of this kind.
fn lines(kind: Kind, days: &Days) -> Vec<DraftLine> {
    let names = days.names;
    let unknown = Terms { asks: true, ..Terms::default() };
    let unasked = |terms| Terms { asks: false, ..terms };
    let told = |line| DraftLine { news: Some(kind), ..line };
    let stove = told(stove(names, days.expected_in(79)));
    let bags = told(bags(names, days.expected_in(58)));
    let lamp = lamp(names, days.expected_in(24));
    match kind {
        Kind::ReplyNeeded => vec![DraftLine { terms: legal::reminder(days), ..stove }],
        Kind::Backordered => {
            let (reason, alternatives) = (Some(names.reason.into()), names.alternatives());
            vec![DraftLine { reason, alternatives, ..stove }, bags, lamp]
        }
        Kind::DateChanged => {
            let later = DraftLine {
                previously_expected_by: Some(days.in_days(45)),
                reason: Some(names.reason.into()),
                ..stove
            };
            let unknown = DraftLine { previously_expected_by: Some(days.in_days(30)), terms: unknown, ..bags };
            vec![later, unknown, lamp]
        }
        Kind::Overdue => {
            vec![DraftLine { previously_expected_by: Some(days.in_days(-1)), terms: unknown, ..stove }, lamp]
        }
        Kind::Restocked => {
            let all_in = ready(stove);
            vec![all_in, DraftLine { short: 1.into(), ..bags }, lamp]
        }
        Kind::Cancelled => {
            let terms = unasked(Terms::default());
            let cancelled = DraftLine { open: 0.into(), short: 0.into(), status: Status::Cancelled, terms, ..stove };
            vec![cancelled, lamp]
        }
        Kind::StillWaiting => vec![stove, DraftLine { terms: unknown, ..bags }],
        Kind::ChoiceReceived => vec![
            DraftLine { answer: Some(days.answered(Choice::Wait)), ..stove },
            DraftLine {
                quantity: 3.into(),
                answer: Some(days.answered(Choice::Cancel)),
                terms: unasked(days.expected_in(58)),
                ..bags
            },
        ],
        Kind::ChoiceRefused => {
            let refused_because = Some(names.refused_because.into());
            vec![DraftLine {
                answer: Some(Answered { refused_because, ..days.answered(Choice::Cancel) }),
                ..ready(stove)
            }]
        }
        Kind::FreshLink => vec![stove, bags],
    }
}

/// All of it is there, so that nothing is asked.
fn ready(line: DraftLine) -> DraftLine {
    DraftLine { short: 0.into(), status: Status::Ready, terms: Terms::default(), ..line }
}
