//! The words of the mails: our own in English and German, and a shop's wording laid over them.
//!
//! In: the embedded `locales/*.ftl` and, once at the start, the files `LOCALE.ftl` of a shop's `words_dir`. Out: a
//! [`Lexicon`] for every locale; what a locale does not say, its language says, and what that does not say, English.
//! What can go wrong is found while loading: a file that does not parse, a message that we never send, a variable or
//! message that it cannot have. Each error names the file, the place in it and the mend.

mod check;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource};
use icu_locale::{LanguageIdentifier, Locale};

use self::check::{Sayable, check, sayable};

const ENGLISH: &str = include_str!("../../../locales/en.ftl");
const GERMAN: &str = include_str!("../../../locales/de.ftl");
/// More open braces than any message has.
const DEEPEST: usize = 1_000;
const SHIPPED: [(&str, &str); 2] = [("en", ENGLISH), ("de", GERMAN)];
/// What everyone gets whose language nobody has written.
const LAST_RESORT: &str = "en";

type Bundle = FluentBundle<Arc<FluentResource>>;

/// Why a shop's wording cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum WordsError {
    #[error("words_dir {}: {source}; set it to a folder that can be read, or leave it out", path.display())]
    Folder { path: PathBuf, source: std::io::Error },
    #[error("{}: {source}; a words file must be readable UTF-8 text", path.display())]
    Unreadable { path: PathBuf, source: std::io::Error },
    #[error("{}: the file's name is no locale; name it as in de.ftl or de-AT.ftl", path.display())]
    NoLocale { path: PathBuf },
    #[error("{}, line {line}: {problem}; see https://projectfluent.org for the syntax", path.display())]
    Syntax { path: PathBuf, line: usize, problem: String },
    #[error("{}, line {line}: there is no message \"{id}\"; {mend}", path.display())]
    UnknownMessage { path: PathBuf, line: usize, id: String, mend: String },
    #[error("{}, line {line}: the message \"{id}\" {problem}", path.display())]
    Message { path: PathBuf, line: usize, id: String, problem: String },
}

/// Words that should be there and are not; only a fault of ours can cause it.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the message \"{id}\" could not be said: {problem}")]
pub struct Unsayable {
    pub id: &'static str,
    pub problem: String,
}

/// All words, by locale.
pub struct Words {
    lexicons: HashMap<String, Lexicon>,
}

/// The words of one locale.
pub struct Lexicon {
    /// The language that the words are in, which is not the customer's where nobody has written hers.
    pub language: LanguageIdentifier,
    bundle: Bundle,
}

impl Words {
    /// Ours alone, or with a shop's folder laid over them. The only reading of files in this module.
    pub fn load(words_dir: Option<&Path>) -> Result<Words, WordsError> {
        let shipped = SHIPPED
            .iter()
            .map(|(locale, source)| {
                let path = PathBuf::from(format!("locales/{locale}.ftl"));
                Ok(((*locale).to_owned(), parse(&path, (*source).to_owned())?))
            })
            .collect::<Result<BTreeMap<_, _>, WordsError>>()?;
        let own = match words_dir {
            Some(folder) => read_folder(folder, &sayable(&shipped[LAST_RESORT]))?,
            None => BTreeMap::new(),
        };
        let locales: BTreeSet<&String> = shipped.keys().chain(own.keys()).collect();
        let lexicons = locales.into_iter().map(|locale| (locale.clone(), lexicon(locale, &shipped, &own))).collect();
        Ok(Words { lexicons })
    }

    /// The words for this customer: `de-AT`, else `de`, else English.
    pub fn of(&self, locale: &Locale) -> &Lexicon {
        self.find(locale).map_or_else(|| &self.lexicons[LAST_RESORT], |(_, lexicon)| lexicon)
    }

    /// The locale whose words those are.
    pub fn name_of(&self, locale: &Locale) -> &str {
        self.find(locale).map_or(LAST_RESORT, |(name, _)| name)
    }

    fn find(&self, locale: &Locale) -> Option<(&String, &Lexicon)> {
        ancestry(&locale.id).iter().find_map(|name| self.lexicons.get_key_value(name))
    }

    /// Every locale that has words of its own.
    pub fn locales(&self) -> Vec<&str> {
        let mut locales: Vec<&str> = self.lexicons.keys().map(String::as_str).collect();
        locales.sort_unstable();
        locales
    }
}

impl Lexicon {
    /// The message `id` with these variables.
    pub fn say(&self, id: &'static str, variables: &FluentArgs) -> Result<String, Unsayable> {
        let unsayable = |problem: String| Unsayable { id, problem };
        let message = self.bundle.get_message(id).ok_or_else(|| unsayable("it does not exist".into()))?;
        let pattern = message.value().ok_or_else(|| unsayable("it has no text".into()))?;
        let mut errors = Vec::new();
        let text = self.bundle.format_pattern(pattern, Some(variables), &mut errors);
        match errors.first() {
            None => Ok(text.into_owned()),
            Some(error) => Err(unsayable(error.to_string())),
        }
    }
}

/// The names under which a locale's words may be found, the closest first.
fn ancestry(id: &LanguageIdentifier) -> Vec<String> {
    let named = |script, region| {
        let variants = Default::default();
        LanguageIdentifier { language: id.language, script, region, variants }.to_string()
    };
    vec![named(id.script, id.region), named(None, id.region), named(id.script, None), named(None, None)]
}

/// English at the bottom, then each closer locale over it: ours first, the shop's over ours.
fn lexicon(
    locale: &str,
    shipped: &BTreeMap<String, Arc<FluentResource>>,
    own: &BTreeMap<String, Arc<FluentResource>>,
) -> Lexicon {
    let language: LanguageIdentifier = locale.parse().unwrap_or(LanguageIdentifier::UNKNOWN);
    // Plurals follow the language that was written; `und` has the plain rules of "other".
    let mut bundle = Bundle::new_concurrent(vec![locale.parse().unwrap_or_default()]);
    // Foreign text is isolated where its direction differs, and only there: see `foreign::isolated`.
    bundle.set_use_isolating(false);
    let mut layers = ancestry(&language);
    layers.push(LAST_RESORT.to_owned());
    layers.dedup();
    for layer in layers.iter().rev() {
        for words in [shipped.get(layer), own.get(layer)].into_iter().flatten() {
            bundle.add_resource_overriding(Arc::clone(words));
        }
    }
    Lexicon { language, bundle }
}

fn read_folder(folder: &Path, sayable: &Sayable) -> Result<BTreeMap<String, Arc<FluentResource>>, WordsError> {
    let failed = |source| WordsError::Folder { path: folder.to_owned(), source };
    let mut words = BTreeMap::new();
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.extension().is_none_or(|extension| extension != "ftl") {
            continue;
        }
        let name = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default().replace('_', "-");
        let Ok(locale) = name.parse::<LanguageIdentifier>() else {
            return Err(WordsError::NoLocale { path });
        };
        let source =
            std::fs::read_to_string(&path).map_err(|source| WordsError::Unreadable { path: path.clone(), source })?;
        let resource = parse(&path, source)?;
        check(&path, &resource, sayable)?;
        words.insert(locale.to_string(), resource);
    }
    Ok(words)
}

fn parse(path: &Path, source: String) -> Result<Arc<FluentResource>, WordsError> {
    // The parser goes down with each of them.
    let mut depth = 0_usize;
    for (at, line) in source.lines().enumerate() {
        for letter in line.bytes() {
            match letter {
                b'{' => depth += 1,
                b'}' => depth = depth.saturating_sub(1),
                _ => {}
            }
        }
        if depth > DEEPEST {
            let problem = format!("more than {DEEPEST} braces are open; close each {{ with a }}");
            return Err(WordsError::Syntax { path: path.to_owned(), line: at + 1, problem });
        }
    }
    FluentResource::try_new(source).map(Arc::new).map_err(|(resource, errors)| {
        let (at, problem) = errors.first().map_or((0, String::new()), |error| (error.pos.start, error.to_string()));
        let before = &resource.source().as_bytes()[..at.min(resource.source().len())];
        let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
        WordsError::Syntax { path: path.to_owned(), line, problem }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shipped(source: &str) -> Sayable {
        sayable(&parse(Path::new("test"), source.to_owned()).unwrap())
    }

    fn with_file(name: &str, text: &str) -> Result<Words, String> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(name), text).unwrap();
        Words::load(Some(folder.path())).map_err(|error| {
            // The folder's name is another one each time.
            error.to_string().replace(&format!("{}/", folder.path().display()), "")
        })
    }

    fn said(words: &Words, locale: &str, id: &'static str) -> String {
        words.of(&locale.parse().unwrap()).say(id, &FluentArgs::new()).unwrap()
    }

    #[test]
    fn english_and_german_have_the_same_messages_with_the_same_variables() {
        assert_eq!(shipped(ENGLISH), shipped(GERMAN));
    }

    #[test]
    fn a_locale_falls_back_to_its_language_and_then_to_english() {
        let words = Words::load(None).unwrap();
        assert_eq!(said(&words, "de-AT", "hello"), "Guten Tag,");
        assert_eq!(said(&words, "de-Latn-CH", "hello"), "Guten Tag,");
        assert_eq!(said(&words, "en-GB", "hello"), "Hello,");
        assert_eq!(said(&words, "ar", "hello"), "Hello,");
        assert_eq!(words.of(&"ar".parse().unwrap()).language.to_string(), "en");
    }

    #[test]
    fn a_shop_says_single_messages_in_its_own_way() {
        let words = with_file("de_AT.ftl", "hello = Servus,\n").unwrap();
        assert_eq!(said(&words, "de-AT", "hello"), "Servus,");
        assert_eq!(said(&words, "de-AT", "status-restocked"), "Auf Lager");
        assert_eq!(said(&words, "de", "hello"), "Guten Tag,");
        assert_eq!(words.locales(), ["de", "de-AT", "en"]);
    }

    #[test]
    fn a_shop_adds_a_language_and_may_define_terms_of_its_own() {
        let words = with_file("fr.ftl", "-team = L’équipe\nregards = { -team } vous salue\n").unwrap();
        assert_eq!(said(&words, "fr-CA", "regards"), "L’équipe vous salue");
        assert_eq!(said(&words, "fr", "hello"), "Hello,");
        assert_eq!(words.of(&"fr".parse().unwrap()).language.to_string(), "fr");
    }

    #[test]
    fn what_is_wrong_in_a_shops_file_is_named_with_its_place_and_its_mend() {
        let cases = [
            (
                "hello = Hi\n\nhelo-name = Hi\n",
                "de.ftl, line 3: there is no message \"helo-name\"; did you mean \"hello-name\"?",
            ),
            ("zzz = Hi\n", "de.ftl, line 1: there is no message \"zzz\"; remove it"),
            (
                "# ours\nhello-name = Hi { $first }\n",
                "de.ftl, line 2: the message \"hello-name\" uses $first; the variables that it has are: $name",
            ),
            (
                "hello = Hi { $name }\n",
                "de.ftl, line 1: the message \"hello\" uses $name; the variables that it has are: none",
            ),
            (
                "hello = { hello-name }\n",
                "de.ftl, line 1: the message \"hello\" refers to hello-name, which it cannot; write the words out here",
            ),
            (
                "hello = { -brand }\n",
                "de.ftl, line 1: the message \"hello\" refers to -brand, which this file does not define; define it here",
            ),
            (
                "order = { NUMBER($order) }\n",
                "de.ftl, line 1: the message \"order\" calls NUMBER(), which there is not; numbers and dates come ready for the locale",
            ),
            (
                "things = { things-are }\n",
                "de.ftl, line 1: the message \"things\" refers to things-are, which it cannot; write the words out here",
            ),
            (
                "-one = { -two }\n-two = { -one }\n",
                "de.ftl, line 1: the message \"-one\" refers to something else; a term holds plain words",
            ),
            (
                "hello =\n    .title = Hi\n",
                "de.ftl, line 1: the message \"hello\" has no text; write it after the = sign",
            ),
        ];
        for (text, expected) in cases {
            assert_eq!(with_file("de.ftl", text).err().as_deref(), Some(expected));
        }
        let error = with_file("de.ftl", "hello = Hi\nregards = { $\n").err().unwrap();
        assert!(error.starts_with("de.ftl, line 2: "), "{error}");
        let error = with_file("german words.ftl", "hello = Hi\n").err().unwrap();
        assert_eq!(error, "german words.ftl: the file's name is no locale; name it as in de.ftl or de-AT.ftl");
        let error = Words::load(Some(Path::new("no/such/folder"))).err().unwrap().to_string();
        assert!(error.starts_with("words_dir no/such/folder: "), "{error}");
    }

    #[test]
    fn every_message_is_said_somewhere_and_everything_said_is_a_message() {
        let mut code = String::new();
        for folder in ["src/render/letter", "src/render/page"] {
            for entry in std::fs::read_dir(folder).unwrap() {
                code.push_str(&std::fs::read_to_string(entry.unwrap().path()).unwrap());
            }
        }
        let Sayable { variables, blocks } = shipped(ENGLISH);
        for id in variables.keys() {
            assert!(blocks.contains(id) || code.contains(&format!("\"{id}\"")), "{id} is never said");
        }
    }
}
