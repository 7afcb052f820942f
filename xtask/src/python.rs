//! The tools that come from PyPI, at the versions of `xtask/python/requirements.txt`.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result};
use xtask_postgres::process::{output, run};

use crate::workspace;

/// The folder of these files.
pub fn folder() -> PathBuf {
    workspace::root().join("xtask/python")
}

/// The program of a tool in an environment of its own, which is made first where it is
/// missing or of other versions.
pub fn tool(name: &str) -> Result<PathBuf> {
    let environment = workspace::target().join("python");
    install(&environment)?;
    Ok(environment.join("bin").join(name))
}

fn install(environment: &Path) -> Result<()> {
    let required = fs::read_to_string(folder().join("requirements.txt"))?;
    // Written last, so that an installation that was cut short is made again.
    let installed = environment.join("requirements.txt");
    if fs::read_to_string(&installed).is_ok_and(|installed| installed == required) {
        return Ok(());
    }
    run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(environment))
        .context("Python 3.10 or newer with its module venv is needed (on Debian: python3-venv)")?;
    let mut pip = Command::new(environment.join("bin/python"));
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--requirement"]);
    output(pip.arg(folder().join("requirements.txt")))?;
    fs::write(installed, required)?;
    Ok(())
}
