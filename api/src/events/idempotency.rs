//! Idempotency keys, by which a repeated request is recognised.

use axum::{
    extract::OptionalFromRequestParts,
    http::{HeaderValue, request::Parts},
};
use sha2::{Digest, Sha256};
use signet_engine::deliver::ingest::Idempotency;

use crate::problem::{Code, Problem};

/// The header with the producer's key.
const HEADER: &str = "idempotency-key";

/// The longest key, in characters.
const MAX_LEN: usize = 255;

/// The producer's key for a request.
#[derive(Debug)]
pub struct IdempotencyKey(String);

impl IdempotencyKey {
    /// The key of an entry of a batch: its own, or one made from the batch's.
    ///
    /// # Errors
    /// The entry's own key is too long, or has control characters.
    pub fn of_entry(own: Option<String>, batch: Option<&Self>, place: usize) -> Result<Option<Self>, Problem> {
        match own {
            Some(own) if own.chars().count() > MAX_LEN => {
                Err(Problem::member("/idempotencyKey", "may have at most 255 characters"))
            }
            Some(own) if own.contains(char::is_control) => {
                Err(Problem::member("/idempotencyKey", "must have no control characters"))
            }
            Some(own) => Ok(Some(Self(own))),
            None => Ok(batch.map(|Self(batch)| Self(format!("{batch}/{place}")))),
        }
    }

    /// The key, bound to the request that came with it.
    pub fn of(self, request: &[u8]) -> Idempotency {
        Idempotency { key: self.0, request_hash: Sha256::digest(request).into() }
    }
}

impl<S: Sync> OptionalFromRequestParts<S> for IdempotencyKey {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Option<Self>, Problem> {
        parts.headers.get(HEADER).map(read).transpose()
    }
}

fn read(value: &HeaderValue) -> Result<IdempotencyKey, Problem> {
    match value.to_str() {
        Ok(key) if (1..=MAX_LEN).contains(&key.len()) => Ok(IdempotencyKey(key.to_owned())),
        _ => {
            let detail = "The Idempotency-Key header must have 1 to 255 visible ASCII characters.";
            Err(Problem::new(Code::BadIdempotencyKey, detail))
        }
    }
}
