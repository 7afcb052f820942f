//! `signet config`: the settings that are in force, and an example of a configuration file.

use std::{io::Write, process::ExitCode};

use clap::{Args, Subcommand};

use super::serve::ServeArgs;
use crate::{
    config::{Layers, example, in_force},
    storage::KEY_VARIABLE,
};

/// The commands for settings.
#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Print the settings that are in force, and where each comes from: an option, a variable,
    /// a line of the configuration file, or the default. Takes the options of `signet serve`.
    /// Says all that is wrong at once, and exits with 1 then. Nothing is changed, and nobody
    /// is asked.
    Check(ConfigCheckArgs),
    /// Print a configuration file with every setting, explained and commented out.
    Example,
}

/// `signet config check`
#[derive(Debug, Args)]
pub struct ConfigCheckArgs {
    /// The options of `signet serve`.
    #[command(flatten)]
    serve: Box<ServeArgs>,
}

/// Runs a command.
///
/// # Errors
/// The output is closed.
pub fn run(command: &ConfigCommand, layers: &Layers) -> anyhow::Result<ExitCode> {
    match command {
        ConfigCommand::Check(args) => {
            let serve = &args.serve;
            Ok(tell(layers, &serve.faults().into_iter().chain(serve.fault_of_key()).collect::<Vec<_>>()))
        }
        ConfigCommand::Example => {
            std::io::stdout().write_all(example().as_bytes())?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// Prints what is in force, and all that is wrong with what was given and with the files that it
/// names. Returns the status with which the process ends.
pub fn tell(layers: &Layers, of_files: &[anyhow::Error]) -> ExitCode {
    let mut faults = layers.faults(std::env::vars_os());
    faults.extend(of_files.iter().map(|fault| format!("{fault:#}")));
    // Without a reader the status still tells.
    let _ = std::io::stdout().write_all(in_force(layers, std::env::var_os(KEY_VARIABLE).is_some()).as_bytes());
    for fault in &faults {
        eprintln!("signet: {fault}");
    }
    if faults.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
