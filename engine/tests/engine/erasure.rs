//! On request all rows of a task or of an account are erased.

use std::time::Duration;

use signet_engine::{
    Engine, Settings,
    clock::ManualClock,
    db::DatabaseUrl,
    deliver::ingest::{Idempotency, IngestError, NewEvent},
    service::{
        deliveries::Filter, factors::second_step::SignedIn, removal::Removed, resends::Progress, sessions::Browser,
    },
    testing::{
        Hands, InFlight, PASSWORD, TestDatabase, account, api_key, assert_adds_up, completed, endpoint,
        on_each_database, owner, resting_engine,
    },
};
use signet_model::AccountId;

const TABLES: [&str; 10] = [
    "events",
    "deliveries",
    "attempts",
    "idempotency_keys",
    "endpoints",
    "endpoint_queues",
    "endpoint_health",
    "statistics",
    "operational_events",
    "api_keys",
];

struct World<'a> {
    database: &'a TestDatabase,
    engine: Engine,
    clock: ManualClock,
    account: AccountId,
}

impl<'a> World<'a> {
    /// An account with an open endpoint and a paused one.
    async fn new(database: &'a TestDatabase) -> Self {
        let (engine, clock) = resting_engine(database);
        let account = Self::account(&engine, "acme").await;
        Self { database, engine, clock, account }
    }

    async fn account(engine: &Engine, name: &str) -> AccountId {
        let account = account(engine, name).await;
        endpoint(engine, account).await;
        let paused = endpoint(engine, account).await;
        engine.as_operator_in(account).endpoint(paused).pause().await.expect("paused");
        account
    }

    /// Of this task: an event that arrived, one to be retried and one in flight,
    /// each held for the paused endpoint as well.
    async fn task(&self, account: AccountId, task: &str) -> InFlight {
        let hands = Hands(&self.engine);
        for status in [200, 500] {
            let key = format!("{task} {status}");
            let event = NewEvent {
                idempotency: Some(Idempotency { key, request_hash: [1; 32] }),
                ..completed(&self.engine, account, task)
            };
            hands.finish(hands.ingest(event).await.1.remove(0), status).await;
        }
        hands.ingest(completed(&self.engine, account, task)).await.1.remove(0)
    }

    async fn rows(&self, table: &str, account: AccountId) -> i64 {
        let id: String = account.uuid().simple().to_string();
        let id = match self.database.url {
            DatabaseUrl::Sqlite(_) => format!("x'{id}'"),
            DatabaseUrl::Postgres(_) => format!("'{id}'"),
        };
        self.database.count(&format!("SELECT count(*) FROM {table} WHERE account_id = {id}")).await
    }

    /// Returns `true` if the text is anywhere in the files of the database.
    fn is_in_files(&self, text: &str) -> bool {
        let DatabaseUrl::Sqlite(path) = &self.database.url else { return false };
        ["", "-wal"].iter().any(|end| {
            let mut path = path.clone().into_os_string();
            path.push(end);
            let bytes = std::fs::read(path).unwrap_or_default();
            bytes.windows(text.len()).any(|window| window == text.as_bytes())
        })
    }
}

const OF_ONE_TASK: Removed = Removed { events: 3, deliveries: 6, attempts: 2 };

on_each_database!(an_erased_task_leaves_no_row_and_does_not_come_back);
async fn an_erased_task_leaves_no_row_and_does_not_come_back(database: TestDatabase) {
    let world = World::new(&database).await;
    let other = World::account(&world.engine, "other").await;
    let in_flight = world.task(world.account, "erased").await;
    let kept = [world.task(world.account, "kept").await, world.task(other, "erased").await];
    let about = |account, task| world.engine.as_operator_in(account).stored(Some(task));
    assert_eq!(about(world.account, "erased").await.expect("counts"), OF_ONE_TASK);

    assert_eq!(world.engine.as_operator_in(world.account).erase_task("erased").await.expect("erased"), OF_ONE_TASK);
    assert_adds_up(&world.engine).await;
    Hands(&world.engine).finish(in_flight, 200).await;
    assert_adds_up(&world.engine).await;

    assert_eq!(about(world.account, "erased").await.expect("counts"), Removed::default());
    assert_eq!(about(world.account, "kept").await.expect("counts"), OF_ONE_TASK);
    assert_eq!(about(other, "erased").await.expect("counts"), OF_ONE_TASK);
    let rows = [("events", 3), ("deliveries", 6), ("attempts", 2), ("idempotency_keys", 2)];
    for (table, count) in rows {
        assert_eq!(world.rows(table, world.account).await, count, "{table}");
    }
    drop(kept);
    world.clock.advance(Duration::from_hours(1));
    assert_eq!(Hands(&world.engine).claim().await.len(), 4, "of what was kept");
}

#[tokio::test]
async fn an_erased_task_is_not_in_the_file_either() {
    let database = signet_engine::testing::sqlite().await;
    let world = World::new(&database).await;
    let _in_flight = [world.task(world.account, "kept").await, world.task(world.account, "erased").await];
    assert!(world.is_in_files("secret erased") && world.is_in_files("secret kept"));
    world.engine.as_operator_in(world.account).erase_task("erased").await.expect("erased");
    assert!(!world.is_in_files("secret erased") && !world.is_in_files("erased 200"));
    assert!(world.is_in_files("secret kept"));
}

on_each_database!(an_erased_task_is_not_in_the_filter_of_a_resend_either);
async fn an_erased_task_is_not_in_the_filter_of_a_resend_either(database: TestDatabase) {
    let world = World::new(&database).await;
    let resends = world.engine.as_operator_in(world.account).resends();
    for task in ["erased", "kept"] {
        let about = Filter { task: Some(task.to_owned()), ..Filter::default() };
        let resend = resends.start(about).await.expect("begun").id;
        let resend = world.engine.as_operator_in(world.account).resend(resend).await_end(Duration::from_mins(1)).await;
        assert_eq!(resend.expect("the resend").progress, Progress::Finished);
    }
    let soon = match database.url {
        DatabaseUrl::Sqlite(_) => "9000000000000000",
        DatabaseUrl::Postgres(_) => "'2100-01-01T00:00:00Z'",
    };
    database
        .run(&format!("UPDATE resends SET state = 'running', ended_at = NULL, lease = 7, leased_until = {soon}"))
        .await;
    world.engine.as_operator_in(world.account).erase_task("erased").await.expect("erased");
    let after = resends.list(None, 10).await.expect("a list");
    let told: Vec<_> =
        after.iter().map(|it| (it.progress, it.filter.as_ref().and_then(|it| it.task.as_deref()))).collect();
    assert_eq!(told, [(Progress::Running, Some("kept")), (Progress::Stopped, None)]);
    assert!(after[1].filter.is_none(), "it is about no other deliveries now");
    assert!(!world.is_in_files(r#""task":"erased""#));
}

on_each_database!(an_erased_account_leaves_no_row);
async fn an_erased_account_leaves_no_row(database: TestDatabase) {
    let world = World::new(&database).await;
    let other = World::account(&world.engine, "other").await;
    for (account, email) in [(world.account, "ada@example.com"), (other, "bob@example.com")] {
        owner(&world.engine, account, email).await;
        world.engine.as_operator_in(account).create_setup_link().await.expect("a link");
        api_key(&world.engine, Some(account), "backend").await;
    }
    let in_flight = world.task(world.account, "task").await;
    let _kept = world.task(other, "task").await;
    let before: Vec<_> = counts(&world, other).await;
    assert_eq!(counts(&world, world.account).await, before);

    assert_eq!(world.engine.as_operator_in(world.account).erase().await.expect("erased"), OF_ONE_TASK);
    Hands(&world.engine).finish(in_flight, 500).await;
    assert_adds_up(&world.engine).await;
    assert_eq!(counts(&world, world.account).await, vec![0; before.len()]);
    assert_eq!(counts(&world, other).await, before);
    assert_eq!(database.count("SELECT count(*) FROM accounts").await, 1);
    assert_eq!(database.count("SELECT count(*) FROM users").await, 1);
    assert!(!world.is_in_files("ada@example.com"), "a person");
    assert!(!world.is_in_files("acme"), "the name");

    let refused = Hands(&world.engine).ingest(completed(&world.engine, world.account, "late")).await.0;
    assert_eq!(refused, Err(IngestError::UnknownAccount));
    assert!(world.engine.as_operator_in(world.account).erase().await.is_err(), "there is no such account any more");
}

async fn counts(world: &World<'_>, account: AccountId) -> Vec<i64> {
    let mut counts = Vec::new();
    for table in TABLES.into_iter().chain(["memberships", "sessions", "invitations"]) {
        counts.push(world.rows(table, account).await);
    }
    counts
}

on_each_database!(a_member_of_another_account_too_stays_a_user);
async fn a_member_of_another_account_too_stays_a_user(database: TestDatabase) {
    let world = World::new(&database).await;
    let other = World::account(&world.engine, "other").await;
    owner(&world.engine, world.account, "ada@example.com").await;
    database
        .run(
            "INSERT INTO memberships (account_id, user_id, role, created_at)
             SELECT accounts.id, user_id, role, memberships.created_at FROM memberships, accounts WHERE name = 'other'",
        )
        .await;
    world.engine.as_operator_in(world.account).erase().await.expect("erased");
    let browser = Browser::default();
    let session = world.engine.sessions().sign_in("ada@example.com", PASSWORD, &browser).await.expect("an answer");
    let session = world
        .engine
        .sessions()
        .get(session.and_then(SignedIn::session).expect("signed in").reveal())
        .await
        .expect("an answer");
    assert_eq!(session.and_then(|it| it.account_id()), Some(other));
}

on_each_database!(more_than_fits_into_one_transaction_is_erased);
async fn more_than_fits_into_one_transaction_is_erased(database: TestDatabase) {
    const EVENTS: u64 = 230;
    let world = World::new(&database).await;
    for _ in 0..EVENTS {
        world.clock.advance(Settings::default().lease / 100_000);
        drop(Hands(&world.engine).ingest(completed(&world.engine, world.account, "task")).await);
    }
    let all = Removed { events: EVENTS, deliveries: 2 * EVENTS, attempts: 0 };
    assert_eq!(world.engine.as_operator_in(world.account).stored(None).await.expect("counts"), all);
    assert_eq!(world.engine.as_operator_in(world.account).erase().await.expect("erased"), all);
    assert_eq!(database.count("SELECT count(*) FROM deliveries").await, 0);
}
