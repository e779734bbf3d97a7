//! Mails from the outside: what they say, what they look like, what their bytes are.

use std::path::PathBuf;

use backorderd::outbox::notification::Kind;
use backorderd::render::draft::Draft;
use backorderd::render::{Renderer, samples};

fn sample(kind: Kind, locale: &str) -> Draft {
    let now = "2026-11-23T14:30:00Z".parse().unwrap();
    samples::draft(kind, locale, samples::shop_face(), now, jiff::civil::date(2026, 11, 23))
}

/// Writes every kind in every locale, to be looked at: `cargo test --test all write_previews -- --ignored`.
#[test]
#[ignore = "writes files for the eye"]
fn write_previews() {
    let folder = std::env::var_os("PREVIEWS").map_or_else(|| std::env::temp_dir().join("previews"), PathBuf::from);
    std::fs::create_dir_all(&folder).unwrap();
    let renderer = Renderer::new(None).unwrap();
    for kind in samples::KINDS {
        for locale in ["en-US", "de-DE", "ar"] {
            let draft = sample(kind, locale);
            let message = renderer.render(&draft).unwrap();
            let name = format!("{}.{locale}", kind.word());
            std::fs::write(folder.join(format!("{name}.html")), &message.html).unwrap();
            std::fs::write(folder.join(format!("{name}.txt")), format!("{}\n\n{}", message.subject, message.text))
                .unwrap();
            std::fs::write(folder.join(format!("{name}.eml")), message.to_mail(&draft).unwrap().bytes).unwrap();
        }
    }
}
