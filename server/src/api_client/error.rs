//! Requests that failed, in words with a remedy.

use http::StatusCode;
use reqwest::Response;
use serde::Deserialize;

/// The longest problem document that is read.
const MAX_DOCUMENT: usize = 64 * 1024;

/// A request failed.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// The server cannot be reached.
    #[error("the server cannot be reached: {0}; check --server, and that it runs")]
    Unreachable(String),
    /// The server refuses.
    #[error("the server refuses ({status}): {detail}")]
    Refused {
        /// The status of the answer.
        status: StatusCode,
        /// The code of the problem document; empty without one.
        code: String,
        /// The fault and its remedy.
        detail: String,
    },
    /// The answer is none of this API.
    #[error("the answer is none of Signet's: {0}; check --server")]
    Strange(String),
}

/// The members of a problem document (RFC 9457) that are shown.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Document {
    code: String,
    detail: String,
}

impl ApiError {
    /// The failure of a client.
    pub(super) fn unreachable(error: reqwest::Error) -> Self {
        let error = error.without_url();
        let mut words = error.to_string();
        let mut cause = std::error::Error::source(&error);
        while let Some(error) = cause {
            words = error.to_string();
            cause = error.source();
        }
        Self::Unreachable(words)
    }

    /// The refusal that an answer holds.
    pub(super) async fn refused(mut response: Response) -> Self {
        let (status, mut text) = (response.status(), Vec::new());
        while let Ok(Some(chunk)) = response.chunk().await {
            text.extend_from_slice(&chunk);
            if text.len() > MAX_DOCUMENT {
                break;
            }
        }
        Self::from_document(status, &text)
    }

    fn from_document(status: StatusCode, text: &[u8]) -> Self {
        let Document { code, detail } = serde_json::from_slice(text).unwrap_or_default();
        let detail = match &*code {
            "unauthenticated" => "the API key is not known, or was revoked; give another with --key".to_owned(),
            "missing_scope" => format!("{detail} Make a key with it."),
            _ if detail.is_empty() => "it gives no reason; check --server".to_owned(),
            _ => detail,
        };
        Self::Refused { status, code, detail }
    }

    /// Returns true if the same request may succeed later.
    pub fn is_temporary(&self) -> bool {
        match self {
            Self::Unreachable(_) => true,
            Self::Refused { status, .. } => status.is_server_error() || *status == StatusCode::TOO_MANY_REQUESTS,
            Self::Strange(_) => false,
        }
    }

    /// The code of the problem document, if the server refuses with one.
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Refused { code, .. } => Some(code),
            Self::Unreachable(_) | Self::Strange(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_told_with_its_remedy() {
        let text = br#"{"title":"The request is not valid","status":422,"code":"invalid_member","detail":"/taskId is missing."}"#;
        let error = ApiError::from_document(StatusCode::UNPROCESSABLE_ENTITY, text);
        assert_eq!(error.to_string(), "the server refuses (422 Unprocessable Entity): /taskId is missing.");
        assert_eq!((error.code(), error.is_temporary()), (Some("invalid_member"), false));
        let text = br#"{"code":"unauthenticated","detail":"This API key is not known."}"#;
        let error = ApiError::from_document(StatusCode::UNAUTHORIZED, text);
        assert!(error.to_string().ends_with("give another with --key"), "{error}");
    }

    #[test]
    fn an_answer_of_another_server_is_told_as_one() {
        let error = ApiError::from_document(StatusCode::BAD_GATEWAY, b"<html>");
        assert!(error.to_string().contains("check --server") && error.is_temporary(), "{error}");
    }
}
