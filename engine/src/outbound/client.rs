//! The client and its settings.

use std::{fmt, sync::Arc, time::Duration};

use bytes::Bytes;
use http_body_util::Full;
use hyper_util::{
    client::legacy,
    rt::{TokioExecutor, TokioTimer},
};
use tokio::time::timeout;

use super::{
    connector::Connector,
    egress_proxy::EgressProxy,
    lookups::{Lookup, Lookups, SystemLookup},
    policy::Policy,
    resolver::GuardedResolver,
    tls,
};

/// Connections to one host that are kept for later requests.
const KEPT_PER_HOST: usize = 32;
/// The time for which a connection is kept without a request.
const KEPT_FOR: Duration = Duration::from_secs(30);
/// The most header lines of an answer. More are a protocol error.
const MAX_HEADERS: usize = 1_024;
/// The largest head of an answer, bytes: a little more than curl takes.
const MAX_HEAD: usize = 384 * 1024;

/// The limits and the policy of a client.
#[derive(Debug, Clone)]
pub struct Config {
    /// The addresses that may be reached.
    pub policy: Policy,
    /// The proxy through which all requests go.
    pub egress_proxy: Option<EgressProxy>,
    /// PEM certificates of authorities that are trusted besides the usual ones.
    pub extra_authorities: Vec<Vec<u8>>,
    /// For one whole exchange.
    pub budget: Duration,
    /// The longest kept response body, bytes.
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
    /// The client cannot be set up.
    #[error("the HTTP client cannot be set up: {0}")]
    Client(String),
}

/// The longest wait for a look-up that is made while somebody types a URL.
const LOOK_UP_PATIENCE: Duration = Duration::from_secs(3);

/// What a look-up by itself tells of a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resolved {
    /// It has addresses, all of which may be reached.
    Reachable,
    /// It could not be looked up, or has an address that may not be reached. Which of these it
    /// is is not told.
    NotFound,
    /// The look-up took long, or the proxy on the way out makes it.
    Unknown,
}

/// The guarded HTTP client. Clones share its connections.
#[derive(Clone)]
pub struct Client(pub(super) Arc<Parts>);

/// Speaks HTTP/1.1 over the connections of [`Connector`].
pub(super) type Http = legacy::Client<Connector, Full<Bytes>>;

pub(super) struct Parts {
    /// Keeps connections for later requests.
    pub(super) keeping: Http,
    /// Makes a new connection for every request.
    pub(super) fresh: Http,
    /// Looks names up, unless a proxy does.
    resolver: Option<GuardedResolver>,
    pub(super) lookups: Arc<Lookups>,
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
    /// its addresses in the same way.
    pub fn with_lookup(config: &Config, lookup: impl Lookup) -> Result<Self, ConfigError> {
        let lookups = Lookups::new(lookup);
        let resolver = GuardedResolver { lookups: Arc::clone(&lookups), policy: config.policy.clone() };
        let resolver_of_names = resolver.clone();
        let tls = tls::config(&config.extra_authorities)?;
        let connector = Connector::new(resolver, tls, config.egress_proxy.clone(), config.budget);
        Ok(Self(Arc::new(Parts {
            keeping: http(KEPT_PER_HOST).build(connector.clone()),
            fresh: http(0).build(connector),
            resolver: config.egress_proxy.is_none().then_some(resolver_of_names),
            lookups,
            policy: config.policy.clone(),
            budget: config.budget,
            max_response_body: config.max_response_body,
        })))
    }

    /// Looks a name up, without a request.
    pub async fn look_up(&self, name: &str) -> Resolved {
        let Some(resolver) = self.0.resolver.clone() else { return Resolved::Unknown };
        match timeout(LOOK_UP_PATIENCE, resolver.resolve(name.to_owned())).await {
            Ok(Ok(_)) => Resolved::Reachable,
            Ok(Err(_)) => Resolved::NotFound,
            Err(_) => Resolved::Unknown,
        }
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("policy", &self.0.policy).finish_non_exhaustive()
    }
}

/// HTTP/1.1 as receivers speak it: answers are taken that browsers and curl take too.
fn http(kept_per_host: usize) -> legacy::Builder {
    let mut builder = legacy::Client::builder(TokioExecutor::new());
    builder
        .pool_timer(TokioTimer::new())
        .pool_max_idle_per_host(kept_per_host)
        .pool_idle_timeout(KEPT_FOR)
        // Gateways that keep the spelling of names expect the usual one.
        .http1_title_case_headers(true)
        .http1_max_headers(MAX_HEADERS)
        .http1_max_buf_size(MAX_HEAD)
        .http1_allow_obsolete_multiline_headers_in_responses(true)
        .http1_allow_spaces_after_header_name_in_responses(true)
        .http1_ignore_invalid_headers_in_responses(true);
    builder
}
