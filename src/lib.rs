//! backorderd keeps a shop's promise to everyone who waits for a product.
pub mod links;
pub mod outbox;
pub mod render;
pub mod settings;
pub mod shop;
