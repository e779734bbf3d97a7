//! What the law makes of a line's history.
pub mod terms;
