//! The endpoints of an account as a page lists them: newest first, by status, found by a text.

use const_format::formatcp;
use signet_model::{EndpointId, sql::Stored};
use uuid::Uuid;

use super::{ENDPOINTS, Endpoint, Endpoints, Row};
use crate::{
    db::{Pool, Sql},
    service::Result,
};

/// The endpoints that are counted.
const COUNTED: u32 = 10_000;
/// The letters of a text that are searched for.
const TEXT_MAX: usize = 200;

/// The endpoints that are failing: enabled, and the last attempt failed.
pub(super) const FAILING: &str = "(e.disabled_at IS NULL AND COALESCE(h.consecutive_failures, 0) > 0)";
/// Those that failures have disabled, or a newer version for a reason of its own.
pub(super) const DISABLED: &str = "COALESCE(e.disabled_reason, 'paused') <> 'paused'";
/// Those that a person has paused.
const PAUSED: &str = "COALESCE(e.disabled_reason, '') = 'paused'";

/// The status by which a list can be narrowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListedStatus {
    /// Enabled, and the last attempt failed.
    Failing,
    /// Disabled by failures.
    Disabled,
    /// Paused by a person.
    Paused,
}

impl ListedStatus {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Failing, Self::Disabled, Self::Paused];

    /// The text in addresses and statements.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Failing => "failing",
            Self::Disabled => "disabled",
            Self::Paused => "paused",
        }
    }
}

/// Selects endpoints of an account.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ListFilter {
    /// Only those with this status.
    pub status: Option<ListedStatus>,
    /// Only those that have this text in their URL or description, in small or capital letters.
    /// On SQLite only the letters of ASCII are the same in both. Empty for all.
    pub text: String,
}

impl ListFilter {
    /// The pattern for `LIKE`; `None` without a text.
    fn pattern(&self) -> Option<String> {
        let text = self.text.trim();
        (!text.is_empty()).then(|| {
            let mut pattern = String::from("%");
            for letter in text.chars().take(TEXT_MAX) {
                if matches!(letter, '%' | '_' | '\\') {
                    pattern.push('\\');
                }
                pattern.push(letter);
            }
            pattern.push('%');
            pattern
        })
    }
}

/// A page of the list.
#[derive(Debug)]
pub struct Listed {
    /// The endpoints, newest first.
    pub endpoints: Vec<Endpoint>,
    /// The endpoint after which the next page begins, unless the list ends here.
    pub next: Option<EndpointId>,
}

/// The number of endpoints of an account, by status.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StatusCounts {
    /// All of them.
    pub all: u64,
    /// Enabled ones whose last attempt failed.
    pub failing: u64,
    /// Those that failures have disabled.
    pub disabled: u64,
    /// Those that a person has paused.
    pub paused: u64,
}

impl StatusCounts {
    /// The number of those with a status, or of all.
    pub const fn of(self, status: Option<ListedStatus>) -> u64 {
        match status {
            None => self.all,
            Some(ListedStatus::Failing) => self.failing,
            Some(ListedStatus::Disabled) => self.disabled,
            Some(ListedStatus::Paused) => self.paused,
        }
    }
}

/// Counts the endpoints of an account (`$1`) by status, at most `$2` of them.
pub(crate) const COUNTS: &str = formatcp!(
    "SELECT count(*), count(CASE WHEN {FAILING} THEN 1 END), count(CASE WHEN {DISABLED} THEN 1 END),
       count(CASE WHEN {PAUSED} THEN 1 END)
     FROM (SELECT id, disabled_at, disabled_reason FROM endpoints
            WHERE account_id = $1 AND deleted_at IS NULL ORDER BY id LIMIT $2) AS e
       LEFT JOIN endpoint_health h ON h.account_id = $1 AND h.endpoint_id = e.id"
);

/// Endpoints of an account (`$1`) older than one (`$2`), at most `$3`, newest first, with a status
/// (`$4`) or all, with a text (`$5`, a pattern) or all.
macro_rules! listed {
    ($readable:literal, $like:literal) => {
        formatcp!(
            "{} {} AND e.id < $2 AND CASE CAST($4 AS TEXT) WHEN 'failing' THEN {} WHEN 'disabled' THEN {}
               WHEN 'paused' THEN {} ELSE TRUE END
             AND (CAST($5 AS TEXT) IS NULL OR e.url {} $5 ESCAPE '\\' OR e.description {} $5 ESCAPE '\\')
             ORDER BY e.id DESC LIMIT $3",
            ENDPOINTS,
            $readable,
            FAILING,
            DISABLED,
            PAUSED,
            $like,
            $like
        )
    };
}

/// The statement.
pub(crate) const LISTED: Sql = Sql { sqlite: listed!("AND length(e.id) = 16", "LIKE"), postgres: listed!("", "ILIKE") };

impl Endpoints<'_> {
    /// Counts them by status.
    pub async fn counts(self) -> Result<StatusCounts> {
        let mut conn = self.service.db.read(Pool::Pages).await?;
        let query = conn.query(COUNTS).bind(self.account).bind(i64::from(COUNTED));
        let (all, failing, disabled, paused): (i64, i64, i64, i64) = query.fetch_one().await?;
        let [all, failing, disabled, paused] = [all, failing, disabled, paused].map(i64::unsigned_abs);
        Ok(StatusCounts { all, failing, disabled, paused })
    }

    /// Lists those that a filter selects, newest first, at most `limit`, older than one.
    pub async fn listed(self, filter: &ListFilter, before: Option<EndpointId>, limit: u32) -> Result<Listed> {
        let pattern = filter.pattern();
        // PostgreSQL refuses to compare with NUL.
        if pattern.as_deref().is_some_and(|pattern| pattern.contains('\0')) {
            return Ok(Listed { endpoints: Vec::new(), next: None });
        }
        let before = before.unwrap_or(EndpointId::from_uuid(Uuid::max()));
        let status = filter.status.map(ListedStatus::as_str);
        let mut conn = self.service.db.read(Pool::Pages).await?;
        let query = conn.query(LISTED).bind(self.account).bind(before).bind(i64::from(limit) + 1);
        let mut rows: Vec<Row> = query.bind(status).bind(pattern).fetch_all().await?;
        let is_more = rows.len() > limit as usize;
        rows.truncate(limit as usize);
        let id = |row: &Row| -> Option<EndpointId> { Stored::ok(row.id.clone()) };
        let next = if is_more { rows.iter().rev().find_map(id) } else { None };
        Ok(Listed { endpoints: rows.into_iter().filter_map(|row| row.read(&self.service.sealer)).collect(), next })
    }
}
