//! The key that seals secrets: whether it is there, is kept well, and is the one of the database.

use signet_engine::{
    db::{DatabaseUrl, Look},
    random::Random,
    service::sealing_check::{self, SealFound},
};

use super::{Finding, failed_statement};
use crate::{
    config::StorageArgs,
    storage::{self, KEY_VARIABLE},
};

const CHECK: &str = "sealing key";

/// Checks the key; with the database, if that can be read.
pub async fn check(storage: &StorageArgs, look: Option<&mut Look>) -> Finding {
    let Ok(sources) = storage::key_sources(storage) else {
        return Finding::skipped(CHECK, "its place depends on the database", "correct --database first");
    };
    let place = sources.file().map_or_else(|| KEY_VARIABLE.to_owned(), |file| file.display().to_string());
    let ring = match sources.at_hand(&Random::from_system()) {
        Err(error) => {
            return Finding::failed(
                CHECK,
                format!("{error:#}"),
                "correct the file, or name another one with --key-file",
            );
        }
        Ok(None) => return missing(&sources.database, &place, look.is_some()),
        Ok(Some(ring)) => ring,
    };
    let kept = if ring.has_old() { ", with old ones of a rotation that has not ended" } else { "" };
    let Some(look) = look else {
        return Finding::ok(
            CHECK,
            format!("{place} holds a key that only its owner can read{kept}; there is nothing to try it at"),
        );
    };
    match sealing_check::look(look, &ring).await {
        Ok(SealFound::Opens) => Finding::ok(CHECK, format!("{place} opens what the database has sealed{kept}")),
        Ok(SealFound::Nothing) => Finding::ok(CHECK, format!("{place} holds a key; nothing is sealed yet{kept}")),
        Ok(SealFound::NoProof) => {
            Finding::ok(CHECK, format!("{place} holds a key, which the next start of a server tries{kept}"))
        }
        Ok(SealFound::Wrong) => Finding::failed(
            CHECK,
            format!("{place} holds another key than the one that the secrets in this database were sealed with"),
            format!("name the file of the old key with --key-file, or set {KEY_VARIABLE} to it"),
        ),
        Err(error) => failed_statement(CHECK, &error),
    }
}

fn missing(database: &DatabaseUrl, place: &str, has_database: bool) -> Finding {
    match database {
        DatabaseUrl::Sqlite(_) if has_database => Finding::failed(
            CHECK,
            format!("there is a database, but no key file {place}"),
            "restore the file, or name it with --key-file; only a database without secrets gets a new one",
        ),
        DatabaseUrl::Sqlite(_) => Finding::ok(CHECK, format!("{place} is made at the first start")),
        DatabaseUrl::Postgres(_) => Finding::failed(
            CHECK,
            "no key is named",
            format!(
                "name its file with --key-file, the same for all servers; it is made if it is missing. Or set {KEY_VARIABLE}"
            ),
        ),
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt};

    use signet_engine::testing::sqlite;

    use super::*;
    use crate::doctor::Verdict;

    fn storage(database: &DatabaseUrl, key: &std::path::Path) -> StorageArgs {
        let DatabaseUrl::Sqlite(path) = database else { unreachable!("it is SQLite") };
        let database = format!("sqlite:{}", path.display());
        StorageArgs {
            database: database.into(),
            key_file: Some(key.to_owned()),
            config: None,
            database_password_file: None,
        }
    }

    #[tokio::test]
    async fn a_key_is_missing_open_to_others_or_fits() {
        let database = sqlite().await;
        let folder = tempfile::tempdir().expect("a folder");
        let key = folder.path().join("key");
        let storage = storage(&database.url, &key);
        let mut look = Look::at(&database.url).await.expect("a connection");
        let found = check(&storage, Some(&mut look)).await;
        assert!(found.result == Verdict::Failed && found.says.contains("no key file"), "{found:?}");
        assert_eq!(check(&storage, None).await.result, Verdict::Ok, "the first start makes both");
        assert!(!key.exists(), "it was made");
        fs::write(&key, "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=\n").expect("written");
        for (mode, verdict) in [(0o644, Verdict::Failed), (0o600, Verdict::Ok)] {
            fs::set_permissions(&key, fs::Permissions::from_mode(mode)).expect("permissions");
            assert_eq!(check(&storage, Some(&mut look)).await.result, verdict, "{mode:o}");
        }
    }
}
