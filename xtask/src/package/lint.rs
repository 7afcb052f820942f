//! What cannot be run here is linted: the image, the compose files, the manifests. The tools
//! come from `PyPI`, at the versions of `xtask/python/requirements.txt`.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::Result;
use xtask_postgres::process::{output, run};

use super::{check, folder, sources};
use crate::{python, workspace};

/// The version of Kubernetes whose schemas the manifests keep.
const KUBERNETES: &str = "1.37";
/// The commands that read variables in these files.
const COMMANDS: [&str; 2] = ["serve", "health"];

/// Lints all, and checks the list of what the binary is made of.
pub fn all(signet: &Path, sbom: &Path) -> Result<()> {
    let deploy = workspace::root().join("deploy");
    let in_deploy = |names: &[&str]| names.iter().map(|name| deploy.join(name)).collect::<Vec<_>>();
    let compose = in_deploy(&["compose.yaml", "compose.postgres.yaml"]);
    let kubernetes = in_deploy(&["kubernetes/sqlite.yaml", "kubernetes/postgres.yaml"]);
    let image = in_deploy(&["docker/Dockerfile"]);
    run(Command::new(python::tool("hadolint")?).args(&image))?;
    let mut yamllint = Command::new(python::tool("yamllint")?);
    yamllint.arg("--strict").arg("--config-file").arg(sources().join("yamllint.yaml"));
    run(yamllint.args(&compose).args(&kubernetes))?;
    let mut validate = Command::new(python::tool("kubernetes-validate")?);
    output(validate.args(["--strict", "--quiet", "--kubernetes-version", KUBERNETES]).args(&kubernetes))?;
    check(&["sbom"], &[sbom.to_owned()])?;
    check(&["compose"], &compose)?;
    check(&["kubernetes"], &kubernetes)?;
    let help = folder().join("help");
    fs::write(&help, help_texts(signet)?)?;
    let unit = in_deploy(&["debian/signet.env", "systemd/signet.service"]);
    let files: Vec<PathBuf> = [vec![help], compose, kubernetes, image, unit].concat();
    check(&["variables"], &files)
}

/// The texts that name all variables, and the key that no option has.
fn help_texts(signet: &Path) -> Result<String> {
    COMMANDS.iter().map(|command| output(Command::new(signet).args(["help", command]))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_image_and_the_manifests_are_of_this_version() {
        let of = |name: &str| fs::read_to_string(workspace::root().join("deploy").join(name)).expect("a file");
        let image = format!("signet:{}\n", crate::dist::VERSION);
        for file in ["compose.yaml", "compose.postgres.yaml", "kubernetes/sqlite.yaml", "kubernetes/postgres.yaml"] {
            assert!(of(file).contains(&format!("image: {image}")), "{file} names another image than {image}");
        }
    }
}
