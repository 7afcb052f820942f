//! A running server follows its key file, and tells the others which keys and which schema it has.

use std::time::Duration;

use anyhow::{Context, bail};
use signet_engine::{Engine, Shutdown, db, random::Random, service::sealing::TOLD_EVERY};
use tokio::time::{Instant, sleep};

use super::sealing_key::Sources;

/// The time between two looks at the file.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// The keys of a running server.
#[derive(Debug)]
pub struct KeyWatch {
    engine: Engine,
    sources: Sources,
    random: Random,
    /// The id by which other processes know this one.
    process: uuid::Uuid,
    told_at: Instant,
    /// The file cannot be read, as the log has said.
    unreadable: bool,
}

impl KeyWatch {
    /// Tells that this server is there, and then reads the file once more: a rotation that has
    /// not seen this server has changed the file before.
    ///
    /// # Errors
    /// The database cannot be written, or needs a later version.
    pub async fn begin(engine: &Engine, sources: Sources) -> anyhow::Result<Self> {
        let random = Random::from_system();
        let process = uuid::Uuid::from_bytes(random.bytes());
        let mut this =
            Self { engine: engine.clone(), sources, random, process, told_at: Instant::now(), unreadable: false };
        engine.sealing().tell(process).await.context("the sealing keys of this server could not be noted")?;
        this.look().await?;
        Ok(this)
    }

    /// Follows the file until the server stops. Stops it at once if the database needs a later
    /// version now.
    ///
    /// # Errors
    /// The database needs a later version.
    pub async fn watch(mut self, shutdown: &Shutdown) -> anyhow::Result<()> {
        let mut kept = Ok(());
        while kept.is_ok() && shutdown.begun.run_until_cancelled(sleep(LOOK_EVERY)).await.is_some() {
            kept = self.look().await;
        }
        if kept.is_err() {
            shutdown.begun.cancel();
            shutdown.deadline.cancel();
        }
        if let Err(error) = self.engine.sealing().leave(self.process).await {
            tracing::debug!(%error, "the end of this server could not be noted");
        }
        kept
    }

    /// Takes over the keys of the file, if they are others than before, and tells the others from
    /// time to time.
    async fn look(&mut self) -> anyhow::Result<()> {
        let changed = match self.sources.at_hand(&self.random) {
            Ok(Some(ring)) if ring != self.engine.sealing().ring() => {
                tracing::info!(seals_with = %ring.seals_with(), "took over the sealing keys of the changed file");
                self.engine.sealing().replace(ring);
                true
            }
            Ok(_) => {
                self.unreadable = false;
                false
            }
            Err(error) => {
                if !self.unreadable {
                    tracing::error!("the sealing keys stay as they were: {error:#}");
                }
                self.unreadable = true;
                false
            }
        };
        if changed || self.told_at.elapsed() >= TOLD_EVERY {
            self.told_at = Instant::now();
            match self.engine.sealing().tell(self.process).await {
                Err(db::Error::Schema(problem)) => bail!("this server was stopped: {problem}"),
                Err(error) if self.engine.report(&error) => {}
                Err(error) => tracing::warn!(%error, "the sealing keys of this server could not be noted"),
                Ok(()) => {}
            }
        }
        Ok(())
    }
}
