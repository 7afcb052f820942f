//! `cargo xtask build`: the server, with the browser side embedded.

use std::{fs, path::PathBuf};

use anyhow::Result;

use crate::{process::run, site, step::step, workspace};

/// How the server is compiled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Profile {
    /// Quickly.
    Dev,
    /// Optimised.
    Release,
}

/// Builds the browser side and the server; returns where the server is.
pub fn build(profile: Profile) -> Result<PathBuf> {
    site::build()?;
    step("server", || {
        let mut cargo = workspace::cargo();
        cargo.args(["build", "--locked", "--package", "signet", "--profile"]);
        let (name, folder) = match profile {
            Profile::Dev => ("dev", "debug"),
            Profile::Release => ("release", "release"),
        };
        run(cargo.arg(name))?;
        Ok(workspace::target().join(folder).join("signet"))
    })
}

/// Builds the release binary and says where it is and how large.
pub fn release() -> Result<()> {
    let binary = build(Profile::Release)?;
    let tenths = fs::metadata(&binary)?.len() * 10 / 1_000_000;
    println!("{} ({}.{} MB)", binary.display(), tenths / 10, tenths % 10);
    Ok(())
}
