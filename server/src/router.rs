//! Which path leads where.

use std::sync::Arc;

use axum::Router;
use signet_app::AppState;
use signet_engine::{Engine, clock::SystemClock};

use crate::{assets, config::Serve, rest};

/// Everything that `signet serve` answers.
pub fn router(engine: &Engine, config: &Serve) -> Router {
    let clock = Arc::new(SystemClock);
    let app = AppState {
        engine: engine.clone(),
        clock: clock.clone(),
        assets: Arc::new(assets::paths()),
        dev: config.dev,
        public_url: config.public_url.as_ref().map(ToString::to_string),
    };
    signet_app::router(app).merge(assets::router()).merge(rest::router(rest::Api::new(engine.clone(), clock)))
}
