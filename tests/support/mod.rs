//! Machinery that the tests share.
pub mod servers;
pub mod shops;
