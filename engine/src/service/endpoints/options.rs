//! The options of an endpoint, as a person or a program enters them.

use signet_model::{
    EndpointId, Filter, Throttle,
    endpoint::custom_headers::{CustomHeaderName, CustomHeaderValue, CustomHeaders},
};

use super::{Endpoint, EndpointHandle, SaveError};
use crate::{
    db::{Pool, Tx},
    service::{Error, Result, Service},
};

/// The headers of an endpoint (`$2`) of an account (`$1`), sealed.
const STORED: &str = "SELECT headers FROM endpoints WHERE account_id = $1 AND id = $2 AND deleted_at IS NULL";

/// The options of an endpoint. The default is none.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct EndpointOptions {
    /// The headers of the account's own, at most
    /// [`CUSTOM_HEADERS_MAX`](signet_model::endpoint::custom_headers::CUSTOM_HEADERS_MAX).
    pub headers: Vec<HeaderDraft>,
    /// Deliveries carry the attributes of CloudEvents as headers (binary mode).
    pub cloud_events: bool,
    /// The deliveries that may start in a second; `None` for no such limit.
    pub throttle: Option<Throttle>,
    /// Only events whose bodies match are delivered; `None` for all.
    pub filter: Option<Filter>,
}

/// A header as it is entered. A stored value is never shown, and can be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeaderDraft {
    /// The name.
    pub name: CustomHeaderName,
    /// The value; `None` keeps the stored value of the header with this name.
    pub value: Option<CustomHeaderValue>,
}

impl EndpointOptions {
    /// True if an endpoint has these options, as far as can be told: values are hidden.
    pub(super) fn are_of(&self, endpoint: &Endpoint) -> bool {
        self.headers.iter().map(|header| &header.name).eq(&endpoint.headers)
            && self.cloud_events == endpoint.cloud_events
            && self.throttle == endpoint.throttle
            && self.filter == endpoint.filter
    }
}

/// The filter as it is stored. Texts, numbers and booleans always have a JSON form.
pub(super) fn filter_json(filter: &Filter) -> Option<String> {
    serde_json::to_string(filter).ok()
}

/// Seals headers for an endpoint, with the values of `stored` ones that are kept.
pub(super) fn seal_headers(
    service: &Service,
    id: EndpointId,
    headers: Vec<HeaderDraft>,
    stored: &CustomHeaders,
) -> Result<Option<Vec<u8>>, SaveError> {
    let value = |header: HeaderDraft| {
        let value = header.value.or_else(|| stored.get(&header.name).cloned());
        let value = value.ok_or_else(|| SaveError::NoHeaderValue(header.name.clone()))?;
        Ok((header.name, value))
    };
    let headers = CustomHeaders::new(headers.into_iter().map(value).collect::<Result<_, SaveError>>()?)?;
    let seal = |headers| service.sealer.seal_headers(id, headers, service.random.bytes());
    Ok((!headers.is_empty()).then_some(&headers).and_then(seal))
}

impl EndpointHandle<'_> {
    /// Seals the headers of a change. `None` leaves the stored ones as they are.
    pub(super) async fn sealed_headers(
        self,
        tx: &mut Tx<'_>,
        headers: Option<Vec<HeaderDraft>>,
    ) -> Result<Option<Option<Vec<u8>>>, SaveError> {
        let Some(headers) = headers else { return Ok(None) };
        let stored = self.stored_headers(tx).await?;
        seal_headers(self.service, self.id, headers, &stored).map(Some)
    }

    /// Reads the stored headers. Those that cannot be opened count as none, so that others can
    /// take their place.
    async fn stored_headers(self, tx: &mut Tx<'_>) -> Result<CustomHeaders> {
        let sealed: Option<Option<Vec<u8>>> =
            tx.query(STORED).bind(self.account).bind(self.id).fetch_optional_value().await?;
        self.opened(sealed)
    }

    /// The stored headers, with their values, for a test of what is not saved.
    pub(in crate::service) async fn kept_headers(self) -> Result<CustomHeaders> {
        let mut conn = self.service.db.read(Pool::Pages).await?;
        let sealed: Option<Option<Vec<u8>>> =
            conn.query(STORED).bind(self.account).bind(self.id).fetch_optional_value().await?;
        self.opened(sealed)
    }

    #[expect(clippy::option_option, reason = "a row without headers is not the absence of the row")]
    fn opened(self, sealed: Option<Option<Vec<u8>>>) -> Result<CustomHeaders> {
        let sealed = sealed.ok_or(Error::EndpointNotFound)?;
        let opened = sealed.map(|sealed| self.service.sealer.open_headers(self.id, &sealed));
        Ok(opened.and_then(Result::ok).unwrap_or_default())
    }
}
