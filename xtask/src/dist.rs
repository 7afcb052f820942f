//! `cargo xtask dist`: what a release consists of, in `target/dist`. The same sources, binary
//! and `SOURCE_DATE_EPOCH` give the same bytes.

mod archive;
mod binary;
mod contents;
mod debian;
mod epoch;
mod locked;
mod sbom;
mod tree;

use std::{
    fmt::Write,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use clap::Args;
use sha2::{Digest, Sha256};

use crate::{
    binary::{Profile, build},
    step::step,
    workspace,
};
use contents::Contents;

pub use epoch::Epoch;

/// The version of the workspace, which all of its packages share.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// What is packed, and where to.
#[derive(Debug, Clone, Args)]
pub struct Options {
    /// Compile the server for production, or quickly.
    #[arg(long, value_enum, default_value_t = Profile::Release)]
    pub profile: Profile,
    /// Pack this binary, which was built before.
    #[arg(long, value_name = "FILE", conflicts_with = "profile")]
    pub binary: Option<PathBuf>,
    /// The folder for the files. It is emptied first. Default: `dist` in cargo's target folder.
    #[arg(long, value_name = "FOLDER")]
    pub out: Option<PathBuf>,
    /// The version of the Debian package. Default: that of the binary.
    #[arg(long, value_name = "VERSION", default_value = VERSION)]
    pub debian_version: String,
}

/// The effort for compressing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// For a test.
    Quick,
    /// For downloads.
    Best,
}

/// Makes the files, and prints their paths.
pub fn make(options: &Options) -> Result<()> {
    let (signet, compression) = match (&options.binary, options.profile) {
        (Some(binary), _) => (binary.clone(), Compression::Best),
        (None, profile @ Profile::Dev) => (build(profile)?, Compression::Quick),
        (None, profile @ Profile::Release) => (build(profile)?, Compression::Best),
    };
    let out = options.out.clone().unwrap_or_else(|| workspace::target().join("dist"));
    step("archive and package", || {
        for path in pack(&signet, &out, compression, &options.debian_version)? {
            println!("{}", path.display());
        }
        Ok(())
    })
}

/// Packs a binary into `out`, which is emptied first. Returns the paths of the files.
pub fn pack(signet: &Path, out: &Path, compression: Compression, debian_version: &str) -> Result<Vec<PathBuf>> {
    let epoch = Epoch::find()?;
    let contents = Contents::gather(signet, epoch, compression)?;
    let mut files = vec![
        (contents.archive_name(), archive::make(&contents, epoch, compression)?),
        (contents.sbom_name(), contents.sbom.clone().into_bytes()),
        debian::package(&contents, debian_version, epoch, compression)?,
    ];
    files.sort();
    files.push(("SHA256SUMS".into(), checksums(&files).into_bytes()));
    if out.exists() {
        fs::remove_dir_all(out).with_context(|| format!("{} cannot be emptied", out.display()))?;
    }
    fs::create_dir_all(out)?;
    let write = |(name, content): (String, Vec<u8>)| {
        let path = out.join(name);
        fs::write(&path, content).with_context(|| format!("{} cannot be written", path.display()))?;
        Ok(path)
    };
    files.into_iter().map(write).collect()
}

/// The lines that `sha256sum --check` reads.
fn checksums(files: &[(String, Vec<u8>)]) -> String {
    files.iter().fold(String::new(), |mut lines, (name, content)| {
        let _ = writeln!(lines, "{}  {name}", hex(&Sha256::digest(content)));
        lines
    })
}

/// Bytes in lower-case hexadecimal digits.
fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checksum_is_that_of_the_file() {
        let lines = checksums(&[("a".into(), b"abc".to_vec())]);
        assert_eq!(lines, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad  a\n");
    }
}
