//! The members of a request for a webhook, one of which a refusal names.

use signet_engine::service::endpoints::SaveError;
use signet_model::endpoint::custom_headers::{CUSTOM_HEADERS_MAX, CustomHeaderName, HEADERS_BYTES_MAX, HeadersError};

use super::options::NewHeader;
use crate::problem::{Code, Problem, sentence};

/// The members that a refusal can point to by their places.
#[derive(Debug)]
pub struct Members {
    event_types: Vec<String>,
    headers: Vec<CustomHeaderName>,
}

impl Members {
    /// Those of a request.
    pub fn of(event_types: Option<&Vec<String>>, headers: Option<&Vec<NewHeader>>) -> Self {
        let names = headers.into_iter().flatten().map(|header| header.name().clone());
        Self { event_types: event_types.cloned().unwrap_or_default(), headers: names.collect() }
    }

    /// The problem of a request that was refused.
    pub fn refused(&self, error: SaveError) -> Problem {
        match error {
            SaveError::Address(refused) => Problem::member("/url", &refused.to_string()),
            SaveError::TooFast => Problem::new(Code::TooManyRequests, sentence(&error)),
            SaveError::TooMany(_) => Problem::new(Code::TooManyEndpoints, sentence(&error)),
            SaveError::UnknownType(unknown) => {
                let place = self.event_types.iter().position(|name| name == unknown.name.as_str());
                Problem::member(format!("/eventTypes/{}", place.unwrap_or_default()), &unknown.reason)
            }
            SaveError::NoHeaderValue(name) => {
                let place = self.headers.iter().position(|it| *it == name).unwrap_or_default();
                Problem::member(format!("/headers/{place}/value"), "is missing, and no stored value can be kept")
            }
            SaveError::Headers(HeadersError::Twice(name)) => {
                let place = self.headers.iter().rposition(|it| *it == name).unwrap_or_default();
                Problem::member(format!("/headers/{place}/name"), "is there twice")
            }
            SaveError::Headers(HeadersError::TooMany) => {
                Problem::member("/headers", &format!("has more than {CUSTOM_HEADERS_MAX} headers"))
            }
            SaveError::Headers(HeadersError::TooLarge) => {
                Problem::member("/headers", &format!("has more than {HEADERS_BYTES_MAX} characters together"))
            }
            SaveError::Store(error) => error.into(),
        }
    }
}
