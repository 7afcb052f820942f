//! The browser side: WebAssembly, the module that loads it, and the style sheet,
//! each also compressed. File names carry a hash of the content, so that browsers
//! may cache them for ever. The server's build script embeds `target/site`.

mod bindings;
mod budget;
pub mod compress;
mod frontend;
mod optimize;
mod scripts;
mod standard_library;
pub mod style;

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};

pub use standard_library::{TRIPLE, ensure as ensure_standard_library};

use crate::{npm, step::step, workspace};

/// The first part of the names of the style sheet, and of the WebAssembly and its module.
const FILE_STEM: &str = "signet";
/// The first part of the name of the script of every page.
const PAGE_STEM: &str = "page";

/// A file of the browser side.
struct File<'f> {
    stem: &'static str,
    extension: &'static str,
    content: &'f [u8],
}

/// The code that makes the files: a change to it makes them out of date.
const GENERATOR: [&str; 6] = [
    include_str!("site.rs"),
    include_str!("site/bindings.rs"),
    include_str!("site/budget.rs"),
    include_str!("site/compress.rs"),
    include_str!("site/optimize.rs"),
    include_str!("site/scripts.rs"),
];

/// Brings `target/site` up to date; leaves it alone if no input has changed.
pub fn build() -> Result<()> {
    step("browser side: style sheet, scripts and WebAssembly", || {
        let css = style::bundle(&workspace::root().join("style/main.css"))?;
        let wasm = frontend::compile()?;
        let sources = scripts::sources()?;
        let fingerprint = fingerprint(&[css.as_bytes(), &fs::read(&wasm)?, &fs::read(npm::lock_file())?, &sources]);
        let stamp = workspace::target().join("site.stamp");
        if folder().is_dir() && fs::read(&stamp).is_ok_and(|old| old == fingerprint) {
            return Ok(());
        }
        let module = bindings::generate(&wasm)?;
        let wasm = optimize::optimize(&module.wasm)?;
        let (page, module) = (scripts::bundle()?, scripts::minify(&module.js)?);
        replace_folder(&[
            File { stem: FILE_STEM, extension: "css", content: css.as_bytes() },
            File { stem: PAGE_STEM, extension: "js", content: page.as_bytes() },
            File { stem: FILE_STEM, extension: "js", content: module.as_bytes() },
            File { stem: FILE_STEM, extension: "wasm", content: &wasm },
        ])?;
        Ok(fs::write(stamp, fingerprint)?)
    })
}

fn folder() -> PathBuf {
    workspace::target().join("site")
}

/// A hash of the inputs and of the code that makes the files.
fn fingerprint(inputs: &[&[u8]]) -> Vec<u8> {
    let mut hash = Sha256::new();
    for input in inputs.iter().copied().chain(GENERATOR.map(str::as_bytes)) {
        hash.update(Sha256::digest(input));
    }
    hash.finalize().to_vec()
}

/// A part of names that changes with the content.
pub fn short_hash(content: &[u8]) -> u64 {
    Sha256::digest(content).first_chunk().copied().map_or(0, u64::from_be_bytes)
}

/// Writes the files, if they keep their budgets, and puts them in the place of the old ones.
fn replace_folder(files: &[File<'_>]) -> Result<()> {
    let draft = workspace::target().join("site.new");
    remove(&draft)?;
    fs::create_dir_all(&draft)?;
    let mut budget = budget::Budget::default();
    for File { stem, extension, content } in files {
        let name = format!("{stem}.{:016x}.{extension}", short_hash(content));
        budget.add(extension, write_with_compressed(&draft.join(name), content)?);
    }
    budget.check()?;
    remove(&folder())?;
    fs::rename(&draft, folder()).context("target/site cannot be put in place")
}

/// Returns the number of bytes with brotli.
fn write_with_compressed(path: &Path, content: &[u8]) -> Result<usize> {
    let beside = |extension: &str| PathBuf::from(format!("{}.{extension}", path.display()));
    let brotli = compress::brotli(content, compress::BEST)?;
    let gzip = compress::gzip(content)?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    eprintln!("   {name}: {} bytes, brotli {}, gzip {}", content.len(), brotli.len(), gzip.len());
    fs::write(path, content)?;
    fs::write(beside("br"), &brotli)?;
    fs::write(beside("gz"), gzip)?;
    Ok(brotli.len())
}

/// Removes a folder, if it is there.
pub fn remove(folder: &Path) -> Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder).with_context(|| format!("{} cannot be removed", folder.display()))?;
    }
    Ok(())
}
