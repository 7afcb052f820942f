//! Rows that are stored but cannot be used: a newer version wrote them, a rule became
//! stricter, a key was exchanged, or a file was damaged.

use signet_model::{
    DeliveryId, EventId, Filter,
    sql::{Stored, Unreadable},
};

/// Why a row cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unusable {
    /// The URL is no URL of a receiver.
    #[error("its URL {0}")]
    Url(Unreadable),
    /// A signing secret was sealed with another key, is another endpoint's, or is damaged.
    #[error("its signing secret cannot be opened with the sealing key at hand")]
    Secret,
    /// Custom headers were sealed with another key, are another endpoint's, or are damaged.
    #[error("its custom headers cannot be opened with the sealing key at hand")]
    Headers,
    /// The body that was to be sent is gone.
    #[error("its body is gone")]
    NoBody,
    /// A column holds no value of its type.
    #[error("its column {column} cannot be read: {reason}")]
    Column {
        /// The column.
        column: &'static str,
        /// The reason for which its content is no value.
        reason: Unreadable,
    },
}

impl Unusable {
    /// The stored filter of an endpoint.
    pub(crate) fn filter(stored: &Stored<String>) -> Result<Filter, Self> {
        let unreadable = |reason| Self::Column { column: "filter", reason };
        let text = stored.0.as_ref().map_err(|reason| unreadable(reason.clone()))?;
        serde_json::from_str(text).map_err(|_| unreadable(Unreadable::new("this version knows no such filter")))
    }

    /// The value of a column, or the reason that names the column.
    pub(crate) fn column<T>(column: &'static str, stored: signet_model::sql::Stored<T>) -> Result<T, Self> {
        stored.0.map_err(|reason| Self::Column { column, reason })
    }
}

/// A delivery that cannot be used, as far as it can be named.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("delivery {id} cannot be used: {reason}")]
pub struct UnusableDelivery {
    /// Its id.
    pub id: DeliveryId,
    /// The event, if its id can be read.
    pub event: Option<EventId>,
    /// Why.
    pub reason: Unusable,
}
