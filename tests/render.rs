//! Mails from the outside: what they say, what they look like, what their bytes are.

mod reading;

use std::path::PathBuf;

use backorderd::choice::Choice;
use backorderd::links::{LinkKeys, dummy};
use backorderd::outbox::notification::Kind;
use backorderd::outbox::plan::Answered;
use backorderd::promise::terms::{Silence, Stage, Terms};
use backorderd::render::draft::{Draft, DraftAlternative, DraftLine};
use backorderd::render::figures::Figures;
use backorderd::render::samples::{Sample, shop_face};
use backorderd::render::{Message, RenderError, Renderer};
use backorderd::shop::line::{RuleSet, Status};
use jiff::civil::{Date, date};
use jiff::tz::TimeZone;
use proptest::prelude::*;
use rust_decimal::Decimal;
use unicode_segmentation::UnicodeSegmentation;
use uuid::Uuid;

use reading::{Page, Read, words_of};

const TODAY: Date = date(2026, 11, 23);
const STAGES: [Stage; 6] =
    [Stage::None, Stage::Information, Stage::FirstShort, Stage::FirstLong, Stage::FirstIndefinite, Stage::Renewed];

fn sample(kind: Kind, locale: &str) -> Draft {
    drafted(Sample::of(kind), locale)
}

/// For a customer of a shop in New York, or in Berlin.
fn drafted(sample: Sample, locale: &str) -> Draft {
    let zone = if locale.starts_with("de") { "Europe/Berlin" } else { "America/New_York" };
    sample.draft(locale, shop_face(), TimeZone::get(zone).unwrap(), "2026-11-23T14:30:00Z".parse().unwrap())
}

/// A sample with its first line alone.
fn one_line(kind: Kind) -> Draft {
    let mut draft = sample(kind, "en-US");
    draft.lines.truncate(1);
    draft
}

fn renderer() -> Renderer {
    Renderer::new(None).unwrap()
}

fn render(draft: &Draft) -> Message {
    renderer().render(draft).unwrap()
}

fn read(draft: &Draft) -> Read {
    Read::of(&render(draft).to_mail(draft).unwrap().bytes)
}

#[test]
fn every_kind_reads_as_it_was_reviewed() {
    for kind in Kind::ALL {
        for locale in ["en-US", "de-DE"] {
            let message = render(&sample(kind, locale));
            let name = |part: &str| format!("{}.{locale}.{part}", kind.word());
            insta::assert_snapshot!(name("subject"), message.subject);
            insta::assert_snapshot!(name("text"), message.text);
            insta::assert_snapshot!(name("html"), message.html);
        }
    }
}

#[test]
fn every_case_of_the_law_reads_as_it_was_reviewed() {
    for case in Sample::of_the_law() {
        for locale in ["en-US", "de-DE"] {
            let message = render(&drafted(case, locale));
            assert_text_says_all(&message);
            let whole = format!("Subject: {}\n\n{}", message.subject, message.text);
            insta::assert_snapshot!(format!("{}.{locale}", case.name()), whole);
        }
    }
}

#[test]
fn every_link_and_every_word_of_the_html_stands_in_the_text() {
    for kind in Kind::ALL {
        for locale in ["en-US", "de-AT", "ar", "ja"] {
            let message = render(&sample(kind, locale));
            assert_text_says_all(&message);
        }
    }
}

fn assert_text_says_all(message: &Message) {
    let page = Page::of(&message.html);
    for link in page.attributes("a", "href") {
        assert!(message.text.contains(&link), "{link} is not in the text:\n{}", message.text);
    }
    let said = words_in_a_row(&message.text);
    for sentence in page.texts.iter().map(|text| words_in_a_row(text)) {
        assert!(said.contains(&sentence), "not in the text: {sentence}\n{}", message.text);
    }
    let spoken = words_of(&message.text);
    let silent: Vec<_> = page.words().difference(&spoken).cloned().collect();
    assert!(silent.is_empty(), "not in the text: {silent:?}\n{}", message.text);
}

#[test]
fn a_mail_that_asks_has_both_links_for_each_line_and_others_have_none() {
    let mut draft = sample(Kind::Backordered, "en-US");
    draft.lines[2].line_id = "7/ü &?".into();
    let message = render(&draft);
    let links = Page::of(&message.html).attributes("a", "href");
    for line in ["S00042-1", "S00042-2", "7%2F%C3%BC%20%26%3F"] {
        for want in ["wait", "cancel"] {
            let link = format!("https://orders.shop.example/choice/{}?line={line}&want={want}", draft.token);
            assert!(links.contains(&link) && message.text.contains(&format!("\n{link}\n")), "{link}");
        }
    }
    for line in &mut draft.lines {
        line.terms.asks = false;
    }
    let message = render(&draft);
    assert!(!message.html.contains("/choice/") && !message.text.contains("/choice/"));
}

#[test]
fn a_moved_date_names_the_old_and_the_new_one() {
    let mut draft = one_line(Kind::DateChanged);
    draft.lines[0].previously_expected_by = Some(date(2027, 1, 20));
    let cases = [
        (Some(date(2027, 2, 10)), "February 10, 2027", "Later than planned"),
        (Some(date(2027, 1, 4)), "January 4, 2027", "Sooner than planned"),
        (None, "not known yet", "No date right now"),
    ];
    for (expected_on, shown, status) in cases {
        draft.lines[0].terms.expected_by = expected_on;
        let message = render(&draft);
        for part in [&message.text, &message.html] {
            for words in ["January 20, 2027", shown, status] {
                assert!(part.contains(words), "{words} is missing:\n{part}");
            }
        }
    }
    draft.lines[0].previously_expected_by = None;
    draft.lines[0].terms.expected_by = Some(date(2027, 2, 10));
    let message = render(&draft);
    assert!(message.text.contains("Date now known") && !message.text.contains("Previously"));
    assert_eq!(message.subject, "Order S00042: Camp stove now expected February 10, 2027");
}

#[test]
fn a_day_that_has_passed_is_never_printed_as_still_to_come() {
    for kind in Kind::ALL {
        let mut draft = sample(kind, "en-US");
        for line in &mut draft.lines {
            line.terms.expected_by = Some(date(2026, 11, 22));
            line.previously_expected_by = None;
        }
        let message = render(&draft);
        assert!(!format!("{message:?}").contains("November 22"), "{}", message.text);
        draft.lines[0].terms.expected_by = Some(TODAY);
        draft.lines[0].answer = None;
        let waits = draft.lines[0].status == Status::Backordered;
        assert_eq!(render(&draft).text.contains("November 23, 2026"), waits, "{kind:?}");
    }
}

#[test]
fn dates_say_whether_they_are_of_shipping_or_of_delivery() {
    let cases = [
        (RuleSet::None, "Expected: ", "expected February 10, 2027"),
        (RuleSet::UsFtc, "Ships by: ", "ships by February 10, 2027"),
        (RuleSet::Eu, "Delivery by: ", "delivery by February 10, 2027"),
        (RuleSet::Uk, "Delivery by: ", "delivery by February 10, 2027"),
    ];
    for (rules, label, subject) in cases {
        let mut draft = one_line(Kind::Backordered);
        draft.lines[0].terms.rules = rules;
        let message = render(&draft);
        assert!(message.text.contains(&format!("{label}February 10, 2027")));
        assert_eq!(message.subject, format!("Order S00042: Camp stove is on backorder, {subject}"));
    }
}

#[test]
fn a_part_of_the_pieces_is_told_as_a_part() {
    let mut draft = one_line(Kind::Backordered);
    let cases = [("2", "3", "2 of your 3"), ("3", "3", "3"), ("0.5", "1.25", "0.5 of your 1.25"), ("2.00", "2", "2")];
    for (quantity, open, shown) in cases {
        draft.lines[0].quantity = quantity.parse().unwrap();
        draft.lines[0].open = open.parse().unwrap();
        assert!(render(&draft).text.contains(&format!("Quantity: {shown}\n")), "{shown}");
    }
    let mut cancelled = one_line(Kind::Cancelled);
    cancelled.lines[0].open = Decimal::ONE;
    let message = render(&cancelled);
    assert!(message.text.contains("Quantity: 2 of your 3"));
    assert_eq!(message.subject, "Order S00042: Camp stove (2 of 3) cancelled");
}

#[test]
fn m_1_news_comes_first_and_alternatives_last() {
    let mut draft = sample(Kind::Backordered, "en-US");
    draft.lines.reverse();
    let text = render(&draft).text;
    let at = |words: &str| text.find(words).unwrap_or_else(|| panic!("{words} is missing:\n{text}"));
    assert!(at("Sleeping bag") < at("Also waiting") && at("Also waiting") < at("Head lamp"));
    assert!(at("Head lamp") < at("In stock now") && at("$89.90") < at("Kind regards"));
    assert!(!render(&draft).subject.contains('$'));
}

#[test]
fn subjects_are_short_enough_for_a_phone_and_cut_at_a_word() {
    let mut draft = one_line(Kind::Backordered);
    draft.lines[0].product_name = "Camp stove with two burners, wind shield, carrying bag and a lighter".into();
    assert_eq!(
        render(&draft).subject,
        "Order S00042: Camp stove with two… is on backorder, expected February 10, 2027"
    );
    draft.lines[0].product_name = "🏕️".repeat(5_000);
    assert!(render(&draft).subject.graphemes(true).count() <= 78);
    draft.lines.push(draft.lines[0].clone());
    draft.lines[0].product_name = "Camp stove".into();
    assert_eq!(
        render(&draft).subject,
        "Order S00042: Camp stove and 1 more are on backorder, expected February 10, 2027"
    );
}

#[test]
fn a_very_long_order_stays_below_what_mail_readers_show_and_every_line_that_asks_keeps_its_links() {
    let mut draft = drafted(sample_of("backordered.us-ftc-first_indefinite"), "de-DE");
    let line = DraftLine { product_name: "Campingkocher mit Windschutz und Tasche".into(), ..draft.lines[0].clone() };
    let image = Some("https://shop.example/images/camp-stove-200-large.jpg".to_owned());
    let asking = |index: usize| DraftLine { line_id: format!("S00042-{index}"), ..line.clone() };
    draft.lines = (0..50).map(|index| DraftLine { image_url: image.clone(), ..asking(index) }).collect();
    let fifty = render(&draft);
    assert!(fifty.html.len() < 102 * 1024, "{} bytes", fifty.html.len());
    assert_eq!(fifty.html.matches("want=cancel").count(), 50);
    assert!(fifty.html.contains("camp-stove-200-large.jpg"));
    assert_text_says_all(&fifty);

    let silent = |index: usize| {
        let mut line = asking(index);
        line.terms = Terms::default();
        line.news = None;
        line
    };
    draft.lines = (0..200).map(asking).chain((200..280).map(silent)).collect();
    let many = render(&draft);
    assert!(many.html.len() < 102 * 1024, "{} bytes", many.html.len());
    for part in [&many.html, &many.text] {
        assert_eq!((part.matches("want=wait").count(), part.matches("want=cancel").count()), (200, 200));
        // What the law says of all of them is said once.
        assert_eq!(part.matches("automatisch storniert").count(), 1 + usize::from(*part == many.html));
        assert_eq!(part.matches("S00042-200").count(), 0);
    }
    assert!(many.text.contains("80 weitere Zeilen Ihrer Bestellung sind hier nicht aufgeführt."));
    assert!(many.text.contains(&format!("https://orders.shop.example/choice/{}\n", draft.token)));
    assert_text_says_all(&many);
}

fn sample_of(name: &str) -> Sample {
    Sample::all().into_iter().find(|sample| sample.name() == name).unwrap()
}

#[test]
fn hostile_product_names_look_right() {
    let names = [
        "<script>alert(1)</script>",
        "{{ letter.why }}{% raw %}",
        "\"Quoted\" & 'single' </td></table>",
        "👩‍🚀 Emoji 🏕️",
        "כיריים לקמפינג",
        "\u{202e}evil\u{202c}",
        "one\r\nBcc: victim@example.com\r\n\r\nbody",
        "{ $order } { -term } { order }",
    ];
    for name in names {
        let mut draft = one_line(Kind::Backordered);
        draft.lines[0].product_name = name.into();
        draft.lines[0].alternatives[0].product_name = name.into();
        let message = render(&draft);
        assert!(!message.html.contains("<script"), "{name}");
        assert!(!message.html.contains('\u{202e}'));
        assert_text_says_all(&message);
        assert!(!read(&draft).names().contains(&"Bcc"));
    }
    let mut draft = one_line(Kind::Backordered);
    draft.lines[0].product_name = "Zelt ".repeat(2_000);
    let message = render(&draft);
    assert!(message.html.len() < 20_000 && message.text.len() < 5_000);
}

#[test]
fn only_web_pictures_and_links_are_taken() {
    let mut draft = one_line(Kind::Backordered);
    draft.shop.logo_url = Some("javascript:alert(1)".into());
    draft.lines[0].image_url = Some("data:image/png;base64,AAAA".into());
    draft.lines[0].product_url = Some("javascript:alert(1)".into());
    draft.lines[0].alternatives.clear();
    let page = Page::of(&render(&draft).html);
    assert!(page.attributes("img", "src").is_empty());
    assert!(page.attributes("a", "href").iter().all(|link| link.starts_with("https://")));

    draft.lines[0].image_url = Some("https://shop.example/a \"b\".jpg".into());
    let page = Page::of(&render(&draft).html);
    assert_eq!(page.attributes("img", "src"), ["https://shop.example/a%20%22b%22.jpg"]);
    assert_eq!(page.attributes("img", "alt"), ["Camp stove"]);
    assert_eq!(page.attributes("img", "width"), ["72"]);
}

#[test]
fn the_line_beside_the_subject_says_what_silence_does_if_it_does_something() {
    let beside = |name: &str| {
        let html = render(&drafted(sample_of(name), "en-US")).html;
        let shown = html.split("overflow:hidden\">").nth(1).and_then(|rest| rest.split("</div>").next());
        shown.unwrap().to_owned()
    };
    assert!(beside("backordered.us-ftc-first_long").starts_with("If you do not answer by January 1, 2027"));
    assert!(beside("backordered.us-ftc-first_short").starts_with("If you do not answer, you agree"));
    assert!(beside("reply_needed").starts_with("If you do not answer by November 26, 2026"));
    assert!(beside("backordered.eu").starts_with("Thank you for your order."));
}

#[test]
fn what_she_answered_is_kept_with_the_shops_hour_and_is_not_called_done() {
    let (new_york, berlin) = (sample(Kind::ChoiceReceived, "en-US"), sample(Kind::ChoiceReceived, "de-DE"));
    let english = words_in_a_row(&render(&new_york).text);
    for words in [
        "Your answer: I will wait",
        "Your answer: Cancel this item",
        "Received: November 23, 2026 at 8:30 AM EST",
        "It does not mean that it has been carried out already.",
    ] {
        assert!(english.contains(words), "{words} is missing: {english}");
    }
    assert!(!english.contains("was cancelled") && !english.contains("is cancelled."));
    let german = words_in_a_row(&render(&berlin).text);
    assert!(german.contains("Eingegangen am: 23. November 2026 um 14:30 MEZ"), "{german}");
    let links = Page::of(&render(&new_york).html).attributes("a", "href");
    assert!(links.iter().all(|link| !link.contains("want=")), "nothing more is asked: {links:?}");
}

#[test]
fn an_acknowledgement_still_asks_where_a_newer_notice_wants_an_answer() {
    let mut draft = sample(Kind::ChoiceReceived, "en-US");
    draft.lines[0].terms = drafted(sample_of("date_changed.us-ftc-renewed"), "en-US").lines[0].terms.clone();
    let text = words_in_a_row(&render(&draft).text);
    assert!(text.contains("want=wait") && text.contains("If you do not answer by December 10, 2026"));
}

#[test]
fn alternatives_are_only_in_mails_that_tell_news() {
    let offers = sample(Kind::Backordered, "en-US").lines[0].alternatives.clone();
    for kind in Kind::ALL {
        let mut draft = sample(kind, "en-US");
        draft.lines[0].alternatives = offers.clone();
        assert_eq!(render(&draft).text.contains("Alcohol stove"), kind.is_news(), "{kind:?}");
    }
}

#[test]
fn pages_are_told_to_screen_readers() {
    for (locale, language, direction) in [("de_AT", "de", "ltr"), ("ar-EG", "en", "rtl"), ("?!", "en", "ltr")] {
        let message = render(&sample(Kind::Backordered, locale));
        let page = Page::of(&message.html);
        assert_eq!(page.attributes("html", "lang"), [language], "{locale}");
        assert_eq!(page.attributes("html", "dir"), [direction], "{locale}");
        assert_eq!(page.tags.iter().filter(|tag| tag.split(' ').next() == Some("h1")).count(), 1);
        let tables = page.tags.iter().filter(|tag| tag.starts_with("table")).count();
        assert_eq!(page.attributes("table", "role"), vec!["presentation"; tables]);
    }
}

#[test]
fn a_shops_own_words_are_said() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("de.ftl"), "hello-name = Servus { $name },\n").unwrap();
    let renderer = Renderer::new(Some(folder.path())).unwrap();
    let text = renderer.render(&sample(Kind::Restocked, "de-AT")).unwrap().text;
    assert!(text.contains("Servus Ada Lovelace,") && text.contains("Mit freundlichen Grüßen"));
}

#[test]
fn a_mail_without_news_is_refused_but_a_fresh_link_needs_none() {
    let without_lines = |kind| Draft { lines: Vec::new(), ..sample(kind, "en") };
    for kind in Kind::ALL {
        let rendered = renderer().render(&without_lines(kind));
        if kind == Kind::FreshLink {
            assert_eq!(rendered.unwrap().subject, "Order S00042: your new link");
        } else {
            assert!(matches!(rendered, Err(RenderError::NoNews)), "{kind:?}");
        }
    }
}

#[test]
fn the_bytes_are_the_same_each_time_and_break_lines_as_mails_do() {
    for kind in Kind::ALL {
        let draft = sample(kind, "de-DE");
        let bytes = render(&draft).to_mail(&draft).unwrap().bytes;
        assert_eq!(bytes, render(&draft).to_mail(&draft).unwrap().bytes);
        assert!(bytes.is_ascii());
        let mail = String::from_utf8(bytes).unwrap();
        assert_eq!(mail.matches('\n').count(), mail.matches("\r\n").count());
        assert_eq!(mail.matches('\r').count(), mail.matches("\r\n").count());
        let (head, body) = mail.split_once("\r\n\r\n").unwrap();
        assert!(head.split("\r\n").all(|line| line.len() <= 78));
        // What a relay takes (RFC 5321, section 4.5.3.1.6).
        assert!(body.split("\r\n").all(|line| line.len() <= 998));
    }
}

#[test]
fn a_part_that_is_all_ascii_is_not_encoded() {
    let cases = [("Camp stove", "7bit"), ("Zelt für zwei", "quoted-printable")];
    for (product, encoding) in cases {
        let mut draft = sample(Kind::Backordered, "en-US");
        draft.lines.truncate(1);
        product.clone_into(&mut draft.lines[0].product_name);
        draft.lines[0].alternatives.clear();
        let mail = String::from_utf8(render(&draft).to_mail(&draft).unwrap().bytes).unwrap();
        assert_eq!(mail.matches(&format!("Content-Transfer-Encoding: {encoding}\r\n")).count(), 2, "{product}");
    }
}

#[test]
fn the_headers_are_those_of_the_contract() {
    let mut draft = sample(Kind::DateChanged, "en-US");
    draft.references = vec!["<one@shop.example>".into(), "no id".into(), "<two@shop.example>".into()];
    let mail = read(&draft);
    let id = draft.notification_id.to_string();
    let message_id = format!("<{id}@shop.example>");
    let expected = [
        ("Message-ID", message_id.as_str()),
        ("Date", "Mon, 23 Nov 2026 14:30:00 +0000"),
        ("From", "\"Acme Outdoor\" <orders@shop.example>"),
        ("To", "\"Ada Lovelace\" <ada@example.com>"),
        ("Subject", "Order S00042: new dates for Camp stove and 1 more"),
        ("Reply-To", "help@shop.example"),
        ("In-Reply-To", "<two@shop.example>"),
        ("References", "<one@shop.example> <two@shop.example>"),
        ("Auto-Submitted", "auto-generated"),
        ("X-Backorderd-Id", &id),
        ("X-Backorderd-Kind", "date_changed"),
        ("X-Backorderd-Order", "S00042"),
        ("MIME-Version", "1.0"),
    ];
    let headers: Vec<(&str, &str)> = mail.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(headers[..expected.len()], expected);
    assert_eq!(mail.names()[expected.len()..], ["Content-Type"]);
    let message = render(&draft);
    assert_eq!((mail.text.trim_end(), mail.html.trim_end()), (message.text.trim_end(), message.html.trim_end()));
}

#[test]
fn names_in_headers_are_encoded_and_cannot_begin_a_header() {
    let names = [
        ("Ada \"The Countess\", Lovelace", "Ada \"The Countess\", Lovelace <ada@example.com>"),
        ("Ädä 🏕️", "Ädä 🏕️ <ada@example.com>"),
        ("Ada\r\nBcc: victim@example.com", "Ada Bcc: victim@example.com <ada@example.com>"),
        ("=?utf-8?b?QmNj?=", "= ?utf-8?b?QmNj?= <ada@example.com>"),
        (" \t ", "ada@example.com"),
    ];
    for (name, expected) in names {
        let mut draft = sample(Kind::Backordered, "en-US");
        draft.recipient_name = Some(name.into());
        assert_eq!(read(&draft).header("To"), Some(expected));
    }
    let mut draft = sample(Kind::Backordered, "en-US");
    draft.order_number = "S1\r\nBcc: victim@example.com\r\n\r\n<html>".into();
    let mail = read(&draft);
    assert_eq!(mail.header("X-Backorderd-Order"), Some("S1 Bcc: victim@example.com <html>"));
    assert!(!mail.names().contains(&"Bcc"));
}

#[test]
fn an_address_that_cannot_stand_in_a_header_is_refused_without_being_named() {
    for address in ["ada", "ada@example.com\r\nBcc: eve@example.com", "ada@exämple.com", "", "a b@example.com"] {
        let mut draft = sample(Kind::Backordered, "en-US");
        draft.recipient_email = address.into();
        let refused = render(&draft).to_mail(&draft).unwrap_err();
        assert!(matches!(refused, RenderError::Address { header: "To", .. }), "{address}");
        assert!(address.is_empty() || !refused.to_string().contains(address), "{refused}");
    }
}

#[test]
fn what_is_stored_of_a_mail_holds_no_live_token() {
    let keys = LinkKeys::parse("0123456789abcdef0123456789abcdef").unwrap();
    for length in 0..80 {
        let mut draft = sample(Kind::Backordered, "de-DE");
        draft.token = keys.sign(Uuid::from_u128(length as u128));
        draft.shop.public_url = format!("https://shop.example/{}", "x".repeat(length));
        let sent = render(&draft).to_mail(&draft).unwrap().bytes;
        let stored = dummy::hide(&sent, &draft.token);
        let read = Read::of(&stored);
        assert!(!read.text.contains(&draft.token) && !read.html.contains(&draft.token));
        assert_eq!(read.text.matches(&dummy::dummy(&draft.token)).count(), 6);
        assert_eq!(dummy::restore(&stored, &draft.token), sent);
        // What is stored is what the stand-in itself would have given.
        let rendered = Draft { token: dummy::dummy(&draft.token), ..draft };
        assert_eq!(render(&rendered).to_mail(&rendered).unwrap().bytes, stored);
    }
}

/// The text without its line breaks.
fn words_in_a_row(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Writes every kind in every locale, to be looked at: `PREVIEWS=FOLDER cargo test write_previews -- --ignored`.
#[test]
#[ignore = "writes files for the eye"]
#[expect(clippy::disallowed_methods, reason = "run by hand, with a folder of its own")]
fn write_previews() {
    let folder = std::env::var_os("PREVIEWS").map_or_else(|| std::env::temp_dir().join("previews"), PathBuf::from);
    std::fs::create_dir_all(&folder).unwrap();
    for sample in Sample::all() {
        for locale in ["en-US", "de-DE", "ar"] {
            let draft = drafted(sample, locale);
            let message = render(&draft);
            let write = |ending: &str, content: &[u8]| {
                std::fs::write(folder.join(format!("{}.{locale}.{ending}", sample.name())), content).unwrap();
            };
            write("html", message.html.as_bytes());
            write("txt", format!("{}\n\n{}", message.subject, message.text).as_bytes());
            write("eml", &message.to_mail(&draft).unwrap().bytes);
        }
    }
}

/// Text as shops and customers write it, and worse.
fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => ".{0,40}",
        2 => "[ -~\r\n\t]{0,80}",
        1 => "[<>&\"'{}%$=?א-ת\u{202a}-\u{202e}\u{2066}-\u{2069}👩\u{200d}🚀]{0,30}",
        1 => "(word ){100,2000}",
    ]
}

fn any_day() -> impl Strategy<Value = Option<Date>> {
    prop::option::of((-400..400i64).prop_map(|days| TODAY.saturating_add(jiff::Span::new().days(days))))
}

prop_compose! {
    fn any_terms()(
        rules in prop::sample::select(vec![RuleSet::UsFtc, RuleSet::Uk, RuleSet::Eu, RuleSet::None]),
        stage in prop::sample::select(STAGES.to_vec()),
        silence in prop::sample::select(vec![Silence::Consent, Silence::Cancels, Silence::NoEffect]),
        (promised_by, expected_by, cancels_after) in (any_day(), any_day(), any_day()),
        reason in prop::option::of(any_text()),
        (refund_owed, asks) in any::<(bool, bool)>(),
    ) -> Terms {
        Terms { rules, stage, silence, promised_by, expected_by, cancels_after, reason, refund_owed, asks }
    }
}

prop_compose! {
    fn any_answer()(cancels: bool, refused_because in prop::option::of(any_text())) -> Answered {
        let choice = if cancels { Choice::Cancel } else { Choice::Wait };
        Answered { choice, at: "2026-11-23T13:30:00Z".parse().unwrap(), refused_because }
    }
}

prop_compose! {
    fn any_line()(
        texts in prop::array::uniform5(any_text()),
        news in prop::option::weighted(0.8, prop::sample::select(Kind::ALL.to_vec())),
        (quantity, open, short) in (0..5000u32, 0..5000u32, 0..5000u32),
        (terms, previously_expected_by) in (any_terms(), any_day()),
        answer in prop::option::of(any_answer()),
        status in prop::sample::select(vec![Status::Backordered, Status::Ready, Status::Shipped, Status::Cancelled]),
        price in prop::option::of(0..1_000_000i64),
        currency in prop::option::of(prop_oneof!["[A-Za-z]{3}", ".{0,5}"]),
    ) -> DraftLine {
        let [line_id, product_name, url, reason, other] = texts;
        let decimal = |number: u32| Decimal::new(number.into(), number % 4);
        DraftLine {
            line_id,
            product_name: product_name.clone(),
            product_url: Some(format!("https://shop.example/{url}")),
            image_url: Some(url.clone()),
            sku: Some(other.clone()),
            news,
            quantity: decimal(quantity),
            open: decimal(open),
            short: decimal(short),
            status,
            previously_expected_by,
            reason: Some(reason),
            terms,
            answer,
            silent_until: previously_expected_by,
            alternatives: vec![DraftAlternative {
                product_name: other,
                product_url: Some(url),
                image_url: None,
                price: price.map(|price| Decimal::new(price, 2)),
                currency,
            }],
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn a_line_that_silence_cancels_names_its_last_day_in_every_kind_of_mail(
        kind in prop::sample::select(Kind::ALL.to_vec()), terms in any_terms(), copies in prop::sample::select(vec![1, 12, 60]),
        locale in prop::sample::select(vec!["en-US", "de-DE", "he"]),
    ) {
        let mut draft = sample(kind, locale);
        let last_day = date(2027, 5, 17);
        let terms = Terms {
            rules: RuleSet::UsFtc,
            silence: Silence::Cancels,
            cancels_after: Some(last_day),
            refund_owed: false,
            asks: true,
            ..terms
        };
        draft.lines = vec![DraftLine { terms, ..draft.lines[0].clone() }; copies];
        let message = render(&draft);
        assert_text_says_all(&message);
        let day = Figures::of(&locale.parse().unwrap()).day(last_day);
        let said = words_in_a_row(&message.text);
        prop_assert!(said.contains(&day), "{}", message.text);
        prop_assert_eq!(message.html.matches("want=wait").count(), copies);
    }

    #[test]
    fn no_mail_under_other_rules_gives_silence_a_meaning(
        kind in prop::sample::select(Kind::ALL.to_vec()),
        terms in prop::collection::vec(any_terms(), 3),
        rules in prop::sample::select(vec![RuleSet::Uk, RuleSet::Eu, RuleSet::None]),
    ) {
        let mut draft = sample(kind, "en-US");
        for (line, terms) in draft.lines.iter_mut().zip(terms) {
            line.terms = Terms { rules, reason: None, ..terms };
        }
        let message = render(&draft);
        assert_text_says_all(&message);
        let said = words_in_a_row(&message.text);
        for words in ["you agree", "cancelled automatically", "prompt refund"] {
            prop_assert!(!said.contains(words), "{}", message.text);
        }
    }

    #[test]
    fn any_text_gives_a_safe_mail_that_says_the_same_twice(
        lines in prop::collection::vec(any_line(), 1..5),
        texts in prop::array::uniform6(any_text()),
        locale in prop_oneof![Just("en-US".to_owned()), Just("de".to_owned()), Just("he".to_owned()), any_text()],
    ) {
        let Some(kind) = lines.iter().find_map(|line| line.news) else {
            return Ok(());
        };
        let [shop_name, address, order_number, recipient_name, accent, shop_url] = texts;
        let mut draft = Draft { kind, lines, locale, order_number, ..sample(kind, "en") };
        draft.recipient_name = Some(recipient_name);
        draft.shop.name = shop_name;
        draft.shop.postal_address = address;
        draft.shop.accent = accent;
        draft.shop.url = shop_url;
        let message = render(&draft);
        let mail = message.to_mail(&draft).unwrap();

        assert_text_says_all(&message);
        prop_assert!(!message.subject.chars().any(char::is_control));
        let tags = Page::of(&message.html).tags;
        let ours = ["a", "b", "body", "br", "div", "h1", "h2", "head", "html", "img", "meta", "p", "span", "table", "td", "tr"];
        let foreign = tags.iter().find(|tag| {
            let name = tag.trim_start_matches('/').split(' ').next().unwrap_or_default();
            !ours.contains(&name) && name != "!doctype"
        });
        prop_assert_eq!(foreign, None);

        let longest = mail.bytes.split(|byte| *byte == b'\n').map(<[u8]>::len).max();
        prop_assert!(longest < Some(998), "{longest:?}");
        let read = Read::of(&mail.bytes);
        let names = [
            "Message-ID", "Date", "From", "To", "Subject", "Reply-To", "Auto-Submitted", "X-Backorderd-Id",
            "X-Backorderd-Kind", "X-Backorderd-Order", "MIME-Version", "Content-Type",
        ];
        prop_assert_eq!(read.names(), names);
        prop_assert_eq!(mail.bytes, render(&draft).to_mail(&draft).unwrap().bytes);
    }
}
