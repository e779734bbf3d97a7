//! What a page behind a mail's link is to say: everything that rendering needs, so that it looks nothing up.

use jiff::Zoned;
use jiff::civil::Date;
use rust_decimal::Decimal;

use crate::choice::Choice;
use crate::choice::decide::Why;
use crate::render::draft::{DateMeaning, ShopFace};

/// Who is looking, and at whose page.
#[derive(Clone, Debug)]
pub struct Setting {
    pub shop: ShopFace,
    /// The customer's locale, or the shop's where nobody knows hers.
    pub locale: String,
}

/// The lines of an order and their answers.
#[derive(Clone, Debug)]
pub struct OrderFacts {
    pub order_number: String,
    /// Lines that are open first.
    pub lines: Vec<LineFacts>,
    /// The link, or the form, spoke of this line.
    pub spoken_of: Option<SpokenOf>,
}

/// What the link or the form that led here was about.
#[derive(Clone, Debug)]
pub struct SpokenOf {
    /// Its place among the lines.
    pub line: usize,
    pub wanted: Option<Wanted>,
}

/// An answer that was chosen, and whether it can be given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// It can, and waits for her word.
    Confirm(Choice),
    /// It is recorded.
    Recorded(Choice),
    NotTaken(Why),
}

/// One line, as the page shows it.
#[derive(Clone, Debug)]
pub struct LineFacts {
    pub line_id: String,
    /// The form's field of this name: the news that the page shows.
    pub seen: String,
    pub product_name: String,
    pub product_url: Option<String>,
    pub image_url: Option<String>,
    pub sku: Option<String>,
    pub stands: Stands,
    pub open: Decimal,
    pub short: Decimal,
    /// `None`: unknown. Never a day that has passed.
    pub expected_by: Option<Date>,
    pub meaning: DateMeaning,
    pub reason: Option<String>,
    /// The day of our last mail about it.
    pub told_on: Option<Date>,
    /// Whether there were earlier mails, which hold no longer.
    pub told_before: bool,
    pub answer: Option<AnswerFacts>,
    pub silence: SilenceFacts,
    /// The day that a `wait` given now agrees to, where the law counts it; `Some(None)`: it names no day.
    pub wait_agrees_to: Option<Option<Date>>,
    pub may_wait: bool,
    pub may_cancel: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stands {
    Waiting,
    Ready,
    /// She cancelled it, and the shop has not shown it cancelled yet.
    Cancelling,
    Shipped,
    Cancelled,
    Gone,
}

/// Her latest answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AnswerFacts {
    pub choice: Choice,
    /// In the shop's time zone.
    pub at: Zoned,
    pub became: Became,
}

/// What became of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Became {
    /// It is on its way to the shop.
    Recorded,
    /// The shop has it.
    Taken,
    /// She was told something newer since.
    Overtaken,
    /// The shop refused it, and may have said why.
    Refused(Option<String>),
}

/// What it means if she does not answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SilenceFacts {
    /// There is nothing to say: it is closed, answered, or lapsed.
    Unsaid,
    Nothing,
    /// She agrees to wait until this day.
    Consent(Date),
    /// It is cancelled after this day.
    Cancels(Date),
    /// This day is over.
    Over(Date),
    /// She waits, and the law counts nothing from that.
    Answered,
    /// She agreed to wait: until this day, or without one.
    Agreed(Option<Date>),
}

/// A page that shows nothing of an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LinkFacts {
    /// Too old, or signed by a secret that is gone; a fresh one can be sent.
    Old,
    /// A fresh one was sent within the hour.
    FreshSent,
    /// What it led to belongs to another address now.
    Moved,
    /// It is none of ours.
    Unknown,
    Guessing,
    /// A form that we cannot read, or that another site made.
    Form,
    Failed {
        incident: String,
    },
}
