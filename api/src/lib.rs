//! The API through which a backend sends events in: one file an operation, whose header
//! lists the problems that it answers.
//!
//! A request is authenticated by its bearer key ([`caller`]). Its body is read to a cap
//! ([`body`]) if there is room for it ([`room`]), and goes to the engine ([`events`]). A
//! refusal is a problem document ([`problem`]) that names the member at fault.
//!
//! Problems: `no_such_operation`, `method_not_allowed`.

mod body;
mod caller;
mod create_batch;
mod create_event;
mod entries;
mod event_rate;
mod events;
mod health;
mod idempotency;
mod names;
pub mod notice;
mod problem;
pub mod rate_limit;
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

use events::Events;
use problem::{Code, Problem};
use rate_limit::Rate;
use room::Room;

pub use event_rate::MAX_EVENT_RATE;

/// The parts that every operation is given. Clones share them.
#[derive(Clone)]
pub struct Api {
    engine: Engine,
    clock: Arc<dyn Clock>,
    events: Arc<Events>,
    room: Room,
}

impl Api {
    /// The API of an engine, which takes events of one account in at this rate.
    pub fn new(engine: Engine, clock: Arc<dyn Clock>, event_rate: Rate) -> Self {
        let events = Arc::new(Events::new(engine.clone(), event_rate));
        Self { engine, clock, events, room: Room::default() }
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
        .route("/v1/{*rest}", any(no_such_operation))
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .method_not_allowed_fallback(method_not_allowed)
        .with_state(api)
}

async fn no_such_operation() -> Problem {
    Problem::new(Code::NoSuchOperation, "The API has no such path.")
}

async fn method_not_allowed() -> Problem {
    let detail = "The Allow header of this answer names the methods that this path takes.";
    Problem::new(Code::MethodNotAllowed, detail)
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;
    use insta::assert_snapshot;
    use serde_json::json;

    use super::testing::TestApi;

    #[tokio::test]
    async fn an_unknown_path_or_method_is_answered_with_a_problem() {
        let api = TestApi::new().await;
        let answer = api.send("GET", "/v1/events", "", &[]).await;
        assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED);
        assert_eq!(answer.headers["allow"], "POST");
        assert_eq!(answer.json["code"], "method_not_allowed");
        let answer = api.send("POST", "/v1/nothing", "{}", &[]).await;
        assert_eq!((answer.status, &answer.json["code"]), (StatusCode::NOT_FOUND, &json!("no_such_operation")));
        assert_snapshot!(api.provoked.documents(include_str!("lib.rs")));
    }
}
