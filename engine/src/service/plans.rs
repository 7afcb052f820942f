//! The statements of pages and of steps must cost the same however long a table or one
//! endpoint's backlog is: indexes are searched, and no table is scanned.

use signet_model::{AccountId, EndpointId, EventId, Timestamp, UserId, delivery::State, event::EventType};
use sqlx::{AssertSqlSafe, Row};

use super::{
    accounts, activity, api_keys,
    backlog::{NEXT, count},
    balance_history,
    deliveries::{self, Filter, ResultClass, TESTS, plans, surroundings},
    endpoints,
    event_stream::{NEXT_DELIVERIES, NEXT_EVENTS},
    events, gauges, health, mail_notices, operational_events, portal_links, removal, resends, retention, statistics,
    stored_answers,
};
use crate::{
    Engine,
    db::{Database, Pool, Sql},
    queue::drain,
    testing::{self, Backlog, TestDatabase, account, endpoint, resting_engine},
};

/// The number of deliveries that the endpoint has in each of three states.
const EACH: u32 = 30_000;

/// The tables that no statement may read from end to end.
const TABLES: [&str; 12] = [
    "deliveries",
    "events",
    "attempts",
    "idempotency_keys",
    "statistics",
    "resends",
    "stored_answers",
    "operational_events",
    "mail_notices",
    "balance_history",
    "accounts",
    "api_keys",
];

/// Makes as many partitions of attempts as a server keeps, behind the first one.
const PARTITIONS: &str = r"DO $$
     DECLARE
       first BIGINT := ('x' || left(replace(substring(pg_get_expr(relpartbound, oid) FROM 'TO \(''([0-9a-f-]{36})'), '-', ''), 12))
         ::bit(48)::bigint FROM pg_class WHERE relname = 'attempts_first';
       days CONSTANT BIGINT := 8 * 86400000;
     BEGIN
       FOR n IN 0..15 LOOP
         EXECUTE format('CREATE TABLE attempts_%s PARTITION OF attempts FOR VALUES FROM (%L) TO (%L)', n,
           rpad(lpad(to_hex(first + n * days), 12, '0'), 32, '0')::uuid,
           rpad(lpad(to_hex(first + (n + 1) * days), 12, '0'), 32, '0')::uuid);
       END LOOP;
     END $$";

/// A parameter of a statement.
#[derive(Clone)]
pub(super) enum Value {
    Account(AccountId),
    User(UserId),
    Bytes(Vec<u8>),
    Endpoint(EndpointId),
    Event(EventId),
    At(Timestamp),
    Count(i64),
    Text(Option<String>),
    Texts(Vec<String>),
    Events(Vec<EventId>),
    Hours(Vec<Timestamp>),
    Bool(bool),
}

/// A statement, its parameters, and the index that its plan must search.
pub(super) struct Asked {
    pub(super) sql: String,
    pub(super) values: Vec<Value>,
    pub(super) searches: &'static str,
}

/// The plan, a line a table or step.
pub(super) async fn plan(db: &Database, asked: &Asked) -> Vec<String> {
    match db {
        Database::Sqlite(db) => {
            let explain = AssertSqlSafe(format!("EXPLAIN QUERY PLAN {}", asked.sql));
            let rows = sqlx::query(explain).fetch_all(&db.writer).await.expect(&asked.sql);
            rows.iter().map(|row| row.get::<String, _>("detail")).collect()
        }
        Database::Postgres(db) => {
            let mut query = sqlx::query(AssertSqlSafe(format!("EXPLAIN {}", asked.sql)));
            for value in asked.values.clone() {
                query = match value {
                    Value::Account(id) => query.bind(id),
                    Value::User(id) => query.bind(id),
                    Value::Bytes(bytes) => query.bind(bytes),
                    Value::Endpoint(id) => query.bind(id),
                    Value::Event(id) => query.bind(id),
                    Value::At(at) => query.bind(at),
                    Value::Count(count) => query.bind(count),
                    Value::Text(text) => query.bind(text),
                    Value::Texts(texts) => query.bind(texts),
                    Value::Events(ids) => query.bind(ids),
                    Value::Hours(hours) => query.bind(hours),
                    Value::Bool(value) => query.bind(value),
                };
            }
            let rows = query.fetch_all(db.readers.of(Pool::Pages)).await.expect(&asked.sql);
            rows.iter().map(|row| row.get::<String, _>(0)).collect()
        }
    }
}

struct World {
    engine: Engine,
    database: TestDatabase,
    account: AccountId,
    endpoint: EndpointId,
}

impl World {
    async fn new(database: TestDatabase) -> Self {
        let (engine, _) = resting_engine(&database);
        let account = account(&engine, "acme").await;
        let endpoint = endpoint(&engine, account).await;
        for (number, backlog) in (0..).zip([Backlog::Pending, Backlog::Held, Backlog::Failed]) {
            let first = number * EACH + 1;
            database.store_backlog(account, endpoint, backlog, first..first + EACH).await;
        }
        if matches!(database.db, Database::Postgres(_)) {
            database.run(PARTITIONS).await;
        }
        for _ in 0..3 {
            let another = testing::endpoint(&engine, account).await;
            engine.as_operator_in(account).endpoint(another).pause().await.expect("paused");
        }
        Self { engine, database, account, endpoint }
    }

    fn at(&self, more: impl IntoIterator<Item = Value>) -> Vec<Value> {
        [Value::Account(self.account), Value::Endpoint(self.endpoint)].into_iter().chain(more).collect()
    }

    /// Asserts that a statement searches this index, and scans no table of deliveries,
    /// attempts or events.
    async fn assert_bounded(&self, asked: Asked) {
        let plan = plan(&self.database.db, &asked).await;
        assert_searches(&asked.sql, &plan, &[asked.searches]);
    }

    /// Asserts that a statement that is planned once searches these indexes, whatever it is asked for.
    async fn assert_planned(&self, sql: Sql, searches: &[&str]) {
        let Database::Postgres(db) = &self.database.db else {
            let asked = Asked { sql: sql.sqlite.to_owned(), values: Vec::new(), searches: "" };
            return assert_searches(sql.sqlite, &plan(&self.database.db, &asked).await, searches);
        };
        let parameters = (1..100).take_while(|number| sql.postgres.contains(&format!("${number}"))).count();
        let nothing = vec!["NULL"; parameters].join(", ");
        let text = format!("PREPARE it AS {}; EXPLAIN EXECUTE it ({nothing}); DEALLOCATE it", sql.postgres);
        let mut conn = db.readers.of(Pool::Planned).acquire().await.expect("a connection");
        let rows = sqlx::raw_sql(AssertSqlSafe(text)).fetch_all(&mut *conn).await.expect(sql.postgres);
        let plan: Vec<_> = rows.iter().map(|row| row.get::<String, _>(0)).collect();
        assert_searches(sql.postgres, &plan, searches);
    }
}

/// Asserts that a plan searches these indexes, and scans no table of deliveries, attempts or events.
fn assert_searches(sql: &str, plan: &[String], searches: &[&str]) {
    let text = plan.join("\n");
    for index in searches {
        assert!(text.contains(index), "{index}: {sql}\n{text}");
    }
    for table in TABLES {
        assert!(!text.contains(&format!("Seq Scan on {table}")), "{sql}\n{text}");
        assert!(!plan.iter().any(|line| *line == format!("SCAN {table}")), "{sql}\n{text}");
    }
    let is_subquery = text.contains("CO-ROUTINE d");
    let scans = |line: &String| line == "SCAN a" || (line == "SCAN d" && !is_subquery);
    assert!(!plan.iter().any(scans), "{sql}\n{text}");
}

/// Filters of the log, with the indexes of which one must serve each.
fn filters(endpoint: EndpointId) -> Vec<(Filter, &'static [&'static str])> {
    const ALL: &[&str] = &["deliveries_by_endpoint"];
    // No event is of the task here. PostgreSQL proves that nothing matches, and takes any index.
    const OF_NONE: &[&str] = &["deliveries_by_endpoint", "deliveries_tests"];
    const SET_ASIDE: &[&str] = &["deliveries_set_aside", "deliveries_by_state", "deliveries_due"];
    const DUE: &[&str] = &["deliveries_due"];
    let kind = || Some([EventType::TASK_COMPLETED].into());
    let state = |state| Filter { state: Some(state), ..Filter::default() };
    let mut filters = vec![
        (Filter::default(), ALL),
        (Filter { event_types: kind(), ..Filter::default() }, ALL),
        (Filter { result: Some(ResultClass::Success), ..Filter::default() }, ALL),
        (Filter { status: Some(204), ..Filter::default() }, ALL),
        (Filter { task: Some("task".to_owned()), ..Filter::default() }, OF_NONE),
        (Filter { task: Some("ta".to_owned()), task_begins: true, ..Filter::default() }, OF_NONE),
        (Filter { id: "msg_01k".parse().ok(), ..Filter::default() }, ALL),
        (Filter { id: "evt_01k".parse().ok(), ..Filter::default() }, ALL),
        (state(State::Delivered), ALL),
        (state(State::Pending), DUE),
        (Filter { result: Some(ResultClass::Tls), ..Filter::default() }, SET_ASIDE),
        (Filter { status: Some(404), ..Filter::default() }, SET_ASIDE),
    ];
    for it in [State::Failed, State::Held, State::Discarded] {
        filters.push((state(it), SET_ASIDE));
        filters.push((Filter { event_types: kind(), ..state(it) }, SET_ASIDE));
        filters.push((Filter { result: Some(ResultClass::ClientError), ..state(it) }, SET_ASIDE));
    }
    let of_one = |(filter, indexes): &(Filter, _)| (Filter { endpoint: Some(endpoint), ..filter.clone() }, *indexes);
    let alone: Vec<_> = filters.iter().map(of_one).collect();
    filters.extend(alone);
    filters
}

/// The deliveries with one id are found by the primary key.
fn by_id() -> Filter {
    Filter { id: "msg_01kmt0v1g0e0rg40r40m30e209".parse().ok(), ..Filter::default() }
}

async fn statements_of_the_log_are_bounded(world: &World) {
    let account = world.engine.as_operator_in(world.account);
    for (filter, indexes) in filters(world.endpoint).into_iter().chain([(by_id(), ["PRIMARY KEY", "pkey"].as_slice())])
    {
        for (sql, plan) in plans::of(account, &filter).await {
            let text = plan.join("\n");
            assert!(indexes.iter().any(|index| text.contains(index)), "{filter:?}\n{sql}\n{text}");
            // An index in order, of which the first rows are read, and not all that match, to be sorted.
            assert!(!text.contains("Bitmap"), "{filter:?}\n{sql}\n{text}");
            for line in &plan {
                let is_scan = line.contains("Seq Scan") || line.starts_with("SCAN");
                let is_table = ["deliveries", "events", "attempts", " d", " x", " p", " a"];
                let scans = is_scan
                    && is_table.iter().any(|table| line.ends_with(table) || line.contains(&format!("on{table} ")));
                assert!(!scans, "{filter:?}\n{sql}\n{text}");
            }
        }
    }
}

async fn statements_of_pages_are_bounded(world: &World) {
    statements_of_the_log_are_bounded(world).await;
    let kind = Value::Text(Some("task.completed".to_owned()));
    let oldest = Value::Event(EventId::from_uuid(uuid::Uuid::nil()));
    for (sql, more, searches) in [
        // Where one type is all that there is, either index leads to it.
        (count::HELD, vec![kind.clone(), Value::Count(10_001)], "deliveries_"),
        (count::TYPES_IN, vec![Value::Text(Some("held".to_owned())), Value::Count(200)], "deliveries_by_state"),
        (count::PENDING, vec![Value::Count(10_001)], "deliveries_due"),
        (count::FAILED, vec![kind, oldest, Value::Count(10_001)], "deliveries_"),
        (TESTS, vec![Value::Count(10)], "deliveries_tests"),
    ] {
        world.assert_bounded(Asked { sql: sql.to_owned(), values: world.at(more), searches }).await;
    }
    statements_of_webhooks_are_bounded(world).await;
    let now = EventId::new(Timestamp::from_unix_seconds(1_774_699_200), [0; 10]);
    for (sql, more) in [
        (surroundings::OLDER, vec![]),
        (surroundings::NEWER, vec![]),
        (
            surroundings::WORKED,
            vec![Value::Text(Some("task.completed".to_owned())), Value::Bool(false), Value::Count(1_000)],
        ),
    ] {
        let values = world.at([Value::Event(now)].into_iter().chain(more));
        world.assert_bounded(Asked { sql: sql.to_owned(), values, searches: "deliveries_by_endpoint" }).await;
    }
    let behind = vec![Value::Account(world.account), Value::Event(EventId::from_uuid(uuid::Uuid::nil()))];
    let values = |more: Vec<Value>| [behind.clone(), vec![Value::Count(500)], more].concat();
    let events = match world.database.db {
        Database::Sqlite(_) => "sqlite_autoindex_events_",
        Database::Postgres(_) => "events_pkey",
    };
    for (sql, values, searches) in [
        (NEXT_EVENTS, values(vec![]), events),
        (NEXT_DELIVERIES, values(vec![Value::Endpoint(world.endpoint)]), "deliveries_by_endpoint"),
        (endpoints::LATEST_EVENTS, vec![Value::Account(world.account), Value::Count(1_000)], events),
    ] {
        world.assert_bounded(Asked { sql: sql.to_owned(), values, searches }).await;
    }
}

/// What pages tell of webhooks beside their rows.
async fn statements_of_webhooks_are_bounded(world: &World) {
    let oldest = Value::Event(EventId::from_uuid(uuid::Uuid::nil()));
    let values = world.at([oldest, Value::Count(1_000), Value::Count(12)]);
    world.assert_bounded(Asked { sql: statistics::CAUSES.to_owned(), values, searches: "deliveries_" }).await;
    world.assert_planned(endpoints::FUSES, &["deliveries_due"]).await;
    let found = ["deliveries_due", "deliveries_set_aside", "attempts"];
    world.assert_planned(endpoints::ATTENTION, &found).await;
}

async fn statements_of_steps_are_bounded(world: &World) {
    let (now, most) = (Value::At(Timestamp::from_unix_seconds(1_774_699_200)), Value::Count(500));
    let dialect = usize::from(matches!(world.database.db, Database::Postgres(_)));
    for (sql, more, searches) in [
        ([drain::HOLD.sqlite, drain::HOLD.postgres][dialect], vec![now.clone(), most.clone()], "deliveries_due"),
        (
            [drain::DISCARD_PENDING.sqlite, drain::DISCARD_PENDING.postgres][dialect],
            vec![now.clone(), most.clone()],
            "deliveries_due",
        ),
        (drain::DISCARD_HELD, vec![now.clone(), most.clone()], "deliveries_"),
        (drain::NEXT_PENDING, vec![now, most.clone()], "deliveries_due"),
        (drain::ANY_WAITING, vec![], "deliveries_due"),
    ] {
        world.assert_bounded(Asked { sql: sql.to_owned(), values: world.at(more), searches }).await;
    }
    let kind = |kind: EventType| Value::Text(Some(kind.as_str().to_owned()));
    let oldest = Value::Event(EventId::from_uuid(uuid::Uuid::nil()));
    for state in [State::Held, State::Failed] {
        let state = Value::Text(Some(state.as_str().to_owned()));
        let values = world.at([state, kind(EventType::TASK_COMPLETED), oldest.clone(), most.clone()]);
        world.assert_bounded(Asked { sql: NEXT.to_owned(), values, searches: "deliveries_" }).await;
    }
    let keys = [removal::REMOVE_KEYS.sqlite, removal::REMOVE_KEYS.postgres][dialect].to_owned();
    let values = vec![Value::Account(world.account), Value::Events(vec![EventId::from_uuid(uuid::Uuid::nil())])];
    world.assert_bounded(Asked { sql: keys, values, searches: "idempotency_keys" }).await;
}

/// Stores resends, answers, notices and keys of a neighbour, a long row of each; and its events,
/// of which all are about one task, as those of the account are.
async fn store_neighbour(world: &World) {
    let neighbour = account(&world.engine, "neighbour").await;
    let its_endpoint = endpoint(&world.engine, neighbour).await;
    world.database.store_backlog(neighbour, its_endpoint, Backlog::Held, 3 * EACH + 1..4 * EACH + 1).await;
    let own = world.database.literal(neighbour.uuid());
    let (id, hash, at) = match &world.database.db {
        Database::Sqlite(_) => ("unhex(printf('%032x', n))", "unhex(printf('%064x', n))", "n"),
        Database::Postgres(_) => {
            ("CAST(lpad(to_hex(n), 32, '0') AS UUID)", "decode(lpad(to_hex(n), 64, '0'), 'hex')", "to_timestamp(n)")
        }
    };
    let running = |value: &str, other: &str| format!("CASE n % 2 WHEN 0 THEN {value} ELSE {other} END");
    let (state, lease) = (running("'running'", "'finished'"), running("1", "NULL"));
    let (leased_until, ended_at) = (running(at, "NULL"), running("NULL", at));
    for insert in [
        format!(
            "INSERT INTO resends (id, account_id, filter, state, lease, leased_until, created_at, ended_at)
             SELECT {id}, {own}, '{{}}', {state}, {lease}, {leased_until}, {at}, {ended_at}"
        ),
        format!(
            "INSERT INTO stored_answers (account_id, sender_id, key, request_hash, created_at)
             SELECT {own}, {own}, 'key ' || n, {hash}, {at}"
        ),
        format!(
            "INSERT INTO operational_events (account_id, id, event_type, endpoint_id, occurred_at)
             SELECT {own}, {id}, 'signet.endpoint.failing', {id}, {at}"
        ),
        format!(
            "INSERT INTO mail_notices (account_id, id, user_id, kind, endpoint_id, delivery_id, event_type, outcome,
               occurred_at, tries, due_at)
             SELECT {own}, {id}, {id}, 'disabled', {id}, {id}, 'task.failed', 'http_500', {at}, 0, {at}"
        ),
        format!("INSERT INTO balance_history (account_id, hour, last, lowest, highest) SELECT {own}, {at}, 1, 1, 1"),
        format!(
            "INSERT INTO api_keys (id, account_id, name, token_hash, hint, created_at)
             SELECT {id}, {own}, 'key', {hash}, 'hint', {at}"
        ),
        format!("INSERT INTO accounts (id, name, created_at) SELECT {id}, 'account ' || n, {at}"),
    ] {
        let numbers =
            format!("WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {EACH})");
        world.database.run(&format!("{numbers} {insert} FROM numbers")).await;
    }
    world.database.run("UPDATE events SET task_id = 'task'; ANALYZE").await;
}

async fn statements_of_lists_are_bounded(world: &World) {
    store_neighbour(world).await;
    let dialect = usize::from(matches!(world.database.db, Database::Postgres(_)));
    let own = || Value::Account(world.account);
    let (none, all) =
        (Value::Event(EventId::from_uuid(uuid::Uuid::nil())), Value::Event(EventId::from_uuid(uuid::Uuid::max())));
    let now = Value::At(Timestamp::from_unix_seconds(1_774_699_200));
    let page = || Value::Count(51);
    let events = ["sqlite_autoindex_events_", "events_pkey"][dialect];
    let listed = |any_type| {
        let types = Value::Texts(vec!["task.failed".to_owned()]);
        vec![own(), all.clone(), none.clone(), page(), types, Value::Bool(any_type), Value::Count(10_000)]
    };
    let list = [events::LIST.sqlite, events::LIST.postgres][dialect];
    let accounts = ["sqlite_autoindex_accounts_1", "accounts_pkey"][dialect];
    let endpoints = [endpoints::PAGE.sqlite, endpoints::PAGE.postgres][dialect];
    let notices = ["PRIMARY KEY", "operational_events_pkey"][dialect];
    let of_tasks = [deliveries::OF_TASKS.sqlite, deliveries::OF_TASKS.postgres][dialect];
    let tasks = [deliveries::TASKS.sqlite, deliveries::TASKS.postgres][dialect];
    let letters = |text: &str| Value::Text(Some(text.to_owned()));
    let (mail, balances) = (["", "mail_notices"][dialect], ["PRIMARY KEY", "balance_history_pkey"][dialect]);
    let at_now = || Value::At(Timestamp::from_unix_seconds(1_774_699_200));
    let early = || Value::At(Timestamp::from_unix_seconds(10));
    let none_account = || Value::Account(AccountId::from_uuid(uuid::Uuid::nil()));
    for (sql, values, searches) in [
        (list, listed(true), events),
        (list, listed(false), events),
        (events::LAST, vec![own(), all.clone(), none.clone(), Value::Count(10_000)], events),
        (events::ABOUT, vec![own(), Value::Text(Some("task".to_owned())), Value::Count(100)], "events_by_task"),
        (deliveries::OF_TASK, vec![own(), Value::Text(Some("task".to_owned())), Value::Count(100)], "events_by_task"),
        (of_tasks, vec![own(), letters("ta"), Value::Count(100), letters("tb")], "events_by_task"),
        (tasks, vec![own(), Value::Events(vec![EventId::from_uuid(uuid::Uuid::nil())])], events),
        (deliveries::RECEIVERS, vec![own(), Value::Count(1_000)], "endpoints_"),
        (resends::LIST, vec![own(), all.clone(), page()], "resends_by_account"),
        (resends::RUNNING, vec![own(), Value::Count(5)], "resends_by_account"),
        (resends::PRUNE, vec![own(), Value::Count(98)], "resends_by_account"),
        (resends::ORPHANS, vec![now.clone(), Value::Count(16)], "resends_running"),
        (stored_answers::COUNT, vec![own(), now.clone(), Value::Count(10_001)], "stored_answers_by_account"),
        (retention::ANSWERS, vec![now.clone(), Value::Count(500)], "stored_answers_by_age"),
        (retention::RESENDS, vec![now.clone(), Value::Count(500)], "resends_by_age"),
        (retention::KEYS, vec![now.clone(), Value::Count(500)], "idempotency_keys_by_age"),
        (retention::SESSIONS, vec![now.clone(), Value::Count(500)], "sessions_by_expiry"),
        (retention::PORTAL_LINKS, vec![now.clone(), Value::Count(500)], "portal_links_by_expiry"),
        (portal_links::PRUNE_LINKS, vec![own(), Value::Count(1_000)], "portal_links_by_account"),
        (portal_links::PRUNE_SESSIONS, vec![own(), Value::Count(1_000)], "portal_sessions_by_account"),
        (retention::INVITATIONS, vec![now.clone(), Value::Count(500)], "invitations_by_expiry"),
        (retention::RESETS, vec![now, Value::Count(500)], "password_resets_by_expiry"),
        (accounts::PAGE, vec![none.clone(), page()], accounts),
        (endpoints, vec![own(), none.clone(), page()], "endpoints_"),
        (api_keys::PAGE, vec![own(), all.clone(), page()], "api_keys_by_account"),
        (api_keys::OPERATORS_PAGE, vec![all, page()], "api_keys_by_account"),
        (operational_events::NEXT_ACCOUNT, vec![none], notices),
        (operational_events::OLDEST, vec![own(), Value::Count(20)], notices),
        (mail_notices::NEXT_ACCOUNT, vec![none_account()], mail),
        (mail_notices::DUE, vec![own(), at_now(), Value::Count(mail_notices::LOOKED_AT)], "mail_notices_due"),
        (balance_history::HOURS, vec![own(), early(), Value::Count(9_600)], balances),
        (balance_history::BEFORE, vec![own(), at_now()], balances),
        (retention::BALANCES, vec![at_now(), Value::Count(200)], "balance_history_by_hour"),
    ] {
        world.assert_bounded(Asked { sql: sql.to_owned(), values, searches }).await;
    }
}

/// Stores webhooks that failures have disabled, and queues, of a neighbour.
async fn store_illness(world: &World) {
    let own = world.database.literal(world.account.uuid());
    let (id, at) = match &world.database.db {
        Database::Sqlite(_) => ("unhex(printf('%032x', n))", "n"),
        Database::Postgres(_) => ("CAST(lpad(to_hex(n), 32, '0') AS UUID)", "to_timestamp(n)"),
    };
    for insert in [
        format!(
            "INSERT INTO endpoints (id, account_id, url, description, event_types, secret, disabled_at, disabled_reason,
               created_at, updated_at)
             SELECT {id}, {own}, 'https://example.com', '', '*', {id_bytes}, CASE n % 100 WHEN 0 THEN {at} END,
               CASE n % 100 WHEN 0 THEN 'gone' END, {at}, {at}",
            id_bytes = match &world.database.db {
                Database::Sqlite(_) => "x'00'",
                Database::Postgres(_) => "decode('00', 'hex')",
            }
        ),
        format!("INSERT INTO endpoint_queues (endpoint_id, account_id, next_due_at) SELECT {id}, {own}, {at}"),
    ] {
        let numbers =
            format!("WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {EACH})");
        world.database.run(&format!("{numbers} {insert} FROM numbers")).await;
    }
    world.database.run("ANALYZE").await;
}

async fn statements_of_the_operator_are_bounded(world: &World) {
    store_illness(world).await;
    let dialect = usize::from(matches!(world.database.db, Database::Postgres(_)));
    let accounts = ["sqlite_autoindex_accounts_1", "accounts_pkey"][dialect];
    let events = ["sqlite_autoindex_events_", "events_pkey"][dialect];
    let members = ["sqlite_autoindex_memberships_1", "memberships_pkey"][dialect];
    let name = [accounts::BY_NAME.sqlite, accounts::BY_NAME.postgres][dialect];
    let text = |text: &str| Value::Text(Some(text.to_owned()));
    let (own, most) = (Value::Account(world.account), || Value::Count(51));
    let (first, last) = (AccountId::from_uuid(uuid::Uuid::nil()), AccountId::from_uuid(uuid::Uuid::max()));
    let hour = Value::At(Timestamp::from_unix_seconds(3_600 * 29_990));
    let rows = || Value::Count(50_000);
    let due = [activity::DUE_NOW.sqlite, activity::DUE_NOW.postgres][dialect];
    let held = [activity::HELD.sqlite, activity::HELD.postgres][dialect];
    for (sql, values, searches) in [
        (accounts::NEWEST, vec![Value::Account(last), most()], accounts),
        (accounts::BY_ID, vec![Value::Account(first), Value::Account(last), most()], accounts),
        (name, vec![text("account 1"), text("account 1z"), most()], "accounts_by_name"),
        (accounts::LAST_EVENT, vec![own.clone()], events),
        (accounts::EVENTS, vec![own.clone(), Value::Count(10_001)], "events"),
        (accounts::WEBHOOKS, vec![own.clone(), Value::Count(10_001)], "endpoints"),
        (accounts::LAST_SEEN, vec![own, Value::Count(10_000)], members),
        (health::TOTALS, vec![hour.clone(), rows()], "statistics_by_hour"),
        (health::QUEUED, vec![Value::Count(10_001)], "deliveries_due"),
        (health::FIRST_DUE, vec![Value::Count(1_000)], "endpoint_queues_due"),
        (gauges::OLDEST_DUE, vec![hour.clone(), Value::Count(1_000)], "endpoint_queues_due"),
        (health::STUCK, vec![hour.clone(), Value::Count(1_000), most()], "endpoint_queues_due"),
        (health::DISABLED, vec![most()], "endpoints_disabled"),
        (health::FAILING, vec![hour.clone(), rows(), most()], "statistics_by_hour"),
        (activity::SLOWEST, vec![hour.clone(), rows(), most()], "statistics_by_hour"),
        (due, vec![hour.clone(), Value::Count(1_000), Value::Count(10_001)], "endpoint_queues_due"),
        (due, vec![hour.clone(), Value::Count(1_000), Value::Count(10_001)], "deliveries_due"),
        (activity::OLDEST, vec![hour, Value::Count(1_000)], "endpoint_queues_due"),
        (held, vec![Value::Count(50), Value::Count(10_001)], "endpoints_disabled"),
        (held, vec![Value::Count(50), Value::Count(10_001)], "deliveries_set_aside"),
    ] {
        world.assert_bounded(Asked { sql: sql.to_owned(), values, searches }).await;
    }
    let health = ["PRIMARY KEY", "endpoint_health_pkey"][dialect];
    for sql in [endpoints::STATES, endpoints::SOME] {
        world.assert_planned(sql, &["endpoints_", health]).await;
    }
}

/// Stores statistics of so many hours at the endpoint, and as many at another one.
async fn store_statistics(world: &World, hours: u32) {
    let literal = |id| world.database.literal(id);
    let (account, endpoint) = (literal(world.account.uuid()), literal(world.endpoint.uuid()));
    let (numbers, hour) = match &world.database.db {
        Database::Sqlite(_) => (
            format!(
                "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {hours}) SELECT i FROM n"
            ),
            "i * 3600000000",
        ),
        Database::Postgres(_) => {
            (format!("SELECT generate_series(1, {hours}) AS i"), "TIMESTAMPTZ 'epoch' + i * INTERVAL '1 hour'")
        }
    };
    for endpoint in [endpoint, literal(uuid::Uuid::max())] {
        let row = format!("{account}, {hour}, {endpoint}, 'task.completed', 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0");
        world.database.run(&format!("INSERT INTO statistics SELECT {row} FROM ({numbers}) AS numbers")).await;
    }
    if let Database::Postgres(_) = &world.database.db {
        world.database.run("ANALYZE statistics").await;
    }
}

async fn statements_of_statistics_are_bounded(world: &World) {
    store_statistics(world, EACH).await;
    let dialect = usize::from(matches!(world.database.db, Database::Postgres(_)));
    let key = ["sqlite_autoindex_statistics_1", "statistics_pkey"][dialect];
    let hour = |number: i64| Timestamp::from_unix_seconds(3_600 * number);
    let range = [Value::Account(world.account), Value::At(hour(100)), Value::At(hour(130))];
    let hours = Value::Hours((100..130).map(hour).collect());
    let step = [Value::Count(3_600_000_000), Value::Bool(true), Value::Bool(true), Value::Text(None)];
    let most = || [Value::Count(50_000)];
    // Of an endpoint in some hours both are searched.
    let keys = ["sqlite_autoindex_statistics_1", "statistics_p"][dialect];
    for (sql, values) in [
        (statistics::BEYOND_OF_ACCOUNT, range.iter().cloned().chain(most()).collect()),
        (statistics::ADD_UP_ACCOUNT, range.iter().chain(&step).cloned().collect()),
        (statistics::BEYOND_OF_ENDPOINT, world.at([hours.clone()].into_iter().chain(most()))),
        (statistics::ADD_UP_ENDPOINT, world.at([hours].into_iter().chain(step))),
    ] {
        world
            .assert_bounded(Asked { sql: [sql.sqlite, sql.postgres][dialect].to_owned(), values, searches: keys })
            .await;
    }
    world.assert_planned(statistics::ADD_UP_HOURS, &[key]).await;
    world.assert_planned(statistics::RECENT, &["statistics_"]).await;
    let account = Value::Account(world.account);
    for (sql, values) in [
        (retention::HAVE_OLD, vec![account.clone(), Value::Count(1_000), Value::At(hour(10))]),
        (retention::REMOVE, vec![account.clone(), Value::At(hour(10)), Value::Count(200)]),
    ] {
        world.assert_bounded(Asked { sql: sql.to_owned(), values, searches: key }).await;
    }
    if matches!(world.database.db, Database::Postgres(_)) {
        let [first, before] = [uuid::Uuid::nil(), uuid::Uuid::max()].map(|id| Value::Event(EventId::from_uuid(id)));
        let values = vec![account, Value::Count(1_000), first, before];
        let (parts, id) = ("statistics_parts", || Value::Endpoint(world.endpoint));
        let kind = || Value::Text(Some("task.completed".to_owned()));
        let place = || vec![Value::Account(world.account), id(), Value::At(hour(100)), kind()];
        for (sql, last) in [(statistics::NEXT, Value::At(hour(130))), (&**statistics::MERGE, Value::Count(1_000))] {
            let values = place().into_iter().chain([last]).collect();
            world.assert_bounded(Asked { sql: sql.to_owned(), values, searches: parts }).await;
        }
        let sql = retention::HAVE_DELIVERIES.to_owned();
        world.assert_bounded(Asked { sql, values, searches: "deliveries_pkey" }).await;
    }
}

#[tokio::test]
async fn on_sqlite_pages_and_steps_search_indexes_only() {
    let world = World::new(testing::sqlite().await).await;
    statements_of_pages_are_bounded(&world).await;
    statements_of_steps_are_bounded(&world).await;
    statements_of_statistics_are_bounded(&world).await;
    statements_of_lists_are_bounded(&world).await;
    statements_of_the_operator_are_bounded(&world).await;
}

#[tokio::test]
async fn on_postgres_pages_and_steps_search_indexes_only() {
    let Some(database) = testing::postgres().await else { return };
    let world = World::new(database).await;
    statements_of_pages_are_bounded(&world).await;
    statements_of_steps_are_bounded(&world).await;
    statements_of_statistics_are_bounded(&world).await;
    statements_of_lists_are_bounded(&world).await;
    statements_of_the_operator_are_bounded(&world).await;
}
