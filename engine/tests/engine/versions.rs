//! Databases of earlier versions, with data in them, migrated to the present.
//!
//! Each version has a folder beside this file, with the dumps and the facts about them that
//! `end2end/versions/store.js` made with the binary of that version.

mod stored;

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use signet_engine::{
    Engine, Settings,
    clock::ManualClock,
    deliver::ingest::{Idempotency, NewEvent},
    service::{deliveries::Filter, sessions::Browser},
    testing::{Arrival, Hands, Receiver, TestDatabase},
};
use signet_model::{
    AccountId, DeliveryId, EndpointId, EventId, Subscriptions,
    delivery::State,
    endpoint::DisabledReason,
    event::BuiltIn,
    signature::{Secret, verify_hex, verify_standard},
    time::Clock,
};

use stored::{Facts, Open, Stored, Webhook};

/// Stands in the dumps for the address of the receiver.
const PLACEHOLDER: &str = "https://localhost:9/";

/// Makes tests of a function that takes a migrated [`World`]: one for each database. Each
/// goes through all versions.
macro_rules! on_each_version {
    ($test:ident) => {
        mod $test {
            #[tokio::test]
            async fn on_sqlite() {
                for stored in super::stored::all("sqlite") {
                    super::$test(super::World::on_sqlite(stored).await).await;
                }
            }

            #[tokio::test]
            async fn on_postgres() {
                for stored in super::stored::all("postgres") {
                    if let Some(world) = super::World::on_postgres(stored).await {
                        super::$test(world).await;
                    }
                }
            }
        }
    };
}

/// A database that an earlier version wrote, migrated, and an engine of the present on it.
struct World {
    facts: Facts,
    database: TestDatabase,
    engine: Engine,
    clock: ManualClock,
    receiver: Receiver,
}

impl World {
    async fn on_sqlite(Stored { dump, facts }: Stored) -> Self {
        let receiver = Receiver::start().await;
        let dump = dump.replace(PLACEHOLDER, receiver.url("").as_str());
        Self::new(facts, TestDatabase::from_sqlite_dump(&dump).await, receiver)
    }

    async fn on_postgres(Stored { dump, facts }: Stored) -> Option<Self> {
        let receiver = Receiver::start().await;
        let dump = dump.replace(PLACEHOLDER, receiver.url("").as_str());
        Some(Self::new(facts, TestDatabase::from_postgres_dump(&dump).await?, receiver))
    }

    /// The engine's clock shows the instant of the dump: retention would remove what is old.
    fn new(facts: Facts, database: TestDatabase, receiver: Receiver) -> Self {
        let key = BASE64.decode(&facts.sealing_key).expect("base64").try_into().expect("32 bytes");
        let settings = Settings { release_rate: 100_000, ..Settings::default() };
        let (engine, clock) = database.engine_at(facts.made_at(), key, settings, receiver.authority.clone());
        Self { facts, database, engine, clock, receiver }
    }

    /// The ids that `signet check` names.
    async fn broken(&self) -> BTreeSet<String> {
        let findings = self.engine.check().await.expect("a ledger").findings;
        let examples = findings.iter().flat_map(|finding| &finding.examples);
        examples.map(|example| example.split(':').next().unwrap_or_default().to_owned()).collect()
    }

    /// The webhooks that are not deleted.
    fn webhooks(&self) -> impl Iterator<Item = &Webhook> {
        self.facts.webhooks.iter().filter(|webhook| !webhook.deleted)
    }

    fn webhook(&self, path: &str) -> &Webhook {
        self.webhooks().find(|webhook| webhook.path == path).expect("a webhook at this path")
    }

    /// Deliveries yet to be sent that can be sent.
    fn sendable(&self) -> impl Iterator<Item = (&Open, &Webhook)> {
        let with_webhook = self.facts.open.iter().filter_map(|open| {
            let webhook = self.webhooks().find(|webhook| webhook.id == open.endpoint)?;
            Some((open, webhook))
        });
        with_webhook.filter(|(_, webhook)| !webhook.is_broken())
    }

    async fn states(&self, webhook: &Webhook) -> Vec<State> {
        let handle = self.engine.as_operator_in(account(webhook)).endpoint(endpoint(webhook));
        let log = handle.deliveries(&Filter::default(), 100).await.expect("the log");
        log.iter().filter_map(|one| Some(one.as_ref().ok()?.state)).collect()
    }

    /// The newest event that a webhook got a delivery of.
    async fn newest_event(&self, webhook: &Webhook) -> Option<EventId> {
        let handle = self.engine.as_operator_in(account(webhook)).endpoint(endpoint(webhook));
        let log = handle.deliveries(&Filter::default(), 1).await.expect("the log");
        log.first().and_then(|one| Some(one.as_ref().ok()?.event))
    }
}

const fn account(webhook: &Webhook) -> AccountId {
    AccountId::from_uuid(webhook.account)
}

const fn endpoint(webhook: &Webhook) -> EndpointId {
    EndpointId::from_uuid(webhook.id)
}

on_each_version!(no_row_is_lost);
async fn no_row_is_lost(world: World) {
    let mut found = BTreeMap::new();
    for table in world.facts.rows.keys() {
        let now = if table == "setup_links" { "invitations" } else { table };
        found.insert(table.clone(), world.database.count(&format!("SELECT count(*) FROM {now}")).await);
    }
    // Each migration adds one.
    found.remove("_sqlx_migrations");
    let mut expected = world.facts.rows.clone();
    expected.remove("_sqlx_migrations");
    assert_eq!(found, expected);
}

on_each_version!(the_ledger_names_the_rows_alone_that_were_broken_before);
async fn the_ledger_names_the_rows_alone_that_were_broken_before(world: World) {
    let before: BTreeSet<_> = world.facts.broken.iter().cloned().collect();
    assert_eq!(world.broken().await, before);
    let listed = world.engine.as_operator_in(account(world.webhook("gone"))).endpoints().list().await.expect("a list");
    for one in listed {
        let webhook = world.webhooks().find(|webhook| webhook.id == one.id.uuid()).expect("a webhook of before");
        assert_eq!(one.unusable.is_some(), ["broken-url", "broken-secret"].contains(&webhook.path.as_str()), "{one:?}");
        let reason = one.disabled.and_then(|disabled| disabled.reason);
        assert_eq!(reason.map(DisabledReason::as_str), webhook.disabled.as_deref(), "{one:?}");
    }
}

on_each_version!(people_are_signed_in_and_keys_are_known);
async fn people_are_signed_in_and_keys_are_known(world: World) {
    let Facts { email, password, sessions, keys, .. } = &world.facts;
    let (ada, shop) = (account(world.webhook("gone")), account(world.webhook("shop")));
    let mut signed_in = Vec::new();
    for session in sessions {
        signed_in.push(world.engine.sessions().get(session).await.expect("an answer").expect("a session").account_id());
    }
    assert_eq!(signed_in, [Some(ada), Some(shop)]);
    world
        .engine
        .sessions()
        .sign_in(email, password, &Browser::default())
        .await
        .expect("an answer")
        .expect("the right password");

    let holder = async |key: &str| world.engine.authenticate(key).await.expect("an answer").map(|it| it.account);
    assert_eq!(holder(&keys.account).await, Some(Some(ada)));
    assert_eq!(holder(&keys.shop).await, Some(Some(shop)));
    assert_eq!(holder(&keys.operator).await, Some(None));
    assert_eq!(holder(&keys.revoked).await, None);
}

on_each_version!(webhooks_want_what_they_wanted);
async fn webhooks_want_what_they_wanted(world: World) {
    let _running = world.engine.start().expect("a new engine");
    let ada = account(world.webhook("gone"));
    for name in ["task.completed", "task.failed", "balance.low"] {
        world.clock.advance(Duration::from_secs(1));
        let body = BuiltIn::find(name).expect("a type").sample(world.clock.now());
        let accepted = world
            .engine
            .ingest(NewEvent { account: ada, body, idempotency: None, trace: None })
            .await
            .expect("accepted");
        let mut reached = 0;
        for webhook in world.webhooks() {
            let wants = account(webhook) == ada && webhook.wanted.iter().any(|wanted| wanted == name);
            let is_newest = world.newest_event(webhook).await == Some(accepted.id);
            assert_eq!(is_newest, wants, "{name} at {}", webhook.path);
            reached += u32::from(wants);
        }
        assert_eq!(accepted.deliveries, reached, "{name}");
    }
}

on_each_version!(secrets_open);
async fn secrets_open(world: World) {
    world.engine.prove_sealing_key().await.expect("the key of the dump");
    for webhook in world.webhooks().filter(|webhook| webhook.path != "broken-secret") {
        let handle = world.engine.as_operator_in(account(webhook)).endpoint(endpoint(webhook));
        assert_eq!(handle.reveal_secret().await.expect("a secret").reveal(), webhook.secret, "{}", webhook.path);
    }
}

on_each_version!(a_repeated_request_gets_the_answer_of_before);
async fn a_repeated_request_gets_the_answer_of_before(world: World) {
    let _running = world.engine.start().expect("a new engine");
    assert!(!world.facts.answers.is_empty());
    for answer in &world.facts.answers {
        let request_hash = hex::decode(&answer.request).expect("hex").try_into().expect("32 bytes");
        let idempotency = Some(Idempotency { key: answer.key.clone(), request_hash });
        let body = BuiltIn::find("task.completed").expect("a type").sample(world.clock.now());
        let event = NewEvent { account: AccountId::from_uuid(answer.account), body, idempotency, trace: None };
        let accepted = world.engine.ingest(event).await.expect("the first answer");
        assert!(accepted.replayed);
        assert_eq!(accepted.id, EventId::from_uuid(answer.event));
    }
}

on_each_version!(what_was_yet_to_be_sent_arrives_as_it_was);
async fn what_was_yet_to_be_sent_arrives_as_it_was(world: World) {
    let _running = world.engine.start().expect("a new engine");
    for webhook in world.webhooks() {
        let handle = world.engine.as_operator_in(account(webhook)).endpoint(endpoint(webhook));
        if webhook.disabled.is_some() {
            handle.enable().await.expect("enabled");
            handle.release(&Subscriptions::all()).await.expect("released");
        }
    }
    // The longest wait of a retry, and the lease of the attempt that was under way.
    world.clock.advance(Duration::from_hours(2));
    world.engine.wake();
    let expected: BTreeMap<_, _> = world
        .sendable()
        .filter(|(_, webhook)| webhook.path != "holding")
        .map(|(open, webhook)| (DeliveryId::from_uuid(open.id).to_string(), (open, webhook)))
        .collect();
    assert!(expected.values().any(|(open, _)| open.state == "held"));
    assert!(expected.values().any(|(open, _)| open.state == "pending"));
    let arrivals = world.receiver.arrived(expected.len()).await;
    let mut arrived = BTreeSet::new();
    for arrival in &arrivals {
        let id = &arrival.headers["webhook-id"];
        let (open, webhook) = expected.get(id).unwrap_or_else(|| panic!("{id} arrived at {}", arrival.path));
        assert_arrived_unchanged(arrival, open, webhook);
        arrived.insert(id);
    }
    assert_eq!(arrived.len(), expected.len());
}

fn assert_arrived_unchanged(arrival: &Arrival, open: &Open, webhook: &Webhook) {
    let header = |name: &str| arrival.headers.get(name).map_or("", String::as_str);
    assert_eq!((arrival.path.as_str(), arrival.body.as_str()), (format!("/{}", webhook.path).as_str(), &*open.body));
    assert_eq!(header("x-webhook-event"), open.event);
    assert_eq!(header("x-webhook-attempt"), (open.attempts + 1).to_string());
    let secret: Secret = webhook.secret.parse().expect("a secret");
    let body = arrival.body.as_bytes();
    assert!(verify_hex(&secret, body, header("x-webhook-signature")));
    let (id, at, signatures) = (header("webhook-id"), header("webhook-timestamp"), header("webhook-signature"));
    assert!(verify_standard(&secret, id, at, body, signatures));
    assert_eq!(signatures.split(' ').count(), if webhook.path == "rotating" { 2 } else { 1 });
}

on_each_version!(what_was_yet_to_be_held_is_held_and_what_cannot_be_sent_as_well);
async fn what_was_yet_to_be_held_is_held_and_what_cannot_be_sent_as_well(world: World) {
    let hands = Hands(&world.engine);
    world.clock.advance(Duration::from_hours(2));
    for one in hands.claim().await {
        hands.finish(one, 200).await;
    }
    let holding = world.webhook("holding");
    assert!(world.states(holding).await.contains(&State::Held));
    for path in ["broken-url", "broken-secret"] {
        assert!(world.states(world.webhook(path)).await.contains(&State::Held), "{path}");
    }
    let handle = world.engine.as_operator_in(account(holding)).endpoint(endpoint(holding));
    let released = handle.release(&Subscriptions::all()).await.expect("released");
    assert!(released > 0);
    let claimed = hands.claim().await;
    assert!(claimed.iter().any(|one| one.endpoint() == endpoint(holding)));
    for one in claimed {
        hands.finish(one, 200).await;
    }
    assert!(!world.states(holding).await.contains(&State::Held));
    let before: BTreeSet<_> = world.facts.broken.iter().cloned().collect();
    assert_eq!(world.broken().await, before);
}
