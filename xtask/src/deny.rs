//! `cargo deny`: licences, sources, banned crates, and known vulnerabilities.

use std::{
    path::PathBuf,
    process::{Command, Stdio},
};

use anyhow::Result;

use crate::{
    process::{run, succeeds},
    step::step,
    workspace::{cargo, root, target},
};

/// The version that is installed where there is none.
const VERSION: &str = "0.20.2";

/// Where known vulnerabilities are listed.
const ADVISORIES: &str = "https://github.com/rustsec/advisory-db";

/// Checks what comes in from outside.
pub fn check() -> Result<()> {
    if !is_there()
        && let Err(error) = step("cargo deny: installing it, once", || run(&mut install()))
    {
        eprintln!("warning: {error:#}");
    }
    if !is_there() {
        eprintln!("warning: cargo deny is not installed and cannot be, so licences and sources are NOT checked");
        return Ok(());
    }
    step("cargo deny", || {
        run(deny().args(["check", "--hide-inclusion-graph", "bans", "licenses", "sources"]))?;
        if advisories_are_reachable() {
            return run(deny().args(["check", "advisories"]));
        }
        eprintln!("warning: {ADVISORIES} cannot be reached, so known vulnerabilities are NOT checked");
        Ok(())
    })
}

/// Beside what is built, so that it stays where that is kept.
fn folder() -> PathBuf {
    target().join("tools")
}

/// Ours, or else the one that somebody installed.
fn deny() -> Command {
    let ours = folder().join("bin/cargo-deny");
    let mut command = Command::new(if ours.is_file() { ours } else { "cargo-deny".into() });
    command.current_dir(root());
    command
}

fn is_there() -> bool {
    succeeds(deny().arg("--version"))
}

/// Compiles it without optimisation: that takes longer than all its runs.
fn install() -> Command {
    let mut install = cargo();
    install.args(["install", "--locked", "--debug", "--version", VERSION, "--root"]).arg(folder());
    install.arg("--target-dir").arg(folder().join("build")).arg("cargo-deny");
    install
}

fn advisories_are_reachable() -> bool {
    let mut git = Command::new("git");
    git.args([
        "-c",
        "http.lowSpeedLimit=1",
        "-c",
        "http.lowSpeedTime=10",
        "ls-remote",
        "--exit-code",
        ADVISORIES,
        "HEAD",
    ]);
    git.env("GIT_TERMINAL_PROMPT", "0").stdin(Stdio::null());
    succeeds(&mut git)
}
