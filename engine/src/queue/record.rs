//! The columns of the rows that the hot path writes, in one list for both databases.

use signet_model::Timestamp;
use uuid::Uuid;

/// A row that the hot path writes. Statements take the names of the columns and their
/// parameters from one list, so that the two cannot disagree.
pub(crate) trait Record: Sized + 'static {
    /// The table that the row is written to.
    const TABLE: &'static str;
    /// The columns, in the order of the parameters.
    const COLUMNS: &'static [Column<Self>];

    /// Returns the names of the columns, for a list in a statement.
    fn names() -> String {
        Self::COLUMNS.iter().map(|column| column.0).collect::<Vec<_>>().join(", ")
    }
}

/// The name of a column, and its value in a row.
pub(crate) struct Column<R: 'static>(pub(crate) &'static str, pub(crate) Value<R>);

/// Reads a value from a row. The variant names the type of the column in PostgreSQL.
pub(crate) enum Value<R: 'static> {
    Uuid(fn(&R) -> Option<Uuid>),
    Text(fn(&R) -> Option<&str>),
    Bytes(fn(&R) -> Option<&[u8]>),
    Int(fn(&R) -> Option<i32>),
    BigInt(fn(&R) -> Option<i64>),
    Bool(fn(&R) -> Option<bool>),
    Instant(fn(&R) -> Option<Timestamp>),
}
