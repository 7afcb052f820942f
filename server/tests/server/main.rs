//! The real binary, as an operator meets it ([`process`]) and as it keeps the contract when
//! it dies ([`crash`]).

mod crash;
mod patience;
mod process;
mod server;
