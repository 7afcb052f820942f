//! Opening the database with an engine on top.

use std::{path::PathBuf, sync::Arc};

use anyhow::Context;
use signet_engine::{
    Engine, Environment, Running, Settings,
    clock::SystemClock,
    outbound::{self, Client, Policy},
    random::Random,
    seal::Sealer,
    store::Database,
};

use crate::{
    config::{Serve, Storage},
    sealing_key,
};

impl Storage {
    /// Opens the database for a command that delivers nothing.
    ///
    /// # Errors
    /// The sealing key or the database cannot be used.
    pub async fn open(&self) -> anyhow::Result<Engine> {
        let settings = Settings::default();
        let client = outbound::Config {
            policy: Policy::Public,
            extra_authorities: Vec::new(),
            budget: settings.budget,
            max_response_body: settings.max_response_body,
        };
        self.engine(settings, &client).await
    }

    async fn engine(&self, settings: Settings, client: &outbound::Config) -> anyhow::Result<Engine> {
        let random = Random::from_system();
        let environment = Environment {
            sealer: self.sealer(&random)?,
            db: Database::connect(&self.database).await.context("the database cannot be opened")?,
            clock: Arc::new(SystemClock),
            random,
            policy: client.policy,
            client: Client::new(client)?,
        };
        Ok(Engine::new(environment, settings))
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
    pub async fn start_engine(&self) -> anyhow::Result<(Engine, Running)> {
        let engine = self.storage.engine(self.settings()?, &self.client_config()?).await?;
        let running = engine.start().context("the engine was started before")?;
        Ok((engine, running))
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
