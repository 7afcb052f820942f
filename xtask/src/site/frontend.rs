//! Compiling the frontend to WebAssembly.

use std::path::PathBuf;

use anyhow::Result;
use xtask_postgres::process::run;

use super::standard_library::{self, TRIPLE};
use crate::workspace;

/// Compiles the frontend and returns the path of the WebAssembly.
pub fn compile() -> Result<PathBuf> {
    standard_library::ensure()?;
    let mut cargo = workspace::cargo();
    cargo.args(["build", "--locked", "--package", "signet-frontend", "--target", TRIPLE, "--profile", "wasm-release"]);
    run(&mut cargo)?;
    Ok(workspace::target().join(TRIPLE).join("wasm-release/signet_frontend.wasm"))
}
