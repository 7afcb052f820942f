//! The caller: the holder of the bearer key.

use std::net::IpAddr;

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, header, request::Parts},
};
use signet_engine::{
    actor::{Actor, By, Operator, Proof, Rights, Who},
    request::ClientAddress,
    service::api_keys::KeyHolder,
};
use signet_model::{AccountId, Scope, Scopes, Timestamp};

use super::Api;
use crate::problem::{Code, Problem};

/// The holder of the key that a request carries.
#[derive(Debug, Clone, Copy)]
pub struct Caller {
    holder: KeyHolder,
    /// The address of the client, for the audit log.
    address: Option<IpAddr>,
}

impl Caller {
    /// The account that the key speaks for; the operator's speaks for all.
    pub const fn own_account(&self) -> Option<AccountId> {
        self.holder.account
    }

    /// The scopes of the key.
    pub const fn scopes(&self) -> Scopes {
        self.holder.scopes
    }

    /// The instant from which the key is refused.
    pub const fn expires_at(&self) -> Option<Timestamp> {
        self.holder.expires_at
    }

    /// The caller, acting in an account.
    pub const fn actor(self, account: AccountId) -> Actor {
        let rights = match self.holder.account {
            Some(_) => Rights::Scopes(self.holder.scopes),
            None => Rights::OperatorScopes(self.holder.scopes),
        };
        let by = By { who: Who::Key { id: self.holder.key }, address: self.address };
        Actor { account, by, rights, proved: Proof::NotAsked }
    }

    /// The caller, acting on the installation.
    pub const fn operator(self) -> Operator {
        Operator::key(self.holder.key, self.holder.scopes, self.address)
    }

    /// Checks that the key has a scope.
    ///
    /// # Errors
    /// It has not; the problem names the scope.
    pub fn check(self, scope: Scope) -> Result<(), Problem> {
        if self.holder.scopes.contains(scope) {
            return Ok(());
        }
        let detail = format!("This key has not the scope {scope}, which the request needs.");
        Err(Problem::new(Code::MissingScope, detail))
    }

    /// Checks that the key is the operator's.
    ///
    /// # Errors
    /// It speaks for one account.
    pub fn check_operator(self) -> Result<(), Problem> {
        let detail = "This key speaks for one account, and the request needs a key of the operator.";
        if self.own_account().is_some() { Err(Problem::new(Code::OperatorOnly, detail)) } else { Ok(()) }
    }

    /// The account of a request: the named one (`/account`), which was `found`, or else the
    /// key's own.
    ///
    /// # Errors
    /// The account does not exist, is not named though the key needs it, or is
    /// not the key's.
    pub fn choose(self, named: Option<&str>, found: Option<AccountId>) -> Result<AccountId, Problem> {
        match (self.own_account(), named) {
            (Some(own), None) => Ok(own),
            (None, None) => Err(Problem::member("/account", "is missing: this key may name any account")),
            (Some(own), Some(_)) if found == Some(own) => Ok(own),
            // The answer is the same whether the other account exists or not.
            (Some(_), Some(_)) => {
                let detail = "This key speaks for one account, which is not the one named here.";
                Err(Problem::new(Code::ForeignAccount, detail).at("/account"))
            }
            (None, Some(_)) => {
                found.ok_or_else(|| Problem::member("/account", "is not the id or the name of an account"))
            }
        }
    }
}

impl FromRequestParts<Api> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Problem> {
        let Some(key) = bearer(&parts.headers) else {
            return Err(unauthenticated("Send your API key as Authorization: Bearer signet_sk_…"));
        };
        let holder = api.0.engine.authenticate(key).await?;
        let unknown = || unauthenticated("This API key is not known, has expired, or was revoked.");
        let client = parts.extensions.get::<ClientAddress>().copied();
        let Some(holder) = holder else {
            api.requests().count_unknown(ClientAddress::of(&parts.extensions))?;
            return Err(unknown());
        };
        let caller = Self { holder, address: client.map(ClientAddress::ip) };
        // The body is read for the caller's account.
        parts.extensions.insert(caller);
        Ok(caller)
    }
}

fn unauthenticated(detail: &str) -> Problem {
    Problem::new(Code::Unauthenticated, detail)
}

/// The bearer token of a request.
pub(crate) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, key) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| key.trim())
}
