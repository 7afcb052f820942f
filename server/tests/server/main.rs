//! The real binary, as an operator meets it ([`process`]), as it keeps the contract when it dies
//! ([`crash`]), and beside other versions of itself ([`upgrade`]).

mod crash;
mod patience;
mod process;
mod server;
mod upgrade;
