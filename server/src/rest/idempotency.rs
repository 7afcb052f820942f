//! How a repeated request is recognised.

use axum::http::HeaderMap;
use sha2::{Digest, Sha256};
use signet_engine::deliver::ingest::Idempotency;

use super::Problem;

/// The header with the producer's key.
const HEADER: &str = "idempotency-key";

/// The longest key, in characters.
const MAX_LEN: usize = 255;

/// The key in a request's header.
///
/// # Errors
/// There is one that cannot be used.
pub fn header_key(headers: &HeaderMap) -> Result<Option<&str>, Problem> {
    let Some(value) = headers.get(HEADER) else { return Ok(None) };
    let key = value.to_str().map_err(|_| Problem::bad_idempotency_key())?;
    if key.is_empty() || key.len() > MAX_LEN { Err(Problem::bad_idempotency_key()) } else { Ok(Some(key)) }
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
