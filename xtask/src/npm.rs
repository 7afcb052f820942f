//! The build tools that come from npm, at the versions of `package-lock.json`.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result};
use xtask_postgres::process::run;

use crate::workspace;

/// The file that fixes the versions of the tools.
pub fn lock_file() -> PathBuf {
    folder().join("package-lock.json")
}

/// The command of a tool, which is installed first where it is missing.
pub fn tool(name: &str) -> Result<Command> {
    install(&folder())?;
    Ok(Command::new(folder().join("node_modules/.bin").join(name)))
}

/// Installs the dependencies of the package in `folder`, unless the installed ones
/// are newer than its lock file.
pub fn install(folder: &Path) -> Result<()> {
    let modified = |file: PathBuf| fs::metadata(file).and_then(|it| it.modified());
    let installed = modified(folder.join("node_modules/.package-lock.json"));
    let locked = modified(folder.join("package-lock.json"))?;
    if installed.is_ok_and(|installed| installed >= locked) {
        return Ok(());
    }
    run(Command::new("npm").args(["ci", "--no-audit", "--no-fund"]).current_dir(folder))
        .context("npm cannot install its packages; Node.js 20 or newer is needed")
}

fn folder() -> PathBuf {
    workspace::root().join("xtask")
}
