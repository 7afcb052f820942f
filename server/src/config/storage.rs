//! The database, and the key that seals its secrets.

use std::{
    fmt, fs,
    path::{Path, PathBuf},
};

use anyhow::Context;
use clap::Args;
use signet_engine::db::DatabaseUrl;

use super::ConfigPlace;

/// The database, and the key that seals its secrets.
#[derive(Debug, Clone, Args)]
pub struct StorageArgs {
    /// The database: `sqlite:PATH` or `postgres://USER:PASSWORD@HOST/NAME`
    #[arg(
        long,
        value_name = "URL",
        env = "SIGNET_DATABASE",
        hide_env_values = true,
        default_value = "sqlite:signet.db"
    )]
    pub database: DatabaseText,
    /// File with the password for PostgreSQL, if it is not in the URL.
    #[arg(long, value_name = "FILE", env = "SIGNET_DATABASE_PASSWORD_FILE")]
    pub database_password_file: Option<PathBuf>,
    /// File with the key that seals signing secrets (32 bytes in base64). It is
    /// made if it is missing. Default: beside the SQLite database. The key
    /// itself can be given as the environment variable `SIGNET_KEY` instead.
    #[arg(long, value_name = "FILE", env = "SIGNET_KEY_FILE")]
    pub key_file: Option<PathBuf>,
    // `Layers` has read it before the options are parsed.
    /// A configuration file in TOML, with settings under the names of the options of `signet
    /// serve`, such as `listen = "0.0.0.0:8080"`. An option comes before its environment
    /// variable, and that before the file. `none`: no file. Default: /etc/signet/signet.toml, if
    /// it is there.
    #[arg(long, value_name = "FILE", env = "SIGNET_CONFIG", display_order = 899)]
    pub config: Option<ConfigPlace>,
}

/// The text of `--database`, not yet parsed: it can hold a password, and the parser of
/// options repeats a text that it refuses.
#[derive(Clone, PartialEq, Eq)]
pub struct DatabaseText(String);

impl StorageArgs {
    /// The database.
    ///
    /// # Errors
    /// The option names no database, or the password cannot be read. The error repeats neither.
    pub fn url(&self) -> anyhow::Result<DatabaseUrl> {
        let url: DatabaseUrl = self.database.0.parse().context("--database (or SIGNET_DATABASE)")?;
        match &self.database_password_file {
            Some(file) => url.with_password(&password(file)?).context("--database-password-file"),
            None => Ok(url),
        }
    }
}

/// The password in a file, without the end of its line.
fn password(file: &Path) -> anyhow::Result<String> {
    let text = fs::read_to_string(file)
        .with_context(|| format!("--database-password-file {} cannot be read", file.display()))?;
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}

impl From<String> for DatabaseText {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Debug for DatabaseText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DatabaseText(hidden)")
    }
}
