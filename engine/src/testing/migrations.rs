//! What databases that are migrated once and copied are named by.

use sha2::{Digest, Sha256};
use sqlx::migrate::Migrator;

/// A part of a name that differs where the migrations do.
pub(super) fn fingerprint(migrator: &Migrator) -> String {
    let mut hash = Sha256::new();
    for migration in migrator.iter() {
        hash.update(migration.version.to_be_bytes());
        hash.update(&migration.checksum);
    }
    hex::encode(&hash.finalize()[..8])
}
