//! The shop's accent colour, and what can be read on it.
//!
//! In: `#rrggbb` from the settings. Out: the colour of the buttons, of their words and of their edge, so that every
//! accent, also white, black or yellow, gives a button that can be seen and read in a light and in a dark mail reader.

/// Taken where the accent is no colour; a mail does not fail for it.
const CALM: Colour = Colour { red: 0x33, green: 0x41, blue: 0x55 };
const PAGE: Colour = Colour { red: 0xff, green: 0xff, blue: 0xff };
const DARK_PAGE: Colour = Colour { red: 0x1e, green: 0x20, blue: 0x24 };
/// Seen on a white and on a dark page.
const GREY_EDGE: &str = "#80868f";
/// Below it a button does not stand out from the page.
const FAINT: f64 = 1.5;

/// The colours of a button in the accent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accent {
    pub fill: String,
    pub words: &'static str,
    pub edge: String,
}

#[derive(Clone, Copy)]
struct Colour {
    red: u8,
    green: u8,
    blue: u8,
}

impl Accent {
    pub fn of(accent: &str) -> Accent {
        let colour = Colour::parse(accent).unwrap_or(CALM);
        let fill = format!("#{:02x}{:02x}{:02x}", colour.red, colour.green, colour.blue);
        let white = contrast(colour, Colour { red: 255, green: 255, blue: 255 });
        let black = contrast(colour, Colour { red: 0, green: 0, blue: 0 });
        let faint = contrast(colour, PAGE) < FAINT || contrast(colour, DARK_PAGE) < FAINT;
        Accent {
            words: if white >= black { "#ffffff" } else { "#000000" },
            edge: if faint { GREY_EDGE.to_owned() } else { fill.clone() },
            fill,
        }
    }
}

impl Colour {
    fn parse(text: &str) -> Option<Colour> {
        let digits = text.trim().strip_prefix('#').filter(|digits| digits.len() == 6 && digits.is_ascii())?;
        let part = |at: usize| u8::from_str_radix(&digits[at..at + 2], 16).ok();
        Some(Colour { red: part(0)?, green: part(2)?, blue: part(4)? })
    }

    /// WCAG 2.2, "relative luminance": 0 is black, 1 is white.
    fn luminance(self) -> f64 {
        let linear = |part: u8| {
            let part = f64::from(part) / 255.0;
            if part <= 0.04045 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * linear(self.red) + 0.7152 * linear(self.green) + 0.0722 * linear(self.blue)
    }
}

/// WCAG 2.2, "contrast ratio": from 1 (none) to 21 (black on white).
fn contrast(one: Colour, other: Colour) -> f64 {
    let (one, other) = (one.luminance(), other.luminance());
    (one.max(other) + 0.05) / (one.min(other) + 0.05)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn words_on_a_dark_accent_are_white_and_on_a_light_one_black() {
        let cases = [
            ("#0b6e4f", "#ffffff", "#0b6e4f"),
            ("#ffd400", "#000000", GREY_EDGE),
            ("#FFFFFF", "#000000", GREY_EDGE),
            ("#000000", "#ffffff", GREY_EDGE),
            ("#e4572e", "#000000", "#e4572e"),
            ("teal", "#ffffff", "#334155"),
            ("#12345\"", "#ffffff", "#334155"),
        ];
        for (accent, words, edge) in cases {
            let accent = Accent::of(accent);
            assert_eq!((accent.words, accent.edge.as_str()), (words, edge), "{}", accent.fill);
        }
    }

    proptest! {
        #[test]
        fn every_accent_can_be_read(red: u8, green: u8, blue: u8) {
            let colour = Colour { red, green, blue };
            let words = Accent::of(&format!("#{red:02x}{green:02x}{blue:02x}")).words;
            // 4.5 is what WCAG asks for at level AA.
            prop_assert!(contrast(colour, Colour::parse(words).unwrap()) >= 4.5);
        }

        #[test]
        fn no_text_breaks_out_of_the_style(text in ".{0,12}") {
            prop_assert!(Colour::parse(&Accent::of(&text).fill).is_some());
        }
    }
}
