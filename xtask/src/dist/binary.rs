//! The binary, and the libraries of the system that it needs.

use std::{fs, path::Path, process::Command};

use anyhow::{Context, Result};
use xtask_postgres::process::{output, run};

use super::Compression;

/// The binary without lines for a debugger. The names of functions stay, for the backtrace of
/// a panic, except in a test, where they are half of the binary.
pub fn stripped(signet: &Path, compression: Compression) -> Result<Vec<u8>> {
    let option = match compression {
        Compression::Quick => "--strip-all",
        Compression::Best => "--strip-debug",
    };
    let folder = tempfile::tempdir()?;
    let copy = folder.path().join("signet");
    run(Command::new("strip").arg(option).arg("-o").arg(&copy).arg(signet)).context("`strip` of binutils is needed")?;
    Ok(fs::read(copy)?)
}

/// The relations of Debian's package to the libraries that the binary is linked to.
pub fn debian_libraries(signet: &Path) -> Result<String> {
    let mut readelf = Command::new("readelf");
    let text = output(readelf.args(["--wide", "--dynamic", "--version-info"]).arg(signet))
        .context("`readelf` of binutils is needed")?;
    libraries(&text)
}

fn libraries(readelf: &str) -> Result<String> {
    let mut relations = Vec::new();
    for line in readelf.lines().filter(|line| line.contains("(NEEDED)")) {
        let library = line.split(['[', ']']).nth(1).context("a library without a name")?;
        match library {
            "libc.so.6" => relations.push(format!("libc6 (>= {})", oldest_libc(readelf)?)),
            "libgcc_s.so.1" => relations.push("libgcc-s1 (>= 4.2)".to_owned()),
            // Of the C library's package as well.
            "libm.so.6" | "libpthread.so.0" | "libdl.so.2" => {}
            _ if library.starts_with("ld-linux") => {}
            other => anyhow::bail!("the binary needs {other}, of which no package of Debian is known here"),
        }
    }
    relations.sort();
    Ok(relations.join(", "))
}

/// The oldest version of the C library that has all that is called.
fn oldest_libc(readelf: &str) -> Result<String> {
    let versions = readelf.split("GLIBC_2.").skip(1);
    let minors = versions.filter_map(|rest| rest.split(|it: char| !it.is_ascii_digit()).next()?.parse::<u32>().ok());
    minors.max().map(|minor| format!("2.{minor}")).context("no version of the C library is named")
}

#[cfg(test)]
mod tests {
    use super::*;

    const READELF: &str = " 0x01 (NEEDED)  Shared library: [libgcc_s.so.1]
 0x01 (NEEDED)  Shared library: [libm.so.6]
 0x01 (NEEDED)  Shared library: [libc.so.6]
  0x0010:   Name: GLIBC_2.34  Flags: none  Version: 12
  0x0020:   Name: GLIBC_2.4  Flags: none  Version: 8
  0x0030:   Name: GLIBC_2.2.5  Flags: none  Version: 6
";

    #[test]
    fn the_newest_function_decides_about_the_c_library() {
        assert_eq!(libraries(READELF).expect("relations"), "libc6 (>= 2.34), libgcc-s1 (>= 4.2)");
    }

    #[test]
    fn a_library_without_a_package_is_named() {
        let error = libraries(" 0x01 (NEEDED)  Shared library: [libssl.so.3]").expect_err("unknown");
        assert!(error.to_string().contains("libssl.so.3"), "{error}");
    }
}
