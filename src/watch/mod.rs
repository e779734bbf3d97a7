//! One look at the shop: what is news since the last look?
pub mod detect;
pub mod standing;
