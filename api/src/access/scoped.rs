//! Extractors that prove a scope, and the account of the path.

use std::marker::PhantomData;

use axum::{
    extract::{FromRequestParts, RawPathParams},
    http::request::Parts,
};
use signet_engine::{
    Engine,
    actor::{self, Actor},
    service::AccountHandle,
};
use signet_model::{AccountId, Scope, Timestamp};

use super::{Api, Caller};
use crate::problem::{Code, Problem};

/// A scope as a type.
pub trait Allows: Send + Sync + 'static {
    /// The scope that a key needs.
    const SCOPE: Scope;
}

macro_rules! scopes {
    ($($name:ident)*) => {$(
        /// The scope of this name.
        #[derive(Debug, Clone, Copy)]
        pub enum $name {}

        impl Allows for $name {
            const SCOPE: Scope = Scope::$name;
        }
    )*};
}

scopes! {
    EventsWrite EndpointsRead EndpointsWrite DeliveriesRead DeliveriesWrite BalanceWrite PortalWrite AccountsWrite
}

/// A caller with a scope, where the account is named by the body.
#[derive(Debug)]
pub struct Allowed<S> {
    caller: Caller,
    scope: PhantomData<S>,
}

impl<S> Allowed<S> {
    /// The holder of the key.
    pub const fn caller(&self) -> Caller {
        self.caller
    }
}

impl<S: Allows> FromRequestParts<Api> for Allowed<S> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Problem> {
        let caller = Caller::from_request_parts(parts, api).await?;
        caller.check(S::SCOPE)?;
        Ok(Self { caller, scope: PhantomData })
    }
}

/// A caller with a scope, and the account in the path (`{account}`), which is the caller's
/// own or any one for a key of the operator.
#[derive(Debug)]
pub struct InAccount<S> {
    engine: Engine,
    actor: Actor,
    caller: Caller,
    scope: PhantomData<S>,
}

impl<S> InAccount<S> {
    /// The account, and all that belongs to it.
    pub fn account(&self) -> AccountHandle<'_> {
        self.engine.account(&self.actor)
    }

    /// The account's id.
    pub const fn id(&self) -> AccountId {
        self.actor.account
    }

    /// The holder of the key.
    pub const fn caller(&self) -> Caller {
        self.caller
    }

    /// The present instant.
    pub fn now(&self) -> Timestamp {
        self.engine.clock().now()
    }

    /// The engine, for what all accounts share: event types, new secrets.
    pub const fn engine(&self) -> &Engine {
        &self.engine
    }
}

impl<S: Allows> FromRequestParts<Api> for InAccount<S> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Problem> {
        let caller = Caller::from_request_parts(parts, api).await?;
        caller.check(S::SCOPE)?;
        let account = find(api, caller, parts).await?;
        let actor = caller.actor(account);
        Ok(Self { engine: api.0.engine.clone(), actor, caller, scope: PhantomData })
    }
}

/// The account in the path, for a caller who may name it.
pub(crate) async fn find(api: &Api, caller: Caller, parts: &mut Parts) -> Result<AccountId, Problem> {
    let no_such = || Problem::new(Code::NoSuchAccount, "There is no such account.");
    let named = path_text(parts, "account").await.ok_or_else(no_such)?;
    if let (Some(own), Ok(id)) = (caller.own_account(), named.parse::<AccountId>())
        && own == id
    {
        return Ok(own);
    }
    let found = api.0.engine.accounts().find_all(&[&*named]).await?.remove(&*named);
    found.filter(|id| caller.own_account().is_none_or(|own| own == *id)).ok_or_else(no_such)
}

/// The text of a part of the path.
pub(crate) async fn path_text(parts: &mut Parts, name: &str) -> Option<String> {
    let params = RawPathParams::from_request_parts(parts, &()).await.ok()?;
    params.iter().find(|(key, _)| *key == name).map(|(_, text)| text.to_owned())
}

/// A key of the operator with a scope, for what belongs to no account.
#[derive(Debug)]
pub struct Operator<S> {
    engine: Engine,
    caller: Caller,
    scope: PhantomData<S>,
}

impl<S> Operator<S> {
    /// The engine.
    pub const fn engine(&self) -> &Engine {
        &self.engine
    }

    /// The holder of the key.
    pub const fn caller(&self) -> Caller {
        self.caller
    }

    /// The operator, who acts on the installation.
    pub const fn actor(&self) -> actor::Operator {
        self.caller.operator()
    }
}

impl<S: Allows> FromRequestParts<Api> for Operator<S> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Problem> {
        let caller = Caller::from_request_parts(parts, api).await?;
        caller.check_operator()?;
        caller.check(S::SCOPE)?;
        Ok(Self { engine: api.0.engine.clone(), caller, scope: PhantomData })
    }
}

/// A key of the operator with a scope, and the account in the path.
#[derive(Debug)]
pub struct OperatorIn<S>(InAccount<S>);

impl<S> OperatorIn<S> {
    /// The account, and all that belongs to it.
    pub fn account(&self) -> AccountHandle<'_> {
        self.0.account()
    }
}

impl<S: Allows> FromRequestParts<Api> for OperatorIn<S> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Problem> {
        Caller::from_request_parts(parts, api).await?.check_operator()?;
        InAccount::from_request_parts(parts, api).await.map(Self)
    }
}
