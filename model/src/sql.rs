//! The types of this crate as columns of SQLite and PostgreSQL.
//!
//! Ids are 16-byte blobs or `UUID`, instants are integer microseconds or
//! `TIMESTAMPTZ`, enums and URLs are text on both.
//!
//! A newer version, a repair by hand or a damaged file can have left values that this
//! version does not know. [`Stored`] and [`Lossy`] decode any value, so that one row
//! never fails the statement that reads it among others.

mod stored;

use sqlx::{
    Database, Decode, Encode, Postgres, Sqlite, Type,
    encode::IsNull,
    error::BoxDynError,
    postgres::{PgHasArrayType, PgTypeInfo, PgValueFormat},
};
use time::OffsetDateTime;
use uuid::Uuid;

pub use stored::{Lossy, Stored, Unreadable};

use crate::{
    AccountId, ApiKeyId, DeliveryId, EndpointId, EventId, InvitationId, PasskeyId, ResendId, Role, Scopes, SessionId,
    Subscriptions, Throttle, Timestamp, UserId,
    delivery::{Failure, State},
    endpoint::{DisabledReason, EndpointUrl},
    event::{EventType, Reference},
    portal::{Landing, PortalRole, ReturnUrl, Theme},
    trace::TraceContext,
};

/// Implements sqlx's traits for a type that is stored as another.
macro_rules! impl_sqlx {
    ($type:ty, $db:ty, $stored:ty, |$value:ident| $to:expr, |$raw:ident| $from:expr) => {
        impl Type<$db> for $type {
            fn type_info() -> <$db as Database>::TypeInfo {
                <$stored as Type<$db>>::type_info()
            }

            fn compatible(other: &<$db as Database>::TypeInfo) -> bool {
                <$stored as Type<$db>>::compatible(other)
            }
        }

        impl<'q> Encode<'q, $db> for $type {
            fn encode_by_ref(&self, buffer: &mut <$db as Database>::ArgumentBuffer) -> Result<IsNull, BoxDynError> {
                let $value = self;
                let stored: $stored = $to;
                <$stored as Encode<'q, $db>>::encode(stored, buffer)
            }
        }

        impl<'r> Decode<'r, $db> for $type {
            fn decode(value: <$db as Database>::ValueRef<'r>) -> Result<Self, BoxDynError> {
                let $raw = <$stored as Decode<'r, $db>>::decode(value)?;
                $from
            }
        }
    };
}

macro_rules! impl_array {
    ($type:ty, $stored:ty) => {
        impl PgHasArrayType for $type {
            fn array_type_info() -> PgTypeInfo {
                <$stored as PgHasArrayType>::array_type_info()
            }
        }
    };
}

macro_rules! impl_ids {
    ($($type:ty),*) => {$(
        impl_sqlx!($type, Sqlite, Uuid, |id| id.uuid(), |raw| Ok(Self::from_uuid(raw)));
        impl_sqlx!($type, Postgres, Uuid, |id| id.uuid(), |raw| Ok(Self::from_uuid(raw)));
        impl_array!($type, Uuid);
    )*};
}

macro_rules! impl_texts {
    ($($type:ty),*) => {$(
        impl_sqlx!($type, Sqlite, String, |it| it.as_str().to_owned(), |raw| Ok(raw.parse()?));
        impl_sqlx!($type, Postgres, String, |it| it.as_str().to_owned(), |raw| Ok(raw.parse()?));
        impl_array!($type, String);
    )*};
}

impl_ids!(AccountId, UserId, ApiKeyId, EndpointId, EventId, DeliveryId, InvitationId, PasskeyId, ResendId, SessionId);
impl_texts!(EventType, Reference, State, DisabledReason, Role, Landing, PortalRole, ReturnUrl, Theme);
impl_sqlx!(Failure, Sqlite, String, |it| it.as_str().to_owned(), |raw| Ok(Self::from_stored(&raw)));
impl_sqlx!(Failure, Postgres, String, |it| it.as_str().to_owned(), |raw| Ok(Self::from_stored(&raw)));
impl_array!(Failure, String);
impl_sqlx!(EndpointUrl, Sqlite, String, |it| it.as_str().to_owned(), |raw| Ok(Self::from_stored(&raw)?));
impl_sqlx!(EndpointUrl, Postgres, String, |it| it.as_str().to_owned(), |raw| Ok(Self::from_stored(&raw)?));
impl_sqlx!(Subscriptions, Sqlite, Lossy, |set| Lossy(set.to_string()), |raw| Ok(Self::from_stored(&raw.0)));
impl_sqlx!(Subscriptions, Postgres, Lossy, |set| Lossy(set.to_string()), |raw| Ok(Self::from_stored(&raw.0)));
impl_sqlx!(Throttle, Sqlite, i32, |it| per_second(*it), |raw| Ok(Self::try_from(raw.unsigned_abs())?));
impl_sqlx!(Throttle, Postgres, i32, |it| per_second(*it), |raw| Ok(Self::try_from(raw.unsigned_abs())?));
impl_sqlx!(Scopes, Sqlite, Lossy, |set| Lossy(set.to_string()), |raw| Ok(Self::from_stored(&raw.0)));
impl_sqlx!(Scopes, Postgres, Lossy, |set| Lossy(set.to_string()), |raw| Ok(Self::from_stored(&raw.0)));
impl_sqlx!(TraceContext, Sqlite, String, |it| it.to_string(), |raw| Ok(raw.parse()?));
impl_sqlx!(TraceContext, Postgres, String, |it| it.to_string(), |raw| Ok(raw.parse()?));
impl_sqlx!(Timestamp, Sqlite, i64, |at| at.unix_micros(), |raw| Ok(Self::from_unix_micros(raw)));
impl_array!(Timestamp, OffsetDateTime);

fn per_second(throttle: Throttle) -> i32 {
    i32::try_from(throttle.per_second()).unwrap_or(i32::MAX)
}

/// 2000-01-01, from which PostgreSQL counts.
const POSTGRES_EPOCH: i64 = 946_684_800_000_000;

impl Type<Postgres> for Timestamp {
    fn type_info() -> PgTypeInfo {
        <OffsetDateTime as Type<Postgres>>::type_info()
    }
}

impl Encode<'_, Postgres> for Timestamp {
    fn encode_by_ref(&self, buffer: &mut <Postgres as Database>::ArgumentBuffer) -> Result<IsNull, BoxDynError> {
        <i64 as Encode<Postgres>>::encode(self.unix_micros().saturating_sub(POSTGRES_EPOCH), buffer)
    }
}

/// `infinity` and years after 9999 are instants too: sqlx's own conversion panics at them.
impl<'r> Decode<'r, Postgres> for Timestamp {
    fn decode(value: <Postgres as Database>::ValueRef<'r>) -> Result<Self, BoxDynError> {
        match value.format() {
            PgValueFormat::Binary => {
                let micros = <i64 as Decode<Postgres>>::decode(value)?;
                Ok(Self::from_unix_micros(micros.saturating_add(POSTGRES_EPOCH)))
            }
            PgValueFormat::Text => Ok(Self::try_from(<OffsetDateTime as Decode<Postgres>>::decode(value)?)?),
        }
    }
}
