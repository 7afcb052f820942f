//! What a database says of its own settings.

use std::{collections::BTreeMap, time::Duration};

use super::Look;
use crate::db::{Error, Result};

/// Says five things at most.
const QUICK_CHECK: &str = "PRAGMA quick_check(5)";

/// An SQLite file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SqliteFacts {
    /// How changes are written; a server makes it `wal`.
    pub journal_mode: String,
    /// The version of the library.
    pub library: String,
    /// What the quick check of the file complains about; `None` if it was not done in time.
    pub complaints: Option<Vec<String>>,
}

/// A PostgreSQL server, and the role that has connected.
#[derive(Debug, Clone, PartialEq)]
pub struct PostgresFacts {
    /// The version, such as 170002.
    pub version: i64,
    /// Settings by name, as the server writes them.
    pub settings: BTreeMap<String, String>,
    /// The encoding of the database.
    pub encoding: String,
    /// True if the server follows another one, and takes no writes.
    pub is_standby: bool,
    /// How far a standby is behind, in seconds.
    pub lag: Option<f64>,
    /// Connections that are open, those of vacuuming among them.
    pub connections: i64,
    /// The most connections of this role and to this database; below zero for no limit.
    pub own_limits: [i64; 2],
    /// True if the role may make tables.
    pub may_create: bool,
    /// Tables of Signet that the role may not read and write, a few of them.
    pub forbidden_tables: Vec<String>,
    /// True if the connection is encrypted, or does not leave the machine.
    pub is_private: bool,
}

#[derive(sqlx_macros::FromRow)]
struct ServerRow {
    version: i64,
    encoding: String,
    is_standby: bool,
    lag: Option<f64>,
    connections: i64,
    role_limit: i64,
    database_limit: i64,
    may_create: bool,
    is_private: bool,
}

/// The settings that are read.
const SETTINGS: &str = "SELECT name, setting FROM pg_settings WHERE name IN ('synchronous_commit', 'fsync',
       'full_page_writes', 'max_connections', 'superuser_reserved_connections', 'reserved_connections', 'autovacuum',
       'TimeZone', 'default_transaction_read_only', 'server_version')";

/// A connection by a socket of this machine has no address.
const SERVER: &str = "SELECT CAST(current_setting('server_version_num') AS BIGINT) AS version,
       CAST(pg_encoding_to_char(d.encoding) AS TEXT) AS encoding, pg_is_in_recovery() AS is_standby,
       CASE WHEN pg_is_in_recovery() THEN CAST(extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp())
         AS DOUBLE PRECISION) END AS lag,
       (SELECT count(*) FROM pg_stat_activity WHERE datid IS NOT NULL) AS connections,
       CAST(r.rolconnlimit AS BIGINT) AS role_limit, CAST(d.datconnlimit AS BIGINT) AS database_limit,
       COALESCE(has_schema_privilege(current_schema(), 'CREATE'), false) AS may_create,
       COALESCE((SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()), false) OR inet_server_addr() IS NULL
         OR inet_server_addr() <<= '127.0.0.0/8' OR inet_server_addr() = '::1' AS is_private
     FROM pg_database d JOIN pg_roles r ON r.rolname = current_user WHERE d.datname = current_database()";

const FORBIDDEN: &str = "SELECT CAST(c.relname AS TEXT) FROM pg_class c
     WHERE c.relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = current_schema()) AND c.relkind IN ('r', 'p')
       AND NOT c.relispartition
       AND NOT (has_table_privilege(c.oid, 'SELECT') AND has_table_privilege(c.oid, 'INSERT')
                AND has_table_privilege(c.oid, 'UPDATE') AND has_table_privilege(c.oid, 'DELETE'))
     ORDER BY c.relname LIMIT 10";

impl Look {
    /// Looks at an SQLite file; its quick check may take so long. `None` on PostgreSQL.
    ///
    /// # Errors
    /// The file cannot be read.
    pub async fn sqlite_facts(&mut self, limit: Duration) -> Result<Option<SqliteFacts>> {
        if self.is_postgres() {
            return Ok(None);
        }
        let journal_mode = self.query("PRAGMA journal_mode").fetch_value().await?;
        let library = self.query("SELECT sqlite_version()").fetch_value().await?;
        self.end_in(limit).await?;
        let complaints = match self.query(QUICK_CHECK).fetch_values::<String>().await {
            Err(Error::TooSlow) => None,
            complaints => Some(complaints?.into_iter().filter(|it| it != "ok").collect()),
        };
        Ok(Some(SqliteFacts { journal_mode, library, complaints }))
    }

    /// Looks at a PostgreSQL server. `None` on SQLite.
    ///
    /// # Errors
    /// The server failed.
    pub async fn postgres_facts(&mut self) -> Result<Option<PostgresFacts>> {
        if !self.is_postgres() {
            return Ok(None);
        }
        let settings: Vec<(String, String)> = self.query(SETTINGS).fetch_all().await?;
        let row: ServerRow = self.query(SERVER).fetch_one().await?;
        Ok(Some(PostgresFacts {
            version: row.version,
            settings: settings.into_iter().collect(),
            encoding: row.encoding,
            is_standby: row.is_standby,
            lag: row.lag,
            connections: row.connections,
            own_limits: [row.role_limit, row.database_limit],
            may_create: row.may_create,
            forbidden_tables: self.query(FORBIDDEN).fetch_values().await?,
            is_private: row.is_private,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        db::DatabaseUrl,
        testing::{postgres, sqlite},
    };

    const LONG: Duration = Duration::from_mins(1);

    #[tokio::test]
    async fn a_file_that_is_whole_gives_no_complaint_and_one_that_is_damaged_does() {
        let database = sqlite().await;
        let mut look = Look::at(&database.url).await.expect("a connection");
        let facts = look.sqlite_facts(LONG).await.expect("facts").expect("SQLite");
        assert_eq!((facts.journal_mode.as_str(), facts.complaints), ("wal", Some(Vec::new())));
        assert_eq!(look.postgres_facts().await.expect("facts"), None);
        look.close().await;

        let DatabaseUrl::Sqlite(path) = database.url.clone() else { unreachable!("it is SQLite") };
        database.db.close().await;
        let mut bytes = std::fs::read(&path).expect("the file");
        for byte in bytes.iter_mut().skip(4_096).step_by(7) {
            *byte ^= 0x55;
        }
        std::fs::write(&path, bytes).expect("damaged");
        let mut look = Look::at(&database.url).await.expect("a connection");
        let facts = look.sqlite_facts(LONG).await;
        let complains = facts.as_ref().map_or(true, |it| {
            it.as_ref().and_then(|it| it.complaints.as_ref()).is_some_and(|complaints| !complaints.is_empty())
        });
        assert!(complains, "{facts:?}");
    }

    #[tokio::test]
    async fn a_quick_check_that_takes_long_is_stopped() {
        let database = sqlite().await;
        database.run("CREATE TABLE many (n)").await;
        database
            .run("WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300000) INSERT INTO many SELECT i FROM n")
            .await;
        let mut look = Look::at(&database.url).await.expect("a connection");
        let facts = look.sqlite_facts(Duration::ZERO).await.expect("facts").expect("SQLite");
        assert_eq!(facts.complaints, None);
    }

    #[tokio::test]
    async fn a_server_tells_its_settings_and_what_the_role_may() {
        let Some(database) = postgres().await else { return };
        let mut look = Look::at(&database.url).await.expect("a connection");
        assert_eq!(look.sqlite_facts(LONG).await.expect("facts"), None);
        let facts = look.postgres_facts().await.expect("facts").expect("PostgreSQL");
        assert!(facts.version >= 100_000 && facts.connections >= 1, "{facts:?}");
        assert_eq!((facts.encoding.as_str(), facts.is_standby, facts.lag), ("UTF8", false, None));
        assert!(facts.may_create && facts.is_private && facts.forbidden_tables.is_empty(), "{facts:?}");
        for name in ["synchronous_commit", "fsync", "max_connections", "autovacuum", "TimeZone"] {
            assert!(facts.settings.contains_key(name), "{name}");
        }
    }
}
