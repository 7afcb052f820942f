//! Refuses environment variables that no option reads.

use std::{collections::BTreeSet, ffi::OsString};

use anyhow::bail;

use crate::storage::KEY_VARIABLE;

/// The beginning of the names of all variables.
const PREFIX: &str = "SIGNET_";

/// Refuses a variable that no option reads: it is a typing error, or an option that is
/// not there any more, and would be ignored without a word.
///
/// # Errors
/// There is one.
pub fn refuse_unknown(
    variables: impl Iterator<Item = (OsString, OsString)>,
    command: &clap::Command,
) -> anyhow::Result<()> {
    unknown(variables, command).into_iter().next().map_or(Ok(()), |refused| bail!(refused))
}

/// A refusal for each variable that no option reads.
pub fn unknown(variables: impl Iterator<Item = (OsString, OsString)>, command: &clap::Command) -> Vec<String> {
    let mut known = BTreeSet::from([KEY_VARIABLE.to_owned()]);
    if cfg!(debug_assertions) {
        known.insert("SIGNET_FAULT".to_owned());
    }
    add_options(command, &mut known);
    let is_unknown = |name: &str, value: &str| {
        name.starts_with(PREFIX) && !known.contains(name) && !is_of_tests(name) && !is_of_kubernetes(name, value)
    };
    let refused = variables.filter_map(|(name, value)| {
        let (name, value) = (name.to_string_lossy(), value.to_string_lossy());
        is_unknown(&name, &value).then(|| {
            format!(
                "the environment variable {name} is not known: correct its name or unset it; `signet help` lists the \
                 commands, and `signet help COMMAND` the variables of each"
            )
        })
    });
    refused.collect()
}

/// The project's own tests and benchmarks start servers that inherit these.
fn is_of_tests(name: &str) -> bool {
    name == "SIGNET_BIN" || name.starts_with("SIGNET_TEST_")
}

/// Kubernetes sets these for a service that is called `signet`.
fn is_of_kubernetes(name: &str, value: &str) -> bool {
    name.starts_with("SIGNET_SERVICE_")
        || name.starts_with("SIGNET_PORT_")
        || name == "SIGNET_PORT" && value.contains("://")
}

fn add_options(command: &clap::Command, known: &mut BTreeSet<String>) {
    known.extend(command.get_arguments().filter_map(|option| Some(option.get_env()?.to_str()?.to_owned())));
    for command in command.get_subcommands() {
        add_options(command, known);
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;
    use crate::commands::Cli;

    fn refused(variables: &[(&str, &str)]) -> Option<String> {
        let variables = variables.iter().map(|&(name, value)| (name.into(), value.into()));
        refuse_unknown(variables, &Cli::command()).err().map(|error| error.to_string())
    }

    #[test]
    fn variables_of_every_command_and_those_of_other_programs_are_accepted() {
        let names = ["SIGNET_LISTEN", "SIGNET_TASK", "SIGNET_KEY", "SIGNET_TEST_POSTGRES_URL", "PATH", "SIGNETS"];
        assert_eq!(refused(&names.map(|name| (name, ""))), None);
        let of_a_service = [("SIGNET_SERVICE_HOST", "10.0.0.7"), ("SIGNET_PORT", "tcp://10.0.0.7:8080")];
        assert_eq!(refused(&of_a_service), None);
    }

    #[test]
    fn an_unknown_variable_is_named() {
        for name in ["SIGNET_LISTN", "SIGNET_PORT"] {
            let error = refused(&[("PATH", "/bin"), (name, "8080")]).expect("refused");
            assert!(error.contains(&format!("{name} is not known: correct its name or unset it")), "{error}");
        }
    }
}
