//! What the law makes of a line's history: a pure state machine, time comes in as a value.
//!
//! ```text
//! first sight ─> Clock (rule set, T: frozen)
//!                  │       accepted notices, answers ─> History
//!                  └──────────────┬─────────────────────────┘
//!        the line now, now ─> Case ─> Position (notice in force, what silence does, when the right lapses)
//!                              │
//!        ┌──────────────┬──────┴───────┬──────────────┐
//!      terms           owed          refund        deadline
//!  what a mail says  what falls due  what is due   the row for staff
//! ```
//!
//! The rules are those of 16 CFR Part 435 (`us-ftc`), of Directive 2011/83/EU Art. 18 (`eu`) and of the Consumer Rights
//! Act 2015 s. 28 (`uk`); numbers as US-7 name the statements of the delay rules. Only `us-ftc` gives silence a
//! meaning. Where a rule is silent the stricter reading is taken, and staff see it (US-12a).

pub mod calendar;
pub mod case;
pub mod clock;
pub mod deadline;
pub mod history;
pub mod owed;
pub mod position;
pub mod refund;
pub mod telling;
pub mod terms;
pub mod working_days;

#[cfg(test)]
mod properties;
#[cfg(test)]
mod samples;
#[cfg(test)]
mod vectors;
