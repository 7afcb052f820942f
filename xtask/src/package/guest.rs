//! The packages, installed and run in a container with a systemd of its own, over a copy of this
//! machine's files (`xtask/package/boot.sh`). The commands of the manual are run as they stand
//! there.

use std::{fs, path::Path, process::Command};

use anyhow::{Context, Result, bail, ensure};
use xtask_postgres::process::{output, succeeds};

use super::{
    file, sources,
    tool::{in_ci, is_there},
};
use crate::workspace;

/// Runs the test on the packages in these folders.
pub fn run(first: &Path, next: &Path) -> Result<()> {
    if !is_there("systemd-nspawn", "systemd-container")? || !is_root()? || !may_mount() {
        return Ok(());
    }
    let folder = tempfile::tempdir()?;
    let files = folder.path().join("files");
    fs::create_dir_all(files.join("next"))?;
    for end in [".tar.gz", ".deb", "SHA256SUMS"] {
        copy(&file(first, end)?, &files)?;
    }
    copy(&file(next, ".deb")?, &files.join("next"))?;
    let (script, out) = (folder.path().join("script"), folder.path().join("out"));
    fs::write(&script, self::script()?)?;
    let mut boot = Command::new("unshare");
    boot.args(["--mount", "--propagation", "private", "sh"]).arg(sources().join("boot.sh"));
    let booted = succeeds(boot.arg(script).arg(files).arg(&out));
    let printed = fs::read_to_string(&out).context("the container was not made: is `unshare --mount` allowed here?")?;
    eprint!("{printed}");
    ensure!(booted && printed.trim_end().ends_with("== all is well"), "the test in the container failed");
    Ok(())
}

fn is_root() -> Result<bool> {
    let is_root = output(Command::new("id").arg("-u"))?.trim() == "0";
    if !is_root {
        ensure!(!in_ci(), "a container can be made by root alone: run this with sudo");
        eprintln!("warning: a container can be made by root alone, so the packages were NOT installed and run");
    }
    Ok(is_root)
}

/// Tells if file systems can be mounted here: inside most containers even root may not.
fn may_mount() -> bool {
    let mut mount = Command::new("unshare");
    mount.args(["--mount", "--propagation", "private", "mount", "-t", "tmpfs", "signet-test", "/mnt"]);
    let may = succeeds(&mut mount);
    if !may {
        eprintln!("warning: nothing can be mounted here, so the packages were NOT installed and run");
    }
    may
}

fn copy(file: &Path, folder: &Path) -> Result<()> {
    let name = file.file_name().context("a file has a name")?;
    fs::copy(file, folder.join(name)).with_context(|| format!("{} cannot be copied", file.display()))?;
    Ok(())
}

/// The script for the container, with the commands of the manual.
fn script() -> Result<String> {
    let manual = fs::read_to_string(workspace::root().join("docs/INSTALL.md"))?;
    let script = fs::read_to_string(sources().join("guest.sh"))?;
    let script = script.replace("\n@ARCHIVE@\n", &format!("\n{}\n", commands(&manual, "From the archive")?));
    Ok(script.replace("\n@DEBIAN@\n", &format!("\n{}\n", commands(&manual, "On Debian and Ubuntu")?)))
}

/// The blocks of commands of a section.
fn commands(manual: &str, heading: &str) -> Result<String> {
    let Some((_, section)) = manual.split_once(&format!("\n## {heading}\n")) else {
        bail!("docs/INSTALL.md has no section {heading:?}");
    };
    let section = section.split("\n## ").next().unwrap_or_default();
    let blocks = section.split("```sh by xtask/src/package/guest.rs\n").skip(1);
    let commands: String = blocks.filter_map(|rest| rest.split("```").next()).collect();
    ensure!(!commands.is_empty(), "the section {heading:?} of docs/INSTALL.md has no commands");
    Ok(commands)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_commands_of_a_section_are_those_of_its_blocks() {
        let manual = "# T\n\n## One\n\n```sh by me\na\n```\n```ini\nx\n```\n```sh by me\nb\n```\n\n## Two\n\n```sh by me\nc\n```\n"
            .replace("by me", "by xtask/src/package/guest.rs");
        assert_eq!(commands(&manual, "One").expect("commands"), "a\nb\n");
        assert_eq!(commands(&manual, "Two").expect("commands"), "c\n");
        assert!(commands(&manual, "Three").is_err());
    }

    #[test]
    fn the_script_has_the_commands_of_the_manual() {
        let script = script().expect("a script");
        assert!(script.contains("sha256sum --check") && script.contains("apt-get install") && !script.contains("@\n"));
    }
}
