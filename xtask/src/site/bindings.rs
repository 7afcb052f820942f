//! The JavaScript module around the WebAssembly, made by `wasm-bindgen`.

use std::{fs, path::Path};

use anyhow::{Context, Result, bail, ensure};
use wasm_bindgen_cli_support::Bindgen;

use super::FILE_STEM;
use crate::workspace;

/// WebAssembly and the module that loads it.
pub struct Module {
    pub js: String,
    pub wasm: Vec<u8>,
}

/// Generates the module for a compiled frontend.
pub fn generate(wasm: &Path) -> Result<Module> {
    check_versions()?;
    let folder = tempfile::tempdir()?;
    let mut bindgen = Bindgen::new();
    bindgen.input_path(wasm).out_name(FILE_STEM).web(true)?.typescript(false);
    bindgen.remove_name_section(true).remove_producers_section(true).omit_default_module_path(true);
    bindgen.generate(folder.path()).context("wasm-bindgen cannot read the WebAssembly")?;
    ensure!(
        !folder.path().join("snippets").exists(),
        "a dependency brings JavaScript files of its own, which are not served"
    );
    let js = fs::read_to_string(folder.path().join(format!("{FILE_STEM}.js")))?;
    check_islands(&js)?;
    Ok(Module { js, wasm: fs::read(folder.path().join(format!("{FILE_STEM}_bg.wasm")))? })
}

/// The library and the tool must have one version: their common format changes with it.
fn check_versions() -> Result<()> {
    let lock = fs::read_to_string(workspace::root().join("Cargo.lock"))?;
    let [library, tool] = ["wasm-bindgen", "wasm-bindgen-cli-support"].map(|name| locked_version(&lock, name));
    ensure!(
        library.is_some() && library == tool,
        "Cargo.lock has wasm-bindgen {} and wasm-bindgen-cli-support {}: set both to one version, in Cargo.toml and \
         xtask/Cargo.toml",
        library.unwrap_or("(none)"),
        tool.unwrap_or("(none)"),
    );
    Ok(())
}

fn locked_version<'a>(lock: &'a str, package: &str) -> Option<&'a str> {
    let after = lock.split_once(&format!("name = \"{package}\"\nversion = \""))?.1;
    Some(after.split_once('"')?.0)
}

/// The linker drops the islands silently if the frontend does not refer to the app.
fn check_islands(js: &str) -> Result<()> {
    for file in fs::read_dir(workspace::root().join("app/src/islands")).into_iter().flatten() {
        for island in islands(&fs::read_to_string(file?.path())?) {
            if !js.contains(&format!("export function {island}_")) {
                bail!("the island {island} is not in the WebAssembly: does the frontend still link the app?");
            }
        }
    }
    Ok(())
}

/// The names of the components marked as islands.
fn islands(source: &str) -> Vec<&str> {
    let marked = source.split("#[island").skip(1);
    marked.filter_map(|rest| Some(rest.split_once("fn ")?.1.split(['(', '<']).next()?.trim())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_found_by_the_whole_name_of_its_package() {
        let lock =
            "[[package]]\nname = \"ab\"\nversion = \"1.0.0\"\n\n[[package]]\nname = \"a\"\nversion = \"2.0.0\"\n";
        assert_eq!(locked_version(lock, "a"), Some("2.0.0"));
        assert_eq!(locked_version(lock, "b"), None);
    }

    #[test]
    fn islands_are_found_by_their_mark() {
        let source = "#[island]\npub fn Secret(value: String) {}\nfn no() {}\n#[island(lazy)]\nfn Live() {}";
        assert_eq!(islands(source), ["Secret", "Live"]);
    }
}
