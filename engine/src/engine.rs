//! The handle through which everything else uses the engine.

use std::{fmt, sync::Arc, time::Duration};

use signet_model::{retry::Schedule, time::Clock};

use crate::{
    outbound::{Client, Policy},
    random::Random,
    seal::Sealer,
    store::{Database, Passwords, api_keys::RecentKeys},
};

/// What an operator can choose.
#[derive(Debug, Clone)]
pub struct Settings {
    /// When failed attempts are repeated.
    pub schedule: Schedule,
    /// The time budget of one attempt.
    pub budget: Duration,
    /// How long a claimed delivery belongs to the process that claimed it; must
    /// be longer than the budget and a margin.
    pub lease: Duration,
    /// The most attempts at the same time.
    pub max_in_flight: usize,
    /// The most attempts at the same time at one endpoint.
    pub max_in_flight_per_endpoint: usize,
    /// How many held deliveries a second are released to one endpoint.
    pub release_rate: u32,
    /// The longest kept response body, bytes.
    pub max_response_body: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            schedule: Schedule::default(),
            budget: Duration::from_secs(10),
            lease: Duration::from_secs(60),
            max_in_flight: 512,
            max_in_flight_per_endpoint: 32,
            release_rate: 10,
            max_response_body: 16 * 1024,
        }
    }
}

/// The engine. Clones share everything.
#[derive(Clone)]
pub struct Engine(pub(crate) Arc<Parts>);

pub(crate) struct Parts {
    pub(crate) settings: Settings,
    pub(crate) db: Database,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) random: Random,
    pub(crate) sealer: Sealer,
    pub(crate) policy: Policy,
    pub(crate) client: Client,
    pub(crate) passwords: Passwords,
    pub(crate) recent_keys: RecentKeys,
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Engine")
    }
}
