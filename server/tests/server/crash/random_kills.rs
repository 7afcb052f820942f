//! A server that is killed again and again, at random moments and right after a step of
//! holding deliveries of a closed webhook, while `signet check` runs again and again.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use rand::{RngExt, SeedableRng, rngs::StdRng};
use signet_engine::{
    random::Random,
    testing::{Arrival, TestDatabase, on_each_database},
};
use signet_model::EndpointId;
use tokio::time::sleep;

use super::{
    checks::Checks,
    options::{Fault, QUICK},
    producer::Producers,
    verify::{settled, verify},
    world::World,
};
use crate::server::Server;

/// The number of kills.
const KILLS: u32 = 30;
/// Repeats the choices of a run that failed.
const SEED_VARIABLE: &str = "SIGNET_TEST_SEED";

fn seed() -> u64 {
    let given = std::env::var(SEED_VARIABLE).ok().and_then(|text| text.parse().ok());
    given.unwrap_or_else(|| u64::from_be_bytes(Random::from_system().bytes()))
}

/// One webhook sometimes fails and is sometimes slow; the other one always fails.
fn answer(arrival: &Arrival, moods: &Mutex<StdRng>) -> impl Future<Output = u16> + Send + use<> {
    let mut random = moods.lock().unwrap_or_else(PoisonError::into_inner);
    let fails = arrival.path == "/dead" || random.random_bool(0.1);
    let delay =
        if random.random_bool(0.05) { Duration::from_millis(random.random_range(0..300)) } else { Duration::ZERO };
    async move {
        sleep(delay).await;
        if fails { 500 } else { 200 }
    }
}

/// A server that dies after its first step, or one that waits to be killed. `None` if the
/// server died before it listened.
async fn start(world: &World, is_to_die: bool) -> Option<Server> {
    if is_to_die { world.try_serve_with(Fault("after_step")).await } else { Some(world.serve(&QUICK).await) }
}

/// Pauses or enables a webhook beside the server.
async fn switch(world: &World, endpoint: EndpointId, on: bool) {
    let engine = world.engine().await;
    let endpoint = engine.as_operator_in(world.account).endpoint(endpoint);
    let switched = if on { endpoint.enable().await } else { endpoint.pause().await };
    switched.expect("it is there");
    engine.close().await;
}

on_each_database!(killed_again_and_again);
async fn killed_again_and_again(database: TestDatabase) {
    let world = World::on(database).await;
    let seed = seed();
    println!("{SEED_VARIABLE}={seed} makes the same choices");
    let mut random = StdRng::seed_from_u64(seed);
    let dead = world.subscribe("dead").await;
    let moods = Mutex::new(StdRng::seed_from_u64(!seed));
    world.receiver.answer_by(move |arrival| answer(&arrival, &moods));

    let checks = Checks::start(&world);
    let producers = Producers::start(&world, 4, seed);
    for _ in 0..KILLS {
        let Some(mut server) = start(&world, random.random_bool(0.3)).await else { continue };
        checks.server_is_back();
        producers.talk_to(Some(server.address));
        if random.random_bool(0.5) {
            switch(&world, dead, random.random_bool(0.5)).await;
        }
        let moment = Duration::from_micros(random.random_range(0..20_000));
        let lives = async {
            producers.journal.more(random.random_range(1..60)).await;
            sleep(moment).await;
        };
        tokio::select! {
            () = lives => {
                checks.server_goes();
                server.kill().await;
            }
            _ = server.ended() => checks.server_goes(),
        }
        producers.talk_to(None);
    }
    let mut server = world.serve(&QUICK).await;
    checks.server_is_back();
    producers.talk_to(Some(server.address));
    let journal = producers.finish().await;
    settled(&world, &[world.endpoint, dead]).await;
    let checked = checks.finish().await;
    server.stop().await;
    let tally = verify(&world, &[world.endpoint, dead], &journal.acknowledged()).await;
    println!("killed {KILLS} times and checked {checked} times: {tally}");
    assert!(tally.delivered > 0 && tally.held > 0, "{tally}");
}
