//! The throw-away PostgreSQL server of the tests.

use std::{ffi::OsString, process::Command};

use anyhow::{Context, Result};

use crate::{process::run, workspace};

pub use xtask_postgres::{Server, VARIABLE};

/// Runs a command with a server beside it.
pub fn with_server(command: &[OsString]) -> Result<()> {
    let (program, arguments) = command.split_first().context("there is no command")?;
    let server = Server::start()?;
    let mut command = Command::new(program);
    workspace::forget_package(&mut command);
    run(command.args(arguments).env(VARIABLE, server.url()))
}
