//! `wasm-opt` makes the WebAssembly smaller.

use std::fs;

use anyhow::{Context, Result};
use xtask_postgres::process::run;

use crate::npm;

/// The WebAssembly features that rustc enables by default, and that browsers have
/// supported for years.
const FEATURES: [&str; 7] = [
    "--enable-bulk-memory",
    "--enable-bulk-memory-opt",
    "--enable-multivalue",
    "--enable-mutable-globals",
    "--enable-nontrapping-float-to-int",
    "--enable-reference-types",
    "--enable-sign-ext",
];

/// Optimises WebAssembly for size.
pub fn optimize(wasm: &[u8]) -> Result<Vec<u8>> {
    let folder = tempfile::tempdir()?;
    let (before, after) = (folder.path().join("before.wasm"), folder.path().join("after.wasm"));
    fs::write(&before, wasm)?;
    let mut wasm_opt = npm::tool("wasm-opt")?;
    wasm_opt.args(FEATURES).args(["-Oz", "--strip-producers", "--strip-target-features"]);
    run(wasm_opt.arg(&before).arg("--output").arg(&after)).context("the WebAssembly cannot be optimised")?;
    Ok(fs::read(after)?)
}
