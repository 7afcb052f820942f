//! What the binary is made of, as `CycloneDX` 1.6: each crate that is linked into the server or
//! into the WebAssembly that it holds, and the libraries in C and the standard library of Rust.
//! What only builds or tests is left out, and so are procedural macros.

mod graph;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    process::Command,
};

use anyhow::{Context, Result};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use xtask_postgres::process::output;

use super::{Epoch, VERSION, hex, locked};
use crate::{
    site,
    workspace::{cargo, root},
};
use graph::{Graph, Package};

/// A crate by name and version.
type Name = (String, String);

/// The document, as JSON.
pub fn make(target: &str, epoch: Epoch) -> Result<String> {
    let graph = Graph::read()?;
    let mut linked = linked("signet", target)?;
    linked.extend(self::linked("signet-frontend", site::TRIPLE)?);
    let checksums = locked::checksums(&fs::read_to_string(root().join("Cargo.lock"))?);
    let mut components = BTreeMap::new();
    for name in &linked {
        let package = graph.packages.get(name).with_context(|| format!("cargo tells nothing of {}", name.0))?;
        components.insert(purl(name), component(name, package, checksums.get(name)));
        if name.0 == "libsqlite3-sys" {
            let (reference, sqlite) = sqlite(package)?;
            components.insert(reference, sqlite);
        }
    }
    let (reference, rust) = standard_library()?;
    components.insert(reference, rust);
    let own = ("signet".to_owned(), VERSION.to_owned());
    let subject = components.remove(&purl(&own)).context("the binary is linked into itself")?;
    let components: Vec<_> = components.into_values().collect();
    let document = json!({
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": serial_number(&components),
        "version": 1,
        "metadata": {
            "timestamp": epoch.rfc3339()?,
            "component": application(subject),
            "properties": [{"name": "cdx:rustc:sbom:target:triple", "value": target}],
        },
        "components": components,
        "dependencies": dependencies(&graph, &linked),
    });
    Ok(serde_json::to_string_pretty(&document)? + "\n")
}

/// The crates that are linked into a package of the workspace.
fn linked(package: &str, target: &str) -> Result<BTreeSet<Name>> {
    let mut tree = cargo();
    tree.args(["tree", "--locked", "--package", package, "--target", target]);
    tree.args(["--edges", "normal,no-proc-macro", "--prefix", "none", "--format", "{p}"]);
    Ok(names(&output(&mut tree)?))
}

/// The first two words of each line: a name, and a version with a `v`.
fn names(tree: &str) -> BTreeSet<Name> {
    let name = |line: &str| {
        let (name, rest) = line.split_once(" v")?;
        Some((name.to_owned(), rest.split(' ').next()?.to_owned()))
    };
    tree.lines().filter_map(name).collect()
}

fn purl((name, version): &Name) -> String {
    format!("pkg:cargo/{name}@{}", version.replace('+', "%2B"))
}

fn component(name: &Name, package: &Package, checksum: Option<&String>) -> Value {
    let mut component = json!({
        "type": "library",
        "bom-ref": purl(name),
        "name": name.0,
        "version": name.1,
        "scope": "required",
        "purl": purl(name),
    });
    if let Some(description) = &package.description {
        component["description"] = json!(description.split_whitespace().collect::<Vec<_>>().join(" "));
    }
    if let Some(licence) = &package.license {
        // Older crates separate what may be chosen with a slash.
        component["licenses"] = json!([{"expression": licence.replace('/', " OR ")}]);
    }
    if let Some(repository) = &package.repository {
        component["externalReferences"] = json!([{"type": "vcs", "url": repository}]);
    }
    if let Some(checksum) = checksum {
        component["hashes"] = json!([{"alg": "SHA-256", "content": checksum}]);
    }
    component
}

/// The subject of the document: what is made of all the others.
fn application(mut component: Value) -> Value {
    component["type"] = json!("application");
    if let Some(members) = component.as_object_mut() {
        members.remove("scope");
    }
    component
}

/// The library in C that its crate brings along.
fn sqlite(package: &Package) -> Result<(String, Value)> {
    let header = package.manifest.with_file_name("sqlite3").join("sqlite3.h");
    let text = fs::read_to_string(&header).with_context(|| format!("{} cannot be read", header.display()))?;
    let version = text.lines().find_map(|line| line.strip_prefix("#define SQLITE_VERSION "));
    let version = version.with_context(|| format!("{} names no version", header.display()))?.trim().trim_matches('"');
    let reference = format!("pkg:generic/sqlite@{version}");
    let sqlite = json!({
        "type": "library", "bom-ref": reference, "name": "sqlite", "version": version, "purl": reference,
        "scope": "required",
        "cpe": format!("cpe:2.3:a:sqlite:sqlite:{version}:*:*:*:*:*:*:*"),
        "licenses": [{"expression": "blessing"}],
    });
    Ok((reference, sqlite))
}

fn standard_library() -> Result<(String, Value)> {
    let text = output(Command::new("rustc").arg("--version").current_dir(root()))?;
    let version = text.split(' ').nth(1).context("`rustc --version` names no version")?;
    let reference = format!("pkg:generic/rust@{version}");
    let rust = json!({
        "type": "library", "bom-ref": reference, "name": "rust", "version": version, "purl": reference,
        "scope": "required",
        "description": "The standard library of Rust.",
        "cpe": format!("cpe:2.3:a:rust-lang:rust:{version}:*:*:*:*:*:*:*"),
        "licenses": [{"expression": "MIT OR Apache-2.0"}],
    });
    Ok((reference, rust))
}

/// The crates on which each one depends, as far as they are linked.
fn dependencies(graph: &Graph, linked: &BTreeSet<Name>) -> Value {
    let entry = |name: &Name| {
        let on = graph.dependencies.get(name).into_iter().flatten().filter(|name| linked.contains(*name));
        json!({"ref": purl(name), "dependsOn": on.map(purl).collect::<BTreeSet<_>>()})
    };
    linked.iter().map(entry).collect()
}

/// An id that the contents decide.
fn serial_number(components: &[Value]) -> String {
    let hash = hex(&Sha256::digest(format!("{components:?}")));
    // Version 8: an id of the maker's own kind.
    format!("urn:uuid:{}-{}-8{}-a{}-{}", &hash[..8], &hash[8..12], &hash[13..16], &hash[17..20], &hash[20..32])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_is_a_set_of_names() {
        let tree = "signet v0.1.0 (/src/server)\naxum v0.8.4\nserde v1.0.2 (*)\naxum v0.8.4 (*)\n";
        let expected = [("axum", "0.8.4"), ("serde", "1.0.2"), ("signet", "0.1.0")];
        assert_eq!(names(tree), expected.map(|(name, version)| (name.to_owned(), version.to_owned())).into());
    }

    #[test]
    fn an_id_follows_the_contents() {
        let (one, other) = (serial_number(&[json!(1)]), serial_number(&[json!(2)]));
        assert!(one.len() == 45 && one != other, "{one}");
        assert_eq!(one, serial_number(&[json!(1)]));
    }
}
