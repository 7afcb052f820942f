//! The place that passkeys are made for: the origin of the pages, and its host as their id.

use signet_model::Timestamp;
use url::Url;
use webauthn_rs::{Webauthn, WebauthnBuilder, prelude::WebauthnError};

/// The pages at one origin, at which passkeys work.
#[derive(Debug, Clone)]
pub struct RelyingParty(pub(super) Webauthn);

/// Browsers make no passkeys for an address of numbers, nor on plain http away from `localhost`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("passkeys need a host name and https, or http://localhost")]
pub struct NoPasskeysHere;

impl RelyingParty {
    /// The pages at this origin, such as `https://signet.example.com`. A browser shows the name
    /// while it makes a passkey.
    pub fn at(origin: &str, name: &str) -> Result<Self, NoPasskeysHere> {
        let url = Url::parse(origin).map_err(|_| NoPasskeysHere)?;
        let host = url.domain().ok_or(NoPasskeysHere)?;
        let is_secure = url.scheme() == "https" || host == "localhost" || host.ends_with(".localhost");
        let built = WebauthnBuilder::new(host, &url).and_then(|builder| builder.rp_name(name).build());
        built.ok().filter(|_| is_secure).map(Self).ok_or(NoPasskeysHere)
    }
}

/// The reason for which a passkey was refused goes into the log, for the operator.
pub(super) fn log_refusal(error: &WebauthnError) {
    tracing::info!(%error, "a passkey was refused");
}

/// The instant until which a challenge could be used, if it was made at the latest now.
pub(super) fn challenge_end(now: Timestamp) -> Timestamp {
    now + crate::service::carried::CARRIED_LIFETIME
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passkeys_work_at_a_host_name_over_https_and_at_localhost() {
        for origin in ["https://signet.example.com", "https://signet.example.com:8443", "http://localhost:8080"] {
            assert!(RelyingParty::at(origin, "Acme").is_ok(), "{origin}");
        }
        for origin in
            ["http://127.0.0.1:8080", "http://[::1]:8080", "http://signet.example.com", "https://10.0.0.7", ""]
        {
            assert_eq!(RelyingParty::at(origin, "Acme").err(), Some(NoPasskeysHere), "{origin}");
        }
    }
}
