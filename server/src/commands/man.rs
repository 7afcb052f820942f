//! `signet man`: the manual, a page a command.

use std::{io::Write, path::PathBuf};

use anyhow::Context;
use clap::{Args, CommandFactory};
use clap_mangen::{Man, generate_to};

use super::Cli;

/// `signet man`
#[derive(Debug, Args)]
pub struct ManArgs {
    /// The folder into which a page for each command is written, such as
    /// `/usr/local/share/man/man1`. Default: the first page alone, to standard
    /// output.
    folder: Option<PathBuf>,
}

/// Writes the pages.
///
/// # Errors
/// The folder cannot be written, or the output is closed.
pub fn run(args: &ManArgs) -> anyhow::Result<()> {
    let Some(folder) = &args.folder else {
        let mut page = Vec::new();
        Man::new(Cli::command()).render(&mut page)?;
        std::io::stdout().write_all(&page)?;
        return Ok(());
    };
    std::fs::create_dir_all(folder)
        .and_then(|()| generate_to(Cli::command(), folder))
        .with_context(|| format!("the manual cannot be written into {}; name another folder", folder.display()))
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, fs};

    use super::*;
    use crate::commands::each_command;

    #[test]
    fn each_command_has_a_page_with_its_options_and_no_value_of_the_environment() {
        let folder = tempfile::tempdir().expect("a folder");
        run(&ManArgs { folder: Some(folder.path().join("man1")) }).expect("pages");
        let mut pages = BTreeSet::new();
        for (path, command) in each_command() {
            let page = ["signet".to_owned()].iter().chain(&path).cloned().collect::<Vec<_>>().join("-") + ".1";
            let text = fs::read_to_string(folder.path().join("man1").join(&page)).expect(&page);
            for option in command.get_arguments().filter(|it| !it.is_hide_set()).filter_map(clap::Arg::get_long) {
                assert!(text.contains(&option.replace('-', "\\-")), "--{option} on {page}");
            }
            pages.insert(page);
        }
        let written = fs::read_dir(folder.path().join("man1")).expect("a folder");
        let written: BTreeSet<_> =
            written.map(|page| page.expect("a page").file_name().into_string().expect("text")).collect();
        assert_eq!(written, pages);
    }

    #[test]
    fn a_folder_that_cannot_be_written_is_named() {
        let file = tempfile::NamedTempFile::new().expect("a file");
        let error = run(&ManArgs { folder: Some(file.path().join("man1")) }).expect_err("a file is no folder");
        assert!(error.to_string().contains("name another folder"), "{error}");
    }
}
