//! One sign-in at a provider: the address that the browser is sent to, and the answer with
//! which it comes back.

use std::{collections::BTreeMap, fmt, sync::Arc, time::Duration};

use openidconnect::{
    AdditionalClaims, AuthenticationFlow, AuthorizationCode, Client, CsrfToken, EmptyExtraTokenFields,
    EndpointMaybeSet, EndpointNotSet, EndpointSet, IdTokenFields, Nonce, OAuth2TokenResponse, PkceCodeChallenge,
    PkceCodeVerifier, RedirectUrl, StandardErrorResponse, StandardTokenResponse, TokenResponse as _, UserInfoClaims,
    core::{
        CoreAuthDisplay, CoreAuthPrompt, CoreErrorResponseType, CoreGenderClaim, CoreJsonWebKey,
        CoreJweContentEncryptionAlgorithm, CoreJwsSigningAlgorithm, CoreProviderMetadata, CoreResponseType,
        CoreRevocableToken, CoreRevocationErrorResponse, CoreTokenIntrospectionResponse, CoreTokenType,
    },
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use signet_model::{Timestamp, time::Clock};
use tokio::sync::Mutex;
use url::Url;

use super::{
    http::{self, HttpError},
    settings::{ProviderName, ProviderSettings},
};
use crate::outbound::ConfigError;

/// The time for which metadata and keys of a provider are remembered.
const METADATA_LIFETIME: Duration = Duration::from_hours(1);

/// The time after a failure in which a provider is not asked again.
const FAILURE_LIFETIME: Duration = Duration::from_secs(5);

/// The age in seconds up to which a sign-in at the provider is a new one: the time that a
/// sign-in may take, and a minute between the clocks.
const FRESH_SECONDS: i64 = 360;

/// All claims beyond the standard ones, as the provider names them.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct OtherClaims(BTreeMap<String, Value>);

impl AdditionalClaims for OtherClaims {}

type TokenFields = IdTokenFields<
    OtherClaims,
    EmptyExtraTokenFields,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJwsSigningAlgorithm,
>;

type ProviderClient = Client<
    OtherClaims,
    CoreAuthDisplay,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJsonWebKey,
    CoreAuthPrompt,
    StandardErrorResponse<CoreErrorResponseType>,
    StandardTokenResponse<TokenFields, CoreTokenType>,
    CoreTokenIntrospectionResponse,
    CoreRevocableToken,
    CoreRevocationErrorResponse,
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointMaybeSet,
    EndpointMaybeSet,
>;

/// The person whom a provider vouches for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The provider.
    pub issuer: String,
    /// The person's id there, which never changes.
    pub subject: String,
    /// Their e-mail address, if the provider has verified it.
    pub verified_email: Option<String>,
    /// The values of the claim by which the operator gives accounts.
    pub values: Vec<String>,
}

/// The secrets of a sign-in that has begun, which the browser carries, sealed.
#[derive(Clone, Serialize, Deserialize)]
pub struct Begun {
    /// The provider's name in addresses.
    pub provider: String,
    /// The page to go to afterwards.
    pub next: String,
    state: String,
    nonce: String,
    verifier: String,
    redirect: String,
    /// The provider was told to ask the person again.
    again: bool,
}

impl fmt::Debug for Begun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Begun").field("provider", &self.provider).finish_non_exhaustive()
    }
}

/// A sign-in at a provider failed. The texts are for the operator's log.
#[derive(Debug, thiserror::Error)]
pub enum FlowError {
    /// The answer belongs to no sign-in of this browser.
    #[error("the answer belongs to no sign-in of this browser")]
    State,
    /// The provider cannot be reached, or answers otherwise than the protocol says.
    #[error("the provider {provider} cannot be used: {reason}")]
    Provider {
        /// Its name.
        provider: String,
        /// The reason.
        reason: String,
    },
    /// The provider's token is not for this server, too old, or not signed by the provider.
    #[error("the provider {provider} sent a token that does not hold: {reason}")]
    Token {
        /// Its name.
        provider: String,
        /// The reason.
        reason: String,
    },
}

/// A provider at which people sign in.
#[derive(Debug)]
pub struct Provider {
    settings: ProviderSettings,
    http: reqwest::Client,
    /// The metadata or the reason for which there are none, and the instant at which they were
    /// asked for. All who wait here wait for one request.
    metadata: Mutex<Option<(Timestamp, Result<CoreProviderMetadata, String>)>>,
}

/// All providers, in the order of their buttons.
#[derive(Debug, Clone, Default)]
pub struct Providers(Arc<[Provider]>);

impl Providers {
    /// Providers with these settings, reached by a client that trusts these certificate
    /// authorities (PEM) too.
    ///
    /// # Errors
    /// An authority cannot be read.
    pub fn new(settings: Vec<ProviderSettings>, authorities: &[Vec<u8>]) -> Result<Self, ConfigError> {
        let http = http::client(authorities)?;
        let made =
            settings.into_iter().map(|settings| Provider { settings, http: http.clone(), metadata: Mutex::default() });
        Ok(Self(made.collect()))
    }

    /// The provider with this name.
    pub fn get(&self, name: &str) -> Option<&Provider> {
        self.iter().find(|provider| provider.name().as_str() == name)
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Provider> {
        self.0.iter()
    }
}

impl Provider {
    /// The name in addresses.
    pub const fn name(&self) -> &ProviderName {
        &self.settings.name
    }

    /// The settings.
    pub const fn settings(&self) -> &ProviderSettings {
        &self.settings
    }

    /// Begins a sign-in: the address at the provider, and the secrets that the browser carries
    /// until it comes back to `redirect`. `again` asks the provider not to take a session of
    /// its own for a proof.
    pub async fn begin(
        &self,
        clock: &dyn Clock,
        redirect: &str,
        next: &str,
        again: bool,
    ) -> Result<(Url, Begun), FlowError> {
        let client = self.client(clock, redirect).await?;
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let flow = AuthenticationFlow::<CoreResponseType>::AuthorizationCode;
        let mut request = client.authorize_url(flow, CsrfToken::new_random, Nonce::new_random);
        request = request.add_scopes(self.settings.scopes.iter().cloned()).set_pkce_challenge(challenge);
        if again {
            request = request.add_prompt(CoreAuthPrompt::Login).set_max_age(Duration::ZERO);
        }
        let (address, state, nonce) = request.url();
        let begun = Begun {
            provider: self.settings.name.to_string(),
            next: next.to_owned(),
            state: state.into_secret(),
            nonce: nonce.secret().clone(),
            verifier: verifier.into_secret(),
            redirect: redirect.to_owned(),
            again,
        };
        Ok((address, begun))
    }

    /// Ends a sign-in: exchanges the code, and checks the signature, issuer, audience, times
    /// and nonce of the provider's token.
    pub async fn finish(
        &self,
        clock: &dyn Clock,
        begun: Begun,
        state: &str,
        code: &str,
    ) -> Result<Identity, FlowError> {
        if begun.provider != self.settings.name.as_str() || state.is_empty() || begun.state != state {
            return Err(FlowError::State);
        }
        let client = self.client(clock, &begun.redirect).await?;
        let request = client.exchange_code(AuthorizationCode::new(code.to_owned()));
        let request = request.map_err(|error| self.unusable(&error))?;
        let request = request.set_pkce_verifier(PkceCodeVerifier::new(begun.verifier));
        let answer = request.request_async(&self.sender()).await.map_err(|error| self.unusable(&error))?;
        let token = answer.id_token().ok_or_else(|| self.doubtful("there is no ID token in the answer"))?;
        let now = clock.now();
        let again = begun.again;
        let verifier = client.id_token_verifier().set_time_fn(move || date(now));
        let verifier = verifier.set_auth_time_verifier_fn(move |at| check_fresh(again, at, now));
        let claims = token.claims(&verifier, &Nonce::new(begun.nonce)).map_err(|error| self.doubtful(&error))?;
        let if_verified =
            |email: Option<String>, is_verified: Option<bool>| email.filter(|_| is_verified == Some(true));
        let mut identity = Identity {
            issuer: self.settings.issuer.to_string(),
            subject: claims.subject().to_string(),
            verified_email: if_verified(claims.email().map(|it| it.to_string()), claims.email_verified()),
            values: self.values(claims.additional_claims()),
        };
        let lacks_values = identity.values.is_empty() && self.settings.accounts.is_some();
        if (identity.verified_email.is_none() || lacks_values)
            && let Ok(request) = client.user_info(answer.access_token().clone(), Some(claims.subject().clone()))
        {
            let more: UserInfoClaims<OtherClaims, CoreGenderClaim> =
                request.request_async(&self.sender()).await.map_err(|error| self.doubtful(&error))?;
            let email = if_verified(more.email().map(|it| it.to_string()), more.email_verified());
            identity.verified_email = identity.verified_email.or(email);
            if lacks_values {
                identity.values = self.values(more.additional_claims());
            }
        }
        Ok(identity)
    }

    /// The values of the claim by which the operator gives accounts.
    fn values(&self, claims: &OtherClaims) -> Vec<String> {
        let Some(mapping) = &self.settings.accounts else { return Vec::new() };
        match claims.0.get(&mapping.claim) {
            Some(Value::String(value)) => vec![value.clone()],
            Some(Value::Array(values)) => values.iter().filter_map(Value::as_str).map(ToOwned::to_owned).collect(),
            _ => Vec::new(),
        }
    }

    async fn client(&self, clock: &dyn Clock, redirect: &str) -> Result<ProviderClient, FlowError> {
        let metadata = self.metadata(clock).await?;
        let redirect = RedirectUrl::new(redirect.to_owned()).map_err(|error| self.unusable(&error))?;
        let secret = self.settings.client_secret.clone();
        let takes = metadata.token_endpoint_auth_methods_supported().cloned().unwrap_or_default();
        let client = ProviderClient::from_provider_metadata(metadata, self.settings.client_id.clone(), secret);
        let only_body = !takes.is_empty() && takes.iter().all(|method| method.as_ref() != "client_secret_basic");
        let client = if only_body { client.set_auth_type(openidconnect::AuthType::RequestBody) } else { client };
        Ok(client.set_redirect_uri(redirect))
    }

    /// The metadata and the keys, read anew after an hour, or soon after a failure.
    async fn metadata(&self, clock: &dyn Clock) -> Result<CoreProviderMetadata, FlowError> {
        let mut remembered = self.metadata.lock().await;
        let now = clock.now();
        let answer = match &*remembered {
            Some((at, Ok(metadata))) if now.since(*at) < METADATA_LIFETIME => Ok(metadata.clone()),
            Some((at, Err(reason))) if now.since(*at) < FAILURE_LIFETIME => Err(reason.clone()),
            _ => {
                let issuer = self.settings.issuer.clone();
                let read = CoreProviderMetadata::discover_async(issuer, &self.sender()).await;
                let read = read.map_err(|error| with_sources(&error));
                *remembered = Some((now, read.clone()));
                read
            }
        };
        answer.map_err(|reason| FlowError::Provider { provider: self.settings.name.to_string(), reason })
    }

    fn sender(
        &self,
    ) -> impl Fn(
        openidconnect::HttpRequest,
    ) -> futures_util::future::BoxFuture<'static, Result<openidconnect::HttpResponse, HttpError>> {
        let client = self.http.clone();
        move |request| {
            let client = client.clone();
            Box::pin(async move { http::send(&client, request).await })
        }
    }

    fn unusable(&self, error: &dyn std::error::Error) -> FlowError {
        FlowError::Provider { provider: self.settings.name.to_string(), reason: with_sources(error) }
    }

    fn doubtful(&self, error: impl fmt::Display) -> FlowError {
        FlowError::Token { provider: self.settings.name.to_string(), reason: error.to_string() }
    }
}

/// The provider was told to ask the person again, and must say that it has.
fn check_fresh(again: bool, at: Option<chrono::DateTime<chrono::Utc>>, now: Timestamp) -> Result<(), String> {
    let is_fresh = at.is_some_and(|at| date(now).signed_duration_since(at).num_seconds() <= FRESH_SECONDS);
    if again && !is_fresh { Err("the person has not signed in again".to_owned()) } else { Ok(()) }
}

fn with_sources(error: &dyn std::error::Error) -> String {
    let sources = std::iter::successors(Some(error), |error| error.source());
    sources.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

fn date(at: Timestamp) -> chrono::DateTime<chrono::Utc> {
    chrono::DateTime::from_timestamp(at.unix_seconds(), 0).unwrap_or_default()
}
