//! The two databases behind one type.

/// Where the data is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DatabaseUrl {
    /// `sqlite:PATH`
    Sqlite(std::path::PathBuf),
    /// `postgres://…`
    Postgres(String),
}

/// A connected database, migrated to the present.
#[derive(Debug, Clone)]
pub enum Database {}
