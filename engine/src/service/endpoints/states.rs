//! The states of all endpoints of an account, from one narrow reading: how many have each, which
//! need a person most, and which are on a page. Their long rows are not looked at.

use const_format::formatcp;
use signet_model::{EndpointId, sql::Stored};

use super::{
    Endpoints,
    listing::{DISABLED, ListFilter, ListedStatus, PAUSED},
};
use crate::{
    db::{Pool, Sql},
    service::Result,
};

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

    fn add(&mut self, status: Option<&str>, number: u64) {
        self.all += number;
        match ListedStatus::ALL.into_iter().find(|it| Some(it.as_str()) == status) {
            None => {}
            Some(ListedStatus::Failing) => self.failing += number,
            Some(ListedStatus::Disabled) => self.disabled += number,
            Some(ListedStatus::Paused) => self.paused += number,
        }
    }
}

/// What is asked of the states.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked<'a> {
    /// The endpoints that need a person, at most.
    pub(super) troubles: u32,
    /// Selects the endpoints of the page.
    pub(super) filter: &'a ListFilter,
    /// They are older than this one.
    pub(super) before: EndpointId,
    /// The endpoints of the page, at most.
    pub(super) page: u32,
}

/// The states of the endpoints of an account.
#[derive(Debug, Default)]
pub(super) struct States {
    pub(super) counts: StatusCounts,
    /// Those that need a person: first those that are disabled, then the latest trouble.
    pub(super) troubles: Vec<EndpointId>,
    /// Those of the page, newest first.
    pub(super) page: Vec<EndpointId>,
}

/// The status of an endpoint, of which another expression tells whether it fails.
macro_rules! status {
    ($failing:literal) => {
        formatcp!(
            "CASE WHEN {} THEN 'disabled' WHEN {} THEN 'paused' WHEN {} THEN 'failing' ELSE 'working' END AS status",
            DISABLED,
            PAUSED,
            $failing
        )
    };
}

/// The endpoints of an account (`$1`) with their statuses, and from this reading those that are ill,
/// those that are disabled first: on SQLite the health of each is looked up.
const EACH: &str = formatcp!(
    "SELECT e.id, COALESCE(e.disabled_at, h.last_failure_at) AS since, {}
     FROM endpoints e LEFT JOIN endpoint_health h ON h.account_id = $1 AND h.endpoint_id = e.id
     WHERE e.account_id = $1 AND e.deleted_at IS NULL AND length(e.id) = 16",
    status!("h.consecutive_failures > 0")
);
const ILL_OF_EACH: &str = "SELECT id, since, CASE status WHEN 'disabled' THEN 0 ELSE 1 END AS place
     FROM states WHERE status IN ('disabled', 'failing')";

/// The same on PostgreSQL, where it takes half the time to make the set of those that fail once. It
/// does so where `IN` stands within an expression; it would join otherwise.
const BY_SETS: &str = formatcp!(
    "SELECT e.id, e.disabled_at AS since, {} FROM endpoints e WHERE e.account_id = $1 AND e.deleted_at IS NULL",
    status!("e.id IN (SELECT endpoint_id FROM endpoint_health WHERE account_id = $1 AND consecutive_failures > 0)")
);
const ILL_BY_SETS: &str = "SELECT id, since, 0 AS place FROM states WHERE status = 'disabled'
     UNION ALL SELECT endpoint_id, last_failure_at, 1 FROM endpoint_health WHERE account_id = $1
       AND consecutive_failures > 0 AND (endpoint_id IN (SELECT id FROM states WHERE status = 'failing')) IS TRUE";

/// Reads the states of the endpoints of an account (`$1`) once; and tells how many have each, which
/// need a person (`$2` at most), and which are older than one (`$3`), have a status (`$4`) or any, and
/// a text (`$5`, a pattern) or any (`$6` at most). Long rows are read only for a text.
macro_rules! states {
    ($states:expr, $ill:expr, $by_account:literal, $like:literal) => {
        formatcp!(
            "WITH states AS MATERIALIZED ({})
             SELECT 'count' AS part, status, NULL AS id, count(*) AS number FROM states GROUP BY status
             UNION ALL SELECT 'trouble', NULL, id, row_number() OVER (ORDER BY place, since DESC, id) FROM
               (SELECT id, since, place FROM ({}) AS ill ORDER BY place, since DESC, id LIMIT $2) AS worst
             UNION ALL SELECT 'page', NULL, id, 0 FROM
               (SELECT id FROM states WHERE id < $3 AND (CAST($4 AS TEXT) IS NULL OR status = $4)
                  AND (CAST($5 AS TEXT) IS NULL OR id IN
                    (SELECT id FROM endpoints{} WHERE account_id = $1 AND deleted_at IS NULL
                       AND (url {} $5 ESCAPE '\\' OR description {} $5 ESCAPE '\\')))
                 ORDER BY id DESC LIMIT $6) AS page",
            $states,
            $ill,
            $by_account,
            $like,
            $like
        )
    };
}

/// The statement. Where an account has most of all endpoints, SQLite would look for a text in all of
/// them if it were not told the index.
pub(crate) const STATES: Sql = Sql {
    sqlite: states!(EACH, ILL_OF_EACH, " INDEXED BY endpoints_by_account", "LIKE"),
    postgres: states!(BY_SETS, ILL_BY_SETS, "", "ILIKE"),
};

#[derive(sqlx_macros::FromRow)]
struct Row {
    part: String,
    status: Option<String>,
    id: Option<Stored<EndpointId>>,
    number: i64,
}

impl Endpoints<'_> {
    /// Reads the states.
    pub(super) async fn states(self, asked: Asked<'_>) -> Result<States> {
        let Asked { troubles, filter, before, page } = asked;
        // PostgreSQL refuses to compare with NUL, which no text has.
        let pattern = filter.pattern();
        let page = if pattern.as_deref().is_some_and(|it| it.contains('\0')) { 0 } else { page };
        let pattern = pattern.filter(|_| page > 0);
        let mut conn = self.service.db.read(Pool::Planned).await?;
        let query = conn.query(STATES).bind(self.account).bind(i64::from(troubles)).bind(before);
        let query = query.bind(filter.status.map(ListedStatus::as_str)).bind(pattern).bind(i64::from(page));
        let mut states = States::default();
        let mut troubles = Vec::new();
        for row in query.fetch_all::<Row>().await? {
            let id = row.id.and_then(Stored::ok);
            match row.part.as_str() {
                "count" => states.counts.add(row.status.as_deref(), row.number.unsigned_abs()),
                "trouble" => troubles.extend(id.map(|id| (row.number, id))),
                _ => states.page.extend(id),
            }
        }
        troubles.sort_unstable();
        states.troubles = troubles.into_iter().map(|(_, id)| id).collect();
        states.page.sort_unstable_by(|one, other| other.cmp(one));
        Ok(states)
    }
}
