//! Reads what a frame shows, the costlier parts more seldom.

use std::time::Duration;

use signet_engine::{
    db::{Look, Result},
    service::activity::{self, Counts, Rates, ServerSeen, Troubles, Waiting},
};
use signet_model::{Timestamp, time::Clock};

/// The time for the statements of one frame.
const LIMIT: Duration = Duration::from_secs(5);
/// The lists of webhooks are read with each fifth frame.
const LISTS_EACH: u32 = 5;

/// What a frame shows.
#[derive(Debug, Clone)]
pub struct Activity {
    /// The instant, by the clock that deliveries go by.
    pub at: Timestamp,
    /// The rates since the frame before.
    pub rates: Option<Rates>,
    /// What waits.
    pub waiting: Waiting,
    /// Webhooks that need a look.
    pub troubles: Troubles,
    /// The servers that run.
    pub servers: Vec<ServerSeen>,
}

/// Reads one frame after the other.
#[derive(Debug)]
pub struct Reader<C> {
    look: Look,
    clock: C,
    before: Option<Counts>,
    troubles: Option<Troubles>,
    frames: u32,
}

impl<C: Clock> Reader<C> {
    /// Reads over a connection.
    pub const fn new(look: Look, clock: C) -> Self {
        Self { look, clock, before: None, troubles: None, frames: 0 }
    }

    /// Reads the next frame.
    ///
    /// # Errors
    /// The database failed, or is of another version.
    pub async fn read(&mut self) -> Result<Activity> {
        self.look.end_in(LIMIT).await?;
        let counts = Counts::read(&mut self.look, &self.clock, self.before.as_ref()).await?;
        let rates = self.before.as_ref().and_then(|before| counts.since(before));
        self.before = Some(counts);
        let waiting = Waiting::read(&mut self.look, &self.clock).await?;
        let servers = activity::servers(&mut self.look, &self.clock).await?;
        let troubles = match self.troubles.take() {
            Some(troubles) if !self.frames.is_multiple_of(LISTS_EACH) => troubles,
            _ => Troubles::read(&mut self.look, &self.clock).await?,
        };
        self.troubles = Some(troubles.clone());
        self.frames = self.frames.wrapping_add(1);
        Ok(Activity { at: counts.at, rates, waiting, troubles, servers })
    }
}
