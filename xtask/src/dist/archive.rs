//! The archive for every Linux: its folders `bin` and `share` fit into `/usr/local`.

use std::io::Write;

use anyhow::Result;
use flate2::{Compression as Level, GzBuilder};

use super::{
    Compression, Epoch,
    contents::Contents,
    tree::{FILE, PROGRAM, Tree},
};
use crate::workspace::root;

/// Pages of the root that go along.
const PAGES: [&str; 5] = ["CHANGELOG.md", "LICENSE", "LICENSE-APACHE", "LICENSE-MIT", "README.md"];

/// Makes the archive.
pub fn make(contents: &Contents, epoch: Epoch, compression: Compression) -> Result<Vec<u8>> {
    let mut tree = Tree::default();
    tree.add("bin/signet", PROGRAM, contents.signet.clone());
    for (name, page) in &contents.manual {
        tree.add(format!("share/man/man1/{name}"), FILE, page.clone());
    }
    for (path, script) in [
        ("share/bash-completion/completions/signet", &contents.completions.bash),
        ("share/fish/vendor_completions.d/signet.fish", &contents.completions.fish),
        ("share/zsh/site-functions/_signet", &contents.completions.zsh),
    ] {
        tree.add(path, FILE, script.clone());
    }
    for page in PAGES {
        tree.add_file(page, FILE, &root().join(page))?;
    }
    tree.add_folder("docs", &root().join("docs"))?;
    tree.add_folder("deploy", &root().join("deploy"))?;
    tree.add("signet.cdx.json", FILE, contents.sbom.clone());
    gzip(&tree.tar(&format!("{}/", contents.stem()), epoch)?, compression)
}

/// Compresses without the time and the name of a file.
pub fn gzip(bytes: &[u8], compression: Compression) -> Result<Vec<u8>> {
    let level = match compression {
        Compression::Quick => Level::fast(),
        Compression::Best => Level::best(),
    };
    let mut encoder = GzBuilder::new().mtime(0).write(Vec::new(), level);
    encoder.write_all(bytes)?;
    Ok(encoder.finish()?)
}
