//! `cargo xtask build`: one binary, the server with the browser side and the documentation embedded.

use std::{fs, path::PathBuf};

use anyhow::Result;
use clap::ValueEnum;
use xtask_postgres::process::run;

use crate::{book, site, step::step, workspace};

/// A cargo profile for the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Profile {
    /// Compiles quickly.
    Dev,
    /// Optimised, for production.
    Release,
}

/// Builds the browser side, the documentation and the server; returns the path of the binary.
pub fn build(profile: Profile) -> Result<PathBuf> {
    build_with(profile, &[])
}

/// Builds the same with features of the server that it has not by itself.
fn build_with(profile: Profile, features: &[String]) -> Result<PathBuf> {
    site::build()?;
    book::build()?;
    step("server", || {
        let mut cargo = workspace::cargo();
        cargo.args(["build", "--locked", "--package", "signet", "--features", &features.join(","), "--profile"]);
        let name = match profile {
            Profile::Dev => "dev",
            Profile::Release => "release",
        };
        run(cargo.arg(name))?;
        Ok(path(profile))
    })
}

/// The path of the binary of a profile, which may not be built yet.
pub fn path(profile: Profile) -> PathBuf {
    let folder = match profile {
        Profile::Dev => "debug",
        Profile::Release => "release",
    };
    workspace::target().join(folder).join("signet")
}

/// Builds the release binary, with these features besides, and prints its path and size.
pub fn release(features: &[String]) -> Result<()> {
    let binary = build_with(Profile::Release, features)?;
    let tenths = fs::metadata(&binary)?.len() * 10 / 1_000_000;
    println!("{} ({}.{} MB)", binary.display(), tenths / 10, tenths % 10);
    Ok(())
}
