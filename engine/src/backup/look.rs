//! Looks through a copy before it counts as a backup.

use std::{fs, path::Path};

use rusqlite::{Connection, OptionalExtension};
use signet_model::{EventId, Timestamp};
use uuid::Uuid;

use super::{
    BackupError, Result,
    copy::{reader, sqlite},
    draft::io_error,
};
use crate::{db::schema::own_schema, seal::Sealer, service::opens_proof};

/// A whole database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contents {
    /// The bytes of its file.
    pub bytes: u64,
    /// The version of its schema.
    pub schema: i64,
    /// The number of events.
    pub events: u64,
    /// The number of deliveries.
    pub deliveries: u64,
    /// The instant of the newest event.
    pub newest_event: Option<Timestamp>,
    /// The proof of the sealing key: a known text, sealed.
    proof: Option<Vec<u8>>,
}

impl Contents {
    /// True if the database says with which key its secrets are sealed.
    pub const fn has_proof(&self) -> bool {
        self.proof.is_some()
    }

    /// True if these keys open what the database has sealed, or it has sealed nothing.
    pub fn opens_with(&self, sealer: &Sealer) -> bool {
        self.proof.as_ref().is_none_or(|proof| opens_proof(sealer, proof))
    }
}

/// Reads every page of a database that no server writes to, and compares them with one another.
///
/// # Errors
/// It is damaged, or no database of this version of Signet or an older one.
pub fn look(path: &Path) -> Result<Contents> {
    let connection = reader(path)?;
    let failed = sqlite(path);
    // The first complaint is enough.
    let verdict: String = connection.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0)).map_err(&failed)?;
    if verdict != "ok" {
        let words = verdict.split_whitespace().collect::<Vec<_>>().join(" ");
        return Err(BackupError::Damaged { path: path.to_owned(), words });
    }
    let schema = schema(&connection).map_err(&failed)?.ok_or_else(|| BackupError::Foreign(path.to_owned()))?;
    let known = own_schema();
    if schema > known {
        return Err(BackupError::Newer { path: path.to_owned(), found: schema, known });
    }
    let bytes = fs::metadata(path).map_err(io_error(path))?.len();
    let (events, deliveries, newest_event, proof) = rows(&connection).map_err(&failed)?;
    Ok(Contents { bytes, schema, events, deliveries, newest_event, proof })
}

/// The last migration, if this is a database of Signet.
fn schema(connection: &Connection) -> rusqlite::Result<Option<i64>> {
    if !has_table(connection, "_sqlx_migrations")? || !has_table(connection, "deliveries")? {
        return Ok(None);
    }
    connection.query_row("SELECT max(version) FROM _sqlx_migrations WHERE success", [], |row| row.get(0))
}

fn has_table(connection: &Connection, name: &str) -> rusqlite::Result<bool> {
    const SQL: &str = "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?1)";
    connection.query_row(SQL, [name], |row| row.get(0))
}

type Rows = (u64, u64, Option<Timestamp>, Option<Vec<u8>>);

fn rows(connection: &Connection) -> rusqlite::Result<Rows> {
    let (events, newest): (i64, Option<Vec<u8>>) =
        connection.query_row("SELECT count(*), max(id) FROM events", [], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let deliveries: i64 = connection.query_row("SELECT count(*) FROM deliveries", [], |row| row.get(0))?;
    let proof = if has_table(connection, "sealing_check")? {
        connection.query_row("SELECT sealed FROM sealing_check", [], |row| row.get(0)).optional()?
    } else {
        None
    };
    let newest = newest.and_then(|id| Uuid::from_slice(&id).ok());
    let newest = newest.map(|id| EventId::from_uuid(id).created_at());
    Ok((events.unsigned_abs(), deliveries.unsigned_abs(), newest, proof))
}
