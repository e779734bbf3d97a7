//! The real program, killed as a power cut kills it, robbed of its databases and its disk, and what its customers and its sent-log show afterwards.

mod campaign;
mod disk;
mod fleet;
mod outages;
mod points;
mod webhooks;
mod workers;
