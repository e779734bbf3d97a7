//! Machinery that the tests share.
pub mod smtp_server;
