//! A URL that somebody is typing: whether it may be reached, and whether its name leads anywhere.
//!
//! An account makes a limited number of these look-ups, and the answer does not tell a name that
//! is known inside alone from one that nobody has.

use signet_model::endpoint::EndpointUrl;

use super::Endpoints;
use crate::{
    actor::Permission,
    limits::TooMany,
    outbound::{AddressRefused, Resolved},
    service::Result,
};

/// What is known of a URL before it is saved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UrlCheck {
    /// Its name leads to addresses that may be reached, or it is such an address.
    Fine,
    /// It names an address that is not on the public internet.
    Refused(AddressRefused),
    /// Its name could not be looked up, or leads to no address that may be reached.
    NotFound,
    /// The look-up takes long, or is another machine's.
    Unknown,
    /// The account has made as many checks as it may for now.
    TooMany,
}

impl Endpoints<'_> {
    /// Checks a URL, and looks its name up.
    pub async fn check_url(self, url: &EndpointUrl) -> Result<UrlCheck> {
        self.actor.check(Permission::ChangeWebhooks)?;
        if let Err(refused) = self.service.policy.admit_url(url) {
            return Ok(UrlCheck::Refused(refused));
        }
        if url.literal_address().is_some() {
            return Ok(UrlCheck::Fine);
        }
        if let Err(TooMany(_)) = self.service.limits.url_check(self.account) {
            return Ok(UrlCheck::TooMany);
        }
        Ok(match self.service.delivery.client.look_up(url.host()).await {
            Resolved::Reachable => UrlCheck::Fine,
            Resolved::NotFound => UrlCheck::NotFound,
            Resolved::Unknown => UrlCheck::Unknown,
        })
    }
}
