//! Machinery that the tests share.
pub mod installation;
pub mod servers;
pub mod shops;
pub mod smtp_server;
pub mod state;
