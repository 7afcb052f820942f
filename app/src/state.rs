//! The state that all handlers share.

use std::sync::Arc;

use signet_engine::{Engine, oidc::Providers};
use signet_mail::Mailer;
use signet_model::{Timestamp, time::Clock};

use crate::{ancestors::Ancestor, brand::Brand};

/// The state that all handlers share; so do clones.
#[derive(Clone)]
pub struct AppState {
    /// The engine.
    pub engine: Engine,
    /// The clock by which pages are rendered.
    pub clock: Arc<dyn Clock>,
    /// The addresses of the style sheet and the islands.
    pub assets: Arc<AssetPaths>,
    /// `true` if local receivers may be reached, which every page then says.
    pub dev: bool,
    /// The address of the server from outside, without a slash at the end; shown in
    /// the examples for producers.
    pub public_url: Option<String>,
    /// The OpenID providers at which people sign in.
    pub oidc: Providers,
    /// `true` if strangers may make accounts.
    pub sign_up: bool,
    /// Sends mail, if the operator has named a mail server; `public_url` is known then.
    pub mailer: Option<Mailer>,
    /// The brand of the service that runs the dashboard.
    pub brand: Arc<Brand>,
    /// The pages that may have portal pages in a frame.
    pub ancestors: Arc<[Ancestor]>,
}

/// Paths of the built assets, each from the root: `/pkg/signet.0f3a.css`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AssetPaths {
    /// The style sheet.
    pub css: String,
    /// The script of every page.
    pub page: String,
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
