//! Machinery that the tests share.
pub mod smtp_server;
pub mod servers;
pub mod shops;
