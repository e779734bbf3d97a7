//! One row of a feed: the columns we know, and how their cells become a line, a product's stock, an alternative ...
//!
//! In: the cells of a row, in the order of `COLUMNS`. Out: [`Row::Read`], or [`Row::SetAside`] with the reason for
//! staff; one bad row never stops the others.

use rust_decimal::Decimal;

use super::cell::{Cell, Fault};
use super::feeds::Feed;
use super::line::Line;
use super::stock::{Alternative, Expected, Stock};

/// What one row of a feed came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Row<T> {
    Read(T),
    SetAside(SetAside),
}

/// A row that cannot be read, as staff see it. The ids are those that the row itself gives, if it gives usable ones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetAside {
    pub feed: Feed,
    /// Counted from 1 in the order of the query.
    pub row: u64,
    /// Empty where the database holds one shop.
    pub shop_id: String,
    pub order_id: Option<String>,
    pub line_id: Option<String>,
    pub product_key: Option<String>,
    /// The column, the beginning of its value, and the mend.
    pub reason: String,
}

/// A column of a feed.
pub(super) struct Column {
    pub name: &'static str,
    pub required: bool,
}

const fn required(name: &'static str) -> Column {
    Column { name, required: true }
}

const fn optional(name: &'static str) -> Column {
    Column { name, required: false }
}

/// What a feed is made of: `N` columns, and how to read their cells, which come in the same order.
pub(super) trait Fed<const N: usize>: Sized {
    const FEED: Feed;
    const COLUMNS: &'static [Column; N];
    fn read(cells: [Cell<'_>; N]) -> Result<Self, Fault>;
}

/// Reads the cells, or sets the row aside.
pub(super) fn read<T: Fed<N>, const N: usize>(row: u64, cells: [Cell<'_>; N]) -> Row<T> {
    match T::read(cells) {
        Ok(read) => Row::Read(read),
        Err(fault) => Row::SetAside(set_aside::<T, N>(row, &cells, fault)),
    }
}

pub(super) fn set_aside<T: Fed<N>, const N: usize>(row: u64, cells: &[Cell<'_>], Fault(reason): Fault) -> SetAside {
    let id = |column: &str| cells.iter().find(|cell| cell.column == column)?.optional_id().ok().flatten();
    SetAside {
        feed: T::FEED,
        row,
        shop_id: id("shop_id").unwrap_or_default(),
        order_id: id("order_id"),
        line_id: id("line_id"),
        product_key: id("product_key"),
        reason,
    }
}

impl Fed<28> for Line {
    const FEED: Feed = Feed::Lines;
    const COLUMNS: &'static [Column; 28] = &[
        required("line_id"),
        required("order_id"),
        optional("order_number"),
        optional("shop_id"),
        optional("customer_email"),
        optional("customer_name"),
        optional("locale"),
        optional("ship_to_country"),
        required("product_key"),
        optional("sku"),
        optional("product_url"),
        optional("image_url"),
        required("product_name"),
        required("ordered_qty"),
        optional("shipped_qty"),
        optional("cancelled_qty"),
        required("short_qty"),
        optional("unit_price"),
        optional("currency"),
        optional("ordered_at"),
        optional("promised_on"),
        optional("expected_on"),
        optional("delay_reason"),
        optional("payment"),
        optional("shipped_at"),
        optional("refunded_at"),
        optional("rules"),
        optional("updated_at"),
    ];

    #[rustfmt::skip] // the same order as above, a row for a group
    fn read(cells: [Cell<'_>; 28]) -> Result<Line, Fault> {
        let [
            line_id, order_id, order_number, shop_id,
            customer_email, customer_name, locale, ship_to_country,
            product_key, sku, product_url, image_url, product_name,
            ordered_qty, shipped_qty, cancelled_qty, short_qty,
            unit_price, currency, ordered_at, promised_on, expected_on, delay_reason,
            payment, shipped_at, refunded_at, rules, updated_at,
        ] = cells;
        let order_id = order_id.id()?;
        Ok(Line {
            shop_id: shop_id.optional_id()?.unwrap_or_default(),
            line_id: line_id.id()?,
            order_number: order_number.optional_id()?.unwrap_or_else(|| order_id.clone()),
            order_id,
            customer_email: customer_email.email()?,
            customer_name: customer_name.name()?,
            locale: locale.locale(),
            ship_to_country: ship_to_country.country()?,
            product_key: product_key.id()?,
            sku: sku.name()?,
            product_name: product_name.required_words()?,
            product_url: product_url.url(),
            image_url: image_url.url(),
            ordered_qty: ordered_qty.required_quantity()?,
            shipped_qty: shipped_qty.quantity()?.unwrap_or(Decimal::ZERO),
            cancelled_qty: cancelled_qty.quantity()?.unwrap_or(Decimal::ZERO),
            short_qty: short_qty.required_quantity()?,
            unit_price: unit_price.number()?,
            currency: currency.currency()?,
            ordered_at: ordered_at.time()?,
            promised_on: promised_on.date()?,
            expected_on: expected_on.date()?,
            delay_reason: delay_reason.words()?,
            payment: payment.payment()?,
            shipped_at: shipped_at.time()?,
            refunded_at: refunded_at.time()?,
            rules: rules.rules()?,
            updated_at: updated_at.time()?,
        })
    }
}

impl Fed<9> for Stock {
    const FEED: Feed = Feed::Stock;
    const COLUMNS: &'static [Column; 9] = &[
        required("product_key"),
        optional("sku"),
        optional("product_name"),
        optional("product_url"),
        optional("image_url"),
        optional("price"),
        optional("currency"),
        required("available"),
        optional("expected_on"),
    ];

    fn read(cells: [Cell<'_>; 9]) -> Result<Stock, Fault> {
        let [product_key, sku, product_name, product_url, image_url, price, currency, available, expected_on] = cells;
        Ok(Stock {
            product_key: product_key.id()?,
            sku: sku.name()?,
            product_name: product_name.words()?,
            product_url: product_url.url(),
            image_url: image_url.url(),
            price: price.number()?,
            currency: currency.currency()?,
            available: available.required_number()?,
            expected_on: expected_on.date()?,
        })
    }
}

impl Fed<3> for Alternative {
    const FEED: Feed = Feed::Alternatives;
    const COLUMNS: &'static [Column; 3] = &[required("product_key"), required("alternative_key"), optional("rank")];

    fn read([product_key, alternative_key, rank]: [Cell<'_>; 3]) -> Result<Alternative, Fault> {
        Ok(Alternative { product_key: product_key.id()?, alternative_key: alternative_key.id()?, rank: rank.number()? })
    }
}

impl Fed<3> for Expected {
    const FEED: Feed = Feed::Expected;
    const COLUMNS: &'static [Column; 3] = &[required("product_key"), required("expected_on"), optional("reason")];

    fn read([product_key, expected_on, reason]: [Cell<'_>; 3]) -> Result<Expected, Fault> {
        Ok(Expected { product_key: product_key.id()?, expected_on: expected_on.date()?, reason: reason.words()? })
    }
}

impl Expected {
    /// Reads the texts of `product_key`, `expected_on` and `reason` by the rules of the feed, from wherever they come.
    ///
    /// # Errors
    /// What is wrong, and the mend.
    pub fn of_texts(texts: [Option<&str>; 3]) -> Result<Expected, String> {
        let mut columns = <Expected as Fed<3>>::COLUMNS.iter().map(|column| column.name);
        let cells = texts.map(|text| Cell { column: columns.next().unwrap_or_default(), text });
        Expected::read(cells).map_err(|Fault(reason)| reason)
    }
}
