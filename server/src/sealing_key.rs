//! Where the key comes from that seals signing secrets.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, ensure};
use signet_engine::{random::Random, seal::SealKey, store::DatabaseUrl};

/// Holds the key itself, for operators who keep no file.
pub const KEY_VARIABLE: &str = "SIGNET_KEY";

/// Finds the key: `given` (what [`KEY_VARIABLE`] holds), else the file that was
/// named, else the one beside the SQLite database. A missing file is made, but
/// not for a database that already exists: its secrets need the old key.
///
/// # Errors
/// The key is not one, its file cannot be read or made, or it is unknown where
/// to keep it.
pub fn find(
    given: Option<&str>,
    file: Option<&Path>,
    database: &DatabaseUrl,
    random: &Random,
) -> anyhow::Result<SealKey> {
    if let Some(text) = given {
        return text.parse().with_context(|| format!("the environment variable {KEY_VARIABLE} holds no key"));
    }
    let path = file.map(Path::to_owned).or_else(|| beside(database)).with_context(|| {
        format!(
            "PostgreSQL needs a sealing key, the same one for every process: name its file with --key-file (it is \
             made if it is missing), or set {KEY_VARIABLE}"
        )
    })?;
    if !path.exists() {
        refuse_to_forget(database, &path)?;
        tracing::info!("making a sealing key in {}: back it up together with the database", path.display());
    }
    Ok(SealKey::load_or_create(&path, random)?)
}

fn beside(database: &DatabaseUrl) -> Option<PathBuf> {
    match database {
        DatabaseUrl::Sqlite(path) => Some(path.with_extension("key")),
        DatabaseUrl::Postgres(_) => None,
    }
}

fn refuse_to_forget(database: &DatabaseUrl, key: &Path) -> anyhow::Result<()> {
    let DatabaseUrl::Sqlite(database) = database else { return Ok(()) };
    ensure!(
        !fs::metadata(database).is_ok_and(|it| it.len() > 0),
        "the database {} is there, but not its key file {}: without that key its signing secrets cannot be opened. \
         Restore the file, or name it with --key-file",
        database.display(),
        key.display(),
    );
    Ok(())
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

        fn find(&self, given: Option<&str>) -> anyhow::Result<SealKey> {
            find(given, None, &DatabaseUrl::Sqlite(self.0.path().join("signet.db")), &Random::from_seed(1))
        }

        fn has_key_file(&self) -> bool {
            self.0.path().join("signet.key").exists()
        }

        fn add_database(&self) {
            fs::write(self.0.path().join("signet.db"), "data").expect("a database");
        }
    }

    #[test]
    fn a_key_is_made_beside_a_new_database_and_found_again() {
        let folder = Folder::new();
        assert!(folder.find(None).is_ok() && folder.has_key_file());
        folder.add_database();
        assert!(folder.find(None).is_ok());
    }

    #[test]
    fn no_new_key_is_made_for_an_old_database() {
        let folder = Folder::new();
        folder.add_database();
        let error = folder.find(None).expect_err("no key");
        assert!(error.to_string().contains("Restore the file"), "{error}");
        assert!(!folder.has_key_file());
    }

    #[test]
    fn a_key_in_the_environment_needs_no_file() {
        let folder = Folder::new();
        assert!(folder.find(Some(TEXT)).is_ok() && !folder.has_key_file());
    }

    #[test]
    fn what_is_no_key_is_refused_and_not_repeated() {
        let error = format!("{:#}", Folder::new().find(Some("hunter2")).expect_err("no key"));
        assert!(error.contains(KEY_VARIABLE) && !error.contains("hunter2"), "{error}");
    }

    #[test]
    fn postgresql_needs_to_be_told_where_the_key_is() {
        let database = DatabaseUrl::Postgres("postgres://localhost/signet".into());
        let error = find(None, None, &database, &Random::from_seed(1)).expect_err("nowhere to keep it");
        assert!(error.to_string().contains("--key-file"), "{error}");
    }
}
