//! `cargo xtask upgrade-check`: the previous release and the present one on one PostgreSQL, under
//! load. `xtask/previous-release` names the commit of the release.

use std::{
    env,
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, Result, bail, ensure};
use xtask_postgres::process::{run, succeeds};

use crate::{
    postgres::{self, Server},
    step::step,
    workspace::{self, cargo},
};

/// The commit of the previous release.
const COMMIT: &str = include_str!("../previous-release");
/// The variable in which the test finds the binary.
const BINARY_VARIABLE: &str = "SIGNET_TEST_PREVIOUS_BIN";
/// The tests, as a filter.
const TESTS: &str = "upgrade::";

/// Builds the previous release, unless that was done before, and runs the tests of an upgrade.
pub fn check() -> Result<()> {
    let commit = COMMIT.trim();
    if !succeeds(git().args(["cat-file", "-e", &format!("{commit}^{{commit}}")])) {
        bail!(
            "the history does not have the commit {commit} of the previous release; fetch all of it \
             (git fetch --unshallow)"
        );
    }
    let previous = step("upgrade: build the previous release", || build(commit))?;
    step("upgrade from the previous release", || {
        let server = Server::start()?;
        let mut tests = cargo();
        tests.args(["test", "--locked", "--package", "signet", "--test", "server", TESTS]);
        run(tests.env(postgres::URL_VARIABLE, server.url()).env(BINARY_VARIABLE, previous))
    })
}

/// Builds the server of a commit, without its browser side. It shares the compiled packages of
/// others with the present one, where both lock the same versions.
fn build(commit: &str) -> Result<PathBuf> {
    let folder = workspace::target().join("previous").join(commit);
    let (source, binary) = (folder.join("source"), folder.join("signet"));
    if binary.exists() {
        return Ok(binary);
    }
    // What is left of a build that was stopped is not trusted.
    if source.exists() {
        fs::remove_dir_all(&source)?;
    }
    fs::create_dir_all(&source)?;
    unpack(commit, &source)?;
    let mut build = cargo();
    build.current_dir(&source).args(["build", "--locked", "--package", "signet"]);
    run(build.env("CARGO_TARGET_DIR", workspace::target()))?;
    // In one step, so that the binary is whole where it is there.
    let part = folder.join("signet.part");
    fs::copy(workspace::target().join("debug").join("signet"), &part).context("the binary of the previous release")?;
    fs::rename(part, &binary)?;
    Ok(binary)
}

/// Writes the files of a commit into a folder.
fn unpack(commit: &str, folder: &Path) -> Result<()> {
    let archive = folder.with_extension("tar");
    let status = git().args(["archive", commit]).stdout(File::create(&archive)?).status()?;
    ensure!(status.success(), "git archive failed ({status})");
    run(Command::new("tar").arg("-xf").arg(&archive).arg("-C").arg(folder))?;
    Ok(fs::remove_file(archive)?)
}

fn git() -> Command {
    let mut git = Command::new("git");
    git.current_dir(workspace::root()).stdin(Stdio::null());
    // A hook of git names its own repository.
    for (name, _) in env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("GIT_")) {
        git.env_remove(name);
    }
    git
}
