//! `cargo deny` checks the dependencies: licences, sources, banned crates and known
//! vulnerabilities.

use std::{
    path::PathBuf,
    process::{Command, Stdio},
};

use anyhow::Result;
use xtask_postgres::process::{run, succeeds};

use crate::{
    step::step,
    workspace::{cargo, root, target},
};

/// Installed on a machine without cargo deny.
const VERSION: &str = "0.20.2";

/// The list of known vulnerabilities.
const ADVISORIES: &str = "https://github.com/rustsec/advisory-db";

/// Checks the dependencies. A check that needs the network and cannot reach it is a
/// warning, so that all other checks can be made offline.
pub fn check() -> Result<()> {
    if !is_installed()
        && let Err(error) = step("cargo deny: installing it, once", || run(&mut install()))
    {
        eprintln!("warning: {error:#}");
    }
    if !is_installed() {
        eprintln!("warning: cargo deny cannot be installed, so licences and sources are NOT checked");
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

/// In the target folder: a machine that keeps its builds keeps the tool as well.
fn folder() -> PathBuf {
    target().join("tools")
}

/// The copy in [`folder`], or else the one on the path.
fn deny() -> Command {
    let own = folder().join("bin/cargo-deny");
    let mut command = Command::new(if own.is_file() { own } else { "cargo-deny".into() });
    command.current_dir(root());
    command
}

fn is_installed() -> bool {
    succeeds(deny().arg("--version"))
}

/// Without optimisation, which would cost more time than all runs together.
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
