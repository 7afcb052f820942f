//! Opening the database with an engine on top.

pub mod sealing_key;
pub mod server_lock;

use std::{path::Path, sync::Arc};

use anyhow::{Context, anyhow, ensure};
use signet_engine::{
    Engine, Environment, Settings,
    clock::SystemClock,
    outbound::{Client, Config, Policy},
    random::Random,
    seal::{SealKey, Sealer},
    store::{Database, DatabaseUrl, Error},
};

use crate::config::{Serve, Storage};
use sealing_key::Sources;

impl Storage {
    /// Where the data is.
    ///
    /// # Errors
    /// The option names no database. The error does not repeat it: it can hold a password.
    pub fn url(&self) -> anyhow::Result<DatabaseUrl> {
        self.database.parse().context("--database (or SIGNET_DATABASE)")
    }

    /// Opens the database, for a command that needs none of the secrets in it and so no
    /// key. Makes an SQLite file that is missing.
    ///
    /// # Errors
    /// The database cannot be used.
    pub async fn open(&self) -> anyhow::Result<Engine> {
        self.open_for_command(Settings::default(), None).await
    }

    /// The same for a database that is there already.
    ///
    /// # Errors
    /// The SQLite file is missing, or the database cannot be used.
    pub async fn open_existing(&self, settings: Settings) -> anyhow::Result<Engine> {
        self.must_exist()?;
        self.open_for_command(settings, None).await
    }

    /// The same with the sealing key, if that is at hand; returns whether it is.
    ///
    /// # Errors
    /// The SQLite file is missing, or the database or the key at hand cannot be used.
    pub async fn open_existing_with_key(&self, settings: Settings) -> anyhow::Result<(Engine, bool)> {
        self.must_exist()?;
        let key = self.key_sources()?.at_hand(&Random::from_system())?;
        let has_key = key.is_some();
        Ok((self.open_for_command(settings, key).await?, has_key))
    }

    fn must_exist(&self) -> anyhow::Result<()> {
        if let DatabaseUrl::Sqlite(path) = self.url()? {
            ensure!(path.exists(), "there is no database {}; name another one with --database", path.display());
        }
        Ok(())
    }

    async fn open_for_command(&self, settings: Settings, key: Option<SealKey>) -> anyhow::Result<Engine> {
        let client = quiet_client(&settings);
        let random = Random::from_system();
        let sealer = Sealer::new(key.unwrap_or_else(|| random.bytes().into()));
        assemble(self.connect().await?, settings, &client, random, sealer).await
    }

    async fn connect(&self) -> anyhow::Result<Database> {
        let url = self.url()?;
        let advice = "check --database, and whether this user may read and write it";
        Database::connect(&url).await.with_context(|| format!("the database {url:?} cannot be opened; {advice}"))
    }

    fn key_sources(&self) -> anyhow::Result<Sources> {
        let given = std::env::var(sealing_key::KEY_VARIABLE).ok();
        Ok(Sources { given, file: self.key_file.clone(), database: self.url()? })
    }
}

async fn assemble(
    db: Database,
    settings: Settings,
    client: &Config,
    random: Random,
    sealer: Sealer,
) -> anyhow::Result<Engine> {
    let (policy, client) = (client.policy, Client::new(client)?);
    let clock = db.clock(Arc::new(SystemClock)).await?;
    Ok(Engine::new(Environment { db, clock, random, sealer, policy, client }, settings))
}

impl Serve {
    /// Opens the database for a server, with the sealing key that it was sealed with.
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
        let (random, keys) = (Random::from_system(), self.storage.key_sources()?);
        // A key that cannot be used is refused before a database is made.
        keys.at_hand(&random)?;
        let db = self.storage.connect().await?;
        let key = keys.find(&random, db.has_sealed().await?)?;
        let engine = assemble(db, settings, &client, random, Sealer::new(key)).await?;
        engine.prove_sealing_key().await.map_err(refused)?;
        Ok(engine)
    }
}

/// The advice for a key that cannot be proved.
fn refused(error: Error) -> anyhow::Error {
    match error {
        Error::WrongKey => anyhow!("{error}: name the file of the old key with --key-file, or set SIGNET_KEY to it"),
        error => anyhow!("the database cannot be written; check whether this user may: {error}"),
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
