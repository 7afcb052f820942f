//! The scripts: `frontend/*.js` become one file, and all are minified by `esbuild`.

use std::{fs, path::PathBuf};

use anyhow::{Context, Result};
use xtask_postgres::process::run;

use crate::{npm, workspace};

/// The oldest ECMAScript that the browsers at which the dashboard aims understand.
const TARGET: &str = "--target=es2022";

fn folder() -> PathBuf {
    workspace::root().join("frontend")
}

/// All sources, in the order of their names.
pub fn sources() -> Result<Vec<u8>> {
    let mut files: Vec<_> = fs::read_dir(folder())?.flatten().map(|it| it.path()).collect();
    files.retain(|path| path.extension().is_some_and(|it| it == "js"));
    files.sort();
    let mut all = Vec::new();
    for file in files {
        all.extend(fs::read(&file).with_context(|| format!("{} cannot be read", file.display()))?);
    }
    Ok(all)
}

/// The script of every page: `frontend/page.js` with what it imports.
pub fn bundle() -> Result<String> {
    let out = tempfile::tempdir()?;
    let (entry, file) = (folder().join("page.js"), out.path().join("page.js"));
    let mut esbuild = npm::tool("esbuild")?;
    esbuild.arg(entry).args(["--bundle", "--minify", "--format=esm", "--log-level=warning", TARGET]);
    run(esbuild.arg(format!("--outfile={}", file.display()))).context("the scripts cannot be bundled")?;
    Ok(fs::read_to_string(&file)?)
}

/// A module in fewer bytes; its exports keep their names.
pub fn minify(module: &str) -> Result<String> {
    let folder = tempfile::tempdir()?;
    let (before, after) = (folder.path().join("before.js"), folder.path().join("after.js"));
    fs::write(&before, module)?;
    let mut esbuild = npm::tool("esbuild")?;
    esbuild.arg(&before).args(["--minify", "--format=esm", "--log-level=error", TARGET]);
    run(esbuild.arg(format!("--outfile={}", after.display()))).context("the module cannot be minified")?;
    Ok(fs::read_to_string(&after)?)
}
