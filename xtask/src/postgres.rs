//! `cargo xtask postgres`: a throw-away PostgreSQL server for one command.

use std::{ffi::OsString, process::Command};

use anyhow::{Context, Result};
use xtask_postgres::process::run;

use crate::workspace;

pub use xtask_postgres::{Server, URL_VARIABLE};

/// Runs a command with the URL of a new server in its environment ([`URL_VARIABLE`]).
pub fn with_server(command: &[OsString]) -> Result<()> {
    let (program, arguments) = command.split_first().context("there is no command")?;
    let server = Server::start()?;
    let mut command = Command::new(program);
    workspace::remove_package_variables(&mut command);
    run(command.args(arguments).env(URL_VARIABLE, server.url()))
}
