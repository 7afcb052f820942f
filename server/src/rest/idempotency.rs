//! How a repeated request is recognised.

use axum::{extract::FromRequestParts, http::request::Parts};
use sha2::{Digest, Sha256};
use signet_engine::deliver::ingest::Idempotency;

use super::Problem;

/// The header with the producer's key.
const HEADER: &str = "idempotency-key";

/// The longest key, in characters.
const MAX_LEN: usize = 255;

/// The key in a request's header, if there is one.
#[derive(Debug)]
pub struct IdempotencyKey(pub Option<String>);

impl<S: Sync> FromRequestParts<S> for IdempotencyKey {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        let Some(value) = parts.headers.get(HEADER) else { return Ok(Self(None)) };
        let key = value.to_str().map_err(|_| Problem::bad_idempotency_key())?;
        if key.is_empty() || key.len() > MAX_LEN {
            return Err(Problem::bad_idempotency_key());
        }
        Ok(Self(Some(key.to_owned())))
    }
}

/// The key of an entry of a batch: its own, or made from the batch's.
///
/// # Errors
/// Its own is too long.
pub fn entry_key(own: Option<String>, batch: Option<&str>, place: usize) -> Result<Option<String>, Problem> {
    match own {
        Some(own) if own.chars().count() > MAX_LEN => {
            Err(Problem::member("/idempotencyKey", "may have at most 255 characters"))
        }
        Some(own) if own.contains(char::is_control) => {
            Err(Problem::member("/idempotencyKey", "must have no control characters"))
        }
        Some(own) => Ok(Some(own)),
        None => Ok(batch.map(|batch| format!("{batch}/{place}"))),
    }
}

/// A key with what was requested under it.
pub fn idempotency(key: String, request: &[u8]) -> Idempotency {
    Idempotency { key, request_hash: Sha256::digest(request).into() }
}
