//! One file a screen: what it shows and how it looks.

pub(crate) mod error;
pub(crate) mod login;
pub(crate) mod setup;
