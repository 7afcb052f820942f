//! The build tools that come from npm, at the versions of `package-lock.json`.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result};

use crate::{process::run, workspace};

/// The tools' versions.
pub fn lock() -> PathBuf {
    folder().join("package-lock.json")
}

/// A tool, installed if it is not yet.
pub fn tool(name: &str) -> Result<Command> {
    install(&folder())?;
    Ok(Command::new(folder().join("node_modules/.bin").join(name)))
}

/// Installs a package's dependencies, unless its lock file is older than what is there.
pub fn install(folder: &Path) -> Result<()> {
    let modified = |file: PathBuf| fs::metadata(file).and_then(|it| it.modified());
    let installed = modified(folder.join("node_modules/.package-lock.json"));
    let locked = modified(folder.join("package-lock.json"))?;
    if installed.is_ok_and(|installed| installed >= locked) {
        return Ok(());
    }
    run(Command::new("npm").args(["ci", "--no-audit", "--no-fund"]).current_dir(folder))
        .context("the packages of npm cannot be installed; Node.js 20 or newer with npm is needed")
}

fn folder() -> PathBuf {
    workspace::root().join("xtask")
}
