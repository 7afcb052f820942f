//! Which path leads where.

use axum::Router;
use signet_engine::Engine;

use crate::config::Serve;

/// Everything that `signet serve` answers.
pub fn router(_engine: &Engine, _config: &Serve) -> Router {
    Router::new()
}
