//! A certificate of an authority, which is asked for it by ACME (RFC 8555) and looks for the
//! answer to its challenge at this server's own port (tls-alpn-01, RFC 8737).

use std::{
    fmt, io,
    path::PathBuf,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use anyhow::Context;
use futures_util::StreamExt;
use rustls::{
    ClientConfig,
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};
use rustls_acme::{
    AcmeConfig, AcmeState, EventError, EventOk, OrderError, ResolvesServerCertAcme, acme::Auth, is_tls_alpn_challenge,
};
use signet_engine::outbound::tls_config;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::cache::Cache;
use crate::{
    api_client::read_authority,
    config::{AcmeContact, AcmeDirectory, AcmeDomain},
};

/// The time after which the work is begun anew, from the cache: an exchange with the authority
/// has no limit of its own, and one that hangs must not outlast the certificate.
const ANEW_AFTER: Duration = Duration::from_hours(24);
/// The most characters of a failure's reason in the log. An authority may say anything.
const MAX_REASON: usize = 500;

/// The certificate to ask for, and the authority.
#[derive(Debug, Clone)]
pub struct AcmeSettings {
    /// The names in the certificate; at least one.
    pub domains: Vec<AcmeDomain>,
    /// The address at which the authority reaches the operator.
    pub contact: Option<AcmeContact>,
    /// The authority.
    pub directory: AcmeDirectory,
    /// The PEM files of the authorities that are trusted too when this one is asked.
    pub roots: Vec<PathBuf>,
    /// The folder that keeps the certificate, its key and that of the account.
    pub cache: PathBuf,
}

type State = AcmeState<io::Error, io::Error>;
type Event = Result<EventOk, EventError<io::Error, io::Error>>;

/// The certificate of an authority, which is obtained and renewed while the server runs.
pub struct Acme {
    settings: AcmeSettings,
    client: Arc<ClientConfig>,
    cache: Cache,
    present: RwLock<Present>,
}

/// Both are the same, except while the work has begun anew and has no certificate yet.
struct Present {
    /// Answers the challenges; `None` before the work has begun.
    answers: Option<Arc<ResolvesServerCertAcme>>,
    /// Has the certificate; `None` before there is one.
    shown: Option<Arc<ResolvesServerCertAcme>>,
}

impl Acme {
    /// Prepares to ask the authority, and trusts `authorities` as well as the system's and
    /// those of the settings.
    ///
    /// # Errors
    /// The cache cannot be written, or an authority's certificate cannot be read.
    pub fn prepare(settings: AcmeSettings, authorities: &[Vec<u8>]) -> anyhow::Result<Arc<Self>> {
        let roots = settings.roots.iter().map(|path| read_authority(path)).collect::<anyhow::Result<Vec<_>>>();
        let trusted = [authorities, &roots.context("--acme-root")?].concat();
        let client = Arc::new(tls_config(&trusted).context("--acme-root")?);
        let advice = || format!("--acme-cache: {} must be a folder that can be written", settings.cache.display());
        let cache = Cache::open(settings.cache.clone()).with_context(advice)?;
        let present = RwLock::new(Present { answers: None, shown: None });
        Ok(Arc::new(Self { settings, client, cache, present }))
    }

    /// Obtains the certificate, unless the cache has it, and renews it when two thirds of its
    /// time are over, until the server stops.
    pub async fn follow(self: Arc<Self>, stop: CancellationToken) {
        tracing::info!(directory = %self.settings.directory, "certificates come from an authority by ACME");
        while !stop.is_cancelled() {
            let work = stop.run_until_cancelled(self.work());
            // The end of a day is no failure.
            let _ = timeout(ANEW_AFTER, work).await;
        }
    }

    async fn work(&self) {
        let mut state = self.begin();
        let resolver = state.resolver();
        self.change(|present| present.answers = Some(Arc::clone(&resolver)));
        while let Some(event) = state.next().await {
            if let Ok(EventOk::DeployedCachedCert | EventOk::DeployedNewCert) = event {
                self.change(|present| present.shown = Some(Arc::clone(&resolver)));
            }
            note(&event);
        }
    }

    fn begin(&self) -> State {
        let AcmeSettings { domains, contact, directory, .. } = &self.settings;
        AcmeConfig::new_with_client_config(domains, Arc::clone(&self.client))
            .contact(contact)
            .directory(directory)
            .cache(self.cache.clone())
            .state()
    }

    fn change(&self, change: impl FnOnce(&mut Present)) {
        change(&mut self.present.write().unwrap_or_else(PoisonError::into_inner));
    }
}

/// Tells the operator. Neither events nor errors hold a key.
fn note(event: &Event) {
    match event {
        Ok(EventOk::DeployedNewCert) => tracing::info!("obtained a certificate from the authority"),
        Ok(EventOk::DeployedCachedCert) => tracing::info!("took the certificate from the cache"),
        Ok(EventOk::AccountCacheStore) => {
            tracing::info!("keeps the key of a new account at the authority in the cache");
        }
        Ok(EventOk::CertCacheStore) => tracing::debug!("keeps the certificate in the cache"),
        Err(EventError::Order(error)) => tracing::error!(
            "no certificate was obtained, which is tried again by itself: {}. Each name must lead to this server at \
             port 443",
            reason(error)
        ),
        Err(error) => tracing::error!("the cache of the certificate cannot be used: {}", shortened(error)),
    }
}

/// The reason that the authority gives, or else the failure.
fn reason(error: &OrderError) -> String {
    if let OrderError::BadAuth(Auth { challenges, .. }) = error {
        let mut details = challenges.iter().filter_map(|challenge| challenge.error.as_ref()?.detail.as_deref());
        if let Some(detail) = details.next_back() {
            return shortened(&format_args!("the authority says {detail:?}"));
        }
    }
    shortened(error)
}

fn shortened(reason: &impl fmt::Display) -> String {
    reason.to_string().chars().take(MAX_REASON).collect()
}

impl ResolvesServerCert for Acme {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let present = self.present.read().unwrap_or_else(PoisonError::into_inner);
        let resolver = if is_tls_alpn_challenge(&hello) { &present.answers } else { &present.shown };
        resolver.as_ref()?.resolve(hello)
    }
}

impl fmt::Debug for Acme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Acme").field("settings", &self.settings).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use rustls_acme::acme::{AcmeError, AuthStatus, Challenge, ChallengeType, Identifier, Problem};
    use tempfile::TempDir;
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn an_exchange_that_hangs_is_given_up_after_a_day() {
        let folder = TempDir::new().expect("a folder");
        let silent = TcpListener::bind("127.0.0.1:0").await.expect("a socket");
        let directory = format!("https://{}/directory", silent.local_addr().expect("an address"));
        let settings = AcmeSettings {
            domains: vec!["signet.example".parse().expect("a name")],
            contact: None,
            directory: directory.parse().expect("a directory"),
            roots: Vec::new(),
            cache: folder.path().to_owned(),
        };
        let stop = CancellationToken::new();
        let acme = Acme::prepare(settings, &[]).expect("prepared");
        let followed = tokio::spawn(acme.follow(stop.clone()));
        let mut kept = Vec::new();
        for _ in 0..2 {
            kept.push(silent.accept().await.expect("a connection"));
        }
        stop.cancel();
        followed.await.expect("the task ends with the server");
    }

    #[test]
    fn a_failure_is_told_in_the_words_of_the_authority_on_one_short_line() {
        let error = Some(Problem { typ: None, detail: Some(format!("no answer\n{}", "x".repeat(9_999))) });
        let (url, token) = ("https://ca.example/1".to_owned(), "token".to_owned());
        let challenges = vec![Challenge { typ: ChallengeType::TlsAlpn01, url, token, error }];
        let identifier = Identifier::Dns("signet.example".to_owned());
        let auth = Auth { status: AuthStatus::Invalid, identifier, challenges };
        let told = reason(&OrderError::BadAuth(auth));
        assert!(told.starts_with(r#"the authority says "no answer\n"#) && told.len() <= MAX_REASON, "{told}");
        let told = reason(&OrderError::Acme(AcmeError::NoTlsAlpn01Challenge));
        assert!(told.contains("no TLS-ALPN-01 challenge"), "{told}");
    }
}
