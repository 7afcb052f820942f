//! Sign-in at OpenID providers that the operator names (OpenID Connect Core 1.0, the code flow
//! with PKCE).
//!
//! [`Providers`] speak with the providers and check their answers; they know no people. An
//! [`Identity`] that a provider vouches for becomes a session in
//! `engine/src/service/identities.rs`.

mod flow;
mod http;
mod settings;
#[cfg(test)]
mod tests;

pub use flow::{Begun, FlowError, Identity, Provider, Providers};
pub use http::HttpError;
pub use openidconnect::{ClientId, ClientSecret, Scope};
pub use settings::{ClaimMapping, Grant, InvalidGrant, InvalidProvider, ProviderName, ProviderSettings};
