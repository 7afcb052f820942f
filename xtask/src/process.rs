//! Running other programs.

use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};

/// Runs a program to its end; its output is shown.
pub fn run(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("{} cannot be started", name(command)))?;
    ensure!(status.success(), "{} failed ({status})", line(command));
    Ok(())
}

/// Runs a program to its end and returns what it prints.
pub fn output(command: &mut Command) -> Result<String> {
    let output = command.output().with_context(|| format!("{} cannot be started", name(command)))?;
    if !output.status.success() {
        bail!("{} failed ({})\n{}", line(command), output.status, String::from_utf8_lossy(&output.stderr));
    }
    Ok(String::from_utf8(output.stdout)?)
}

/// Whether a program runs and ends well, without showing what it says.
pub fn succeeds(command: &mut Command) -> bool {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|it| it.success())
}

fn name(command: &Command) -> String {
    command.get_program().to_string_lossy().into_owned()
}

fn line(command: &Command) -> String {
    let arguments = command.get_args().map(|it| it.to_string_lossy());
    std::iter::once(command.get_program().to_string_lossy()).chain(arguments).collect::<Vec<_>>().join(" ")
}
