//! A permission that is asked for again, by an answer that takes long.

use std::marker::PhantomData;

use axum::{extract::FromRequestParts, http::request::Parts};

use super::{Allows, Api, InAccount};
use crate::problem::Problem;

/// A caller's permission in the account of the path, which can be asked for again: the key may
/// be revoked while its request is answered.
#[derive(Clone)]
pub struct Standing<S> {
    api: Api,
    parts: Parts,
    scope: PhantomData<S>,
}

impl<S: Allows> Standing<S> {
    /// Returns true if the same request would still be let in, or if that cannot be told now.
    pub async fn holds(&mut self) -> bool {
        match InAccount::<S>::from_request_parts(&mut self.parts, &self.api).await {
            Ok(_) => true,
            Err(problem) => problem.code().is_temporary(),
        }
    }
}

impl<S: Allows> FromRequestParts<Api> for Standing<S> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Problem> {
        InAccount::<S>::from_request_parts(parts, api).await?;
        Ok(Self { api: api.clone(), parts: parts.clone(), scope: PhantomData })
    }
}
