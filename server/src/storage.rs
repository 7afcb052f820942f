//! Opening the database with an engine on top.

use std::{path::Path, sync::Arc};

use anyhow::{Context, ensure};
use signet_engine::{
    Engine, Environment, Settings,
    clock::SystemClock,
    outbound::{Client, Config, Policy},
    random::Random,
    seal::{SealKey, Sealer},
    store::{Database, DatabaseUrl},
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
        let client = quiet_client(&settings);
        self.open_with(settings, &client).await
    }

    /// Opens a database that is there already, for a command that needs none of
    /// the secrets in it, and so no key.
    ///
    /// # Errors
    /// The SQLite file is missing, or the database cannot be used.
    pub async fn open_existing(&self, settings: Settings) -> anyhow::Result<Engine> {
        if let DatabaseUrl::Sqlite(path) = &self.database {
            ensure!(path.exists(), "there is no database {}", path.display());
        }
        let random = Random::from_system();
        let sealer = Sealer::new(random.bytes());
        let client = quiet_client(&settings);
        self.assemble(settings, &client, random, sealer).await
    }

    async fn open_with(&self, settings: Settings, client: &Config) -> anyhow::Result<Engine> {
        let random = Random::from_system();
        let sealer = Sealer::new(self.key(&random)?);
        self.assemble(settings, client, random, sealer).await
    }

    async fn assemble(
        &self,
        settings: Settings,
        client: &Config,
        random: Random,
        sealer: Sealer,
    ) -> anyhow::Result<Engine> {
        let client_made = Client::new(client)?;
        let db = Database::connect(&self.database)
            .await
            .with_context(|| format!("the database {:?} cannot be opened", self.database))?;
        let clock = db.clock(Arc::new(SystemClock)).await?;
        let environment = Environment { db, clock, random, sealer, policy: client.policy, client: client_made };
        Ok(Engine::new(environment, settings))
    }

    fn key(&self, random: &Random) -> anyhow::Result<SealKey> {
        let given = std::env::var(sealing_key::KEY_VARIABLE).ok();
        sealing_key::find(given.as_deref(), self.key_file.as_deref(), &self.database, random)
    }
}

impl Serve {
    /// Opens the database for a server.
    ///
    /// # Errors
    /// The options contradict one another, or the sealing key, a certificate or
    /// the database cannot be used.
    pub async fn open(&self) -> anyhow::Result<Engine> {
        let settings = self.settings()?;
        let client = Config {
            policy: self.policy(),
            extra_authorities: self.trust_ca.iter().map(|path| read_authority(path)).collect::<anyhow::Result<_>>()?,
            budget: settings.budget,
            max_response_body: settings.max_response_body,
        };
        self.storage.open_with(settings, &client).await
    }
}

/// Of a command that sends nothing.
const fn quiet_client(settings: &Settings) -> Config {
    Config {
        policy: Policy::Public,
        extra_authorities: Vec::new(),
        budget: settings.budget,
        max_response_body: settings.max_response_body,
    }
}

fn read_authority(path: &Path) -> anyhow::Result<Vec<u8>> {
    std::fs::read(path).with_context(|| format!("the certificate authority {} cannot be read", path.display()))
}
