//! Columns that decode without an error, even if the value is unknown.

use std::fmt;

use sqlx::{Database, Decode, Encode, Postgres, Sqlite, Type, ValueRef, encode::IsNull, error::BoxDynError};

/// A column as it is stored: its value, or the reason why it is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored<T>(pub Result<T, Unreadable>);

/// The reason for which a column holds no value of its type; never repeats the content.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unreadable(String);

impl Unreadable {
    /// The reason, in words that do not repeat the content.
    pub fn new(reason: impl fmt::Display) -> Self {
        Self(reason.to_string())
    }
}

impl<T> Stored<T> {
    /// The value, if it is one.
    pub fn ok(self) -> Option<T> {
        self.0.ok()
    }
}

impl<T> Stored<Option<T>> {
    /// A column that may be empty, which is no fault.
    pub fn transpose(self) -> Option<Stored<T>> {
        self.0.transpose().map(Stored)
    }
}

impl<DB: Database, T: Type<DB>> Type<DB> for Stored<T> {
    fn type_info() -> DB::TypeInfo {
        T::type_info()
    }

    fn compatible(_: &DB::TypeInfo) -> bool {
        true
    }
}

impl<'r, DB: Database, T: Decode<'r, DB> + Type<DB>> Decode<'r, DB> for Stored<T> {
    fn decode(value: DB::ValueRef<'r>) -> Result<Self, BoxDynError> {
        let is_another_type = !value.is_null() && !T::compatible(&value.type_info());
        Ok(Self(if is_another_type {
            Err(Unreadable::new("it is of another type"))
        } else {
            T::decode(value).map_err(Unreadable::new)
        }))
    }
}

/// Text in which bytes that are not UTF-8 are replaced; SQLite does not check it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Lossy(pub String);

impl From<Lossy> for String {
    fn from(text: Lossy) -> Self {
        text.0
    }
}

impl fmt::Display for Lossy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<DB: Database> Type<DB> for Lossy
where
    String: Type<DB>,
{
    fn type_info() -> DB::TypeInfo {
        <String as Type<DB>>::type_info()
    }

    fn compatible(other: &DB::TypeInfo) -> bool {
        <String as Type<DB>>::compatible(other)
    }
}

impl<'q, DB: Database> Encode<'q, DB> for Lossy
where
    String: Encode<'q, DB>,
{
    fn encode_by_ref(&self, buffer: &mut DB::ArgumentBuffer) -> Result<IsNull, BoxDynError> {
        self.0.encode_by_ref(buffer)
    }
}

impl<'r> Decode<'r, Sqlite> for Lossy {
    fn decode(value: <Sqlite as Database>::ValueRef<'r>) -> Result<Self, BoxDynError> {
        let bytes = <&[u8] as Decode<Sqlite>>::decode(value)?;
        Ok(Self(String::from_utf8_lossy(bytes).into_owned()))
    }
}

impl<'r> Decode<'r, Postgres> for Lossy {
    fn decode(value: <Postgres as Database>::ValueRef<'r>) -> Result<Self, BoxDynError> {
        Ok(Self(String::from_utf8_lossy(value.as_bytes()?).into_owned()))
    }
}
