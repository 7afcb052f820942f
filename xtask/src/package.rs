//! `cargo xtask package-test`: packs a debug binary, checks the packages and the folder
//! `deploy`, and installs and runs the packages under a systemd of their own.

mod guest;
mod lint;
mod tool;

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, ensure};
use xtask_postgres::process::{output, run};

use crate::{
    dist::{self, Compression},
    python,
    step::step,
    workspace,
};
use tool::is_there;

/// The version of the package to which the test upgrades.
const NEXT: &str = concat!(env!("CARGO_PKG_VERSION"), "+next");

/// The highest exposure that `systemd-analyze security` may find in the unit, in tenths. It has
/// 1.2; a unit without any protection has 9.6.
const EXPOSURE: &str = "15";

/// Tests everything.
pub fn test(signet: &Path) -> Result<()> {
    let (first, next) = (folder().join("first"), folder().join("next"));
    step("packages: made twice", || {
        dist::pack(signet, &first, Compression::Quick, dist::VERSION)?;
        dist::pack(signet, &next, Compression::Quick, NEXT)?;
        same(&first, &next, ".tar.gz")?;
        same(&first, &next, ".cdx.json")
    })?;
    step("packages: image, compose, Kubernetes", || lint::all(signet, &file(&first, ".cdx.json")?))?;
    step("packages: Debian's checks", || debian(&file(&first, ".deb")?))?;
    step("packages: installed and run under systemd", || guest::run(&first, &next))
}

fn folder() -> PathBuf {
    workspace::target().join("package-test")
}

/// The file in a folder whose name ends so.
fn file(folder: &Path, end: &str) -> Result<PathBuf> {
    let mut paths = fs::read_dir(folder)?.flatten().map(|entry| entry.path());
    let is_it = |path: &PathBuf| path.to_string_lossy().ends_with(end);
    paths.find(is_it).with_context(|| format!("{} has no file {end}", folder.display()))
}

/// What is packed again from the same binary has the same bytes.
fn same(first: &Path, next: &Path, end: &str) -> Result<()> {
    let is_same = fs::read(file(first, end)?)? == fs::read(file(next, end)?)?;
    ensure!(is_same, "the file {end} has other bytes each time it is made; compare those in {}", folder().display());
    Ok(())
}

fn debian(package: &Path) -> Result<()> {
    if is_there("dpkg-deb", "dpkg")? {
        let contents = output(Command::new("dpkg-deb").arg("--contents").arg(package))?;
        ensure!(contents.lines().all(|line| line.contains(" root/root ")), "not all is root's:\n{contents}");
        let fields = output(Command::new("dpkg-deb").arg("--field").arg(package))?;
        ensure!(fields.contains("Depends: libc6 (>= 2."), "the C library is not asked for:\n{fields}");
    }
    if is_there("lintian", "lintian")? {
        run(Command::new("lintian")
            .args(["--allow-root", "--fail-on", "error,warning", "--tag-display-limit", "0"])
            .arg(package))?;
    }
    if is_there("systemd-analyze", "systemd")? {
        let unit = workspace::root().join("deploy/systemd/signet.service");
        let mut security = Command::new("systemd-analyze");
        security.args(["security", "--offline=true", "--no-pager", "--threshold", EXPOSURE]);
        output(security.arg(unit)).context("the unit of systemd is exposed more than it should be")?;
    }
    Ok(())
}

/// A check of `check.py`, which names what is wrong.
fn check(arguments: &[&str], files: &[PathBuf]) -> Result<()> {
    let mut check = Command::new(python::tool("python")?);
    check.arg(sources().join("check.py")).args(arguments).args(files);
    output(&mut check).map(drop)
}

/// The scripts of these tests.
fn sources() -> PathBuf {
    workspace::root().join("xtask/package")
}
