//! Machinery that the tests share.
pub mod app;
pub mod browser;
pub mod http;
pub mod installation;
pub mod receiver;
pub mod servers;
pub mod shop_desk;
pub mod shops;
pub mod smtp_server;
pub mod staff;
pub mod state;
pub mod ways;
pub mod wire;
