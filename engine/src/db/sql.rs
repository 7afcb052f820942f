//! The text of a statement.

use sqlx::{AssertSqlSafe, SqlSafeStr, SqlStr};

/// A statement that differs between the databases.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sql {
    pub(crate) sqlite: &'static str,
    pub(crate) postgres: &'static str,
}

impl Sql {
    /// A statement that is the same on both.
    pub(crate) const fn same(text: &'static str) -> Self {
        Self { sqlite: text, postgres: text }
    }
}

/// The text of a statement, for each database.
pub(crate) trait Statement {
    fn sqlite(self) -> SqlStr;
    fn postgres(self) -> SqlStr;
}

impl Statement for Sql {
    fn sqlite(self) -> SqlStr {
        self.sqlite.into_sql_str()
    }

    fn postgres(self) -> SqlStr {
        self.postgres.into_sql_str()
    }
}

/// The same on both.
impl Statement for &'static str {
    fn sqlite(self) -> SqlStr {
        self.into_sql_str()
    }

    fn postgres(self) -> SqlStr {
        self.into_sql_str()
    }
}

/// The same on both, put together from constants.
impl Statement for AssertSqlSafe<String> {
    fn sqlite(self) -> SqlStr {
        self.into_sql_str()
    }

    fn postgres(self) -> SqlStr {
        self.into_sql_str()
    }
}

/// A statement that is put together from constants, and differs between the databases.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MadeSql {
    pub(crate) sqlite: String,
    pub(crate) postgres: String,
}

impl Statement for MadeSql {
    fn sqlite(self) -> SqlStr {
        AssertSqlSafe(self.sqlite).into_sql_str()
    }

    fn postgres(self) -> SqlStr {
        AssertSqlSafe(self.postgres).into_sql_str()
    }
}
