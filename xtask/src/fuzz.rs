//! `cargo xtask fuzz`: searches for inputs that break a promise, from the
//! corpus in `fuzz`.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Result, ensure};

use xtask_postgres::process::{run, succeeds};

use crate::{
    step::step,
    workspace::{self, cargo},
};

/// The binaries in `fuzz/targets`.
pub const TARGETS: [&str; 3] = ["payload", "signature", "url"];

/// The flags with which `cargo fuzz` makes coverage visible to libFuzzer, without
/// the sanitizers: they need a nightly compiler, and safe code does not need them.
const COVERAGE: &str = "-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares -Ccodegen-units=1 --cfg fuzzing";

/// Runs each of these targets for this many seconds.
pub fn run_each(targets: &[impl AsRef<str>], seconds: u32) -> Result<()> {
    if !succeeds(Command::new("c++").arg("--version")) {
        return skip(env::var_os("CI").is_some_and(|set| !set.is_empty()));
    }
    let binaries = step("fuzzing: build", build)?;
    for target in targets.iter().map(AsRef::as_ref) {
        step(&format!("fuzzing: {target}"), || fuzz(&binaries.join(target), target, seconds))?;
    }
    Ok(())
}

/// A developer without a C++ compiler can still run all other checks. In CI a
/// check that is left out would look like one that has passed.
fn skip(in_ci: bool) -> Result<()> {
    const WHY: &str = "fuzzing needs a C++ compiler, and there is no c++ (on Debian: apt-get install g++)";
    ensure!(!in_ci, WHY);
    eprintln!("── fuzzing: SKIPPED");
    eprintln!("warning: {WHY}");
    eprintln!("warning: payloads, signatures and URLs were not fuzzed; with CI set this is an error");
    Ok(())
}

/// Returns the folder with the binaries.
fn build() -> Result<PathBuf> {
    // With `--target`, cargo keeps the flags from build scripts, which would not link.
    let host = workspace::host()?;
    let folder = workspace::target().join("fuzz");
    let mut build = cargo();
    build.args(["build", "--release", "--locked", "--target", &host, "--manifest-path", "fuzz/Cargo.toml"]);
    run(build.arg("--target-dir").arg(&folder).env("RUSTFLAGS", COVERAGE))?;
    Ok(folder.join(host).join("release"))
}

fn fuzz(binary: &Path, target: &str, seconds: u32) -> Result<()> {
    let fuzz = workspace::root().join("fuzz");
    // libFuzzer adds inputs to the first folder only, so the corpus stays as it is.
    let new_inputs = workspace::target().join("fuzz/found").join(target);
    let artifacts = fuzz.join("artifacts").join(target);
    fs::create_dir_all(&new_inputs)?;
    fs::create_dir_all(&artifacts)?;
    let mut fuzzer = Command::new(binary);
    fuzzer.args([format!("-max_total_time={seconds}"), "-print_final_stats=1".into(), "-verbosity=0".into()]);
    fuzzer.arg(format!("-artifact_prefix={}/", artifacts.display()));
    run(fuzzer.arg(new_inputs).arg(fuzz.join("corpus").join(target)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_compiler_skips_fuzzing_for_a_developer_and_fails_in_ci() {
        assert!(skip(false).is_ok());
        let refused = skip(true).expect_err("an error in CI");
        assert!(refused.to_string().contains("g++"), "{refused}");
    }
}
