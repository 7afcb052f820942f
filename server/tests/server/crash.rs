//! The contract's promise about crashes, kept by the real binary: whenever a process dies,
//! an acknowledged event is delivered, failed or held, and a duplicate carries the same
//! `webhook-id`.
//!
//! Each story runs on SQLite, and on PostgreSQL where `SIGNET_TEST_POSTGRES_URL`
//! names a server (`cargo xtask postgres -- cargo test -p signet --test server crash`).

mod back_pressure;
mod backups;
pub mod checks;
mod fault_points;
pub mod gate;
mod graceful_stop;
mod live_checks;
pub mod options;
mod postgres_restart;
pub mod producer;
mod random_kills;
mod rotations;
mod two_servers;
pub mod verify;
pub mod world;
