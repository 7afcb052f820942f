//! `cargo xtask run`: the server with everything it needs, for trying it out.

use std::{
    ffi::OsString,
    fs,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Result, bail};

use crate::{
    binary::{self, Profile},
    process::run,
    workspace,
};

/// Builds what has changed and becomes the server. `arguments` are handed to
/// `signet serve`, after ours.
pub fn serve(profile: Profile, arguments: &[OsString]) -> Result<()> {
    let signet = binary::build(profile)?;
    let data = workspace::root().join("data");
    fs::create_dir_all(&data)?;
    let mut serve = Command::new(&signet);
    serve.args(["serve", "--dev", "--trust-ca"]).arg(receiver_authority(&signet, &data)?);
    if !is_given(arguments, "--database") {
        serve.arg("--database").arg(format!("sqlite:{}", data.join("signet.db").display()));
    }
    let error = serve.args(arguments).exec();
    bail!("{} cannot be started: {error}", signet.display())
}

/// The authority that signs the certificate of `signet receive`.
fn receiver_authority(signet: &Path, data: &Path) -> Result<PathBuf> {
    let file = data.join("receiver-ca.pem");
    run(Command::new(signet).args(["receive", "--make-ca", "--ca"]).arg(&file))?;
    Ok(file)
}

fn is_given(arguments: &[OsString], option: &str) -> bool {
    let with_value = format!("{option}=");
    arguments.iter().any(|it| it == option || it.to_string_lossy().starts_with(&with_value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_option_of_ones_own_replaces_ours() {
        let given =
            |arguments: &[&str]| is_given(&arguments.iter().map(OsString::from).collect::<Vec<_>>(), "--database");
        assert!(given(&["--database", "sqlite:x"]) && given(&["--database=sqlite:x"]));
        assert!(!given(&["--dev", "--databases"]) && !given(&[]));
    }
}
