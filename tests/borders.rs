//! The borders between the modules, kept true by reading the sources: who may speak of whom, and where SQL, HTTP and
//! waiting may be. The tests inside a file are no part of it.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// Whom each module may use beside itself. The program's own ends, `app`, `cli` and `demo`, may use everybody.
const MAY_USE: [(&str, &[&str]); 20] = [
    ("characters", &[]),
    ("clock", &[]),
    ("failpoint", &[]),
    ("shell", &[]),
    ("trust", &[]),
    ("bounce", &["characters", "clock", "deliver", "settings", "store"]),
    ("dkim", &[]),
    ("choice", &["clock", "metrics", "outbox", "settings", "shop", "store", "watch", "webhook"]),
    ("links", &["choice"]),
    ("settings", &["dkim", "shop", "webhook"]),
    ("shop", &["settings"]),
    // What was told and what is news are values of `watch`; both are pure.
    ("outbox", &["choice", "promise", "settings", "shop", "watch"]),
    ("promise", &["choice", "settings", "shop"]),
    ("render", &["characters", "choice", "links", "outbox", "promise", "shop"]),
    ("watch", &["choice", "clock", "metrics", "outbox", "promise", "settings", "shop", "store"]),
    (
        "store",
        &[
            "bounce",
            "characters",
            "choice",
            "clock",
            "failpoint",
            "outbox",
            "promise",
            "settings",
            "shell",
            "shop",
            "watch",
        ],
    ),
    (
        "deliver",
        &[
            "characters",
            "choice",
            "clock",
            "dkim",
            "failpoint",
            "links",
            "metrics",
            "outbox",
            "render",
            "settings",
            "shop",
            "store",
            "trust",
            "watch",
            "webhook",
        ],
    ),
    ("metrics", &["outbox", "store"]),
    ("webhook", &["clock", "trust"]),
    (
        "web",
        &[
            "app", "bounce", "choice", "clock", "deliver", "links", "metrics", "outbox", "promise", "render",
            "settings", "shop", "store", "watch",
        ],
    ),
];

/// Decisions: values in, values out.
const PURE: [&str; 36] = [
    "bounce/diagnosis.rs",
    "bounce/fields.rs",
    "bounce/provider/",
    "bounce/report.rs",
    "characters.rs",
    "choice/decide.rs",
    "choice/hook/message.rs",
    "choice/hook/verdict.rs",
    "outbox/",
    "promise/",
    "watch/detect.rs",
    "watch/standing.rs",
    "watch/spill.rs",
    "deliver/answer.rs",
    "deliver/breaker.rs",
    "deliver/compose.rs",
    "deliver/outcome.rs",
    "deliver/payload.rs",
    "deliver/verdict.rs",
    "dkim/",
    "metrics/",
    "render/",
    "links",
    "shop/answers/parameters.rs",
    "shop/answers/values.rs",
    "shop/answers/verdict.rs",
    "shop/cell.rs",
    "shop/pieces.rs",
    "shop/row.rs",
    "settings/",
    "shell.rs",
    "web/guessing.rs",
    "web/token.rs",
    "webhook/message.rs",
    "webhook/retry_after.rs",
    "webhook/signature.rs",
];

struct Source {
    /// From `src/` on.
    path: String,
    text: String,
}

impl Source {
    /// The folder or file at the top that it belongs to.
    fn module(&self) -> &str {
        self.path.split(['/', '.']).next().unwrap()
    }
}

/// Every file of the program, without comments and without its own tests.
fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut folders = vec![root.clone()];
    let mut sources = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                sources.push(Source { path: name(&root, &path), text: code(&fs::read_to_string(&path).unwrap()) });
            }
        }
    }
    assert!(sources.len() > 50, "only {} files were found", sources.len());
    sources
}

fn name(root: &Path, path: &Path) -> String {
    path.strip_prefix(root).unwrap().to_str().unwrap().replace('\\', "/")
}

fn code(text: &str) -> String {
    let before_tests = text.split("\n#[cfg(test)]\n").next().unwrap_or_default();
    before_tests.lines().map(|line| line.split("//").next().unwrap_or_default().to_owned() + "\n").collect()
}

/// The modules that a text names as `crate::...`.
fn named(text: &str) -> BTreeSet<&str> {
    let names = text.split("crate::").skip(1);
    names.filter_map(|rest| rest.split(|c: char| !c.is_ascii_lowercase() && c != '_').next()).collect()
}

fn files_with(needle: &str) -> Vec<String> {
    let mut found: Vec<String> =
        sources().into_iter().filter(|source| source.text.contains(needle)).map(|source| source.path).collect();
    found.sort();
    found
}

#[test]
fn every_module_uses_only_those_that_it_may_use() {
    for source in sources() {
        let Some((module, allowed)) = MAY_USE.iter().find(|(module, _)| *module == source.module()) else { continue };
        for used in named(&source.text) {
            let known = used == *module || allowed.contains(&used);
            assert!(known, "{} uses crate::{used}, which {module} may not", source.path);
        }
    }
}

#[test]
fn every_module_has_its_borders_written_down() {
    let ends = ["app", "cli", "demo", "lib", "main"];
    let listed: BTreeSet<&str> = MAY_USE.iter().map(|(module, _)| *module).chain(ends).collect();
    for source in sources() {
        assert!(listed.contains(source.module()), "{} is of a module without borders", source.path);
    }
}

#[test]
fn sql_is_spoken_in_the_store_and_to_the_shop_only() {
    for path in files_with("sqlx::") {
        assert!(path.starts_with("store/") || path.starts_with("shop/") || path.starts_with("demo/"), "{path}");
    }
}

#[test]
fn pages_are_made_in_web_only_and_web_sends_no_mail() {
    for path in files_with("axum::") {
        assert!(path.starts_with("web/") || path.starts_with("demo/"), "{path}");
    }
    for needle in ["smtp", "lettre", "relay"] {
        for path in files_with(needle) {
            assert!(!path.starts_with("web/"), "{path} speaks of {needle}");
        }
    }
}

#[test]
fn requests_are_made_in_webhook_only() {
    for path in files_with("reqwest::") {
        assert!(path.starts_with("webhook/"), "{path}");
    }
}

#[test]
fn no_row_pool_or_transaction_leaves_the_store() {
    for needle in ["store::dialect", "Transaction<", "SqlitePool", "PgPool"] {
        for path in files_with(needle) {
            assert!(path.starts_with("store/") || path.starts_with("demo/"), "{path} speaks of {needle}");
        }
    }
}

#[test]
fn decisions_wait_for_nothing() {
    let pure: Vec<Source> =
        sources().into_iter().filter(|source| PURE.iter().any(|pure| source.path.starts_with(pure))).collect();
    assert!(pure.len() > 20, "only {} pure files were found", pure.len());
    for source in pure {
        for needle in ["async ", ".await", "tokio::"] {
            assert!(!source.text.contains(needle), "{} is pure and holds `{needle}`", source.path);
        }
    }
}
