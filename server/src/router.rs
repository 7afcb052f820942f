//! Which path leads where.

use std::sync::Arc;

use axum::Router;
use signet_app::AppState;
use signet_engine::{Engine, clock::SystemClock};

use crate::{assets, config::Serve};

/// Everything that `signet serve` answers.
pub fn router(engine: &Engine, config: &Serve) -> Router {
    let app = AppState {
        engine: engine.clone(),
        clock: Arc::new(SystemClock),
        assets: Arc::new(assets::paths()),
        dev: config.dev,
        public_url: config.public_url.as_ref().map(ToString::to_string),
    };
    signet_app::router(app).merge(assets::router())
}
