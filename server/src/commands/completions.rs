//! `signet completions`: a script with which a shell completes commands and options.

use std::io::Write;

use clap::{Args, CommandFactory};
use clap_complete::{Shell, generate};

use super::Cli;

/// `signet completions`
#[derive(Debug, Args)]
pub struct CompletionsArgs {
    /// The shell that the script is for.
    shell: Shell,
}

/// Prints the script.
///
/// # Errors
/// The output is closed.
pub fn run(args: &CompletionsArgs) -> anyhow::Result<()> {
    std::io::stdout().write_all(&script(args.shell))?;
    Ok(())
}

fn script(shell: Shell) -> Vec<u8> {
    let mut script = Vec::new();
    generate(shell, &mut Cli::command(), "signet", &mut script);
    script
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum;

    use super::*;
    use crate::commands::each_command;

    #[test]
    fn the_script_of_each_shell_names_each_command_and_each_option() {
        for &shell in Shell::value_variants() {
            let script = String::from_utf8(script(shell)).expect("text");
            for (path, command) in each_command() {
                let name = path.last().map_or("signet", String::as_str);
                assert!(script.contains(name), "{path:?} for {shell}");
                let options = command.get_arguments().filter(|option| !option.is_hide_set());
                for option in options.filter_map(clap::Arg::get_long) {
                    assert!(script.contains(option), "--{option} of {path:?} for {shell}");
                }
            }
        }
    }
}
