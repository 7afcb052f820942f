//! The columns that hold sealed texts. A new one is a line here; a test compares the list with
//! the schema.

use signet_model::{EndpointId, UserId};
use sqlx::AssertSqlSafe;
use uuid::Uuid;

use crate::{seal::headers_context, service::factors};

/// A column with sealed texts in a table whose rows are known by one id.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SealedColumn {
    /// The table.
    pub table: &'static str,
    /// The column.
    pub column: &'static str,
    /// The column with the id, a UUID that is the primary key.
    pub id: &'static str,
    /// The context with which the text of a row is sealed, by its id.
    pub context: fn(Uuid) -> Vec<u8>,
}

/// All of them, but for `sealing_check`, which every start proves, and `stored_answers`, whose
/// rows have another key.
pub(crate) const SEALED: &[SealedColumn] = &[
    SealedColumn { table: "endpoints", column: "secret", id: "id", context: plain },
    SealedColumn { table: "endpoints", column: "next_secret", id: "id", context: plain },
    SealedColumn { table: "endpoints", column: "headers", id: "id", context: of_headers },
    SealedColumn { table: "totp", column: "seed", id: "user_id", context: of_seed },
];

fn plain(id: Uuid) -> Vec<u8> {
    id.as_bytes().to_vec()
}

fn of_headers(id: Uuid) -> Vec<u8> {
    headers_context(EndpointId::from_uuid(id))
}

fn of_seed(id: Uuid) -> Vec<u8> {
    factors::seed_context(UserId::from_uuid(id))
}

impl SealedColumn {
    /// The next rows (`$2`) after one (`$1`), those without a text too, so that a page reads no
    /// more rows than it has.
    pub(crate) fn page(self) -> AssertSqlSafe<String> {
        let Self { table, column, id, .. } = self;
        AssertSqlSafe(format!("SELECT {id}, {column} FROM {table} WHERE {id} > $1 ORDER BY {id} LIMIT $2"))
    }

    /// Replaces the text of a row (`$1`), if it is still the same (`$2`), by another (`$3`).
    pub(crate) fn update(self) -> AssertSqlSafe<String> {
        let Self { table, column, id, .. } = self;
        AssertSqlSafe(format!("UPDATE {table} SET {column} = $3 WHERE {id} = $1 AND {column} = $2"))
    }

    /// Counts texts with another beginning of five bytes than `$1`.
    pub(crate) fn count(self) -> AssertSqlSafe<String> {
        let Self { table, column, .. } = self;
        AssertSqlSafe(format!("SELECT count(*) FROM {table} WHERE substr({column}, 1, 5) <> $1"))
    }
}
