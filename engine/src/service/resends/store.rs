//! Resends as they are stored.

use std::{collections::BTreeSet, time::Duration};

use const_format::formatcp;
use serde::{Deserialize, Serialize};
use signet_model::{
    AccountId, EndpointId, EventId, ResendId, Timestamp,
    delivery::State,
    event::EventType,
    sql::{Lossy, Stored},
};

use super::{KEPT, Pace, Plan, RUNNING_MAX, Resend, StartError, Verb};
use crate::{
    actor::Actor,
    audit::Action,
    db::{Pool, Tx},
    queue::Lease,
    service::{
        Error, Result, Service,
        change::Record,
        deliveries::{Filter, IdPrefix, ResultClass},
    },
};

/// The time for which a process has a resend, counted from each step.
pub(super) const LEASE: Duration = Duration::from_mins(1);
/// The end of the lease of a resend that is paused: the year 9999. Nobody has that lease.
const NEVER: Timestamp = Timestamp::from_unix_seconds(253_402_300_799);
/// The resends that a process takes up at a time.
const TAKEN_UP: i64 = 16;

/// How far a resend has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// A process works on it, or will.
    Running,
    /// A person paused it.
    Paused,
    /// All deliveries were looked at.
    Finished,
    /// A person stopped it.
    Stopped,
    /// It cannot go on.
    Failed(Failure),
}

/// The reason for which a resend cannot go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// The endpoint was disabled meanwhile.
    Disabled,
    /// The endpoint was deleted meanwhile.
    Deleted,
    /// The filter cannot be read by this version, or another version failed it.
    Unreadable,
}

impl Progress {
    /// The text in the API, and in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Finished => "finished",
            Self::Stopped => "stopped",
            Self::Failed(_) => "failed",
        }
    }

    fn read(state: &str, failure: Option<&str>, is_paused: bool) -> Self {
        match state {
            "running" if is_paused => Self::Paused,
            "running" => Self::Running,
            "finished" => Self::Finished,
            "stopped" => Self::Stopped,
            _ => Self::Failed(match failure {
                Some("disabled") => Failure::Disabled,
                Some("deleted") => Failure::Deleted,
                _ => Failure::Unreadable,
            }),
        }
    }
}

impl Failure {
    /// The text in the API, and in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Disabled => "disabled",
            Self::Deleted => "deleted",
            Self::Unreadable => "unreadable",
        }
    }
}

/// A filter as it is stored, without the endpoint, which has a column.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct StoredFilter {
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<State>,
    #[serde(skip_serializing_if = "Option::is_none")]
    types: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    since: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<ResultClass>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    task: Option<String>,
    /// Those of all tasks whose ids begin with `task`.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    task_begins: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<IdPrefix>,
    /// They are discarded. A version that only sends does not know the name, and so ends the
    /// resend as one that it cannot read; a column would have it send them.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    discard: bool,
}

impl From<&Filter> for StoredFilter {
    fn from(filter: &Filter) -> Self {
        let names = |types: &BTreeSet<EventType>| types.iter().map(ToString::to_string).collect();
        Self {
            state: filter.state,
            types: filter.event_types.as_ref().map(names),
            since: filter.since.map(Timestamp::unix_micros),
            until: filter.until.map(Timestamp::unix_micros),
            result: filter.result,
            status: filter.status,
            task: filter.task.clone(),
            task_begins: filter.task_begins,
            id: filter.id,
            discard: false,
        }
    }
}

impl StoredFilter {
    fn new(filter: &Filter, verb: Verb) -> Self {
        Self { discard: verb == Verb::Discard, ..Self::from(filter) }
    }

    const fn verb(&self) -> Verb {
        if self.discard { Verb::Discard } else { Verb::Send }
    }

    fn filter(self, endpoint: Option<EndpointId>) -> Option<Filter> {
        let types = self.types.map(|names| names.iter().map(|name| name.parse().ok()).collect::<Option<BTreeSet<_>>>());
        Some(Filter {
            endpoint,
            state: self.state,
            event_types: match types {
                Some(types) => Some(types?),
                None => None,
            },
            since: self.since.map(Timestamp::from_unix_micros),
            until: self.until.map(Timestamp::from_unix_micros),
            result: self.result,
            status: self.status,
            task: self.task,
            task_begins: self.task_begins,
            id: self.id,
        })
    }
}

/// Resends with the columns of [`Row`].
const RESENDS: &str =
    "SELECT id, endpoint_id, filter, state, failure, per_minute, expected, found, sent, skipped, created_at, ended_at,
       paused_at FROM resends";

#[derive(sqlx_macros::FromRow)]
struct Row {
    id: ResendId,
    endpoint_id: Option<Stored<EndpointId>>,
    filter: Lossy,
    state: Lossy,
    failure: Option<Lossy>,
    per_minute: Option<i64>,
    expected: Option<i64>,
    found: i64,
    sent: i64,
    skipped: i64,
    created_at: Timestamp,
    ended_at: Option<Timestamp>,
    paused_at: Option<Timestamp>,
}

/// A pace as it is stored.
fn pace(per_minute: Option<i64>) -> Option<Pace> {
    Pace::per_minute(u32::try_from(per_minute?).unwrap_or(u32::MAX))
}

impl From<Row> for Resend {
    fn from(row: Row) -> Self {
        let endpoint = row.endpoint_id.map(|it| it.0).transpose();
        let stored: Option<StoredFilter> = serde_json::from_str(&row.filter.0).ok();
        Self {
            id: row.id,
            verb: stored.as_ref().map(StoredFilter::verb).unwrap_or_default(),
            filter: stored.zip(endpoint.as_ref().ok()).and_then(|(stored, endpoint)| stored.filter(*endpoint)),
            endpoint: endpoint.unwrap_or_default(),
            progress: Progress::read(
                &row.state.0,
                row.failure.as_ref().map(|text| text.0.as_str()),
                row.paused_at.is_some(),
            ),
            pace: pace(row.per_minute),
            expected: row.expected.map(i64::unsigned_abs),
            found: row.found.unsigned_abs(),
            sent: row.sent.unsigned_abs(),
            skipped: row.skipped.unsigned_abs(),
            created_at: row.created_at,
            ended_at: row.ended_at,
        }
    }
}

/// The running resends of an account (`$1`), at most `$2`: those that are paused too.
pub(crate) const RUNNING: &str =
    formatcp!("{RESENDS} WHERE account_id = $1 AND state = 'running' ORDER BY id LIMIT $2");

/// Removes resends of an account (`$1`) that have ended, but for the newest (`$2` more than one).
pub(crate) const PRUNE: &str = "DELETE FROM resends WHERE account_id = $1 AND state <> 'running' AND id <
     (SELECT id FROM resends WHERE account_id = $1 ORDER BY id DESC LIMIT 1 OFFSET $2)";

/// Resends of an account (`$1`) older than one (`$2`), at most `$3`.
pub(crate) const LIST: &str = formatcp!("{RESENDS} WHERE account_id = $1 AND id < $2 ORDER BY id DESC LIMIT $3");

/// Running resends of all accounts that no process works on at an instant (`$1`): those that were
/// given back, and those with a lease that has ended, at most `$2` of each.
pub(crate) const ORPHANS: &str = "SELECT id, account_id, endpoint_id, filter, at_endpoint, at_event, per_minute FROM
       (SELECT * FROM resends WHERE state = 'running' AND leased_until IS NULL LIMIT $2) AS given_back
     UNION ALL SELECT id, account_id, endpoint_id, filter, at_endpoint, at_event, per_minute FROM
       (SELECT * FROM resends WHERE state = 'running' AND leased_until <= $1 ORDER BY leased_until LIMIT $2) AS left_alone";

/// A resend that this process works on.
#[derive(Debug)]
pub(super) struct Leased {
    pub(super) id: ResendId,
    pub(super) account: AccountId,
    pub(super) lease: Lease,
    /// `None` if this version cannot read it.
    pub(super) filter: Option<Filter>,
    /// Where it goes on: behind this event of this endpoint.
    pub(super) at: Option<(EndpointId, EventId)>,
    /// The pace that was chosen for it.
    pub(super) pace: Option<Pace>,
    /// What is done.
    pub(super) verb: Verb,
}

/// Stores a new resend that this process works on, if the account may have it.
pub(super) async fn insert(
    service: &Service,
    actor: &Actor,
    mut filter: Filter,
    plan: Plan,
) -> Result<Leased, StartError> {
    const INSERT: &str =
        "INSERT INTO resends (id, account_id, endpoint_id, filter, state, lease, leased_until, created_at, per_minute, expected)
         VALUES ($1, $2, $3, $4, 'running', $5, $6, $7, $8, $9)";
    let lease = service.delivery.new_lease();
    let account = actor.account;
    // Its lock lets one begin at a time.
    let mut change = service.change_locked(actor, plan.verb.action()).await?;
    let tx = &mut change.tx;
    let now = service.clock.now();
    check_room(tx, account, &filter).await?;
    prune(tx, account).await?;
    // Events of this instant are among them.
    let end = now + Duration::from_micros(1);
    filter.until = Some(filter.until.map_or(end, |until| until.min(end)));
    let id = ResendId::new(now, service.random.bytes());
    let text = serde_json::to_string(&StoredFilter::new(&filter, plan.verb)).unwrap_or_default();
    let query = tx.query(INSERT).bind(id).bind(account).bind(filter.endpoint).bind(&text);
    let query = query.bind(lease).bind(now + LEASE).bind(now);
    let per_minute = plan.pace.map(|pace| i64::from(pace.in_a_minute()));
    let expected = plan.expected.and_then(|count| i64::try_from(count).ok());
    query.bind(per_minute).bind(expected).execute().await?;
    change.commit(Record::of("resend", id).after(logged(&text))).await?;
    Ok(Leased { id, account, lease, filter: Some(filter), at: None, pace: plan.pace, verb: plan.verb })
}

/// The filter in the audit log, without the id of a task, which can be erased.
fn logged(filter: &str) -> serde_json::Value {
    let mut logged: serde_json::Value = serde_json::from_str(filter).unwrap_or_default();
    if let Some(task) = logged.get_mut("task").filter(|task| !task.is_null()) {
        *task = "left out".into();
    }
    logged
}

/// The running resends of an account, and those that are paused.
async fn running(tx: &mut Tx<'_>, account: AccountId) -> Result<Vec<Row>> {
    let most = i64::try_from(RUNNING_MAX).unwrap_or(i64::MAX);
    Ok(tx.query(RUNNING).bind(account).bind(most).fetch_all().await?)
}

/// Fails if a running resend is about deliveries of this filter too, or the account has too many.
async fn check_room(tx: &mut Tx<'_>, account: AccountId, filter: &Filter) -> Result<(), StartError> {
    let running = running(tx, account).await?;
    if let Some(other) = running.iter().find(|other| other.may_overlap(filter)) {
        return Err(StartError::UnderWay(other.id));
    }
    if running.len() >= RUNNING_MAX { Err(StartError::TooMany) } else { Ok(()) }
}

impl Row {
    /// Returns false if it is at work at another endpoint, or on deliveries in another state or of
    /// other types.
    fn may_overlap(&self, filter: &Filter) -> bool {
        let endpoints = match &self.endpoint_id {
            None => true,
            // One whose endpoint cannot be read is at work nowhere.
            Some(other) => other.0.as_ref().is_ok_and(|other| filter.endpoint.is_none_or(|it| it == *other)),
        };
        let stored: StoredFilter = serde_json::from_str(&self.filter.0).unwrap_or_default();
        let states = stored.state.zip(filter.state).is_none_or(|(theirs, ours)| theirs == ours);
        let types = match (&stored.types, &filter.event_types) {
            (Some(theirs), Some(ours)) => theirs.iter().any(|name| ours.contains(name.as_str())),
            _ => true,
        };
        endpoints && states && types
    }
}

/// Removes the oldest of the account that have ended.
async fn prune(tx: &mut Tx<'_>, account: AccountId) -> Result<()> {
    Ok(tx.query(PRUNE).bind(account).bind(KEPT - 2).execute().await.map(drop)?)
}

pub(super) async fn list(
    service: &Service,
    account: AccountId,
    after: Option<ResendId>,
    limit: u32,
) -> Result<Vec<Resend>> {
    let after = after.unwrap_or(ResendId::from_uuid(uuid::Uuid::max()));
    let mut conn = service.db.read(Pool::Pages).await?;
    let rows: Vec<Row> = conn.query(LIST).bind(account).bind(after).bind(i64::from(limit)).fetch_all().await?;
    Ok(rows.into_iter().map(Resend::from).collect())
}

pub(super) async fn get(service: &Service, account: AccountId, id: ResendId) -> Result<Resend> {
    const SQL: &str = formatcp!("{RESENDS} WHERE account_id = $1 AND id = $2");
    let mut conn = service.db.read(Pool::Pages).await?;
    let row: Option<Row> = conn.query(SQL).bind(account).bind(id).fetch_optional().await?;
    row.map(Resend::from).ok_or(Error::ResendNotFound)
}

pub(super) async fn under_way(service: &Service, account: AccountId) -> Result<Vec<Resend>> {
    let mut conn = service.db.read(Pool::Pages).await?;
    let most = i64::try_from(RUNNING_MAX).unwrap_or(i64::MAX);
    let rows: Vec<Row> = conn.query(RUNNING).bind(account).bind(most).fetch_all().await?;
    Ok(rows.into_iter().map(Resend::from).collect())
}

/// Takes a resend away from the process that works on it, and gives it to none.
pub(super) async fn pause(service: &Service, actor: &Actor, id: ResendId) -> Result<()> {
    const SQL: &str = "UPDATE resends SET paused_at = $3, lease = 0, leased_until = $4
         WHERE account_id = $1 AND id = $2 AND state = 'running' AND paused_at IS NULL";
    let now = service.clock.now();
    let mut change = service.change(actor, Action::ResendPaused).await?;
    if change.tx.query(SQL).bind(actor.account).bind(id).bind(now).bind(NEVER).execute().await? == 0 {
        change.roll_back().await;
        return Ok(());
    }
    Ok(change.commit(Record::of("resend", id)).await?)
}

/// Takes a resend up that is paused; `None` if it is not.
pub(super) async fn resume(service: &Service, actor: &Actor, id: ResendId) -> Result<Option<Leased>> {
    const SQL: &str = "UPDATE resends SET paused_at = NULL, lease = $3, leased_until = $4
         WHERE account_id = $1 AND id = $2 AND state = 'running' AND paused_at IS NOT NULL";
    const TAKEN: &str = "SELECT id, account_id, endpoint_id, filter, at_endpoint, at_event, per_minute FROM resends
         WHERE account_id = $1 AND id = $2";
    let (now, lease) = (service.clock.now(), service.delivery.new_lease());
    let mut change = service.change(actor, Action::ResendResumed).await?;
    let query = change.tx.query(SQL).bind(actor.account).bind(id).bind(lease);
    if query.bind(now + LEASE).execute().await? == 0 {
        change.roll_back().await;
        return Ok(None);
    }
    let taken: Orphan = change.tx.query(TAKEN).bind(actor.account).bind(id).fetch_one().await?;
    change.commit(Record::of("resend", id)).await?;
    Ok(Some(taken.leased(lease)))
}

pub(super) async fn stop(service: &Service, actor: &Actor, id: ResendId) -> Result<()> {
    const SQL: &str = "UPDATE resends SET state = 'stopped', ended_at = $3, lease = NULL, leased_until = NULL,
           paused_at = NULL
         WHERE account_id = $1 AND id = $2 AND state = 'running'";
    let now = service.clock.now();
    let mut change = service.change(actor, Action::ResendStopped).await?;
    if change.tx.query(SQL).bind(actor.account).bind(id).bind(now).execute().await? == 0 {
        change.roll_back().await;
        return Ok(());
    }
    Ok(change.commit(Record::of("resend", id)).await?)
}

/// The filter of a resend whose task was erased: no version reads it.
const ERASED: &str = r#"{"erased":true}"#;

/// Tells if a filter names a task, or the beginning of its id, whatever else a filter of another
/// version has.
fn names_task(filter: &str, task_id: &str) -> bool {
    let filter: serde_json::Value = serde_json::from_str(filter).unwrap_or_default();
    let Some(named) = filter["task"].as_str() else { return false };
    named == task_id || (filter["task_begins"] == true && task_id.starts_with(named))
}

/// Erases the filters of an account's resends that name a task, whose events are gone. One that is
/// at work is stopped.
pub(in crate::service) async fn forget_task(
    tx: &mut Tx<'_>,
    account: AccountId,
    task_id: &str,
    now: Timestamp,
) -> Result<()> {
    const ALL: &str = "SELECT id, filter FROM resends WHERE account_id = $1 ORDER BY id";
    const FORGET: &str = "UPDATE resends SET filter = $3, lease = NULL, leased_until = NULL,
           ended_at = COALESCE(ended_at, $4), state = CASE state WHEN 'running' THEN 'stopped' ELSE state END
         WHERE account_id = $1 AND id = $2";
    let stored: Vec<(ResendId, Lossy)> = tx.query(ALL).bind(account).fetch_all().await?;
    for (id, _) in stored.iter().filter(|(_, filter)| names_task(&filter.0, task_id)) {
        tx.query(FORGET).bind(account).bind(*id).bind(ERASED).bind(now).execute().await?;
    }
    Ok(())
}

/// The result of one step.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Step {
    pub(super) found: u64,
    pub(super) sent: u64,
    pub(super) at: Option<(EndpointId, EventId)>,
}

impl Leased {
    /// Stores the result of a step, in the transaction of the step; `false` if the lease is
    /// lost, or the resend was stopped.
    pub(super) async fn advance(&self, tx: &mut Tx<'_>, step: Step, now: Timestamp) -> Result<bool> {
        const SQL: &str = "UPDATE resends SET found = found + $4, sent = sent + $5, skipped = skipped + $4 - $5,
               at_endpoint = $6, at_event = $7, leased_until = $8
             WHERE account_id = $1 AND id = $2 AND lease = $3";
        let (endpoint, event) = step.at.or(self.at).unzip();
        let count = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        let query = tx.query(SQL).bind(self.account).bind(self.id).bind(self.lease);
        let query = query.bind(count(step.found)).bind(count(step.sent)).bind(endpoint).bind(event);
        Ok(query.bind(now + LEASE).execute().await? > 0)
    }

    /// Ends the resend.
    pub(super) async fn end(&self, service: &Service, progress: Progress) -> Result<()> {
        const SQL: &str =
            "UPDATE resends SET state = $4, failure = $5, ended_at = $6, lease = NULL, leased_until = NULL
             WHERE account_id = $1 AND id = $2 AND lease = $3";
        let failure = match progress {
            Progress::Failed(failure) => Some(failure.as_str()),
            _ => None,
        };
        let now = service.clock.now();
        let mut tx = service.db.begin().await?;
        let query = tx.query(SQL).bind(self.account).bind(self.id).bind(self.lease);
        query.bind(progress.as_str()).bind(failure).bind(now).execute().await?;
        Ok(tx.commit().await?)
    }

    /// Lets another process go on.
    pub(super) async fn give_back(&self, service: &Service) -> Result<()> {
        const SQL: &str = "UPDATE resends SET lease = NULL, leased_until = NULL
             WHERE account_id = $1 AND id = $2 AND lease = $3";
        let mut tx = service.db.begin().await?;
        tx.query(SQL).bind(self.account).bind(self.id).bind(self.lease).execute().await?;
        Ok(tx.commit().await?)
    }
}

#[derive(sqlx_macros::FromRow)]
struct Orphan {
    id: ResendId,
    account_id: AccountId,
    endpoint_id: Option<Stored<EndpointId>>,
    filter: Lossy,
    at_endpoint: Option<Stored<EndpointId>>,
    at_event: Option<Stored<EventId>>,
    per_minute: Option<i64>,
}

impl Orphan {
    /// The resend, with the lease that this process has of it.
    fn leased(self, lease: Lease) -> Leased {
        let (id, account, pace) = (self.id, self.account_id, pace(self.per_minute));
        let stored: Option<StoredFilter> = serde_json::from_str(&self.filter.0).ok();
        let verb = stored.as_ref().map(StoredFilter::verb).unwrap_or_default();
        let (filter, at) = stored.and_then(|stored| self.read(stored)).unzip();
        Leased { id, account, lease, filter, at: at.flatten(), pace, verb }
    }

    /// The filter, and the place at which the resend goes on; `None` if one of them cannot be
    /// read.
    fn read(self, stored: StoredFilter) -> Option<(Filter, Option<(EndpointId, EventId)>)> {
        let endpoint = self.endpoint_id.map(|it| it.0).transpose().ok()?;
        let at_endpoint = self.at_endpoint.map(|it| it.0).transpose().ok()?;
        let at_event = self.at_event.map(|it| it.0).transpose().ok()?;
        Some((stored.filter(endpoint)?, at_endpoint.zip(at_event)))
    }
}

/// Takes running resends that no process works on.
pub(super) async fn take_orphans(service: &Service) -> Result<Vec<Leased>> {
    const TAKE: &str = "UPDATE resends SET lease = $4, leased_until = $5
         WHERE account_id = $1 AND id = $2 AND state = 'running' AND (leased_until IS NULL OR leased_until <= $3)";
    let now = service.clock.now();
    let mut conn = service.db.read(Pool::Lookups).await?;
    let orphans: Vec<Orphan> = conn.query(ORPHANS).bind(now).bind(TAKEN_UP).fetch_all().await?;
    drop(conn);
    let mut taken = Vec::new();
    for orphan in orphans {
        let lease = service.delivery.new_lease();
        let mut tx = service.db.begin().await?;
        let query = tx.query(TAKE).bind(orphan.account_id).bind(orphan.id).bind(now).bind(lease);
        let is_ours = query.bind(now + LEASE).execute().await? > 0;
        tx.commit().await?;
        if is_ours {
            taken.push(orphan.leased(lease));
        }
    }
    Ok(taken)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_names_a_task_by_its_id_or_by_the_beginning_of_it() {
        let stored = |begins| {
            let filter = Filter { task: Some("task_1".to_owned()), task_begins: begins, ..Filter::default() };
            serde_json::to_string(&StoredFilter::from(&filter)).expect("JSON")
        };
        for (begins, task, names) in
            [(false, "task_1", true), (false, "task_12", false), (true, "task_12", true), (true, "task_2", false)]
        {
            assert_eq!(names_task(&stored(begins), task), names, "{task}");
        }
        assert!(!names_task("{}", "task_1") && !names_task("no JSON", "task_1"));
    }
}
