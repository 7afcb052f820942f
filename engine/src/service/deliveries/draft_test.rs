//! A test of what is not in force yet: a webhook that is not saved, or the next secret. The
//! exchange is returned, and not stored.
//!
//! Its attempt is made like every other one: by the same client, which reaches public addresses
//! alone, within the same budget, and it counts among the tests under way. An account makes a
//! few of them a minute: it must be of no use to scan other people's hosts.

use std::sync::Arc;

use bytes::Bytes;
use signet_model::{
    AccountId, DeliveryId, EndpointId,
    delivery::Attempt,
    endpoint::{EndpointUrl, custom_headers::CustomHeaders},
    event::EventType,
    signature::{Secret, SigningKey, SigningKeys},
};

use super::test_event::{TestError, body_of_test};
use crate::{
    actor::Permission,
    deliver::{
        attempt::{AttemptRequest, attempt},
        extra_headers::{ExtraHeaders, event_source},
        ingest::IngestError,
        lanes::Leased,
    },
    limits::{DRAFT_TESTS_PER_MINUTE, TooMany},
    outbound::AddressRefused,
    service::{
        AccountHandle, EndpointHandle, Error, Result, Service,
        endpoints::{EndpointDraft, HeaderDraft},
    },
};

/// A webhook that is not saved yet, with the event to try it with.
#[derive(Debug, Clone)]
pub struct DraftTest {
    /// The URL.
    pub url: EndpointUrl,
    /// The secret that signs; without one, a random one that is then forgotten.
    pub secret: Option<Secret>,
    /// The type of the event.
    pub event_type: EventType,
    /// The body that a person has edited; without one, the sample of the type.
    pub body: Option<String>,
}

/// A draft was not tested.
#[derive(Debug, thiserror::Error)]
pub enum DraftTestError {
    /// The URL names an address that is not on the public internet.
    #[error(transparent)]
    Address(#[from] AddressRefused),
    /// The account has made as many tests of this kind as it may.
    #[error("{DRAFT_TESTS_PER_MINUTE} tests were made in the last minute. Wait a little, and test again.")]
    TooMany,
    /// The webhook has no next secret.
    #[error("This webhook has no next secret.")]
    NoNextSecret,
    /// This server could not make the attempt.
    #[error("This server could not make the attempt. Try again in a moment.")]
    NotMade,
    /// The event is refused, or cannot be sent as a test.
    #[error(transparent)]
    Test(#[from] TestError),
}

impl From<Error> for DraftTestError {
    fn from(error: Error) -> Self {
        Self::Test(error.into())
    }
}

impl AccountHandle<'_> {
    /// Sends one test event to a URL that is not saved, and returns the exchange.
    ///
    /// # Errors
    /// The address is refused, the body is not one of the type, or the account has made enough
    /// tests for now.
    pub async fn test_draft(self, draft: DraftTest) -> Result<Attempt, DraftTestError> {
        let service = self.service;
        self.actor.check(Permission::ChangeWebhooks)?;
        // The account may be gone.
        self.get().await?;
        service.policy.admit_url(&draft.url)?;
        let secret = draft.secret.unwrap_or_else(|| Secret::new(service.random.bytes()));
        let extra = ExtraHeaders::default();
        let try_out = TryOut { account: self.id, url: draft.url, secret, event_type: draft.event_type, extra };
        try_out.run(service, draft.body.as_deref()).await
    }
}

impl EndpointHandle<'_> {
    /// Sends one test event that the next secret alone signs, and returns the exchange: it
    /// proves that the receiver knows that secret.
    ///
    /// # Errors
    /// No rotation is under way, or see [`AccountHandle::test_draft`].
    pub async fn test_next_secret(self, kind: &EventType, body: Option<&str>) -> Result<Attempt, DraftTestError> {
        self.actor.check(Permission::ChangeWebhooks)?;
        let (cache, queue) = (&self.service.delivery.endpoint_cache, &self.service.delivery.queue);
        let accounts = cache.refresh(queue, &[self.account]).await.map_err(Error::from)?;
        let view = accounts.endpoint(self.account, self.id).ok_or(Error::EndpointNotFound)?;
        let target = view.target.as_ref().map_err(|reason| TestError::Unusable(reason.clone()))?;
        let rotation = self.rotation().await?.ok_or(DraftTestError::NoNextSecret)?;
        let (url, extra) = (EndpointUrl::clone(&target.url), target.extra.clone());
        let try_out = TryOut { account: self.account, url, secret: rotation.next, event_type: kind.clone(), extra };
        try_out.run(self.service, body).await
    }
}

impl AccountHandle<'_> {
    /// Sends one test event to a webhook that is not saved, with its options and this secret,
    /// and returns the exchange.
    ///
    /// # Errors
    /// See [`AccountHandle::test_draft`].
    pub async fn test_unsaved(
        self,
        draft: &EndpointDraft,
        secret: &Secret,
        kind: &EventType,
    ) -> Result<Attempt, DraftTestError> {
        self.actor.check(Permission::ChangeWebhooks)?;
        // The account may be gone.
        self.get().await?;
        let headers = drafted_headers(draft, &CustomHeaders::default());
        try_unsaved(self.service, self.id, (draft, headers), secret.clone(), kind).await
    }
}

impl EndpointHandle<'_> {
    /// Sends one test event to the webhook as it is drafted, signed with its secret, and returns
    /// the exchange. The stored values of headers are sent to the host that has them already,
    /// and to no other one.
    ///
    /// # Errors
    /// See [`AccountHandle::test_draft`].
    pub async fn test_unsaved(self, draft: &EndpointDraft, kind: &EventType) -> Result<Attempt, DraftTestError> {
        self.actor.check(Permission::ChangeWebhooks)?;
        let stored = self.get().await?;
        let origin = EndpointUrl::from_stored(&stored.url).ok().map(|url| url.url().origin());
        let is_same_host = origin == Some(draft.url.url().origin());
        let kept = if is_same_host { self.kept_headers().await? } else { CustomHeaders::default() };
        let secret = self.secret().await?;
        let headers = drafted_headers(draft, &kept);
        try_unsaved(self.service, self.account, (draft, headers), secret, kind).await
    }
}

/// The headers of a draft that have a value. Headers that could not be saved are left out.
fn drafted_headers(draft: &EndpointDraft, kept: &CustomHeaders) -> CustomHeaders {
    let value = |header: &HeaderDraft| {
        let value = header.value.clone().or_else(|| kept.get(&header.name).cloned())?;
        Some((header.name.clone(), value))
    };
    CustomHeaders::new(draft.options.headers.iter().filter_map(value).collect()).unwrap_or_default()
}

async fn try_unsaved(
    service: &Arc<Service>,
    account: AccountId,
    (draft, headers): (&EndpointDraft, CustomHeaders),
    secret: Secret,
    kind: &EventType,
) -> Result<Attempt, DraftTestError> {
    service.policy.admit_url(&draft.url)?;
    let extra = ExtraHeaders::new(&headers, draft.options.cloud_events.then(|| event_source(account)));
    let try_out = TryOut { account, url: draft.url.clone(), secret, event_type: kind.clone(), extra };
    try_out.run(service, None).await
}

/// One attempt beside the store.
struct TryOut {
    account: AccountId,
    url: EndpointUrl,
    secret: Secret,
    event_type: EventType,
    /// The headers besides those of the contract.
    extra: ExtraHeaders,
}

impl TryOut {
    async fn run(self, service: &Arc<Service>, body: Option<&str>) -> Result<Attempt, DraftTestError> {
        let body = body_of_test(service, &self.event_type, body).await?;
        let now = service.clock.now();
        service.limits.draft_test(self.account).map_err(|TooMany(_)| DraftTestError::TooMany)?;
        let context = &service.delivery;
        let (id, nowhere) =
            (DeliveryId::new(now, service.random.bytes()), EndpointId::new(now, service.random.bytes()));
        let leased = Leased { lease: context.new_lease(), until: now + context.settings.lease };
        // Takes the place of a test until the attempt has ended.
        let slot = context.lanes.reserve_for_test((self.account, nowhere), (id, leased));
        let _slot = slot.map_err(|under_way| TestError::Ingest(IngestError::TestsUnderWay(under_way.0)))?;
        let request = AttemptRequest {
            id,
            url: Arc::new(self.url),
            keys: Arc::new(SigningKeys { current: SigningKey::new(&self.secret), next: None }),
            event_type: self.event_type,
            is_test: true,
            may_repeat: false,
            number: 1,
            body: Bytes::copy_from_slice(body.json.as_bytes()),
            extra: self.extra,
            trace: None,
        };
        attempt(&context.client, context.clock.as_ref(), request).await.map_err(|fault| {
            tracing::debug!(%fault, "a test of a draft could not be made");
            DraftTestError::NotMade
        })
    }
}
