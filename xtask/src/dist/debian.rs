//! The Debian package. Its scripts and texts are in `deploy/debian`.

use std::{fs, path::PathBuf};

use anyhow::{Context, Result, bail};
use ar::{Builder, Header};

use super::{
    Compression, Epoch, VERSION,
    archive::gzip,
    contents::Contents,
    tree::{FILE, PRIVATE, PROGRAM, Tree},
};
use crate::workspace::root;

/// Scripts that `dpkg` runs.
const SCRIPTS: [&str; 3] = ["postinst", "prerm", "postrm"];
/// Pages for people, beside the license.
const DOCUMENTS: &str = "usr/share/doc/signet";

/// Returns the name of the package's file and its content.
pub fn package(
    contents: &Contents,
    version: &str,
    epoch: Epoch,
    compression: Compression,
) -> Result<(String, Vec<u8>)> {
    let architecture = architecture(&contents.target)?;
    let data = data(contents, version, epoch)?;
    let mut control = Tree::default();
    let fields = text("control")?
        .replace("@VERSION@", version)
        .replace("@ARCHITECTURE@", architecture)
        .replace("@SIZE@", &data.kibibytes().to_string())
        .replace("@LIBRARIES@", &contents.libraries);
    control.add("control", FILE, fields);
    control.add("conffiles", FILE, "/etc/signet/signet.env\n");
    for script in SCRIPTS {
        control.add(script, PROGRAM, text(script)?);
    }
    let mut members = Builder::new(Vec::new());
    for (name, content) in [
        ("debian-binary", b"2.0\n".to_vec()),
        ("control.tar.gz", gzip(&control.tar("./", epoch)?, compression)?),
        ("data.tar.gz", gzip(&data.tar("./", epoch)?, compression)?),
    ] {
        let mut header = Header::new(name.into(), u64::try_from(content.len())?);
        header.set_mtime(epoch.seconds());
        header.set_mode(0o100_644);
        members.append(&header, &*content)?;
    }
    Ok((format!("signet_{version}_{architecture}.deb"), members.into_inner()?))
}

/// The files that the package installs.
fn data(contents: &Contents, version: &str, epoch: Epoch) -> Result<Tree> {
    // Debian wants the greatest effort for what is compressed by itself.
    let compressed = |text: &[u8]| gzip(text, Compression::Best);
    let mut tree = Tree::default();
    tree.add("usr/bin/signet", PROGRAM, contents.signet.clone());
    tree.add_file("usr/lib/systemd/system/signet.service", FILE, &deploy().join("systemd/signet.service"))?;
    tree.add("etc/signet/signet.env", PRIVATE, text("signet.env")?);
    for (name, page) in &contents.manual {
        tree.add(format!("usr/share/man/man1/{name}.gz"), FILE, compressed(page)?);
    }
    for (path, script) in [
        ("usr/share/bash-completion/completions/signet", &contents.completions.bash),
        ("usr/share/fish/vendor_completions.d/signet.fish", &contents.completions.fish),
        ("usr/share/zsh/vendor-completions/_signet", &contents.completions.zsh),
    ] {
        tree.add(path, FILE, script.clone());
    }
    for page in ["README.md", "CHANGELOG.md"] {
        tree.add(format!("{DOCUMENTS}/{page}.gz"), FILE, compressed(&fs::read(root().join(page))?)?);
    }
    tree.add_folder(&format!("{DOCUMENTS}/docs"), &root().join("docs"))?;
    tree.add(format!("{DOCUMENTS}/signet.cdx.json"), FILE, contents.sbom.clone());
    tree.add(format!("{DOCUMENTS}/copyright"), FILE, copyright()?);
    tree.add(format!("{DOCUMENTS}/changelog.gz"), FILE, compressed(changelog(version, epoch)?.as_bytes())?);
    tree.add("usr/share/lintian/overrides/signet", FILE, text("lintian-overrides")?);
    Ok(tree)
}

/// The name that Debian has for the processor.
fn architecture(target: &str) -> Result<&'static str> {
    Ok(match target.split('-').next() {
        Some("x86_64") => "amd64",
        Some("aarch64") => "arm64",
        _ => bail!("no Debian package is made for {target}"),
    })
}

/// Debian's own form has one entry; the changes are in the other file.
fn changelog(version: &str, epoch: Epoch) -> Result<String> {
    let who = text("control")?;
    let who = who.lines().find_map(|line| line.strip_prefix("Maintainer: ")).context("a package has a maintainer")?;
    Ok(format!(
        "signet ({version}) unstable; urgency=medium\n\n  * Signet {VERSION}: the changes are in CHANGELOG.md.gz.\n\n \
         -- {who}  {}\n",
        epoch.rfc2822()?
    ))
}

/// The licence stands in it, each line behind a space and an empty one as a dot.
fn copyright() -> Result<String> {
    let licence = fs::read_to_string(root().join("LICENSE-MIT"))?;
    let body = licence.lines().skip_while(|line| !line.starts_with("Permission"));
    let lines: Vec<_> = body.map(|line| format!(" {}", if line.is_empty() { "." } else { line })).collect();
    Ok(text("copyright")?.replace("@MIT@", &lines.join("\n")))
}

fn text(name: &str) -> Result<String> {
    let path = deploy().join("debian").join(name);
    fs::read_to_string(&path).with_context(|| format!("{} cannot be read", path.display()))
}

fn deploy() -> PathBuf {
    root().join("deploy")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::dist::contents::Completions;

    fn contents() -> Contents {
        let script = String::new;
        Contents {
            target: "x86_64-unknown-linux-gnu".into(),
            signet: b"binary".into(),
            libraries: "libc6 (>= 2.34)".into(),
            manual: BTreeMap::from([("signet.1".into(), b"page".into())]),
            completions: Completions { bash: script(), fish: script(), zsh: script() },
            sbom: "{}".into(),
        }
    }

    #[test]
    fn a_package_has_its_three_parts_and_the_same_bytes_each_time() {
        let make = || {
            package(&contents(), "1.2.3", Epoch::find().expect("an instant"), Compression::Quick).expect("a package")
        };
        let (name, bytes) = make();
        assert_eq!(name, "signet_1.2.3_amd64.deb");
        assert_eq!(bytes, make().1);
        let (mut archive, mut parts) = (ar::Archive::new(&*bytes), Vec::new());
        while let Some(part) = archive.next_entry() {
            parts.push(String::from_utf8_lossy(part.expect("a part").header().identifier()).into_owned());
        }
        assert_eq!(parts, ["debian-binary", "control.tar.gz", "data.tar.gz"]);
    }

    #[test]
    fn the_licence_stands_in_the_copyright() {
        let copyright = copyright().expect("text");
        assert!(copyright.contains("\n Permission is hereby granted") && !copyright.contains("@MIT@"), "{copyright}");
    }

    #[test]
    fn a_processor_that_debian_is_not_made_for_is_named() {
        assert_eq!(architecture("aarch64-unknown-linux-gnu").expect("known"), "arm64");
        let error = architecture("riscv64gc-unknown-linux-gnu").expect_err("unknown");
        assert!(error.to_string().contains("riscv64gc"), "{error}");
    }
}
