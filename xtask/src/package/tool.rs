//! Programs of the system that not every machine has.

use std::env;

use anyhow::{Result, ensure};

/// Tells whether a program is there. In CI it must be: a check that is left out would look like
/// one that has passed.
pub fn is_there(program: &str, debian_package: &str) -> Result<bool> {
    decide(program, debian_package, on_path(program), in_ci())
}

/// Tells whether nothing may be left out.
pub fn in_ci() -> bool {
    env::var_os("CI").is_some_and(|set| !set.is_empty())
}

fn decide(program: &str, debian_package: &str, is_there: bool, in_ci: bool) -> Result<bool> {
    let why = format!("{program} is not there (on Debian: apt-get install {debian_package})");
    ensure!(is_there || !in_ci, "{why}");
    if !is_there {
        eprintln!("warning: {why}, so its check was SKIPPED; with CI set this is an error");
    }
    Ok(is_there)
}

fn on_path(program: &str) -> bool {
    let folders = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&folders).any(|folder| folder.join(program).is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_program_is_left_out_for_a_developer_and_fails_in_ci() {
        assert!(on_path("sh") && !on_path("no-such-program"));
        assert!(!decide("lintian", "lintian", false, false).expect("left out"));
        let refused = decide("lintian", "lintian", false, true).expect_err("an error in CI");
        assert!(refused.to_string().contains("apt-get install lintian"), "{refused}");
    }
}
