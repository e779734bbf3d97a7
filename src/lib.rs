//! backorderd keeps a shop's promise to everyone who waits for a product.
pub mod app;
pub mod cli;
pub mod clock;
pub mod deliver;
pub mod demo;
pub mod links;
pub mod outbox;
pub mod render;
pub mod settings;
pub mod shop;
pub mod store;
pub mod watch;
pub mod web;
