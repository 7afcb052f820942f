//! Opening the database with an engine on top.

use std::path::PathBuf;

use anyhow::{Context, bail};
use signet_engine::{Engine, Settings, outbound, random::Random, seal::Sealer};

use crate::{
    config::{Serve, Storage},
    lifecycle::Lifecycle,
    sealing_key,
};

impl Storage {
    /// Opens the database for a command that delivers nothing.
    ///
    /// # Errors
    /// The sealing key or the database cannot be used.
    pub async fn open(&self) -> anyhow::Result<Engine> {
        let _sealer = self.sealer(&Random::from_system())?;
        bail!("the engine is not there yet")
    }

    fn sealer(&self, random: &Random) -> anyhow::Result<Sealer> {
        let given = std::env::var(sealing_key::KEY_VARIABLE).ok();
        Ok(Sealer::new(sealing_key::find(given.as_deref(), self.key_file.as_deref(), &self.database, random)?))
    }
}

impl Serve {
    /// Opens the database and starts to deliver.
    ///
    /// # Errors
    /// The options contradict one another, or the sealing key, a certificate or
    /// the database cannot be used.
    pub async fn start_engine(&self, _lifecycle: &Lifecycle) -> anyhow::Result<Engine> {
        let _settings: Settings = self.settings()?;
        let _client = self.client_config()?;
        self.storage.open().await
    }

    fn client_config(&self) -> anyhow::Result<outbound::Config> {
        Ok(outbound::Config {
            policy: self.policy(),
            extra_authorities: self.trust_ca.iter().map(read_authority).collect::<anyhow::Result<_>>()?,
            budget: self.budget,
            max_response_body: self.max_response_body,
        })
    }
}

fn read_authority(path: &PathBuf) -> anyhow::Result<Vec<u8>> {
    std::fs::read(path).with_context(|| format!("the certificate authority {} cannot be read", path.display()))
}
