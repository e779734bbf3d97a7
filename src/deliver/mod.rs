//! A notification that is due goes out: by mail through a relay.
pub mod outcome;
pub mod smtp;
