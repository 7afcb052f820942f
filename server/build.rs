//! Embeds the browser side that `cargo xtask site` left in `target/site`. Without
//! it the server is built all the same, and has no assets.

use std::{
    env,
    fmt::Write as _,
    fs, io,
    path::{Path, PathBuf},
};

fn main() -> io::Result<()> {
    let site = target_folder().join("site");
    // Cargo would run this again and again for a folder that is not there.
    fs::create_dir_all(&site)?;
    println!("cargo::rerun-if-changed={}", site.display());
    println!("cargo::rerun-if-env-changed=CARGO_TARGET_DIR");
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default());
    fs::write(out.join("assets.rs"), table(&site)?)
}

fn target_folder() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), |it| root.join(it))
}

/// One row for each file that is not the compressed form of another.
fn table(site: &Path) -> io::Result<String> {
    let mut paths = fs::read_dir(site)?.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
    paths.retain(|path| !matches!(extension(path), "br" | "gz"));
    paths.sort();
    let mut table = String::from("static ASSETS: &[Asset] = &[\n");
    for path in paths {
        let row = writeln!(
            table,
            "Asset {{ name: {:?}, extension: {:?}, identity: {}, brotli: {}, gzip: {} }},",
            path.file_name().unwrap_or_default().to_string_lossy(),
            extension(&path),
            include(&path),
            compressed(&path, "br"),
            compressed(&path, "gz"),
        );
        row.map_err(io::Error::other)?;
    }
    table.push_str("];\n");
    Ok(table)
}

fn extension(path: &Path) -> &str {
    path.extension().and_then(|it| it.to_str()).unwrap_or_default()
}

fn compressed(path: &Path, extension: &str) -> String {
    let compressed = PathBuf::from(format!("{}.{extension}", path.display()));
    if compressed.exists() { format!("Some({})", include(&compressed)) } else { "None".into() }
}

fn include(path: &Path) -> String {
    format!("include_bytes!({:?})", path.to_string_lossy())
}
