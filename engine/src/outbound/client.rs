//! The client: what it is set up with.

use std::{fmt, sync::Arc, time::Duration};

use reqwest::redirect;

use super::{
    connecting::Observe,
    lookups::{Lookup, Lookups, SystemLookup},
    policy::Policy,
    resolver::GuardedResolver,
    tls,
};

/// How much longer than the budget making a connection may take. It is the budget
/// that ends an exchange and names why; but a connection that the exchange no longer
/// needs, because the pool had another one sooner, is finished in the background,
/// where no budget ends it: without this, a receiver that never finishes TLS would
/// hold one socket more after every such exchange.
///
/// Until TCP stands, the time is divided among the addresses of a name, so that one
/// dead address does not take it all.
const CONNECT_MARGIN: Duration = Duration::from_secs(1);
/// How many connections to one host are kept for later requests.
const KEPT_PER_HOST: usize = 32;
/// How long a connection is kept without a request.
const KEPT_FOR: Duration = Duration::from_secs(30);
/// How often a kept HTTP/2 connection is asked whether it is still there, and how
/// long it may take to answer: without this, one that silently broke would
/// swallow every attempt until TCP gives up.
const PING_EVERY: Duration = Duration::from_secs(10);
const PING_WITHIN: Duration = Duration::from_secs(5);
/// The most headers of an answer. More are a protocol error.
const MAX_HEADERS: usize = 128;
/// The largest head of an HTTP/2 answer, bytes.
const MAX_HEAD: u32 = 64 * 1024;

/// How the client behaves.
#[derive(Debug, Clone)]
pub struct Config {
    /// Which addresses may be reached.
    pub policy: Policy,
    /// PEM certificates of authorities that are trusted besides the usual ones.
    pub extra_authorities: Vec<Vec<u8>>,
    /// For one whole exchange.
    pub budget: Duration,
    /// How much of a response body is kept, bytes.
    pub max_response_body: usize,
}

/// The client cannot be built.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// One of the extra authorities is no PEM certificate.
    #[error("the extra certificate authority cannot be read: {0}")]
    Authority(String),
    /// The certificates cannot be used.
    #[error("the certificate authorities cannot be loaded: {0}")]
    Tls(#[source] rustls::Error),
    /// Anything else.
    #[error("the HTTP client cannot be set up: {0}")]
    Client(#[source] reqwest::Error),
}

/// The guarded HTTP client. Clones share its connections.
#[derive(Clone)]
pub struct Client(pub(super) Arc<Parts>);

pub(super) struct Parts {
    /// Keeps connections for later requests.
    pub(super) keeping: reqwest::Client,
    /// Makes a new connection for every request.
    pub(super) fresh: reqwest::Client,
    pub(super) policy: Policy,
    pub(super) budget: Duration,
    pub(super) max_response_body: usize,
}

impl Client {
    /// Sets the client up.
    pub fn new(config: &Config) -> Result<Self, ConfigError> {
        Self::with_lookup(config, SystemLookup)
    }

    /// Sets the client up with another way to look names up. The policy judges
    /// what it finds in the same way.
    pub fn with_lookup(config: &Config, lookup: impl Lookup) -> Result<Self, ConfigError> {
        let tls = tls::config(&config.extra_authorities)?;
        let resolver = Arc::new(GuardedResolver { lookups: Lookups::new(lookup), policy: config.policy });
        let connect_within = config.budget + CONNECT_MARGIN;
        let build = |kept_per_host| {
            let builder = builder(tls.clone(), &resolver, kept_per_host);
            builder.connect_timeout(connect_within).build().map_err(ConfigError::Client)
        };
        Ok(Self(Arc::new(Parts {
            keeping: build(KEPT_PER_HOST)?,
            fresh: build(0)?,
            policy: config.policy,
            budget: config.budget,
            max_response_body: config.max_response_body,
        })))
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("policy", &self.0.policy).finish_non_exhaustive()
    }
}

fn builder(tls: rustls::ClientConfig, resolver: &Arc<GuardedResolver>, kept_per_host: usize) -> reqwest::ClientBuilder {
    reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .dns_resolver(Arc::clone(resolver))
        .https_only(true)
        // The environment must not decide through whom events are sent.
        .no_proxy()
        .redirect(redirect::Policy::none())
        .referer(false)
        // What is repeated is decided in one place, in the exchange.
        .retry(reqwest::retry::never().max_retries_per_request(0))
        .connector_layer(Observe)
        .pool_max_idle_per_host(kept_per_host)
        .pool_idle_timeout(KEPT_FOR)
        .http1_max_headers(MAX_HEADERS)
        .http2_max_header_list_size(MAX_HEAD)
        .http2_keep_alive_interval(PING_EVERY)
        .http2_keep_alive_timeout(PING_WITHIN)
        .gzip(true)
}
