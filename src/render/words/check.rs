//! Whether a shop's wording can be said: every message one that we send, with variables and messages that it can have.
//!
//! In: a parsed file, and what may be said in it. Out: the first fault, with the file, the place in it and the mend.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use fluent_bundle::FluentResource;
use fluent_syntax::ast;

use super::WordsError;

/// What a shop's file may say.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Sayable {
    /// The messages that we send, each with its variables.
    pub(super) variables: BTreeMap<String, BTreeSet<String>>,
    /// The messages that others are built of. They refer to no other, so that nothing can go round in a circle.
    pub(super) blocks: BTreeSet<String>,
}

/// Whether every message of a shop's file can be said whenever it is needed.
pub(super) fn check(path: &Path, resource: &FluentResource, sayable: &Sayable) -> Result<(), WordsError> {
    let terms: BTreeSet<String> = terms(resource).flat_map(names_of_term).collect();
    for message in messages(resource) {
        let id = message.id.name;
        let line = line_of(resource.source(), id);
        if !sayable.variables.contains_key(id) {
            let mend = closest(id, sayable);
            return Err(WordsError::UnknownMessage { path: path.to_owned(), line, id: id.to_owned(), mend });
        }
        if let Some(problem) = fault_of(message, sayable, &terms) {
            return Err(WordsError::Message { path: path.to_owned(), line, id: id.to_owned(), problem });
        }
    }
    for term in self::terms(resource) {
        let used = Used::of(&term.value);
        if !(used.messages.is_empty() && used.terms.is_empty() && used.functions.is_empty()) {
            let id = format!("-{}", term.id.name);
            let line = line_of(resource.source(), &id);
            let problem = "refers to something else; a term holds plain words".to_owned();
            return Err(WordsError::Message { path: path.to_owned(), line, id, problem });
        }
    }
    Ok(())
}

/// What keeps this message from being said, with the mend.
fn fault_of(message: &ast::Message<&str>, sayable: &Sayable, terms: &BTreeSet<String>) -> Option<String> {
    let id = message.id.name;
    let variables = &sayable.variables[id];
    let Some(pattern) = &message.value else {
        return Some("has no text; write it after the = sign".into());
    };
    let used = Used::of(pattern);
    if let Some(unknown) = used.variables.difference(variables).next() {
        let known: Vec<String> = variables.iter().map(|name| format!("${name}")).collect();
        let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
        return Some(format!("uses ${unknown}; the variables that it has are: {known}"));
    }
    let within_reach = |block: &String| {
        sayable.blocks.contains(block) && !sayable.blocks.contains(id) && sayable.variables[block].is_subset(variables)
    };
    if let Some(name) = used.messages.iter().find(|name| !within_reach(name)) {
        return Some(format!("refers to {name}, which it cannot; write the words out here"));
    }
    if let Some(name) = used.terms.difference(terms).next() {
        return Some(format!("refers to -{name}, which this file does not define; define it here"));
    }
    let function = used.functions.first()?;
    Some(format!("calls {function}(), which there is not; numbers and dates come ready for the locale"))
}

/// Every message with the variables that it has, those of the messages it refers to among them.
pub(super) fn sayable(resource: &FluentResource) -> Sayable {
    let used: BTreeMap<&str, Used> = messages(resource)
        .filter_map(|message| message.value.as_ref().map(|pattern| (message.id.name, Used::of(pattern))))
        .collect();
    let variables = used
        .iter()
        .map(|(id, direct)| {
            let blocks = direct.messages.iter().filter_map(|block| used.get(block.as_str()));
            (id.to_string(), blocks.chain([direct]).flat_map(|used| used.variables.iter().cloned()).collect())
        })
        .collect();
    Sayable { variables, blocks: used.values().flat_map(|used| used.messages.iter().cloned()).collect() }
}

fn messages(resource: &FluentResource) -> impl Iterator<Item = &ast::Message<&str>> {
    resource.entries().filter_map(|entry| match entry {
        ast::Entry::Message(message) => Some(message),
        _ => None,
    })
}

fn terms(resource: &FluentResource) -> impl Iterator<Item = &ast::Term<&str>> {
    resource.entries().filter_map(|entry| match entry {
        ast::Entry::Term(term) => Some(term),
        _ => None,
    })
}

/// `name`, and `name.attribute` for each of its attributes.
fn names_of_term(term: &ast::Term<&str>) -> Vec<String> {
    let attributes = term.attributes.iter().map(|attribute| format!("{}.{}", term.id.name, attribute.id.name));
    [term.id.name.to_owned()].into_iter().chain(attributes).collect()
}

/// The parser keeps no places of messages; one begins at the start of its line.
fn line_of(source: &str, id: &str) -> usize {
    let begins = |line: &str| line.strip_prefix(id).is_some_and(|rest| rest.trim_start().starts_with('='));
    source.lines().position(begins).map_or(1, |index| index + 1)
}

/// The known message that shares the longest beginning with a mistyped one.
fn closest(id: &str, sayable: &Sayable) -> String {
    let shared = |known: &str| known.chars().zip(id.chars()).take_while(|(one, other)| one == other).count();
    match sayable.variables.keys().max_by_key(|known| shared(known)).filter(|known| shared(known) >= 3) {
        Some(known) => format!("did you mean \"{known}\"?"),
        None => "remove it".to_owned(),
    }
}

/// What a pattern refers to, by name; `name.attribute` where it takes an attribute.
#[derive(Default)]
struct Used {
    variables: BTreeSet<String>,
    messages: BTreeSet<String>,
    terms: BTreeSet<String>,
    functions: Vec<String>,
}

impl Used {
    fn of(pattern: &ast::Pattern<&str>) -> Used {
        let mut used = Used::default();
        used.by_pattern(pattern);
        used
    }

    fn by_pattern(&mut self, pattern: &ast::Pattern<&str>) {
        for element in &pattern.elements {
            if let ast::PatternElement::Placeable { expression } = element {
                self.by_expression(expression);
            }
        }
    }

    fn by_expression(&mut self, expression: &ast::Expression<&str>) {
        match expression {
            ast::Expression::Inline(inline) => self.by_inline(inline),
            ast::Expression::Select { selector, variants } => {
                self.by_inline(selector);
                for variant in variants {
                    self.by_pattern(&variant.value);
                }
            }
        }
    }

    fn by_inline(&mut self, inline: &ast::InlineExpression<&str>) {
        use ast::InlineExpression as Inline;
        let named = |id: &ast::Identifier<&str>, attribute: &Option<ast::Identifier<&str>>| match attribute {
            Some(attribute) => format!("{}.{}", id.name, attribute.name),
            None => id.name.to_owned(),
        };
        match inline {
            Inline::StringLiteral { .. } | Inline::NumberLiteral { .. } => {}
            Inline::VariableReference { id } => _ = self.variables.insert(id.name.to_owned()),
            Inline::MessageReference { id, attribute } => _ = self.messages.insert(named(id, attribute)),
            Inline::TermReference { id, attribute, .. } => _ = self.terms.insert(named(id, attribute)),
            Inline::FunctionReference { id, .. } => self.functions.push(id.name.to_owned()),
            Inline::Placeable { expression } => self.by_expression(expression),
        }
    }
}
