//! From an accepted event to a recorded outcome.

pub mod attempt;
pub mod ingest;
