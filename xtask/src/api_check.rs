//! `cargo xtask api-check`: Schemathesis makes requests of the API's own document, good and
//! bad ones, and holds a running server's answers to that document, on both databases.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::Result;
use xtask_postgres::process::{output, run};

use crate::{postgres, python, serving::Serving, step::step, workspace};

/// Options of the server: no attempt takes long, and what has failed waits to be retried.
const OPTIONS: [&str; 11] = [
    "--dev",
    "--budget",
    "1s",
    "--retry-delays",
    "1h",
    "--max-webhooks-per-account",
    "1000",
    "--max-request-rate",
    "100000",
    "--log-level",
    "warn",
];

/// How much is tried.
#[derive(Debug, Clone, clap::Args)]
pub struct Effort {
    /// The requests that are made up for each operation, beside those at the limits of the
    /// schema.
    #[arg(long, default_value_t = 50)]
    pub max_examples: u32,
    /// The random seed, as a failure prints it.
    #[arg(long)]
    pub seed: Option<u64>,
}

impl Effort {
    /// Enough for a regression, and the same each time; `cargo xtask api-check` searches with
    /// other seeds.
    pub const REGRESSION: Self = Self { max_examples: 15, seed: Some(1) };
}

/// Tests the API of this binary.
pub fn check(signet: &Path, effort: &Effort) -> Result<()> {
    let schemathesis = step("API: Python packages", || python::tool("schemathesis"))?;
    let folder = workspace::target().join("api-check");
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    let of = |name: &str| -> Result<PathBuf> {
        let folder = folder.join(name);
        fs::create_dir_all(&folder)?;
        Ok(folder)
    };
    step("API on SQLite", || {
        let folder = of("sqlite")?;
        let database = format!("sqlite:{}", folder.join("signet.db").display());
        test(&schemathesis, signet, &database, &folder, effort)
    })?;
    step("API on PostgreSQL", || {
        let server = postgres::Server::start()?;
        test(&schemathesis, signet, &server.url(), &of("postgresql")?, effort)
    })
}

fn test(schemathesis: &Path, signet: &Path, database: &str, folder: &Path, effort: &Effort) -> Result<()> {
    let mut serving = Serving::start(signet, database, folder, &OPTIONS)?;
    let key = serving.command(&["key", "add", "--name", "api-check", "--scope", "all"])?;
    let mut run_all = Command::new(schemathesis);
    run_all.arg("--config-file").arg(python::folder().join("schemathesis.toml"));
    run_all.arg("run").arg(format!("{}/openapi.json", serving.origin)).arg("--url").arg(&serving.origin);
    run_all.arg("--header").arg(format!("Authorization: Bearer {key}"));
    run_all.args(["--max-examples", &effort.max_examples.to_string()]);
    if let Some(seed) = effort.seed {
        run_all.args(["--seed", &seed.to_string()]);
    }
    run(run_all.envs(prepare(&serving.origin, &key)?).current_dir(folder))?;
    serving.check()
}

/// Makes one of everything, and returns the ids under the names that the settings have.
fn prepare(origin: &str, key: &str) -> Result<Vec<(String, String)>> {
    let mut prepare = Command::new(python::tool("python")?);
    let printed = output(prepare.arg(python::folder().join("prepare.py")).args([origin, key]))?;
    let pairs = printed.lines().filter_map(|line| line.split_once('='));
    Ok(pairs.map(|(name, id)| (name.to_owned(), id.to_owned())).collect())
}
