//! What `cargo metadata` tells of crates.

use std::{
    collections::{HashMap, HashSet},
    path::PathBuf,
};

use anyhow::Result;
use serde::Deserialize;
use xtask_postgres::process::output;

use super::Name;
use crate::workspace::cargo;

/// All crates of the workspace's `Cargo.lock`.
#[derive(Debug)]
pub struct Graph {
    pub packages: HashMap<Name, Package>,
    pub dependencies: HashMap<Name, HashSet<Name>>,
}

/// What a crate says of itself.
#[derive(Debug, Deserialize)]
pub struct Package {
    name: String,
    version: String,
    id: String,
    pub license: Option<String>,
    pub description: Option<String>,
    pub repository: Option<String>,
    #[serde(rename = "manifest_path")]
    pub manifest: PathBuf,
}

#[derive(Debug, Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    resolve: Resolve,
}

#[derive(Debug, Deserialize)]
struct Resolve {
    nodes: Vec<Node>,
}

#[derive(Debug, Deserialize)]
struct Node {
    id: String,
    deps: Vec<Dependency>,
}

#[derive(Debug, Deserialize)]
struct Dependency {
    pkg: String,
    dep_kinds: Vec<Kind>,
}

#[derive(Debug, Deserialize)]
struct Kind {
    /// `None` for a crate that is linked; else `build` or `dev`.
    kind: Option<String>,
}

impl Graph {
    /// Asks cargo.
    pub fn read() -> Result<Self> {
        let text = output(cargo().args(["metadata", "--locked", "--format-version", "1"]))?;
        Ok(Self::of(serde_json::from_str(&text)?))
    }

    fn of(Metadata { packages, resolve }: Metadata) -> Self {
        let name = |package: &Package| (package.name.clone(), package.version.clone());
        let by_id: HashMap<_, _> = packages.iter().map(|package| (package.id.clone(), name(package))).collect();
        let linked = |dependency: &Dependency| dependency.dep_kinds.iter().any(|it| it.kind.is_none());
        let of_node = |node: Node| {
            let on = node.deps.iter().filter(|it| linked(it)).filter_map(|it| by_id.get(&it.pkg).cloned());
            Some((by_id.get(&node.id)?.clone(), on.collect()))
        };
        let dependencies = resolve.nodes.into_iter().filter_map(of_node).collect();
        Self { packages: packages.into_iter().map(|package| (name(&package), package)).collect(), dependencies }
    }
}
