//! Operations on portal links.

mod create;

use serde::{Deserialize, Deserializer, Serialize, de::Error};
use signet_engine::service::portal_links::PortalLinkDraft;
use signet_model::portal::{Landing, PortalRole, ReturnUrl, SessionLifetime, Subject, Theme};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{access::Api, json::members, time::Time};

/// The operations.
pub fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(create::create_portal_link))
}

/// A link to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewPortalLink {
    /// The role of the person who opens the link.
    role: RoleName,
    /// The number of seconds after which the session ends: 3600 without the member.
    #[serde(default, deserialize_with = "lifetime")]
    #[schema(value_type = Option<u32>, nullable = false, minimum = 300, maximum = 86400)]
    session_lasts: SessionLifetime,
    /// The path of the first page, below `/settings`: `/settings/webhooks` without the member.
    #[serde(default, deserialize_with = "members::parsed")]
    #[schema(value_type = Option<String>, nullable = false, max_length = 500)]
    landing: Landing,
    /// The page of your service to which the dashboard leads back: an `https` URL, or an
    /// `http` URL of this machine.
    #[serde(default, deserialize_with = "members::parsed_or_null")]
    #[schema(value_type = Option<String>, max_length = 2000)]
    return_url: Option<ReturnUrl>,
    /// The person, in your words: an id, an address. The audit log of the account shows it.
    #[serde(default, deserialize_with = "members::parsed_or_null")]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 200)]
    subject: Option<Subject>,
    /// The link is opened in a frame of your own page, and works there alone. The operator
    /// names the pages that may have it (`--portal-ancestors`).
    #[serde(default)]
    embedded: bool,
    /// Light or dark; without the member as the operator has it.
    #[serde(default)]
    theme: Option<ThemeName>,
}

/// The role that a link gives.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = PortalRole)]
enum RoleName {
    Viewer,
    Developer,
    Admin,
}

impl From<RoleName> for PortalRole {
    fn from(name: RoleName) -> Self {
        match name {
            RoleName::Viewer => Self::Viewer,
            RoleName::Developer => Self::Developer,
            RoleName::Admin => Self::Admin,
        }
    }
}

/// Light or dark.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = Theme)]
enum ThemeName {
    Light,
    Dark,
    Auto,
}

impl From<ThemeName> for Theme {
    fn from(name: ThemeName) -> Self {
        match name {
            ThemeName::Light => Self::Light,
            ThemeName::Dark => Self::Dark,
            ThemeName::Auto => Self::Auto,
        }
    }
}

fn lifetime<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SessionLifetime, D::Error> {
    SessionLifetime::from_seconds(i64::deserialize(deserializer)?).map_err(Error::custom)
}

impl From<NewPortalLink> for PortalLinkDraft {
    fn from(new: NewPortalLink) -> Self {
        Self {
            role: new.role.into(),
            session_lasts: new.session_lasts,
            landing: new.landing,
            return_url: new.return_url,
            subject: new.subject,
            embedded: new.embedded,
            theme: new.theme.map(Theme::from),
        }
    }
}

/// A link.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PortalLink {
    /// The address to send the person's browser to. It works once, and is not kept.
    url: String,
    /// The instant up to which it works.
    expires_at: Time,
}
