//! Embeds the browser side that `cargo xtask site` left in `target/site`, and the documentation
//! that `cargo xtask book` left in `target/book`. Without them the server is built all the same,
//! and has no assets.

use std::{
    env,
    fmt::Write as _,
    fs,
    hash::{DefaultHasher, Hasher},
    io,
    path::{Path, PathBuf},
};

fn main() -> io::Result<()> {
    let (site, book) = (target_folder().join("site"), target_folder().join("book"));
    for folder in [&site, &book] {
        // Cargo would run this again and again for a folder that is not there.
        fs::create_dir_all(folder)?;
        println!("cargo::rerun-if-changed={}", folder.display());
    }
    println!("cargo::rerun-if-env-changed=CARGO_TARGET_DIR");
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default());
    fs::write(out.join("assets.rs"), table(&site)?)?;
    fs::write(out.join("book.rs"), pages(&book)?)
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

/// One row for each page, of which the compressed form alone is embedded.
fn pages(book: &Path) -> io::Result<String> {
    let mut paths = Vec::new();
    let mut folders = vec![book.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if extension(&path) == "br" {
                paths.push(path);
            }
        }
    }
    paths.sort();
    let mut table = String::from("static PAGES: &[Page] = &[\n");
    for path in paths {
        let mut hash = DefaultHasher::new();
        hash.write(&fs::read(&path)?);
        let name = path.strip_prefix(book).map_err(io::Error::other)?.with_extension("");
        let (name, etag) = (name.to_string_lossy(), format!("{:016x}", hash.finish()));
        let row = writeln!(table, "Page {{ path: {name:?}, etag: {etag:?}, brotli: {} }},", include(&path));
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
