//! The real binary, as an operator meets it ([`process`]), as it keeps the contract when it dies
//! ([`crash`]), while what it stands on fails ([`outages`]), beside other versions of itself
//! ([`upgrade`]), and beside itself ([`fleet`]).

mod crash;
mod fleet;
mod outages;
mod patience;
mod process;
mod server;
mod upgrade;
