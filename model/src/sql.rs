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
texts!(EventType, State, DisabledReason);
kept_as!(Failure, Sqlite, String, |it| it.as_str().to_owned(), |raw| Ok(Self::from_stored(&raw)));
kept_as!(Failure, Postgres, String, |it| it.as_str().to_owned(), |raw| Ok(Self::from_stored(&raw)));
array_of!(Failure, String);
kept_as!(EndpointUrl, Sqlite, String, |it| it.as_str().to_owned(), |raw| Ok(Self::from_stored(&raw)?));
kept_as!(EndpointUrl, Postgres, String, |it| it.as_str().to_owned(), |raw| Ok(Self::from_stored(&raw)?));
kept_as!(Subscriptions, Sqlite, Lossy, |set| Lossy(set.to_string()), |raw| Ok(Self::from_stored(&raw.0)));
kept_as!(Subscriptions, Postgres, Lossy, |set| Lossy(set.to_string()), |raw| Ok(Self::from_stored(&raw.0)));
kept_as!(Timestamp, Sqlite, i64, |at| at.unix_micros(), |raw| Ok(Self::from_unix_micros(raw)));
array_of!(Timestamp, OffsetDateTime);

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
