//! `cargo xtask bench`: measures a release build.

use std::ffi::OsString;

use anyhow::Result;
use xtask_postgres::process::run;

use crate::{
    binary::{self, Profile},
    postgres::{self, Server},
    workspace::cargo,
};

/// Runs the bench with `arguments` (`all` by default), on a throw-away PostgreSQL
/// server or on SQLite.
pub fn measure(on_postgres: bool, arguments: &[OsString]) -> Result<()> {
    let signet = binary::build(Profile::Release)?;
    let server = on_postgres.then(Server::start_durable).transpose()?;
    let mut bench = cargo();
    bench.args(["run", "--locked", "--release", "--package", "signet-bench", "--"]).args(arguments);
    if arguments.is_empty() {
        bench.arg("all");
    }
    bench.env("SIGNET_BIN", signet).env_remove(postgres::URL_VARIABLE);
    bench.envs(server.as_ref().map(|server| (postgres::URL_VARIABLE, server.url())));
    run(&mut bench)
}
