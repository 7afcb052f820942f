//! Processes share the work, and do nothing twice.

use std::collections::HashMap;

use signet_engine::testing::postgres;

use super::member::{Member, STEADY};
use crate::crash::{
    producer::{Request, Sender},
    verify::{attempt, settled, verify},
    world::World,
};

/// Webhooks, each of which gets every event.
const WEBHOOKS: usize = 10;
/// Requests to each process.
const REQUESTS: usize = 12;
/// Events of a request.
const TOGETHER: usize = 5;

/// Every delivery fails at first and is retried, by whichever process claims it.
async fn so_many_share_the_work(processes: usize) {
    let Some(database) = postgres().await else { return };
    let world = World::on(database).await;
    let mut endpoints = vec![world.endpoint];
    for number in 1..WEBHOOKS {
        endpoints.push(world.subscribe(&format!("webhook_{number}")).await);
    }
    world.receiver.answer_by(|arrival| std::future::ready(if attempt(&arrival) == 1 { 500 } else { 200 }));
    let mut members = Vec::new();
    for _ in 0..processes {
        members.push(Member::start(&world, &STEADY).await);
    }

    let (sender, mut acknowledged) = (Sender::new(&world), HashMap::new());
    for request in 0..REQUESTS {
        for (number, member) in members.iter().enumerate() {
            let tasks: Vec<_> = (0..TOGETHER).map(|event| format!("task_{request}_{number}_{event}")).collect();
            let ids = sender.accepted(&member.server, &Request::batch(tasks.clone())).await;
            acknowledged.extend(tasks.into_iter().zip(ids));
        }
    }
    settled(&world, &endpoints).await;

    let deliveries = processes * REQUESTS * TOGETHER * WEBHOOKS;
    let (mut all, mut each) = (0, Vec::new());
    for member in &mut members {
        let attempts = member.attempts().await;
        all += attempts;
        each.push(attempts);
        member.server.stop().await;
    }
    let tally = verify(&world, &endpoints, &acknowledged).await;
    println!("{processes} processes made {each:?} attempts: {tally}");
    assert_eq!(tally.delivered, deliveries, "{tally}");
    assert_eq!((tally.arrivals, tally.duplicates, all), (2 * deliveries, 0, 2 * deliveries), "nothing twice: {tally}");
    assert!(each.iter().all(|&attempts| attempts * 4 * processes >= all), "the load is spread: {each:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_processes_share_the_work_and_do_nothing_twice() {
    so_many_share_the_work(2).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn four_processes_share_the_work_and_do_nothing_twice() {
    so_many_share_the_work(4).await;
}
