//! The operator's statements for an answer: their named parameters become what the engine binds.
//!
//! In: the text of `choices.sql.cancel` or `choices.sql.wait`, one statement or several with `;` between them. Out: the
//! statements, each with its parameters in their places. What can go wrong: a parameter that there is not, one in the
//! engine's own spelling, a statement about transactions; each is said with the mend. Pure.

use crate::settings::nearest::nearest;
use crate::shop::engine::Engine;
use crate::shop::pieces::{Kind, Piece, pieces};

/// What a statement may name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Parameter {
    ChoiceId,
    OrderId,
    LineId,
    Choice,
    Quantity,
    ChosenAt,
    By,
}

use Parameter::{By, Choice, ChoiceId, ChosenAt, LineId, OrderId, Quantity};

const ALL: [Parameter; 7] = [ChoiceId, OrderId, LineId, Choice, Quantity, ChosenAt, By];
/// Words that begin or end a transaction.
const OF_TRANSACTIONS: [&str; 7] = ["begin", "start", "commit", "end", "rollback", "abort", "savepoint"];
/// What PostgreSQL and MySQL can explain.
const EXPLAINED: [&str; 7] = ["select", "insert", "update", "delete", "merge", "replace", "with"];

impl Parameter {
    pub fn name(self) -> &'static str {
        match self {
            ChoiceId => "choice_id",
            OrderId => "order_id",
            LineId => "line_id",
            Choice => "choice",
            Quantity => "quantity",
            ChosenAt => "chosen_at",
            By => "by",
        }
    }
}

/// One statement.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Statement {
    parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Parameter(Parameter),
}

/// The statements of a setting, at least one; or what is wrong with them, and the mend.
pub(super) fn statements(engine: Engine, text: &str) -> Result<Vec<Statement>, String> {
    let pieces: Vec<Piece<'_>> = pieces(engine, text).collect();
    let statements: Vec<Statement> =
        pieces.split(|piece| piece.text == ";").map(|pieces| statement(engine, pieces)).collect::<Result<_, _>>()?;
    let statements: Vec<Statement> = statements.into_iter().filter(|statement| !statement.parts.is_empty()).collect();
    if statements.is_empty() {
        return Err("there is no statement in it; write one, or leave the key out".into());
    }
    Ok(statements)
}

/// One statement without the blanks around it; without parts if there is nothing but blanks and comments.
fn statement(engine: Engine, pieces: &[Piece<'_>]) -> Result<Statement, String> {
    let is_of_use = |piece: &Piece<'_>| !matches!(piece.kind, Kind::Blank | Kind::Comment);
    let mut statement = Statement::default();
    let Some(first) = pieces.iter().position(is_of_use) else { return Ok(statement) };
    let last = pieces.iter().rposition(is_of_use).unwrap_or(first);
    refuse_transactions(pieces[first].text)?;
    let mut rest = &pieces[first..=last];
    while let [piece, after @ ..] = rest {
        let next = after.first();
        let is_a_sign = |piece: &Piece<'_>, sign| piece.kind == Kind::Sign && piece.text == sign;
        if is_a_sign(piece, ":") && next.is_some_and(|next| is_a_sign(next, ":")) {
            // A cast.
            statement.add("::");
            rest = &after[1..];
        } else if is_a_sign(piece, ":")
            && let Some(name) = next.filter(|next| is_a_name(next))
        {
            statement.parts.push(Part::Parameter(known(name.text)?));
            rest = &after[1..];
        } else {
            refuse_unnamed(engine, piece, next)?;
            statement.add(piece.text);
            rest = after;
        }
    }
    Ok(statement)
}

fn is_a_name(piece: &Piece<'_>) -> bool {
    piece.kind == Kind::Word && !piece.text.starts_with(|letter: char| letter.is_ascii_digit())
}

fn known(name: &str) -> Result<Parameter, String> {
    if let Some(parameter) = ALL.into_iter().find(|parameter| parameter.name() == name) {
        return Ok(parameter);
    }
    let near = nearest(name, ALL.map(Parameter::name));
    let mend = near.map_or_else(
        || "write one of them, and a space behind a colon that begins no parameter".to_owned(),
        |near| format!("did you mean :{near}?"),
    );
    Err(format!("there is no parameter :{name}, but {}; {mend}", all_names()))
}

/// Refuses a parameter as the engine itself spells it: it would be filled with another's value.
fn refuse_unnamed(engine: Engine, piece: &Piece<'_>, next: Option<&Piece<'_>>) -> Result<(), String> {
    let is_numbered = piece.kind == Kind::Word && piece.text.starts_with('$');
    let is_unnamed = match engine {
        Engine::Postgres => is_numbered,
        Engine::MySql => piece.text == "?",
        Engine::Sqlite => is_numbered || piece.text == "?" || (piece.text == "@" && next.is_some_and(is_a_name)),
    };
    if is_unnamed {
        let written = piece.text;
        return Err(format!("`{written}` is a parameter that nothing is known for; write one of {}", all_names()));
    }
    Ok(())
}

fn refuse_transactions(word: &str) -> Result<(), String> {
    if OF_TRANSACTIONS.iter().any(|of_transactions| word.eq_ignore_ascii_case(of_transactions)) {
        return Err(format!("`{word}` is of no use here, all statements run in one transaction already; take it out"));
    }
    Ok(())
}

fn all_names() -> String {
    ALL.map(|parameter| format!(":{}", parameter.name())).join(" ")
}

impl Statement {
    fn add(&mut self, text: &str) {
        if let Some(Part::Text(last)) = self.parts.last_mut() {
            last.push_str(text);
        } else {
            self.parts.push(Part::Text(text.to_owned()));
        }
    }

    /// What is to be bound, in order. A parameter that stands twice is bound twice: it may have two types.
    pub fn parameters(&self) -> impl Iterator<Item = Parameter> {
        self.parts.iter().filter_map(|part| match part {
            Part::Text(_) => None,
            Part::Parameter(parameter) => Some(*parameter),
        })
    }

    /// Whether it is about this answer at all.
    pub fn names_the_answer(&self) -> bool {
        self.parameters().any(|parameter| matches!(parameter, ChoiceId | OrderId | LineId))
    }

    /// Whether the servers explain such a statement.
    pub fn can_be_explained(&self) -> bool {
        let Some(Part::Text(text)) = self.parts.first() else { return false };
        let word = text.split(|letter: char| !letter.is_ascii_alphabetic()).next().unwrap_or_default();
        EXPLAINED.iter().any(|explained| word.eq_ignore_ascii_case(explained))
    }

    /// As the engine takes it.
    pub fn sql(&self, engine: Engine) -> String {
        self.sql_with(|number| match engine {
            Engine::Postgres => format!("${number}"),
            Engine::MySql | Engine::Sqlite => "?".to_owned(),
        })
    }

    /// As PostgreSQL takes it with texts, each read as the type that the server found for that place.
    pub fn sql_of_texts(&self, types: &[String]) -> String {
        self.sql_with(|number| match types.get(number - 1) {
            Some(name) => format!("cast(${number}::text as {name})"),
            None => format!("${number}::text"),
        })
    }

    /// `write` gets the number of each parameter, from 1, and says what stands in its place.
    fn sql_with(&self, write: impl Fn(usize) -> String) -> String {
        let mut number = 0;
        let written = self.parts.iter().map(|part| match part {
            Part::Text(text) => text.clone(),
            Part::Parameter(_) => {
                number += 1;
                write(number)
            }
        });
        written.collect()
    }

    /// What the database says about its numbered parameters, in the operator's names.
    pub fn in_names(&self, words: &str) -> String {
        let numbered: Vec<Parameter> = self.parameters().collect();
        let mut words = words.to_owned();
        // From the last, so that $1 is not found in $12.
        for (index, parameter) in numbered.iter().enumerate().rev() {
            words = words.replace(&format!("${}", index + 1), &format!(":{}", parameter.name()));
        }
        words
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENGINES: [Engine; 3] = [Engine::Postgres, Engine::MySql, Engine::Sqlite];

    /// The statements as the engine takes them, and what each binds.
    fn read(engine: Engine, text: &str) -> Vec<(String, Vec<Parameter>)> {
        let statements = statements(engine, text).unwrap();
        statements.iter().map(|statement| (statement.sql(engine), statement.parameters().collect())).collect()
    }

    #[test]
    fn each_parameter_becomes_the_engines_own_each_time_it_stands_there() {
        let text = "update t set a = :choice_id, b=:choice,c = :order_id||:by, d= :quantity+1, e =:chosen_at where id=:line_id or x = :choice_id";
        let bound = vec![ChoiceId, Choice, OrderId, By, Quantity, ChosenAt, LineId, ChoiceId];
        let numbered = "update t set a = $1, b=$2,c = $3||$4, d= $5+1, e =$6 where id=$7 or x = $8";
        let plain = "update t set a = ?, b=?,c = ?||?, d= ?+1, e =? where id=? or x = ?";
        for (engine, sql) in [(Engine::Postgres, numbered), (Engine::MySql, plain), (Engine::Sqlite, plain)] {
            assert_eq!(read(engine, text), [(sql.to_owned(), bound.clone())], "{engine}");
        }
    }

    #[test]
    fn texts_comments_names_and_casts_are_left_alone() {
        let everywhere = [
            "select ':line_id', ':x'",
            "select \":line_id\"",
            "select 1 -- :x ?\n, 2",
            "select 1 /* :x ? $1 */, 2",
            "select 'it''s :x'",
            "select a::date",
            "select a :: b, c := 2",
        ];
        for engine in ENGINES {
            for text in everywhere {
                assert_eq!(read(engine, text), [(text.to_owned(), vec![])], "{engine}: {text}");
            }
        }
        let own = [
            (Engine::Postgres, "select $$ :x; $$, $a$ :y $a$, E'\\' :z', a[1:2], b ? 'c', d$1"),
            (Engine::MySql, "select 'a\\' :x', `:y`, @now := 1, \"?\" # :z\n, 2"),
            (Engine::Sqlite, "select [:x?], `:y`, ':z\\'"),
        ];
        for (engine, text) in own {
            assert_eq!(read(engine, text), [(text.to_owned(), vec![])], "{engine}: {text}");
        }
        let cast = read(Engine::Postgres, "select :line_id::bigint, a::text");
        assert_eq!(cast, [("select $1::bigint, a::text".to_owned(), vec![LineId])]);
    }

    #[test]
    fn several_statements_come_apart_where_a_semicolon_is_one() {
        for engine in ENGINES {
            let text = " -- first;\nupdate a set b = ';' where id = :line_id ; \n; insert into c values (:choice_id); -- done;";
            let statements = read(engine, text);
            assert_eq!(statements.len(), 2, "{engine}");
            assert!(statements[0].0.starts_with("update a set b = ';' where id = "), "{engine}: {statements:?}");
            assert_eq!(statements[1].1, [ChoiceId], "{engine}: its own parameters begin anew");
        }
        assert_eq!(
            read(Engine::Postgres, "delete from a where b = :line_id; delete from c where d = :by")[1].0,
            "delete from c where d = $1"
        );
    }

    #[test]
    fn what_is_no_parameter_of_ours_is_refused_with_the_mend() {
        let all = ":choice_id :order_id :line_id :choice :quantity :chosen_at :by";
        let own = |written: &str| format!("`{written}` is a parameter that nothing is known for; write one of {all}");
        let table = [
            (
                Engine::Sqlite,
                "update a set b = :lineid",
                format!("there is no parameter :lineid, but {all}; did you mean :line_id?"),
            ),
            (
                Engine::MySql,
                "update a set b = :Line_ID",
                format!("there is no parameter :Line_ID, but {all}; did you mean :line_id?"),
            ),
            (
                Engine::Postgres,
                "select a[1:upper]",
                format!(
                    "there is no parameter :upper, but {all}; write one of them, and a space behind a colon that begins no parameter"
                ),
            ),
            (Engine::Postgres, "update a set b = $1", own("$1")),
            (Engine::MySql, "update a set b = ?", own("?")),
            (Engine::Sqlite, "update a set b = ?1", own("?")),
            (Engine::Sqlite, "update a set b = @id", own("@")),
            (Engine::Sqlite, "update a set b = $id", own("$id")),
            (
                Engine::MySql,
                "Start transaction; update a set b = :by",
                "`Start` is of no use here, all statements run in one transaction already; take it out".into(),
            ),
            (Engine::Postgres, "; -- nothing", "there is no statement in it; write one, or leave the key out".into()),
        ];
        for (engine, text, expected) in table {
            assert_eq!(statements(engine, text).unwrap_err(), expected, "{engine}: {text}");
        }
    }

    #[test]
    fn postgresql_reads_each_text_as_the_type_of_its_place() {
        let text = "update a set b = :chosen_at where id = :line_id and c = :line_id";
        let statement = statements(Engine::Postgres, text).unwrap().remove(0);
        let types = ["timestamp with time zone".to_owned(), "bigint".to_owned()];
        assert_eq!(
            statement.sql_of_texts(&types),
            "update a set b = cast($1::text as timestamp with time zone) where id = cast($2::text as bigint) and c = $3::text"
        );
        assert_eq!(statement.in_names("type of parameter $2, not $1"), "type of parameter :line_id, not :chosen_at");
        assert!(statement.names_the_answer());
    }
}
