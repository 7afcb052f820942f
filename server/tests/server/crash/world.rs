//! The world before a server starts: a database with an account, webhooks at a receiver,
//! and an API key.

use std::{
    fs::{self, OpenOptions},
    path::{Path, PathBuf},
    sync::Arc,
};

use signet_engine::{
    Engine, Environment, Settings,
    clock::SystemClock,
    db::{Database, DatabaseUrl},
    outbound::{Client, Config, Policy},
    random::Random,
    seal::{KeyRing, Sealer},
    service::{
        deliveries::{Delivery, Filter},
        endpoints::{EndpointDraft, EndpointOptions},
    },
    testing::{self, Receiver, TestDatabase},
};
use signet_model::{AccountId, EndpointId, Subscriptions};
use tempfile::TempDir;
use tokio::process::Command;
use uuid::Uuid;

use super::options::{Fault, QUICK};
use crate::{
    patience::within,
    server::{Server, binary, signet},
};

/// The deliveries that are read at once.
const PAGE: u32 = 1_000;

pub struct World {
    folder: TempDir,
    url: DatabaseUrl,
    database: String,
    pub receiver: Receiver,
    pub account: AccountId,
    pub endpoint: EndpointId,
    pub api_key: String,
    /// Removes an SQLite file when dropped.
    kept: Option<TestDatabase>,
}

/// The binary of another version, which may know no configuration file.
fn of_previous(previous: &Path, arguments: &[&str]) -> Command {
    let mut command = binary(previous, arguments);
    command.env_remove("SIGNET_CONFIG");
    command
}

impl World {
    /// A world in this database.
    pub async fn on(database: TestDatabase) -> Self {
        // A connection that stayed open would keep a crash from being a whole one.
        database.db.close().await;
        let mut world = Self::at(database.url.clone()).await;
        world.kept = Some(database);
        world
    }

    /// In a database that the caller looks after.
    pub async fn at(url: DatabaseUrl) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let receiver = Receiver::start().await;
        fs::write(folder.path().join("authority.pem"), &receiver.authority).expect("a file");
        let database = match &url {
            DatabaseUrl::Sqlite(path) => format!("sqlite:{}", path.display()),
            DatabaseUrl::Postgres(url) => url.clone(),
        };
        let engine = open(&url, folder.path().join("key")).await;
        let account = testing::account(&engine, "acme").await;
        let endpoint = subscribe(&engine, account, &receiver, "good").await;
        let (_, key) = testing::api_key(&engine, Some(account), "test").await;
        engine.close().await;
        Self { folder, url, database, receiver, account, endpoint, api_key: key.clone(), kept: None }
    }

    /// In an empty database, all made by the binary of another version.
    pub async fn made_by(previous: PathBuf, url: DatabaseUrl) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let receiver = Receiver::start().await;
        fs::write(folder.path().join("authority.pem"), &receiver.authority).expect("a file");
        let DatabaseUrl::Postgres(database) = url.clone() else { unreachable!("it is PostgreSQL") };
        let run = async |arguments: &[&str]| {
            let mut command = of_previous(&previous, arguments);
            command.args(["--database", &database]);
            let output = within("the command ends", command.output()).await.expect("the binary");
            assert!(output.status.success(), "{output:?}");
            String::from_utf8(output.stdout).expect("text").trim().to_owned()
        };
        run(&["account", "add", "acme"]).await;
        let api_key = run(&["key", "add", "--account", "acme", "--name", "test", "--scope", "all"]).await;
        let (account, endpoint) = (AccountId::from_uuid(Uuid::nil()), EndpointId::from_uuid(Uuid::nil()));
        let mut world = Self { folder, url, database, receiver, account, endpoint, api_key, kept: None };
        let mut server = world.serve_previous(&previous, &QUICK).await;
        (world.account, world.endpoint) = world.subscribe_by_api(&server, "good").await;
        server.stop().await;
        world
    }

    /// Adds a webhook through the API of a server, and returns its account too.
    pub async fn subscribe_by_api(&self, server: &Server, path: &str) -> (AccountId, EndpointId) {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder().no_proxy().build().expect("a client");
        let origin = format!("http://{}", server.address);
        let read = |answer: String| serde_json::from_str::<serde_json::Value>(&answer).expect("JSON");
        let asked = client.get(format!("{origin}/v1/key")).bearer_auth(&self.api_key).send().await.expect("an answer");
        let key = read(asked.text().await.expect("text"));
        let account = key["account"].as_str().or_else(|| key["account"]["id"].as_str());
        let account: AccountId = account.and_then(|id| id.parse().ok()).unwrap_or_else(|| panic!("{key}"));
        let url = self.receiver.url(path).to_string();
        let made = client.post(format!("{origin}/v1/accounts/{account}/endpoints")).bearer_auth(&self.api_key);
        let made = made.header("content-type", "application/json").body(serde_json::json!({ "url": url }).to_string());
        let made = read(made.send().await.expect("an answer").text().await.expect("text"));
        let endpoint = made["id"].as_str().and_then(|id| id.parse().ok()).unwrap_or_else(|| panic!("{made}"));
        (account, endpoint)
    }

    /// Starts a server of another version. `None` if it ends before it listens.
    pub async fn try_serve_previous(&self, previous: &Path, options: &[&str]) -> Option<Server> {
        Server::try_start(self.serving(of_previous(previous, &[]), options)).await
    }

    /// Starts a server of another version and waits until it listens.
    pub async fn serve_previous(&self, previous: &Path, options: &[&str]) -> Server {
        self.try_serve_previous(previous, options).await.expect("the server listens")
    }

    /// Starts a server with these options and waits until it listens.
    pub async fn serve(&self, options: &[&str]) -> Server {
        Server::start(self.command(options)).await
    }

    /// Starts a server with these options and variables, and waits until it listens.
    pub async fn serve_among(&self, options: &[&str], variables: &[(&str, String)]) -> Server {
        let mut command = self.command(options);
        command.envs(variables.iter().map(|(name, value)| (name, value)));
        Server::start(command).await
    }

    /// Starts a server with these options. `None` if it ends before it listens.
    pub async fn try_serve(&self, options: &[&str]) -> Option<Server> {
        Server::try_start(self.command(options)).await
    }

    /// Starts a server that dies when it first passes this place.
    pub async fn serve_with(&self, fault: Fault) -> Server {
        self.try_serve_with(fault).await.expect("the server listens")
    }

    /// Starts a server that dies when it first passes this place. `None` if it does so
    /// before it listens.
    pub async fn try_serve_with(&self, Fault(place): Fault) -> Option<Server> {
        let mut command = self.command(&QUICK);
        command.env("SIGNET_FAULT", format!("{place}=1"));
        Server::try_start(command).await
    }

    /// The command that starts a server with these options, on the way that this URL tells.
    pub fn command_through(&self, database: &str, options: &[&str]) -> Command {
        self.serving_through(signet(&[]), database, options)
    }

    fn command(&self, options: &[&str]) -> Command {
        self.serving(signet(&[]), options)
    }

    fn serving(&self, command: Command, options: &[&str]) -> Command {
        self.serving_through(command, &self.database, options)
    }

    fn serving_through(&self, mut command: Command, database: &str, options: &[&str]) -> Command {
        let log = OpenOptions::new().create(true).append(true).open(self.log_file()).expect("a log file");
        command.args(["serve", "--dev", "--listen", "127.0.0.1:0", "--database", database]);
        command.arg("--key-file").arg(self.key_file()).arg("--trust-ca").arg(self.authority());
        command.args(options).stderr(log);
        command
    }

    /// Adds a webhook at this path of the receiver.
    pub async fn subscribe(&self, path: &str) -> EndpointId {
        let engine = self.engine().await;
        let endpoint = subscribe(&engine, self.account, &self.receiver, path).await;
        engine.close().await;
        endpoint
    }

    /// Adds a webhook at this path of the receiver, with options.
    pub async fn subscribe_with(&self, path: &str, options: EndpointOptions) -> EndpointId {
        let engine = self.engine().await;
        let draft = EndpointDraft { options, ..EndpointDraft::new(self.receiver.url(path), Subscriptions::all()) };
        let made = engine.as_operator_in(self.account).endpoints().create(draft, &engine.new_secret()).await;
        engine.close().await;
        made.expect("an endpoint").id
    }

    /// An engine over the database that is not started; to be closed.
    pub async fn engine(&self) -> Engine {
        open(&self.url, self.key_file()).await
    }

    /// The deliveries of an endpoint.
    pub async fn log(&self, endpoint: EndpointId) -> Vec<Delivery> {
        let engine = self.engine().await;
        let log = read_log(&engine, self.account, endpoint).await;
        engine.close().await;
        log
    }

    /// The database, as the server's option takes it.
    pub fn database(&self) -> &str {
        &self.database
    }

    pub const fn url(&self) -> &DatabaseUrl {
        &self.url
    }

    pub fn key_file(&self) -> PathBuf {
        self.folder.path().join("key")
    }

    fn authority(&self) -> PathBuf {
        self.folder.path().join("authority.pem")
    }

    /// What the servers have written to their log so far.
    pub fn log_so_far(&self) -> String {
        fs::read_to_string(self.log_file()).unwrap_or_default()
    }

    /// The log of the servers.
    fn log_file(&self) -> PathBuf {
        self.folder.path().join("log")
    }
}

impl Drop for World {
    /// Shows the end of the log when a test fails.
    fn drop(&mut self) {
        if std::thread::panicking() {
            let log = fs::read_to_string(self.log_file()).unwrap_or_default();
            let lines: Vec<_> = log.lines().collect();
            eprintln!("{}", lines[lines.len().saturating_sub(60)..].join("\n"));
        }
    }
}

/// All deliveries of an endpoint, newest first.
pub async fn read_log(engine: &Engine, account: AccountId, endpoint: EndpointId) -> Vec<Delivery> {
    let (mut log, mut from): (Vec<Delivery>, _) = (Vec::new(), None);
    loop {
        let handle = engine.as_operator_in(account).endpoint(endpoint);
        let page = handle.log(&Filter::default(), from, PAGE).await.expect("the log");
        log.extend(page.deliveries.into_iter().map(|one| one.expect("a delivery that can be used")));
        from = page.next;
        if from.is_none() {
            return log;
        }
    }
}

async fn open(url: &DatabaseUrl, key_file: PathBuf) -> Engine {
    let random = Random::from_system();
    let settings = Settings::default();
    let config = Config {
        policy: Policy::public_and_loopback(),
        egress_proxy: None,
        extra_authorities: Vec::new(),
        budget: settings.budget,
        max_response_body: settings.max_response_body,
    };
    let environment = Environment {
        db: Database::connect(url).await.expect("the database"),
        clock: Arc::new(SystemClock),
        sealer: Sealer::new(KeyRing::load_or_create(&key_file, &random).expect("a key")),
        random,
        policy: config.policy.clone(),
        client: Client::new(&config).expect("a client"),
    };
    Engine::new(environment, settings)
}

async fn subscribe(engine: &Engine, account: AccountId, receiver: &Receiver, path: &str) -> EndpointId {
    let draft = EndpointDraft::new(receiver.url(path), Subscriptions::all());
    engine.as_operator_in(account).endpoints().create(draft, &engine.new_secret()).await.expect("an endpoint").id
}
