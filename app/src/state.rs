//! What every handler is given.

use std::sync::Arc;

use signet_engine::Engine;
use signet_model::{Timestamp, time::Clock};

/// What every handler is given. Clones share everything.
#[derive(Clone)]
pub struct AppState {
    /// The engine.
    pub engine: Engine,
    /// What tells the time that pages are rendered for.
    pub clock: Arc<dyn Clock>,
    /// Where the browser gets the style sheet and the islands.
    pub assets: Arc<AssetPaths>,
    /// Whether local receivers may be reached, which every page then says.
    pub dev: bool,
    /// Where the server is reached from outside, without a slash at the end;
    /// shown in the examples for producers.
    pub public_url: Option<String>,
}

/// Paths of the built assets, each from the root: `/pkg/signet.0f3a.css`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AssetPaths {
    /// The style sheet.
    pub css: String,
    /// The module that loads the WebAssembly.
    pub js: String,
    /// The WebAssembly.
    pub wasm: String,
}

impl AppState {
    /// The present instant.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }
}

impl std::fmt::Debug for AppState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AppState").field("assets", &self.assets).field("dev", &self.dev).finish_non_exhaustive()
    }
}
