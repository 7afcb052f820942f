//! Rust's standard library for WebAssembly: rustup installs it, and where there is
//! no rustup, it is built from its source.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail};
use xtask_postgres::process::{output, run, succeeds};

use crate::workspace;

/// The target of the browser side.
pub const TRIPLE: &str = "wasm32-unknown-unknown";

/// Installs the standard library where it is missing.
pub fn ensure() -> Result<()> {
    let sysroot = PathBuf::from(output(rustc().args(["--print", "sysroot"]))?.trim());
    if is_installed(&sysroot) {
        return Ok(());
    }
    eprintln!("   the standard library for {TRIPLE} is missing: asking rustup for it");
    if succeeds(Command::new("rustup").args(["target", "add", TRIPLE]).current_dir(workspace::root()))
        && is_installed(&sysroot)
    {
        return Ok(());
    }
    eprintln!("   rustup cannot install it: building it from its source");
    build(&sysroot).with_context(|| {
        format!("there is no standard library for {TRIPLE}: install it with `rustup target add {TRIPLE}`")
    })
}

fn rustc() -> Command {
    let mut rustc = Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()));
    rustc.current_dir(workspace::root());
    rustc
}

fn library_folder(sysroot: &Path) -> PathBuf {
    sysroot.join("lib/rustlib").join(TRIPLE).join("lib")
}

fn is_installed(sysroot: &Path) -> bool {
    fs::read_dir(library_folder(sysroot)).is_ok_and(|files| {
        files.flatten().any(|file| {
            let name = file.file_name();
            name.to_string_lossy().starts_with("libstd-")
        })
    })
}

fn build(sysroot: &Path) -> Result<()> {
    provide_source(sysroot)?;
    let package = tempfile::tempdir()?;
    fs::write(package.path().join("Cargo.toml"), "[package]\nname = \"empty\"\nedition = \"2024\"\n")?;
    fs::create_dir(package.path().join("src"))?;
    fs::write(package.path().join("src/lib.rs"), "")?;
    let mut cargo = workspace::cargo();
    cargo.current_dir(package.path()).args(["build", "--release", "--target", TRIPLE, "-Zbuild-std=std,panic_abort"]);
    // The standard library uses unstable features, which this variable allows.
    run(cargo.env("RUSTC_BOOTSTRAP", "1").env("CARGO_TARGET_DIR", package.path().join("target")))?;
    let built = package.path().join("target").join(TRIPLE).join("release/deps");
    let folder = library_folder(sysroot);
    fs::create_dir_all(&folder)?;
    for file in fs::read_dir(built)? {
        let file = file?;
        let name = file.file_name();
        let name = name.to_string_lossy();
        if name.ends_with(".rlib") && !name.starts_with("libempty") {
            fs::copy(file.path(), folder.join(&*name))?;
        }
    }
    Ok(())
}

/// Copies the source of the standard library to the folder in which cargo expects it.
fn provide_source(sysroot: &Path) -> Result<()> {
    let expected = sysroot.join("lib/rustlib/src/rust");
    if expected.join("library/std").is_dir() {
        return Ok(());
    }
    let version = output(rustc().arg("--version"))?;
    let version = version.split(' ').nth(1).context("`rustc --version` names no version")?;
    let installed = PathBuf::from(format!("/usr/src/rustc-{version}/library"));
    let unpacked = tempfile::tempdir()?;
    let source = if installed.is_dir() { installed } else { download_source(version, unpacked.path())? };
    fs::create_dir_all(&expected)?;
    run(Command::new("cp").arg("--recursive").arg(source).arg(&expected))
}

/// Downloads Debian's package `rust-src` in the version of rustc: only that one compiles.
fn download_source(version: &str, folder: &Path) -> Result<PathBuf> {
    let apt = |arguments: &[&str]| Command::new("apt-get").args(arguments).current_dir(folder).output();
    if !apt(&["download", &format!("rust-src={version}+*")])?.status.success() {
        bail!("neither rustup nor Debian's package rust-src has the source of Rust {version}'s standard library");
    }
    let package =
        fs::read_dir(folder)?.flatten().map(|it| it.path()).find(|it| it.extension().is_some_and(|it| it == "deb"));
    run(Command::new("dpkg-deb")
        .arg("--extract")
        .arg(package.context("apt-get has downloaded no package")?)
        .arg(folder))?;
    Ok(folder.join(format!("usr/src/rustc-{version}/library")))
}
