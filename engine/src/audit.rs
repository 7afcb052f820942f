//! The audit log: an entry for each change and each reveal, written in the transaction of the
//! change.
//!
//! The entries of one account are numbered without gaps, and each carries a hash over itself
//! and the hash of the entry before: an entry that is altered, removed or put between shows in
//! `signet check`. What concerns no single account has a chain of its own, the installation's.
//! The database refuses to change entries; they are removed only when their account is erased.

mod action;
mod chain;
mod entry;

pub use action::Action;
pub(crate) use chain::{Broken, append, verify};
pub(crate) use entry::{Draft, PAGE, Row};
pub use entry::{Entry, Filter, Target};
