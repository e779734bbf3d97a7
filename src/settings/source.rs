//! Where the settings come from: the file's text and the environment become one tree whose values know their place.
//!
//! In: TOML, and variables such as `BACKORDERD__MAIL__FROM`. Out: a [`Table`] in which variables have replaced what the
//! file says. What can go wrong: text that is no TOML, and variables that name no key or contradict each other.
//! Nothing here knows which keys exist; that is what reading a [`super::section::Section`] finds out.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::problem::{Place, Problem};

/// What the variables begin with; `BACKORDERD_CONFIG`, which names the file, does not.
pub(super) const PREFIX: &str = "BACKORDERD__";

/// No key lies deeper than `mail.relays[0].url`; a variable with more parts is not even looked for.
const DEEPEST: usize = 6;

/// A value and where it was written.
#[derive(Debug)]
pub(super) struct Item {
    pub place: Place,
    pub node: Node,
}

#[derive(Debug)]
pub(super) enum Node {
    Text(String),
    Whole(i64),
    Decimal(f64),
    List(Vec<Item>),
    Table(Table),
    /// What no setting is: a boolean, a date, a number past all bounds. Holds what to call it.
    Other(&'static str),
    /// The text of a variable; what it is, only the key's reader knows.
    Variable(String),
}

#[derive(Debug, Default)]
pub(super) struct Table(pub Vec<(String, Item)>);

impl Table {
    /// Takes the value of `key` out. The names of variables are written in capitals, so their case does not count.
    pub fn take(&mut self, key: &str) -> Option<Item> {
        let found = self.0.iter().position(|(name, item)| {
            name == key || matches!(item.place, Place::Variable(_)) && name.eq_ignore_ascii_case(key)
        });
        found.map(|at| self.0.swap_remove(at).1)
    }

    /// The value of `key` in any case, or a new one.
    fn entry(&mut self, key: &str, place: &Place) -> &mut Item {
        let exact = self.0.iter().position(|(name, _)| name == key);
        let at = exact.or_else(|| self.0.iter().position(|(name, _)| name.eq_ignore_ascii_case(key)));
        let at = at.unwrap_or_else(|| {
            self.0.push((key.to_owned(), Item { place: place.clone(), node: Node::Table(Table::default()) }));
            self.0.len() - 1
        });
        &mut self.0[at].1
    }
}

/// Reads the file's text.
pub(super) fn parse(text: &str) -> Result<Table, Problem> {
    let starts: Vec<usize> = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
    let line = |at: usize| Place::Line(starts.partition_point(|start| *start <= at).max(1));
    match DeTable::parse(text) {
        Ok(table) => Ok(read_table(table.into_inner(), &line)),
        Err(error) => {
            let place = line(error.span().map_or(0, |span| span.start));
            let message = error.message().trim().replace('\n', "; ");
            let mend = if message.contains("duplicate") {
                "keep one of the two"
            } else {
                "look here and at the line above: texts, durations and addresses stand in quotes, sections in [ ]"
            };
            let what = format!("this is not TOML: {message}; {mend}");
            Err(Problem { place, key: String::new(), what })
        }
    }
}

/// Reads the text of a variable whose key holds no text: a number, a list or a table as TOML writes them.
pub(super) fn parse_variable(text: String, place: &Place) -> Node {
    match DeValue::parse(&text) {
        Ok(value) => read_node(value.into_inner(), &|_| place.clone()),
        Err(_) => Node::Text(text),
    }
}

fn read_table(table: DeTable<'_>, place: &dyn Fn(usize) -> Place) -> Table {
    let entry = |(key, value): (Spanned<std::borrow::Cow<'_, str>>, Spanned<DeValue<'_>>)| {
        let item = Item { place: place(key.span().start), node: read_node(value.into_inner(), place) };
        (key.into_inner().into_owned(), item)
    };
    Table(table.into_iter().map(entry).collect())
}

fn read_node(value: DeValue<'_>, place: &dyn Fn(usize) -> Place) -> Node {
    match value {
        DeValue::String(text) => Node::Text(text.into_owned()),
        DeValue::Integer(number) => match i64::from_str_radix(number.as_str(), number.radix()) {
            Ok(number) => Node::Whole(number),
            Err(_) => Node::Other("a number past all bounds"),
        },
        DeValue::Float(number) => number.as_str().parse().map_or(Node::Other("an odd number"), Node::Decimal),
        DeValue::Boolean(true) => Node::Other("true"),
        DeValue::Boolean(false) => Node::Other("false"),
        DeValue::Datetime(_) => Node::Other("a date without quotes"),
        DeValue::Array(values) => {
            let item = |value: Spanned<DeValue<'_>>| {
                let start = value.span().start;
                Item { place: place(start), node: read_node(value.into_inner(), place) }
            };
            Node::List(values.into_iter().map(item).collect())
        }
        DeValue::Table(table) => Node::Table(read_table(table, place)),
    }
}

/// Lays the variables over `root`; those that cannot be are returned as problems.
pub(super) fn lay_over(root: &mut Table, environment: impl Iterator<Item = (String, String)>) -> Vec<Problem> {
    let mut variables: Vec<(String, String)> = environment.filter(|(name, _)| name.starts_with(PREFIX)).collect();
    // Numbered parts in the order of their numbers, so that relay 10 comes after relay 9.
    variables.sort_by_cached_key(|(name, _)| -> Vec<(Option<usize>, String)> {
        parts(name).map(|part| (part.parse().ok(), part.to_owned())).collect()
    });
    let mut problems = Vec::new();
    for (name, value) in variables {
        let path: Vec<&str> = parts(&name).collect();
        let laid = if path.iter().any(|part| part.is_empty()) || path.len() > DEEPEST {
            Err("names no key; write it as BACKORDERD__SECTION__KEY, as in BACKORDERD__MAIL__FROM".to_owned())
        } else if value.contains('\u{fffd}') {
            Err("its value is not UTF-8; save it in that encoding".to_owned())
        } else {
            let place = Place::Variable(name.clone());
            let item = root.entry(path[0], &place);
            replace(item, &path[1..], Item { place, node: Node::Variable(value) })
        };
        if let Err(what) = laid {
            problems.push(Problem { key: path.join(".").to_lowercase(), place: Place::Variable(name), what });
        }
    }
    problems
}

/// The parts of a variable's name: `MAIL`, `RELAYS`, `0`, `URL`.
fn parts(name: &str) -> impl Iterator<Item = &str> {
    name.strip_prefix(PREFIX).unwrap_or(name).split("__")
}

fn replace(item: &mut Item, path: &[&str], new: Item) -> Result<(), String> {
    let Some((key, rest)) = path.split_first() else {
        if let (Place::Variable(other), Node::Variable(_)) = (&item.place, &item.node) {
            return Err(format!("{other} sets the same key; keep one of the two"));
        }
        *item = new;
        return Ok(());
    };
    match &mut item.node {
        Node::Table(table) => replace(table.entry(key, &new.place), rest, new),
        Node::List(items) => {
            let index: usize =
                key.parse().map_err(|_| format!("\"{key}\" is no number of an entry; the first is 0"))?;
            if index > items.len() {
                return Err(format!("entry {index} is out of order; the next free one is {}", items.len()));
            }
            if index == items.len() {
                items.push(Item { place: new.place.clone(), node: Node::Table(Table::default()) });
            }
            replace(&mut items[index], rest, new)
        }
        Node::Variable(_) => {
            let Place::Variable(other) = &item.place else { return Ok(()) };
            Err(format!("{other} sets the whole of it already; keep one of the two"))
        }
        // What the file says there is no table, as in `lines = "select"` under `..._LINES__FILE`: the variable wins.
        _ => {
            *item = Item { place: new.place.clone(), node: Node::Table(Table::default()) };
            replace(item, path, new)
        }
    }
}
