//! What the archive and the package share.

use std::{collections::BTreeMap, fs, path::Path, process::Command};

use anyhow::{Context, Result};
use xtask_postgres::process::{output, run};

use super::{Compression, Epoch, VERSION, binary, sbom};
use crate::workspace;

/// The files, in memory.
#[derive(Debug)]
pub struct Contents {
    /// The target of the compiler, such as `x86_64-unknown-linux-gnu`.
    pub target: String,
    /// The binary.
    pub signet: Vec<u8>,
    /// The relations of Debian's package to the libraries that the binary needs.
    pub libraries: String,
    /// The pages of the manual, by their file names.
    pub manual: BTreeMap<String, Vec<u8>>,
    /// Scripts for shells.
    pub completions: Completions,
    /// What the binary is made of: `CycloneDX`, in JSON.
    pub sbom: String,
}

/// Scripts with which shells complete commands and options.
#[derive(Debug)]
pub struct Completions {
    pub bash: String,
    pub fish: String,
    pub zsh: String,
}

impl Contents {
    /// Asks the binary for its manual and its scripts, and cargo for its libraries.
    pub fn gather(signet: &Path, epoch: Epoch, compression: Compression) -> Result<Self> {
        let target = workspace::host()?;
        let script = |shell: &str| output(Command::new(signet).args(["completions", shell]));
        Ok(Self {
            signet: binary::stripped(signet, compression)?,
            libraries: binary::debian_libraries(signet)?,
            manual: manual(signet)?,
            completions: Completions { bash: script("bash")?, fish: script("fish")?, zsh: script("zsh")? },
            sbom: sbom::make(&target, epoch)?,
            target,
        })
    }

    /// The first part of file names: `signet-0.1.0-x86_64-unknown-linux-gnu`.
    pub fn stem(&self) -> String {
        format!("signet-{VERSION}-{}", self.target)
    }

    /// The name of the archive.
    pub fn archive_name(&self) -> String {
        format!("{}.tar.gz", self.stem())
    }

    /// The name of the list of what the binary is made of.
    pub fn sbom_name(&self) -> String {
        format!("{}.cdx.json", self.stem())
    }
}

fn manual(signet: &Path) -> Result<BTreeMap<String, Vec<u8>>> {
    let folder = tempfile::tempdir()?;
    run(Command::new(signet).arg("man").arg(folder.path()))?;
    let page = |entry: std::io::Result<fs::DirEntry>| {
        let entry = entry?;
        let name = entry.file_name().into_string().ok().context("a page whose name is no text")?;
        Ok((name, fs::read(entry.path())?))
    };
    fs::read_dir(folder.path())?.map(page).collect()
}
