//! The operator's settings for a provider.

use std::{collections::BTreeMap, fmt, str::FromStr};

use openidconnect::{ClientId, ClientSecret, IssuerUrl, Scope};
use serde::{Deserialize, Deserializer, de::Error as _};
use signet_model::Role;
use url::{Host, Url};

/// The name of a provider in addresses: letters, digits and hyphens.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ProviderName(String);

impl ProviderName {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ProviderName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A setting of a provider is wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidProvider {
    /// The name would not fit into an address.
    #[error("the name of a provider has 1 to 40 letters from a to z, digits and hyphens, not {0:?}")]
    Name(String),
    /// The provider would be reached without TLS.
    #[error("the issuer must be an https:// address (http:// only on this machine), not {0:?}")]
    Issuer(String),
}

impl FromStr for ProviderName {
    type Err = InvalidProvider;

    fn from_str(text: &str) -> Result<Self, InvalidProvider> {
        let fits = text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
        if fits && (1..=40).contains(&text.len()) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidProvider::Name(text.to_owned()))
        }
    }
}

/// A role in an account, as `acme:developer`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// The name or the id of the account.
    pub account: String,
    /// The role there.
    pub role: Role,
}

/// The text is no account and role.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} must be the name of an account and a role, such as acme:developer")]
pub struct InvalidGrant(String);

impl FromStr for Grant {
    type Err = InvalidGrant;

    fn from_str(text: &str) -> Result<Self, InvalidGrant> {
        let invalid = || InvalidGrant(text.to_owned());
        let (account, role) = text.rsplit_once(':').ok_or_else(invalid)?;
        let role = role.trim().parse().map_err(|_| invalid())?;
        let account = account.trim();
        if account.is_empty() { Err(invalid()) } else { Ok(Self { account: account.to_owned(), role }) }
    }
}

impl<'de> Deserialize<'de> for Grant {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

/// The accounts that the values of a claim give.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClaimMapping {
    /// The name of the claim, such as `groups`; its value is a text or a list of texts.
    pub claim: String,
    /// The accounts and roles of each value.
    pub values: BTreeMap<String, Vec<Grant>>,
}

/// A provider, as the operator describes it.
#[derive(Debug, Clone)]
pub struct ProviderSettings {
    /// The name in addresses.
    pub name: ProviderName,
    /// The text on the button: “Sign in with …”.
    pub label: String,
    /// The address under which the provider publishes its metadata.
    pub issuer: IssuerUrl,
    /// The id that the provider gave this server.
    pub client_id: ClientId,
    /// The secret that goes with it; a public client has none.
    pub client_secret: Option<ClientSecret>,
    /// The scopes beyond `openid`.
    pub scopes: Vec<Scope>,
    /// The accounts by claim.
    pub accounts: Option<ClaimMapping>,
    /// The accounts of everybody whom the provider vouches for.
    pub everybody: Vec<Grant>,
}

impl ProviderSettings {
    /// Reads the address of a provider. Without TLS it must be on this machine.
    pub fn parse_issuer(text: &str) -> Result<IssuerUrl, InvalidProvider> {
        let invalid = || InvalidProvider::Issuer(text.to_owned());
        let url = Url::parse(text).map_err(|_| invalid())?;
        let is_local = match url.host() {
            Some(Host::Domain(name)) => name == "localhost",
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            None => false,
        };
        let is_safe = url.scheme() == "https" || (url.scheme() == "http" && is_local);
        let issuer = IssuerUrl::new(text.to_owned()).map_err(|_| invalid())?;
        if is_safe { Ok(issuer) } else { Err(invalid()) }
    }

    /// The accounts and roles of a person with these values of the claim. Where two values give
    /// one account, the stronger role counts.
    pub fn grants(&self, values: &[String]) -> Vec<Grant> {
        let mapped =
            self.accounts.iter().flat_map(|mapping| values.iter().filter_map(|value| mapping.values.get(value)));
        let mut grants: Vec<Grant> = Vec::new();
        for grant in self.everybody.iter().chain(mapped.flatten()) {
            match grants.iter_mut().find(|known| known.account == grant.account) {
                Some(known) => known.role = known.role.max(grant.role),
                None => grants.push(grant.clone()),
            }
        }
        grants
    }
}
