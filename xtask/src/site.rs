//! The browser side: WebAssembly with its module, and the style sheet, under
//! names that change with their content, each also compressed. The server's
//! build script embeds what this leaves in `target/site`.

mod bindings;
mod compress;
mod frontend;
mod optimize;
mod standard_library;
mod style;

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};
use signet_model::signature::hex;

pub use standard_library::{TRIPLE, ensure as ensure_standard_library};

use crate::{npm, step::step, workspace};

/// What the names of all files begin with.
const NAME: &str = "signet";

/// Brings `target/site` up to date; nothing is done for inputs that have not changed.
pub fn build() -> Result<()> {
    step("browser side: style sheet and WebAssembly", || {
        let css = style::bundle(&workspace::root().join("style/main.css"))?;
        let wasm = frontend::compile()?;
        let fingerprint = fingerprint(&[css.as_bytes(), &fs::read(&wasm)?])?;
        let stamp = workspace::target().join("site.stamp");
        if folder().is_dir() && fs::read_to_string(&stamp).is_ok_and(|old| old == fingerprint) {
            return Ok(());
        }
        let module = bindings::generate(&wasm)?;
        let wasm = optimize::optimize(&module.wasm)?;
        let files = [("css", css.as_bytes()), ("js", module.js.as_bytes()), ("wasm", &wasm[..])];
        replace_folder(&files)?;
        Ok(fs::write(stamp, fingerprint)?)
    })
}

fn folder() -> PathBuf {
    workspace::target().join("site")
}

/// Changes with the inputs, with the locked tools, and with this program.
fn fingerprint(inputs: &[&[u8]]) -> Result<String> {
    let mut hash = Sha256::new();
    for input in inputs {
        hash.update(Sha256::digest(input));
    }
    hash.update(fs::read(npm::lock())?);
    hash.update(fs::read(std::env::current_exe()?)?);
    Ok(hex(&hash.finalize()))
}

fn replace_folder(files: &[(&str, &[u8])]) -> Result<()> {
    let draft = workspace::target().join("site.new");
    remove(&draft)?;
    fs::create_dir_all(&draft)?;
    for (extension, content) in files {
        let hash = hex(&Sha256::digest(content)[..8]);
        write_with_compressed(&draft.join(format!("{NAME}.{hash}.{extension}")), content)?;
    }
    remove(&folder())?;
    fs::rename(&draft, folder()).context("target/site cannot be put in place")
}

fn write_with_compressed(path: &Path, content: &[u8]) -> Result<()> {
    let beside = |extension: &str| PathBuf::from(format!("{}.{extension}", path.display()));
    let brotli = compress::brotli(content)?;
    let gzip = compress::gzip(content)?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    eprintln!("   {name}: {} bytes, brotli {}, gzip {}", content.len(), brotli.len(), gzip.len());
    fs::write(path, content)?;
    fs::write(beside("br"), brotli)?;
    fs::write(beside("gz"), gzip)?;
    Ok(())
}

fn remove(folder: &Path) -> Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder).with_context(|| format!("{} cannot be removed", folder.display()))?;
    }
    Ok(())
}
