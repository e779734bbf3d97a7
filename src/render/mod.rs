//! A notification becomes a message: subject, text, HTML and the bytes that are sent.
pub mod draft;
