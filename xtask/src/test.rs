//! `cargo xtask test`: every check and test.

use std::process::Command;

use anyhow::Result;

use crate::{
    binary::{self, Profile},
    deny, fuzz, npm,
    postgres::{self, Server},
    process::{run, succeeds},
    site,
    step::step,
    workspace::{self, cargo},
};

/// The frontend is compiled for browsers only: its features exclude the server's.
const HOST: [&str; 4] = ["--workspace", "--exclude", "signet-frontend", "--locked"];

/// How long each target is fuzzed, seconds.
const FUZZING: u32 = 10;

/// What is left out.
#[derive(Debug, Clone, Copy, Default)]
pub struct Extent {
    /// The tests of the whole in Node.js and a browser, which take longest.
    pub fast: bool,
}

/// Runs them all; stops at the first that fails.
pub fn all(extent: Extent) -> Result<()> {
    step("formatting", || run(cargo().args(["fmt", "--all", "--check"])))?;
    step("clippy", || run(cargo().arg("clippy").args(HOST).args(["--all-targets", "--", "--deny", "warnings"])))?;
    step("clippy for the browser", clippy_for_the_browser)?;
    deny::check()?;
    step("tests on SQLite and PostgreSQL", on_both_databases)?;
    step("examples in Rust", || run(cargo().args(["test", "--doc", "--locked", "--package", "signet-model"])))?;
    fuzz::all(FUZZING)?;
    if !extent.fast {
        end_to_end()?;
    }
    Ok(())
}

fn clippy_for_the_browser() -> Result<()> {
    site::ensure_standard_library()?;
    let mut clippy = cargo();
    clippy.args(["clippy", "--locked", "--package", "signet-frontend", "--target", site::TRIPLE]);
    run(clippy.args(["--", "--deny", "warnings"]))
}

fn on_both_databases() -> Result<()> {
    let server = Server::start()?;
    let mut tests = cargo();
    if succeeds(cargo().args(["nextest", "--version"])) {
        tests.args(["nextest", "run"]).args(HOST);
    } else {
        tests.arg("test").args(HOST);
    }
    run(tests.env(postgres::VARIABLE, server.url()))
}

/// The binary as it is, with receivers in Node.js and in a real browser.
fn end_to_end() -> Result<()> {
    let signet = binary::build(Profile::Dev)?;
    let folder = workspace::root().join("end2end");
    step("end to end: packages of npm", || npm::install(&folder))?;
    for (name, script) in [("end to end: receivers", "receivers"), ("end to end: browser", "browser")] {
        let mut npm = Command::new("npm");
        npm.args(["run", script]).current_dir(&folder).env("SIGNET_BIN", &signet);
        step(name, || run(&mut npm))?;
    }
    Ok(())
}
