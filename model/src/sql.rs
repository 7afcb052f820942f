//! How the types of this crate are kept in SQLite and in PostgreSQL.
//!
//! Ids are 16-byte blobs or `UUID`, instants are integer microseconds or
//! `TIMESTAMPTZ`, enums and URLs are text on both.

use sqlx::{
    Database, Decode, Encode, Postgres, Sqlite, Type,
    encode::IsNull,
    error::BoxDynError,
    postgres::{PgHasArrayType, PgTypeInfo},
};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    AccountId, ApiKeyId, DeliveryId, EndpointId, EventId, Subscriptions, Timestamp, UserId,
    delivery::{Failure, State},
    endpoint::{DisabledReason, EndpointUrl},
    event::EventType,
};

macro_rules! kept_as {
    ($type:ty, $db:ty, $kept:ty, |$value:ident| $to:expr, |$raw:ident| $from:expr) => {
        impl Type<$db> for $type {
            fn type_info() -> <$db as Database>::TypeInfo {
                <$kept as Type<$db>>::type_info()
            }

            fn compatible(other: &<$db as Database>::TypeInfo) -> bool {
                <$kept as Type<$db>>::compatible(other)
            }
        }

        impl<'q> Encode<'q, $db> for $type {
            fn encode_by_ref(&self, buffer: &mut <$db as Database>::ArgumentBuffer) -> Result<IsNull, BoxDynError> {
                let $value = self;
                let kept: $kept = $to;
                <$kept as Encode<'q, $db>>::encode(kept, buffer)
            }
        }

        impl<'r> Decode<'r, $db> for $type {
            fn decode(value: <$db as Database>::ValueRef<'r>) -> Result<Self, BoxDynError> {
                let $raw = <$kept as Decode<'r, $db>>::decode(value)?;
                $from
            }
        }
    };
}

macro_rules! array_of {
    ($type:ty, $kept:ty) => {
        impl PgHasArrayType for $type {
            fn array_type_info() -> PgTypeInfo {
                <$kept as PgHasArrayType>::array_type_info()
            }
        }
    };
}

macro_rules! ids {
    ($($type:ty),*) => {$(
        kept_as!($type, Sqlite, Uuid, |id| id.uuid(), |raw| Ok(Self::from_uuid(raw)));
        kept_as!($type, Postgres, Uuid, |id| id.uuid(), |raw| Ok(Self::from_uuid(raw)));
        array_of!($type, Uuid);
    )*};
}

macro_rules! texts {
    ($($type:ty),*) => {$(
        kept_as!($type, Sqlite, String, |it| it.as_str().to_owned(), |raw| Ok(raw.parse()?));
        kept_as!($type, Postgres, String, |it| it.as_str().to_owned(), |raw| Ok(raw.parse()?));
        array_of!($type, String);
    )*};
}

ids!(AccountId, UserId, ApiKeyId, EndpointId, EventId, DeliveryId);
texts!(EventType, State, Failure, DisabledReason, EndpointUrl);
kept_as!(Timestamp, Sqlite, i64, |at| at.unix_micros(), |raw| Ok(Self::from_unix_micros(raw)));
kept_as!(Timestamp, Postgres, OffsetDateTime, |at| OffsetDateTime::from(*at), |raw| Ok(Self::try_from(raw)?));
array_of!(Timestamp, OffsetDateTime);
kept_as!(Subscriptions, Sqlite, String, |set| set.to_string(), |raw| Ok(raw.parse()?));
kept_as!(Subscriptions, Postgres, String, |set| set.to_string(), |raw| Ok(raw.parse()?));
