//! The API through which a backend sends events in: one file an operation.
//!
//! A request is authenticated by its bearer key ([`caller`]), its body is read to
//! a cap ([`body`]) if there is room for it ([`room`]), and whatever is wrong is answered by a problem document
//! ([`problem`]) that names the member at fault.

mod accounts;
mod body;
mod caller;
mod create_batch;
mod create_event;
mod entries;
mod event_rate;
mod health;
mod idempotency;
mod problem;
mod room;
mod set_balance;
#[cfg(test)]
mod testing;

use std::sync::Arc;

use axum::{
    Router,
    routing::{any, get, post, put},
};
use signet_engine::Engine;
use signet_model::{Timestamp, time::Clock};

use crate::rate_limit::Rate;
use accounts::Accounts;
use event_rate::EventRate;
use problem::Problem;
use room::Room;

/// What every operation is given. Clones share everything.
#[derive(Clone)]
pub struct Api {
    engine: Engine,
    clock: Arc<dyn Clock>,
    accounts: Arc<Accounts>,
    room: Room,
    event_rate: Arc<EventRate>,
}

impl Api {
    /// The API of an engine, which takes events of one account in at this rate.
    pub fn new(engine: Engine, clock: Arc<dyn Clock>, event_rate: Rate) -> Self {
        let event_rate = Arc::new(EventRate::new(event_rate));
        Self { engine, clock, accounts: Arc::default(), room: Room::default(), event_rate }
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }
}

/// All operations.
pub fn router(api: Api) -> Router {
    Router::new()
        .route("/v1/events", post(create_event::post))
        .route("/v1/events/batch", post(create_batch::post))
        .route("/v1/accounts/{account}/balance", put(set_balance::put))
        .route("/v1/{*rest}", any(async || Problem::no_such_operation()))
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .method_not_allowed_fallback(async || Problem::method_not_allowed())
        .with_state(api)
}
