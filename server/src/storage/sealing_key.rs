//! The sources of the key that seals signing secrets.

use std::path::PathBuf;

use anyhow::{Context, ensure};
use signet_engine::{db::DatabaseUrl, random::Random, seal::KeyRing};

/// The variable that holds the key itself, for operators without a file.
pub const KEY_VARIABLE: &str = "SIGNET_KEY";

/// The places of the key, in the order of their rank: the environment ([`KEY_VARIABLE`]), the
/// named file, the file beside the SQLite database.
#[derive(Debug, Clone)]
pub struct Sources {
    /// The value of the variable.
    pub given: Option<String>,
    /// The file that was named.
    pub file: Option<PathBuf>,
    /// The database.
    pub database: DatabaseUrl,
}

impl Sources {
    /// The key of a server. A missing file is made, but not for a database that has sealed
    /// secrets: those need the old key.
    ///
    /// # Errors
    /// The text is no key, its file cannot be read or made, or no place for it is named.
    pub fn find(&self, random: &Random, has_sealed: bool) -> anyhow::Result<KeyRing> {
        if let Some(key) = self.at_hand(random)? {
            return Ok(key);
        }
        let path = self.path().with_context(|| {
            format!(
                "PostgreSQL needs a sealing key, the same one for every process: name its file with --key-file (it is \
                 made if it is missing), or set {KEY_VARIABLE}"
            )
        })?;
        ensure!(
            !has_sealed,
            "the database {:?} is there, but not its key file {}: without that key its signing secrets cannot be \
             opened. Restore the file, or name it with --key-file",
            self.database,
            path.display(),
        );
        tracing::info!("making a sealing key in {}: back it up together with the database", path.display());
        Ok(KeyRing::load_or_create(&path, random)?)
    }

    /// The key, if it is there; none is made.
    ///
    /// # Errors
    /// The variable or the file holds no key, or the file cannot be read.
    pub fn at_hand(&self, random: &Random) -> anyhow::Result<Option<KeyRing>> {
        if let Some(text) = &self.given {
            let key = text.parse();
            return key.map(Some).with_context(|| format!("the environment variable {KEY_VARIABLE} holds no key"));
        }
        let path = self.path().filter(|path| path.exists());
        Ok(path.map(|path| KeyRing::load_or_create(&path, random)).transpose()?)
    }

    /// The file of the keys, made or not; `None` if they are in the environment.
    pub fn file(&self) -> Option<PathBuf> {
        self.path().filter(|_| self.given.is_none())
    }

    fn path(&self) -> Option<PathBuf> {
        self.file.clone().or_else(|| match &self.database {
            DatabaseUrl::Sqlite(path) => Some(path.with_extension("key")),
            DatabaseUrl::Postgres(_) => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    const TEXT: &str = "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=";

    struct Folder(TempDir);

    impl Folder {
        fn new() -> Self {
            Self(TempDir::new().expect("a folder"))
        }

        fn sources(&self, given: Option<&str>) -> Sources {
            let database = DatabaseUrl::Sqlite(self.0.path().join("signet.db"));
            Sources { given: given.map(str::to_owned), file: None, database }
        }

        fn find(&self, given: Option<&str>, has_sealed: bool) -> anyhow::Result<KeyRing> {
            self.sources(given).find(&Random::from_seed(1), has_sealed)
        }

        fn has_key_file(&self) -> bool {
            self.0.path().join("signet.key").exists()
        }
    }

    #[test]
    fn a_key_is_made_beside_a_new_database_and_found_again() {
        let folder = Folder::new();
        assert!(folder.find(None, false).is_ok() && folder.has_key_file());
        assert!(folder.find(None, true).is_ok());
    }

    #[test]
    fn no_new_key_is_made_for_secrets_that_are_sealed_already() {
        let folder = Folder::new();
        let error = folder.find(None, true).expect_err("no key");
        assert!(error.to_string().contains("Restore the file"), "{error}");
        assert!(!folder.has_key_file());
    }

    #[test]
    fn a_command_makes_no_key() {
        let folder = Folder::new();
        assert!(folder.sources(None).at_hand(&Random::from_seed(1)).expect("an answer").is_none());
        assert!(!folder.has_key_file());
    }

    #[test]
    fn a_key_in_the_environment_needs_no_file() {
        let folder = Folder::new();
        assert!(folder.find(Some(TEXT), true).is_ok() && !folder.has_key_file());
    }

    #[test]
    fn a_text_that_is_no_key_is_refused_and_not_repeated() {
        let zeros = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
        for wrong in ["hunter2", zeros] {
            let error = format!("{:#}", Folder::new().find(Some(wrong), false).expect_err("no key"));
            assert!(error.contains(KEY_VARIABLE) && !error.contains(wrong), "{error}");
        }
    }

    #[test]
    fn postgresql_needs_a_named_place_for_the_key() {
        let database = DatabaseUrl::Postgres("postgres://localhost/signet".into());
        let sources = Sources { given: None, file: None, database };
        let error = sources.find(&Random::from_seed(1), false).expect_err("nowhere to keep it");
        assert!(error.to_string().contains("--key-file"), "{error}");
    }
}
