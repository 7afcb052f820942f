//! The comparison at the end of each story: events that were acknowledged, rows that are
//! stored, requests that arrived, and the verdict of `signet check`.

use std::{
    collections::{HashMap, HashSet},
    fmt,
};

use signet_engine::{Engine, service::deliveries::Filter, testing::Arrival};
use signet_model::{
    EndpointId, EventId,
    delivery::State,
    endpoint::EndpointUrl,
    signature::{Secret, verify_hex, verify_standard},
};

use super::{
    checks::Check,
    world::{World, read_log},
};
use crate::{patience::until, server::Server};

/// The default of `--lease`. No delivery is leased any more.
const DEFAULT_LEASE: &str = "1m";

/// The counts of one comparison.
#[derive(Debug, Default)]
pub struct Tally {
    pub acknowledged: usize,
    pub events: usize,
    pub delivered: usize,
    pub failed: usize,
    pub held: usize,
    pub arrivals: usize,
    /// Arrivals of deliveries that had arrived before without a recorded attempt.
    pub duplicates: usize,
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { acknowledged, events, delivered, failed, held, arrivals, duplicates } = self;
        write!(
            f,
            "{acknowledged} events acknowledged, {events} stored; deliveries: {delivered} delivered, {failed} failed, \
             {held} held; {arrivals} requests arrived, {duplicates} of them unrecorded duplicates"
        )
    }
}

/// Waits until no delivery is pending at these endpoints.
pub async fn settled(world: &World, endpoints: &[EndpointId]) {
    let engine = world.engine().await;
    for &endpoint in endpoints {
        let filter = Filter { state: Some(State::Pending), ..Filter::default() };
        until("no delivery is pending", async || {
            let pending = engine.as_operator_in(world.account).endpoint(endpoint).deliveries(&filter, 1).await;
            pending.is_ok_and(|pending| pending.is_empty())
        })
        .await;
    }
    engine.close().await;
}

/// Waits until no delivery is pending at the world's webhook, stops the server, and verifies.
pub async fn settle_and_verify(world: &World, mut server: Server, acknowledged: &HashMap<String, EventId>) -> Tally {
    settled(world, &[world.endpoint]).await;
    server.stop().await;
    verify(world, &[world.endpoint], acknowledged).await
}

/// Compares the events that were acknowledged with the rows that are stored and the requests
/// that arrived. The server has been stopped.
pub async fn verify(world: &World, endpoints: &[EndpointId], acknowledged: &HashMap<String, EventId>) -> Tally {
    let engine = world.engine().await;
    let arrivals = world.receiver.arrivals();
    let mut tally = Tally { acknowledged: acknowledged.len(), arrivals: arrivals.len(), ..Tally::default() };
    check_that_a_task_has_one_id(&arrivals);
    for &endpoint in endpoints {
        check_endpoint(&engine, world, endpoint, acknowledged, &arrivals, &mut tally).await;
    }
    engine.close().await;
    assert_eq!(Check::of(world, DEFAULT_LEASE).broken_rules().await, []);
    tally
}

/// All requests about a task that arrived at one path carry one `webhook-id` and one body.
fn check_that_a_task_has_one_id(arrivals: &[Arrival]) {
    let mut seen: HashMap<(&str, String), (&str, &str)> = HashMap::new();
    for arrival in arrivals {
        let this = (id(arrival), arrival.body.as_str());
        let first = *seen.entry((&arrival.path, task(arrival))).or_insert(this);
        assert_eq!(first, this, "a task was delivered as two messages");
    }
}

async fn check_endpoint(
    engine: &Engine,
    world: &World,
    endpoint: EndpointId,
    acknowledged: &HashMap<String, EventId>,
    arrivals: &[Arrival],
    tally: &mut Tally,
) {
    let handle = engine.as_operator_in(world.account).endpoint(endpoint);
    let url = handle.get().await.expect("an endpoint").url;
    let path = EndpointUrl::from_stored(&url).expect("a URL").url().path().to_owned();
    let secret = handle.reveal_secret().await.expect("a secret");
    let log = read_log(engine, world.account, endpoint).await;
    let deliveries: HashMap<EventId, _> = log.iter().map(|delivery| (delivery.event, delivery)).collect();
    assert_eq!(deliveries.len(), log.len(), "an event has two deliveries to one endpoint");
    tally.events = tally.events.max(deliveries.len());

    let mut arrived: HashMap<&str, Vec<&Arrival>> = HashMap::new();
    for arrival in arrivals.iter().filter(|arrival| arrival.path == path) {
        check_signatures(arrival, &secret);
        arrived.entry(id(arrival)).or_default().push(arrival);
    }
    for (task, event) in acknowledged {
        assert!(deliveries.contains_key(event), "{event} of {task} was acknowledged and is not stored");
    }
    for delivery in &log {
        let name = delivery.id.to_string();
        let here = arrived.remove(name.as_str()).unwrap_or_default();
        let attempts = delivery.attempts as usize;
        tally.duplicates += here.len().saturating_sub(attempts);
        match delivery.state {
            State::Delivered => {
                assert!(!here.is_empty(), "{name} counts as delivered and never arrived");
                tally.delivered += 1;
            }
            State::Failed => tally.failed += 1,
            State::Held => tally.held += 1,
            State::Pending | State::Discarded => panic!("{name} is {:?}", delivery.state),
        }
    }
    let unknown: HashSet<_> = arrived.into_keys().collect();
    assert!(unknown.is_empty(), "messages that are not stored arrived: {unknown:?}");
}

fn check_signatures(arrival: &Arrival, secret: &Secret) {
    let header = |name: &str| arrival.headers.get(name).map_or("", String::as_str);
    let body = arrival.body.as_bytes();
    assert!(verify_hex(secret, body, header("x-webhook-signature")), "the signature is wrong");
    let (at, signatures) = (header("webhook-timestamp"), header("webhook-signature"));
    assert!(verify_standard(secret, id(arrival), at, body, signatures), "the standard signature is wrong");
}

/// The `webhook-id`.
pub fn id(arrival: &Arrival) -> &str {
    arrival.headers.get("webhook-id").expect("a webhook-id")
}

/// The number of the attempt that the sender counts.
pub fn attempt(arrival: &Arrival) -> u32 {
    arrival.headers["x-webhook-attempt"].parse().expect("a number")
}

fn task(arrival: &Arrival) -> String {
    let body: serde_json::Value = serde_json::from_str(&arrival.body).expect("JSON");
    body["taskId"].as_str().expect("a task").to_owned()
}
