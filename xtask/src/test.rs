//! `cargo xtask test`: every check and test.

use std::{num::NonZero, process::Command, thread};

use anyhow::Result;
use xtask_postgres::process::{run, succeeds};

use crate::{
    api_check::{self, Effort},
    binary::{self, Profile},
    book, deny, fuzz, npm, package,
    postgres::{self, Server},
    python, site,
    step::step,
    workspace::{self, cargo},
};

/// The packages that compile for this machine. The frontend compiles for browsers
/// only: its features exclude the server's.
const HOST_PACKAGES: [&str; 4] = ["--workspace", "--exclude", "signet-frontend", "--locked"];

/// The server's features, which it has not by itself: their code is checked and tested too. All else
/// that these steps compile is the same without them.
const FEATURES: [&str; 2] = ["--features", "signet/otlp"];

/// For each target: enough for a regression; `cargo xtask fuzz` searches longer.
const FUZZ_SECONDS: u32 = 10;

/// Runs every check and stops at the first failure. `fast` leaves out the tests of the built
/// binary from outside, which take longest.
pub fn all(fast: bool) -> Result<()> {
    step("formatting", || run(cargo().args(["fmt", "--all", "--check"])))?;
    step("clippy", || {
        run(cargo().arg("clippy").args(HOST_PACKAGES).args(FEATURES).args([
            "--all-targets",
            "--",
            "--deny",
            "warnings",
        ]))
    })?;
    step("clippy for the browser", clippy_for_the_browser)?;
    deny::check()?;
    // Before the tests, which take longest: the fuzz package has a lock file of its own, and
    // includes files of the engine that no other step compiles there.
    fuzz::run_each(&fuzz::TARGETS, FUZZ_SECONDS)?;
    // The server embeds both. Its tests open each page of the documentation.
    site::build()?;
    book::build()?;
    step("tests on SQLite and PostgreSQL", on_both_databases)?;
    step("examples in Rust", || run(cargo().args(["test", "--doc", "--locked", "--package", "signet-model"])))?;
    if !fast {
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
        tests.args(["nextest", "run", "--test-threads"]).arg(threads().to_string()).args(HOST_PACKAGES).args(FEATURES);
    } else {
        tests.arg("test").args(HOST_PACKAGES).args(FEATURES);
    }
    run(tests.env(postgres::URL_VARIABLE, server.url()))
}

/// The number of tests at a time: half as many again as there are cores, since most tests wait for
/// a database or a process for a good part of their time.
fn threads() -> usize {
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    cores + cores / 2
}

/// Tests the built binary from outside: its packages, its API, with receivers in Node.js, and in
/// Chromium. It is the one that the tests before have built: the server alone would need many
/// packages with other features, which means to compile nearly all of them again.
fn end_to_end() -> Result<()> {
    let signet = binary::path(Profile::Dev);
    package::test(&signet)?;
    api_check::check(&signet, &Effort::REGRESSION)?;
    let python = python::tool("python")?;
    let folder = workspace::root().join("end2end");
    step("end to end: npm packages", || npm::install(&folder))?;
    for (name, script) in [("end to end: receivers", "receivers"), ("end to end: browser", "browser")] {
        let mut npm = Command::new("npm");
        npm.args(["run", script]).current_dir(&folder).env("SIGNET_BIN", &signet).env("SIGNET_TEST_PYTHON", &python);
        step(name, || run(&mut npm))?;
    }
    Ok(())
}
