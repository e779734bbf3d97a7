//! What an answer puts into the parameters, as each engine is given it.
//!
//! In: the answer's values. Out: texts, which the database reads as the type of the place where they stand; a whole
//! number where an engine would not. Pure.

use jiff::Timestamp;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use uuid::Uuid;

use super::parameters::Parameter;
use crate::shop::engine::Engine;

/// What is known of an answer.
#[derive(Clone, Copy, Debug)]
pub struct Values<'a> {
    pub choice_id: Uuid,
    pub order_id: &'a str,
    pub line_id: &'a str,
    /// `wait` or `cancel`.
    pub choice: &'a str,
    pub quantity: Decimal,
    pub chosen_at: Timestamp,
    /// `customer`, `staff` or `silence`.
    pub by: &'a str,
}

/// One value to bind.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Text(String),
    Whole(i64),
    Fraction(f64),
}

impl Values<'_> {
    /// As it is written.
    pub(super) fn text(&self, parameter: Parameter, engine: Engine) -> String {
        match parameter {
            Parameter::ChoiceId => self.choice_id.to_string(),
            Parameter::OrderId => self.order_id.to_owned(),
            Parameter::LineId => self.line_id.to_owned(),
            Parameter::Choice => self.choice.to_owned(),
            Parameter::Quantity => self.quantity.normalize().to_string(),
            Parameter::ChosenAt => self.chosen_at(engine),
            Parameter::By => self.by.to_owned(),
        }
    }

    /// As MySQL and SQLite are to reckon with it: to them a text is no number everywhere. A fraction of MySQL stays a
    /// text, which it reads exactly where a column is decimal.
    pub(super) fn value(&self, parameter: Parameter, engine: Engine) -> Value {
        let whole = self.quantity.normalize();
        match (parameter, engine) {
            (Parameter::Quantity, _) if whole.scale() == 0 && whole.to_i64().is_some() => {
                Value::Whole(whole.to_i64().unwrap_or_default())
            }
            (Parameter::Quantity, Engine::Sqlite) => Value::Fraction(whole.to_f64().unwrap_or_default()),
            _ => Value::Text(self.text(parameter, engine)),
        }
    }

    /// In UTC. MySQL's own types take no letters.
    fn chosen_at(&self, engine: Engine) -> String {
        match engine {
            Engine::Postgres | Engine::Sqlite => format!("{:.6}", self.chosen_at),
            Engine::MySql => self.chosen_at.strftime("%Y-%m-%d %H:%M:%S%.6f").to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(quantity: &str) -> Values<'static> {
        Values {
            choice_id: Uuid::from_u128(1),
            order_id: "100",
            line_id: "007",
            choice: "cancel",
            quantity: quantity.parse().unwrap(),
            chosen_at: "2026-11-24T12:00:00.5Z".parse().unwrap(),
            by: "silence",
        }
    }

    #[test]
    fn each_engine_gets_an_instant_that_it_can_read() {
        let told = |engine| values("2").text(Parameter::ChosenAt, engine);
        assert_eq!(told(Engine::Postgres), "2026-11-24T12:00:00.500000Z");
        assert_eq!(told(Engine::Sqlite), "2026-11-24T12:00:00.500000Z");
        assert_eq!(told(Engine::MySql), "2026-11-24 12:00:00.500000");
    }

    #[test]
    fn a_quantity_is_a_number_where_a_text_would_not_be_reckoned_with() {
        let told = |quantity, engine| values(quantity).value(Parameter::Quantity, engine);
        for engine in [Engine::MySql, Engine::Sqlite] {
            assert_eq!(told("2.000", engine), Value::Whole(2));
            assert_eq!(told("20000000000", engine), Value::Whole(20_000_000_000));
        }
        assert_eq!(told("2.50", Engine::Sqlite), Value::Fraction(2.5));
        assert_eq!(told("2.50", Engine::MySql), Value::Text("2.5".into()));
        assert_eq!(values("2.50").text(Parameter::Quantity, Engine::Postgres), "2.5");
        assert_eq!(values("200").text(Parameter::Quantity, Engine::Postgres), "200");
    }

    #[test]
    fn everything_else_is_a_text_as_it_came() {
        for engine in [Engine::Postgres, Engine::MySql, Engine::Sqlite] {
            let value = |parameter| values("2").value(parameter, engine);
            assert_eq!(value(Parameter::LineId), Value::Text("007".into()));
            assert_eq!(value(Parameter::ChoiceId), Value::Text("00000000-0000-0000-0000-000000000001".into()));
            assert_eq!(
                (value(Parameter::Choice), value(Parameter::By)),
                (Value::Text("cancel".into()), Value::Text("silence".into()))
            );
        }
    }
}
