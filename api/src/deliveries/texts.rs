//! The schemas of texts that the engine lists, for `#[schema(value_type = …)]`.

use signet_engine::service::deliveries::ResultClass;
use signet_model::delivery::State;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{ObjectBuilder, RefOr, Schema, schema::Type},
};

/// A state of deliveries.
pub enum DeliveryState {}

impl PartialSchema for DeliveryState {
    fn schema() -> RefOr<Schema> {
        one_of(State::ALL.iter().map(|state| state.as_str()))
    }
}

impl ToSchema for DeliveryState {}

/// A class of results.
pub enum DeliveryResult {}

impl PartialSchema for DeliveryResult {
    fn schema() -> RefOr<Schema> {
        one_of(ResultClass::ALL.iter().map(|(_, text)| *text))
    }
}

impl ToSchema for DeliveryResult {}

fn one_of(texts: impl Iterator<Item = &'static str>) -> RefOr<Schema> {
    ObjectBuilder::new().schema_type(Type::String).enum_values(Some(texts)).into()
}
