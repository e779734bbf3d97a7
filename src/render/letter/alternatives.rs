//! Products in stock that may serve instead of what the customer waits for: last in the letter, few, best first.

use super::line::name;
use super::voice::{Value, Voice};
use crate::render::draft::{DraftAlternative, DraftLine};
use crate::render::foreign::web_address;
use crate::render::words::Unsayable;

const MOST_FOR_A_LINE: usize = 3;
/// The letter is about the order; it must not become a catalogue.
const MOST: usize = 9;
const LONGEST_NAME: usize = 90;

/// What there is in place of one product.
#[derive(Debug)]
pub struct Replacement {
    pub title: String,
    pub products: Vec<Product>,
}

#[derive(Debug)]
pub struct Product {
    pub name: String,
    pub url: Option<String>,
    pub image_url: Option<String>,
    pub price: Option<String>,
}

pub fn replacements(voice: &Voice, lines: &[DraftLine]) -> Result<Vec<Replacement>, Unsayable> {
    let mut room = MOST;
    let mut replacements = Vec::new();
    for line in lines {
        let taken = room.min(MOST_FOR_A_LINE);
        let products: Vec<Product> =
            line.alternatives.iter().filter_map(|alternative| product(voice, alternative)).take(taken).collect();
        if products.is_empty() {
            continue;
        }
        room -= products.len();
        let title = voice.say("instead-of", &[("product", Value::Text(&name(line, LONGEST_NAME)))])?;
        replacements.push(Replacement { title, products });
    }
    Ok(replacements)
}

/// `None`: it has no name to show.
fn product(voice: &Voice, alternative: &DraftAlternative) -> Option<Product> {
    Some(Product {
        name: voice.quote(&alternative.product_name, LONGEST_NAME)?,
        url: alternative.product_url.as_deref().and_then(web_address),
        image_url: alternative.image_url.as_deref().and_then(web_address),
        price: price(voice, alternative),
    })
}

/// `None`: there is no price, or it is one in nobody knows what.
fn price(voice: &Voice, alternative: &DraftAlternative) -> Option<String> {
    let currency = alternative.currency.as_deref()?.trim();
    let is_code = currency.len() == 3 && currency.bytes().all(|byte| byte.is_ascii_alphabetic());
    alternative.price.filter(|_| is_code).map(|price| voice.price(price, currency))
}
