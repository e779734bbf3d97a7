//! The real program, killed as a power cut kills it, and what its customers and its sent-log show afterwards.

mod campaign;
mod fleet;
mod points;
mod webhooks;
mod workers;
