//! `cargo xtask run`: builds the server and starts it, to try it out.

use std::{
    ffi::OsString,
    fs,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Result, bail};
use xtask_postgres::process::run;

use crate::{
    binary::{self, Profile},
    workspace,
};

/// Builds the server and replaces this process by it. `arguments` follow the
/// default ones of `signet serve`. Returns only if the server cannot be started.
pub fn serve(profile: Profile, arguments: &[OsString]) -> Result<()> {
    let signet = binary::build(profile)?;
    let data = workspace::root().join("data");
    fs::create_dir_all(&data)?;
    let mut serve = Command::new(&signet);
    serve.args(["serve", "--dev", "--trust-ca"]).arg(receiver_authority(&signet, &data)?);
    if !has_option(arguments, "--database") {
        serve.arg("--database").arg(format!("sqlite:{}", data.join("signet.db").display()));
    }
    let error = serve.args(arguments).exec();
    bail!("{} cannot be started: {error}", signet.display())
}

/// The authority that signs the certificate of `signet receive`, as PEM.
fn receiver_authority(signet: &Path, data: &Path) -> Result<PathBuf> {
    let file = data.join("receiver-ca.pem");
    run(Command::new(signet).args(["receive", "--make-ca", "--ca"]).arg(&file))?;
    Ok(file)
}

fn has_option(arguments: &[OsString], option: &str) -> bool {
    let with_value = format!("{option}=");
    arguments.iter().any(|it| it == option || it.to_string_lossy().starts_with(&with_value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_given_option_replaces_the_default() {
        let given =
            |arguments: &[&str]| has_option(&arguments.iter().map(OsString::from).collect::<Vec<_>>(), "--database");
        assert!(given(&["--database", "sqlite:x"]) && given(&["--database=sqlite:x"]));
        assert!(!given(&["--dev", "--databases"]) && !given(&[]));
    }
}
