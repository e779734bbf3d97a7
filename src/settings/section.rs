//! Reading one section of the settings, key by key, so that all that is wrong comes out of one run.
//!
//! In: a [`Table`] and, from each topic, the keys it has and how their values read. Out: values, `None` where a key is
//! absent or wrong. What is wrong is kept in [`Reading`]; a key that nobody asked for is unknown. An empty text is a key
//! that is not set.

use std::ops::RangeInclusive;
use std::path::PathBuf;

use super::duration::Span;
use super::file::{read_text, warn_if_open};
use super::nearest::nearest;
use super::problem::Place;
use super::reading::{Reading, Unknown, join};
use super::secret::Secret;
use super::source::{Item, Node, Table, parse_variable};

/// One section, from which keys are taken until it is [closed](Section::close).
pub(super) struct Section<'a> {
    pub reading: &'a Reading,
    /// `mail.relays[0]`; empty at the root.
    path: String,
    place: Place,
    /// What nobody has asked for yet.
    left: Table,
    /// What was asked for, and where it is.
    asked: Vec<(&'static str, Option<Place>)>,
}

impl<'a> Section<'a> {
    pub fn root(reading: &'a Reading, table: Table) -> Section<'a> {
        Section { reading, path: String::new(), place: Place::File, left: table, asked: Vec::new() }
    }

    fn take(&mut self, key: &'static str) -> Option<Item> {
        let item = self.left.take(key);
        self.asked.push((key, item.as_ref().map(|item| item.place.clone())));
        item
    }

    /// Says what is wrong with `key`, where it stands, or where its section stands if it is absent.
    pub fn wrong(&self, key: &str, what: impl Into<String>) {
        let asked = self.asked.iter().find(|(asked, _)| *asked == key);
        let place = asked.and_then(|(_, place)| place.as_ref()).unwrap_or(&self.place);
        self.reading.problem(place, join(&self.path, key), what);
    }

    /// Says that `key` does not go with the `other`, unless one of them is wrong by itself.
    pub fn contradiction(&self, key: &str, other: &str, what: impl Into<String>) {
        if !self.is_wrong(key) && !self.is_wrong(other) {
            self.wrong(key, what);
        }
    }

    /// Whether something is wrong with `key`.
    pub fn is_wrong(&self, key: &str) -> bool {
        self.reading.is_wrong(&join(&self.path, key))
    }

    /// A text. `read` returns what is wrong with it and the mend.
    pub fn text<T>(&mut self, key: &'static str, read: impl FnOnce(&str) -> Result<T, String>) -> Option<T> {
        let item = self.take(key)?;
        if let Node::Text(text) | Node::Variable(text) = &item.node
            && text.trim().is_empty()
        {
            return None;
        }
        read_text_node(&item.node, read).map_err(|what| self.wrong(key, what)).ok()
    }

    /// A text that must be there; `example` is shown where it is not.
    pub fn required<T>(
        &mut self,
        key: &'static str,
        example: &str,
        read: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        let value = self.text(key, read);
        if value.is_none() {
            self.missing(key, &format!("write {key} = \"{example}\""));
        }
        value
    }

    /// Says that `key` must be there, unless it is and cannot be read.
    pub fn missing(&self, key: &str, mend: &str) {
        if !self.is_wrong(key) {
            self.wrong(key, format!("missing; {mend}"));
        }
    }

    /// One of a few words.
    pub fn one_of<T: Copy>(&mut self, key: &'static str, words: &[(&str, T)]) -> Option<T> {
        self.text(key, |text| one_of(text, words))
    }

    /// A duration of at least `least`.
    pub fn span(&mut self, key: &'static str, least: Span) -> Option<Span> {
        self.text(key, |text| match Span::parse(text)? {
            span if span < least => Err(format!("{text:?} is too short; the least is \"{}s\"", least.as_secs())),
            span => Ok(span),
        })
    }

    /// A whole number within `bounds`.
    pub fn whole(&mut self, key: &'static str, bounds: RangeInclusive<u32>) -> Option<u32> {
        let item = self.take(key)?;
        let expected = format!("expected a whole number from {} to {} without quotes", bounds.start(), bounds.end());
        let number = match item.typed() {
            Node::Whole(number) => u32::try_from(number).ok().filter(|number| bounds.contains(number)).ok_or(number),
            node => {
                self.wrong(key, format!("{expected}, found {}", node.name()));
                return None;
            }
        };
        number.map_err(|found| self.wrong(key, format!("{expected}, found {found}"))).ok()
    }

    /// A number above zero.
    pub fn rate(&mut self, key: &'static str) -> Option<f64> {
        let item = self.take(key)?;
        let number = match item.typed() {
            Node::Decimal(number) if number.is_finite() && number > 0.0 => return Some(number),
            // A setting with more than 32 bits is no rate of mails.
            Node::Whole(number) if number > 0 => match u32::try_from(number) {
                Ok(number) => return Some(f64::from(number)),
                Err(_) => number.to_string(),
            },
            Node::Whole(number) => number.to_string(),
            Node::Decimal(number) => number.to_string(),
            node => node.name(),
        };
        self.wrong(key, format!("expected a number above 0 without quotes, found {number}"));
        None
    }

    /// A list of texts.
    pub fn list<T>(&mut self, key: &'static str, read: impl Fn(&str) -> Result<T, String>) -> Option<Vec<T>> {
        let items = self.items(key)?;
        let path = join(&self.path, key);
        let written = items.len();
        let mut values = Vec::with_capacity(written);
        for (index, item) in items.into_iter().enumerate() {
            match read_text_node(&item.node, &read) {
                Ok(value) => values.push(value),
                Err(what) => self.reading.problem(&item.place, format!("{path}[{index}]"), what),
            }
        }
        (values.len() == written).then_some(values)
    }

    /// The entries of a list, or of a table that variables built by number.
    fn items(&mut self, key: &'static str) -> Option<Vec<Item>> {
        let item = self.take(key)?;
        let variables = matches!(item.place, Place::Variable(_));
        match item.typed() {
            Node::List(items) => Some(items),
            Node::Table(mut table) if variables => {
                let items: Vec<Item> = (0..table.0.len()).map_while(|index| table.take(&index.to_string())).collect();
                for (number, item) in table.0 {
                    let what = format!("entry {number} is out of order; the next free one is {}", items.len());
                    self.reading.problem(&item.place, join(&self.path, key), what);
                }
                Some(items)
            }
            node => {
                self.wrong(key, format!("expected a list in [ ], found {}", node.name()));
                None
            }
        }
    }

    /// A section within this one, if it is there.
    pub fn table(&mut self, key: &'static str) -> Option<Section<'a>> {
        let item = self.take(key)?;
        self.within(join(&self.path, key), item)
    }

    /// A section within this one, empty if it is absent.
    pub fn table_or_empty(&mut self, key: &'static str) -> Section<'a> {
        let path = join(&self.path, key);
        self.table(key).unwrap_or(Section {
            reading: self.reading,
            path,
            place: Place::File,
            left: Table::default(),
            asked: Vec::new(),
        })
    }

    /// The sections of a list, as in `[[mail.relays]]`.
    pub fn tables(&mut self, key: &'static str) -> Option<Vec<Section<'a>>> {
        let items = self.items(key)?;
        let path = join(&self.path, key);
        let section = |(index, item)| self.within(format!("{path}[{index}]"), item);
        Some(items.into_iter().enumerate().filter_map(section).collect())
    }

    fn within(&self, path: String, item: Item) -> Option<Section<'a>> {
        let place = item.place.clone();
        match item.typed() {
            Node::Table(left) => Some(Section { reading: self.reading, path, place, left, asked: Vec::new() }),
            node => {
                self.reading.problem(&place, path, format!("expected a section, found {}", node.name()));
                None
            }
        }
    }

    /// Whether `key`, not yet taken, is a section.
    pub fn is_table(&self, key: &str) -> bool {
        self.left.0.iter().any(|(name, item)| name.eq_ignore_ascii_case(key) && matches!(item.node, Node::Table(_)))
    }

    /// What is left, as sections by their free names.
    pub fn free_tables(&mut self) -> Vec<(String, Section<'a>)> {
        let left = std::mem::take(&mut self.left.0);
        let named = left.into_iter().filter_map(|(name, item)| {
            let section = self.within(join(&self.path, &name), item)?;
            Some((name, section))
        });
        named.collect()
    }

    /// What is left, as texts by their free names. `check` sees a name and the keys that are not free.
    pub fn free_texts<T>(
        &mut self,
        check: impl Fn(&str, &[&str]) -> Result<(), String>,
        read: impl Fn(&str) -> Result<T, String>,
    ) -> Vec<(String, T)> {
        let known: Vec<&str> = self.asked.iter().map(|(key, _)| *key).collect();
        let mut values = Vec::new();
        for (name, item) in std::mem::take(&mut self.left.0) {
            match check(&name, &known).and_then(|()| read_text_node(&item.node, &read)) {
                Ok(value) => values.push((name, value)),
                Err(what) => self.reading.problem(&item.place, join(&self.path, &name), what),
            }
        }
        values
    }

    /// A path; relative ones begin at the settings file's folder.
    pub fn path(&mut self, key: &'static str) -> Option<PathBuf> {
        let reading = self.reading;
        self.text(key, |text| Ok(reading.resolve(text)))
    }

    /// The path of a file that must be readable.
    pub fn readable_file(&mut self, key: &'static str) -> Option<PathBuf> {
        let path = self.path(key)?;
        read_text(&path).map_err(|what| self.wrong(key, what)).ok()?;
        Some(path)
    }

    /// A secret, written in place under `key` or kept in the file that `file_key` names.
    pub fn secret(&mut self, key: &'static str, file_key: &'static str) -> Option<Secret> {
        self.secret_as(key, file_key, |text| Ok(Secret::new(text)))
    }

    /// The same, read further. `read` returns what is wrong with it and the mend, and does not repeat it.
    pub fn secret_as<T>(
        &mut self,
        key: &'static str,
        file_key: &'static str,
        read: impl Fn(&str) -> Result<T, String>,
    ) -> Option<T> {
        let written = self.text(key, &read);
        let file = self.path(file_key);
        let Some(path) = file else { return written };
        if written.is_some() {
            self.wrong(key, format!("`{key}` and `{file_key}` are both set; keep one of them"));
            return None;
        }
        let text = read_text(&path).map_err(|what| self.wrong(file_key, what)).ok()?;
        warn_if_open(self.reading, &join(&self.path, file_key), &path);
        let secret = text.strip_suffix('\n').map_or(&*text, |line| line.strip_suffix('\r').unwrap_or(line));
        read(secret).map_err(|what| self.wrong(file_key, format!("{}: {what}", path.display()))).ok()
    }

    /// Ends the section: what was not asked for is unknown.
    pub fn close(self) {
        let known: Vec<&'static str> = self.asked.iter().map(|(key, _)| *key).collect();
        for (key, item) in self.left.0 {
            let written_by_variable = matches!(item.place, Place::Variable(_));
            self.reading.unknown(Unknown {
                section: self.path.clone(),
                key: if written_by_variable { key.to_lowercase() } else { key },
                place: item.place,
                is_table: matches!(item.node, Node::Table(_)),
                suggestions: known.clone(),
            });
        }
        self.reading.know(&self.path, &known);
    }
}

impl Item {
    /// The value, a variable's text read as TOML.
    fn typed(self) -> Node {
        match self.node {
            Node::Variable(text) => parse_variable(text, &self.place),
            node => node,
        }
    }
}

impl Node {
    /// What to call it. Texts are not repeated: they might be secrets.
    fn name(&self) -> String {
        match self {
            Node::Text(_) | Node::Variable(_) => "a text".to_owned(),
            Node::Whole(number) => format!("the number {number}"),
            Node::Decimal(number) => format!("the number {number}"),
            Node::List(_) => "a list".to_owned(),
            Node::Table(_) => "a section".to_owned(),
            Node::Other(name) => (*name).to_owned(),
        }
    }
}

fn read_text_node<T>(node: &Node, read: impl FnOnce(&str) -> Result<T, String>) -> Result<T, String> {
    match node {
        Node::Text(text) | Node::Variable(text) => read(text),
        node => Err(format!("expected a text in quotes, found {}", node.name())),
    }
}

/// Finds `text` among `words`.
pub(super) fn one_of<T: Copy>(text: &str, words: &[(&str, T)]) -> Result<T, String> {
    if let Some((_, value)) = words.iter().find(|(word, _)| *word == text) {
        return Ok(*value);
    }
    let all = words.iter().map(|(word, _)| format!("\"{word}\"")).collect::<Vec<_>>().join(", ");
    let near = nearest(text, words.iter().map(|(word, _)| *word));
    Err(match near {
        Some(near) => format!("{text:?} is none of {all}; did you mean \"{near}\"?"),
        None => format!("{text:?} is none of {all}; write one of them"),
    })
}
