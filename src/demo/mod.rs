//! The demonstration: what `backorderd demo` needs beside the service itself.
pub mod catcher;
