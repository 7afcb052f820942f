//! `signet serve`: the dashboard, the API and the delivery engine in one process.

use std::{io::Write, net::SocketAddr, path::PathBuf, sync::Arc};

use anyhow::Context;
use clap::Args;
use signet_engine::{
    Engine, Running, Settings, Shutdown,
    actor::Operator,
    clock::SystemClock,
    oidc::Providers,
    outbound::{Client, Config},
    random::Random,
    request::RequestIds,
    service::{
        accounts::NameError,
        event_types::{EventTypeSet, Imported},
    },
};
use signet_mail::Mailer;
use signet_model::AccountId;
use tokio::net::TcpListener;

use super::account::setup_link;
use crate::{
    api_client::read_authority,
    certificate::CertificateSource,
    config::{
        AccountArgs, BrandArgs, ClientArgs, DeliveryArgs, EgressArgs, MailArgs, MetricsArgs, MigrationArgs, OidcArgs,
        OperatorArgs, PeopleArgs, PortalArgs, ProxyArgs, PublicUrl, RetentionArgs, SessionArgs, Span, StorageArgs,
        TlsArgs, TracesArgs, local_url,
    },
    descriptors::{self, Shares},
    event_type_file,
    listener::{self, Front, Limits},
    metrics::MetricsListener,
    router::{self, Options},
    shutdown,
    storage::{self, KeyWatch, ServerLock},
    supervisor::Supervisor,
    traces::Export,
};

/// The account that the first owner gets.
const FIRST_ACCOUNT: &str = "default";

/// `signet serve`
#[derive(Debug, Args)]
pub struct ServeArgs {
    /// The database.
    #[command(flatten)]
    pub storage: StorageArgs,
    /// The schema of the database.
    #[command(flatten)]
    pub migration: MigrationArgs,
    /// The address to listen on. Port 0: any free one, which is printed.
    #[arg(long, value_name = "ADDRESS", env = "SIGNET_LISTEN", default_value = "127.0.0.1:8080")]
    pub listen: SocketAddr,
    /// Metrics.
    #[command(flatten)]
    pub metrics: MetricsArgs,
    /// Traces.
    #[command(flatten)]
    pub traces: TracesArgs,
    /// Limits for clients.
    #[command(flatten)]
    pub clients: ClientArgs,
    /// TLS.
    #[command(flatten)]
    pub tls: TlsArgs,
    /// The proxies in front.
    #[command(flatten)]
    pub proxies: ProxyArgs,
    /// The address of the dashboard in browsers, such as `https://signet.example.com`.
    /// Requests for any other host are refused then. Default: the host that the browser asked
    /// for (its Host header).
    #[arg(long, value_name = "URL", env = "SIGNET_PUBLIC_URL")]
    pub public_url: Option<PublicUrl>,
    /// Another host, with its port unless that is 80 or 443, by which programs reach the API,
    /// such as `signet.internal:8080`. Counts with --public-url. Repeatable; in the environment
    /// variable separated by commas.
    #[arg(long, value_name = "HOST", env = "SIGNET_OTHER_HOST", value_delimiter = ',')]
    pub other_host: Vec<String>,
    /// For development: webhooks may reach receivers on this machine.
    #[arg(long, env = "SIGNET_DEV")]
    pub dev: bool,
    /// The way out.
    #[command(flatten)]
    pub egress: EgressArgs,
    /// Trust the certificate authorities in this PEM file too. Repeatable; in
    /// the environment variable separated by commas.
    #[arg(long, value_name = "FILE", env = "SIGNET_TRUST_CA", value_delimiter = ',')]
    pub trust_ca: Vec<PathBuf>,
    /// A file with event types: a catalogue in YAML or JSON, or an OpenAPI 3.1
    /// document, whose webhooks are read. The catalogue is made as the file has it.
    #[arg(long, value_name = "FILE", env = "SIGNET_EVENT_TYPES")]
    pub event_types: Option<PathBuf>,
    /// Mail.
    #[command(flatten)]
    pub mail: MailArgs,
    /// OpenID providers.
    #[command(flatten)]
    pub oidc: OidcArgs,
    /// Attempts.
    #[command(flatten)]
    pub delivery: DeliveryArgs,
    /// Retention.
    #[command(flatten)]
    pub retention: RetentionArgs,
    /// Limits for one account.
    #[command(flatten)]
    pub accounts: AccountArgs,
    /// People.
    #[command(flatten)]
    pub people: PeopleArgs,
    /// Sessions.
    #[command(flatten)]
    pub sessions: SessionArgs,
    /// The brand of the service.
    #[command(flatten)]
    pub brand: BrandArgs,
    /// Portal links.
    #[command(flatten)]
    pub portal: PortalArgs,
    /// Operators.
    #[command(flatten)]
    pub operators: OperatorArgs,
    /// The time for requests and attempts under way to end when stopping.
    #[arg(long, value_name = "TIME", env = "SIGNET_STOP_LIMIT", default_value = "15s")]
    pub stop_limit: Span,
}

impl ServeArgs {
    /// The settings of the engine.
    ///
    /// # Errors
    /// Options contradict one another.
    fn settings(&self) -> anyhow::Result<Settings> {
        let Self { delivery, retention, accounts, sessions, portal, operators, .. } = self;
        delivery.check()?;
        retention.check()?;
        Ok(Settings {
            schedule: delivery.schedule(),
            budget: delivery.budget.get(),
            lease: delivery.lease.get(),
            max_in_flight: delivery.concurrency.max_in_flight,
            max_hanging: delivery.concurrency.max_hanging,
            max_in_flight_per_endpoint: delivery.concurrency.max_in_flight_per_endpoint,
            max_in_flight_per_host: delivery.concurrency.max_in_flight_per_host,
            release_rate: delivery.release_rate,
            max_response_body: delivery.max_response_body,
            keep_bodies: retention.keep_bodies.get(),
            keep_deliveries: retention.keep_deliveries.get(),
            keep_statistics: retention.keep_statistics.get(),
            max_endpoints_per_account: accounts.max_webhooks_per_account,
            max_api_keys_per_account: accounts.max_api_keys_per_account,
            max_people_per_account: self.people.max_people_per_account,
            session_lifetime: sessions.session_lifetime.get(),
            session_idle: sessions.session_idle.get(),
            portal_link_lifetime: portal.portal_link_lifetime.get(),
            operators_need_second_factor: !operators.operators_without_second_factor,
        })
    }

    /// The address of the dashboard in browsers.
    fn origin(&self, address: SocketAddr, tls: bool) -> String {
        self.public_url.as_ref().map_or_else(|| local_url(address, tls), ToString::to_string)
    }

    /// The configuration of the client that sends.
    ///
    /// # Errors
    /// A certificate cannot be read.
    pub fn outbound(&self) -> anyhow::Result<Config> {
        Ok(Config {
            policy: self.egress.policy(self.dev),
            egress_proxy: self.egress.proxy()?,
            extra_authorities: self.authorities()?,
            budget: self.delivery.budget.get(),
            max_response_body: self.delivery.max_response_body,
        })
    }

    /// Checks that metrics, which are told without a password, have an address of their own.
    ///
    /// # Errors
    /// They have not.
    fn check_metrics(&self) -> anyhow::Result<()> {
        let mut others = vec![("--listen", self.listen)];
        others.extend(self.tls.http_redirect_listen.map(|address| ("--http-redirect-listen", address)));
        self.metrics.check(&others)
    }

    /// Binds the address for a monitoring system, if there is one.
    ///
    /// # Errors
    /// It cannot be listened on.
    async fn bind_metrics(&self) -> anyhow::Result<Option<MetricsListener>> {
        let Some(address) = self.metrics.metrics_listen else { return Ok(None) };
        MetricsListener::bind(address, &storage::url(&self.storage)?).await.map(Some)
    }

    /// All that is wrong with the settings and with the files that they name; none of these is
    /// made or changed.
    pub fn faults(&self) -> Vec<anyhow::Error> {
        let database = storage::url(&self.storage);
        let tls = database.as_ref().map_or(Ok(()), |url| self.tls.source(url).and_then(CertificateSource::look));
        let client = self.outbound().and_then(|config| Ok(Client::new(&config).map(drop)?));
        let found = [
            database.map(drop),
            self.settings().map(drop),
            self.check_metrics(),
            self.traces.check(),
            tls,
            client,
            self.mail.check(),
            self.oidc.providers().map(drop),
            self.brand.read().map(drop),
            self.event_types.as_deref().map_or(Ok(()), |file| event_type_file::open(file).map(drop)),
        ];
        found.into_iter().filter_map(Result::err).collect()
    }

    /// What is wrong with the sealing key at hand by itself.
    pub fn fault_of_key(&self) -> Option<anyhow::Error> {
        // Without a database the place of the key is not known.
        storage::url(&self.storage).ok()?;
        storage::key_sources(&self.storage).and_then(|keys| keys.at_hand(&Random::from_system())).err()
    }

    fn authorities(&self) -> anyhow::Result<Vec<Vec<u8>>> {
        self.trust_ca.iter().map(|path| read_authority(path)).collect()
    }

    /// The options on which answers depend.
    ///
    /// # Errors
    /// The logo cannot be read.
    fn router_options(&self, tls: bool, mailer: Option<Mailer>, oidc: Providers) -> anyhow::Result<Options> {
        Ok(Options {
            dev: self.dev,
            tls,
            public_url: self.public_url.clone(),
            other_hosts: self.other_host.clone(),
            max_event_rate: self.clients.max_event_rate,
            max_request_rate: self.clients.max_request_rate,
            mailer,
            oidc,
            sign_up: self.people.sign_up,
            brand: Arc::new(self.brand.read()?),
            ancestors: self.portal.portal_ancestors.clone().into(),
        })
    }
}

/// Serves until the shutdown.
///
/// # Errors
/// The options, the database or the address cannot be used.
pub async fn run(mut args: ServeArgs) -> anyhow::Result<()> {
    let shutdown = Shutdown::default();
    let limits = fit(&mut args)?;
    args.check_metrics()?;
    args.traces.check()?;
    let source = args.tls.source(&storage::url(&args.storage)?)?;
    let tls = source.is_tls();
    let socket = TcpListener::bind(args.listen)
        .await
        .with_context(|| format!("cannot listen on {}; choose another address with --listen", args.listen))?;
    let metrics = args.bind_metrics().await?;
    let authorities = args.authorities()?;
    let certificate = source.open(&authorities)?;
    let mailer = args.mail.mailer(authorities.clone(), Arc::new(SystemClock))?;
    let providers = Providers::new(args.oidc.providers()?, &args.outbound()?.extra_authorities)?;
    let options = args.router_options(tls, mailer.clone(), providers)?;
    let event_types = args.event_types.as_deref().map(event_type_file::open).transpose()?;
    let _only_server = ServerLock::take(&storage::url(&args.storage)?)?;
    let engine = storage::open_to_serve(&args.storage, &args.migration, args.settings()?, &args.outbound()?).await?;
    if let Some(account) = &args.accounts.operations_account {
        engine.name_operations_account(account).await?;
    }
    if let Some(types) = event_types {
        import_event_types(&engine, types).await?;
    }
    let keys = KeyWatch::begin(&engine, storage::key_sources(&args.storage)?).await?;
    let origin = args.public_url.as_ref().map(ToString::to_string).unwrap_or_default();
    let notices = mailer.clone().map(|mailer| tokio::spawn(signet_app::send_notices(engine.clone(), mailer, origin)));
    let traces = Export::begin(&args.traces, &authorities, &engine)?;
    let running = engine.start().context("a new engine was started before")?;
    shutdown::begin_on_signals(&shutdown, args.stop_limit.get())?;
    if args.dev {
        tracing::warn!("--dev: webhooks may reach receivers on this machine. Never use it in production");
    }
    let address = socket.local_addr()?;
    announce(&engine, &args, tls, address).await?;
    let request_ids = Arc::new(RequestIds::new(engine.clock().now()));
    let mut front = Front { limits, proxies: args.proxies.proxies(), request_ids, tls: None };
    if let Some(metrics) = metrics {
        metrics.serve(&engine, &front, &shutdown)?;
    }
    redirect_plain_http(&args, &front, &shutdown).await?;
    if let Some(certificate) = certificate {
        front.tls = Some(certificate.tls()?);
        tokio::spawn(certificate.follow(shutdown.begun.clone()));
    }
    let router = router::router(&engine, &engine.clock(), &options);
    let serve = listener::serve(socket, router, front, &shutdown);
    let told = supervise(&engine, &args, tls, address, &shutdown);
    let ((), delivered, kept, ()) = tokio::join!(serve, deliver(running, &shutdown), keys.watch(&shutdown), told);
    if let Some(notices) = notices {
        shutdown.deadline.run_until_cancelled(notices).await;
    }
    if let Some(mailer) = mailer {
        shutdown.deadline.run_until_cancelled(mailer.stop()).await;
    }
    if let Some(traces) = traces {
        shutdown.deadline.run_until_cancelled(traces.end()).await;
    }
    // A database that does not answer is left alone after the deadline.
    shutdown.deadline.run_until_cancelled(engine.close()).await;
    tracing::info!("stopped");
    delivered.and(kept)
}

/// Tells the supervisor of the process how the server is, if there is one.
async fn supervise(engine: &Engine, args: &ServeArgs, tls: bool, address: SocketAddr, shutdown: &Shutdown) {
    if let Some(supervisor) = Supervisor::of_environment(&args.origin(address, tls)) {
        supervisor.follow(engine, shutdown, args.stop_limit.get()).await;
    }
}

/// Answers plain HTTP with the address of the dashboard, if that is asked for.
async fn redirect_plain_http(args: &ServeArgs, front: &Front, shutdown: &Shutdown) -> anyhow::Result<()> {
    let (Some(address), Some(home)) = (args.tls.http_redirect_listen, &args.public_url) else { return Ok(()) };
    let failed = || format!("cannot listen on {address}; choose another address with --http-redirect-listen");
    let socket = TcpListener::bind(address).await.with_context(failed)?;
    tracing::info!(address = %socket.local_addr()?, "listening for plain HTTP, to send browsers on");
    let (router, front, shutdown) = (router::redirects(home), front.clone(), shutdown.clone());
    tokio::spawn(async move { listener::serve(socket, router, front, &shutdown).await });
    Ok(())
}

/// Makes the catalogue as the file has it, before an event can come in.
async fn import_event_types(engine: &Engine, types: EventTypeSet) -> anyhow::Result<()> {
    let imported = engine.event_types().import(&Operator::signet(), types).await.context("--event-types")?;
    let Imported { created, changed, unchanged, archived } = imported;
    tracing::info!(created, changed, unchanged, archived, "took over the event types of the file");
    Ok(())
}

/// Delivers until the shutdown, and stops the engine then.
///
/// # Errors
/// The engine has ended before. The supervisor of the process starts it anew; no event is lost.
async fn deliver(mut running: Running, shutdown: &Shutdown) -> anyhow::Result<()> {
    if shutdown.begun.run_until_cancelled(running.broken()).await.is_some() {
        shutdown.begun.cancel();
        shutdown.deadline.cancel();
        anyhow::bail!("the engine has ended by a defect");
    }
    running.stop(shutdown.deadline.clone()).await;
    Ok(())
}

/// Fits the options into the limit of descriptors. Returns the limits of connections from
/// outside, which leave the descriptors that sending needs.
fn fit(args: &mut ServeArgs) -> anyhow::Result<Limits> {
    let ServeArgs { delivery, clients, .. } = args;
    let shares = descriptors::share(Shares {
        in_flight: delivery.concurrency.max_in_flight,
        hanging: delivery.concurrency.max_hanging,
        connections: clients.max_connections,
    })?;
    delivery.concurrency.max_hanging = shares.hanging;
    Ok(Limits { connections: shares.connections, connections_per_client: clients.max_connections_per_client })
}

async fn announce(engine: &Engine, args: &ServeArgs, tls: bool, address: SocketAddr) -> anyhow::Result<()> {
    let origin = args.origin(address, tls);
    tracing::info!(%address, "listening");
    let mut block = format!("\n  Signet {} is running: {origin}\n", env!("CARGO_PKG_VERSION"));
    if args.public_url.is_some() {
        block.extend(["  It listens on ", &local_url(address, tls), "\n"]);
    }
    if let Some(token) = first_setup(engine).await.context("the one-time link could not be made")? {
        block.push_str("  There is no user yet. Create the owner's account with this link, which works once:\n");
        block.extend(["  ", &setup_link(&origin, &token), "\n"]);
    }
    block.push('\n');
    // Without a reader the server runs all the same.
    if let Err(error) = std::io::stdout().write_all(block.as_bytes()) {
        tracing::warn!(%error, "the address could not be printed");
    }
    Ok(())
}

/// A one-time link's token for the first owner, as long as there is none.
async fn first_setup(engine: &Engine) -> anyhow::Result<Option<String>> {
    if engine.users().exist().await? {
        return Ok(None);
    }
    let account = first_account(engine).await?;
    let link = engine.account(&Operator::signet().in_account(account)).create_setup_link().await?;
    // The first person operates the server, too.
    engine.operators().add_by_invitation(&Operator::signet(), &link).await?;
    Ok(Some(link))
}

async fn first_account(engine: &Engine) -> anyhow::Result<AccountId> {
    let account = match engine.accounts().create(&Operator::signet(), &FIRST_ACCOUNT.parse()?).await {
        // Made by an earlier start, or by another process that starts now.
        Err(NameError::Taken) => engine.accounts().find(FIRST_ACCOUNT).await?,
        created => created?,
    };
    Ok(account.id)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use clap::Parser;
    use signet_model::retry::Schedule;

    use super::*;
    use crate::commands::{Cli, Command};

    fn serve(arguments: &[&str]) -> ServeArgs {
        let cli = Cli::try_parse_from([&["signet", "serve"], arguments].concat()).expect("valid arguments");
        match cli.command {
            Command::Serve(args) => *args,
            other => panic!("not serve: {other:?}"),
        }
    }

    fn refused(arguments: &[&str]) -> String {
        Cli::try_parse_from([&["signet", "serve"], arguments].concat()).expect_err("invalid arguments").to_string()
    }

    #[test]
    fn a_lease_must_outlast_the_budget_and_a_margin() {
        let error = serve(&["--budget", "10s", "--lease", "15s"]).settings().expect_err("too short");
        assert!(error.to_string().contains("--lease 15s is too short"), "{error}");
        assert!(serve(&["--budget", "10s", "--lease", "16s"]).settings().is_ok());
    }

    #[test]
    fn deliveries_are_kept_as_long_as_repeated_requests_are_recognised() {
        let error = serve(&["--keep-deliveries", "23h"]).settings().expect_err("too short");
        assert!(error.to_string().contains("--keep-deliveries 23h is too short"), "{error}");
        assert!(serve(&["--keep-deliveries", "1d"]).settings().is_ok());
    }

    #[test]
    fn the_schedule_is_read_in_words_for_time() {
        let settings = serve(&["--retry-delays", "1s, 2m", "--retry-jitter", "0"]).settings().expect("valid");
        assert_eq!(settings.schedule, Schedule::new(vec![Duration::from_secs(1), Duration::from_mins(2)], 0));
        assert!(serve(&["--retry-delays", "none"]).settings().expect("valid").schedule.delays().is_empty());
        assert!(refused(&["--retry-delays", "1 parsec"]).contains("--retry-delays"));
    }

    #[test]
    fn counts_and_times_are_above_zero() {
        for option in ["--max-in-flight", "--max-hanging", "--max-in-flight-per-endpoint", "--max-in-flight-per-host"] {
            assert!(refused(&[option, "0"]).contains("above zero"), "{option}");
        }
        assert!(refused(&["--budget", "0s"]).contains("longer than nothing"));
        assert!(refused(&["--release-rate", "0"]).contains("--release-rate"));
    }
}
