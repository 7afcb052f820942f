//! What was signed at the last attempt, and the signatures that a receiver expects. The secrets stay here.

use signet_model::{
    DeliveryId, Timestamp,
    delivery::Attempt,
    signature::{Secret, Signatures, SigningKey, SigningKeys},
};

use super::DeliveryDetail;
use crate::service::{EndpointHandle, Result};

/// The last attempt as a receiver verifies it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verification {
    /// The number of the attempt.
    pub attempt: u32,
    /// `webhook-id`.
    pub id: DeliveryId,
    /// `webhook-timestamp` in Unix seconds.
    pub timestamp: i64,
    /// For each secret that is in force now.
    pub expected: Vec<Expected>,
}

/// The signatures that one secret makes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expected {
    /// The secret.
    pub by: SecretInForce,
    /// Its signatures.
    pub signatures: Signatures,
    /// True if the attempt carried its `webhook-signature`.
    pub was_sent: bool,
}

/// A secret of an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecretInForce {
    /// It signs now.
    Current,
    /// It takes over when a rotation ends.
    Next,
}

impl EndpointHandle<'_> {
    /// What was signed at the last attempt, with the signatures that the present secrets make; `None` without an
    /// attempt or a body.
    ///
    /// # Errors
    /// A secret cannot be opened.
    pub async fn verification(self, detail: &DeliveryDetail) -> Result<Option<Verification>> {
        let (Some(attempt), Some(body)) = (detail.attempts.last(), &detail.body) else { return Ok(None) };
        let next = self.rotation().await?.map(|rotation| rotation.next);
        let current = self.secret().await?;
        let id = detail.delivery.id;
        let at = sent_at(attempt);
        let sent = attempt.sent_header("webhook-signature").unwrap_or_default();
        let expected = |by, secret: &Secret| {
            let keys = SigningKeys { current: SigningKey::new(secret), next: None };
            let signatures = keys.sign(&id.to_string(), at, body.as_bytes());
            let was_sent = sent.split(' ').any(|one| one == signatures.standard);
            Expected { by, signatures, was_sent }
        };
        let mut all = vec![expected(SecretInForce::Current, &current)];
        all.extend(next.map(|next| expected(SecretInForce::Next, &next)));
        Ok(Some(Verification { attempt: attempt.number, id, timestamp: at.unix_seconds(), expected: all }))
    }
}

/// The instant that was signed.
fn sent_at(attempt: &Attempt) -> Timestamp {
    let seconds = attempt.sent_header("webhook-timestamp").and_then(|text| text.parse().ok());
    seconds.map_or(attempt.started_at, Timestamp::from_unix_seconds)
}
