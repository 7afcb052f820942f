//! Yesterday's events: what retention removes while the soak adds as many, so that a database
//! that stays as it is has a size that stays as it is.

use std::{sync::Arc, time::Duration};

use anyhow::Context;
use signet_engine::{
    Engine, Settings,
    clock::{ManualClock, SystemClock},
    deliver::ingest::{Idempotency, NewEvent},
    testing::{Hands, InFlight, NoTypes},
};
use signet_model::{AccountId, EndpointId, event::Submission, time::Clock};

use super::customers::{CUSTOMERS, Customer};
use crate::{
    fixture::{Fixture, open_at},
    producer::event,
};

/// The time for which events are kept.
const KEPT: Duration = Duration::from_hours(24);
/// Events of one commit: fewer than one webhook may have under way.
const TOGETHER: u64 = 16;

/// Stores so many events, all delivered, that were accepted a day ago within `span`.
pub async fn store(fixture: &Fixture, number: u64, span: Duration) -> anyhow::Result<()> {
    let clock = ManualClock::at(SystemClock.now() - KEPT);
    let engine = open_at(fixture.url(), fixture.folder(), Arc::new(clock.clone())).await?;
    let mut accounts = Vec::new();
    for name in &fixture.accounts {
        accounts.push(engine.accounts().find(name).await?.id);
    }
    store_by(&engine, &clock, &accounts, number, span).await?;
    engine.close().await;
    Ok(())
}

async fn store_by(
    engine: &Engine,
    clock: &ManualClock,
    accounts: &[AccountId],
    number: u64,
    span: Duration,
) -> anyhow::Result<()> {
    let hands = Hands(engine);
    let endless = endpoint_of(engine, accounts, Customer::Endless).await?;
    let step = span * u32::try_from(TOGETHER)? / u32::try_from(number.max(1))?;
    let mut in_flight = Vec::new();
    for first in (0..number).step_by(usize::try_from(TOGETHER)?) {
        let mut events = Vec::new();
        for task in first..(first + TOGETHER).min(number) {
            events.push(old_event(usize::try_from(task)?, accounts, clock)?);
        }
        let last = events.pop();
        in_flight.extend(hands.ingest_together(events).await.1);
        if let Some(last) = last {
            let ended = in_flight.drain(..).map(|one| (answered(one, endless), 200)).collect();
            in_flight = hands.finish_and_ingest(ended, last).await;
        }
        clock.advance(step);
    }
    for one in in_flight {
        hands.finish(answered(one, endless), 200).await;
    }
    Ok(())
}

/// The endpoint of a customer.
async fn endpoint_of(engine: &Engine, accounts: &[AccountId], customer: Customer) -> anyhow::Result<EndpointId> {
    let number = CUSTOMERS.iter().position(|one| *one == customer).context("one of the customers")?;
    let account = engine.as_operator_in(accounts[number]);
    let page = account.endpoints().page(None, 1).await?;
    Ok(page.first().context("its webhook")?.id)
}

/// The answer as its receiver gives it: of a body without an end, as much as is stored.
fn answered(delivery: InFlight, endless: EndpointId) -> InFlight {
    if delivery.endpoint() == endless {
        delivery.answered("x".repeat(Settings::default().max_response_body))
    } else {
        delivery
    }
}

/// An event as the producers send it, with its idempotency key.
fn old_event(task: usize, accounts: &[AccountId], clock: &ManualClock) -> anyhow::Result<NewEvent> {
    let text = event(task, "", "task.completed").replace(r#""account":"","#, "");
    let submission = Submission::parse(&text, clock.now(), &NoTypes).map_err(|fault| anyhow::anyhow!("{fault:?}"))?;
    let idempotency = Some(Idempotency { key: format!("yesterday's task {task}"), request_hash: [0; 32] });
    Ok(NewEvent { account: accounts[Customer::of_task(task)], body: submission.body, idempotency, trace: None })
}
