//! Ids on the wire, and in paths.

use std::str::FromStr;

use axum::{extract::FromRequestParts, http::request::Parts};
use signet_model::{AccountId, ApiKeyId, DeliveryId, EndpointId, EventId, ResendId};
use utoipa::openapi::{ObjectBuilder, RefOr, Schema, schema::Type};

use crate::{
    access::{Api, path_text},
    problem::{Code, Problem},
};

/// A noun with ids.
pub trait Noun: FromStr + Copy + Send + Sync + 'static {
    /// The part of the id before the underscore.
    const PREFIX: &'static str;
    /// The part of a path that has its id.
    const PARAM: &'static str;
    /// The problem, where there is no such row.
    const MISSING: Code;
    /// The noun in a sentence.
    const WORD: &'static str;
}

macro_rules! nouns {
    ($($id:ident $param:literal $missing:ident $word:literal;)*) => {$(
        impl Noun for $id {
            const PREFIX: &'static str = $id::PREFIX;
            const PARAM: &'static str = $param;
            const MISSING: Code = Code::$missing;
            const WORD: &'static str = $word;
        }
    )*};
}

nouns! {
    AccountId "account" NoSuchAccount "account";
    EndpointId "endpoint" NoSuchEndpoint "webhook";
    EventId "event" NoSuchEvent "event";
    DeliveryId "delivery" NoSuchDelivery "delivery";
    ApiKeyId "key" NoSuchApiKey "API key";
    ResendId "resend" NoSuchResend "resend";
}

/// The schemas of ids, for `#[schema(value_type = …)]`.
pub mod schema {
    use super::describe;
    use utoipa::{
        PartialSchema, ToSchema,
        openapi::{RefOr, Schema},
    };

    macro_rules! schemas {
        ($($id:ident)*) => {$(
            /// The schema of these ids.
            pub enum $id {}

            impl PartialSchema for $id {
                fn schema() -> RefOr<Schema> {
                    describe::<signet_model::$id>()
                }
            }

            impl ToSchema for $id {}
        )*};
    }

    schemas! { AccountId EndpointId EventId DeliveryId ApiKeyId ResendId }
}

fn describe<T: Noun>() -> RefOr<Schema> {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .pattern(Some(format!("^{}_[0-7][0-9a-hjkmnp-tv-z]{{25}}$", T::PREFIX)))
        .description(Some(format!("The id of a row of this noun: {}.", T::WORD)))
        .into()
}

/// The id in the path at the place of its noun. A text that is none is answered as one that
/// does not exist.
#[derive(Debug, Clone, Copy)]
pub struct InPath<T>(pub T);

impl<T: Noun> FromRequestParts<Api> for InPath<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &Api) -> Result<Self, Problem> {
        let id = path_text(parts, T::PARAM).await.and_then(|text| text.parse().ok());
        id.map(Self).ok_or_else(|| Problem::new(T::MISSING, format!("There is no such {}.", T::WORD)))
    }
}
