//! Compiling the frontend to WebAssembly.

use std::path::PathBuf;

use anyhow::Result;
use xtask_postgres::process::run;

use super::standard_library::{self, TRIPLE};
use crate::workspace;

/// How the code that visitors download is compiled: for its size. As flags, and not as a profile of
/// cargo's, so that the macros of the frontend are compiled once, for the server as well.
const FLAGS: [&str; 7] = [
    "-Copt-level=z",
    "-Ccodegen-units=1",
    "-Cpanic=abort",
    "-Cdebuginfo=0",
    "-Cdebug-assertions=no",
    "-Coverflow-checks=no",
    // For the linking of all crates as one.
    "-Cembed-bitcode=yes",
];

/// Compiles the frontend and returns the path of the WebAssembly.
pub fn compile() -> Result<PathBuf> {
    standard_library::ensure()?;
    let mut cargo = workspace::cargo();
    cargo.args(["rustc", "--locked", "--package", "signet-frontend", "--target", TRIPLE, "--", "-Clto=fat"]);
    // What is compiled in steps cannot be linked as one.
    run(cargo.env("CARGO_ENCODED_RUSTFLAGS", FLAGS.join("\x1f")).env("CARGO_INCREMENTAL", "0"))?;
    Ok(workspace::target().join(TRIPLE).join("debug/signet_frontend.wasm"))
}
